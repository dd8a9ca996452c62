/** requests.test.ts - a request until it has a final answer, whatever becomes of links. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TICKET, UIN, pause, until } from "./fake_server.ts";
import { online, refusal, rig, signIn } from "./links.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("over the long link: a head, a decoded answer", async (t) => {
	const { server, session } = await online(t);
	server.on("lookup", () => ({ fields: { uin: 7, name: "ann", nickname: "Ann" } }));
	const answer = await session.request("lookup", { name: "ann" });
	assert.deepEqual([answer.uin, answer.nickname], [7, "Ann"]);
	const [call] = server.callsOf("lookup");
	assert.equal(call?.link, "long");
	assert.equal(call.question.name, "ann");
	assert.equal(call.head.ticket.length, 0); /* the link has said whose it is */
	assert.notEqual(call.head.trace, 0n);
});

test("a change has a client ID and a time; what the program brings is taken", async (t) => {
	const { server, session } = await online(t);
	const before = Date.now();
	await session.request("blockContact", { uin: 5, blocked: true });
	const clientId = session.newClientId();
	await session.request("sendText", { to: 5, text: "hi" }, { clientId, madeMs: before - 1000 });
	const [block] = server.callsOf("blockContact");
	const [text] = server.callsOf("sendText");
	assert.equal(block?.head.clientId.length, 16);
	assert.ok(Number(block.head.madeMs) >= before);
	assert.equal(hex(text?.head.clientId ?? new Uint8Array()), hex(clientId));
	assert.equal(Number(text?.head.madeMs), before - 1000);
});

test("side by side, answered as they are done", async (t) => {
	const { server, session } = await online(t);
	server.on("lookup", ({ question }) => ({
		afterMs: question.name === "slow" ? 60 : 0,
		fields: { name: question.name },
	}));
	const done: string[] = [];
	const look = async (name: string) => done.push((await session.request("lookup", { name })).name);
	await Promise.all([look("slow"), look("quick"), look("quicker")]);
	assert.deepEqual(done, ["quick", "quicker", "slow"]);
});

test("order: changes of one contact one after another, others meanwhile", async (t) => {
	const { server, session } = await online(t);
	const log: string[] = [];
	server.on("requestContact", async ({ question }) => {
		log.push(`+${question.uin}`);
		await pause(30);
		log.push(`-${question.uin}`);
		return {};
	});
	server.on("setRemark", ({ question }) => (log.push(`remark ${question.uin}`), {}));
	await Promise.all([
		session.request("requestContact", { uin: 5 }),
		session.request("setRemark", { uin: 5, remark: "five" }),
		session.request("requestContact", { uin: 6 }),
	]);
	const at = (what: string) => log.indexOf(what);
	assert.ok(at("-5") < at("remark 5") && at("+6") < at("-5"), log.join(" "));
});

test("order: one that fails lets the next one go", async (t) => {
	const { server, session } = await online(t);
	server.script("updateProfile", { code: 3, message: "no such colour" });
	const first = refusal(session.request("updateProfile", { avatarColour: 1 }));
	const second = session.request("updateProfile", { nickname: "Ann" });
	assert.equal((await first).code, "INVALID_ARGUMENT");
	assert.equal((await first).message, "no such colour");
	await second;
});

test("the link ends with a request on it: the same again over the next one", async (t) => {
	const { server, session } = await online(t);
	server.script("sendText", "drop", "drop");
	server.on("identify", () => ({}));
	const answer = await session.request("sendText", { to: 5, text: "once" });
	assert.equal(answer.head?.code, 0);
	const calls = server.callsOf("sendText");
	assert.equal(calls.length, 3);
	assert.equal(new Set(calls.map((call) => hex(call.head.clientId))).size, 1);
	assert.equal(new Set(calls.map((call) => call.head.madeMs)).size, 1);
});

test("no long link to be had: over a short one, with the ticket", async (t) => {
	const { server, session } = await rig(t);
	server.sockets = "refuse";
	signIn(session);
	await session.request("sendText", { to: 5, text: "hi" });
	const [call] = server.callsOf("sendText");
	assert.equal(call?.link, "short");
	assert.deepEqual(call.head.ticket, TICKET);
});

test("a link that is being made is waited for a moment", async (t) => {
	const { server, session } = await rig(t, { times: { headStart: 3_000, connect: 3_000 } });
	signIn(session);
	await session.request("sendText", { to: 5, text: "hi" });
	assert.equal(server.callsOf("sendText")[0]?.link, "long");
});

