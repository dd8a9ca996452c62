/** connection.test.ts - long links: how they begin, are kept, end, and come back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFrame } from "../src/frame.ts";
import { UIN, TICKET, pause, until } from "./fake_server.ts";
import { online, rig, signIn } from "./links.ts";

test("identifies itself, then asks for what is new", async (t) => {
	const { server, states, hints } = await online(t);
	assert.deepEqual(states, ["connecting", "online"]);
	assert.ok(hints >= 1);
	const [identify] = server.calls;
	assert.equal(identify?.method, "identify");
	assert.deepEqual(identify.head.ticket, TICKET);
	assert.equal(identify.head.device, "js-0123456789abcdef");
	assert.equal(identify.head.protocolLevel, 1);
});

test("without a ticket there is no link", async (t) => {
	const { server, session } = await rig(t);
	session.open();
	assert.equal(session.state, "signed-out");
	await pause(60);
	assert.equal(server.dials, 0);
});

test("a hint is handed on", async (t) => {
	const made = await online(t);
	const before = made.hints;
	made.server.hint();
	await until("hint", () => made.hints === before + 1);
});

test("heartbeats: by the server's wish, each asks for what is new", async (t) => {
	const made = await rig(t, { times: { heartbeat: 30 } });
	made.server.heartbeatS = 3600; /* more than what the client wants anyway */
	signIn(made.session);
	await until("beats", () => made.server.beats >= 3 && made.hints >= 4);
	assert.equal(made.server.dials, 1);
	assert.equal(made.session.state, "online");
});

test("the server wants more heartbeats than the client", async (t) => {
	const made = await rig(t);
	made.server.heartbeatS = 1;
	signIn(made.session);
	await until("a beat", () => made.server.beats >= 1, 1500);
});

test("a heartbeat without an answer ends the link", async (t) => {
	const made = await online(t, { times: { heartbeat: 30 } });
	made.server.echo = false;
	await until("another link", () => made.server.dials >= 2);
	made.server.echo = true;
	await until("online", () => made.session.state === "online");
	assert.ok(made.states.includes("connecting"));
	assert.equal(made.states.includes("offline"), false);
});

test("hurry: a dead link is found at once, a living one is kept", async (t) => {
	const { server, session } = await online(t);
	session.hurry();
	await until("a beat", () => server.beats === 1);
	await pause(150);
	assert.equal(server.dials, 1);
	server.echo = false;
	session.hurry();
	await until("another link", () => server.dials === 2);
});

test("hurry: where there is no link, it is tried now", async (t) => {
	const made = await online(t, { times: { backoffBase: 60_000, backoffMax: 60_000, backoffLeast: 60_000 } });
	made.server.dropLinks();
	await until("down", () => made.session.state === "connecting");
	made.session.hurry();
	await until("online", () => made.session.state === "online");
});

test("the server goes away and comes back", async (t) => {
	const made = await online(t);
	made.session.onHint(() => void made.session.request("sync", {}, { timeoutMs: 200 }).catch(() => undefined));
	await made.server.stop();
	await until("offline", () => made.session.state === "offline");
	assert.match(made.session.trouble?.why ?? "", /^127\.0\.0\.1:\d+ cannot be reached$/);
	await made.server.start();
	await until("online", () => made.session.state === "online");
	assert.equal(made.session.trouble, null);
});

test("no WebSocket, but HTTP: polling, until there is one", async (t) => {
	const made = await rig(t);
	made.server.sockets = "refuse";
	made.session.onHint(() => void made.session.request("sync", {}).catch(() => undefined));
	signIn(made.session);
	await until("polling", () => made.session.state === "polling");
	assert.equal(made.session.trouble, null);
	const before = made.hints;
	await until("polls", () => made.hints >= before + 3);
	assert.ok(made.server.callsOf("sync").every((call) => call.link === "short" && call.head.ticket.length === 4));
	assert.ok(made.server.dials >= 2);
	made.server.sockets = "accept";
	await until("online", () => made.session.state === "online");
});

test("a handshake that is never answered", async (t) => {
	const made = await rig(t);
	made.server.sockets = "hang";
	made.session.onHint(() => void made.session.request("sync", {}).catch(() => undefined));
	signIn(made.session);
	await until("polling", () => made.session.state === "polling");
	made.server.sockets = "accept";
	await until("online", () => made.session.state === "online");
});

test("an Identify that is never answered", async (t) => {
	const made = await rig(t);
	made.server.script("identify", "silence", "drop");
	signIn(made.session);
	await until("online", () => made.session.state === "online");
	assert.equal(made.server.dials, 3);
});

