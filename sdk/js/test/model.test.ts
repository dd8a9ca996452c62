/** model.test.ts - what a sync, an answer, a mark does to the store, case by case. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Applied, Brought } from "../src/apply_sync.ts";
import { applySync, dropSnapshot, whatToBring } from "../src/apply_sync.ts";
import { MemoryStore } from "../src/memory_store.ts";
import { AccountModel } from "../src/model_account.ts";
import { ContactModel } from "../src/model_contacts.ts";
import { MessageModel } from "../src/model_messages.ts";
import { OutboxModel, keyOfClientId } from "../src/model_outbox.ts";
import type { SyncPage, SyncedText } from "../src/sync_page.ts";
import type { Contact, Message, Relation } from "../src/types.ts";
import { HongyanError } from "../src/types.ts";

const ME = 1;
const ANN = 2;
const BOB = 3;

const hex = (n: number) => n.toString(16).padStart(32, "0");

class Fixture {
	readonly store = new MemoryStore();
	readonly account = new AccountModel(this.store);
	readonly messages = new MessageModel(this.store);
	readonly contacts = new ContactModel(this.store);
	readonly outbox = new OutboxModel(this.store);
	private snapshots = 0;
	private ids = 0;

	async open(): Promise<this> {
		await this.store.open();
		await this.account.signIn(ME, new Uint8Array([7]), "me");
		return this;
	}

	async brought(): Promise<Brought> {
		const brought = await whatToBring(this.store);
		assert.ok(brought);
		return brought;
	}

	page(part: Partial<SyncPage> = {}): SyncPage {
		const nothing = {
			more: false,
			resetAccount: false,
			resetContacts: false,
			resetMessages: false,
			devices: false,
			bad: 0,
		};
		return { ...nothing, snapshot: hex(++this.snapshots), contacts: [], texts: [], ...part };
	}

	async sync(part: Partial<SyncPage> = {}): Promise<Applied> {
		const applied = await applySync(this.store, await this.brought(), this.page(part));
		assert.ok(applied);
		return applied;
	}

	async type(peer: number, text: string): Promise<Message> {
		const clientId = hex(0xc000 + ++this.ids);
		return (await this.outbox.add({ from: ME, peer, text, clientId, madeMs: 1000, chosen: false })).message;
	}

	/** What the conversation shows: stored, a bar, waiting. */
	async show(peer: number): Promise<string> {
		const { messages } = await this.messages.messages(peer);
		const waiting = await this.outbox.list(peer);
		const texts = (list: Message[]) =>
			list.map(({ text, state }) => (state === "failed" ? `!${text}` : text)).join(" ");
		return `${texts(messages)}|${texts(waiting)}`;
	}

	async unread(peer: number): Promise<number> {
		return (await this.messages.conversation(peer))?.unread ?? 0;
	}
}

const fixture = () => new Fixture().open();

function received(n: number, from = ANN, text = `r${n}`): SyncedText {
	return { id: hex(n), from, fromName: "ann", to: ME, timeMs: 1000 * n, text };
}

function sent(n: number, to: number, text: string): SyncedText {
	return { id: hex(n), from: ME, fromName: "me", to, timeMs: 1000 * n, text };
}

function contact(uin: number, relation: Relation, part: Partial<Contact> = {}): Contact {
	const card = { uin, name: `user${uin}`, nickname: "", signature: "", region: "", avatarColour: 0 };
	return { ...card, relation, remark: "", blocked: false, greeting: "", askedMs: 1, gone: false, ...part };
}

test("a sync has ended, once and for this user: before that nothing is known to be missing", async () => {
	const f = await new Fixture().open();
	assert.equal(await f.account.synced(), false);
	await f.sync({ more: true });
	assert.equal(await f.account.synced(), false);
	await f.sync();
	assert.equal(await f.account.synced(), true);
	await dropSnapshot(f.store, await f.brought());
	assert.equal(await f.account.synced(), true, "the data stay");
	await f.account.signIn(ME, new Uint8Array([8]), "me");
	assert.equal(await f.account.synced(), true, "the same user again");
	await f.account.signIn(BOB, new Uint8Array([9]), "bob");
	assert.equal(await f.account.synced(), false);
	await f.account.wipe();
	assert.equal(await f.account.synced(), false);
});

