/** web_socket_node.ts - the WebSocket of the `ws` package, for Node.js: version 18 has none of its own. */
import { WebSocket } from "ws";
import { FRAME_MAX } from "./frame.ts";
import type { RawSocket } from "./socket.ts";

/** A server that does not answer the closing handshake must not keep the program from ending. */
const CLOSING_MS = 300;

/** Begins to connect. Throws where `url` is none. */
export function createWebSocket(url: string): RawSocket {
	const socket = new WebSocket(url, { maxPayload: FRAME_MAX, perMessageDeflate: false });
	const close = socket.close.bind(socket);
	socket.close = (code) => {
		if (socket.readyState !== WebSocket.OPEN) return socket.terminate();
		close(code);
		setTimeout(() => socket.terminate(), CLOSING_MS).unref();
	};
	return socket as unknown as RawSocket;
}
