/*
 * driver_page.mjs - the JavaScript library in Chromium, driven by lines; beside it lies page.js, made of page.ts.
 *
 *	node driver_page.mjs SERVER FOLDER DEVICE
 *
 * The browser is told here what the page is, so that it can be opened without the server. FOLDER/pid is the browser's: whoever kills
 * this program kills it, too.
 */
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [server, folder, deviceName] = process.argv.slice(2);
const profile = join(folder, "profile");
const script = readFileSync(new URL("page.js", import.meta.url), "utf8");
const html = `<!doctype html><title>${deviceName}</title><script type="module" src="/driver.js"></script>`;

const context = await chromium.launchPersistentContext(profile, {
	executablePath: process.env.HONGYAN_CHROMIUM ?? "/usr/bin/chromium",
	args: [
		"--no-sandbox",
		"--disable-gpu",
		"--disable-quic",
		"--no-first-run",
		"--disable-background-networking",
		"--disable-component-update",
		"--disable-sync",
		/* The page comes from nowhere: for Chromium that is the internet, which may not reach this machine. */
		"--disable-features=LocalNetworkAccessChecks",
	],
});
writeFileSync(join(folder, "pid"), readlinkSync(join(profile, "SingletonLock")).split("-").at(-1));
await context.route("**/driver", (route) => route.fulfill({ contentType: "text/html", body: html }));
await context.route("**/driver.js", (route) => route.fulfill({ contentType: "text/javascript", body: script }));
const page = context.pages()[0] ?? (await context.newPage());
await page.exposeFunction("say", (line) => process.stdout.write(`${line}\n`));
await page.goto(`http://${server}/driver`);

const lines = createInterface({ input: process.stdin });
lines.on("line", async (text) => {
	const last = await page.evaluate((line) => window.take(line), text).catch(() => true);
	if (last) lines.close();
});
lines.on("close", () => void context.close());
