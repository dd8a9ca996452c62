/** environment.test.ts - what a browser tells of its network and page, as far as it has such things. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { watchEnvironment } from "../src/environment.ts";
import { until } from "./fake_server.ts";
import { online } from "./links.ts";

/** For as long as the test. */
function define(t: TestContext, name: string, value: unknown): void {
	const before = Object.getOwnPropertyDescriptor(globalThis, name);
	Object.defineProperty(globalThis, name, { value, configurable: true });
	t.after(() => {
		if (before) Object.defineProperty(globalThis, name, before);
		else delete (globalThis as Record<string, unknown>)[name];
	});
}

test("nothing there: nothing heard", () => watchEnvironment(() => assert.fail())());

test("each event is a reason to look, until the end", (t) => {
	const window = new EventTarget();
	const document = Object.assign(new EventTarget(), { visibilityState: "hidden" });
	const connection = new EventTarget();
	define(t, "window", window);
	define(t, "document", document);
	define(t, "navigator", { connection });
	let looks = 0;
	const end = watchEnvironment(() => looks++);
	for (const event of ["online", "offline", "pageshow"]) window.dispatchEvent(new Event(event));
	assert.equal(looks, 3);
	connection.dispatchEvent(new Event("change"));
	assert.equal(looks, 4);
	document.dispatchEvent(new Event("visibilitychange"));
	assert.equal(looks, 4);
	document.visibilityState = "visible";
	document.dispatchEvent(new Event("visibilitychange"));
	assert.equal(looks, 5);
	end();
	for (const event of ["online", "offline"]) window.dispatchEvent(new Event(event));
	connection.dispatchEvent(new Event("change"));
	document.dispatchEvent(new Event("visibilitychange"));
	assert.equal(looks, 5);
});

test("the network comes back: no pause is waited for", async (t) => {
	const window = new EventTarget();
	define(t, "window", window);
	const made = await online(t, { times: { backoffBase: 60_000, backoffMax: 60_000, backoffLeast: 60_000 } });
	made.server.dropLinks();
	await until("down", () => made.session.state === "connecting");
	window.dispatchEvent(new Event("online"));
	await until("online", () => made.session.state === "online");
});
