/**
 * socket.ts - a WebSocket for whole binary messages: the browser's own, or that of the `ws` package.
 *
 * package.json's "browser" field puts web_socket_browser.ts in the place of web_socket_node.ts, so that no page ever
 * loads `ws`.
 */
import { FRAME_MAX } from "./frame.ts";
import { createWebSocket } from "./web_socket_node.ts";

/** What both kinds have. */
export interface RawSocket {
	binaryType: string;
	onopen: (() => void) | null;
	onmessage: ((event: { data: unknown }) => void) | null;
	onclose: ((event: { code: number; reason: string }) => void) | null;
	onerror: ((event: unknown) => void) | null;
	send(data: Uint8Array<ArrayBuffer>): void;
	close(code?: number): void;
}

/** What a socket tells. */
export interface SocketEvents {
	onOpen(): void;
	/** A text message, or one that is too long, comes as null. */
	onMessage(bytes: Uint8Array | null): void;
	/** Once, also where it never opened; not after close(). */
	onClose(): void;
}

/** One socket, from connecting to its end. */
export class Socket {
	private raw: RawSocket | null = null;
	private closed = false;

	/** Begins to connect; events come later, never from inside. */
	constructor(url: string, events: SocketEvents) {
		try {
			this.raw = createWebSocket(url);
		} catch {
			queueMicrotask(() => this.closed || events.onClose()); /* a page's policy forbids it, or the URL is none */
			return;
		}
		this.listen(this.raw, events);
	}

	private listen(raw: RawSocket, events: SocketEvents): void {
		raw.binaryType = "arraybuffer";
		raw.onopen = () => events.onOpen();
		raw.onmessage = ({ data }) => {
			const whole = data instanceof ArrayBuffer && data.byteLength <= FRAME_MAX;
			events.onMessage(whole ? new Uint8Array(data) : null);
		};
		raw.onerror = () => undefined; /* onclose comes, too, and knows as much */
		raw.onclose = () => {
			this.forget();
			events.onClose();
		};
	}

	private forget(): void {
		const raw = this.raw;
		this.raw = null;
		this.closed = true;
		if (raw) raw.onopen = raw.onmessage = raw.onclose = null;
	}

	/** What is sent before it is open, or after its end, is lost. */
	send(bytes: Uint8Array<ArrayBuffer>): void {
		try {
			this.raw?.send(bytes);
		} catch {
			/* Not open (any more): onclose is on its way. */
		}
	}

	/** No event comes after this. */
	close(): void {
		const raw = this.raw;
		this.forget();
		raw?.close(1000);
	}
}
