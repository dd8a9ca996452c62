/**
 * people.ts - what a contact is called, how the two stand, what can be done, and in which part of the list they are.
 * Pure: no client, no page.
 */
import type { Contact, Profile, Uin } from "hongyan";
import { compareNames, folded, initialsOf, letterOf } from "./letters.ts";

/** What people call them: the remark, else the nickname, else the account's name, else the number. */
export function titleOf(person: Profile & { remark?: string }): string {
	return person.remark || person.nickname || person.name || `#${person.uin}`;
}

/** How the user stands to somebody, as one word: a deleted account first, then a block, then the relation. */
export type Standing = "gone" | "blocked" | Contact["relation"];

/** Where more than one holds, the first of these. */
export function standingOf(contact: Contact): Standing {
	if (contact.gone) return "gone";
	return contact.blocked ? "blocked" : contact.relation;
}

/** What the user can do about somebody now. */
export interface Possible {
	/** Texts will reach them, as far as this side knows. */
	write: boolean;
	accept: boolean;
	decline: boolean;
	/** Ask, or ask again. */
	ask: boolean;
	/** Take one's own question back before there is an answer. */
	withdraw: boolean;
	/** End it, or take away what is left of it. */
	remove: boolean;
	remark: boolean;
	block: boolean;
	unblock: boolean;
}

/** Who is blocked can only be let in again; who is gone can only be tidied away. */
export function possibleWith(contact: Contact): Possible {
	const { relation, blocked, gone } = contact;
	const open = !blocked && !gone;
	return {
		write: open && relation === "contact",
		accept: open && relation === "incoming",
		decline: open && relation === "incoming",
		ask: open && (relation === "none" || relation === "ended"),
		withdraw: open && relation === "outgoing",
		remove: relation === "contact" || relation === "ended" || (gone && relation === "outgoing"),
		remark: !gone,
		block: !blocked && !gone,
		unblock: blocked,
	};
}

/** Contacts under one letter, in order. */
export interface LetterGroup {
	letter: string;
	contacts: Contact[];
}

/** The list of contacts, part by part; a part may be empty. */
export interface People {
	/** Who asks the user, newest first. */
	incoming: Contact[];
	/** Whom the user has asked, newest first. */
	outgoing: Contact[];
	/** Contacts. */
	letters: LetterGroup[];
	/** They declined or ended it, or deleted their account. */
	past: Contact[];
	blocked: Contact[];
	/** How many contacts there are under `letters`. */
	count: number;
}

/** Whether a search finds somebody: by any of their names, or by initials from the beginning. */
export function isFound(contact: Contact, search: string): boolean {
	const wanted = folded(search.trim());
	if (!wanted) return true;
	const names = [contact.remark, contact.nickname, contact.name].filter(Boolean);
	return names.some((name) => folded(name).includes(wanted) || initialsOf(name).startsWith(wanted));
}

function groupByLetter(sorted: Contact[]): LetterGroup[] {
	const groups: LetterGroup[] = [];
	for (const contact of sorted) {
		const letter = letterOf(titleOf(contact));
		const last = groups[groups.length - 1];
		if (last?.letter === letter) last.contacts.push(contact);
		else groups.push({ letter, contacts: [contact] });
	}
	return groups;
}

/** Which part of the list somebody is in; null: nothing is left that would be shown. */
function partOf(contact: Contact): "incoming" | "outgoing" | "letters" | "past" | "blocked" | null {
	const standing = standingOf(contact);
	switch (standing) {
		case "blocked":
		case "incoming":
		case "outgoing":
			return standing;
		case "contact":
			return "letters";
		case "ended":
			return "past";
		case "gone":
			return contact.relation === "none" || contact.relation === "incoming" ? null : "past";
		case "none":
			return null;
	}
}

/** Sorts what is stored into the parts of the list; `hanFirst`: Chinese names before Latin ones of the same letter. */
export function arrange(contacts: readonly Contact[], search: string, hanFirst: boolean): People {
	const part = (wanted: ReturnType<typeof partOf>) =>
		contacts.filter((contact) => partOf(contact) === wanted && isFound(contact, search));
	const byName = (a: Contact, b: Contact) => compareNames(titleOf(a), titleOf(b), hanFirst) || a.uin - b.uin;
	const newestFirst = (a: Contact, b: Contact) => b.askedMs - a.askedMs || a.uin - b.uin;
	const sorted = part("letters").sort(byName);
	return {
		incoming: part("incoming").sort(newestFirst),
		outgoing: part("outgoing").sort(newestFirst),
		letters: groupByLetter(sorted),
		past: part("past").sort(byName),
		blocked: part("blocked").sort(byName),
		count: sorted.length,
	};
}

/** The first so many of the list from top to bottom; `count` stays that of all. */
export function firstOf(people: People, rows: number): People {
	let left = rows;
	const take = (contacts: Contact[]) => {
		const taken = contacts.slice(0, left);
		left -= taken.length;
		return taken;
	};
	const incoming = take(people.incoming);
	const outgoing = take(people.outgoing);
	const letters = people.letters
		.map((group) => ({ letter: group.letter, contacts: take(group.contacts) }))
		.filter((group) => group.contacts.length > 0);
	return { incoming, outgoing, letters, past: take(people.past), blocked: take(people.blocked), count: people.count };
}

/** Everybody of the list from top to bottom, as the arrow keys go. */
export function inOrder(people: People): Uin[] {
	const { incoming, outgoing, letters, past, blocked } = people;
	return [...incoming, ...outgoing, ...letters.flatMap((group) => group.contacts), ...past, ...blocked].map(
		(contact) => contact.uin,
	);
}

/** An account's name as it is looked up: people write "@Ann " for ann. */
export function accountName(typed: string): string {
	return typed.trim().replace(/^@/, "").toLowerCase();
}

/** Whether an account can have this name at all. */
export function isAccountName(name: string): boolean {
	return /^[a-z0-9._-]{3,32}$/.test(name);
}