test("a short link ends in the middle, or answers with another status: again", async (t) => {
	const { server, session } = await rig(t, { shortLinksOnly: true });
	const troubles: string[] = [];
	session.onTrouble(({ why }) => troubles.push(why.replace(/^\S+ /, "")));
	signIn(session);
	server.script("sendText", "drop", { status: 503 }, { status: 404 }, "silence");
	await session.request("sendText", { to: 5, text: "hi" });
	assert.deepEqual(troubles, [
		"cannot be reached",
		"has too much to do (HTTP status 503)",
		"is no Hongyan server (HTTP status 404)",
		"does not answer",
	]);
	assert.equal(server.callsOf("sendText").length, 5);
});

const NONSENSE: [what: string, raw: Uint8Array][] = [
	["nothing", new Uint8Array()],
	["what is no protobuf", new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f])],
	["an answer that was cut off", new Uint8Array([0x0a, 0x04, 0x08])],
	["a field of a wrong type", new Uint8Array([0x0d, 1, 2, 3, 4])],
	["a group without end", new Uint8Array(5000).fill(0x0b)],
];

for (const only of [false, true])
	for (const [what, raw] of NONSENSE)
		test(`answered with ${what}, over a ${only ? "short" : "long"} link: again`, async (t) => {
			const { server, session } = await rig(t, { shortLinksOnly: only });
			signIn(session);
			server.script("lookup", { raw });
			await session.request("lookup", { name: "ann" });
			assert.equal(server.callsOf("lookup").length, 2);
		});

test("an answer without end over a short link", async (t) => {
	const { server, session } = await rig(t, { shortLinksOnly: true });
	signIn(session);
	server.script("lookup", { raw: new Uint8Array(5 << 20) });
	await session.request("lookup", { name: "ann" });
	assert.equal(server.callsOf("lookup").length, 2);
});

test("an answer that ends in the middle, and one that never ends, over a short link", async (t) => {
	const { server, session } = await rig(t, { shortLinksOnly: true });
	signIn(session);
	server.script("lookup", "cut", "drip");
	await session.request("lookup", { name: "ann" });
	assert.equal(server.callsOf("lookup").length, 3);
});

test("no answer on a link that lives: the same again on it", async (t) => {
	const { server, session } = await online(t, { times: { heartbeat: 100 } });
	server.script("lookup", "silence");
	await session.request("lookup", { name: "ann" });
	assert.ok(server.callsOf("lookup").length >= 2);
	assert.equal(server.dials, 1);
});

test("no answer, and nothing else came either: the link is dead", async (t) => {
	const { server, session } = await online(t);
	server.script("lookup", "silence");
	await session.request("lookup", { name: "ann" });
	assert.ok(server.callsOf("lookup").length >= 2);
	await until("another link", () => server.dials >= 2);
});

for (const code of [1, 2, 4, 10, 13, 14])
	test(`code ${code} may be tried again`, async (t) => {
		const { server, session } = await online(t);
		server.script("lookup", { code }, { code });
		await session.request("lookup", { name: "ann" });
		assert.equal(server.callsOf("lookup").length, 3);
		assert.equal(session.trouble, null);
	});

const FINAL: [code: number, status: string][] = [
	[3, "INVALID_ARGUMENT"],
	[5, "NOT_FOUND"],
	[6, "ALREADY_EXISTS"],
	[7, "PERMISSION_DENIED"],
	[9, "FAILED_PRECONDITION"],
	[11, "OUT_OF_RANGE"],
	[12, "UNIMPLEMENTED"],
	[99, "UNKNOWN"],
];

for (const [code, status] of FINAL)
	test(`code ${code} is final`, async (t) => {
		const { server, session } = await online(t);
		server.script("lookup", { code });
		assert.equal((await refusal(session.request("lookup", { name: "ann" }))).code, status);
		assert.equal(server.callsOf("lookup").length, 1);
		assert.equal(session.state, "online");
	});

test("a limit for a moment: not before the server's time, over either link", async (t) => {
	const { server, session } = await online(t);
	server.script("sendText", { code: 8, retryAfterMs: 120 }, { code: 14, retryAfterMs: 90 });
	const sending = session.request("sendText", { to: 5, text: "hi" });
	await until("refused", () => server.callsOf("sendText").length === 1);
	server.dropLinks(); /* that a new link is there is no reason to be early */
	await sending;
	const at = server.callsOf("sendText").map((call) => call.atMs);
	assert.ok((at[1] ?? 0) - (at[0] ?? 0) >= 119, `${at}`);
	assert.ok((at[2] ?? 0) - (at[1] ?? 0) >= 89, `${at}`);
});

