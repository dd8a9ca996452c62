/** linkify.ts - finds web and mail addresses in texts. */

/** A piece of a text; with `href` it is a link. All pieces together are the text. */
export interface Piece {
	text: string;
	href?: string;
}

/**
 * A mail address, of plain letters alone: its host is what it looks like. Each part has a limit, so that a long text of
 * anything is read in a moment.
 */
const MAIL = "[a-z0-9._+-]{1,64}@[a-z0-9-]{1,63}(?:\\.[a-z0-9-]{1,63})+";

/**
 * Of the web: http and https alone, or what begins with "www.", up to white space, quotes, angle brackets, what turns the
 * direction of writing, is not seen, or looks like a slash: such an address would look like another one. Chinese writing
 * has no space after an address: its marks end it too.
 */
const ADDRESS = new RegExp(
	"(?:https?:\\/\\/|www\\.)[^\\s<>\"'`\\u00ad\\u0337\\u0338\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u200b-\\u200f\\u2018-\\u201f\\u2026" +
		"\\u2028-\\u202e\\u2044\\u2060-\\u206f\\u2215\\u2571\\u29f8\\u3000-\\u303f\\u3164\\uff01-\\uff0f\\uff1a-\\uff20" +
		"\\uff3b-\\uff40\\uff5b-\\uff65\\uffa0]+|" +
		MAIL,
	"gi",
);
/** What ends a sentence rather than an address. */
const TRAILING = /[.,;:!?*_~]$/;
const LONGEST = 2048;

/** What an address without "https://" does not stand behind: it would be a part of it. */
const JOINED = /[\p{L}\p{N}\p{M}\p{Cf}@/\\_~!#$%&'*=?^`{|}.+-]/u;
/** And what a mail address does not stand before. */
const GOES_ON = /[\p{L}\p{N}\p{M}\p{Cf}@/_-]/u;
const HAN = /\p{Script=Han}/u;

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

/** Chinese is written without spaces around an address. */
function isJoined(sign: string | undefined, by: RegExp): boolean {
	return sign !== undefined && by.test(sign) && !HAN.test(sign);
}

/** The whole of it, and nothing that only looks like a host. */
function mailHref(address: string, after: string | undefined): string | undefined {
	return !isJoined(after, GOES_ON) &&
		/^[a-z0-9]+(?:[._+-]+[a-z0-9]+)*@(?:[a-z0-9]+(?:-+[a-z0-9]+)*\.)+[a-z]{2,}$/i.test(address)
		? `mailto:${address}`
		: undefined;
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

/** "www." alone is no host. */
const WWW = /^www\.[^./?#:]+\.[^./?#:]/i;

/** Of what was found at `at`: how much of it is the link, and where to; without `href` it is none. */
function linkAt(text: string, found: string, at: number): Piece {
	const isMail = !/^(?:https?:|www\.)/i.test(found);
	const address = isMail ? found : trimmed(found);
	if (/^https?:/i.test(found)) return { text: address, href: hrefOf(address) };
	const before = Array.from(text.slice(Math.max(0, at - 2), at)).at(-1);
	if (isJoined(before, JOINED)) return { text: address };
	if (!isMail) return { text: address, href: WWW.test(address) ? hrefOf(`https://${address}`) : undefined };
	const end = at + found.length;
	return { text: address, href: mailHref(address, Array.from(text.slice(end, end + 2))[0]) };
}

/** Cuts a text into links and what is between them. */
export function linkify(text: string): Piece[] {
	const pieces: Piece[] = [];
	let done = 0;
	for (const match of text.matchAll(ADDRESS)) {
		const link = linkAt(text, match[0], match.index);
		if (link.href === undefined) continue;
		if (match.index > done) pieces.push({ text: text.slice(done, match.index) });
		pieces.push(link);
		done = match.index + link.text.length;
	}
	if (done < text.length || pieces.length === 0) pieces.push({ text: text.slice(done) });
	return pieces;
}
