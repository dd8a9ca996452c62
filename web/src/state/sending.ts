/**
 * sending.ts - texts on their way into the store. Of those that are not there yet when the page is closed, localStorage
 * keeps a note, since IndexedDB takes nothing any more by then. The next page, or another tab, sends them under the same
 * IDs: each goes once, whether or not the store had taken it.
 */
import { effect } from "@preact/signals";
import type { Uin } from "hongyan";
import { client, endedElsewhere, session } from "./client.ts";
import { keep, kept, keptNames } from "./kept.ts";

interface Going {
	/** Who has written it. */
	me: Uin;
	peer: Uin;
	text: string;
	/** Of the text, in hex. */
	id: string;
}

/** A note for each text: what tabs write at the same time they write without seeing each other's. */
const NOTE = "sending.";
const going = new Set<Going>();

function newId(): string {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isGoing(one: unknown): one is Going {
	if (typeof one !== "object" || one === null) return false;
	const { me, peer, text, id } = one as Partial<Record<keyof Going, unknown>>;
	return typeof me === "number" && typeof peer === "number" && typeof text === "string" && typeof id === "string";
}

/** What a page that was closed has left under this name; anything else that stands there is none. */
function readNote(name: string): Going | null {
	try {
		const read: unknown = JSON.parse(kept(name) ?? "null");
		return isGoing(read) ? read : null;
	} catch {
		return null;
	}
}

async function send(one: Going): Promise<void> {
	going.add(one);
	try {
		await client.send(one.peer, one.text, { id: one.id });
	} finally {
		going.delete(one);
	}
}

/** Resolves when the text stands in the outbox. Rejects as Client.send() does. */
export function sendText(peer: Uin, text: string): Promise<void> {
	return send({ me: client.uin, peer, text, id: newId() });
}

/** Sends what pages have left. A note goes when its text is in the store; what is somebody else's is nobody's any more. */
function takeUp(): void {
	for (const name of keptNames(NOTE)) {
		const one = readNote(name);
		const forget = () => keep(name, null);
		if (one?.me === client.uin) send(one).then(forget, forget);
		else forget();
	}
}

function leave(): void {
	for (const one of going) keep(NOTE + one.id, JSON.stringify(one));
}

function forgetAll(): void {
	for (const name of keptNames(NOTE)) keep(name, null);
}

/** From the page's start to its end. */
export function startSending(): void {
	const look = () => session.peek() === "in" && takeUp();
	effect(() => {
		if (session.value === "in") takeUp();
		if (session.value === "out" && !endedElsewhere.value) forgetAll();
	});
	addEventListener("storage", (event) => event.newValue !== null && event.key?.includes(NOTE) && look());
	/* The browser may show the page again as it was. */
	addEventListener("pageshow", look);
	addEventListener("pagehide", leave);
}
