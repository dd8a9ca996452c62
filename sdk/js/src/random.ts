/** random.ts - bytes that nobody can guess. */
import { webCrypto } from "./web_crypto_node.ts";

export function randomBytes(count: number): Uint8Array<ArrayBuffer> {
	return webCrypto.getRandomValues(new Uint8Array(count));
}
