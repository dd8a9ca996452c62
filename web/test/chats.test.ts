/** chats.test.ts - what the list of conversations says of each, and what a search finds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Contact, Conversation, Message } from "hongyan";
import { findChats, oneLine, previewOf } from "../src/pages/chats/preview.ts";

const message = (from: number, text: string, state: Message["state"]): Message => {
	return { key: "k", peer: 2, seq: 1, id: "", from, fromName: "ben", timeMs: 1, text, state };
};
const conversation = (peer: number, change: Partial<Conversation> = {}): Conversation => {
	return { peer, timeMs: 1, unread: 0, firstUnreadSeq: 0, draft: "", count: 0, ...change };
};
const contact = (uin: number, name: string, change: Partial<Contact> = {}): Contact => {
	const profile = { uin, name, nickname: "", signature: "", region: "", avatarColour: 0 };
	return {
		...profile,
		relation: "contact",
		remark: "",
		blocked: false,
		greeting: "",
		askedMs: 0,
		gone: false,
		...change,
	};
};

test("a conversation is told by its draft, or by its last message", () => {
	const own = conversation(2, { last: message(1, "hi\n\n there", "failed") });
	assert.deepEqual(previewOf(own, 1, false), { kind: "own", text: "hi there", state: "failed" });
	assert.deepEqual(previewOf(conversation(2, { last: message(2, "hi", "received") }), 1, false), {
		kind: "theirs",
		text: "hi",
	});
	assert.deepEqual(previewOf({ ...own, draft: "well " }, 1, false), { kind: "draft", text: "well" });
	assert.equal(previewOf({ ...own, draft: "well" }, 1, true).kind, "own");
	assert.equal(previewOf({ ...own, draft: " \n" }, 1, false).kind, "own");
	assert.equal(previewOf(conversation(2), 1, false).kind, "none");
});

test("a long text is one short line, whole characters alone", () => {
	assert.equal(oneLine("a\n\tb"), "a b");
	assert.equal(oneLine("x".repeat(9000)).length, 160);
	assert.equal(oneLine(`x${"😀".repeat(100)}`).length, 159);
});

test("a search finds conversations by name, and contacts with whom there is none", () => {
	const chats = [conversation(2, { last: message(2, "hi", "received") }), conversation(3), conversation(9)];
	const people = [contact(3, "ann"), contact(4, "anna"), contact(5, "annika", { blocked: true }), contact(9, "tom")];
	const isFound = (one: Contact, search: string): boolean => one.name.includes(search);
	const peersOf = (search: string): number[][] => {
		const found = findChats(chats, people, search, isFound);
		return [found.conversations.map((one) => one.peer), found.others.map((one) => one.uin)];
	};
	assert.deepEqual(peersOf(" "), [[2, 3, 9], []]);
	assert.deepEqual(peersOf("ann"), [[3], [4]]);
	assert.deepEqual(peersOf("Ben"), [[2], []]);
	assert.deepEqual(peersOf("nobody"), [[], []]);
});
