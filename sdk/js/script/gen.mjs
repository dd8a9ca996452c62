/*
 * gen.mjs - messages and the table of methods, from proto/ into src/gen/. It needs protoc (Debian: protobuf-compiler).
 * What is there already is written anew only if it differs, so that nothing is built again for nothing.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Those with client-facing methods, and what they import; link.proto for the push. */
const FILES = ["head", "auth", "contacts", "profile", "send", "sync", "link"].map((name) => `${name}.proto`);

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const proto = here("../../../proto");
const gen = here("../src/gen");
const fresh = mkdtempSync(join(tmpdir(), "hongyan-gen-"));

function read(path) {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return undefined;
	}
}

try {
	const done = spawnSync(
		"protoc",
		[
			`--plugin=protoc-gen-hyes=${here("protoc-gen-hyes")}`,
			`--hyes_out=${fresh}`,
			"--hyes_opt=target=ts,import_extension=ts",
			`-I${proto}`,
			...FILES,
		],
		{ stdio: "inherit" },
	);
	if (done.error) throw done.error;
	if (done.status !== 0) process.exit(1);
	mkdirSync(gen, { recursive: true });
	const made = readdirSync(fresh);
	for (const name of readdirSync(gen)) if (!made.includes(name)) rmSync(join(gen, name));
	for (const name of made) {
		const text = readFileSync(join(fresh, name), "utf8");
		if (text !== read(join(gen, name))) writeFileSync(join(gen, name), text);
	}
} finally {
	rmSync(fresh, { recursive: true });
}
