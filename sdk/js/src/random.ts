/** random.ts - bytes that nobody can guess. */
import { webCrypto } from "./web_crypto_node.ts";

/** In memory of their own; at most 65,536. */
export function randomBytes(count: number): Uint8Array<ArrayBuffer> {
	return webCrypto.getRandomValues(new Uint8Array(count));
}
