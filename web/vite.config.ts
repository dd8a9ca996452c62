/* vite.config.ts - how the page is built, and the server for those who work on it. */
import { defineConfig } from "vite";
import { fileURLToPath } from "node:url";
import { licences } from "./licences.ts";
import { noFlash } from "./no_flash.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const server = process.env["HONGYAN_SERVER"] ?? "http://127.0.0.1:7600";

export default defineConfig({
	root: here("."),
	resolve: {
		alias: { hongyan: here("../sdk/js/src/index.ts") },
		dedupe: ["preact", "@preact/signals"],
	},
	/* What the comments of libraries say stands in the file of licences. */
	esbuild: { legalComments: "none" },
	plugins: [licences(), noFlash()],
	build: {
		target: "es2021",
		cssTarget: ["chrome100", "firefox100", "safari15.4"],
		assetsInlineLimit: 0,
		/* The server's Content-Security-Policy forbids scripts inside the page, and every browser meant has modules. */
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
		emptyOutDir: true,
	},
	server: {
		host: "127.0.0.1",
		proxy: {
			"/cgi-bin": server,
			"/server.json": server,
			"/link": { target: server, ws: true },
		},
	},
});
