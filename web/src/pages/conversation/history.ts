/**
 * history.ts - the loaded messages of one conversation: one run of them, without holes, read page by page from the
 * store.
 *
 * The run grows at either end while somebody scrolls, and is cut at the far end when it gets long. At its newest end
 * stands what is in the outbox. All reads go one after the other, so that the run is always whole.
 */
import type { Conversation, HongyanClient, Message } from "hongyan";
import { sameMessage } from "./rows.ts";

const PAGE = 80;
const FIRST_PAGE = 60;
/** A longer run is cut at the end that is not looked at. */
const RUN_MOST = 600;
/** So many of the newest are read again when something has changed: one's own may have taken another place. */
const TAIL = 40;
/** How many new pages are read at a time when much has come, before the run is begun anew at its end. */
const CATCH_UP_PAGES = 4;

/** What the client must be able to do. */
export type HistoryClient = Pick<HongyanClient, "conversation" | "messages" | "outbox">;

/** The run as it is now. A new object at each change. */
export interface Run {
	/** Stored messages, then (at the conversation's end) those in the outbox. */
	messages: readonly Message[];
	/** About how many stored ones are before and after; 0: certainly none. */
	before: number;
	after: number;
	conversation: Conversation | undefined;
}

/** See above. */
export class History {
	run: Run = { messages: [], before: 0, after: 0, conversation: undefined };
	private stored: Message[] = [];
	private outbox: Message[] = [];
	private before = 0;
	private after = 0;
	private count = 0;
	private chain: Promise<unknown> = Promise.resolve();

	/**
	 * `changed` is called after each change of `run`; `other`: it is another one than before, somewhere else perhaps.
	 */
	constructor(
		private readonly client: HistoryClient,
		private readonly peer: number,
		private readonly changed: (other: boolean) => void,
	) {}

	/** Loads what is around a place, or the end. `conversation` is what the store says of it now. */
	open(around: { seq: number } | "end", conversation: Conversation | undefined): Promise<void> {
		return this.next(async () => {
			// All at once, the outbox first: what is answered meanwhile is then found in both, never in none.
			const outbox = this.client.outbox(this.peer);
			const read = around === "end" ? this.readEnd(conversation) : this.readAround(around.seq, conversation);
			[this.outbox] = await Promise.all([outbox, read]);
			this.show(conversation, true);
		});
	}

	/** Loads the conversation's end. */
	async openEnd(): Promise<void> {
		return this.open("end", await this.client.conversation(this.peer));
	}

	/** Loads the conversation's beginning. */
	openStart(): Promise<void> {
		return this.next(async () => {
			const conversation = await this.client.conversation(this.peer);
			const page = await this.client.messages(this.peer, { after: -1, limit: PAGE });
			this.stored = page.messages;
			this.before = 0;
			this.after = page.more ? Math.max(1, (conversation?.count ?? 0) - page.messages.length) : 0;
			this.show(conversation, true);
		});
	}

	/** Loads what is at a fraction (0 to 1) of those before, or after, the run. Where exactly is a guess. */
	seek(end: "before" | "after", fraction: number): Promise<void> {
		return this.next(async () => {
			const conversation = await this.client.conversation(this.peer);
			const edge = await this.edges();
			const first = this.stored[0]?.seq ?? edge.last;
			const last = this.stored.at(-1)?.seq ?? edge.first;
			const [from, to] = end === "before" ? [edge.first, first] : [last, edge.last];
			await this.readAround(Math.round(from + (to - from) * fraction), conversation);
			this.show(conversation, true);
		});
	}

	/** Loads another page at one end. Does nothing if there is none. */
	more(end: "before" | "after"): Promise<void> {
		return this.next(async () => {
			if (end === "before" ? this.before === 0 : this.after === 0) return;
			if (end === "before") await this.moreBefore();
			else await this.moreAfter();
			this.show(this.run.conversation, false);
		});
	}

	/** Something has changed in the store: brings the run up to date. */
	refresh(): Promise<void> {
		return this.next(async () => {
			const conversation = await this.client.conversation(this.peer);
			// The outbox first: what is answered between the two reads is then found in both, never in none.
			this.outbox = await this.client.outbox(this.peer);
			const count = conversation?.count ?? 0;
			if (count < this.count && this.isForgotten(count)) await this.readEnd(conversation);
			else if (this.after === 0) await this.readTail(conversation);
			else this.after = Math.max(1, this.after + count - this.count);
			this.show(conversation, false);
		});
	}

	private next(work: () => Promise<void>): Promise<void> {
		const done = this.chain.then(work);
		this.chain = done.catch(() => undefined);
		return done;
	}