test("an answered text is there at once; its copy takes its place, keeps its key, and is no other message", async () => {
	const f = await fixture();
	await f.sync();
	const typed = await f.type(ANN, "hello");
	assert.equal(await f.show(ANN), "|hello");
	const answered = await f.outbox.answered(typed.key, hex(9));
	assert.deepEqual([answered?.message.state, answered?.message.id], ["sent", hex(9)]);
	assert.equal(await f.show(ANN), "hello|");
	assert.equal(await f.outbox.answered(typed.key, hex(9)), undefined, "again: known");
	const applied = await f.sync({ texts: [received(8), sent(9, ANN, "hello")] });
	assert.deepEqual(
		applied.messages.map(({ id }) => id),
		[hex(8)],
	);
	assert.equal(await f.show(ANN), "r8 hello|");
	const { messages } = await f.messages.messages(ANN);
	assert.equal(messages[1]?.key, typed.key);
	assert.equal(messages[1]?.timeMs, 9000);
	assert.equal((await f.messages.conversation(ANN))?.count, 2);
});

test("own texts stay in their order while one has come and the next one has not", async () => {
	const f = await fixture();
	await f.sync();
	for (const [n, text] of ["one", "two", "three"].entries())
		await f.outbox.answered((await f.type(ANN, text)).key, hex(21 + n));
	await f.sync({ texts: [received(20), sent(21, ANN, "one")] });
	assert.equal(await f.show(ANN), "r20 one two three|");
	assert.equal((await f.messages.conversation(ANN))?.last?.text, "three");
	await f.sync({ texts: [sent(22, ANN, "two"), sent(23, ANN, "three")] });
	assert.equal(await f.show(ANN), "r20 one two three|");
});

test("a copy that comes before its answer is taken for the text that is being sent", async () => {
	const f = await fixture();
	await f.sync();
	const [first, second] = [await f.type(ANN, "hello"), await f.type(ANN, "hello")];
	await f.sync({ texts: [sent(5, ANN, "hello")] });
	assert.equal(await f.show(ANN), "hello|hello", "one of two bubbles");
	assert.equal((await f.messages.messages(ANN)).messages[0]?.key, first.key);
	assert.equal((await f.outbox.next(ANN))?.key, first.key, "it is sent until it is answered");
	assert.equal((await f.outbox.answered(first.key, hex(5)))?.message.id, hex(5));
	assert.equal(await f.show(ANN), "hello|hello");
	assert.equal((await f.outbox.next(ANN))?.key, second.key);
});

test("a copy that was taken for another device's text gives the place back", async () => {
	const f = await fixture();
	await f.sync();
	const mine = await f.type(ANN, "hello");
	await f.sync({ texts: [sent(5, ANN, "hello")] });
	await f.outbox.answered(mine.key, hex(6));
	const { messages } = await f.messages.messages(ANN);
	assert.deepEqual(
		messages.map(({ id, key }) => [id, key]),
		[
			[hex(5), hex(5)],
			[hex(6), mine.key],
		],
	);
	const other = await f.type(ANN, "again");
	await f.sync({ texts: [sent(7, ANN, "again")] });
	await f.outbox.refused(other.key.slice(1), other.key, { code: "PERMISSION_DENIED", message: "no" });
	assert.equal(await f.show(ANN), "hello hello again|!again");
});

test("a text that was never tried, or another one, is not taken for a copy", async () => {
	const f = await fixture();
	await f.sync();
	await f.type(ANN, "one");
	await f.type(ANN, "two");
	await f.sync({ texts: [sent(5, ANN, "two"), sent(6, BOB, "one"), sent(7, ANN, "three")] });
	assert.equal(await f.show(ANN), "two three|one two");
});

test("too late for an answer: a copy tells that it was sent after all", async () => {
	const f = await fixture();
	await f.sync();
	const late = { code: "OUT_OF_RANGE" as const, message: "too old" };
	const first = await f.type(ANN, "first");
	await f.outbox.refused(first.key.slice(1), first.key, late);
	assert.equal(await f.show(ANN), "|!first");
	await f.sync({ texts: [sent(5, ANN, "first")] });
	assert.equal(await f.show(ANN), "first|");
	const second = await f.type(ANN, "second");
	await f.sync({ texts: [sent(6, ANN, "second")] });
	const refused = await f.outbox.refused(second.key.slice(1), second.key, late);
	assert.equal(refused?.message.state, "sent");
	assert.equal(await f.show(ANN), "first second|");
});

