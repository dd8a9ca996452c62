/**
 * left_draft.ts - what was typed last when the page was closed: by then the store takes nothing any more, localStorage
 * does. It is taken up, and removed, when the conversation is opened again; and removed when nobody is signed in here
 * any more.
 */

const PREFIX = "hongyan.draft.";

function nameOf(me: number, peer: number): string {
	return `${PREFIX}${me}.${peer}`;
}

/** Storage may be forbidden: then nothing is kept. */
function attempt<T>(work: () => T): T | undefined {
	try {
		return work();
	} catch {
		return undefined;
	}
}

/** `me` was writing to `peer`. */
export function leaveDraft(me: number, peer: number, text: string): void {
	attempt(() => localStorage.setItem(nameOf(me, peer), text));
}

/** undefined: nothing was left. It is gone afterwards. */
export function takeLeftDraft(me: number, peer: number): string | undefined {
	const name = nameOf(me, peer);
	const text = attempt(() => localStorage.getItem(name)) ?? undefined;
	if (text !== undefined) attempt(() => localStorage.removeItem(name));
	return text;
}

/** All of them, of everybody. */
export function forgetLeftDrafts(): void {
	const names = attempt(() => Object.keys(localStorage)) ?? [];
	for (const name of names) if (name.startsWith(PREFIX)) attempt(() => localStorage.removeItem(name));
}
