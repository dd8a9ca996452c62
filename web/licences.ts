/* licences.ts - a plugin of Vite: the licences of what goes into the page, as a file beside it. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const FILE_NAME = "licences.txt";
const LICENCE = /^(licen[cs]e|copying|notice)(\.|$)/i;

/** The package's folder of a module that lies in node_modules; undefined for one of ours. */
function packageOf(module: string): string | undefined {
	return /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];
}

/** Who it is, and all that it says of its licence. Throws when it says nothing. */
function describe(folder: string): string {
	const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
	const names = readdirSync(folder)
		.filter((name) => LICENCE.test(name))
		.sort();
	if (!about["license"] && names.length === 0) throw new Error(`${folder} names no licence`);
	const texts = names.map((name) => readFileSync(join(folder, name), "utf8").trim());
	return [`${about["name"]} ${about["version"]}, ${about["license"] ?? "see below"}`, ...texts].join("\n\n");
}

/** Every package that a part of stands in a script is named, in the order of names. */
export function licences(): Plugin {
	return {
		name: "licences",
		apply: "build",
		generateBundle(_options, bundle) {
			const folders = new Set<string>();
			for (const part of Object.values(bundle)) {
				if (part.type !== "chunk") continue;
				for (const [module, { renderedLength }] of Object.entries(part.modules)) {
					const folder = packageOf(module);
					if (folder && renderedLength > 0) folders.add(folder);
				}
			}
			const source = [...folders]
				.sort()
				.map(describe)
				.join(`\n\n${"-".repeat(80)}\n\n`);
			this.emitFile({ type: "asset", fileName: FILE_NAME, source: `${source}\n` });
		},
	};
}
