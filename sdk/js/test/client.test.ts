/** client.test.ts - the client as a whole against a fake server: who is signed in, and what is asked of the server. */
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { ContactEntrySchema, SyncKind, SyncType, TextMessageSchema } from "../src/gen/sync_pb.ts";
import { Relation } from "../src/gen/contacts_pb.ts";
import { tables } from "../src/schema.ts";
import { Client, HongyanError, IdbStore, MemoryStore, type ClientOptions } from "../src/index.ts";
import { FakeServer, TICKET, UIN, pause, until, type Reply } from "./fake_server.ts";
import { refusal } from "./links.ts";

const ANN = { name: "ann", password: "a goose flies south" };

async function start(t: TestContext): Promise<FakeServer> {
	const server = new FakeServer();
	await server.start();
	t.after(() => server.stop());
	server.on("register", () => ({ fields: { uin: UIN, ticket: TICKET } }));
	server.on("signIn", ({ question }) =>
		question.name === "bob"
			? { fields: { uin: UIN + 1, ticket: new Uint8Array([7]) } }
			: { fields: { uin: UIN, ticket: TICKET } },
	);
	return server;
}

function clientOf(t: TestContext, server: FakeServer, options: ClientOptions = {}): Client {
	const client = new Client({ server: server.url, store: new MemoryStore(), backoffMaxMs: 50, ...options });
	t.after(() => client.close());
	return client;
}

test("which server: an error at once", () => {
	for (const server of ["", "ftp://127.0.0.1", "127.0.0.1:7600", "http://"])
		assert.throws(() => new Client({ server }), HongyanError, server);
	assert.throws(() => new Client(), HongyanError);
});

test("register: online, with a device name that stays", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server, { deviceName: "Ann's phone" });
	let all = 0;
	client.on("change", (change) => (all += Number(change.all)));
	await client.register({ ...ANN, invitation: "welcome" });
	assert.equal(client.uin, UIN);
	assert.equal(all, 1);
	const me = await client.me();
	assert.deepEqual([me.uin, me.name], [UIN, "ann"]);
	assert.match(me.device, /^(js|web)-[0-9a-f]{16}$/);
	const [call] = server.callsOf("register");
	assert.deepEqual([call?.question.deviceName, call?.question.invitation], ["Ann's phone", "welcome"]);
	assert.equal(call?.head.device, me.device);
	await until("online", () => client.state === "online");
	await client.signOut();
	await client.signIn(ANN);
	assert.equal((await client.me()).device, me.device);
});

test("signed in already: nothing is asked; another user: the old ticket is ended", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	await client.signIn(ANN);
	await client.signIn(ANN);
	assert.equal(server.callsOf("signIn").length, 1);
	await client.setDraft(5, "ann's own");
	await client.signIn({ ...ANN, name: "bob" });
	assert.equal(client.uin, UIN + 1);
	assert.deepEqual(
		server.calls.map((call) => call.method).filter((name) => name === "signOut"),
		["signOut"],
	);
	assert.equal((await client.me()).name, "bob");
	assert.deepEqual(await client.conversations(), []);
});

test("a wrong password: UNAUTHENTICATED, and nothing has changed", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	server.on("signIn", () => ({ code: 16, message: "wrong name or password" }));
	const error = await refusal(client.signIn(ANN));
	assert.deepEqual([error.code, error.message], ["UNAUTHENTICATED", "wrong name or password"]);
	assert.deepEqual([client.uin, client.state], [0, "signed-out"]);
	assert.equal((await refusal(client.me())).code, "UNAUTHENTICATED");
});

test("sign out: the server hears it, the store is wiped, no event", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	let ended = 0;
	client.on("signed-out", () => ended++);
	await client.signIn(ANN);
	await client.setDraft(5, "mine");
	server.on("signOut", () => {
		server.on("identify", () => ({ code: 16 }));
		server.dropLinks(); /* as the real one does, perhaps before the answer */
		return { afterMs: 20 };
	});
	await client.signOut();
	assert.deepEqual([client.uin, client.state, ended], [0, "signed-out", 0]);
	assert.deepEqual(await client.conversations(), []);
	assert.ok(server.callsOf("signOut").length > 0);
});

test("signed out from elsewhere: said once, what is stored stays, also for the same user again", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	const why: string[] = [];
	client.on("signed-out", (reason) => why.push(reason));
	await client.signIn(ANN);
	await until("online", () => client.state === "online");
	await client.setDraft(5, "mine");
	server.script("sync", { code: 16, message: "the ticket was ended" });
	server.hint();
	await until("told", () => why.length > 0);
	assert.deepEqual(why, ["the ticket was ended"]);
	assert.deepEqual([client.uin, client.state], [0, "signed-out"]);
	assert.equal((await client.conversations()).length, 1);
	await client.signIn(ANN);
	assert.equal((await client.conversations())[0]?.draft, "mine");
	await until("online", () => client.state === "online");
});