test("refused: later texts go on, it can be sent again in its place, or given up", async () => {
	const f = await fixture();
	const [a, b] = [await f.type(ANN, "a"), await f.type(ANN, "b")];
	await f.outbox.refused(a.key.slice(1), a.key, { code: "PERMISSION_DENIED", message: "no" });
	assert.equal(await f.show(ANN), "|!a b");
	assert.equal((await f.outbox.next(ANN))?.key, b.key);
	await assert.rejects(f.outbox.retry(ANN, b.key, hex(1), 5), { code: "FAILED_PRECONDITION" });
	await assert.rejects(f.outbox.discard(BOB, a.key), { code: "NOT_FOUND" });
	await f.outbox.retry(ANN, a.key, hex(77), 5);
	const next = await f.outbox.next(ANN);
	assert.deepEqual([next?.key, next?.clientId, next?.madeMs], [a.key, hex(77), 5]);
	const old = await f.outbox.refused(a.key.slice(1), a.key, { code: "PERMISSION_DENIED", message: "no" });
	assert.equal(old, undefined, "an answer to the first try says nothing of the second");
	await f.outbox.refused(hex(77), a.key, { code: "PERMISSION_DENIED", message: "no" });
	await f.outbox.discard(ANN, a.key);
	assert.equal(await f.show(ANN), "|b");
});

test("the same ID again is the same message, also when it was answered; a message's ID serves for its answer", async () => {
	const f = await fixture();
	await f.sync({ texts: [received(9)] });
	const typed = { from: ME, peer: ANN, text: "echo", clientId: hex(9), madeMs: 9000, chosen: true };
	const first = await f.outbox.add(typed);
	assert.equal((await f.outbox.add(typed)).message.key, first.message.key);
	assert.equal(await f.show(ANN), "r9|echo");
	assert.notEqual(first.message.key, (await f.messages.messages(ANN)).messages[0]?.key);
	await f.outbox.answered(keyOfClientId(hex(9)), hex(10));
	assert.equal((await f.outbox.add(typed)).message.state, "sent");
	assert.equal(await f.show(ANN), "r9 echo|");
});

test("a first sync: unread is what came after one's own latest message; none of it is told as new", async () => {
	const f = await fixture();
	const first = await f.sync({
		texts: [received(1), sent(2, ANN, "mine"), received(3), received(4, BOB)],
		more: true,
	});
	assert.deepEqual(first.messages, []);
	await f.sync({ texts: [received(5), received(6, BOB), sent(7, BOB, "mine")], more: true });
	await f.sync({ texts: [received(8)] });
	assert.equal(await f.unread(ANN), 3);
	assert.equal(await f.unread(BOB), 0);
	const later = await f.sync({ texts: [received(10), sent(11, ANN, "mine"), received(12)] });
	assert.deepEqual(
		later.messages.map(({ text }) => text),
		["r10", "r12"],
	);
	assert.equal(await f.unread(ANN), 5, "from now on it is this device that reads");
	assert.equal((await f.messages.oldestUnread())?.text, "r3");
});

test("reading: up to a seq, all, and from where it is unread", async () => {
	const f = await fixture();
	await f.sync();
	await f.sync({ texts: [received(1), sent(2, ANN, "x"), received(3), received(4), received(5, BOB)] });
	const seqs = (await f.messages.messages(ANN)).messages.map(({ seq }) => seq);
	const state = async () => {
		const conversation = await f.messages.conversation(ANN);
		return [conversation?.unread, conversation?.firstUnreadSeq];
	};
	assert.deepEqual(await state(), [3, seqs[0]]);
	await f.messages.markRead(ANN, seqs[1]);
	assert.deepEqual(await state(), [2, seqs[2]]);
	await f.messages.markRead(ANN, seqs[0]);
	assert.deepEqual(await state(), [2, seqs[2]], "never back");
	await f.messages.markRead(ANN);
	assert.deepEqual(await state(), [0, 0]);
	assert.deepEqual((await f.messages.markRead(ANN)).conversations, []);
	assert.equal(await f.unread(BOB), 1);
	await f.sync({ texts: [received(6)] });
	assert.deepEqual((await state())[0], 1);
});

