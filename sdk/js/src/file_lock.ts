/**
 * file_lock.ts - one process at a time: a file that names its owner. Of an owner that was killed it is taken over; a process
 * that has the dead one's number by chance is told apart by when it was started, where the system says so.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, open, readFile, unlink } from "node:fs/promises";
import { HongyanError } from "./types.ts";

const ATTEMPTS = 100;
const PAUSE_MS = 10;

/** The process's start, in a unit of the system's; "-": not known, or there is no such process. */
function startOf(pid: number): string {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		/* After the program's name, which may hold anything. */
		return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "-";
	} catch {
		return "-";
	}
}

function exists(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (why) {
		return (why as NodeJS.ErrnoException).code !== "ESRCH";
	}
}

/** Locks of this process, by their content: it may have several stores, and none twice. */
const own = new Set<string>();

/** Whether who wrote this is still there. Half a lock is of nobody: it was written before it counted. */
function isAlive(content: string): boolean {
	const [pid = "", start = "-"] = content.trim().split(" ");
	if (!/^\d+$/.test(pid)) return false;
	if (Number(pid) === process.pid) return own.has(content);
	const startNow = startOf(Number(pid));
	return exists(Number(pid)) && (start === "-" || startNow === "-" || startNow === start);
}

/** See above. */
export class FileLock {
	private content = "";

	constructor(private readonly path: string) {}

	/** Rejects with FAILED_PRECONDITION: another process, or another store of this one, has it. */
	async take(): Promise<void> {
		const name = randomBytes(6).toString("hex");
		const content = `${process.pid} ${startOf(process.pid)} ${name}\n`;
		const draft = `${this.path}.${name}`;
		const file = await open(draft, "wx", 0o600);
		await file.writeFile(content).finally(() => file.close());
		own.add(content);
		try {
			await this.put(draft);
			this.content = content;
		} catch (why) {
			own.delete(content);
			throw why;
		} finally {
			await unlink(draft);
		}
	}

	/** A link is made only if there is none: one of several wins. */
	private async put(draft: string): Promise<void> {
		for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
			const taken = await link(draft, this.path).then(
				() => false,
				(why: NodeJS.ErrnoException) => {
					if (why.code !== "EEXIST") throw why;
					return true;
				},
			);
			if (!taken) return;
			const holder = await readFile(this.path, "utf8").catch(() => null);
			if (holder === null) continue;
			if (isAlive(holder)) {
				const pid = holder.split(" ")[0] ?? "";
				throw new HongyanError("FAILED_PRECONDITION", `${this.path}: process ${pid} has this store open`);
			}
			await this.bury(draft, holder);
		}
		throw new HongyanError("FAILED_PRECONDITION", `${this.path}: others want this store at the same time`);
	}

	/**
	 * Takes a dead lock away. One does it at a time, and looks again: who looked at the same one may have been faster, and
	 * this is its new one.
	 */
	private async bury(draft: string, dead: string): Promise<void> {
		const guard = `${this.path}.taking`;
		try {
			await link(draft, guard);
		} catch {
			const other = await readFile(guard, "utf8").catch(() => null);
			if (other !== null && !isAlive(other)) await unlink(guard).catch(() => {});
			await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
			return;
		}
		if ((await readFile(this.path, "utf8").catch(() => null)) === dead) await unlink(this.path);
		await unlink(guard);
	}

	async release(): Promise<void> {
		if (this.content === "") return;
		const content = this.content;
		this.content = "";
		own.delete(content);
		if ((await readFile(this.path, "utf8").catch(() => "")) === content) await unlink(this.path).catch(() => {});
	}
}
