/**
 * outbox.ts - sends what stands in the outbox until it is answered: of one conversation one text at a time, so that order is
 * kept (rule R7); conversations side by side.
 *
 * Several tabs may send the same text: it has one ID, so it arrives once; who hears the answer first moves it. A text that
 * another tab has written is left to that tab for some seconds.
 */
import type { OutboxModel } from "./model_outbox.ts";
import { fromHex, toHex } from "./rows.ts";
import type { OutboxRow } from "./rows.ts";
import type { Session } from "./session.ts";
import { TIMES, Timer, backoff, clockBase, clockMoved } from "./times.ts";
import type { Change, Message, SendOptions, Status, Uin } from "./types.ts";
import { HongyanError } from "./types.ts";

const TEXT_BYTES_MAX = 8192;
const ID_SIZE = 16;
const SIDE_BY_SIDE_MAX = 16;
/** How long a text that another tab has written is left to it. */
const OF_OTHERS_MS = 5_000;
const LOOK_AGAIN_MS = 30_000;
const WINDOW_MS = 7 * 24 * 3600 * 1000;
const AHEAD_MS = 10 * 60 * 1000;
/** A date so much older than its text was refused at every try: the server's window, and some days. */
const BEHIND_MS = 10 * 24 * 3600 * 1000;

/** The outcome is not known, or it will be another one later. */
const later: ReadonlySet<Status> = new Set<Status>([
	"DEADLINE_EXCEEDED",
	"UNAVAILABLE",
	"RESOURCE_EXHAUSTED",
	"ABORTED",
	"INTERNAL",
	"UNKNOWN",
]);

/** One conversation's sending. */
interface Runner {
	/** Something new came while it ran. */
	again: boolean;
	/** Ends its pause. */
	wake: () => void;
	failures: number;
}

interface Waiter {
	resolve: (message: Message) => void;
	reject: (why: unknown) => void;
}

function invalid(why: string): HongyanError {
	return new HongyanError("INVALID_ARGUMENT", why);
}

