/**
 * sync.ts - pulling what is new: on every hint of the session, page after page, each stored before the next one is asked
 * for with the snapshot that came with it (rule R4).
 */
import type { Applied, Brought } from "./apply_sync.ts";
import { applySync, dropSnapshot, whatToBring } from "./apply_sync.ts";
import { fromHex, toHex } from "./rows.ts";
import type { Session } from "./session.ts";
import type { Store } from "./store.ts";
import type { SyncPage } from "./sync_page.ts";
import { readPage } from "./sync_page.ts";
import { HongyanError } from "./types.ts";
import { TIMES, Timer, backoff } from "./times.ts";

interface Waiter {
	resolve: () => void;
	reject: (why: unknown) => void;
}

/** What becomes of syncs. */
export interface SyncEvents {
	/** A page is stored. */
	applied(applied: Applied): void;
	/** The store did not take it; it is tried again after `retryMs`. */
	trouble(why: string, retryMs: number): void;
	/** The store knows another ticket than the session, or none: its site data were cleared, or a tab's note was lost. */
	strange(): void;
}

function closed(): HongyanError {
	return new HongyanError("CANCELLED", "the client was closed");
}

function isFinal(why: unknown): boolean {
	return why instanceof HongyanError && (why.code === "CANCELLED" || why.code === "UNAUTHENTICATED");
}

function isOld(brought: Brought, page: SyncPage): boolean {
	return (
		page.snapshot === brought.snapshot &&
		!page.more &&
		!page.resetAccount &&
		!page.resetContacts &&
		page.contacts.length + page.texts.length + page.bad === 0 &&
		!page.devices &&
		page.profile === undefined &&
		page.settings === undefined
	);
}

/** One for each client; the store and the session are the client's. */
export class Sync {
	private waiters: Waiter[] = [];
	private running = false;
	private stopped = true;
	private failures = 0;
	private readonly again = new Timer(() => this.pullSoon());
	private endHints: (() => void) | null = null;
	/** Entries that could not be read, since the start. */
	bad = 0;

	constructor(
		private readonly store: Store,
		private readonly session: Session,
		private readonly events: SyncEvents,
	) {}

	/** Pulls on every hint from now on. */
	start(): void {
		this.stopped = false;
		this.endHints ??= this.session.onHint(() => this.pullSoon());
	}

	/** Who waits is told CANCELLED. */
	stop(): void {
		this.stopped = true;
		this.again.cancel();
		this.endHints?.();
		this.endHints = null;
		const waiters = this.waiters.splice(0);
		for (const { reject } of waiters) reject(closed());
	}

	/**
	 * Pulls now; resolves when the store has all that the server had. What is under way may have been read too early to see
	 * what is new: another one follows it. Rejects with HongyanError.
	 */
	now(): Promise<void> {
		if (this.stopped) return Promise.reject(closed());
		return new Promise((resolve, reject) => {
			this.waiters.push({ resolve, reject });
			if (!this.running) void this.run();
		});
	}

	private pullSoon(): void {
		if (!this.stopped) this.now().catch(() => {});
	}

	private async run(): Promise<void> {
		this.running = true;
		while (this.waiters.length > 0) {
			const waiters = this.waiters.splice(0);
			try {
				await this.pull();
				this.failures = 0;
				this.again.cancel();
				waiters.forEach(({ resolve }) => resolve());
			} catch (why) {
				this.failed(why);
				waiters.forEach(({ reject }) => reject(why));
			}
		}
		this.running = false;
	}

	private failed(why: unknown): void {
		if (this.stopped || isFinal(why)) return;
		const pause = backoff({ ...TIMES, backoffLeast: 500 }, ++this.failures + 1);
		this.again.set(pause);
		if (!(why instanceof HongyanError) || why.code !== "DEADLINE_EXCEEDED")
			this.events.trouble(why instanceof Error ? why.message : String(why), pause);
	}

	/** A server that is out of its mind is asked again later, not at once for ever. */
	private async pull(): Promise<void> {
		let dropped = false;
		for (let more = true; more && !this.stopped;) {
			const brought = await whatToBring(this.store);
			if (!brought) {
				this.events.strange();
				throw new HongyanError("UNAUTHENTICATED", "not signed in");
			}
			const page = await this.ask(brought);
			if (this.stopped) throw closed();
			if (!page && dropped) throw new HongyanError("INTERNAL", "the server does not know its own snapshots");
			dropped ||= !page;
			if (!page) continue;
			if (isOld(brought, page)) return;
			if (page.more && page.snapshot === brought.snapshot)
				throw new HongyanError("INTERNAL", "the server has more, and does not say what");
			const applied = await applySync(this.store, brought, page);
			if (!applied) continue; /* another tab was faster */
			this.bad += page.bad;
			more = page.more;
			this.events.applied(applied);
		}
	}

	/** null: the snapshot is dropped, ask again. */
	private async ask(brought: Brought): Promise<SyncPage | null> {
		const { identity } = this.session;
		/* Another tab may have signed in as somebody else: their answers are not ours to store. */
		if (!identity || toHex(identity.ticket) !== brought.ticket) {
			this.events.strange();
			throw new HongyanError("CANCELLED", "another account is signed in here");
		}
		try {
			return readPage(await this.session.request("sync", { snapshot: fromHex(brought.snapshot) }));
		} catch (why) {
			const unknown = why instanceof HongyanError && why.code === "FAILED_PRECONDITION";
			if (!unknown || brought.snapshot === "") throw why;
			await dropSnapshot(this.store, brought);
			return null;
		}
	}
}