test("many unread: the count is right wherever it is read up to", async () => {
	const f = await fixture();
	await f.sync();
	const texts = Array.from({ length: 1300 }, (_, i) => (i % 7 === 3 ? sent(i + 1, ANN, "own") : received(i + 1)));
	await f.sync({ texts });
	const { messages } = await f.messages.messages(ANN, { limit: 2000 });
	for (const upTo of [0, 499, 500, 501, 999, 1200, 1299]) {
		await f.messages.markRead(ANN, messages[upTo]?.seq);
		const left = messages.slice(upTo + 1).filter(({ state }) => state === "received");
		const conversation = await f.messages.conversation(ANN);
		assert.deepEqual([conversation?.unread, conversation?.firstUnreadSeq], [left.length, left[0]?.seq ?? 0]);
	}
});

test("a snapshot that the server does not know goes, the data stay, repeats are dropped", async () => {
	const f = await fixture();
	await f.sync({ texts: [received(1), received(2)] });
	await f.messages.markRead(ANN);
	await dropSnapshot(f.store, { ...(await f.brought()), snapshot: hex(99) });
	assert.notEqual((await f.brought()).snapshot, "", "another one than was brought");
	await dropSnapshot(f.store, await f.brought());
	assert.equal((await f.brought()).snapshot, "");
	const applied = await f.sync({
		resetAccount: true,
		resetContacts: true,
		texts: [received(1), received(2), received(3)],
	});
	assert.deepEqual(
		applied.messages.map(({ text }) => text),
		["r3"],
	);
	assert.equal(await f.show(ANN), "r1 r2 r3|");
	assert.equal(await f.unread(ANN), 1);
});

test("in a first sync of many pages nothing stands twice, whatever is told again", async () => {
	const whole = { more: true, texts: [received(1), sent(2, ANN, "from my phone"), received(3)] };
	const again: [string, (f: Fixture) => Promise<unknown>][] = [
		["it goes on", async (f) => f.sync({ more: true, texts: [received(4)] })],
		["the server does not know the snapshot", async (f) => dropSnapshot(f.store, await f.brought())],
		["signed in once more", (f) => f.account.signIn(ME, new Uint8Array([8]), "me")],
		["messages are reset", async (f) => f.sync({ more: true, resetMessages: true, texts: whole.texts })],
		["deleted meanwhile", (f) => f.messages.deleteConversation(ANN)],
	];
	for (const [what, happens] of again) {
		const f = await fixture();
		await f.sync(whole);
		await happens(f);
		const repeats = what === "it goes on" || what === "deleted meanwhile" ? [] : whole.texts;
		const applied = await f.sync({ more: true, texts: [...repeats, received(5)] });
		assert.deepEqual(applied.messages, [], "a first sync tells of none");
		await f.sync({ texts: [received(6)] });
		await f.sync({ texts: [...whole.texts, received(5)] });
		const [kept, fourth] = [what === "deleted meanwhile" ? "" : "r1 from my phone r3 ", what === "it goes on"];
		assert.equal(await f.show(ANN), `${kept}${fourth ? "r4 " : ""}r5 r6|`, what);
	}
});

test("in a first sync a text that was written here meanwhile stands once", async () => {
	const f = await fixture();
	await f.sync({ more: true, texts: [received(1)] });
	const [first, second] = [await f.type(ANN, "hello"), await f.type(BOB, "hello")];
	await f.outbox.answered(first.key, hex(9));
	await f.sync({ more: true, texts: [sent(9, ANN, "hello"), received(10)] });
	assert.equal(await f.show(ANN), "r1 hello r10|");
	assert.equal((await f.messages.messages(ANN)).messages[1]?.key, first.key);
	await f.outbox.answered(second.key, hex(11));
	await f.sync({ texts: [sent(11, BOB, "hello")] });
	assert.equal(await f.show(BOB), "hello|");
});

test("an answer is dropped when another tab was faster, or another account is signed in", async () => {
	const f = await fixture();
	const early = await f.brought();
	await f.sync({ texts: [received(1)] });
	assert.equal(await applySync(f.store, early, f.page({ texts: [received(2)] })), null);
	assert.equal(await f.show(ANN), "r1|");
	await f.account.signIn(BOB, new Uint8Array([8]), "bob");
	const ofBob = await f.brought();
	assert.equal(ofBob.snapshot, early.snapshot);
	assert.equal(await applySync(f.store, early, f.page({ texts: [received(3)] })), null);
	assert.deepEqual(await f.messages.conversations(), [], "and all of the other one is gone");
	await assert.rejects(f.type(ANN, "typed by the first one"), { code: "UNAUTHENTICATED" });
});

