/**
 * harness.mjs - what the tests of the page stand on: a real server, Debian's Chromium, people with a browser each.
 *
 * Any line that a page writes to the console as an error fails the test it belongs to, and so does a violation of the
 * page's Content-Security-Policy; while a test itself takes the network away, failed requests are expected.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const build = process.env.HONGYAN_BUILD ?? path.join(root, "build/release");
/** Pictures for whoever looks at the page: not compared, kept beside the build. */
export const shots = process.env.HONGYAN_SHOTS ?? path.join(root, "build/screenshots");
/** A name that is nobody's machine: pages from it are no secure context, as in a home network. */
const HOST = "goose.test";
export const PASSWORD = "a letter on its leg";

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** For whatever must happen: a slow machine is no fault of the page. */
export const PATIENCE_MS = 40000;

/** Waits until `probe` gives something true, and gives it back. */
export async function until(what, probe, ms = PATIENCE_MS) {
	const end = Date.now() + ms;
	for (;;) {
		const found = await probe();
		if (found) return found;
		if (Date.now() > end) throw new Error(`in vain, for ${ms} ms: ${what}`);
		await sleep(20);
	}
}

/** `hongyan serve` on a folder of its own. It keeps its address when it is started again. */
export class Server {
	static async start(...options) {
		const server = new Server();
		server.data = fs.mkdtempSync(path.join(os.tmpdir(), "hongyan-web-"));
		server.options = ["--password-memory", "8K", "--password-passes", "1", ...options];
		server.address = "127.0.0.1:0";
		await server.start();
		return server;
	}

	async start() {
		const from = ["serve", "--data", path.join(this.data, "data"), "--listen", this.address, "--metrics", "off"];
		this.process = spawn(path.join(build, "src/main/hongyan"), [...from, ...this.options]);
		this.ended = new Promise((resolve) => this.process.once("exit", resolve));
		let said = "";
		for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (bytes) => (said += bytes));
		this.said = () => said;
		await until("the server is ready", () => {
			if (this.process.exitCode !== null) throw new Error(`the server did not start: ${said}`);
			return said.includes("\ndata in ");
		});
		this.address = /ready at http:\/\/(\S+)/.exec(said)[1];
		this.port = Number(this.address.split(":")[1]);
		/** From another machine, as browsers see it: no secure context. */
		this.url = `http://${HOST}:${this.port}/`;
		this.localUrl = `http://127.0.0.1:${this.port}/`;
	}

	async kill() {
		this.process.kill("SIGKILL");
		await this.ended;
	}

	/** Ends it well, and its folder with it. */
	async end() {
		this.process.kill("SIGTERM");
		const status = await this.ended;
		fs.rmSync(this.data, { recursive: true, force: true });
		if (status !== 0) throw new Error(`the server did not end well: status ${status}\n${this.said().slice(-4000)}`);
	}

	/** A request of the short link, in JSON: for what a test needs beside the page. */
	async ask(method, request, ticket) {
		const bytes = Buffer.from(
			globalThis.crypto?.getRandomValues(new Uint8Array(16)) ?? (await import("node:crypto")).randomBytes(16),
		);
		const head = {
			device: "test",
			clientId: bytes.toString("base64"),
			madeMs: String(Date.now()),
			...(ticket && { ticket }),
		};
		const answer = await fetch(`${this.localUrl}cgi-bin/${method}`, {
			method: "POST",
			headers: { "Content-Type": "application/json" },
			body: JSON.stringify({ head, ...request }),
		});
		const said = await answer.json();
		if (said.head?.code) throw new Error(`${method}: ${JSON.stringify(said.head)}`);
		return said;
	}
}

/** Chromium, with none of its services that would look for the world outside. */
export async function openBrowser() {
	return chromium.launch({
		executablePath: process.env.HONGYAN_CHROMIUM ?? "/usr/bin/chromium",
		args: [
			"--no-sandbox",
			"--disable-gpu",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
			"--disable-component-update",
			"--disable-sync",
			`--host-resolver-rules=MAP ${HOST} 127.0.0.1`,
		],
	});
}

/** Who has a browser open now: a test that fails leaves a picture of what each of them saw. */
const everybody = new Set();

/** Somebody with a browser of their own: a context, so that nothing is shared with others. */
export class Person {
	static async open(
		browser,
		server,
		{ size = { width: 1280, height: 800 }, dark = false, language = "en", url } = {},
	) {
		const person = new Person();
		person.server = server;
		person.url = url ?? server.url;
		person.faults = [];
		person.mayFail = false;
		person.context = await browser.newContext({
			viewport: size,
			colorScheme: dark ? "dark" : "light",
			locale: language === "zh" ? "zh-CN" : "en-GB",
			reducedMotion: "reduce",
			hasTouch: size.width < 600,
			isMobile: size.width < 600,
		});
		person.context.setDefaultTimeout(PATIENCE_MS);
		everybody.add(person);
		person.page = await person.tab();
		return person;
	}

	/** One more tab, at the page's address. */
	async tab(where = "") {
		const page = await this.context.newPage();
		page.on("console", (line) => {
			if (line.type() !== "error") return;
			const network = /Failed to load resource|WebSocket connection to/.test(line.text());
			if (!(this.mayFail && network)) this.faults.push(`console: ${line.text()}`);
		});
		page.on("pageerror", (error) => this.faults.push(`thrown: ${error.stack ?? error.message}`));
		await page.goto(this.url + where);
		return page;
	}

	/** Runs `work`, then closes; what each saw is kept if it throws. */
	static async witness(work, ...people) {
		try {
			await work();
			for (const person of people) person.assertNoFaults();
		} catch (error) {
			await shootAll();
			throw error;
		} finally {
			for (const person of people) await person.close();
		}
	}

	/** What must be empty at the end of a test. */
	assertNoFaults() {
		if (this.faults.length > 0) throw new Error(`the page complained:\n  ${this.faults.join("\n  ")}`);
	}

	async close() {
		everybody.delete(this);
		await this.context.close();
	}
}

/** A picture of what the page shows. */
export async function shoot(page, name) {
	fs.mkdirSync(shots, { recursive: true });
	await page.screenshot({ path: path.join(shots, `${name}.png`) });
}

async function shootAll() {
	const words = current.replace(/\W+/g, "-").slice(0, 40);
	let number = 0;
	for (const { context, name } of everybody)
		for (const page of context.pages())
			await shoot(page, `failed-${words}-${++number}-${name ?? "nobody"}`).catch(() => undefined);
}

const axeSource = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** axe-core's findings that are serious or critical, a line each. */
export async function accessibility(page) {
	await page.evaluate(axeSource);
	const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
	return violations
		.filter(({ impact }) => impact === "serious" || impact === "critical")
		.map(
			({ id, help, nodes }) =>
				`${id}: ${help}: ${nodes
					.map((node) => node.target.join(" "))
					.slice(0, 5)
					.join(", ")}`,
		);
}

let passed = 0;
let failed = 0;
/** The sentence of the test that runs. */
let current = "";

/** Runs a test and says how it went. */
export async function test(sentence, work) {
	if (process.env.HONGYAN_ONLY && !sentence.includes(process.env.HONGYAN_ONLY)) return;
	const began = Date.now();
	current = sentence;
	try {
		await work();
		passed++;
		console.log(`ok ${sentence} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
	} catch (error) {
		failed++;
		console.log(`failed: ${sentence}\n${error.stack ?? error}`);
	}
}

/** The last line; ends the process. */
export function finish() {
	console.log(`${passed} passed, ${failed} failed`);
	process.exit(failed > 0 ? 1 : 0);
}
