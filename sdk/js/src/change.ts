/** change.ts - making and joining what tells that the store has changed. */
import type { Change } from "./types.ts";

/** A change of nothing but `part`. */
export function changeOf(part: Partial<Change>): Change {
	return { all: false, me: false, devices: false, contacts: [], conversations: [], ...part };
}

/** Nobody needs to hear of it. */
export function isEmpty(change: Change): boolean {
	return !(
		change.all ||
		change.me ||
		change.devices ||
		change.contacts.length > 0 ||
		change.conversations.length > 0
	);
}
