/**
 * session.ts - how the parts of the client that know what things mean ask the server for them, and hear of it.
 *
 * A session makes requests, each until it has a final answer, over whichever link works; which links there are, and how
 * they come back when they broke, is connection.ts's to know. It keeps nothing: ticket and device are brought to it.
 */
import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { methods } from "./gen/methods.ts";
import type { State, Trouble, Uin } from "./types.ts";

/** A client-facing method: its name in proto/, beginning in lower case: "sendText". */
export type MethodName = keyof typeof methods;
/** What is asked: the request's fields, without `head`, which is the session's to fill in. */
export type Question<M extends MethodName> = Omit<
	MessageInitShape<(typeof methods)[M]["request"]>,
	"head" | "$typeName"
>;
/** An answer with code 0. 64-bit fields are bigint, bytes Uint8Array. */
export type Answer<M extends MethodName> = MessageShape<(typeof methods)[M]["response"]>;

/** Of one request. */
export interface RequestOptions {
	/** 16 bytes, the same for the same wish at every retry, together with `madeMs`. Absent: drawn, for this request alone. */
	clientId?: Uint8Array;
	/** When the wish was first made, by `nowMs()`. Absent: now. */
	madeMs?: number;
	/** How long until DEADLINE_EXCEEDED, all repeats together; default 60,000. Infinity: until there is an answer. */
	timeoutMs?: number;
}

/** Whose requests these are. */
export interface Identity {
	uin: Uin;
	ticket: Uint8Array;
}

/** See above. `LinkSession` is one on links; tests have others. */
export interface Session {
	readonly state: State;
	/** What the last try failed with; null while all is well. */
	readonly trouble: Trouble | null;
	/** null: signed out. */
	readonly identity: Identity | null;

	/**
	 * One request until its final answer: repeats by itself what may be repeated, under the same client ID. Requests
	 * with the same value of the method's `order` field are made one after another. Rejects with HongyanError:
	 *   CANCELLED           close(), or setTicket() with another identity or none, came first
	 *   UNAUTHENTICATED     no ticket, or one that is no longer good: `onSignedOut` tells, too (never of open methods)
	 *   DEADLINE_EXCEEDED   no answer within `timeoutMs`: whether it was done is not known
	 *   OUT_OF_RANGE        `madeMs` was brought and is too old or ahead; `nowMs()` is right from now on. One that the
	 *                       session drew itself is drawn anew instead, once
	 *   FAILED_PRECONDITION of "sync": this snapshot means nothing there, drop it (rule R3)
	 *   other codes         the server's answer, which a repeat would not change
	 */
	request<M extends MethodName>(method: M, question: Question<M>, options?: RequestOptions): Promise<Answer<M>>;

	/**
	 * There may be something new, sync now: a long link has come up, the server hints, a heartbeat is due, a poll is due.
	 * Calls come often; one while a sync is under way asks for another one after it. Returns what ends it.
	 */
	onHint(listener: () => void): () => void;
	onState(listener: (state: State) => void): () => void;
	onTrouble(listener: (trouble: Trouble) => void): () => void;
	/** The server has ended the ticket: once for each. `identity` is null already, requests under way are rejected next. */
	onSignedOut(listener: (why: string) => void): () => void;

	/** Allows links and requests; with an identity, a long link is made and kept. */
	open(): void;
	/** Whose requests they are from now on, null: nobody's; and the device's own name for itself. */
	setTicket(identity: Identity | null, device: string): void;
	/** Ends links, timers, and requests (CANCELLED). It may be opened again. */
	close(): void;
	/** The network may be another one, or the program was asleep: look at the link, try at once what waits. */
	hurry(): void;

	/** The server's clock, as far as it is known: this machine's, unless the server found that one wrong. Unix ms. */
	nowMs(): number;
	/** 16 random bytes. */
	newClientId(): Uint8Array;
}
