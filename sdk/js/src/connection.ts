/**
 * connection.ts - keeps a long link while somebody is signed in, and knows how things stand.
 *
 * It begins anew with backoff when the link ends. Where none can be had twice in a row while HTTP comes through, what
 * is new is asked for now and then ("polling"), and the long link is tried on with the same backoff.
 */
import { UNAUTHENTICATED } from "./codes.ts";
import type { Frame } from "./frame.ts";
import { LongLink, type LinkEnd } from "./long_link.ts";
import { Timer, backoff, type Times } from "./times.ts";
import type { State, Trouble } from "./types.ts";

/** So many tries without a long link, and HTTP is taken for what there is. */
const REFUSALS_TO_POLL = 2;
/** A link that is being made for as long as this is made anew when there is hurry. */
const STALE_MS = 1_000;

/** Where to, and as whom. */
export interface ConnectionOptions {
	/** http:// or https://, without a path. */
	server: string;
	shortLinksOnly: boolean;
	times: Times;
	/** An IdentifyRequest of who is signed in now. */
	identify: () => Uint8Array;
}

/** What a connection tells its session. */
export interface ConnectionEvents {
	/** A long link is there. */
	onUp(): void;
	/** It is gone: what was sent over it and is not answered never will be. */
	onDown(): void;
	onAnswer(frame: Frame): void;
	/** There may be something new. */
	onHint(): void;
	onState(state: State): void;
	onTrouble(trouble: Trouble): void;
	/** Identify says that the ticket is no good. */
	onUnauthenticated(why: string): void;
}

/** At most one long link at a time, made anew as long as it is wanted; see above. */
export class Connection {
	state: State = "closed";
	trouble: Trouble | null = null;

	private opened = false;
	private wanted = false;
	private link: LongLink | null = null;
	/** It has been ready. */
	private up = false;
	private dialledAt = 0;
	/** Tries in a row that gave no link; and what the next pause goes by, which hurry() sets back. */
	private refusals = 0;
	private pauses = 0;
	private http: "unknown" | "works" | "fails" = "unknown";
	private hastenedAt = -Infinity;
	private readonly host: string;
	private readonly retry = new Timer(() => this.dial());
	private readonly poll = new Timer(() => this.onPoll());

	constructor(
		private readonly options: ConnectionOptions,
		private readonly events: ConnectionEvents,
	) {
		this.host = new URL(options.server).host;
	}

	/** The long link, if requests can be sent over it. */
	get ready(): LongLink | null {
		return this.link?.ready ? this.link : null;
	}

	/** A long link is being made, and nothing speaks against it: worth a moment's wait. */
	get expected(): boolean {
		return this.link !== null && !this.link.ready && this.refusals === 0;
	}

	/** `wanted`: somebody is signed in. A link that there is ends: it may be another user's. */
	set(opened: boolean, wanted: boolean): void {
		this.opened = opened;
		this.wanted = opened && wanted;
		this.drop();
		this.refusals = this.pauses = 0;
		this.http = "unknown";
		this.trouble = null;
		if (this.wanted) {
			this.poll.set(this.options.shortLinksOnly ? 0 : this.options.times.poll);
			this.dial();
		}
		this.update();
	}

	/** A good time to look: a link is checked, and made at once where there is none. */
	hurry(): void {
		if (!this.wanted) return;
		this.pauses = 0;
		if (this.link?.ready) this.link.check();
		else if (!this.link || performance.now() - this.dialledAt > STALE_MS) this.dial();
	}

	/** How a short link went. True: HTTP comes through again, after it did not. */
	noteShort(works: boolean): boolean {
		const again = works && this.http === "fails";
		this.http = works ? "works" : "fails";
		if (again) this.hasten();
		this.update();
		return again;
	}

	/** What somebody may want to know; told. `why` goes behind the server's name. */
	note(why: string, retryMs: number): void {
		this.trouble = { why: `${this.host} ${why}`, retryMs: Math.round(retryMs) };
		this.events.onTrouble(this.trouble);
	}

	/** Something was answered as it should be. */
	noteWell(): void {
		if (this.state !== "offline" && this.state !== "connecting") this.trouble = null;
	}

	private drop(): void {
		const link = this.link;
		this.link = null;
		this.up = false;
		this.retry.cancel();
		this.poll.cancel();
		link?.close();
		if (link) this.events.onDown();
	}

	private dial(): void {
		if (this.options.shortLinksOnly || !this.wanted) return;
		this.link?.close();
		this.retry.cancel();
		this.dialledAt = performance.now();
		const { server, identify, times } = this.options;
		const url = `${server.replace(/^http/, "ws")}/link`;
		this.link = new LongLink(
			{ url, identify: identify(), times },
			{
				onReady: () => this.onReady(),
				onHint: () => this.events.onHint(),
				onAnswer: (frame) => this.events.onAnswer(frame),
				onEnd: (end) => this.onEnd(end),
			},
		);
		this.update();
	}

	private onReady(): void {
		this.up = true;
		this.refusals = this.pauses = 0;
		this.http = "unknown";
		this.trouble = null;
		this.poll.cancel();
		this.update();
		this.events.onUp();
		this.events.onHint();
	}

	private onEnd(end: LinkEnd): void {
		const refused = !this.up;
		this.link = null;
		this.up = false;
		if (end.why === "unidentified" && end.code === UNAUTHENTICATED)
			return this.events.onUnauthenticated(end.message);
		if (refused) this.refusals++;
		const pause = backoff(this.options.times, this.pauses++);
		this.retry.set(pause);
		if (!refused) this.poll.set(this.options.times.poll);
		this.events.onDown();
		if (!refused || this.http !== "works") this.note(whyText(end), pause);
		this.update();
		if (refused) this.events.onHint(); /* by a short link: no other hint will come meanwhile */
	}

	private onPoll(): void {
		this.poll.set(this.options.times.poll);
		this.events.onHint();
	}

	/** An outage is over, most likely: not all clients at once, and not at each flicker. */
	private hasten(): void {
		const { hasten, hastenGap } = this.options.times;
		const now = performance.now();
		const pause = Math.random() * hasten;
		if (!this.retry.running || this.retry.at <= now + pause || now < this.hastenedAt + hastenGap) return;
		this.hastenedAt = now;
		this.pauses = 0;
		this.retry.set(pause);
	}

	private update(): void {
		const state = this.stateNow();
		if (state === this.state) return;
		this.state = state;
		if (state === "polling") this.trouble = null;
		this.events.onState(state);
	}

	private stateNow(): State {
		if (!this.opened) return "closed";
		if (!this.wanted) return "signed-out";
		if (this.ready) return "online";
		const { shortLinksOnly } = this.options;
		if (this.http === "fails" && (shortLinksOnly || this.refusals > 0)) return "offline";
		if (this.http === "works" && (shortLinksOnly || this.refusals >= REFUSALS_TO_POLL)) return "polling";
		return "connecting";
	}
}

function whyText(end: LinkEnd): string {
	switch (end.why) {
		case "refused":
			return "cannot be reached";
		case "silent":
			return "does not answer";
		case "ended":
			return "has ended the connection";
		case "alien":
			return "is no Hongyan server";
		case "unidentified":
			return `answers: ${end.message}`;
	}
}
