/**
 * sending.ts - texts on their way into the store. Of those that are not there yet when the page is closed, localStorage
 * keeps a note, since IndexedDB takes nothing any more by then. The next page, or another tab, sends them under the same
 * IDs: each goes once, whether or not the store had taken it.
 */
import { effect } from "@preact/signals";
import type { Uin } from "hongyan";
import { client, endedElsewhere, session } from "./client.ts";
import { keep, kept, onKept } from "./kept.ts";

interface Going {
	/** Who has written it. */
	me: Uin;
	peer: Uin;
	text: string;
	/** Of the text, in hex. */
	id: string;
}

const NOTE = "sending";
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

/** What a page that was closed has left; anything else that stands there is none. */
function readNote(note: string | null): Going[] {
	try {
		const read: unknown = JSON.parse(note ?? "[]");
		return Array.isArray(read) ? read.filter(isGoing) : [];
	} catch {
		return [];
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

/** Sends what a page has left, in its order, and forgets the note. What is somebody else's is nobody's any more. */
async function takeUp(): Promise<void> {
	const left = readNote(kept(NOTE)).filter((one) => one.me === client.uin);
	keep(NOTE, null);
	// All of them at once: this page may be closed before the last one's turn.
	for (const one of left) going.add(one);
	for (const one of left) await send(one).catch(() => undefined);
}

/** Several tabs may be closed together: what another one has left stays. */
function leave(): void {
	if (going.size === 0) return;
	const others = readNote(kept(NOTE)).filter((one) => ![...going].some((own) => own.id === one.id));
	keep(NOTE, JSON.stringify([...others, ...going]));
}

/** From the page's start to its end. */
export function startSending(): void {
	effect(() => {
		if (session.value === "in") void takeUp();
		if (session.value === "out" && !endedElsewhere.value) keep(NOTE, null);
	});
	onKept(NOTE, (note) => note !== null && session.peek() === "in" && void takeUp());
	/* The browser may show the page again as it was. */
	addEventListener("pageshow", () => session.peek() === "in" && void takeUp());
	addEventListener("pagehide", leave);
}
