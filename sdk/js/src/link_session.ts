/** link_session.ts - the session, on links: composes connection and requests, and watches the network for them. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Connection } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { watchEnvironment } from "./environment.ts";
import { IdentifyRequestSchema } from "./gen/auth_pb.ts";
import { randomBytes } from "./random.ts";
import { Requests, makeHead, type Asker } from "./requests.ts";
import type { Answer, Identity, MethodName, Question, RequestOptions, Session } from "./session.ts";
import { TIMES, type Times } from "./times.ts";
import { HongyanError, type State, type Trouble } from "./types.ts";

/** Which server, and how patiently. */
export interface LinkSessionOptions {
	/** "http://127.0.0.1:7600". */
	server: string;
	shortLinksOnly?: boolean;
	/** Those that differ from the usual ones. */
	times?: Partial<Times>;
}

interface Events {
	hint: () => void;
	state: (state: State) => void;
	trouble: (trouble: Trouble) => void;
	signedOut: (why: string) => void;
}

const CLIENT_ID_SIZE = 16;

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

const sameIdentity = (a: Identity | null, b: Identity | null): boolean =>
	a && b ? a.uin === b.uin && sameBytes(a.ticket, b.ticket) : a === b;

/** See Session. Made closed: open() begins. */
export class LinkSession implements Session {
	private readonly asker: Asker = { identity: null, device: "", clockOffsetMs: 0, clockBase: 0 };
	private readonly emitter = new Emitter<Events>();
	private readonly connection: Connection;
	private readonly requests: Requests;
	private opened = false;
	private unwatch: () => void = () => undefined;

	/** Throws a TypeError if `server` is no URL. */
	constructor(options: LinkSessionOptions) {
		const times = { ...TIMES, ...options.times };
		const server = new URL(options.server).origin;
		const unauthenticated = (why: string) => this.endTicket(why);
		this.connection = new Connection(
			{ server, times, shortLinksOnly: options.shortLinksOnly ?? false, identify: () => this.identifyRequest() },
			{
				onUp: () => this.requests.onUp(),
				onDown: () => this.requests.onDown(),
				onAnswer: (frame) => this.requests.onAnswer(frame),
				onHint: () => this.emitter.emit("hint"),
				onState: (state) => this.emitter.emit("state", state),
				onTrouble: (trouble) => this.emitter.emit("trouble", trouble),
				onUnauthenticated: unauthenticated,
			},
		);
		this.requests = new Requests(server, times, this.asker, this.connection, {
			onUnauthenticated: unauthenticated,
			onDoubt: () => this.emitter.emit("hint"),
		});
	}

	get state(): State {
		return this.connection.state;
	}

	get trouble(): Trouble | null {
		return this.connection.trouble;
	}

	get identity(): Identity | null {
		return this.asker.identity;
	}

	request<M extends MethodName>(method: M, question: Question<M>, options: RequestOptions = {}): Promise<Answer<M>> {
		if (!this.opened) return Promise.reject(new HongyanError("CANCELLED", "the client is closed"));
		return this.requests.make(method, question, options);
	}

	onHint(listener: () => void): () => void {
		return this.emitter.on("hint", listener);
	}

	onState(listener: (state: State) => void): () => void {
		return this.emitter.on("state", listener);
	}

	onTrouble(listener: (trouble: Trouble) => void): () => void {
		return this.emitter.on("trouble", listener);
	}

	onSignedOut(listener: (why: string) => void): () => void {
		return this.emitter.on("signedOut", listener);
	}

	open(): void {
		if (this.opened) return;
		this.opened = true;
		this.unwatch = watchEnvironment(() => this.hurry());
		this.connection.set(true, this.asker.identity !== null);
	}

	setTicket(identity: Identity | null, device: string): void {
		if (sameIdentity(identity, this.asker.identity) && device === this.asker.device) return;
		this.asker.identity = identity;
		this.asker.device = device;
		this.requests.end(false, new HongyanError("CANCELLED", "signed out, or in as somebody else"));
		if (this.opened) this.connection.set(true, identity !== null);
	}

	close(): void {
		if (!this.opened) return;
		this.opened = false;
		this.unwatch();
		this.requests.end(true, new HongyanError("CANCELLED", "the client was closed"));
		this.connection.set(false, false);
	}

	hurry(): void {
		if (!this.opened) return;
		this.connection.hurry();
		this.requests.hurry();
	}

	nowMs(): number {
		return this.requests.nowMs();
	}

	newClientId(): Uint8Array {
		return randomBytes(CLIENT_ID_SIZE);
	}

	private identifyRequest(): Uint8Array {
		return toBinary(
			IdentifyRequestSchema,
			create(IdentifyRequestSchema, { head: makeHead(this.asker, true, null) }),
		);
	}

	private endTicket(why: string): void {
		if (!this.asker.identity) return;
		this.asker.identity = null;
		this.connection.set(this.opened, false);
		this.requests.end(false, new HongyanError("UNAUTHENTICATED", "signed out"));
		this.emitter.emit("signedOut", why);
	}
}
