/** web_crypto_node.ts - Node.js's Web Crypto: version 18 has it in a module alone. Pages get web_crypto_browser.ts. */
import { webcrypto } from "node:crypto";

/** All that is needed of it. */
export const webCrypto: Pick<Crypto, "getRandomValues"> = webcrypto as unknown as Crypto;
