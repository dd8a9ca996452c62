/**
 * requests.ts - each request until it has a final answer, over whichever link works.
 *
 * A try goes over the long link if there is one, else over a short link. What a dead link leaves unanswered, and what
 * the server says may be tried again, is made again under the same client ID until it is answered or out of time.
 */
import { create, fromBinary, toBinary, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { OK, OUT_OF_RANGE, RESOURCE_EXHAUSTED, UNAUTHENTICATED, errorOf, mayTryAgain } from "./codes.ts";
import type { Connection } from "./connection.ts";
import { SEQ_END, type Frame } from "./frame.ts";
import { RequestHeadSchema, type RequestHead, type ResponseHead } from "./gen/head_pb.ts";
import { methods } from "./gen/methods.ts";
import { randomBytes } from "./random.ts";
import type { Answer, Identity, MethodName, Question, RequestOptions } from "./session.ts";
import { postShort, type ShortLinkError } from "./short_link.ts";
import { Timer, backoff, clockBase, clockMoved, timeOf, type Times } from "./times.ts";
import { HongyanError } from "./types.ts";

const PROTOCOL_LEVEL = 1;

/** Who asks, and when it is: the session's, which all requests share. */
export interface Asker {
	identity: Identity | null;
	device: string;
	/** Of the server, as far as it is known, minus this machine's clock. */
	clockOffsetMs: number;
	/** clockBase() when that was found out: it holds until somebody sets the clock. */
	clockBase: number;
}

/** What answers say of the ticket. */
export interface RequestsEvents {
	/** The ticket is no good (any more). */
	onUnauthenticated(why: string): void;
	/** It may be that the ticket is no good: ask something else. */
	onDoubt(): void;
}

/** Changes of one thing, whose order matters though no field names it. */
const OWN_LINE: ReadonlySet<MethodName> = new Set<MethodName>([
	"updateProfile",
	"updateSettings",
	"changePassword",
	"signOutDevice",
]);
/** They change nothing, and need no client ID. */
const READS: ReadonlySet<MethodName> = new Set<MethodName>(["sync", "lookup", "listDevices", "identify"]);

const random64 = (): bigint => new DataView(randomBytes(8).buffer).getBigUint64(0);

/** The head of a request: `task` null for Identify, which is made anew for each link. */
export function makeHead(
	asker: Asker,
	withTicket: boolean,
	task: { clientId: Uint8Array; madeMs: number } | null,
): RequestHead {
	return create(RequestHeadSchema, {
		ticket: withTicket ? asker.identity?.ticket : undefined,
		device: asker.device,
		protocolLevel: PROTOCOL_LEVEL,
		clientId: task?.clientId,
		madeMs: task ? BigInt(task.madeMs) : 0n,
		trace: random64(),
	});
}

/** What all answers have; without it, it is none. */
type AnyAnswer = { head?: ResponseHead };

interface Task {
	readonly name: MethodName;
	readonly question: object;
	/** Tasks with the same one, unless it is empty, are made one after another. */
	readonly line: string;
	readonly clientId: Uint8Array;
	madeMs: number;
	/** `madeMs` is the program's own, and is not to be drawn anew. */
	readonly madeFixed: boolean;
	readonly giveUpAt: number;
	readonly timer: Timer;
	readonly resolve: (answer: object) => void;
	readonly reject: (error: HongyanError) => void;
	where: "line" | "waiting" | "long" | "short";
	seq: number;
	abort: AbortController | null;
	tries: number;
	triedAt: number;
	/** Whose ticket the try was made with. */
	triedFor: Identity | null;
	/** The server wants it no earlier. */
	notBefore: number;
	/** Why there is no answer yet, for people. */
	why: string;
}

/** All requests of a session that have no final answer yet. */
export class Requests {
	private readonly tasks = new Set<Task>();
	private lastSeq = 0;

	constructor(
		private readonly server: string,
		private readonly times: Times,
		private readonly asker: Asker,
		private readonly connection: Connection,
		private readonly events: RequestsEvents,
	) {}

	/** As Session's request(), of an open session. */
	make<M extends MethodName>(name: M, question: Question<M>, options: RequestOptions): Promise<Answer<M>> {
		if (!methods[name].open && !this.asker.identity)
			return Promise.reject(new HongyanError("UNAUTHENTICATED", "not signed in"));
		return new Promise<object>((resolve, reject) => {
			const task = this.create(name, question, options, resolve, reject);
			const ahead = task.line !== "" && [...this.tasks].some((other) => other.line === task.line);
			this.tasks.add(task);
			if (ahead) this.rest(task, "line", Infinity);
			else this.begin(task);
		}) as Promise<Answer<M>>;
	}

	/** The long link is there: what waits for no better reason goes over it. */
	onUp(): void {
		this.tryWaiting(0);
	}

	/** The long link is gone. */
	onDown(): void {
		for (const task of this.tasks) if (task.where === "long") this.later(task, "has ended the connection", 0);
	}

	onAnswer(frame: Frame): void {
		for (const task of this.tasks)
			if (task.where === "long" && task.seq === frame.seq && methods[task.name].cmd === frame.cmd)
				return this.onBytes(task, frame.body);
	}

	/** What waits is tried soon. */
	hurry(): void {
		this.tryWaiting(this.times.backoffBase);
	}

	/** Ends those that need a ticket, or all. */
	end(all: boolean, error: HongyanError): void {
		const ended = [...this.tasks].filter((task) => all || !methods[task.name].open);
		for (const task of ended) this.remove(task);
		for (const task of ended) task.reject(error);
	}

	/* ---- a task's life ------------------------------------------------------------------------------------------- */

	private create(
		name: MethodName,
		question: object,
		options: RequestOptions,
		resolve: (answer: object) => void,
		reject: (error: HongyanError) => void,
	): Task {
		const task: Task = {
			name,
			question,
			line: lineOf(name, question),
			clientId: options.clientId ?? (READS.has(name) ? new Uint8Array() : randomBytes(16)),
			madeMs: options.madeMs ?? this.nowMs(),
			madeFixed: options.madeMs !== undefined,
			giveUpAt: performance.now() + (options.timeoutMs ?? this.times.patience),
			timer: new Timer(() => this.onTimer(task)),
			resolve,
			reject,
			where: "waiting",
			seq: 0,
			abort: null,
			tries: 0,
			triedAt: 0,
			triedFor: null,
			notBefore: 0,
			why: "",
		};
		return task;
	}

	nowMs(): number {
		const { asker } = this;
		if (asker.clockOffsetMs !== 0 && clockMoved(asker.clockBase)) asker.clockOffsetMs = 0;
		return Date.now() + asker.clockOffsetMs;
	}

	/** Waits, at most for `ms`, and no longer than it has time. */
	private rest(task: Task, where: Task["where"], ms: number): void {
		task.where = where;
		task.timer.set(Math.max(0, Math.min(ms, task.giveUpAt - performance.now())));
	}

	private begin(task: Task): void {
		this.rest(task, "waiting", this.connection.expected && !methods[task.name].open ? this.times.headStart : 0);
	}

	private tryWaiting(within: number): void {
		const now = performance.now();
		for (const task of this.tasks)
			if (task.where === "waiting")
				this.rest(task, "waiting", Math.max(task.notBefore - now, Math.random() * within));
	}

	private try(task: Task): void {
		const { path, cmd, open } = methods[task.name];
		const link = open ? null : this.connection.ready;
		const body = this.encode(task, !link && !open);
		if (!body) return;
		task.tries++;
		task.triedAt = performance.now();
		task.triedFor = this.asker.identity;
		if (link) {
			this.lastSeq = (this.lastSeq % (SEQ_END - 1)) + 1;
			task.seq = this.lastSeq;
			this.rest(task, "long", this.times.request);
			link.send({ cmd, seq: task.seq, body });
		} else {
			this.rest(task, "short", this.times.request);
			this.post(task, path, body);
		}
	}

	/** Null: the question cannot be asked at all; the task is over. */
	private encode(task: Task, withTicket: boolean): Uint8Array | null {
		const head = makeHead(this.asker, withTicket, task.clientId.length > 0 ? task : null);
		try {
			const schema: DescMessage = methods[task.name].request;
			const fields: object = { ...task.question, head };
			return toBinary(schema, create(schema, fields as MessageInitShape<DescMessage>));
		} catch (error) {
			this.remove(task);
			task.reject(new HongyanError("INVALID_ARGUMENT", error instanceof Error ? error.message : String(error)));
			return null;
		}
	}

	private post(task: Task, path: string, body: Uint8Array): void {
		const abort = new AbortController();
		const current = () => task.abort === abort && this.tasks.has(task);
		task.abort = abort;
		postShort(this.server + path, body, abort.signal).then(
			(bytes) => {
				if (!current()) return;
				task.abort = null;
				if (this.connection.noteShort(true)) this.hurry();
				this.onBytes(task, bytes);
			},
			(error: ShortLinkError) => {
				if (!current()) return;
				this.connection.noteShort(false);
				this.failed(task, error.message);
			},
		);
	}

	private onTimer(task: Task): void {
		if (performance.now() >= task.giveUpAt) {
			const { where, triedAt } = task;
			const why = task.why ? `no answer in time: the server ${task.why}` : "the server did not answer in time";
			this.finish(task, () => task.reject(new HongyanError("DEADLINE_EXCEEDED", why)));
			if (where === "long") this.doubtLink(triedAt);
		} else if (task.where === "waiting") {
			this.try(task);
		} else {
			const wasLong = task.where === "long";
			if (!wasLong) this.connection.noteShort(false);
			this.failed(task, "does not answer");
			if (wasLong) this.doubtLink(task.triedAt);
		}
	}

	/** Nothing came for as long as an answer may take: half open, most likely. */
	private doubtLink(triedAt: number): void {
		const link = this.connection.ready;
		if (link && link.receivedAt <= triedAt) link.giveUp();
	}

	/** Tries again after a pause. Returns how long. */
	private later(task: Task, why: string, atLeastMs: number): number {
		const pause = Math.max(backoff(this.times, task.tries), atLeastMs);
		task.abort?.abort();
		task.abort = null;
		task.seq = 0;
		task.why = why;
		task.notBefore = atLeastMs > 0 ? performance.now() + atLeastMs : 0;
		this.rest(task, "waiting", pause);
		return pause;
	}

	private failed(task: Task, why: string): void {
		this.connection.note(why, this.later(task, why, 0));
	}

	private remove(task: Task): void {
		this.tasks.delete(task);
		task.timer.cancel();
		task.abort?.abort();
		task.abort = null;
	}

	private finish(task: Task, tell: () => void): void {
		this.remove(task);
		const next = task.line === "" ? undefined : [...this.tasks].find((other) => other.line === task.line);
		if (next?.where === "line") this.begin(next);
		tell();
	}

	/* ---- answers ------------------------------------------------------------------------------------------------- */

	private onBytes(task: Task, bytes: Uint8Array): void {
		let answer: AnyAnswer | null = null;
		try {
			answer = fromBinary(methods[task.name].response as DescMessage, bytes) as AnyAnswer;
		} catch {
			/* As one without a head. */
		}
		const head = answer?.head;
		if (!answer || !head) return this.failed(task, "is no Hongyan server");
		if (head.code === OK) {
			this.connection.noteWell();
			this.finish(task, () => task.resolve(answer));
		} else {
			this.onRefused(task, head);
		}
	}

	private onRefused(task: Task, head: ResponseHead): void {
		const ofOldTicket = !methods[task.name].open && task.triedFor !== this.asker.identity;
		if (head.code === OUT_OF_RANGE && this.correctClock(task, head)) return void this.later(task, head.message, 0);
		if (head.code === UNAUTHENTICATED ? ofOldTicket : this.mayRepeat(task, head)) {
			const why = `answers: ${head.message || "try again later"}`;
			const least = Math.max(head.retryAfterMs, this.times.backoffLeast);
			this.connection.note(why, this.later(task, why, least));
			return;
		}
		this.connection.noteWell();
		this.finish(task, () => task.reject(errorOf(head.code, head.message, head.retryAfterMs)));
		if (head.code === UNAUTHENTICATED && !methods[task.name].open) this.onUnauthenticated(task.name, head.message);
	}

	private onUnauthenticated(name: MethodName, message: string): void {
		if (name === "changePassword") this.events.onDoubt(); /* the old password may be meant */
		else if (name !== "signOut") this.events.onUnauthenticated(message);
	}

	/** A limit that is not for a moment only is the answer of who has no time. */
	private mayRepeat(task: Task, head: ResponseHead): boolean {
		if (!mayTryAgain(head.code)) return false;
		if (head.code !== RESOURCE_EXHAUSTED || task.giveUpAt === Infinity) return true;
		return head.retryAfterMs > 0 && performance.now() + head.retryAfterMs < task.giveUpAt;
	}

	/** True: the time was our own, and wrong; the task has another one now. */
	private correctClock(task: Task, head: ResponseHead): boolean {
		const serverMs = timeOf(head.serverMs);
		if (serverMs === 0) return false;
		const before = this.nowMs();
		this.asker.clockOffsetMs = serverMs - Date.now();
		this.asker.clockBase = clockBase();
		if (task.madeFixed || Math.abs(serverMs - before) < this.times.patience) return false;
		task.madeMs = this.nowMs();
		return true;
	}
}

function lineOf(name: MethodName, question: object): string {
	const field = methods[name].order;
	if (field !== "") return `${field} ${String((question as Record<string, unknown>)[field])}`;
	return OWN_LINE.has(name) ? name : "";
}
