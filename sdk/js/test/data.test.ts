/**
 * data.test.ts - stories made by dice: one to three tabs on one store, killed between any two steps, against a server whose
 * answers are lost, repeated, late. At the end everything that the server accepted is there once, in its order.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import "fake-indexeddb/auto";
import { Relation } from "../src/gen/contacts_pb.ts";
import { IdbStore } from "../src/idb_store.ts";
import { MemoryStore } from "../src/memory_store.ts";
import { AccountModel } from "../src/model_account.ts";
import { MessageModel } from "../src/model_messages.ts";
import { OutboxModel } from "../src/model_outbox.ts";
import type { ConversationRow, MessageRow } from "../src/rows.ts";
import { ofPeer } from "../src/rows.ts";
import type { Store } from "../src/store.ts";
import type { Message } from "../src/types.ts";
import type { SimTab } from "./sim.ts";
import { Dice, SimWorld, settle } from "./sim.ts";

const ME = 1;
const PEERS = [2, 3, 4, ME];
const REFUSING = 5;

interface Story {
	world: SimWorld;
	dice: Dice;
	/** Texts that were put into the outbox for sure. */
	typed: { peer: number; text: string; key: string }[];
	texts: number;
}

async function act(story: Story): Promise<void> {
	const { world, dice } = story;
	const tab = dice.pick(world.tabs);
	const peer = dice.pick(PEERS) ?? ME;
	const text = dice.chance(0.2) ? "ok" : `text ${++story.texts}`;
	const dies = dice.below(100);
	if (dies < 30) {
		world.server.receive(dice.pick([2, 3, 4]) ?? 2, text);
		hint(story);
	} else if (dies < 38) {
		world.server.sendElsewhere(peer, text);
		hint(story);
	} else if (dies < 68) {
		const to = dice.chance(0.1) ? REFUSING : peer;
		tab?.data.outbox.send(to, text).then(
			({ message: { key } }) => story.typed.push({ peer: to, text, key }),
			() => {},
		);
	} else if (dies < 72) {
		tab?.data.markRead(peer).catch(() => {});
	} else if (dies < 74) {
		tab?.data.setDraft(peer, dice.chance(0.5) ? text : "").catch(() => {});
	} else if (dies < 76) {
		await retryOrDiscard(story, tab);
	} else if (dies < 80) {
		world.server.trim();
	} else if (dies < 82) {
		world.server.newEpoch();
		world.server.contacts.delete(2 + dice.below(5));
		hint(story);
	} else if (dies < 88) {
		world.server.setContact(
			2 + dice.below(5),
			dice.chance(0.5) ? Relation.CONTACT : Relation.INCOMING,
			dice.chance(0.2),
		);
		hint(story);
	} else if (dies < 92) {
		tab?.kill();
		if (world.tabs.length === 0) world.openTab();
	} else if (dies < 96) {
		if (world.tabs.length < 3) world.openTab();
	} else {
		await world.time.pass(dice.below(20_000));
	}
	await settle();
}

async function retryOrDiscard({ dice }: Story, tab: SimTab | undefined): Promise<void> {
	void tab?.data.waiting.list(REFUSING).then(([first]) => {
		if (first?.state !== "failed") return;
		const done = dice.chance(0.5)
			? tab.data.outbox.retry(REFUSING, first.key)
			: tab.data.outbox.discard(REFUSING, first.key);
		done.catch(() => {});
	});
}

function hint({ world, dice }: Story): void {
	for (const tab of world.tabs) if (dice.chance(0.8)) tab.session.hint();
}

/** What must hold at any instant. Reads the store itself, in one transaction. */
async function check(story: Story, store: Store): Promise<void> {
	const rows = await store.transact("read", ["messages", "outbox", "conversations"], async (tx) => {
		const list = [];
		for (const row of await tx.list<ConversationRow>("conversations"))
			list.push({ row, messages: await tx.list<MessageRow>("messages", ofPeer(row.peer)) });
		return list;
	});
	for (const { row, messages } of rows) {
		assert.equal(row.count, messages.length, `count of ${row.peer}`);
		const first = row.firstUnreadSeq ?? Infinity;
		assert.equal(
			row.unread,
			messages.filter(({ seq, own }) => seq >= first && !own).length,
			`unread of ${row.peer}`,
		);
		if (row.unread > 0) assert.equal(messages.find(({ seq }) => seq === first)?.own, false);
		const waiting = await new OutboxModel(store).list(row.peer);
		const shown: { key: string; text: string }[] = [...messages, ...waiting];
		assert.equal(new Set(shown.map(({ key }) => key)).size, shown.length, "a key twice");
		const last = waiting[waiting.length - 1]?.key ?? messages[messages.length - 1]?.key;
		assert.equal(row.last?.key, last, `the last of ${row.peer}`);
		/* Each text was written once: no bubble is there twice. */
		const numbered = shown.filter(({ text }) => text !== "ok").map(({ text }) => text);
		if (row.peer !== REFUSING) assert.equal(new Set(numbered).size, numbered.length, "a text twice");
	}
}

