/**
 * run.mjs - bundles every test/NAME.test.ts for Node.js and runs them all; further arguments go to `node --test`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const names = readdirSync(here).filter((name) => name.endsWith(".test.ts"));
const out = mkdtempSync(join(tmpdir(), "hongyan-web-test-"));
try {
	await build({
		entryPoints: names.map((name) => join(here, name)),
		bundle: true,
		platform: "node",
		format: "esm",
		target: "node18",
		outdir: out,
		outExtension: { ".js": ".mjs" },
		loader: { ".css": "empty" },
		sourcemap: "inline",
		logLevel: "warning",
	});
	const tests = names.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
	const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...process.argv.slice(2), ...tests], {
		stdio: "inherit",
	});
	process.exitCode = run.status ?? 1;
} finally {
	rmSync(out, { recursive: true, force: true });
}
