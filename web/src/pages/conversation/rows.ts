/** rows.ts - what a conversation looks like: messages in groups, days, and where the new ones begin. */
import type { Message } from "hongyan";
import { dayNumber } from "./days.ts";

/** A day begins here. */
export interface DayRow {
	kind: "day";
	key: string;
	timeMs: number;
}

/** "New messages": above the first one that was not read. */
export interface NewRow {
	kind: "new";
	key: string;
}

/** A message, and how it joins with those around it. */
export interface MessageRow {
	kind: "message";
	key: string;
	message: Message;
	own: boolean;
	/** The first, or last, of those that one side wrote in a row. */
	opens: boolean;
	closes: boolean;
}

/** What stands in a conversation's list. */
export type Row = DayRow | NewRow | MessageRow;

/** Longer pauses begin a new group. */
const GROUP_GAP_MS = 5 * 60_000;

function belongTogether(a: Message | undefined, b: Message | undefined): boolean {
	if (!a || !b) return false;
	const near = Math.abs(b.timeMs - a.timeMs) < GROUP_GAP_MS;
	return a.from === b.from && near && dayNumber(a.timeMs) === dayNumber(b.timeMs);
}

function sameRow(a: Row | undefined, b: Row): boolean {
	if (!a || a.kind !== b.kind) return false;
	if (a.kind === "message" && b.kind === "message") {
		const same = a.own === b.own && a.opens === b.opens && a.closes === b.closes;
		return same && sameMessage(a.message, b.message);
	}
	return true;
}

/** True if they look the same: a message that was read anew from the store is another object. */
export function sameMessage(a: Message, b: Message): boolean {
	return (
		a === b ||
		(a.key === b.key &&
			a.seq === b.seq &&
			a.id === b.id &&
			a.state === b.state &&
			a.timeMs === b.timeMs &&
			a.text === b.text)
	);
}

/** What rows are made of. */
export interface RowsOf {
	me: number;
	/** In order. */
	messages: readonly Message[];
	/** The oldest of them is the conversation's first: only then is the day before it known to be another one. */
	fromStart: boolean;
	/** The "new" line stands above the first received message from this place on; 0: nowhere. */
	newFromSeq: number;
}

/**
 * The rows of some messages. Rows that are as they were in `old` are the same objects: lists need not draw them again.
 */
export function makeRows(of: RowsOf, old: ReadonlyMap<string, Row> = new Map()): Row[] {
	const rows: Row[] = [];
	const add = (row: Row): void => {
		const before = old.get(row.key);
		rows.push(before && sameRow(before, row) ? before : row);
	};
	const firstNew =
		of.newFromSeq === 0 ? -1 : of.messages.findIndex((one) => one.state === "received" && one.seq >= of.newFromSeq);
	of.messages.forEach((message, i) => {
		const before = of.messages[i - 1];
		const after = of.messages[i + 1];
		const day = dayNumber(message.timeMs);
		const newDay = before ? dayNumber(before.timeMs) !== day : of.fromStart;
		if (newDay) add({ kind: "day", key: `day ${day} ${message.key}`, timeMs: message.timeMs });
		if (i === firstNew) add({ kind: "new", key: "new" });
		add({
			kind: "message",
			key: message.key,
			message,
			own: message.from === of.me,
			opens: i === firstNew || !belongTogether(before, message),
			closes: i + 1 === firstNew || !belongTogether(message, after),
		});
	});
	return rows;
}
