/** room.test.ts - where a conversation opens, what counts as read, where the new ones begin; drafts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, Conversation, HongyanClient, Message, MessagesQuery } from "hongyan";
import { Draft } from "../src/pages/conversation/draft.ts";
import { Positions } from "../src/pages/conversation/position.ts";
import { Room } from "../src/pages/conversation/room.ts";

const ME = 1;
const PEER = 2;

/** A client with one conversation, as much of it as a room uses. */
class World {
	readonly uin = ME;
	stored: Message[] = [];
	readTo = 0;
	private listeners = new Set<(change: Change) => void>();

	add(count: number, from = PEER): void {
		for (let i = 0; i < count; i++) {
			const seq = (this.stored.at(-1)?.seq ?? 0) + 1;
			const state = from === ME ? "sent" : "received";
			this.stored.push({
				key: `k${seq}`,
				peer: PEER,
				seq,
				id: "",
				from,
				fromName: "",
				timeMs: seq,
				text: "x",
				state,
			});
		}
	}

	async come(count: number): Promise<void> {
		this.add(count);
		await this.changed();
	}

	async changed(): Promise<void> {
		const change = { all: false, me: false, devices: false, contacts: [], conversations: [PEER] };
		for (const listener of this.listeners) listener(change);
		for (let i = 0; i < 20; i++) await Promise.resolve();
		await new Promise((resolve) => setTimeout(resolve, 5));
	}

	on(_: string, listener: (change: Change) => void): () => void {
		this.listeners.add(listener);
		return () => this.listeners.delete(listener);
	}

	async conversation(): Promise<Conversation | undefined> {
		const last = this.stored.at(-1);
		if (!last) return undefined;
		const unread = this.stored.filter((message) => message.seq > this.readTo && message.from === PEER);
		const firstUnreadSeq = unread[0]?.seq ?? 0;
		return {
			peer: PEER,
			last,
			timeMs: 0,
			unread: unread.length,
			firstUnreadSeq,
			draft: "",
			count: this.stored.length,
		};
	}

	async outbox(): Promise<Message[]> {
		return [];
	}

	async messages(_: number, query: MessagesQuery = {}): Promise<{ messages: Message[]; more: boolean }> {
		const { before = Infinity, after = -Infinity, limit = 50 } = query;
		const all = this.stored.filter((message) => message.seq < before && message.seq > after);
		const page = query.after === undefined ? all.slice(-limit) : all.slice(0, limit);
		return { messages: page, more: all.length > page.length };
	}

	async markRead(_: number, upToSeq: number): Promise<void> {
		this.readTo = Math.max(this.readTo, upToSeq);
	}
}

/** What somebody sees of a room who looks at the message `seq`, and at the one before it. */
function look(room: Room, seq: number, atEnd: boolean): void {
	const rows = room.shown.value?.rows ?? [];
	const seen = rows.find((row) => row.kind === "message" && row.message.seq === seq) ?? null;
	room.onView({ atEnd, anchors: [{ key: `k${seq - 1}`, top: -5 }], lastSeen: seen });
}

async function opened(world: World, positions: Positions, isLookedAt: () => boolean): Promise<Room> {
	const room = new Room(world as unknown as HongyanClient, PEER, positions, isLookedAt, assert.ifError);
	await room.open();
	return room;
}

const newLineBefore = (room: Room): string | undefined => {
	const rows = room.shown.value?.rows ?? [];
	return rows[rows.findIndex((row) => row.kind === "new") + 1]?.key;
};
const hasNewLine = (room: Room): boolean => room.shown.value?.rows.some((row) => row.kind === "new") ?? false;

test("a conversation opens at its end, at the first unread message, or where one was", async () => {
	const world = new World();
	world.add(500);
	world.readTo = 500;
	const positions = new Positions(undefined);
	const first = await opened(world, positions, () => true);
	assert.deepEqual(first.shown.value?.target, { end: true });
	assert.equal(hasNewLine(first), false);
	look(first, 460, false);
	first.close();
	const second = await opened(world, positions, () => true);
	assert.deepEqual(second.shown.value?.target, { key: "k459", top: -5 });
	second.close();
	world.add(200);
	const third = await opened(world, positions, () => true);
	assert.deepEqual(third.shown.value?.target, { key: "new", top: 96 });
	assert.equal(newLineBefore(third), "k501");
	look(third, 560, false);
	third.close();
	assert.equal(world.readTo, 560);
	const fourth = await opened(world, positions, () => true);
	assert.deepEqual(fourth.shown.value?.target, { key: "k559", top: -5 }, "the unread ones were there when one left");
	fourth.close();
});

test("what is in view is read while somebody looks at the page, and not before", async () => {
	const world = new World();
	world.add(20);
	let looks = false;
	const room = await opened(world, new Positions(undefined), () => looks);
	look(room, 10, false);
	room.looked();
	assert.equal(world.readTo, 0);
	looks = true;
	room.looked();
	assert.equal(world.readTo, 10);
	await world.changed();
	look(room, 20, true);
	room.close();
	assert.equal(world.readTo, 20);
});

test("the new line stands above what has come while nobody looked, and goes when one writes", async () => {
	const world = new World();
	world.add(20);
	world.readTo = 20;
	let looks = true;
	const room = await opened(world, new Positions(undefined), () => looks);
	look(room, 20, true);
	await world.come(1);
	assert.equal(hasNewLine(room), false, "seen as it came");
	look(room, 21, true);
	room.looked();
	looks = false;
	await world.changed();
	await world.come(2);
	assert.equal(newLineBefore(room), "k22");
	await world.come(1);
	assert.equal(newLineBefore(room), "k22");
	looks = true;
	look(room, 24, true);
	room.looked();
	await world.changed();
	assert.equal(newLineBefore(room), "k22", "it stays after one has read");
	looks = false;
	await world.come(1);
	assert.equal(newLineBefore(room), "k25", "what was new before has been read");
	room.wrote();
	assert.equal(hasNewLine(room), false);
	room.close();
});

test("the new line stays in its place while one reads on from it", async () => {
	const world = new World();
	world.add(300);
	world.readTo = 100;
	const room = await opened(world, new Positions(undefined), () => true);
	for (const seq of [105, 110, 120]) {
		look(room, seq, false);
		room.looked();
		await world.changed();
		assert.equal(newLineBefore(room), "k101");
	}
	await world.come(1);
	assert.equal(newLineBefore(room), "k101");
	room.close();
});

test("a draft is saved once, and that of another tab is taken where nothing is being written", async () => {
	const saved: string[] = [];
	const draft = new Draft(async (text) => void saved.push(text));
	draft.stored("from yesterday");
	assert.equal(draft.text.value, "from yesterday");
	draft.write("from today");
	draft.stored("of another tab");
	assert.equal(draft.text.value, "from today");
	assert.equal(draft.unsafe, "from today");
	draft.flush();
	draft.flush();
	assert.equal(draft.unsafe, "from today", "not before the store has it");
	await Promise.resolve();
	assert.equal(draft.unsafe, undefined);
	assert.deepEqual(saved, ["from today"]);
	draft.stored("from today");
	draft.stored("of another tab");
	assert.equal(draft.text.value, "of another tab");
	draft.write("");
	draft.flush();
	assert.deepEqual(saved, ["from today", ""]);
});
