/**
 * apply_sync.ts - a page of a sync into the store, with the snapshot that came with it, in one transaction.
 *
 * It is stored only if the store still has what was brought for it: another tab may have been faster, or somebody else may
 * have signed in. Then it is dropped; what it told comes again.
 */
import { changeOf } from "./change.ts";
import { Edit, editScope } from "./edit.ts";
import type {
	AccountRow,
	ContactRow,
	GraveRow,
	MessageRow,
	OutboxRow,
	ProfileRow,
	SettingsRow,
	SyncRow,
} from "./rows.ts";
import { isGrave, messageOf } from "./rows.ts";
import type { Store, Table, Transaction } from "./store.ts";
import type { SyncedText, SyncPage } from "./sync_page.ts";
import type { Change, Contact, Message, Uin } from "./types.ts";

/** What a sync brings to the server. */
export interface Brought {
	uin: Uin;
	login: string;
	/** Hex; empty: from the beginning. */
	snapshot: string;
	/** Hex: whose requests may be answered for it. */
	ticket: string;
}

/** What a page of a sync has changed, once it is stored. */
export interface Applied {
	change: Change;
	/** Of others, in order; none of a device's first sync. */
	messages: Message[];
	/** Who asks anew. */
	requests: Contact[];
}

const scope: Table[] = [...editScope, "contacts"];
/** So many own texts at most are answered for and have not come. */
const LOOK_BACK = 200;

/** Who is synced, and from where. null: nobody is signed in. */
export async function whatToBring(store: Store): Promise<Brought | null> {
	const [account, sync] = await store.transact("read", ["meta"], (tx) =>
		Promise.all([tx.get<AccountRow>("meta", "account"), tx.get<SyncRow>("meta", "sync")]),
	);
	if (!account || account.ticket === "") return null;
	const { uin, login, ticket } = account;
	return { uin, login, ticket, snapshot: sync?.snapshot ?? "" };
}

/** The store's own state, if it is still the one that was brought. */
async function stillAt(tx: Transaction, brought: Brought): Promise<SyncRow | null> {
	const [account, sync] = await Promise.all([tx.get<AccountRow>("meta", "account"), tx.get<SyncRow>("meta", "sync")]);
	if (account?.login !== brought.login || sync?.snapshot !== brought.snapshot) return null;
	return { ...sync };
}

/** The server does not know this snapshot: it goes, the data stay (rule R3). */
export async function dropSnapshot(store: Store, brought: Brought): Promise<void> {
	await store.transact("write", ["meta"], async (tx) => {
		const sync = await stillAt(tx, brought);
		if (sync) tx.put("meta", { ...sync, snapshot: "", fresh: false });
	});
}

/** null: dropped, sync again. */
export async function applySync(store: Store, brought: Brought, page: SyncPage): Promise<Applied | null> {
	return store.transact("write", scope, async (tx) => {
		const [sync, edit] = await Promise.all([stillAt(tx, brought), Edit.begin(tx)]);
		if (!sync) return null;
		if (page.resetMessages && brought.snapshot !== "") sync.fresh = false;
		const me = applyAccount(tx, page);
		const people = await applyContacts(tx, sync, page);
		const messages = await applyTexts(edit, brought.uin, sync, page.texts);
		const { conversations } = await edit.finish();
		tx.put("meta", {
			...sync,
			snapshot: page.snapshot,
			first: sync.first && page.more,
			fresh: sync.fresh && page.more,
		});
		const change = changeOf({ me, devices: page.devices, contacts: people.changed, conversations });
		return { change, messages, requests: people.requests };
	});
}

function applyAccount(tx: Transaction, page: SyncPage): boolean {
	const { profile, settings } = page;
	if (page.resetAccount || settings === null) tx.delete("meta", "settings");
	if (settings) tx.put("meta", { name: "settings", settings } satisfies SettingsRow);
	if (profile) tx.put("meta", { name: "profile", profile } satisfies ProfileRow);
	return page.resetAccount || profile !== undefined || settings !== undefined;
}

/* ---- contacts ---------------------------------------------------------------------------------------------------- */

function asksAnew(before: ContactRow | undefined, now: Contact): boolean {
	if (now.relation !== "incoming" || now.blocked) return false;
	return before?.relation !== "incoming" || before.askedMs !== now.askedMs || before.blocked;
}

/**
 * At a reset all are told anew, maybe on several pages: those that were not told go at the end, so that nobody is missing
 * meanwhile, and nobody asks twice.
 */