test("before open, and after close: CANCELLED; opened again it goes on", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	assert.equal(client.state, "closed");
	assert.equal((await refusal(client.contacts())).code, "CANCELLED");
	assert.equal(await client.open(), false);
	await client.signIn(ANN);
	await client.close();
	assert.equal(client.state, "closed");
	assert.equal((await refusal(client.sync())).code, "CANCELLED");
	assert.equal(await client.open(), true);
	assert.equal(client.uin, UIN);
	await until("online", () => client.state === "online");
});

test("closed while it opens, and while it signs in", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	const opening = client.open();
	await client.close();
	await opening.catch(() => undefined);
	assert.equal(client.state, "closed");
	server.on("signIn", () => "silence");
	const entering = refusal(client.signIn(ANN));
	await until("asked", () => server.callsOf("signIn").length === 1);
	await client.close();
	assert.equal((await entering).code, "CANCELLED");
	await until("no link", () => server.linkCount === 0);
});

test("a store that does not open: tried again at the next open()", async (t) => {
	const server = await start(t);
	const store = new MemoryStore();
	const open = store.open.bind(store);
	store.open = async () => {
		store.open = open;
		throw new HongyanError("UNAVAILABLE", "the disk is not there");
	};
	const client = clientOf(t, server, { store });
	assert.equal((await refusal(client.open())).message, "the disk is not there");
	assert.equal(await client.open(), false);
});

test("profile: all four fields go, the others as they are, though the sync is late", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	await client.signIn(ANN);
	server.on("sync", () => ({ code: 14, retryAfterMs: 60_000 }));
	await Promise.all([client.updateProfile({ nickname: "Ann" }), client.updateProfile({ region: "North" })]);
	const last = server.callsOf("updateProfile")[1]?.question;
	assert.deepEqual([last?.nickname, last?.region, last?.signature], ["Ann", "North", ""]);
	await client.updateSettings({ mayWrite: "anyone" });
	await client.updateSettings({ mayAsk: "nobody" });
	const settings = server.callsOf("updateSettings")[1]?.question;
	assert.deepEqual([settings?.mayWrite, settings?.mayAsk], [2, 3]);
});

test("devices, and signing them out", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	await client.signIn(ANN);
	const device = { device: "phone", name: "Ann's", signedInMs: 5n, seenMs: 2n ** 52n, thisOne: false, online: true };
	server.on("listDevices", () => ({ fields: { devices: [device] } }));
	assert.deepEqual(await client.devices(), [{ ...device, signedInMs: 5, seenMs: 2 ** 52 }]);
	await client.signOutDevice("phone");
	await client.signOutDevice();
	const asked = server.callsOf("signOutDevice").map(({ question }) => [question.device, question.all]);
	assert.deepEqual(asked, [
		["phone", false],
		["", false],
	]);
});

test("people: found, asked, named", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	await client.signIn(ANN);
	server.on("lookup", ({ question }) =>
		question.name === "bob" ? { fields: { uin: 7, name: "bob", nickname: "Bob" } } : { code: 5, message: "nobody" },
	);
	const { uin, nickname } = await client.lookup("bob");
	assert.deepEqual([uin, nickname], [7, "Bob"]);
	assert.equal((await refusal(client.lookup("eve"))).code, "NOT_FOUND");
	server.on("requestContact", () => ({ fields: { relation: 1 } }));
	server.on("acceptContact", () => ({ fields: { relation: 3 } }));
	server.on("blockContact", () => ({ fields: { relation: 9 } })); /* of a later version */
	assert.equal(await client.requestContact(7, { greeting: "hello" }), "outgoing");
	assert.equal(await client.acceptContact(7), "contact");
	assert.equal(await client.blockContact(7, true), "none");
	await client.setRemark(7, "Bobby");
	assert.equal(server.callsOf("requestContact")[0]?.question.greeting, "hello");
	assert.equal(server.callsOf("setRemark")[0]?.question.remark, "Bobby");
});

/* A server that is broken, or means ill: it is asked again after a pause, not at once for ever. */
const endless: [string, (snapshot: Uint8Array) => Reply][] = [
	["there is always more, but nothing new", () => ({ fields: { snapshot: new Uint8Array([1]), more: true } })],
	[
		"it does not know the snapshots that it gives",
		({ length }) => (length > 0 ? { code: 9 } : { fields: { snapshot: new Uint8Array([1]), more: true } }),
	],
];

for (const [how, reply] of endless)
	test(`a sync that never ends: ${how}`, async (t) => {
		const server = await start(t);
		const client = clientOf(t, server);
		server.on("sync", ({ question }) => reply(question.snapshot ?? new Uint8Array()));
		await client.signIn(ANN);
		assert.equal((await refusal(client.sync())).code, "INTERNAL");
		await pause(200);
		assert.ok(server.callsOf("sync").length < 12, String(server.callsOf("sync").length));
	});

