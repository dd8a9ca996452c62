/**
 * rows.ts - the rows of the store, and what programs see of them. All are plain JSON; bytes are hex.
 */
import { END } from "./schema.ts";
import type { Key } from "./store.ts";
import type { Contact, Conversation, Message, Profile, Settings, Status, Uin } from "./types.ts";

/** meta "account": who is signed in here, or was: then without a ticket. */
export interface AccountRow {
	name: "account";
	uin: Uin;
	ticket: string;
	/** Another one at each sign-in: answers to requests of an earlier one are not stored. */
	login: string;
}

/** meta "device": this device's name for itself, made once. */
export interface DeviceRow {
	name: "device";
	device: string;
}

/** meta "sync": how far it has come. */
export interface SyncRow {
	name: "sync";
	/** Empty: from the beginning. */
	snapshot: string;
	/** This device has had nothing yet: the pages up to the first that says so are its first sync. */
	first: boolean;
	/**
	 * In a first sync: it began with nothing stored, and goes on from page to page. No text of another device or of
	 * somebody else can be here already.
	 */
	fresh?: boolean;
	/** Rises with each reset of contacts; those of an older one go when the server has told all. */
	round: number;
	sweeping: boolean;
}

/** meta "counters": the last that were given. */
export interface CountersRow {
	name: "counters";
	seq: number;
	order: number;
}

/** meta "profile": the user's own. */
export interface ProfileRow {
	name: "profile";
	profile: Profile;
}

/** meta "settings": the user's own. */
export interface SettingsRow {
	name: "settings";
	settings: Settings;
}

/** contacts: as the server told it last. */
export interface ContactRow extends Contact {
	/** Of the sync that told it; see SyncRow. */
	round: number;
}

/** The conversation itself is in the row, so that a list of them reads no messages. */
export interface ConversationRow {
	peer: Uin;
	last?: Message;
	unread: number;
	/** Absent: all are read. The index "unread" goes by it. */
	firstUnreadSeq?: number;
	count: number;
}

/** messages: a text that the server has, received or own. */
export interface MessageRow {
	peer: Uin;
	seq: number;
	id: string;
	key: string;
	from: Uin;
	fromName: string;
	timeMs: number;
	text: string;
	own: boolean;
	/** Answered for, its copy has not come by sync yet. */
	provisional?: boolean;
}

/** Of a message that was deleted here: under peer 0, so that it stays so when the server tells it again. */
export interface GraveRow {
	peer: 0;
	seq: number;
	id: string;
}

/** Of a row of messages. */
export function isGrave(row: MessageRow | GraveRow): row is GraveRow {
	return row.peer === 0;
}

/** outbox: a text that is being sent, or was refused. */
export interface OutboxRow {
	peer: Uin;
	order: number;
	key: string;
	clientId: string;
	madeMs: number;
	text: string;
	from: Uin;
	fromName: string;
	state: "sending" | "failed";
	/** It may have reached the server. */
	tried: boolean;
	/**
	 * Id of an own message that came by sync with this text, and is shown in its stead until the answer tells whether it
	 * is this one.
	 */
	taken?: string;
	error?: { code: Status; message: string };
}

/** drafts: what was typed and not sent. */
export interface DraftRow {
	peer: Uin;
	text: string;
	timeMs: number;
}

/** Above every stored message. */
const OUTBOX_SEQ = 2 ** 50;

/** All rows of a peer, in tables whose key begins with it. */
export function ofPeer(peer: Uin): { lower: Key; upper: Key } {
	return { lower: [peer, 0], upper: [peer, END] };
}

/** As programs see it. */
export function messageOf(row: MessageRow): Message {
	const { peer, seq, id, key, from, fromName, timeMs, text } = row;
	return { key, peer, seq, id, from, fromName, timeMs, text, state: row.own ? "sent" : "received" };
}

/** As programs see it: above all that is stored. */
export function outboxMessageOf(row: OutboxRow): Message {
	const { key, peer, order, from, fromName, madeMs, text, state, error } = row;
	const message: Message = {
		key,
		peer,
		seq: OUTBOX_SEQ + order,
		id: "",
		from,
		fromName,
		timeMs: madeMs,
		text,
		state,
	};
	return error ? { ...message, error: { ...error } } : message;
}

/** As programs see it, its draft included. */
export function conversationOf(row: ConversationRow, draft: DraftRow | undefined): Conversation {
	const { peer, last, unread, count } = row;
	return {
		peer,
		...(last && { last }),
		timeMs: Math.max(last?.timeMs ?? 0, draft?.timeMs ?? 0),
		unread,
		firstUnreadSeq: row.firstUnreadSeq ?? 0,
		draft: draft?.text ?? "",
		count,
	};
}

/** As programs see it. */
export function contactOf(row: ContactRow): Contact {
	const { round: _, ...contact } = row;
	return contact;
}

const hexDigits = "0123456789abcdef";

/** Two lower-case digits a byte. */
export function toHex(bytes: Uint8Array): string {
	let hex = "";
	for (const byte of bytes) hex += hexDigits.charAt(byte >> 4) + hexDigits.charAt(byte & 15);
	return hex;
}

/** Throws TypeError if it is not hex. */
export function fromHex(hex: string): Uint8Array {
	if (!/^([0-9a-fA-F]{2})*$/.test(hex)) throw new TypeError("not hex digits");
	return Uint8Array.from({ length: hex.length / 2 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
