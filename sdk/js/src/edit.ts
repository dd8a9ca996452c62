/**
 * edit.ts - one change of messages, outbox or marks: hands out places, and keeps the rows of the conversations true.
 *
 * Lives as long as its transaction, which is a write of `editScope` at least.
 */
import { changeOf } from "./change.ts";
import type { ConversationRow, CountersRow, MessageRow, OutboxRow } from "./rows.ts";
import { messageOf, ofPeer, outboxMessageOf } from "./rows.ts";
import type { Table, Transaction } from "./store.ts";
import type { Change, Message, Uin } from "./types.ts";

/** The tables that a change touches. */
export const editScope: Table[] = ["meta", "conversations", "messages", "outbox"];

/** See above. begin() it in a transaction, finish() it before that ends. */
export class Edit {
	private readonly touched = new Map<Uin, ConversationRow>();
	/** As they were read ahead. */
	private readonly ahead = new Map<Uin, ConversationRow | undefined>();
	private countersChanged = false;

	private constructor(
		readonly tx: Transaction,
		private readonly counters: CountersRow,
	) {}

	static async begin(tx: Transaction): Promise<Edit> {
		const counters = await tx.get<CountersRow>("meta", "counters");
		return new Edit(tx, counters ? { ...counters } : { name: "counters", seq: 0, order: 0 });
	}

	nextSeq(): number {
		this.countersChanged = true;
		return ++this.counters.seq;
	}

	nextOrder(): number {
		this.countersChanged = true;
		return ++this.counters.order;
	}

	/** Something was written on this device: it waits, or stands among the messages. */
	get hasWritten(): boolean {
		return this.counters.order > 0;
	}

	/** Reads them all at once: each request of its own would be waited for. */
	async readAhead(peers: Iterable<Uin>): Promise<void> {
		const read = async (peer: Uin): Promise<void> => {
			this.ahead.set(peer, await this.tx.get<ConversationRow>("conversations", peer));
		};
		await Promise.all([...new Set(peers)].map(read));
	}

	/** For changing; finish() writes it. */
	async conversation(peer: Uin): Promise<ConversationRow> {
		const known = this.touched.get(peer);
		if (known) return known;
		const row = this.ahead.has(peer)
			? this.ahead.get(peer)
			: await this.tx.get<ConversationRow>("conversations", peer);
		const copy: ConversationRow = row ? { ...row } : { peer, unread: 0, count: 0 };
		this.touched.set(peer, copy);
		return copy;
	}

	/** The newest of what waits, else of what is stored. */
	private async last(peer: Uin): Promise<Message | undefined> {
		const newest = { ...ofPeer(peer), reverse: true };
		const [waiting, [stored]] = await Promise.all([
			this.tx.list<OutboxRow>("outbox", { ...newest, limit: 4 }),
			this.tx.list<MessageRow>("messages", { ...newest, limit: 1 }),
		]);
		const shown = waiting.find((row) => row.taken === undefined);
		if (shown) return outboxMessageOf(shown);
		return stored && messageOf(stored);
	}

	private async write(row: ConversationRow): Promise<void> {
		const { last: _, firstUnreadSeq, ...rest } = row;
		const last = await this.last(row.peer);
		if (!last && row.count === 0) this.tx.delete("conversations", row.peer);
		else
			this.tx.put("conversations", { ...rest, ...(row.unread > 0 && { firstUnreadSeq }), ...(last && { last }) });
	}

	/** Writes what was noted; the last that is done in the transaction. */
	async finish(): Promise<Change> {
		await Promise.all([...this.touched.values()].map((row) => this.write(row)));
		if (this.countersChanged) this.tx.put("meta", this.counters);
		return changeOf({ conversations: [...this.touched.keys()] });
	}
}
