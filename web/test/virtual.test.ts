/** virtual.test.ts - the arithmetic of the long list, and the run of messages that it shows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Conversation, Message, MessagesQuery } from "hongyan";
import { History } from "../src/pages/conversation/history.ts";
import { Positions } from "../src/pages/conversation/position.ts";
import { Heights, isScrolled, partAround, placeIn, rowAt, spaceWillDo } from "../src/pages/conversation/virtual.ts";

const rows = Array.from({ length: 1000 }, (_, i) => ({ key: `r${i}` }));
const reach = { ahead: 900, most: 110 };

test("a part reaches as far as asked on both sides and never holds too many", () => {
	const heights = new Heights<{ key: string }>(() => 50);
	assert.deepEqual(partAround(rows, heights, { index: 500, top: 0 }, 800, reach), { first: 482, end: 534 });
	assert.deepEqual(partAround(rows, heights, { index: 1000, top: 800 }, 800, reach), { first: 966, end: 1000 });
	assert.deepEqual(partAround(rows, heights, { index: 0, top: 0 }, 800, reach), { first: 0, end: 34 });
	assert.deepEqual(partAround([], heights, { index: 5, top: 0 }, 800, reach), { first: 0, end: 0 });
	const flat = partAround(rows, new Heights<{ key: string }>(() => 10), { index: 500, top: 0 }, 800, reach);
	assert.equal(flat.end - flat.first, 110);
	assert.ok(flat.first <= 485 && flat.end >= 585, "what is left out is the same on both sides");
});

test("heights are learnt, and forgotten in another width", () => {
	const heights = new Heights<{ key: string }>((_, width) => width / 10);
	assert.equal(heights.setWidth(400), true);
	assert.equal(heights.setWidth(400), false);
	heights.learn("r0", 100);
	heights.learn("r1", 60);
	heights.learn("r1", 50);
	assert.equal(heights.average, 75);
	assert.equal(heights.sum(rows, 0, 3), 190);
	heights.setWidth(500);
	assert.equal(heights.sum(rows, 0, 3), 150);
});

test("a pixel is found in its row", () => {
	const heights = new Heights<{ key: string }>(() => 50);
	const part = { first: 10, end: 20 };
	assert.deepEqual(rowAt(rows, heights, part, 1000, 1000), { index: 10, top: 1000 });
	assert.deepEqual(rowAt(rows, heights, part, 1000, 1099), { index: 11, top: 1050 });
	assert.deepEqual(rowAt(rows, heights, part, 1000, 9999), { index: 19, top: 1450 });
	assert.deepEqual(rowAt(rows, heights, part, 1000, 0), { index: 10, top: 1000 });
});

test("a place far away is a loaded row or a fraction of what is not", () => {
	const heights = new Heights<{ key: string }>(() => 56);
	const above = { side: "before" as const, unloaded: 100, from: 0, to: 100 };
	assert.deepEqual(placeIn(rows, heights, above, 0.25), { unloaded: "before", fraction: 0.5 });
	assert.deepEqual(placeIn(rows, heights, above, 0.75), { index: 50, into: 0 });
	const below = { side: "after" as const, unloaded: 100, from: 900, to: 1000 };
	assert.deepEqual(placeIn(rows, heights, below, 0.25), { index: 950, into: 0 });
	assert.deepEqual(placeIn(rows, heights, below, 0.75), { unloaded: "after", fraction: 0.5 });
	assert.deepEqual(placeIn(rows, heights, { ...below, unloaded: 0 }, 1), { index: 999, into: 56 });
});

test("the space above may be wrong, but not where the list begins", () => {
	assert.equal(spaceWillDo(0, 0), true);
	assert.equal(spaceWillDo(10, 0), false);
	assert.equal(spaceWillDo(-10, 500), false);
	assert.equal(spaceWillDo(400, 500), true);
	assert.equal(spaceWillDo(100, 500), false);
});

test("a scroll that nobody was told of yet is one; what a shorter content does to the view is none", () => {
	assert.equal(isScrolled(5000, 4650, 9000), true, "up");
	assert.equal(isScrolled(5000, 5250, 9000), true, "down");
	assert.equal(isScrolled(5000, 9000, 9000), true, "to the end");
	assert.equal(isScrolled(5000, 5000.3, 9000), false);
	assert.equal(isScrolled(5000, 4650, 4650), false, "the content ends there now");
	assert.equal(isScrolled(5000, 4650, 4650.4), false, "a scroll position has whole pixels, a height has not");
});

/** A store of messages as the client shows it, and how it changes. */
class World {
	stored: Message[] = [];
	waiting: Message[] = [];
	reads = 0;

	add(count: number): void {
		for (let i = 0; i < count; i++) this.stored.push(this.make((this.stored.at(-1)?.seq ?? 0) + 3, 2, "received"));
	}

	make(seq: number, from: number, state: Message["state"], key = `k${seq}`): Message {
		return { key, peer: 2, seq, id: "", from, fromName: "", timeMs: seq, text: "", state };
	}

	async conversation(): Promise<Conversation | undefined> {
		const last = this.waiting.at(-1) ?? this.stored.at(-1);
		if (!last) return undefined;
		return { peer: 2, last, timeMs: 0, unread: 0, firstUnreadSeq: 0, draft: "", count: this.stored.length };
	}

