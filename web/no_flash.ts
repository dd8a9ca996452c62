/* no_flash.ts - a plugin of Vite: the page is first painted when its script has run, so in the theme that was chosen. */
import type { Plugin } from "vite";

const PLAIN = '<script type="module" ';

/** Vite writes the tag of the script itself, and takes no attribute over. */
export function noFlash(): Plugin {
	return {
		name: "no-flash",
		apply: "build",
		transformIndexHtml: {
			order: "post",
			handler(html) {
				if (!html.includes(PLAIN)) throw new Error("the page has no script of its own");
				return html.replace(PLAIN, `${PLAIN}blocking="render" `);
			},
		},
	};
}