test("times that are none: a Date can be made of all that comes", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	const never = 2n ** 64n - 1n;
	const text = { id: new Uint8Array(16).fill(3), from: 5, fromName: "bob", to: UIN, timeMs: never, text: "hello" };
	const contact = { uin: 5, name: "bob", relation: Relation.INCOMING, askedMs: never };
	const entries = [
		{
			kind: SyncKind.MESSAGE,
			type: SyncType.TEXT,
			body: toBinary(TextMessageSchema, create(TextMessageSchema, text)),
		},
		{
			...{ kind: SyncKind.CONTACT, type: SyncType.CONTACT },
			body: toBinary(ContactEntrySchema, create(ContactEntrySchema, contact)),
		},
	];
	server.on("sync", () => ({ fields: { snapshot: new Uint8Array([1]), entries } }));
	server.on("listDevices", () => ({ fields: { devices: [{ device: "d", signedInMs: never, seenMs: never }] } }));
	await client.signIn(ANN);
	await client.sync();
	const [conversation] = await client.conversations();
	const [asking] = await client.contacts();
	const [device] = await client.devices();
	assert.equal(conversation?.last?.text, "hello");
	for (const time of [
		conversation.timeMs,
		conversation.last.timeMs,
		asking?.askedMs,
		device?.seenMs,
		device?.signedInMs,
	])
		assert.equal(new Date(time ?? NaN).getTime(), 0);
});

test("a text goes from the outbox to the server", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	await client.signIn(ANN);
	server.on("sendText", () => ({ fields: { messageId: new Uint8Array(16).fill(3) } }));
	const { message, delivered } = await client.send(7, "hello");
	assert.equal(message.state, "sending");
	const safe = await delivered;
	assert.deepEqual([safe.state, safe.id, safe.key], ["sent", "03".repeat(16), message.key]);
	assert.equal((await refusal(client.send(7, ""))).code, "INVALID_ARGUMENT");
});

test("a text typed by a clock that is weeks behind gets another date", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	await client.signIn(ANN);
	const right = Date.now;
	t.after(() => (Date.now = right));
	Date.now = () => right() - 30 * 86_400_000;
	server.on("sendText", ({ head }) =>
		Number(head.madeMs) < right() - 8 * 86_400_000
			? { code: 11, message: "made too long ago", serverMs: right() }
			: { fields: { messageId: new Uint8Array(16).fill(9) } },
	);
	const { delivered } = await client.send(5, "hello");
	assert.equal((await delivered).state, "sent");
	const [first, second] = server.callsOf("sendText");
	assert.notDeepEqual(first?.head.clientId, second?.head.clientId);
});

test("incoming() ends when the client is closed", async (t) => {
	const server = await start(t);
	const client = clientOf(t, server);
	await client.signIn(ANN);
	let ended = false;
	const loop = (async () => {
		for await (const _ of client.incoming());
		ended = true;
	})();
	await pause(20);
	assert.equal(ended, false);
	await client.close();
	await loop;
});

test("site data cleared under two tabs: both are signed out; what is signed in then lasts", async (t) => {
	const server = await start(t);
	const name = `cleared-${UIN}`;
	const [one, two] = [1, 2].map(() => clientOf(t, server, { store: new IdbStore({ name }) }));
	assert.ok(one && two);
	await one.signIn(ANN);
	await two.open();
	await until("both are online", () => one.state === "online" && two.state === "online");
	const store = new IdbStore({ name });
	await store.open();
	await store.transact("write", tables, async (tx) => tables.forEach((table) => tx.clear(table)));
	await assert.rejects(one.send(5, "into nothing"), { code: "UNAUTHENTICATED" });
	two.sync().catch(() => undefined);
	await until("both are signed out", () => one.state === "signed-out" && two.state === "signed-out");
	await one.setDraft(5, "of nobody");
	assert.deepEqual(await one.conversations(), []);
	await one.signIn(ANN);
	await until("both are online again", () => one.state === "online" && two.state === "online");
	const device = await store.transact("read", ["meta"], (tx) => tx.get<{ device: string }>("meta", "device"));
	assert.equal((await one.me()).device, device?.device);
	assert.equal(server.callsOf("signIn")[1]?.head?.device, device?.device);
	await store.close();
});

test("two tabs: both are signed in and out with either", async (t) => {
	const server = await start(t);
	const name = `tabs-${UIN}`;
	const [one, two] = [1, 2].map(() => clientOf(t, server, { store: new IdbStore({ name }) }));
	assert.ok(one && two);
	const told: string[] = [];
	two.on("signed-out", (why) => told.push(why));
	await one.open();
	await two.open();
	await one.signIn(ANN);
	await until("both are online", () => one.state === "online" && two.state === "online");
	assert.equal(two.uin, UIN);
	assert.equal(server.callsOf("signIn").length, 1);
	assert.equal(server.callsOf("identify").length, 2);
	await one.signOut();
	await until("both are signed out", () => two.state === "signed-out");
	assert.deepEqual(told, []); /* the person did it, in the other tab */
	await one.signIn({ ...ANN, name: "bob" });
	await until("another one, in both", () => two.uin === UIN + 1 && two.state === "online");
});
