/** web_socket_browser.ts - the WebSocket that browsers have. */
import type { RawSocket } from "./socket.ts";

/** Begins to connect. Throws where the page's policy forbids it. */
export function createWebSocket(url: string): RawSocket {
	return new WebSocket(url) as RawSocket;
}