test("Identify is refused for now", async (t) => {
	const made = await rig(t);
	const troubles: string[] = [];
	made.session.onTrouble(({ why }) => troubles.push(why));
	made.server.script("identify", { code: 14, message: "too much to do" });
	signIn(made.session);
	await until("online", () => made.session.state === "online");
	assert.match(troubles[0] ?? "", / answers: too much to do$/);
});

test("short links only: polls, and makes no long link", async (t) => {
	const made = await rig(t, { shortLinksOnly: true });
	made.session.onHint(() => void made.session.request("sync", {}).catch(() => undefined));
	signIn(made.session);
	await until("polls", () => made.hints >= 3);
	assert.equal(made.session.state, "polling");
	assert.equal(made.server.dials, 0);
	await made.server.stop();
	await until("offline", () => made.session.state === "offline");
	await made.server.start();
	await until("polling", () => made.session.state === "polling");
});

test("the ticket is no good: said once, no more links", async (t) => {
	const made = await rig(t);
	made.server.on("identify", () => ({ code: 16, message: "signed out elsewhere" }));
	signIn(made.session);
	await until("signed out", () => made.signedOut.length > 0);
	assert.equal(made.session.state, "signed-out");
	assert.equal(made.session.identity, null);
	await pause(100);
	assert.deepEqual(made.signedOut, ["signed out elsewhere"]);
	assert.equal(made.server.dials, 1);
});

test("another user's ticket: another link", async (t) => {
	const { server, session } = await online(t);
	session.setTicket({ uin: UIN + 1, ticket: new Uint8Array([9]) }, "js-0123456789abcdef");
	await until("identified anew", () => server.callsOf("identify").length === 2);
	assert.deepEqual(server.callsOf("identify")[1]?.head.ticket, new Uint8Array([9]));
	await until("online", () => session.state === "online" && server.linkCount === 1);
	session.setTicket({ uin: UIN + 1, ticket: new Uint8Array([9]) }, "js-0123456789abcdef"); /* the same: nothing */
	await pause(30);
	assert.equal(server.dials, 2);
});

const NONSENSE: [what: string, data: Uint8Array | string][] = [
	["text", "hello"],
	["an empty message", new Uint8Array()],
	["no frame", new Uint8Array(50).fill(0xff)],
	["two frames", new Uint8Array([...encodeFrame({ cmd: 6, seq: 1, body: new Uint8Array() }), 0])],
	["a message that is too long", new Uint8Array(3 << 20)],
];

for (const [what, data] of NONSENSE)
	test(`the server sends ${what}: that link is over, the next one is good`, async (t) => {
		const { server, session } = await online(t);
		server.sendRaw(data);
		await until("another link", () => server.dials === 2);
		await until("online", () => session.state === "online");
	});

const STRAY: [what: string, frame: Uint8Array][] = [
	["an answer to nothing", encodeFrame({ cmd: 121, seq: 77, body: new Uint8Array([1]) })],
	["a push of a kind that is not known", encodeFrame({ cmd: 299, seq: 0, body: new Uint8Array(9) })],
	["a heartbeat's answer that nobody waits for", encodeFrame({ cmd: 6, seq: 0xffffffff, body: new Uint8Array() })],
	["a second answer to Identify", encodeFrame({ cmd: 104, seq: 0xfffffffe, body: new Uint8Array([1]) })],
	["a hint that cannot be read", encodeFrame({ cmd: 201, seq: 0, body: new Uint8Array([0xff, 0xff]) })],
];

for (const [what, frame] of STRAY)
	test(`${what} does no harm`, async (t) => {
		const { server, session } = await online(t);
		server.sendRaw(frame);
		await session.request("lookup", { name: "ann" });
		assert.equal(server.dials, 1);
	});

test("an answer to Identify that cannot be read", async (t) => {
	const made = await rig(t);
	made.server.script("identify", { raw: new Uint8Array([0x0a, 0xff]) }, { raw: new Uint8Array() });
	signIn(made.session);
	await until("online", () => made.session.state === "online");
	assert.equal(made.server.dials, 3);
});

test("closed: no link, no timer is left; opened again it goes on", async (t) => {
	const made = await online(t);
	const { getActiveResourcesInfo } = process as unknown as { getActiveResourcesInfo: () => string[] };
	const timers = () => getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
	made.session.close();
	assert.equal(made.session.state, "closed");
	await until("the link is gone", () => made.server.linkCount === 0);
	await until("no timers", () => timers() <= 1); /* until()'s own */
	made.session.open();
	await until("online", () => made.session.state === "online");
});
