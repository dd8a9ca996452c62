/**
 * long_link.ts - one long link, from its first packet to its end: connect, identify, heartbeats, frames both ways.
 *
 * It does not come back: connection.ts makes the next one.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { CMD_NOOP, CMD_PUSH, SEQ_IDENTIFY, SEQ_NOOP, SEQ_PUSH, decodeFrame, encodeFrame, type Frame } from "./frame.ts";
import { methods } from "./gen/methods.ts";
import { Socket } from "./socket.ts";
import { Timer, type Times } from "./times.ts";

/** Of one link. */
export interface LongLinkOptions {
	/** ws:// or wss://. */
	url: string;
	/** An IdentifyRequest. */
	identify: Uint8Array;
	times: Times;
}

/** What ended a link, by itself or by its server. */
export type LinkEnd =
	/** The socket never opened: nobody there, a proxy that knows no WebSocket, 403. */
	| { why: "refused" }
	| { why: "silent" }
	| { why: "ended" }
	/** It speaks something else. */
	| { why: "alien" }
	/** Identify was answered with another code than 0. */
	| { why: "unidentified"; code: number; message: string };

/** What becomes of it. */
export interface LongLinkEvents {
	onReady(): void;
	/** The server says that something is new, or a heartbeat is due, which is a time to ask. */
	onHint(): void;
	onAnswer(frame: Frame): void;
	/** Once; not after close(). */
	onEnd(end: LinkEnd): void;
}

/** Connects at once; at its end it is of no more use. */
export class LongLink {
	/** Identified: requests may be sent. */
	ready = false;
	/** When something came last, by performance.now(). */
	receivedAt = performance.now();

	private readonly socket: Socket;
	private readonly timer = new Timer(() => this.onTimer());
	private readonly answerTimer = new Timer(() => this.end({ why: "silent" }));
	private intervalMs: number;
	private ended = false;
	private opened = false;

	constructor(
		private readonly options: LongLinkOptions,
		private readonly events: LongLinkEvents,
	) {
		this.intervalMs = options.times.heartbeat;
		this.timer.set(options.times.connect);
		this.socket = new Socket(options.url, {
			onOpen: () => this.onOpen(),
			onMessage: (bytes) => this.onMessage(bytes),
			onClose: () => this.end({ why: this.opened ? "ended" : "refused" }),
		});
	}

	/** Of a request, or nothing if the link has ended meanwhile: onEnd has said so. */
	send(frame: Frame): void {
		this.socket.send(encodeFrame(frame));
	}

	/** Asks whether the other end is still there; the link ends if it does not say so at once. */
	check(): void {
		if (this.ready) this.beat(this.options.times.quickAnswer);
	}

	/** The link was found dead. */
	giveUp(): void {
		this.end({ why: "silent" });
	}

	close(): void {
		this.ended = true;
		this.ready = false;
		this.timer.cancel();
		this.answerTimer.cancel();
		this.socket.close();
	}

	private end(end: LinkEnd): void {
		if (this.ended) return;
		this.close();
		this.events.onEnd(end);
	}

	private onOpen(): void {
		this.opened = true;
		this.timer.set(this.options.times.connect);
		this.send({ cmd: methods.identify.cmd, seq: SEQ_IDENTIFY, body: this.options.identify });
	}

	private onTimer(): void {
		if (!this.ready) return this.end({ why: this.opened ? "silent" : "refused" });
		this.timer.set(this.intervalMs);
		this.beat(this.options.times.heartbeatAnswer);
		this.events.onHint(); /* hints may be lost */
	}

	private beat(patienceMs: number): void {
		if (performance.now() + patienceMs < this.answerTimer.at) this.answerTimer.set(patienceMs);
		this.send({ cmd: CMD_NOOP, seq: SEQ_NOOP, body: new Uint8Array() });
	}

	private onMessage(bytes: Uint8Array | null): void {
		const frame = bytes && decodeFrame(bytes);
		if (!frame) return this.end({ why: "alien" });
		this.receivedAt = performance.now();
		if (frame.cmd === CMD_NOOP) this.answerTimer.cancel();
		else if (frame.seq === SEQ_IDENTIFY) this.onIdentified(frame);
		else if (frame.seq !== SEQ_PUSH) this.events.onAnswer(frame);
		else if (frame.cmd === CMD_PUSH) this.events.onHint();
	}

	private onIdentified(frame: Frame): void {
		if (this.ready) return;
		let answer;
		try {
			answer = fromBinary(methods.identify.response, frame.body);
		} catch {
			return this.end({ why: "alien" });
		}
		if (!answer.head) return this.end({ why: "alien" });
		const { code, message } = answer.head;
		if (code !== 0) return this.end({ why: "unidentified", code, message });
		if (answer.heartbeatS > 0) this.intervalMs = Math.min(this.intervalMs, answer.heartbeatS * 1000);
		this.ready = true;
		this.timer.set(this.intervalMs);
		this.events.onReady();
	}
}