test("contacts: changes, deletions, and a reset that comes on several pages", async () => {
	const f = await fixture();
	const list = async () => (await f.contacts.contacts()).map(({ uin, relation }) => `${uin} ${relation}`);
	await f.sync({ resetContacts: true, contacts: [contact(ANN, "contact"), contact(BOB, "outgoing")] });
	await f.sync({ contacts: [contact(BOB, "contact"), contact(4, "contact"), { uin: ANN, deleted: true }] });
	assert.deepEqual(await list(), ["3 contact", "4 contact"]);
	const part = await f.sync({ resetContacts: true, contacts: [contact(5, "contact")], more: true });
	assert.deepEqual(part.change.contacts, [5]);
	assert.deepEqual(await list(), ["3 contact", "4 contact", "5 contact"], "nobody is missing meanwhile");
	const rest = await f.sync({ contacts: [contact(BOB, "ended")] });
	assert.deepEqual([...rest.change.contacts].sort(), [BOB, 4]);
	assert.deepEqual(await list(), ["3 ended", "5 contact"]);
});

test("who asks is told once, however often the server tells it", async () => {
	const f = await fixture();
	const asks = async (part: Partial<SyncPage>) => (await f.sync(part)).requests.map(({ uin }) => uin);
	const ann = contact(ANN, "incoming", { askedMs: 5, greeting: "it is me" });
	assert.deepEqual(await asks({ contacts: [ann] }), [ANN]);
	assert.deepEqual(await asks({ contacts: [{ ...ann, nickname: "Ann" }] }), []);
	assert.deepEqual(await asks({ resetContacts: true, contacts: [], more: true }), []);
	assert.deepEqual(await asks({ contacts: [ann] }), []);
	assert.deepEqual(await asks({ contacts: [{ ...ann, askedMs: 6 }] }), [ANN]);
	assert.deepEqual(await asks({ contacts: [contact(BOB, "incoming", { blocked: true })] }), []);
});

test("profile and settings: as the server has them, defaults where it has none", async () => {
	const f = await fixture();
	assert.equal((await f.account.me()).name, "me");
	const profile = { uin: ME, name: "me", nickname: "I", signature: "", region: "", avatarColour: 7 };
	const { change } = await f.sync({ profile, settings: { mayWrite: "anyone", mayAsk: "nobody" } });
	assert.equal(change.me, true);
	assert.deepEqual((await f.account.me()).settings, { mayWrite: "anyone", mayAsk: "nobody" });
	assert.equal((await f.account.me()).nickname, "I");
	await f.sync({ settings: null });
	assert.deepEqual((await f.account.me()).settings, { mayWrite: "default", mayAsk: "default" });
	await f.sync({ settings: { mayWrite: "anyone", mayAsk: "nobody" } });
	await f.sync({ resetAccount: true });
	assert.deepEqual((await f.account.me()).settings, { mayWrite: "default", mayAsk: "default" });
	assert.equal((await f.sync()).change.me, false);
});

test("a deleted conversation begins anew, and stays deleted when the server tells it again", async () => {
	const f = await fixture();
	await f.sync({ texts: [received(1), received(2)] });
	const answered = await f.type(ANN, "answered");
	await f.outbox.answered(answered.key, hex(3));
	const failed = await f.type(ANN, "failed");
	await f.outbox.refused(failed.key.slice(1), failed.key, { code: "PERMISSION_DENIED", message: "no" });
	await f.messages.setDraft(ME, ANN, "draft", 1);
	await f.messages.deleteConversation(ANN);
	assert.deepEqual(await f.messages.conversations(), []);
	await f.sync({ texts: [received(1), received(2), sent(3, ANN, "answered"), received(4)] });
	assert.equal(await f.show(ANN), "r4|");
	assert.deepEqual(
		(await f.messages.conversations()).map(({ count, unread }) => [count, unread]),
		[[1, 1]],
	);
	const sending = await f.type(ANN, "sending");
	await f.messages.deleteConversation(ANN);
	assert.equal(await f.show(ANN), "|sending");
	await f.outbox.answered(sending.key, hex(5));
	assert.equal(await f.show(ANN), "sending|");
});

