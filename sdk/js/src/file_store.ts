/**
 * file_store.ts - the store of programs: tables in memory, and a journal in one file from which they are filled again.
 *
 * The file's first line tells what it is. Each other line is what a transaction (or several that came together) has changed:
 *
 *	CHECKSUM [["messages",[2,7],{...}],["outbox",[2,3]], ...]
 *
 * CHECKSUM is the first 16 hex digits of the line's SHA-256. A line is on the disk (fsync) before its transactions count as
 * done, and the next one is written only then: so a bad last line is what a crash left of a transaction that nobody was told
 * of, and is cut; a bad line before a good one is damage, and the store does not open. When most lines speak of rows that
 * have changed since, or much was deleted, a new file is written and takes the old one's name.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FileLock } from "./file_lock.ts";
import type { RowChange } from "./memory_store.ts";
import { MemoryStore } from "./memory_store.ts";
import { shapes } from "./schema.ts";
import type { Key, Table } from "./store.ts";
import { HongyanError } from "./types.ts";

const FIRST_LINE = '{"hongyan":"store","format":1}';
const CHECKSUM_SIZE = 16;
/** A file is written anew when it has this many bytes, and is this many times as long as its rows need. */
const COMPACT_MIN = 1 << 20;
const COMPACT_FACTOR = 4;
const ROWS_PER_LINE = 1000;
const NEWLINE = 10;

function reason(why: unknown): string {
	return why instanceof Error ? why.message : String(why);
}

function checksum(json: string): string {
	return createHash("sha256").update(json).digest("hex").slice(0, CHECKSUM_SIZE);
}

function lineOf(changes: RowChange[]): string {
	const json = JSON.stringify(changes.map(({ table, key, row }) => (row ? [table, key, row] : [table, key])));
	return `${checksum(json)} ${json}\n`;
}

function isChange(part: unknown): part is [Table, Key, object?] {
	return Array.isArray(part) && part.length >= 2 && typeof part[0] === "string" && part[0] in shapes;
}

/** undefined: it is not whole. */
function readLine(line: string): RowChange[] | undefined {
	const json = line.slice(CHECKSUM_SIZE + 1);
	if (line[CHECKSUM_SIZE] !== " " || line.slice(0, CHECKSUM_SIZE) !== checksum(json)) return undefined;
	const parts: unknown = JSON.parse(json);
	if (!Array.isArray(parts) || !parts.every(isChange)) return undefined;
	return parts.map(([table, key, row]) => (row ? { table, key, row } : { table, key }));
}

/** The folder's entry, too, is on the disk. */
async function syncFolder(path: string): Promise<void> {
	const folder = await open(dirname(path), "r");
	await folder.sync().finally(() => folder.close());
}

/**
 * open() rejects with HongyanError: FAILED_PRECONDITION: another process has it open, or it is no such file, or of a newer
 * version; INTERNAL: it is damaged; UNAVAILABLE: it cannot be read or written. A transaction that cannot be written is undone
 * and rejects with UNAVAILABLE.
 */
export class FileStore extends MemoryStore {
	private readonly path: string;
	private readonly lock: FileLock;
	private file: FileHandle | null = null;
	/** How long the file is, all of it good. */
	private size = 0;
	private sizeWhenCompact = 0;
	/** It is not known what is on the disk: nothing more is written before it was opened anew. */
	private broken: HongyanError | null = null;

	/** The file, and its folder, are made if they are not there. A store is opened once. */
	constructor(path: string) {
		super();
		this.path = resolve(path);
		this.lock = new FileLock(`${this.path}.lock`);
	}

	override async open(): Promise<void> {
		if (this.file) return;
		try {
			await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
			await this.lock.take();
			await this.load();
		} catch (why) {
			await this.closeFile().catch(() => {});
			await this.lock.release();
			throw why instanceof HongyanError ? why : this.failure("UNAVAILABLE", `cannot open it: ${reason(why)}`);
		}
		await super.open();
	}

	override async close(): Promise<void> {
		await super.close();
		await this.closeFile();
		await this.lock.release();
	}

	private async closeFile(): Promise<void> {
		const file = this.file;
		this.file = null;
		await file?.close();
	}

	private failure(code: HongyanError["code"], why: string): HongyanError {
		return new HongyanError(code, `${this.path}: ${why}`);
	}

	/* ---- opening ------------------------------------------------------------------------------------------------- */

