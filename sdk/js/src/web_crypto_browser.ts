/** web_crypto_browser.ts - the Web Crypto that browsers have, of which plain http:// has no more than this. */
export const webCrypto: Pick<Crypto, "getRandomValues"> = globalThis.crypto;
