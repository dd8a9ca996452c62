/** outbox.test.ts - sending, pulling and several tabs, story by story; time and network are the test's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore } from "../src/memory_store.ts";
import { AccountModel } from "../src/model_account.ts";
import { MessageModel } from "../src/model_messages.ts";
import type { Message } from "../src/types.ts";
import { HongyanError } from "../src/types.ts";
import type { Flight, SimTab } from "./sim.ts";
import { Dice, SimWorld, settle } from "./sim.ts";

const ME = 1;
const ANN = 2;
const BOB = 3;
const WEEK_MS = 7 * 24 * 3600 * 1000;

function story(what: string, run: (world: SimWorld) => Promise<void>): void {
	test(what, async () => {
		const store = new MemoryStore();
		await store.open();
		const world = new SimWorld(store, new Dice(1), ME);
		world.time.install();
		try {
			await new AccountModel(store).signIn(ME, world.ticket, "me");
			await run(world);
		} finally {
			world.time.uninstall();
			await store.close();
		}
	});
}

/** Lets the stores go on, not the network, and no time pass. */
async function work(world: SimWorld): Promise<void> {
	await settle();
	for (let step = world.steps.shift(); step; step = world.steps.shift()) {
		step.go();
		await settle();
	}
}

/** Answers what is on its way, until nothing more comes; no time passes. */
async function answerAll(world: SimWorld): Promise<void> {
	await work(world);
	while (world.flights.length > 0) {
		await world.goOn(0);
		await work(world);
	}
}

function sends(world: SimWorld): Flight[] {
	return world.flights.filter(({ method }) => method === "sendText");
}

function fail(world: SimWorld, flight: Flight | undefined, why: HongyanError): Promise<void> {
	assert.ok(flight);
	world.flights = world.flights.filter((other) => other !== flight);
	flight.reject(why);
	return work(world);
}

const send = (world: SimWorld, tab: SimTab, peer: number, text: string, options = {}) =>
	world.finish(tab.data.outbox.send(peer, text, options));
const shown = async (world: SimWorld, tab: SimTab, peer: number) =>
	(await world.finish(tab.data.messagesOf(peer))).messages.map(({ text }: Message) => text).join(" ");

story("of one conversation one text is on its way, of several one each; without waiting in between", async (world) => {
	const tab = world.openTab();
	await answerAll(world);
	await send(world, tab, ANN, "a1");
	await send(world, tab, ANN, "a2");
	await send(world, tab, BOB, "b1");
	await work(world);
	assert.equal(sends(world).length, 2);
	const { delivered } = await send(world, tab, ANN, "a3");
	await answerAll(world);
	assert.equal(await shown(world, tab, ANN), "a1 a2 a3");
	assert.equal((await delivered).state, "sent");
	assert.equal(world.server.ledger.length, 4);
});

story("many conversations: sixteen at a time", async (world) => {
	const tab = world.openTab();
	await answerAll(world);
	for (let peer = 2; peer < 42; peer++) await send(world, tab, peer, "hello");
	await work(world);
	assert.equal(sends(world).length, 16);
	await answerAll(world);
	assert.equal(world.server.ledger.length, 40);
});

story("a text typed at any instant of another one's sending is sent at once", async (world) => {
	for (let round = 0; round < 200; round++) {
		const steps = round % 12;
		const tab = world.openTab();
		await answerAll(world);
		await send(world, tab, ANN, `first ${round}`);
		for (let i = 0; i < steps; i++) {
			const [step] = world.steps.splice(world.dice.below(world.steps.length), 1);
			if (step) step.go();
			else if (world.flights.length > 0) await world.goOn(0);
			await settle();
		}
		await send(world, tab, ANN, `second ${round}`);
		await answerAll(world);
		assert.deepEqual(await world.finish(tab.data.waiting.list(ANN)), [], `after ${steps} steps`);
		tab.kill();
	}
});

story("unknown outcomes and a server that says later: again under the same ID, for ever", async (world) => {
	const tab = world.openTab();
	await answerAll(world);
	const { delivered } = await send(world, tab, ANN, "hello");
	await work(world);
	for (const code of ["DEADLINE_EXCEEDED", "UNAVAILABLE", "INTERNAL", "ABORTED", "UNKNOWN"] as const) {
		const [flight] = sends(world);
		flight?.serve();
		await fail(world, flight, new HongyanError(code, "?"));
		await world.time.pass(60_000);
		await work(world);
	}
	await fail(world, sends(world)[0], new HongyanError("RESOURCE_EXHAUSTED", "slowly", 5000));
	tab.session.connect();
	await world.time.pass(4900);
	await work(world);
	assert.equal(sends(world).length, 0, "not before the server likes it");
	await world.time.pass(30_000);
	await answerAll(world);
	assert.equal((await delivered).state, "sent");
	assert.equal(world.server.ledger.length, 1);
	assert.equal(await shown(world, tab, ANN), "hello");
});