/** As it arrives: halves of characters cannot be sent. */
function checkText(text: string): string {
	const bytes = new TextEncoder().encode(text);
	if (bytes.length === 0) throw invalid("a text cannot be empty");
	if (bytes.length > TEXT_BYTES_MAX) throw invalid(`a text has at most ${TEXT_BYTES_MAX} bytes`);
	if (text.includes("\0")) throw invalid("a text cannot hold the character NUL");
	return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function checkId({ id, madeMs }: SendOptions): string | undefined {
	if (id === undefined) return undefined;
	if (!/^[0-9a-fA-F]{32}$/.test(id)) throw invalid("an ID is 32 hex digits");
	if (madeMs !== undefined && (!Number.isSafeInteger(madeMs) || madeMs <= 0)) throw invalid("madeMs is no time");
	return id.toLowerCase();
}

/** One for each client; model and session are the client's. */
export class Outbox {
	private readonly runners = new Map<Uin, Runner>();
	private readonly noticed = new Map<Uin, Timer>();
	/** By the text's key. */
	private readonly waiters = new Map<string, { peer: Uin; waiting: Waiter[] }>();
	/** When texts were typed here, by their keys: by performance.now(), which no wrong clock can touch, and clockBase(). */
	private readonly typed = new Map<string, { at: number; base: number }>();
	private readonly lookAgain = new Timer(() => this.sendAll());
	private ends: (() => void)[] = [];
	private stopped = true;
	private sending = 0;
	private queue: (() => void)[] = [];

	/** `changed` is told of each change that the outbox makes in the store. */
	constructor(
		private readonly model: OutboxModel,
		private readonly session: Session,
		private readonly changed: (change: Change) => void,
	) {}

	/** Sends what is there, in the old order, and what comes. Again after each sign-in. */
	start(): void {
		this.stopped = false;
		if (this.ends.length === 0) this.ends.push(this.session.onState(() => this.sendAll()));
		this.sendAll();
	}

	/** Texts stay where they are. Who waits for one is told CANCELLED. */
	stop(): void {
		this.stopped = true;
		this.lookAgain.cancel();
		this.ends.splice(0).forEach((end) => end());
		this.noticed.forEach((timer) => timer.cancel());
		this.noticed.clear();
		this.runners.forEach((runner) => runner.wake());
		this.queue.splice(0).forEach((go) => go());
		for (const { waiting } of this.waiters.values())
			for (const { reject } of waiting) reject(new HongyanError("CANCELLED", "the client was closed"));
		this.waiters.clear();
	}

	/** See HongyanClient.send(). */
	async send(
		peer: Uin,
		text: string,
		options: SendOptions = {},
	): Promise<{ message: Message; delivered: Promise<Message> }> {
		if (!Number.isInteger(peer) || peer <= 0 || peer > 0xffffffff) throw invalid("no such recipient");
		const chosen = checkId(options);
		const madeMs = options.madeMs !== undefined && chosen ? options.madeMs : this.session.nowMs();
		const { message, change } = await this.model.add({
			from: this.session.identity?.uin ?? 0,
			peer,
			text: checkText(text),
			clientId: chosen ?? toHex(this.session.newClientId()),
			madeMs,
			chosen: chosen !== undefined,
		});
		/* One that was known already has the time of its first sending. */
		if ((!chosen || options.madeMs === undefined) && message.timeMs === madeMs) this.noteTyped(message.key);
		const delivered = this.wait(message);
		delivered.catch(() => {});
		this.changed(change);
		this.kick(peer);
		return { message, delivered };
	}

	/** See HongyanClient.retry(). */
	async retry(peer: Uin, key: string): Promise<void> {
		const clientId = toHex(this.session.newClientId());
		this.changed(await this.model.retry(peer, key, clientId, this.session.nowMs()));
		this.noteTyped(key);
		this.kick(peer);
	}

	/** See HongyanClient.discard(). */
	async discard(peer: Uin, key: string): Promise<void> {
		this.changed(await this.model.discard(peer, key));
	}

	private wait(message: Message): Promise<Message> {
		if (message.state === "sent") return Promise.resolve(message);
		return new Promise((resolve, reject) => {
			const waiting = this.waiters.get(message.key)?.waiting ?? [];
			waiting.push({ resolve, reject });
			this.waiters.set(message.key, { peer: message.peer, waiting });
		});
	}

	/** The final answer is there. */
	private settle(key: string, message: Message | undefined): void {
		const { waiting } = this.waiters.get(key) ?? { waiting: [] };
		this.waiters.delete(key);
		this.typed.delete(key);
		for (const { resolve, reject } of waiting) {
			if (message?.state === "sent") resolve(message);
			else if (message?.error) reject(new HongyanError(message.error.code, message.error.message));
			else reject(new HongyanError("CANCELLED", "the message was taken back"));
		}
	}

	/** What became of the texts of a conversation that somebody here waits for, when another tab was faster. */
	private async settleAll(peer: Uin): Promise<void> {
		for (const [key, waiter] of [...this.waiters]) {
			if (waiter.peer !== peer) continue;
			const message = await this.model.lookUp(peer, key);
			if (message?.state !== "sending" && !(await this.model.waits(key))) this.settle(key, message);
		}
	}

	/* ---- one conversation ---------------------------------------------------------------------------------------- */

	/** There is something to send to somebody. */
	kick(peer: Uin): void {
		if (this.stopped) return;
		const running = this.runners.get(peer);
		if (running) {
			running.again = true;
			return;
		}
		const runner: Runner = { again: false, wake: () => {}, failures: 0 };
		this.runners.set(peer, runner);
		void this.run(peer, runner).catch(() => {});
	}

	/** Another tab has changed a conversation: if it goes away without having sent it, this one does. */
	notice(peer: Uin): void {
		if (this.stopped) return;
		this.settleAll(peer).catch(() => {});
		if (this.noticed.has(peer)) return;
		const timer = new Timer(() => {
			this.noticed.delete(peer);
			this.kick(peer);
		});
		this.noticed.set(peer, timer);
		timer.set(OF_OTHERS_MS);
	}

	private sendAll(): void {
		if (this.stopped) return;
		this.lookAgain.set(LOOK_AGAIN_MS);
		this.runners.forEach((runner) => runner.wake());
		this.model.waitingPeers().then(
			(peers) => peers.forEach((peer) => this.kick(peer)),
			() => {} /* it is looked again */,
		);
	}

	private async run(peer: Uin, runner: Runner): Promise<void> {
		for (let going = true; going;) {
			going = await this.step(peer, runner).catch((why: unknown) => this.pause(runner, why));
			if (!going && runner.again && !this.stopped && this.session.identity) {
				runner.again = false;
				going = true;
			}
		}
		this.runners.delete(peer);
		if (!this.stopped) await this.settleAll(peer);
	}

	/** false: nothing is left to do now. */
	private async step(peer: Uin, runner: Runner): Promise<boolean> {
		const row = this.stopped ? undefined : await this.model.next(peer);
		if (!row) return false;
		await this.place();
		try {
			/* Of another account, or signed out: it waits for its own. */
			if (this.stopped || this.session.identity?.uin !== row.from) return false;
			await this.sendOne(row);
			runner.failures = 0;
			return true;
		} finally {
			this.leave();
		}
	}

	private async sendOne(row: OutboxRow): Promise<void> {
		let id: Uint8Array;
		try {
			const options = { clientId: fromHex(row.clientId), madeMs: row.madeMs, timeoutMs: Infinity };
			id = (await this.session.request("sendText", { to: row.peer, text: row.text }, options)).messageId;
		} catch (why) {
			if (!(why instanceof HongyanError) || later.has(why.code)) throw why;
			if (why.code === "CANCELLED" || why.code === "UNAUTHENTICATED") throw why;
			return this.refused(row, why);
		}
		if (id.length !== ID_SIZE) throw new HongyanError("INTERNAL", "the server gave the message no ID");
		const done = await this.model.answered(row.key, toHex(id));
		if (!done) return;
		this.settle(row.key, done.message);
		this.changed(done.change);
	}

	private async refused(row: OutboxRow, why: HongyanError): Promise<void> {
		const age = this.session.nowMs() - row.madeMs;
		const wrong = age < -AHEAD_MS / 2 || age - this.knownAge(row.key) > BEHIND_MS;
		/* By a clock that was wrong: no try can have been accepted, so it may have another date. */
		if (why.code === "OUT_OF_RANGE" && wrong) {
			const again = { clientId: toHex(this.session.newClientId()), madeMs: this.session.nowMs() };
			await this.model.redate(row.clientId, row.key, again);
			this.typed.delete(row.key);
			return;
		}
		const old = why.code === "OUT_OF_RANGE" && age > WINDOW_MS / 2;
		const message = old ? "it waited for more than seven days, and was not sent" : why.message;
		const done = await this.model.refused(row.clientId, row.key, { code: why.code, message });
		if (!done) return;
		this.settle(row.key, done.message);
		this.changed(done.change);
	}

	private noteTyped(key: string): void {
		this.typed.set(key, { at: performance.now(), base: clockBase() });
	}

	/** How long ago a text was typed, whatever the clock says; Infinity: not here, or the machine was asleep since. */
	private knownAge(key: string): number {
		const typed = this.typed.get(key);
		return typed && !clockMoved(typed.base) ? performance.now() - typed.at : Infinity;
	}

	/** false: it is not for now at all. */
	private async pause(runner: Runner, why: unknown): Promise<boolean> {
		const code = why instanceof HongyanError ? why.code : "UNKNOWN";
		if (this.stopped || code === "CANCELLED" || code === "UNAUTHENTICATED") return false;
		const least = why instanceof HongyanError ? why.retryAfterMs : 0;
		const ms = Math.max(least, backoff(TIMES, ++runner.failures));
		await new Promise<void>((resolve) => {
			const timer = new Timer(resolve);
			/* Who was told when to come back does not come before. */
			runner.wake = () => (least === 0 || this.stopped ? (timer.cancel(), resolve()) : undefined);
			timer.set(ms);
		});
		runner.wake = () => {};
		return !this.stopped;
	}

	/* ---- not too many at once ------------------------------------------------------------------------------------ */

	private async place(): Promise<void> {
		while (this.sending >= SIDE_BY_SIDE_MAX && !this.stopped)
			await new Promise<void>((resolve) => this.queue.push(resolve));
		this.sending++;
	}

	private leave(): void {
		this.sending--;
		this.queue.shift()?.();
	}
}
