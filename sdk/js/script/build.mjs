/*
 * build.mjs - dist/, what the package consists of: each source as a module of its own, with its types. A bundler of a page can leave out
 * what it does not use, and takes web_socket_browser.js where the package says so.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import "./gen.mjs";

const folder = fileURLToPath(new URL("..", import.meta.url));
const dist = join(folder, "dist");

/** The compiler rewrites the names of imported files in code alone, not in types. */
function finishTypes(path) {
	const text = readFileSync(path, "utf8");
	writeFileSync(path, text.replace(/((?:from|import) ?\(?")(\.[^"]*)\.ts"/g, '$1$2.js"'));
}

rmSync(dist, { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const done = spawnSync(process.execPath, [tsc, "-p", join(folder, "tsconfig.build.json")], { stdio: "inherit" });
if (done.status !== 0) process.exit(1);
for (const name of readdirSync(dist, { recursive: true })) if (name.endsWith(".d.ts")) finishTypes(join(dist, name));
