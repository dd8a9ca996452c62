/**
 * tabs.ts - what clients on one store tell each other: what has changed, and that another account, or none, is signed in.
 *
 * Notes may be lost; they say nothing that is not in the store. Another version of the page may be their sender: what does
 * not look as it should is left alone.
 */
import { changeOf, isEmpty } from "./change.ts";
import type { Store } from "./store.ts";
import type { Change, Message } from "./types.ts";

interface ChangeNote {
	hongyan: "change";
	change: Change;
	/** New ones of others. */
	messages: Message[];
}

interface AccountNote {
	hongyan: "account";
}

/** What other tabs tell. */
export interface TabEvents {
	/** Another tab has changed the store. */
	changed(change: Change, messages: Message[]): void;
	/** Another tab has signed in or out: look who it is now. */
	account(): void;
}

function isChangeNote(note: unknown): note is ChangeNote {
	if (typeof note !== "object" || note === null) return false;
	const { hongyan, change, messages } = note as Partial<ChangeNote>;
	if (hongyan !== "change" || typeof change !== "object" || !Array.isArray(messages)) return false;
	return Array.isArray(change.conversations) && Array.isArray(change.contacts);
}

function isAccountNote(note: unknown): note is AccountNote {
	return typeof note === "object" && note !== null && (note as Partial<AccountNote>).hongyan === "account";
}

/** One for each client, for as long as its store. */
export class Tabs {
	constructor(
		private readonly store: Store,
		events: TabEvents,
	) {
		store.onTold((note) => {
			if (isChangeNote(note)) events.changed(changeOf(note.change), note.messages);
			else if (isAccountNote(note)) events.account();
		});
	}

	tellChange(change: Change, messages: Message[]): void {
		if (!isEmpty(change) || messages.length > 0)
			this.store.tell({ hongyan: "change", change, messages } satisfies ChangeNote);
	}

	tellAccount(): void {
		this.store.tell({ hongyan: "account" } satisfies AccountNote);
	}
}