test("conversations: newest first, with drafts, the outbox included", async () => {
	const f = await fixture();
	await f.sync({ texts: [received(5), received(6, BOB)] });
	await f.messages.setDraft(ME, 4, "to somebody", 5500);
	const list = async () =>
		(await f.messages.conversations()).map(({ peer, last, draft }) => [peer, last?.text, draft]);
	assert.deepEqual(await list(), [
		[BOB, "r6", ""],
		[4, undefined, "to somebody"],
		[ANN, "r5", ""],
	]);
	await f.messages.setDraft(ME, ANN, "more", 9000);
	await f.messages.setDraft(ME, 4, "", 9001);
	assert.deepEqual(await list(), [
		[ANN, "r5", "more"],
		[BOB, "r6", ""],
	]);
	await f.outbox.add({ from: ME, peer: BOB, text: "typed", clientId: hex(1), madeMs: 10_000, chosen: false });
	assert.deepEqual((await list())[0], [BOB, "typed", ""]);
});

test("pages of messages, both ways", async () => {
	const f = await fixture();
	await f.sync({ texts: Array.from({ length: 7 }, (_, i) => received(i + 1)) });
	const read = async (query: object) => {
		const { messages, more } = await f.messages.messages(ANN, query);
		return `${messages.map(({ text }) => text).join(" ")}${more ? " ..." : ""}`;
	};
	const seq = async (n: number) => (await f.messages.messages(ANN)).messages[n - 1]?.seq;
	assert.equal(await read({}), "r1 r2 r3 r4 r5 r6 r7");
	assert.equal(await read({ limit: 3 }), "r5 r6 r7 ...");
	assert.equal(await read({ limit: 3, before: await seq(5) }), "r2 r3 r4 ...");
	assert.equal(await read({ limit: 3, before: await seq(4) }), "r1 r2 r3");
	assert.equal(await read({ limit: 3, after: await seq(1) }), "r2 r3 r4 ...");
	assert.equal(await read({ limit: 3, after: await seq(4) }), "r5 r6 r7");
	assert.equal(await read({ after: await seq(7) }), "");
	assert.equal(await read({ after: await seq(2), before: await seq(5) }), "r3 r4");
	assert.equal(await read({ before: 0 }), "");
});

test("a note to oneself is one message, read", async () => {
	const f = await fixture();
	await f.sync();
	const typed = await f.type(ME, "buy bread");
	await f.outbox.answered(typed.key, hex(1));
	const { messages } = await f.sync({ texts: [sent(1, ME, "buy bread")] });
	assert.deepEqual(messages, []);
	assert.equal(await f.show(ME), "buy bread|");
	assert.equal(await f.unread(ME), 0);
});

test("what belongs to neither is skipped, and so is what comes twice on one page", async () => {
	const f = await fixture();
	await f.sync({ texts: [{ ...received(1), to: BOB }, received(2), received(2)] });
	assert.equal(await f.show(ANN), "r2|");
	assert.deepEqual(
		(await f.messages.conversations()).map(({ count }) => count),
		[1],
	);
});

test("the account: signed in, ended, signed in again, wiped", async () => {
	const f = await fixture();
	const device = await f.account.device();
	assert.match(device, /^[A-Za-z0-9._-]{1,32}$/);
	await f.sync({ texts: [received(1)] });
	assert.equal(await f.account.ticketEnded(new Uint8Array([9])), false, "another ticket than this one");
	assert.equal(await f.account.ticketEnded(new Uint8Array([7])), true);
	assert.equal((await f.account.account())?.ticket, null);
	assert.equal(await whatToBring(f.store), null);
	assert.equal(await f.show(ANN), "r1|", "what is stored stays");
	await f.account.signIn(ME, new Uint8Array([10]), "me");
	assert.equal((await f.brought()).snapshot, "");
	assert.equal((await f.sync({ texts: [received(1), received(2)] })).messages.length, 1, "not a first sync");
	await f.account.wipe();
	assert.equal(await f.account.account(), null);
	assert.equal(await f.account.device(), device);
	await assert.rejects(f.account.me(), { code: "UNAUTHENTICATED" });
	await assert.rejects(f.type(ANN, "x"), (why) => why instanceof HongyanError && why.code === "UNAUTHENTICATED");
	assert.deepEqual(await f.messages.conversations(), []);
});
