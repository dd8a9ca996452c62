/**
 * preview.ts - what the list of conversations says of each, and which of them a search finds. Pure: no client, no page.
 */
import type { Contact, Conversation, Message } from "hongyan";

/** The second line of a conversation. Of one's own words `state` is shown. */
export interface Preview {
	kind: "draft" | "own" | "theirs" | "none";
	text: string;
	state?: Message["state"];
}

const SHOWN = 160;

/** One line of a text, as much of it as could be seen. */
export function oneLine(text: string): string {
	const line = text
		.slice(0, 4 * SHOWN)
		.replace(/\s+/g, " ")
		.trim();
	// Not within a character of two units.
	return line.slice(0, SHOWN).replace(/[\ud800-\udbff]$/, "");
}

/** A draft comes first, but not of the conversation that is `open`: there one sees it. */
export function previewOf(conversation: Conversation, me: number, open: boolean): Preview {
	const { last, draft } = conversation;
	if (draft.trim() !== "" && !open) return { kind: "draft", text: oneLine(draft) };
	if (!last) return { kind: "none", text: "" };
	const text = oneLine(last.text);
	return last.from === me ? { kind: "own", text, state: last.state } : { kind: "theirs", text };
}

/** Who is found, with whom there is a conversation and with whom there is none. */
export interface Found {
	conversations: readonly Conversation[];
	others: readonly Contact[];
}

/** Whether a search finds somebody. */
export type IsFound = (contact: Contact, search: string) => boolean;

/** Without a search all conversations, and no others. Strangers are found by the name that their messages carry. */
export function findChats(
	conversations: readonly Conversation[],
	contacts: readonly Contact[],
	search: string,
	isFound: IsFound,
): Found {
	const wanted = search.trim();
	if (wanted === "") return { conversations, others: [] };
	const byUin = new Map(contacts.map((contact) => [contact.uin, contact]));
	const peers = new Set(conversations.map((one) => one.peer));
	return {
		conversations: conversations.filter((one) => {
			const contact = byUin.get(one.peer);
			if (contact) return isFound(contact, wanted);
			const name = one.last?.from === one.peer ? one.last.fromName : "";
			return name.includes(wanted.toLowerCase());
		}),
		others: contacts.filter(
			(contact) =>
				contact.relation === "contact" &&
				!contact.blocked &&
				!contact.gone &&
				!peers.has(contact.uin) &&
				isFound(contact, wanted),
		),
	};
}
