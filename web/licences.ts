/* licences.ts - a plugin of Vite: the licences of what goes into the page, as a file beside it. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const FILE_NAME = "licences.txt";
const LICENCE = /^(licen[cs]e|copying|notice)(\.|$)/i;
const COMMENT = /(?:^[ \t]*\/\/.*\n)+|\/\*[^]*?\*\//gm;
const RULE = `\n\n${"-".repeat(80)}\n\n`;

/** The package's folder of a module that lies in node_modules; undefined for one of ours. */
function packageOf(module: string): string | undefined {
	return /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];
}

/** What the comments of these files say of rights, each once. */
function notices(files: string[]): string[] {
	const found = new Set<string>();
	for (const file of files) {
		for (const [comment] of readFileSync(file, "utf8").matchAll(COMMENT)) {
			if (/copyright/i.test(comment)) found.add(comment.replace(/^[ \t]*(\/\/|\/\*+|\*\/?) ?/gm, "").trim());
		}
	}
	return [...found];
}

/** Who it is, and all that it says of its licence: in files of its own, else in its modules. Throws when it says nothing. */
function describe(folder: string, modules: string[]): string {
	const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
	const names = readdirSync(folder)
		.filter((name) => LICENCE.test(name))
		.sort();
	const texts = names.length
		? names.map((name) => readFileSync(join(folder, name), "utf8").trim())
		: notices(modules);
	if (!about["license"] || texts.length === 0) throw new Error(`${folder} does not say what its licence is`);
	return [`${about["name"]} ${about["version"]}, ${about["license"]}`, ...texts].join("\n\n");
}

/** Names every package of which a part stands in a script, in the order of names; first of all our own licence. */
export function licences(): Plugin {
	return {
		name: "licences",
		apply: "build",
		generateBundle(_options, bundle) {
			const used = new Map<string, string[]>();
			for (const part of Object.values(bundle)) {
				if (part.type !== "chunk") continue;
				for (const [module, { renderedLength }] of Object.entries(part.modules)) {
					const folder = packageOf(module);
					if (folder && renderedLength > 0) used.set(folder, [...(used.get(folder) ?? []), module]);
				}
			}
			const own = readFileSync(fileURLToPath(new URL("../LICENSE", import.meta.url)), "utf8").trim();
			const others = [...used]
				.sort(([a], [b]) => (a < b ? -1 : 1))
				.map(([folder, modules]) => describe(folder, modules));
			this.emitFile({
				type: "asset",
				fileName: FILE_NAME,
				source: `${[`Hongyan, Apache-2.0\n\n${own}`, ...others].join(RULE)}\n`,
			});
		},
	};
}