test("a limit for longer than there is time is an answer", async (t) => {
	const { server, session } = await online(t);
	server.script("lookup", { code: 8, message: "too many", retryAfterMs: 3_600_000 }, { code: 8, message: "full" });
	const busy = await refusal(session.request("lookup", { name: "ann" }));
	assert.deepEqual([busy.code, busy.message, busy.retryAfterMs], ["RESOURCE_EXHAUSTED", "too many", 3_600_000]);
	assert.equal((await refusal(session.request("lookup", { name: "ann" }))).message, "full");
});

test("who has no end waits for a limit of any length", async (t) => {
	const { server, session } = await online(t);
	server.script("sendText", { code: 8 }, { code: 8, retryAfterMs: 20 });
	await session.request("sendText", { to: 5, text: "hi" }, { timeoutMs: Infinity });
	assert.equal(server.callsOf("sendText").length, 3);
});

test("out of time: DEADLINE_EXCEEDED says why", async (t) => {
	const { server, session } = await rig(t);
	await server.stop();
	signIn(session);
	const error = await refusal(session.request("lookup", { name: "ann" }, { timeoutMs: 100 }));
	assert.equal(error.code, "DEADLINE_EXCEEDED");
	assert.equal(error.message, "no answer in time: the server cannot be reached");
});

test("out of time while another of its line is under way", async (t) => {
	const { server, session } = await online(t);
	server.script("setRemark", { afterMs: 120 });
	const first = session.request("setRemark", { uin: 5, remark: "a" });
	const second = refusal(session.request("setRemark", { uin: 5, remark: "b" }, { timeoutMs: 30 }));
	assert.equal((await second).code, "DEADLINE_EXCEEDED");
	await first;
	assert.equal(server.callsOf("setRemark").length, 1);
});

test("the ticket ends: said once, whatever was under way", async (t) => {
	const made = await online(t);
	const { server, session } = made;
	server.on("lookup", () => ({ code: 16, message: "signed out elsewhere", afterMs: 20 }));
	server.on("sendText", () => "silence");
	const errors = await Promise.all([
		refusal(session.request("lookup", { name: "ann" })),
		refusal(session.request("lookup", { name: "bob" })),
		refusal(session.request("sendText", { to: 5, text: "hi" }, { timeoutMs: Infinity })),
	]);
	assert.deepEqual(
		errors.map((error) => error.code),
		Array(3).fill("UNAUTHENTICATED"),
	);
	await pause(50);
	assert.deepEqual(made.signedOut, ["signed out elsewhere"]);
	assert.equal(session.state, "signed-out");
	assert.equal((await refusal(session.request("lookup", { name: "ann" }))).code, "UNAUTHENTICATED");
});

test("signed in anew: what the old ticket gets to hear is not meant", async (t) => {
	const made = await rig(t, { shortLinksOnly: true });
	made.server.on("lookup", ({ head }) => (head.ticket[0] === 1 ? { code: 16, afterMs: 30 } : {}));
	signIn(made.session);
	const old = refusal(made.session.request("lookup", { name: "ann" }));
	await until("asked", () => made.server.calls.length === 1);
	made.session.setTicket({ uin: UIN, ticket: new Uint8Array([2]) }, "js-0123456789abcdef");
	assert.equal((await old).code, "CANCELLED");
	await made.session.request("lookup", { name: "ann" });
	assert.deepEqual(made.signedOut, []);
});

test("a wrong password is no end of a ticket", async (t) => {
	const made = await online(t);
	const before = made.hints;
	made.server.on("changePassword", () => ({ code: 16, message: "the old password is wrong" }));
	made.server.on("signIn", () => ({ code: 16 }));
	const change = await refusal(made.session.request("changePassword", { oldPassword: "a", newPassword: "b" }));
	assert.deepEqual([change.code, change.message], ["UNAUTHENTICATED", "the old password is wrong"]);
	assert.equal((await refusal(made.session.request("signIn", { name: "ann" }))).code, "UNAUTHENTICATED");
	assert.deepEqual(made.signedOut, []);
	assert.equal(made.session.state, "online");
	assert.equal(made.hints, before + 1); /* the next sync finds out whether the ticket was meant */
});