	private async load(): Promise<void> {
		await unlink(this.temporary()).catch(() => {});
		const content = await readFile(this.path).catch((why: NodeJS.ErrnoException) => {
			if (why.code === "ENOENT") return null;
			throw why;
		});
		/* An empty one: the crash was at its very making. */
		if (content === null || content.length === 0) return this.writeAnew();
		this.size = this.takeLines(content);
		this.file = await open(this.path, "r+");
		await this.file.truncate(this.size);
		/* What was read may have been in the page cache alone. */
		await this.file.sync();
		await syncFolder(this.path);
	}

	/** Fills the tables. Returns where the good lines end. */
	private takeLines(content: Buffer): number {
		const lineAt = (start: number): [string, number] => {
			const end = content.indexOf(NEWLINE, start);
			return end < 0 ? ["", -1] : [content.toString("utf8", start, end), end + 1];
		};
		const [first, begin] = lineAt(0);
		if (first !== FIRST_LINE) throw this.failure("FAILED_PRECONDITION", "it is no store of this version");
		let good = begin;
		let told = 0;
		for (let start = begin, bad = false; start >= 0 && start < content.length;) {
			const [line, next] = lineAt(start);
			const changes = next < 0 ? undefined : readLine(line);
			if (changes && bad)
				throw this.failure("INTERNAL", `it is damaged at byte ${good}: put a copy in its place`);
			changes?.forEach((change) => this.take(change));
			told += changes?.length ?? 0;
			if (changes) good = next;
			else bad = true;
			start = next;
		}
		/* Rows are about as long as those that they replaced. */
		this.sizeWhenCompact = Math.ceil((good * this.rowCount) / Math.max(told, 1));
		return good;
	}

	/* ---- writing ------------------------------------------------------------------------------------------------- */

	protected override async makeSafe(changes: RowChange[]): Promise<void> {
		if (this.broken) throw this.broken;
		if (changes.length === 0) return;
		if (!this.file) throw this.failure("CANCELLED", "it is closed");
		const bytes = Buffer.from(lineOf(changes));
		await this.append(this.file, bytes);
		this.size += bytes.length;
		if (this.isLong() || this.forgets(changes)) await this.compact();
	}

	private isLong(): boolean {
		return this.size > Math.max(COMPACT_MIN, COMPACT_FACTOR * this.sizeWhenCompact);
	}

	/** Much was deleted, as at signing out: what nobody shall read any more does not stay in the file. */
	private forgets(changes: RowChange[]): boolean {
		return 2 * changes.filter(({ row }) => !row).length > this.rowCount;
	}

	private async append(file: FileHandle, bytes: Buffer): Promise<void> {
		try {
			for (let done = 0; done < bytes.length;)
				done += (await file.write(bytes, done, bytes.length - done, this.size + done)).bytesWritten;
		} catch (why) {
			await this.cut(file);
			throw this.failure("UNAVAILABLE", `cannot write it: ${reason(why)}`);
		}
		/* After a failed one nobody knows what is on the disk, and the next one would not tell. */
		await file.datasync().catch((why: unknown) => {
			throw (this.broken = this.failure("UNAVAILABLE", `cannot write it: ${reason(why)}`));
		});
	}

	/** Half a line, when the disk is full. */
	private async cut(file: FileHandle): Promise<void> {
		await file.truncate(this.size).catch((why: unknown) => {
			this.broken = this.failure("UNAVAILABLE", `cannot write it: ${reason(why)}`);
		});
	}

	/** If it fails, the old file goes on; it is tried again when that has grown further. */
	private async compact(): Promise<void> {
		const old = this.file;
		try {
			await this.writeAnew();
			await old?.close();
		} catch {
			this.sizeWhenCompact = this.size;
		}
	}

	private temporary(): string {
		return `${this.path}.new`;
	}

	private async writeAnew(): Promise<void> {
		const file = await open(this.temporary(), "w", 0o600);
		try {
			const size = await this.writeAll(file);
			await file.sync();
			await rename(this.temporary(), this.path);
			/* From here on it is the file, whatever happens. */
			this.file = file;
			this.size = this.sizeWhenCompact = size;
		} catch (why) {
			await file.close();
			throw why;
		}
		await syncFolder(this.path).catch((why: unknown) => {
			this.broken = this.failure("UNAVAILABLE", `cannot write it: ${reason(why)}`);
		});
	}

	private async writeAll(file: FileHandle): Promise<number> {
		let size = (await file.write(`${FIRST_LINE}\n`)).bytesWritten;
		let rows: RowChange[] = [];
		const flush = async (): Promise<void> => {
			if (rows.length === 0) return;
			const bytes = Buffer.from(lineOf(rows));
			await file.appendFile(bytes);
			size += bytes.length;
			rows = [];
		};
		for (const row of this.all()) {
			rows.push(row);
			if (rows.length >= ROWS_PER_LINE) await flush();
		}
		await flush();
		return size;
	}
}
