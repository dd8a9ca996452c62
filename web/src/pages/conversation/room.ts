/**
 * room.ts - one open conversation: what of it is shown, where one looks, what counts as read. The page draws it; the
 * list tells what is in view.
 */
import { batch, signal } from "@preact/signals";
import type { Conversation, HongyanClient, Message } from "hongyan";
import { History, type Run } from "./history.ts";
import type { Position, Positions } from "./position.ts";
import { makeRows, type Row } from "./rows.ts";
import type { Target, View } from "./VirtualList.tsx";

/** What the list shows. */
export interface Shown {
	rows: readonly Row[];
	before: number;
	after: number;
	target: Target;
}

/** Whether somebody looks at the page: it is on the screen and has the focus. */
export type IsLookedAt = () => boolean;

/** Above the first unread message stays some of what was before. */
const TOP_OF_NEW = 96;
const READ_MS = 200;
const PLACE_MS = 300;

/** See above. One for each visit: open() begins it, close() ends it. */
export class Room {
	/** null: it is being read. */
	readonly shown = signal<Shown | null>(null);
	readonly conversation = signal<Conversation | undefined>(undefined);
	/** The newest message is in view. */
	readonly atEnd = signal(true);
	private readonly history: History;
	private readonly ends: (() => void)[] = [];
	private byKey = new Map<string, Row>();
	private target: Target = { end: true };
	/** While another run is being loaded: where one looks when it is there. */
	private retarget: (() => Target) | null = null;
	/** The "new" line stands above the first unread message from this place on; 0: it does not. */
	private newFrom = 0;
	/** Of the newest stored message that was heard of. */
	private newest = 0;
	private view: View<Row> | null = null;
	private moving = false;
	private readTimer: ReturnType<typeof setTimeout> | undefined;
	private placeTimer: ReturnType<typeof setTimeout> | undefined;

	constructor(
		private readonly client: HongyanClient,
		private readonly peer: number,
		private readonly positions: Positions,
		private readonly isLookedAt: IsLookedAt,
		/** The store could not be read. */
		private readonly onTrouble: (problem: unknown) => void,
	) {
		this.history = new History(client, peer, (other) => this.show(other));
	}

	/** Opens it: where one was, or at the first unread message, or at the end. */
	async open(): Promise<void> {
		// What changes while it is being read is read again afterwards.
		let opened = false;
		let changed = false;
		this.ends.push(
			this.client.on("change", (change) => {
				if (!change.all && !change.conversations.includes(this.peer)) return;
				changed = true;
				if (opened) this.refresh().catch(this.onTrouble);
			}),
		);
		await this.openAtPlace();
		opened = true;
		if (changed) await this.refresh();
	}

	private async openAtPlace(): Promise<void> {
		const conversation = await this.client.conversation(this.peer);
		const place = this.positions.get(this.client.uin, this.peer);
		const unread = conversation?.unread ? conversation.firstUnreadSeq : 0;
		if (unread > 0) this.newFrom = unread;
		if (unread > 0 && (!place || unread > place.lastSeq)) {
			this.target = { key: "new", top: TOP_OF_NEW };
			await this.history.open({ seq: unread }, conversation);
		} else if (place) {
			this.target = { key: place.key, top: place.top };
			await this.history.open({ seq: place.seq }, conversation);
		} else await this.history.open("end", conversation);
	}

	/** Keeps the place; nothing is called afterwards. */
	close(): void {
		for (const end of this.ends) end();
		this.ends.length = 0;
		clearTimeout(this.readTimer);
		clearTimeout(this.placeTimer);
		this.keepPlace();
		this.markRead();
	}

	/** To be called when somebody comes back to the page: what is in view is read now. */
	looked(): void {
		this.markRead();
	}

	/** One has written something: where the new ones began is no longer of interest, and the end is. */
	wrote(): void {
		this.newFrom = 0;
		this.goToEnd();
	}

	/** To the newest message. */
	goToEnd(): void {
		this.toEnd().catch(this.onTrouble);
	}

	/** To the oldest message that is kept. */
	goToStart(): void {
		this.toStart().catch(this.onTrouble);
	}

	private async toEnd(): Promise<void> {
		if (this.history.run.after > 0) await this.move({ end: true }, () => this.history.openEnd());
		else {
			this.target = { end: true };
			this.show();
		}
	}

	private async toStart(): Promise<void> {
		const first = (): Target => {
			const message = this.history.run.messages[0];
			return message ? { key: message.key, top: TOP_OF_NEW } : { end: true };
		};
		if (this.history.run.before > 0) await this.move(first, () => this.history.openStart());
		else {
			this.target = first();
			this.show();
		}
	}

