/**
 * client.ts - the one Client of this page, and what pages show of it, as signals. Pages change things through `client`
 * itself; what has changed comes back by its events, from other tabs and devices alike.
 */
import { batch, computed, signal } from "@preact/signals";
import { Client, type Change, type Contact, type Conversation, type HongyanClient, type Me } from "hongyan";
import type { State, Trouble, Uin } from "hongyan";
import { toast } from "../design/Toast.tsx";
import { errorText } from "../text/errors.ts";
import { deviceName } from "./device_name.ts";

/** The client: one for the page's whole life. */
export const client: HongyanClient = new Client({ deviceName: deviceName() });

/** opening: the store is being read. in, out: signed in or not. broken: the store cannot be opened. */
export type Session = "opening" | "in" | "out" | "broken";

/** Whether somebody is signed in here. */
export const session = signal<Session>("opening");

/** Whose pages are shown, or were last; 0: nobody's yet. */
export const user = signal<Uin>(0);

/** Of the link. */
export const linkState = signal<State>("closed");

/** What the last try to connect failed with. */
export const trouble = signal<Trouble | null>(null);

/** Who is signed in; null: nobody, or not known yet. */
export const me = signal<Me | null>(null);

/** Everybody with whom one has to do; null: not read yet, or not come yet to this device. */
export const contacts = signal<readonly Contact[] | null>(null);

/** Newest first; null: not read yet, or not come yet to this device. */
export const conversations = signal<readonly Conversation[] | null>(null);

/** Rises whenever the signed-in devices may be others. */
export const devicesChanged = signal(0);

/** This device was signed out from elsewhere: the welcome page says so. */
export const endedElsewhere = signal(false);

/** By UIN. */
export const contactsByUin = computed(() => new Map((contacts.value ?? []).map((contact) => [contact.uin, contact])));

/** Of all conversations. */
export const unreadTotal = computed(() => (conversations.value ?? []).reduce((sum, one) => sum + one.unread, 0));

/** Those who ask to become a contact. */
export const incomingRequests = computed(() =>
	(contacts.value ?? []).filter((contact) => contact.relation === "incoming" && !contact.blocked && !contact.gone),
);

/** How somebody is called here: the remark, else the nickname, else the account's name. */
export function displayName(who: { name: string; nickname?: string; remark?: string }): string {
	return who.remark || who.nickname || who.name;
}

/** Of anybody by UIN: a contact's name, one's own, or `fallback` for a stranger. */
export function nameOf(uin: Uin, fallback = ""): string {
	const contact = contactsByUin.value.get(uin);
	if (contact) return displayName(contact);
	if (me.value?.uin === uin) return displayName(me.value);
	return fallback || String(uin);
}

/** By the list of conversations too: a stranger is no contact, but messages carry the account's name. */
export function nameOfPeer(peer: Uin): string {
	const last = conversations.value?.find((one) => one.peer === peer)?.last;
	return nameOf(peer, last?.from === peer ? last.fromName : "");
}

/** Whether one has, or had, to do with somebody. True as long as that is not known. */
export function isKnown(peer: Uin): boolean {
	if (!contacts.value || !conversations.value) return true;
	return contactsByUin.value.has(peer) || conversations.value.some((one) => one.peer === peer);
}

/**
 * Waits for `work` and tells as a note what went wrong, if something does: for buttons that have no better place for it.
 * True if it was done.
 */
export async function attempt(work: Promise<unknown>): Promise<boolean> {
	try {
		await work;
		return true;
	} catch (problem) {
		toast({ kind: "danger", text: errorText(problem) });
		return false;
	}
}

/* ---- what changed is read again: all that came meanwhile in one go ------------------------------------------------ */

/** Above so many changed conversations, the list is read as a whole. */
const FEW = 12;

let waiting: Change | null = null;
let reading = false;

function merge(into: Change | null, more: Change): Change {
	if (!into) return more;
	return {
		all: into.all || more.all,
		me: into.me || more.me,
		devices: into.devices || more.devices,
		contacts: [...into.contacts, ...more.contacts],
		conversations: [...into.conversations, ...more.conversations],
	};
}