async function checkEnd(story: Story, store: Store): Promise<void> {
	const { server } = story.world;
	await check(story, store);
	for (const peer of PEERS) {
		const all = (await new MessageModel(store).messages(peer, { limit: 1e6 })).messages;
		const expected = server.ledger.filter(({ from, to }) => (from === ME ? to : from) === peer);
		assert.deepEqual(
			all.map(({ id }) => id),
			expected.map(({ id }) => id),
			`the messages of ${peer}`,
		);
		assert.deepEqual(await new OutboxModel(store).list(peer), [], "the outbox is empty");
		for (const { text, key } of story.typed.filter((one) => one.peer === peer)) {
			assert.equal(server.acceptedIds.get(key.slice(1)), 1, `"${text}" was sent once`);
			assert.equal(all.filter((one) => one.key === key && one.text === text).length, 1, `"${text}" kept its key`);
		}
	}
	for (const message of await new OutboxModel(store).list(REFUSING)) assert.equal(message.state, "failed");
}

async function checkContacts(story: Story): Promise<void> {
	const { world } = story;
	const tab = world.tabs[0] ?? world.openTab();
	const found = await world.finish(tab.data.contacts.contacts());
	const expected = [...world.server.contacts].filter(([, { deleted }]) => !deleted).map(([uin]) => uin);
	assert.deepEqual(
		found.map(({ uin }) => uin),
		expected.sort((a, b) => a - b),
	);
}

function checkEvents(tab: SimTab): void {
	const ids = tab.messages.map(({ id }: Message) => id);
	assert.equal(new Set(ids).size, ids.length, "a message was told twice in one tab");
}

async function tell(seed: number, store: Store, steps: number): Promise<void> {
	const dice = new Dice(seed);
	const world = new SimWorld(store, dice, ME);
	world.server.refusedPeers.add(REFUSING);
	world.time.install();
	try {
		await store.open();
		await new AccountModel(store).signIn(ME, world.ticket, "me");
		for (let i = 0; i < 5; i++) world.server.receive(2, `before ${i}`);
		world.openTab();
		const story: Story = { world, dice, typed: [], texts: 0 };
		const broken = dice.pick([0, 0.1, 0.3]) ?? 0;
		for (let i = 0; i < steps; i++) {
			if (dice.chance(0.15)) await act(story);
			else if (!(await world.goOn(broken))) await world.time.pass(500);
			if (i % 16 === 0) await check(story, store);
			world.tabs.forEach(checkEvents);
		}
		while (world.tabs.length < 2) world.openTab();
		world.tabs.forEach((tab) => tab.session.connect());
		await world.calm();
		/* What was sent only now comes back. */
		world.tabs.forEach((tab) => tab.session.hint());
		await world.calm();
		await checkEnd(story, store);
		await checkContacts(story);
		world.tabs.forEach(checkEvents);
	} finally {
		world.time.uninstall();
	}
}

async function tellMany(seeds: number[], steps: number, make: (seed: number) => Store): Promise<void> {
	for (const seed of seeds) {
		const store = make(seed);
		try {
			await tell(seed, store, steps);
		} catch (why) {
			throw new Error(`seed ${seed}: ${why instanceof Error ? why.message : String(why)}`, { cause: why });
		} finally {
			await store.close();
		}
	}
}

const from = Number(process.env["SEED"] ?? 1);
const seeds = (count: number) => Array.from({ length: process.env["SEED"] ? 1 : count }, (_, i) => from + i);

test("whatever is killed or lost: nothing is lost, nothing comes twice (memory)", async () => {
	settle.turns = 1;
	await tellMany(seeds(30), 600, () => new MemoryStore());
});

test("whatever is killed or lost: nothing is lost, nothing comes twice (IndexedDB)", async () => {
	settle.turns = 12;
	await tellMany(seeds(4), 300, (seed) => new IdbStore({ name: `story-${seed}` }));
});
