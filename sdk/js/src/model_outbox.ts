/**
 * model_outbox.ts - own texts from the moment they are typed until the server has answered for good.
 *
 * A text that is answered moves among the messages at once, *provisional*: its copy comes by sync, with its final place.
 * The copy may also come first: see `taken` in rows.ts.
 */
import { changeOf } from "./change.ts";
import { Edit, editScope } from "./edit.ts";
import type { AccountRow, GraveRow, MessageRow, OutboxRow, ProfileRow } from "./rows.ts";
import { isGrave, messageOf, ofPeer, outboxMessageOf } from "./rows.ts";
import type { Store, Transaction } from "./store.ts";
import type { Change, Message, Status, Uin } from "./types.ts";
import { HongyanError } from "./types.ts";

/** How far back a text is looked for that the program sends again under its old ID. */
const LOOK_BACK = 200;

/** What the program wants sent. */
export interface Typed {
	/** Who was signed in when it was typed. */
	from: Uin;
	peer: Uin;
	text: string;
	/** Hex. */
	clientId: string;
	madeMs: number;
	/** The ID is the program's own choice: it may have been sent before. */
	chosen: boolean;
}

/** Keys of own texts are not those of messages, even if a program takes a message's ID for its answer to it. */
export function keyOfClientId(clientId: string): string {
	return `c${clientId}`;
}

/** The text that is to be sent, or is being sent. */
async function firstWaiting(tx: Transaction, peer: Uin): Promise<OutboxRow | undefined> {
	const rows = await tx.list<OutboxRow>("outbox", { ...ofPeer(peer), limit: 16 });
	const first = rows.find((row) => row.state === "sending");
	if (first || rows.length < 16) return first;
	return (await tx.list<OutboxRow>("outbox", ofPeer(peer))).find((row) => row.state === "sending");
}

/** It is sent from now on; who stores its copy must know. */
async function noteNext(tx: Transaction, peer: Uin, without?: number): Promise<void> {
	const rows = await tx.list<OutboxRow>("outbox", ofPeer(peer));
	const next = rows.find((row) => row.state === "sending" && row.order !== without);
	if (next && !next.tried) tx.put("outbox", { ...next, tried: true });
}

/** The message that was shown in a text's stead was another one. */
async function giveBack(tx: Transaction, row: OutboxRow): Promise<void> {
	if (row.taken === undefined) return;
	const other = await tx.get<MessageRow | GraveRow>("messages", row.taken, "id");
	if (other && !isGrave(other) && other.key === row.key) tx.put("messages", { ...other, key: other.id });
}

/** Own texts from the moment they were typed until they stand among the messages. */
export class OutboxModel {
	constructor(private readonly store: Store) {}

	/**
	 * Into the outbox, behind what is there. The same ID again: what has become of it.
	 * Rejects with UNAUTHENTICATED where nobody was ever signed in, ALREADY_EXISTS for another text under the same ID.
	 */
	async add(typed: Typed): Promise<{ message: Message; change: Change }> {
		const key = keyOfClientId(typed.clientId);
		return this.store.transact("write", editScope, async (tx) => {
			const known = typed.chosen ? await this.find(tx, typed.peer, key) : undefined;
			if (known && known.text !== typed.text)
				throw new HongyanError("ALREADY_EXISTS", "another text has been sent under this ID");
			if (known) return { message: known, change: changeOf({}) };
			const [edit, account, profile, earlier] = await Promise.all([
				Edit.begin(tx),
				tx.get<AccountRow>("meta", "account"),
				tx.get<ProfileRow>("meta", "profile"),
				firstWaiting(tx, typed.peer),
			]);
			if (account?.uin !== typed.from) throw new HongyanError("UNAUTHENTICATED", "not signed in");
			const { from, peer, text, clientId, madeMs } = typed;
			const row: OutboxRow = {
				...{ peer, order: edit.nextOrder(), key, clientId, madeMs, text },
				from,
				fromName: profile?.profile.name ?? "",
				state: "sending",
				tried: earlier === undefined,
			};
			tx.put("outbox", row);
			await edit.conversation(peer);
			return { message: outboxMessageOf(row), change: await edit.finish() };
		});
	}

	private async find(tx: Transaction, peer: Uin, key: string): Promise<Message | undefined> {
		const [waiting, latest] = await Promise.all([
			tx.get<OutboxRow>("outbox", key, "key"),
			tx.list<MessageRow>("messages", { ...ofPeer(peer), reverse: true, limit: LOOK_BACK }),
		]);
		if (waiting && waiting.taken === undefined) return outboxMessageOf(waiting);
		const stored = latest.find((row) => row.key === key);
		return stored && messageOf(stored);
	}

	/** Where a text is now: in the outbox, or among the conversation's latest messages. */
	async lookUp(peer: Uin, key: string): Promise<Message | undefined> {
		return this.store.transact("read", ["outbox", "messages"], (tx) => this.find(tx, peer, key));
	}

	/** Whether it has no final answer yet. */
	async waits(key: string): Promise<boolean> {
		const row = await this.store.transact("read", ["outbox"], (tx) => tx.get<OutboxRow>("outbox", key, "key"));
		return row?.state === "sending";
	}

	/** What is shown as not yet safe, in order. */
	async list(peer: Uin): Promise<Message[]> {
		const rows = await this.store.transact("read", ["outbox"], (tx) => tx.list<OutboxRow>("outbox", ofPeer(peer)));
		return rows.filter((row) => row.taken === undefined).map(outboxMessageOf);
	}