	/** Fewer messages than are loaded here: the conversation was deleted. */
	private isForgotten(count: number): boolean {
		return count < this.stored.length;
	}

	private show(conversation: Conversation | undefined, other: boolean): void {
		this.count = conversation?.count ?? 0;
		const keys = new Set(this.stored.map((message) => message.key));
		const waiting = this.after > 0 ? [] : this.outbox.filter((message) => !keys.has(message.key));
		this.run = { messages: [...this.stored, ...waiting], before: this.before, after: this.after, conversation };
		this.changed(other);
	}

	private async readEnd(conversation: Conversation | undefined): Promise<void> {
		const page = await this.client.messages(this.peer, { limit: FIRST_PAGE });
		this.stored = page.messages;
		this.after = 0;
		this.before = page.more ? Math.max(1, (conversation?.count ?? 0) - page.messages.length) : 0;
	}

	private async readAround(seq: number, conversation: Conversation | undefined): Promise<void> {
		const [older, newer] = await Promise.all([
			this.client.messages(this.peer, { before: seq, limit: FIRST_PAGE / 2 }),
			this.client.messages(this.peer, { after: seq - 1, limit: FIRST_PAGE }),
		]);
		this.stored = [...older.messages, ...newer.messages];
		const others = Math.max(0, (conversation?.count ?? 0) - this.stored.length);
		this.before = older.more ? Math.max(1, others) : 0;
		this.after = newer.more ? Math.max(1, others) : 0;
		if (older.more && newer.more) await this.share(others);
	}

	/**
	 * Where the run has others on both sides, how many are on which is told by where it stands between first and last.
	 */
	private async share(others: number): Promise<void> {
		const edge = await this.edges();
		const first = this.stored[0]?.seq ?? edge.first;
		const last = this.stored.at(-1)?.seq ?? edge.last;
		const around = Math.max(1, first - edge.first + (edge.last - last));
		this.before = Math.max(1, Math.round((others * (first - edge.first)) / around));
		this.after = Math.max(1, others - this.before);
	}

	private async edges(): Promise<{ first: number; last: number }> {
		const [first, last] = await Promise.all([
			this.client.messages(this.peer, { after: -1, limit: 1 }),
			this.client.messages(this.peer, { limit: 1 }),
		]);
		return { first: first.messages[0]?.seq ?? 0, last: last.messages[0]?.seq ?? 0 };
	}

	private async moreBefore(): Promise<void> {
		const page = await this.client.messages(this.peer, { before: this.stored[0]?.seq, limit: PAGE });
		this.stored = [...page.messages, ...this.stored];
		this.before = page.more ? Math.max(PAGE / 4, this.before - page.messages.length) : 0;
		const over = this.stored.length - RUN_MOST;
		if (over <= 0) return;
		this.stored = this.stored.slice(0, -over);
		this.after += over;
	}

	private async moreAfter(): Promise<void> {
		const page = await this.client.messages(this.peer, { after: this.stored.at(-1)?.seq ?? -1, limit: PAGE });
		this.stored = this.merged(page.messages);
		this.after = page.more ? Math.max(PAGE / 4, this.after - page.messages.length) : 0;
		const over = this.stored.length - RUN_MOST;
		if (over <= 0) return;
		this.stored = this.stored.slice(over);
		this.before += over;
	}

	/** The newest ones again, and what has come after them. */
	private async readTail(conversation: Conversation | undefined): Promise<void> {
		const from = this.stored.at(-TAIL)?.seq;
		const kept = this.stored.slice(0, Math.max(0, this.stored.length - TAIL));
		let after = from === undefined ? -1 : from - 1;
		const found: Message[] = [];
		for (let pages = 0; ; pages++) {
			if (pages === CATCH_UP_PAGES) return this.readEnd(conversation);
			const page = await this.client.messages(this.peer, { after, limit: PAGE });
			found.push(...page.messages);
			after = page.messages.at(-1)?.seq ?? after;
			if (!page.more) break;
		}
		const old = new Map(this.stored.map((message) => [message.key, message]));
		const same = found.map((message) => {
			const before = old.get(message.key);
			return before && sameMessage(before, message) ? before : message;
		});
		this.stored = kept;
		this.stored = this.merged(same);
		const over = this.stored.length - RUN_MOST;
		if (over <= 0) return;
		this.stored = this.stored.slice(over);
		this.before += over;
	}

	/** The run with newer ones after it; one that has moved stands in its new place alone. */
	private merged(newer: readonly Message[]): Message[] {
		const keys = new Set(newer.map((message) => message.key));
		return [...this.stored.filter((message) => !keys.has(message.key)), ...newer];
	}
}