async function applyContacts(
	tx: Transaction,
	sync: SyncRow,
	page: SyncPage,
): Promise<{ changed: Uin[]; requests: Contact[] }> {
	const changed = new Set<Uin>();
	const requests = new Map<Uin, Contact>();
	if (page.resetContacts) Object.assign(sync, { round: sync.round + 1, sweeping: true });
	const before = await Promise.all(page.contacts.map(({ uin }) => tx.get<ContactRow>("contacts", uin)));
	page.contacts.forEach((contact, i) => {
		changed.add(contact.uin);
		requests.delete(contact.uin);
		if ("deleted" in contact) {
			tx.delete("contacts", contact.uin);
			return;
		}
		tx.put("contacts", { ...contact, round: sync.round } satisfies ContactRow);
		if (asksAnew(before[i], contact)) requests.set(contact.uin, contact);
	});
	if (sync.sweeping && !page.more) {
		sync.sweeping = false;
		for (const { uin, round } of await tx.list<ContactRow>("contacts")) {
			if (round >= sync.round) continue;
			tx.delete("contacts", uin);
			changed.add(uin);
		}
	}
	return { changed: [...changed], requests: [...requests.values()] };
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

/** What a page of texts is compared with: read at once, since each request that is waited for takes its time. */
interface Present {
	/** By id. */
	known: Map<string, MessageRow | GraveRow>;
	/** In the order of their tables' keys; kept as it is in the store. */
	waiting: OutboxRow[];
}

/** In a fresh sync only what was written here can be stored already, and oneself's texts to oneself come as two. */
function mayBeKnown(edit: Edit, me: Uin, fresh: boolean, { from, to }: SyncedText): boolean {
	return !fresh || (from === me && (edit.hasWritten || to === me));
}

async function readPresent(edit: Edit, me: Uin, fresh: boolean, texts: SyncedText[]): Promise<Present> {
	const asked = texts.filter((text) => mayBeKnown(edit, me, fresh, text));
	const ownPeers = new Set(texts.filter(({ from }) => from === me).map(({ to }) => to));
	const [found, waiting] = await Promise.all([
		Promise.all(asked.map(({ id }) => edit.tx.get<MessageRow | GraveRow>("messages", id, "id"))),
		ownPeers.size > 0 && edit.hasWritten ? edit.tx.list<OutboxRow>("outbox") : [],
		edit.readAhead(texts.map(({ from, to }) => (from === me ? to : from))),
	]);
	const known = new Map(found.flatMap((row) => (row ? [[row.id, row]] : [])));
	return { known, waiting };
}

/** Of an own text that may be this one, whose answer is not there yet or came too late to tell; its place in the list. */
function placeInOutbox(waiting: OutboxRow[], { peer, text }: MessageRow): number {
	return waiting.findIndex(
		(row) =>
			row.peer === peer &&
			row.text === text &&
			row.tried &&
			row.taken === undefined &&
			(row.state === "sending" || row.error?.code === "OUT_OF_RANGE"),
	);
}

/** Puts it in the place of its outbox row, if it has one; the key that it gets from there. */
function takeFromOutbox(tx: Transaction, waiting: OutboxRow[], message: MessageRow): string {
	const at = placeInOutbox(waiting, message);
	const row = waiting[at];
	if (!row) return message.key;
	if (row.state === "failed") {
		waiting.splice(at, 1);
		tx.delete("outbox", [row.peer, row.order]);
	} else {
		waiting[at] = { ...row, taken: message.id };
		tx.put("outbox", waiting[at]);
	}
	return row.key;
}

/** Returns the message if it is new here. */
async function applyText(edit: Edit, present: Present, row: MessageRow): Promise<MessageRow | undefined> {
	const known = present.known.get(row.id);
	if (known && (isGrave(known) || !known.provisional)) return undefined;
	const conversation = await edit.conversation(row.peer);
	if (known) {
		edit.tx.delete("messages", [known.peer, known.seq]);
		edit.tx.put("messages", { ...row, key: known.key });
		return undefined;
	}
	const stored = row.own ? { ...row, key: takeFromOutbox(edit.tx, present.waiting, row) } : row;
	edit.tx.put("messages", stored);
	conversation.count++;
	return stored;
}

function isProvisional(known: MessageRow | GraveRow | undefined): boolean {
	return known !== undefined && !isGrave(known) && known.provisional === true;
}

/** Own texts that are answered for and have not come yet will come behind all that has: they stand there already. */
async function moveBehind(edit: Edit, peer: Uin, firstSeq: number): Promise<void> {
	const range = { lower: [peer, 0], upper: [peer, firstSeq - 1], reverse: true, limit: LOOK_BACK };
	const older = await edit.tx.list<MessageRow>("messages", range);
	for (const row of older.filter(({ provisional }) => provisional).reverse()) {
		edit.tx.delete("messages", [peer, row.seq]);
		edit.tx.put("messages", { ...row, seq: edit.nextSeq() });
	}
}

/** In a device's first sync what stands before one's own latest message counts as read. */
async function count(edit: Edit, first: boolean, row: MessageRow): Promise<void> {
	const conversation = await edit.conversation(row.peer);
	if (!row.own) {
		conversation.firstUnreadSeq ??= row.seq;
		conversation.unread++;
	} else if (first) {
		conversation.unread = 0;
		delete conversation.firstUnreadSeq;
	}
}

async function applyTexts(edit: Edit, me: Uin, { first, fresh }: SyncRow, texts: SyncedText[]): Promise<Message[]> {
	const received: Message[] = [];
	const unique = new Map(texts.filter(({ from, to }) => from === me || to === me).map((text) => [text.id, text]));
	const present = await readPresent(edit, me, fresh === true, [...unique.values()]);
	const moved = new Map<Uin, number>();
	for (const { id, from, fromName, to, timeMs, text } of unique.values()) {
		const own = from === me;
		const row: MessageRow = {
			peer: own ? to : from,
			seq: edit.nextSeq(),
			id,
			key: id,
			from,
			fromName,
			timeMs,
			text,
			own,
		};
		const stored = await applyText(edit, present, row);
		if (isProvisional(present.known.get(id)) && !moved.has(row.peer)) moved.set(row.peer, row.seq);
		if (!stored) continue;
		await count(edit, first, stored);
		if (!own && !first) received.push(messageOf(stored));
	}
	for (const [peer, firstSeq] of moved) await moveBehind(edit, peer, firstSeq);
	return received;
}