test("signing in goes over a short link; a lost answer is asked for under the same client ID", async (t) => {
	const { server, session } = await rig(t);
	session.setTicket(null, "js-0123456789abcdef");
	session.open();
	server.script("signIn", "drop", { fields: { uin: UIN, ticket: TICKET } });
	const answer = await session.request("signIn", { name: "ann", password: "secret12" });
	assert.deepEqual(answer.ticket, TICKET);
	const calls = server.callsOf("signIn");
	assert.deepEqual(
		calls.map((call) => call.link),
		["short", "short"],
	);
	assert.equal(hex(calls[0]?.head.clientId ?? new Uint8Array()), hex(calls[1]?.head.clientId ?? new Uint8Array()));
	assert.equal(calls[0]?.head.device, "js-0123456789abcdef");
});

test("a wrong clock: the time is drawn anew, once, and right from then on", async (t) => {
	const { server, session } = await online(t);
	const serverMs = Date.now() + 86_400_000;
	server.script("setRemark", { code: 11, message: "made too long ago", serverMs });
	await session.request("setRemark", { uin: 5, remark: "a" });
	const [first, second] = server.callsOf("setRemark");
	assert.equal(hex(first?.head.clientId ?? new Uint8Array()), hex(second?.head.clientId ?? new Uint8Array()));
	assert.ok(Math.abs(Number(second?.head.madeMs) - serverMs) < 2000);
	assert.ok(Math.abs(session.nowMs() - serverMs) < 2000);
	server.on("setRemark", () => ({ code: 11, serverMs: session.nowMs() }));
	assert.equal((await refusal(session.request("setRemark", { uin: 5, remark: "b" }))).code, "OUT_OF_RANGE");
});

test("a clock that is set right: what was known of the wrong one is forgotten", async (t) => {
	const { server, session } = await online(t);
	const DAY = 86_400_000;
	const right = Date.now;
	t.after(() => (Date.now = right));
	Date.now = () => right() + 9 * DAY;
	server.script("setRemark", { code: 11, serverMs: right() });
	await session.request("setRemark", { uin: 5, remark: "a" });
	assert.ok(Math.abs(session.nowMs() - right()) < 2000);
	Date.now = right;
	assert.ok(Math.abs(session.nowMs() - right()) < 2000);
});

test("a time that the program brought is not changed, but the clock is", async (t) => {
	const { server, session } = await online(t);
	const serverMs = Date.now() - 86_400_000;
	server.script("sendText", { code: 11, serverMs });
	const question = { to: 5, text: "hi" };
	const options = { clientId: session.newClientId(), madeMs: Date.now() };
	assert.equal((await refusal(session.request("sendText", question, options))).code, "OUT_OF_RANGE");
	assert.ok(Math.abs(session.nowMs() - serverMs) < 2000);
});

test("what cannot be asked at all", async (t) => {
	const { server, session } = await online(t);
	assert.equal((await refusal(session.request("sendText", { to: -1, text: "hi" }))).code, "INVALID_ARGUMENT");
	assert.equal((await refusal(session.request("sendText", { to: 2 ** 40, text: "hi" }))).code, "INVALID_ARGUMENT");
	assert.equal(server.callsOf("sendText").length, 0);
	await session.request("sendText", { to: -1 + 2, text: "hi" });
});

test("closed: what was under way, and what comes later, is cancelled", async (t) => {
	const { server, session } = await online(t);
	server.on("lookup", () => "silence");
	const one = refusal(session.request("lookup", { name: "ann" }));
	await until("asked", () => server.callsOf("lookup").length === 1);
	session.close();
	assert.equal((await one).code, "CANCELLED");
	assert.equal((await refusal(session.request("lookup", { name: "ann" }))).code, "CANCELLED");
	assert.equal(session.state, "closed");
});

test("many requests at once, links ending under them: each is answered once", async (t) => {
	const { server, session } = await online(t, { times: { request: 3_000, patience: 20_000 } });
	let count = 0;
	server.on("sendText", () => ([150, 400, 600].includes(++count) ? "drop" : {}));
	const all = Array.from({ length: 500 }, (_, i) => session.request("sendText", { to: 100 + i, text: "hi" }));
	await Promise.all(all);
	assert.equal(new Set(server.callsOf("sendText").map((call) => hex(call.head.clientId))).size, 500);
});
