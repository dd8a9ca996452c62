/**
 * plain_text.ts - what the server takes as a nickname, a greeting, a remark: one line that can be seen, so many bytes of
 * UTF-8 at most. The same rules as the server's, so that people hear of it while they type.
 */

/** Most bytes of each text. */
export const LIMITS = { nickname: 64, signature: 256, region: 64, greeting: 256, remark: 64, password: 128 } as const;
/** Fewest bytes of a password. */
export const PASSWORD_MIN = 8;

/** Bytes of the text in UTF-8. */
export function byteLength(text: string): number {
	return new TextEncoder().encode(text).length;
}

/** How many characters at its end a text has to lose until it has so many bytes at most. */
export function excessOf(text: string, maxBytes: number): number {
	const characters = Array.from(text);
	let bytes = byteLength(text);
	let excess = 0;
	while (bytes > maxBytes) bytes -= byteLength(characters[characters.length - ++excess] ?? "");
	return excess;
}

/**
 * Controls, marks of the direction, spaces of no width, fillers and what is no character at all. Joiners, variation
 * selectors and a flag's tags are let in: emoji and some scripts need them; the server looks at where they stand.
 */
const REFUSED = new RegExp(
	"[\\u0001-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u200b\\u200e\\u200f" +
		"\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufdd0-\\ufdef\\ufeff\\uffa0\\ufff0-\\ufffb\\ufffe\\uffff" +
		"\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e001f}\\u{e0080}-\\u{e00ff}\\u{e01f0}-\\u{e0fff}]",
	"u",
);

/** What is wrong with a text that stands in one line; null: nothing. */
export function problemOf(text: string, maxBytes: number): "long" | "unseen" | null {
	if (byteLength(text) > maxBytes) return "long";
	return REFUSED.test(text) ? "unseen" : null;
}
