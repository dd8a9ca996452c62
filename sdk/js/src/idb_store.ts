/**
 * idb_store.ts - the store of browsers: IndexedDB, shared by all tabs of the page, with BroadcastChannel between them.
 */
import { shapes, tables } from "./schema.ts";
import type { Key, Range, Store, Table, Transaction } from "./store.ts";
import { HongyanError } from "./types.ts";

/**
 * What makes of each version the next one; the first of nothing. Never changed once published: a new one is added, and the
 * shapes in schema.ts are what all of them together give.
 */
const upgrades: ((db: IDBDatabase, tx: IDBTransaction) => void)[] = [
	(db) => {
		for (const table of tables) {
			const { key, indexes } = shapes[table];
			const made = db.createObjectStore(table, { keyPath: key });
			for (const [name, field] of Object.entries(indexes)) made.createIndex(name, field);
		}
	},
];

function nameOf(error: unknown): string {
	return typeof error === "object" && error !== null && "name" in error ? String(error.name) : "";
}

/** Errors of IndexedDB as people can read them; others stay as they are. */
function explain(error: unknown): unknown {
	if (error instanceof HongyanError) return error;
	const name = nameOf(error);
	const detail = error instanceof Error && error.message ? `${name}: ${error.message}` : name;
	switch (name) {
		case "QuotaExceededError":
			return new HongyanError("RESOURCE_EXHAUSTED", "the browser has no room left for this page's data");
		case "VersionError":
			return new HongyanError(
				"FAILED_PRECONDITION",
				"the data here are of a newer version of this page: reload it",
			);
		case "SecurityError":
		case "InvalidStateError":
		case "AbortError":
		case "UnknownError":
		case "NotFoundError":
		case "TimeoutError":
		case "TransactionInactiveError":
			return new HongyanError("UNAVAILABLE", `the browser does not let this page keep data now (${detail})`);
		default:
			return error;
	}
}

function answerOf<T>(request: IDBRequest<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}

function keyRange(lower: Key | undefined, upper: Key | undefined): IDBKeyRange | null {
	if (lower !== undefined && upper !== undefined) return IDBKeyRange.bound(lower, upper);
	if (lower !== undefined) return IDBKeyRange.lowerBound(lower);
	return upper === undefined ? null : IDBKeyRange.upperBound(upper);
}

/** Rows from the last one backwards: getAll() knows one direction only. */
function listBackwards<T>(source: IDBObjectStore | IDBIndex, range: IDBKeyRange | null, limit: number): Promise<T[]> {
	return new Promise((resolve, reject) => {
		const found: T[] = [];
		const request = source.openCursor(range, "prev");
		request.onerror = () => reject(request.error);
		request.onsuccess = () => {
			const cursor = request.result;
			if (cursor) found.push(cursor.value as T);
			if (cursor && found.length < limit) cursor.continue();
			else resolve(found);
		};
	});
}

class IdbTransaction implements Transaction {
	constructor(private readonly tx: IDBTransaction) {}

	private source(table: Table, index?: string): IDBObjectStore | IDBIndex {
		const store = this.tx.objectStore(table);
		return index === undefined ? store : store.index(index);
	}

	async get<T>(table: Table, key: Key, index?: string): Promise<T | undefined> {
		return (await answerOf(this.source(table, index).get(key))) as T | undefined;
	}

	async list<T>(table: Table, range: Range = {}): Promise<T[]> {
		const source = this.source(table, range.index);
		const keys = keyRange(range.lower, range.upper);
		if (range.limit !== undefined && range.limit < 1) return [];
		if (range.reverse) return listBackwards<T>(source, keys, range.limit ?? Infinity);
		return (await answerOf(source.getAll(keys, range.limit))) as T[];
	}

	/* A request that fails ends the transaction, which tells. */
	put(table: Table, row: object): void {
		this.tx.objectStore(table).put(row);
	}

	delete(table: Table, key: Key): void {
		this.tx.objectStore(table).delete(key);
	}

	clear(table: Table, range?: { lower: Key; upper: Key }): void {
		const store = this.tx.objectStore(table);
		if (range) store.delete(IDBKeyRange.bound(range.lower, range.upper));
		else store.clear();
	}
}

function endOf(tx: IDBTransaction): Promise<void> {
	return new Promise((resolve, reject) => {
		tx.oncomplete = () => resolve();
		tx.onabort = () => reject(tx.error ?? new DOMException("the transaction was ended", "AbortError"));
	});
}

/** Which database. */
export interface IdbStoreOptions {
	/** Of the database; one for each server that a page talks to. Default "hongyan". */
	name?: string;
}