	/** With whom there is something to send, those that wait longest first. */
	async waitingPeers(): Promise<Uin[]> {
		const rows = await this.store.transact("read", ["outbox"], (tx) => tx.list<OutboxRow>("outbox"));
		const waiting = rows.filter((row) => row.state === "sending").sort((a, b) => a.order - b.order);
		return [...new Set(waiting.map((row) => row.peer))];
	}

	async next(peer: Uin): Promise<OutboxRow | undefined> {
		return this.store.transact("read", ["outbox"], (tx) => firstWaiting(tx, peer));
	}

	/** The server has it, under this id (hex). undefined: known already. */
	async answered(key: string, id: string): Promise<{ message: Message; change: Change } | undefined> {
		return this.store.transact("write", editScope, async (tx) => {
			const row = await tx.get<OutboxRow>("outbox", key, "key");
			if (!row) return undefined;
			const edit = await Edit.begin(tx);
			if (row.taken !== id) await giveBack(tx, row);
			tx.delete("outbox", [row.peer, row.order]);
			const message = await this.settle(edit, row, id);
			await noteNext(tx, row.peer, row.order);
			return { message, change: await edit.finish() };
		});
	}

	/** Among the messages with it: in place of its copy, if that has come. */
	private async settle(edit: Edit, row: OutboxRow, id: string): Promise<Message> {
		const conversation = await edit.conversation(row.peer);
		const copy = await edit.tx.get<MessageRow | GraveRow>("messages", id, "id");
		const { peer, key, from, fromName, madeMs, text } = row;
		const made = { peer, key, id, from, fromName, timeMs: madeMs, text, own: true, provisional: true };
		/* Deleted here meanwhile: only who waits for the answer sees it. */
		if (copy && isGrave(copy)) return messageOf({ ...made, seq: copy.seq });
		if (copy) {
			if (copy.key !== key) edit.tx.put("messages", { ...copy, key });
			return messageOf({ ...copy, key });
		}
		const stored: MessageRow = { ...made, seq: edit.nextSeq() };
		edit.tx.put("messages", stored);
		conversation.count++;
		return messageOf(stored);
	}

	/** The server will not have it. undefined: it is not waiting any more, or it is there after all. */
	async refused(
		clientId: string,
		key: string,
		error: { code: Status; message: string },
	): Promise<{ message: Message; change: Change } | undefined> {
		return this.store.transact("write", editScope, async (tx) => {
			const row = await tx.get<OutboxRow>("outbox", key, "key");
			if (!row || row.state !== "sending" || row.clientId !== clientId) return undefined;
			const edit = await Edit.begin(tx);
			await edit.conversation(row.peer);
			/* Too late to be told about it: what came by sync is the better witness. */
			const copy = error.code === "OUT_OF_RANGE" ? await this.copyOf(tx, row) : undefined;
			if (!copy) await giveBack(tx, row);
			const { taken: _, ...rest } = row;
			const failed: OutboxRow = { ...rest, state: "failed", error };
			if (copy) tx.delete("outbox", [row.peer, row.order]);
			else tx.put("outbox", failed);
			await noteNext(tx, row.peer, row.order);
			return { message: copy ? messageOf(copy) : outboxMessageOf(failed), change: await edit.finish() };
		});
	}

	/** What was shown in its stead, if it was not deleted here. */
	private async copyOf(tx: Transaction, row: OutboxRow): Promise<MessageRow | undefined> {
		if (row.taken === undefined) return undefined;
		const copy = await tx.get<MessageRow | GraveRow>("messages", row.taken, "id");
		return copy && !isGrave(copy) ? copy : undefined;
	}

	private async failed(tx: Transaction, peer: Uin, key: string): Promise<OutboxRow> {
		const row = await tx.get<OutboxRow>("outbox", key, "key");
		if (!row || row.peer !== peer) throw new HongyanError("NOT_FOUND", "there is no such message in the outbox");
		if (row.state !== "failed") throw new HongyanError("FAILED_PRECONDITION", "this message is being sent");
		return row;
	}

	/** The same text under another ID and time: none of its tries was accepted. false: it waits no more. */
	async redate(clientId: string, key: string, again: { clientId: string; madeMs: number }): Promise<boolean> {
		return this.store.transact("write", ["outbox"], async (tx) => {
			const row = await tx.get<OutboxRow>("outbox", key, "key");
			if (!row || row.state !== "sending" || row.clientId !== clientId) return false;
			tx.put("outbox", { ...row, ...again });
			return true;
		});
	}

	/** A failed text once more, as a new one in its place. NOT_FOUND; FAILED_PRECONDITION: it has not failed. */
	async retry(peer: Uin, key: string, clientId: string, madeMs: number): Promise<Change> {
		return this.store.transact("write", editScope, async (tx) => {
			const { error: _, ...row } = await this.failed(tx, peer, key);
			const edit = await Edit.begin(tx);
			await edit.conversation(peer);
			const again: OutboxRow = { ...row, clientId, madeMs, state: "sending", tried: true };
			tx.put("outbox", again);
			return edit.finish();
		});
	}

	/** Away with a failed text. As retry(). */
	async discard(peer: Uin, key: string): Promise<Change> {
		return this.store.transact("write", editScope, async (tx) => {
			const row = await this.failed(tx, peer, key);
			const edit = await Edit.begin(tx);
			await edit.conversation(peer);
			tx.delete("outbox", [peer, row.order]);
			return edit.finish();
		});
	}
}
