/**
 * memory_store.ts - tables in memory: for tests, and for programs that want to keep nothing. file_store.ts adds a file.
 *
 * Transactions run in the order in which they were asked for: neighbouring reads side by side, a write alone. Neighbouring
 * writes are made safe together.
 */
import { END, indexedBy, keyOf, shapes, tables } from "./schema.ts";
import { SortedMap } from "./sorted.ts";
import type { Key, KeyPart, Range, Store, Table, Transaction } from "./store.ts";
import { HongyanError } from "./types.ts";

/** What became of one row: as a line of a journal tells it. Without a row: it went. */
export interface RowChange {
	table: Table;
	key: Key;
	row?: object;
}

const WRITES_TOGETHER_MAX = 64;

interface Job {
	mode: "read" | "write";
	run: () => Promise<void>;
	succeed: () => void;
	fail: (why: unknown) => void;
}

function freeze<T>(value: T): T {
	if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
		Object.values(value).forEach(freeze);
		Object.freeze(value);
	}
	return value;
}

function indexKey(table: Table, index: string, row: object): Key | undefined {
	const by = indexedBy(table, index, row);
	return by === undefined ? undefined : [by, ...([keyOf(table, row)].flat() as KeyPart[])];
}

/** One table with its indexes. */
class MemoryTable {
	readonly rows = new SortedMap<object>();
	private readonly indexes: [string, SortedMap<object>][];

	constructor(private readonly name: Table) {
		this.indexes = Object.keys(shapes[name].indexes).map((index) => [index, new SortedMap<object>()]);
	}

	/** Puts a row in place of what was there, or takes that away; returns it. */
	replace(key: Key, row: object | undefined): object | undefined {
		const old = this.rows.get(key);
		for (const [index, map] of this.indexes) {
			const before = old && indexKey(this.name, index, old);
			const after = row && indexKey(this.name, index, row);
			if (before !== undefined) map.delete(before);
			if (row && after !== undefined) map.set(after, row);
		}
		if (row) this.rows.set(key, row);
		else this.rows.delete(key);
		return old;
	}

	list(range: Range): object[] {
		if (range.index === undefined) return this.rows.range(range.lower, range.upper, range.reverse, range.limit);
		const upper = range.upper === undefined ? undefined : ([range.upper, END].flat() as KeyPart[]);
		const lower = range.lower === undefined ? undefined : ([range.lower].flat() as KeyPart[]);
		return this.index(range.index).range(lower, upper, range.reverse, range.limit);
	}

	private index(name: string): SortedMap<object> {
		const found = this.indexes.find(([index]) => index === name);
		if (!found) throw new TypeError(`${this.name} has no index ${name}`);
		return found[1];
	}
}

/** Changes the tables at once, and knows how they were. */
class MemoryTransaction implements Transaction {
	private readonly before: RowChange[] = [];
	/** Of those that were changed, each once. */
	readonly changed = new Map<string, { table: Table; key: Key }>();
	private over = false;

	constructor(
		private readonly data: Record<Table, MemoryTable>,
		private readonly mode: "read" | "write",
		private readonly scope: Table[],
	) {}

	private table(name: Table): MemoryTable {
		if (this.over) throw new TypeError("the transaction is over: it awaited something else, or was kept");
		if (!this.scope.includes(name)) throw new TypeError(`${name} is not in this transaction`);
		return this.data[name];
	}

	async get<T>(table: Table, key: Key, index?: string): Promise<T | undefined> {
		const rows = this.table(table);
		if (index === undefined) return rows.rows.get(key) as T | undefined;
		return rows.list({ index, lower: key, upper: key, limit: 1 })[0] as T | undefined;
	}

	async list<T>(table: Table, range: Range = {}): Promise<T[]> {
		return this.table(table).list(range) as T[];
	}

	put(table: Table, row: object): void {
		this.change(table, keyOf(table, row), freeze(structuredClone(row)));
	}

	delete(table: Table, key: Key): void {
		this.change(table, key, undefined);
	}

	clear(table: Table, range?: { lower: Key; upper: Key }): void {
		for (const row of this.table(table).list(range ?? {})) this.change(table, keyOf(table, row), undefined);
	}

