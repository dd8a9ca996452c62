/**
 * store.ts - where a client keeps what it knows: tables of rows, read and changed in transactions.
 *
 * What came with a sync and its snapshot are written in one transaction, so that neither is ever there without the other.
 * IndexedDB (idb_store.ts) in browsers, a file (file_store.ts) in Node.js, memory (memory_store.ts) for tests and for programs
 * that want to keep nothing. What the rows mean stands in rows.ts.
 */

/** A part of a key, and a key: compared as IndexedDB does it, numbers before strings, arrays part by part. */
export type KeyPart = number | string;
export type Key = KeyPart | KeyPart[];

/**
 * Tables and what their rows are named by:
 *   meta           name                      ticket, device, snapshot, profile, settings ...
 *   contacts       uin
 *   conversations  peer; index "unread": firstUnreadSeq, of those that have one
 *   messages       [peer, seq]; index "id": id
 *   outbox         [peer, order]; index "key": key
 *   drafts         peer
 * Rows are plain JSON values. One that was handed out is not to be changed.
 */
export type Table = "meta" | "contacts" | "conversations" | "messages" | "outbox" | "drafts";

/** Which rows of a table, by key or by an index; absent fields do not limit. */
export interface Range {
	/** Both inclusive; absent: from the first, to the last. */
	lower?: Key;
	upper?: Key;
	reverse?: boolean;
	limit?: number;
	index?: string;
}

/** Inside a transaction nothing but its own calls may be awaited: IndexedDB ends it otherwise. */
export interface Transaction {
	get<T>(table: Table, key: Key, index?: string): Promise<T | undefined>;
	list<T>(table: Table, range?: Range): Promise<T[]>;
	put(table: Table, row: object): void;
	delete(table: Table, key: Key): void;
	/** All rows of a table, or those from `lower` to `upper`. */
	clear(table: Table, range?: { lower: Key; upper: Key }): void;
}

/** See above. Who makes one says how it fails. */
export interface Store {
	open(): Promise<void>;
	/**
	 * Runs `work` in one transaction; what it put is there, all of it, safe from a crash, when the promise resolves, and
	 * nothing of it if `work` throws. Writers wait for each other, also those of other tabs.
	 */
	transact<T>(mode: "read" | "write", tables: Table[], work: (tx: Transaction) => Promise<T>): Promise<T>;
	/**
	 * Tells other clients on the same store (tabs) something small, and hears what they tell. Not durable, may be lost.
	 * Without others: does nothing.
	 */
	tell(note: unknown): void;
	onTold(listener: (note: unknown) => void): void;
	close(): Promise<void>;
}