	async outbox(): Promise<Message[]> {
		return [...this.waiting];
	}

	async messages(_: number, query: MessagesQuery = {}): Promise<{ messages: Message[]; more: boolean }> {
		this.reads++;
		const { before = Infinity, after = -Infinity, limit = 50 } = query;
		const all = this.stored.filter((message) => message.seq < before && message.seq > after);
		const page = query.after === undefined ? all.slice(-limit) : all.slice(0, limit);
		return { messages: page, more: all.length > page.length };
	}
}

function assertWhole(world: World, history: History): void {
	const { messages } = history.run;
	const seqs = messages.map((message) => message.seq);
	const from = world.stored.findIndex((message) => message.seq === seqs[0]);
	const all = [...world.stored, ...world.waiting].map((message) => message.seq);
	assert.deepEqual(seqs, all.slice(from, from + seqs.length), "one run without holes");
}

test("history opens at its end, at a place, at its start, and grows at both ends without holes", async () => {
	const world = new World();
	world.add(1000);
	let changes = 0;
	const history = new History(world, 2, () => changes++);
	await history.openEnd();
	assert.equal(history.run.messages.length, 60);
	assert.deepEqual([history.run.before, history.run.after], [940, 0]);
	await history.open({ seq: 1500 }, await world.conversation());
	assertWhole(world, history);
	assert.equal(history.run.before + history.run.after + history.run.messages.length, 1000);
	assert.ok(Math.abs(history.run.before - 470) < 20);
	for (let i = 0; i < 30; i++) await Promise.all([history.more("before"), history.more("after")]);
	assertWhole(world, history);
	assert.ok(history.run.messages.length <= 600);
	for (let i = 0; i < 30; i++) await history.more("after");
	assert.equal(history.run.after, 0);
	await history.openStart();
	assert.equal(history.run.before, 0);
	for (let i = 0; i < 30; i++) await history.more("after");
	assertWhole(world, history);
	assert.equal(history.run.messages.at(-1), world.stored.at(-1));
	for (let i = 0; i < 30; i++) await history.more("before");
	assert.equal(history.run.messages[0], world.stored[0]);
	assert.equal(history.run.before, 0);
	await history.seek("after", 0.5);
	assertWhole(world, history);
	assert.ok(history.run.after > 0 && history.run.before > 0);
	assert.ok(changes > 50);
});

test("history shows what is sent once, also while it takes its final place", async () => {
	const world = new World();
	world.add(10);
	const history = new History(world, 2, () => undefined);
	await history.openEnd();
	world.waiting.push(world.make(1e9, 1, "sending", "mine"));
	await history.refresh();
	assert.equal(history.run.messages.at(-1)?.key, "mine");
	world.stored.push(world.make(40, 1, "sent", "mine"));
	await history.refresh();
	assert.deepEqual(
		history.run.messages.filter((message) => message.key === "mine").map((message) => message.state),
		["sent"],
	);
	world.waiting = [];
	world.stored = world.stored.filter((message) => message.key !== "mine");
	world.add(3);
	world.stored.push(world.make(100, 1, "sent", "mine"));
	await history.refresh();
	assertWhole(world, history);
	assert.equal(history.run.messages.length, 14);
});

test("history keeps up with much that has come, and with a conversation that was deleted", async () => {
	const world = new World();
	const history = new History(world, 2, () => undefined);
	await history.openEnd();
	assert.equal(history.run.messages.length, 0);
	world.add(100);
	await history.refresh();
	assertWhole(world, history);
	assert.equal(history.run.messages.length, 100);
	world.add(2000);
	await history.refresh();
	assertWhole(world, history);
	assert.equal(history.run.messages.at(-1), world.stored.at(-1));
	await history.openStart();
	world.add(5);
	await history.refresh();
	assert.equal(history.run.after, 2105 - 80);
	world.stored = [];
	await history.refresh();
	assert.deepEqual([history.run.messages.length, history.run.before, history.run.after], [0, 0, 0]);
});

test("places are kept for each user and conversation, the last fifty, whatever the storage holds", () => {
	const kept = new Map<string, string>();
	const storage = {
		getItem: (name: string) => kept.get(name) ?? null,
		setItem: (name: string, value: string) => void kept.set(name, value),
	};
	const place = { seq: 5, key: "k5", top: -3, lastSeq: 9 };
	const positions = new Positions(storage);
	positions.set(1, 2, place);
	assert.deepEqual(new Positions(storage).get(1, 2), place);
	assert.equal(new Positions(storage).get(2, 2), undefined);
	for (let peer = 10; peer < 60; peer++) positions.set(1, peer, place);
	assert.equal(new Positions(storage).get(1, 2), undefined);
	positions.set(1, 59, undefined);
	assert.equal(new Positions(storage).get(1, 59), undefined);
	for (const bad of ["{", "3", '{"1 2":{"seq":"x"}}', "null"]) {
		kept.set("hongyan-positions", bad);
		assert.equal(new Positions(storage).get(1, 2), undefined);
	}
	const none = new Positions(undefined);
	none.set(1, 2, place);
	assert.deepEqual(none.get(1, 2), place);
});
