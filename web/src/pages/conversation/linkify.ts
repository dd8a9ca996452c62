/** linkify.ts - finds web addresses in texts. */

/** A piece of a text; with `href` it is a link. All pieces together are the text. */
export interface Piece {
	text: string;
	href?: string;
}

/**
 * http and https alone, up to white space, quotes, angle brackets, what turns the direction of writing, is not seen, or looks like a
 * slash: such an address would look like another one. Chinese writing has no space after an address: its marks end it too.
 */
const ADDRESS = new RegExp(
	"https?:\\/\\/[^\\s<>\"'`\\u00ad\\u0337\\u0338\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u200b-\\u200f\\u2018-\\u201f\\u2026" +
		"\\u2028-\\u202e\\u2044\\u2060-\\u206f\\u2215\\u2571\\u29f8\\u3000-\\u303f\\u3164\\uff01-\\uff0f\\uff1a-\\uff20" +
		"\\uff3b-\\uff40\\uff5b-\\uff65\\uffa0]+",
	"gi",
);
/** What ends a sentence rather than an address. */
const TRAILING = /[.,;:!?*_~]$/;
const LONGEST = 2048;

const OPENED_BY: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

/** A closing bracket belongs to the address if it was opened there. */
function trimmed(address: string): string {
	const counts = new Map<string, number>();
	for (const sign of address) counts.set(sign, (counts.get(sign) ?? 0) + 1);
	let end = address.length;
	for (; end > 0; end--) {
		const last = address[end - 1] ?? "";
		const open = OPENED_BY[last];
		const isUnopened = open !== undefined && (counts.get(last) ?? 0) > (counts.get(open) ?? 0);
		if (!isUnopened && !TRAILING.test(last)) break;
		counts.set(last, (counts.get(last) ?? 0) - 1);
	}
	return address.slice(0, end);
}

/**
 * The address that a browser would open, or undefined if it is none to trust: no host, or a user name before the host,
 * with which an address looks like that of another host.
 */
function hrefOf(address: string): string | undefined {
	if (address.length > LONGEST) return undefined;
	try {
		const url = new URL(address);
		const isWeb = url.protocol === "http:" || url.protocol === "https:";
		return isWeb && url.hostname !== "" && url.username === "" && url.password === "" ? url.href : undefined;
	} catch {
		return undefined;
	}
}

/** Cuts a text into links and what is between them. */
export function linkify(text: string): Piece[] {
	const pieces: Piece[] = [];
	let done = 0;
	for (const match of text.matchAll(ADDRESS)) {
		const address = trimmed(match[0]);
		const href = hrefOf(address);
		if (href === undefined) continue;
		if (match.index > done) pieces.push({ text: text.slice(done, match.index) });
		pieces.push({ text: address, href });
		done = match.index + address.length;
	}
	if (done < text.length || pieces.length === 0) pieces.push({ text: text.slice(done) });
	return pieces;
}
