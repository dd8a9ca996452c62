/**
 * schema.ts - what the tables of store.ts are made of: by which fields their rows are named and found, and how keys compare.
 *
 * Rows are plain JSON values. A row that lacks an index's field is not in that index.
 */
import type { Key, KeyPart, Table } from "./store.ts";

/** Of one table: the fields that make its key, and its indexes by name, each over one field. */
export interface TableShape {
	key: string | string[];
	indexes: Record<string, string>;
}

/** Every table's. */
export const shapes: Record<Table, TableShape> = {
	meta: { key: "name", indexes: {} },
	contacts: { key: "uin", indexes: {} },
	conversations: { key: "peer", indexes: { unread: "firstUnreadSeq" } },
	messages: { key: ["peer", "seq"], indexes: { id: "id" } },
	outbox: { key: ["peer", "order"], indexes: { key: "key" } },
	drafts: { key: "peer", indexes: {} },
};

/** Their names. */
export const tables = Object.keys(shapes) as Table[];

/** Above every number: the upper end of "all rows of a peer" is [peer, END]. */
export const END = "\uffff";

function field(row: object, name: string): KeyPart | undefined {
	const value: unknown = (row as Record<string, unknown>)[name];
	return typeof value === "number" || typeof value === "string" ? value : undefined;
}

/** Throws TypeError where a row lacks a part of its key: a fault of the caller. */
export function keyOf(table: Table, row: object): Key {
	const names = shapes[table].key;
	const part = (name: string): KeyPart => {
		const value = field(row, name);
		if (value === undefined) throw new TypeError(`a row of ${table} lacks ${name}`);
		return value;
	};
	return typeof names === "string" ? part(names) : names.map(part);
}

/** undefined: the row is not in this index. */
export function indexedBy(table: Table, index: string, row: object): KeyPart | undefined {
	const name = shapes[table].indexes[index];
	if (name === undefined) throw new TypeError(`${table} has no index ${index}`);
	return field(row, name);
}

function compareParts(a: KeyPart, b: KeyPart): number {
	if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
	return a < b ? -1 : a > b ? 1 : 0;
}

/** As IndexedDB does it: numbers, strings, arrays; arrays part by part, the shorter one first. */
export function compareKeys(a: Key, b: Key): number {
	if (!Array.isArray(a)) return Array.isArray(b) ? -1 : compareParts(a, b);
	if (!Array.isArray(b)) return 1;
	for (let i = 0; i < a.length && i < b.length; i++) {
		const order = compareParts(a[i] as KeyPart, b[i] as KeyPart);
		if (order !== 0) return order;
	}
	return a.length - b.length;
}