story("a link that comes up ends the pause", async (world) => {
	const tab = world.openTab();
	await answerAll(world);
	await send(world, tab, ANN, "hello");
	await work(world);
	for (let i = 0; i < 8; i++) {
		await fail(world, sends(world)[0], new HongyanError("UNAVAILABLE", "?"));
		await world.time.pass(i === 7 ? 0 : 40_000);
		await work(world);
	}
	assert.equal(sends(world).length, 0);
	tab.session.connect();
	await answerAll(world);
	assert.equal(world.server.ledger.length, 1);
});

story("refused for good: failed, told to who waits, and the next one goes on", async (world) => {
	const tab = world.openTab();
	await answerAll(world);
	const refused = await send(world, tab, ANN, "hello");
	const next = await send(world, tab, ANN, "still there?");
	await work(world);
	await fail(world, sends(world)[0], new HongyanError("PERMISSION_DENIED", "takes no messages of yours"));
	await answerAll(world);
	await assert.rejects(refused.delivered, { code: "PERMISSION_DENIED", message: "takes no messages of yours" });
	assert.equal((await next.delivered).text, "still there?");
	const [failed] = await world.finish(tab.data.waiting.list(ANN));
	assert.deepEqual([failed?.text, failed?.state, failed?.error?.code], ["hello", "failed", "PERMISSION_DENIED"]);
	await world.finish(tab.data.outbox.retry(ANN, refused.message.key));
	await answerAll(world);
	assert.equal(await shown(world, tab, ANN), "still there? hello");
	assert.equal((await world.finish(tab.data.messagesOf(ANN))).messages[1]?.key, refused.message.key);
});

story("a text that waited over seven days fails and says so", async (world) => {
	const tab = world.openTab();
	await answerAll(world);
	const { delivered } = await send(world, tab, ANN, "hello");
	await work(world);
	tab.kill();
	world.time.now += WEEK_MS + 1000;
	const later = world.openTab();
	await answerAll(world);
	const [failed] = await world.finish(later.data.waiting.list(ANN));
	assert.equal(failed?.error?.code, "OUT_OF_RANGE");
	assert.match(failed?.error?.message ?? "", /seven days/);
	await world.finish(later.data.outbox.retry(ANN, failed?.key ?? ""));
	await answerAll(world);
	assert.equal(await shown(world, later, ANN), "hello");
	void delivered;
});

story("by a clock that was ahead: dated anew once the right time is known", async (world) => {
	const tab = world.openTab();
	await answerAll(world);
	world.time.now += 3_600_000;
	await send(world, tab, ANN, "hello");
	world.time.now -= 3_600_000;
	await answerAll(world);
	assert.equal(await shown(world, tab, ANN), "hello");
});

story("after a restart it goes on in the old order", async (world) => {
	const tab = world.openTab();
	await answerAll(world);
	for (const text of ["1", "2", "3", "4"]) await send(world, tab, ANN, text);
	await work(world);
	sends(world)[0]?.serve();
	tab.kill();
	const next = world.openTab();
	await answerAll(world);
	assert.deepEqual(
		world.server.ledger.map(({ text }) => text),
		["1", "2", "3", "4"],
	);
	assert.equal(await shown(world, next, ANN), "1 2 3 4");
});

story("a tab leaves another one's text to it, and sends it when that one goes away", async (world) => {
	const [a, b] = [world.openTab(), world.openTab()];
	await answerAll(world);
	await send(world, a, ANN, "hello");
	await work(world);
	assert.deepEqual(
		sends(world).map(({ tab }) => tab),
		[a],
	);
	a.kill();
	await world.time.pass(6000);
	await work(world);
	assert.deepEqual(
		sends(world).map(({ tab }) => tab),
		[b],
	);
	await answerAll(world);
	assert.equal(await shown(world, b, ANN), "hello");
});

story("who waits for a text hears it also when another tab was faster", async (world) => {
	const [a, b] = [world.openTab(), world.openTab()];
	await answerAll(world);
	const { delivered } = await send(world, a, ANN, "hello");
	await work(world);
	const [ofA] = sends(world);
	await world.time.pass(6000);
	await work(world);
	const ofB = sends(world).find(({ tab }) => tab === b);
	world.flights = world.flights.filter((flight) => flight !== ofB);
	ofB?.resolve(ofB.serve());
	await work(world);
	assert.equal((await delivered).state, "sent");
	world.flights = world.flights.filter((flight) => flight !== ofA);
	ofA?.resolve(ofA.serve());
	await answerAll(world);
	assert.equal(await shown(world, a, ANN), "hello");
});