	private change(table: Table, key: Key, row: object | undefined): void {
		const rows = this.table(table);
		if (this.mode === "read") throw new TypeError("a read transaction changes nothing");
		this.before.push({ table, key, row: rows.replace(key, row) });
		this.changed.set(JSON.stringify([table, key]), { table, key });
	}

	end(): void {
		this.over = true;
	}

	undo(): void {
		for (const { table, key, row } of this.before.reverse()) this.data[table].replace(key, row);
		this.before.length = 0;
	}
}

/** A store that ends with its program. Rows that it hands out are frozen. */
export class MemoryStore implements Store {
	private readonly data: Record<Table, MemoryTable>;
	private readonly jobs: Job[] = [];
	private pumping: Promise<void> | null = null;
	private isOpen = false;
	/** Of the writes that are made safe next. */
	private written: MemoryTransaction[] = [];

	constructor() {
		this.data = Object.fromEntries(tables.map((table) => [table, new MemoryTable(table)])) as Record<
			Table,
			MemoryTable
		>;
	}

	async open(): Promise<void> {
		this.isOpen = true;
	}

	async close(): Promise<void> {
		this.isOpen = false;
		await this.pumping;
	}

	tell(_note: unknown): void {}

	onTold(_listener: (note: unknown) => void): void {}

	transact<T>(mode: "read" | "write", scope: Table[], work: (tx: Transaction) => Promise<T>): Promise<T> {
		if (!this.isOpen) return Promise.reject(new HongyanError("CANCELLED", "the store is closed"));
		return new Promise<T>((resolve, reject) => {
			let result: T;
			const run = async (): Promise<void> => {
				result = await this.attempt(mode, scope, work);
			};
			this.jobs.push({ mode, run, succeed: () => resolve(result), fail: reject });
			this.pumping ??= this.pump();
		});
	}

	private async attempt<T>(
		mode: "read" | "write",
		scope: Table[],
		work: (tx: Transaction) => Promise<T>,
	): Promise<T> {
		const tx = new MemoryTransaction(this.data, mode, scope);
		try {
			const result = await work(tx);
			if (mode === "write") this.written.push(tx);
			return result;
		} catch (why) {
			tx.undo();
			throw why;
		} finally {
			tx.end();
		}
	}

	private async pump(): Promise<void> {
		await Promise.resolve();
		for (let first = this.jobs[0]; first; first = this.jobs[0]) {
			const mode = first.mode;
			let count = this.jobs.findIndex((job) => job.mode !== mode);
			if (count < 0) count = this.jobs.length;
			if (mode === "write") await this.write(this.jobs.splice(0, Math.min(count, WRITES_TOGETHER_MAX)));
			else await Promise.all(this.jobs.splice(0, count).map((job) => job.run().then(job.succeed, job.fail)));
		}
		this.pumping = null;
	}

	private async write(jobs: Job[]): Promise<void> {
		const done: Job[] = [];
		for (const job of jobs) {
			await job.run().then(
				() => done.push(job),
				(why: unknown) => job.fail(why),
			);
		}
		const written = this.written;
		this.written = [];
		try {
			await this.makeSafe(this.changes(written));
			done.forEach((job) => job.succeed());
		} catch (why) {
			for (const tx of written.reverse()) tx.undo();
			done.forEach((job) => job.fail(why));
		}
	}

	private changes(written: MemoryTransaction[]): RowChange[] {
		const latest = new Map<string, RowChange>();
		for (const tx of written)
			for (const [name, { table, key }] of tx.changed) {
				const row = this.data[table].rows.get(key);
				latest.set(name, row ? { table, key, row } : { table, key });
			}
		return [...latest.values()];
	}

	/** What a store with a file does before writes count as done. If it rejects, they are undone. */
	protected async makeSafe(_changes: RowChange[]): Promise<void> {}

	/** For who fills the tables at opening. */
	protected take(change: RowChange): void {
		this.data[change.table].replace(change.key, change.row && freeze(change.row));
	}

	protected get rowCount(): number {
		return tables.reduce((sum, table) => sum + this.data[table].rows.size, 0);
	}

	/** All that there is, for who writes it anew. */
	protected *all(): Generator<RowChange> {
		for (const table of tables)
			for (const row of this.data[table].rows.range(undefined, undefined))
				yield { table, key: keyOf(table, row), row };
	}
}