/**
 * Rejects with HongyanError: UNAVAILABLE: the browser lets the page keep no data (some do in private windows), or another
 * tab holds an older version open; RESOURCE_EXHAUSTED: no room; FAILED_PRECONDITION: another tab has a newer version of
 * the page, this one must be loaded again.
 */
export class IdbStore implements Store {
	private readonly name: string;
	private db: IDBDatabase | null = null;
	private opening: Promise<IDBDatabase> | null = null;
	private channel: BroadcastChannel | null = null;
	private listeners: ((note: unknown) => void)[] = [];
	private wanted = false;
	/** Another tab needs a newer version: this page is too old to go on. */
	private outdated = false;

	constructor(options: IdbStoreOptions = {}) {
		this.name = options.name ?? "hongyan";
	}

	async open(): Promise<void> {
		this.wanted = true;
		await this.connected();
		if (typeof BroadcastChannel === "undefined" || this.channel || !this.wanted) return;
		this.channel = new BroadcastChannel(`hongyan:${this.name}`);
		this.channel.onmessage = (event: MessageEvent) => this.listeners.forEach((listener) => listener(event.data));
		/* In Node.js a channel would keep the program running. */
		(this.channel as { unref?: () => void }).unref?.();
	}

	async close(): Promise<void> {
		this.wanted = false;
		this.channel?.close();
		this.channel = null;
		await this.opening?.catch(() => {});
		this.db?.close();
		this.db = null;
	}

	tell(note: unknown): void {
		this.channel?.postMessage(note);
	}

	onTold(listener: (note: unknown) => void): void {
		this.listeners.push(listener);
	}

	async transact<T>(mode: "read" | "write", scope: Table[], work: (tx: Transaction) => Promise<T>): Promise<T> {
		const tx = await this.begin(mode, scope);
		const end = endOf(tx);
		let result: T;
		try {
			result = await work(new IdbTransaction(tx));
		} catch (why) {
			throw explain(await this.abandon(tx, end, why));
		}
		await end.catch((why: unknown) => {
			throw explain(why);
		});
		return result;
	}

	/** If the browser has ended it, its reason says more than what the calls after that got. */
	private async abandon(tx: IDBTransaction, end: Promise<void>, why: unknown): Promise<unknown> {
		try {
			tx.abort();
		} catch {
			/* It has ended by itself. */
		}
		await end.catch(() => {});
		return tx.error ?? why;
	}

	private async begin(mode: "read" | "write", scope: Table[]): Promise<IDBTransaction> {
		const start = (db: IDBDatabase): IDBTransaction =>
			db.transaction(scope, mode === "read" ? "readonly" : "readwrite", { durability: "strict" });
		try {
			return start(await this.connected());
		} catch (why) {
			if (nameOf(why) !== "InvalidStateError") throw explain(why);
			/* The browser has closed it: site data were cleared, or the disk had trouble. */
			this.db = null;
			return start(await this.connected());
		}
	}

	private connected(): Promise<IDBDatabase> {
		if (!this.wanted) return Promise.reject(new HongyanError("CANCELLED", "the store is closed"));
		if (this.outdated)
			return Promise.reject(
				new HongyanError("FAILED_PRECONDITION", "another tab has a newer version of this page: reload it"),
			);
		if (this.db) return Promise.resolve(this.db);
		this.opening ??= this.connect().finally(() => (this.opening = null));
		return this.opening;
	}

	private async connect(): Promise<IDBDatabase> {
		try {
			const db = await this.request();
			db.onversionchange = (event) => {
				/* null: it is being deleted, and begins anew. */
				if (event.newVersion !== null) this.outdated = true;
				this.forget(db);
			};
			db.onclose = () => this.forget(db);
			this.db = db;
			return db;
		} catch (why) {
			throw explain(why);
		}
	}

	private forget(db: IDBDatabase): void {
		db.close();
		if (this.db === db) this.db = null;
	}

	private request(): Promise<IDBDatabase> {
		return new Promise((resolve, reject) => {
			let given = false;
			const request = indexedDB.open(this.name, upgrades.length);
			request.onupgradeneeded = (event) => {
				const tx = request.transaction;
				if (tx) for (const upgrade of upgrades.slice(event.oldVersion)) upgrade(request.result, tx);
			};
			request.onblocked = () => {
				given = true;
				reject(new HongyanError("UNAVAILABLE", "another tab has an older version of this page open: close it"));
			};
			request.onerror = () => reject(request.error);
			/* After it was blocked nobody waits for it any more. */
			request.onsuccess = () => (given ? request.result.close() : resolve(request.result));
		});
	}
}