	/** The list has scrolled, or has changed. */
	readonly onView = (view: View<Row>): void => {
		this.view = view;
		this.atEnd.value = view.atEnd;
		clearTimeout(this.readTimer);
		this.readTimer = setTimeout(() => this.markRead(), READ_MS);
		clearTimeout(this.placeTimer);
		this.placeTimer = setTimeout(() => this.keepPlace(), PLACE_MS);
	};

	readonly onNeed = (end: "before" | "after"): void => {
		if (this.moving) return;
		this.moving = true;
		this.history
			.more(end)
			.catch(this.onTrouble)
			.finally(() => (this.moving = false));
	};

	readonly onSeek = (end: "before" | "after", fraction: number): void => {
		const middle = (): Target => {
			const { messages } = this.history.run;
			const message = messages[Math.min(messages.length - 1, 30)];
			return message ? { key: message.key, top: 0 } : { end: true };
		};
		this.move(middle, () => this.history.seek(end, fraction)).catch(this.onTrouble);
	};

	/** Loads another run; the view goes to `target` with it. */
	private async move(target: Target | (() => Target), load: () => Promise<void>): Promise<void> {
		this.moving = true;
		this.retarget = typeof target === "function" ? target : () => target;
		try {
			await load();
		} finally {
			this.retarget = null;
			this.moving = false;
		}
	}

	private async refresh(): Promise<void> {
		const newest = this.newest;
		await this.history.refresh();
		const conversation = this.conversation.value;
		if (!conversation || conversation.unread === 0 || (this.atEnd.value && this.isLookedAt())) return;
		// What has come while nobody was looking is new; the line stays while some of what was new before is unread.
		if (conversation.firstUnreadSeq <= newest) return;
		this.newFrom = conversation.firstUnreadSeq;
		this.show();
	}

	private show(other = false): void {
		const { run } = this.history;
		if (other && this.retarget) this.target = this.retarget();
		const rows = makeRows(
			{
				me: this.client.uin,
				messages: run.messages,
				fromStart: run.before === 0,
				newFromSeq: this.isNewLineIn(run) ? this.newFrom : 0,
			},
			this.byKey,
		);
		this.byKey = new Map(rows.map((row) => [row.key, row]));
		const last = run.conversation?.last;
		const known = last && isStored(last) ? last : lastStored(run.messages);
		if (known) this.newest = Math.max(this.newest, known.seq);
		batch(() => {
			this.conversation.value = run.conversation;
			this.shown.value = { rows, before: run.before, after: run.after, target: this.target };
		});
	}

	/** In a run that begins after the first unread message, the line would stand in the wrong place. */
	private isNewLineIn(run: Run): boolean {
		return run.before === 0 || (run.messages[0]?.seq ?? 0) < this.newFrom;
	}

	/** The last stored message whose end is in view. */
	private lastSeen(): Message | undefined {
		const rows = this.shown.value?.rows ?? [];
		const seen = this.view?.lastSeen;
		for (let i = seen ? rows.lastIndexOf(seen) : -1; i >= 0; i--) {
			const row = rows[i];
			if (row?.kind === "message" && isStored(row.message)) return row.message;
		}
		return undefined;
	}

	/** A message is read when somebody looks at the page and its end is in view. */
	private markRead(): void {
		const conversation = this.conversation.value;
		if (!conversation || conversation.unread === 0 || !this.isLookedAt()) return;
		const seen = this.lastSeen();
		if (!seen || seen.seq < conversation.firstUnreadSeq) return;
		this.client.markRead(this.peer, seen.seq).catch(() => undefined);
	}

	/** Notes where one is, for when one comes back. */
	keepPlace(): void {
		if (this.view && this.client.uin !== 0) this.positions.set(this.client.uin, this.peer, this.place(this.view));
	}

	private place(view: View<Row>): Position | undefined {
		if (view.atEnd) return undefined;
		for (const anchor of view.anchors) {
			const row = this.byKey.get(anchor.key);
			if (row?.kind !== "message" || !isStored(row.message)) continue;
			return { seq: row.message.seq, key: row.key, top: anchor.top, lastSeq: this.newest };
		}
		return undefined;
	}
}

function isStored(message: Message): boolean {
	return message.state === "received" || message.state === "sent";
}

function lastStored(messages: readonly Message[]): Message | undefined {
	for (let i = messages.length - 1; i >= 0; i--) {
		const message = messages[i];
		if (message && isStored(message)) return message;
	}
	return undefined;
}