async function readConversations(change: Change): Promise<readonly Conversation[] | null> {
	const known = conversations.value;
	const peers = Array.from(new Set(change.conversations));
	if (change.all || !known || peers.length > FEW) return client.conversations();
	if (peers.length === 0) return known;
	const fresh = await Promise.all(peers.map((peer) => client.conversation(peer)));
	const others = known.filter((one) => !peers.includes(one.peer));
	const all = [...others, ...fresh.filter((one): one is Conversation => one !== undefined)];
	return all.sort((a, b) => b.timeMs - a.timeMs);
}

/**
 * An empty store may be all there is only when a sync has ever ended, or could not be had: until then nobody is told that
 * they have no contacts and no conversations.
 */
let complete = false;
let completing = false;

async function makeComplete(): Promise<void> {
	if (completing) return;
	completing = true;
	const { uin } = client;
	await client.sync().catch(() => undefined);
	completing = false;
	complete = client.uin === uin;
	if (client.uin !== 0) changed(EVERYTHING);
}

function unlessTooEarly<Row>(list: readonly Row[] | null): readonly Row[] | null {
	if (complete || list?.length !== 0) return list;
	void makeComplete();
	return null;
}

async function read(change: Change): Promise<void> {
	const { uin } = client;
	const synced = complete || (await client.synced()); /* asked first: what comes meanwhile is read below */
	const [newMe, newContacts, newConversations] = await Promise.all([
		change.all || change.me ? client.me() : me.value,
		change.all || change.contacts.length > 0 ? client.contacts() : contacts.value,
		readConversations(change),
	]);
	if (client.uin !== uin) return;
	complete ||= synced;
	batch(() => {
		me.value = newMe;
		contacts.value = unlessTooEarly(newContacts);
		conversations.value = unlessTooEarly(newConversations);
		if (change.all || change.devices) devicesChanged.value++;
	});
}

/** Changes that come while one is being read are taken together in the next round. */
async function readWaiting(): Promise<void> {
	if (reading) return;
	reading = true;
	while (waiting && client.uin !== 0) {
		const change = waiting;
		waiting = null;
		try {
			await read(change);
		} catch (problem) {
			if (client.uin !== 0) toast({ kind: "danger", text: errorText(problem) });
		}
	}
	waiting = null;
	reading = false;
}

const EVERYTHING: Change = { all: true, me: true, devices: true, contacts: [], conversations: [] };

function changed(change: Change): void {
	if (isSomebodyElse()) return enter();
	waiting = merge(waiting, change);
	void readWaiting();
}

/* ---- who is signed in --------------------------------------------------------------------------------------------- */

function empty(): void {
	complete = false;
	me.value = null;
	contacts.value = null;
	conversations.value = null;
}

function forget(): void {
	batch(() => {
		session.value = "out";
		empty();
	});
}

/** A tab that slept may hear of a sign-out and of the next sign-in at once. */
function isSomebodyElse(): boolean {
	return session.value === "in" && client.uin !== 0 && client.uin !== user.value;
}

function follow(state: State): void {
	batch(() => {
		linkState.value = state;
		trouble.value = client.trouble;
		if (state === "signed-out" && session.value === "in") forget();
		else if (isSomebodyElse() || (client.uin !== 0 && session.value === "out")) enter();
	});
}

function enter(): void {
	batch(() => {
		if (client.uin !== user.value) empty();
		user.value = client.uin;
		session.value = "in";
		endedElsewhere.value = false;
	});
	changed(EVERYTHING);
}

/** Opens the client; whoever was signed in is so again. */
export async function startClient(): Promise<void> {
	client.on("state", follow);
	client.on("trouble", (what) => (trouble.value = what));
	client.on("change", changed);
	client.on("signed-out", () => {
		endedElsewhere.value = true;
		forget();
	});
	try {
		if (await client.open()) enter();
		else session.value = "out";
	} catch {
		session.value = "broken";
	}
}

function entered(): void {
	if (session.value !== "in") enter();
}

/** As the client's own. */
export async function register(who: Parameters<HongyanClient["register"]>[0]): Promise<void> {
	await client.register(who);
	entered();
}

/** As the client's own. */
export async function signIn(who: Parameters<HongyanClient["signIn"]>[0]): Promise<void> {
	await client.signIn(who);
	entered();
}

/** Ends this device's ticket and wipes what is stored. */
export async function signOut(): Promise<void> {
	await client.signOut();
	forget();
	endedElsewhere.value = false;
}

/** Tries to connect now rather than later. */
export function retryNow(): void {
	client.sync().catch(() => undefined);
}