story("what cannot be sent is said at once", async (world) => {
	const tab = world.openTab();
	const no = { code: "INVALID_ARGUMENT" };
	await assert.rejects(tab.data.outbox.send(ANN, ""), no);
	await assert.rejects(tab.data.outbox.send(ANN, "x".repeat(8193)), no);
	await assert.rejects(tab.data.outbox.send(ANN, "鸿".repeat(2731)), no);
	await assert.rejects(tab.data.outbox.send(ANN, "a\0b"), no);
	await assert.rejects(tab.data.outbox.send(0, "x"), no);
	await assert.rejects(tab.data.outbox.send(1.5, "x"), no);
	await assert.rejects(tab.data.outbox.send(ANN, "x", { id: "abc", madeMs: 1 }), no);
	await assert.rejects(tab.data.outbox.send(ANN, "x", { id: "a".repeat(32), madeMs: 0.5 }), no);
	await answerAll(world);
	await send(world, tab, ANN, "half \ud83d of one");
	await send(world, tab, ANN, "\ufeff鸿雁");
	await answerAll(world);
	assert.equal(await shown(world, tab, ANN), "half \ufffd of one \ufeff鸿雁");
});

story(
	"an ID without a time: the same text is one, before and after its answer, with the time of its first sending",
	async (world) => {
		const tab = world.openTab();
		const id = "0123456789abcdef".repeat(2);
		const again = () => send(world, tab, ANN, "hello", { id });
		await again();
		await world.time.pass(1000);
		await again();
		await work(world);
		await answerAll(world);
		await world.time.pass(1000);
		assert.equal((await again()).message.state, "sent");
		await answerAll(world);
		assert.equal(world.server.ledger.length, 1);
		assert.equal(await shown(world, tab, ANN), "hello");
	},
);

story("messages are told once in every tab; none of a first sync", async (world) => {
	world.server.receive(ANN, "before");
	const a = world.openTab();
	await answerAll(world);
	const b = world.openTab();
	await answerAll(world);
	world.server.receive(ANN, "after");
	a.session.hint();
	b.session.hint();
	await answerAll(world);
	for (const tab of [a, b])
		assert.deepEqual(
			tab.messages.map(({ text }) => text),
			["after"],
		);
	assert.ok(b.changes.some(({ conversations }) => conversations.includes(ANN)));
});

story("sync() resolves when the store has all that the server had, and rejects when it cannot tell", async (world) => {
	const tab = world.openTab();
	for (let i = 0; i < 20; i++) world.server.receive(ANN, `r${i}`);
	const other = world.openTab();
	const seen = async (who: SimTab) => {
		await who.data.sync.now();
		return (await new MessageModel(world.shared).conversation(ANN))?.count;
	};
	const both = Promise.all([seen(tab), seen(other)]);
	await answerAll(world);
	assert.deepEqual(await both, [20, 20]);
	const failing = assert.rejects(tab.data.sync.now(), { code: "DEADLINE_EXCEEDED" });
	await work(world);
	await fail(world, world.flights[0], new HongyanError("DEADLINE_EXCEEDED", "?"));
	await failing;
	world.server.receive(ANN, "later");
	await world.time.pass(60_000);
	await answerAll(world);
	assert.equal((await world.finish(tab.data.conversation(ANN)))?.count, 21, "it was tried again by itself");
	world.server.receive(ANN, "never");
	const closed = assert.rejects(tab.data.sync.now(), { code: "CANCELLED" });
	const waiting = assert.rejects(tab.data.sync.now(), { code: "CANCELLED" });
	tab.data.stop();
	await waiting;
	await answerAll(world);
	await closed;
	await assert.rejects(tab.data.sync.now(), { code: "CANCELLED" });
});

story(
	"incoming(): the unread ones, oldest first, then what comes; one that was not done comes again",
	async (world) => {
		const tab = world.openTab();
		await answerAll(world);
		world.server.receive(ANN, "1");
		world.server.receive(BOB, "2");
		world.server.receive(ANN, "3");
		tab.session.hint();
		await answerAll(world);
		const first = tab.data.incoming();
		assert.equal((await world.finish(first.next())).value?.text, "1");
		assert.equal((await world.finish(first.next())).value?.text, "2");
		const again = tab.data.incoming();
		assert.equal((await world.finish(again.next())).value?.text, "2");
		assert.equal((await world.finish(again.next())).value?.text, "3");
		const waiting = again.next();
		await work(world);
		world.server.receive(BOB, "4");
		tab.session.hint();
		await answerAll(world);
		assert.equal((await waiting).value?.text, "4");
		const end = again.next();
		await work(world);
		tab.data.stop();
		await work(world);
		assert.equal((await end).done, true);
	},
);
