/**
 * run.mjs - bundles every test/NAME.test.ts for Node.js and runs them all; arguments NAME: only those. Options go to
 * `node --test`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const options = process.argv.slice(2).filter((argument) => argument.startsWith("-"));
const names = readdirSync(here)
	.filter((name) => name.endsWith(".test.ts"))
	.filter((name) => wanted.length === 0 || wanted.includes(name.replace(".test.ts", "")));
/* Inside of node_modules: what is bundled finds its packages from there. */
const modules = dirname(dirname(createRequire(import.meta.url).resolve("ws/package.json")));
mkdirSync(join(modules, ".cache"), { recursive: true });
const out = mkdtempSync(join(modules, ".cache", "hongyan-test-"));
try {
	await build({
		entryPoints: names.map((name) => join(here, name)),
		bundle: true,
		packages: "external",
		platform: "node",
		format: "esm",
		target: "node18",
		outdir: out,
		outExtension: { ".js": ".mjs" },
		sourcemap: "inline",
		logLevel: "warning",
	});
	const tests = names.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
	const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...options, ...tests], {
		stdio: "inherit",
		cwd: dirname(here),
	});
	process.exitCode = run.status ?? 1;
} finally {
	rmSync(out, { recursive: true, force: true });
}
