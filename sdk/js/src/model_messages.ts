/**
 * model_messages.ts - conversations and their messages as they are read, and what is noted of them on this device: how far
 * they were read, drafts, what was deleted.
 */
import { changeOf } from "./change.ts";
import { Edit, editScope } from "./edit.ts";
import type { AccountRow, ConversationRow, DraftRow, GraveRow, MessageRow, OutboxRow } from "./rows.ts";
import { conversationOf, messageOf, ofPeer } from "./rows.ts";
import { END } from "./schema.ts";
import type { Store, Transaction } from "./store.ts";
import type { Change, Conversation, Message, MessagesQuery, Uin } from "./types.ts";

const PAGE = 50;
const READ_AT_ONCE = 500;

function newestFirst(a: Conversation, b: Conversation): number {
	return b.timeMs - a.timeMs || (b.last?.seq ?? 0) - (a.last?.seq ?? 0) || a.peer - b.peer;
}

/** Conversations and their messages, read; marks and drafts, written. */
export class MessageModel {
	constructor(private readonly store: Store) {}

	/** Newest first. Reads no messages. */
	async conversations(): Promise<Conversation[]> {
		const [rows, drafts] = await this.store.transact("read", ["conversations", "drafts"], (tx) =>
			Promise.all([tx.list<ConversationRow>("conversations"), tx.list<DraftRow>("drafts")]),
		);
		const draftOf = new Map(drafts.map((draft) => [draft.peer, draft]));
		const found = rows.map((row) => conversationOf(row, draftOf.get(row.peer)));
		for (const row of rows) draftOf.delete(row.peer);
		for (const draft of draftOf.values())
			found.push(conversationOf({ peer: draft.peer, unread: 0, count: 0 }, draft));
		return found.sort(newestFirst);
	}

	async conversation(peer: Uin): Promise<Conversation | undefined> {
		const [row, draft] = await this.store.transact("read", ["conversations", "drafts"], (tx) =>
			Promise.all([tx.get<ConversationRow>("conversations", peer), tx.get<DraftRow>("drafts", peer)]),
		);
		if (!row && !draft) return undefined;
		return conversationOf(row ?? { peer, unread: 0, count: 0 }, draft);
	}

	/** One page; reads no more than it and one. */
	async messages(peer: Uin, query: MessagesQuery = {}): Promise<{ messages: Message[]; more: boolean }> {
		const limit = Math.max(1, query.limit ?? PAGE);
		const lower = [peer, query.after === undefined ? 0 : query.after + 1];
		const upper = [peer, query.before === undefined ? END : query.before - 1];
		if (query.before !== undefined && query.before - 1 < (lower[1] as number)) return { messages: [], more: false };
		const reverse = query.after === undefined;
		const rows = await this.store.transact("read", ["messages"], (tx) =>
			tx.list<MessageRow>("messages", { lower, upper, reverse, limit: limit + 1 }),
		);
		const messages = rows.slice(0, limit).map(messageOf);
		return { messages: reverse ? messages.reverse() : messages, more: rows.length > limit };
	}

	async byId(id: string): Promise<Message | undefined> {
		const row = await this.store.transact("read", ["messages"], (tx) => tx.get<MessageRow>("messages", id, "id"));
		return row && row.peer !== 0 ? messageOf(row) : undefined;
	}

	/** The oldest unread message of all conversations. */
	async oldestUnread(): Promise<Message | undefined> {
		const row = await this.store.transact("read", ["conversations", "messages"], async (tx) => {
			const [first] = await tx.list<ConversationRow>("conversations", { index: "unread", limit: 1 });
			return first?.firstUnreadSeq && tx.get<MessageRow>("messages", [first.peer, first.firstUnreadSeq]);
		});
		return row ? messageOf(row) : undefined;
	}

	/** Without `upToSeq`: all that is stored. */
	async markRead(peer: Uin, upToSeq = Infinity): Promise<Change> {
		return this.store.transact("write", editScope, async (tx) => {
			const row = await tx.get<ConversationRow>("conversations", peer);
			if (!row?.firstUnreadSeq || row.firstUnreadSeq > upToSeq) return changeOf({});
			const edit = await Edit.begin(tx);
			Object.assign(await edit.conversation(peer), await unreadAfter(tx, row, upToSeq));
			return edit.finish();
		});
	}

	/** Empty: none. Nothing is kept if what is stored is not, or no longer, `owner`'s: another tab may have wiped it. */
	async setDraft(owner: Uin, peer: Uin, text: string, nowMs: number): Promise<Change> {
		return this.store.transact("write", ["meta", "drafts"], async (tx) => {
			const [account, before] = await Promise.all([
				tx.get<AccountRow>("meta", "account"),
				tx.get<DraftRow>("drafts", peer),
			]);
			if (account?.uin !== owner) return changeOf({});
			if ((before?.text ?? "") === text) return changeOf({});
			if (text === "") tx.delete("drafts", peer);
			else tx.put("drafts", { peer, text, timeMs: nowMs });
			return changeOf({ conversations: [peer] });
		});
	}

	/** Messages, draft, and what was refused. What is being sent goes on. Told again by the server, they stay deleted. */
	async deleteConversation(peer: Uin): Promise<Change> {
		return this.store.transact("write", [...editScope, "drafts"], async (tx) => {
			const edit = await Edit.begin(tx);
			const [messages, waiting] = await Promise.all([
				tx.list<MessageRow>("messages", ofPeer(peer)),
				tx.list<OutboxRow>("outbox", ofPeer(peer)),
			]);
			tx.clear("messages", ofPeer(peer));
			for (const { seq, id } of messages) tx.put("messages", { peer: 0, seq, id } satisfies GraveRow);
			for (const row of waiting) if (row.state === "failed") tx.delete("outbox", [peer, row.order]);
			tx.delete("drafts", peer);
			Object.assign(await edit.conversation(peer), { count: 0, unread: 0 });
			return edit.finish();
		});
	}
}

/** How many are unread, and from where, when all up to `upToSeq` are read. Reads the unread ones alone. */
async function unreadAfter(
	tx: Transaction,
	row: ConversationRow,
	upToSeq: number,
): Promise<Pick<ConversationRow, "unread" | "firstUnreadSeq">> {
	let { unread } = row;
	let from = row.firstUnreadSeq ?? 0;
	while (upToSeq !== Infinity && unread > 0) {
		const page = await tx.list<MessageRow>("messages", {
			lower: [row.peer, from],
			upper: [row.peer, END],
			limit: READ_AT_ONCE,
		});
		const first = page.find((message) => message.seq > upToSeq && !message.own);
		unread -= page.filter((message) => message.seq <= upToSeq && !message.own).length;
		if (first) return { unread, firstUnreadSeq: first.seq };
		const newest = page[page.length - 1];
		if (!newest || page.length < READ_AT_ONCE) break;
		from = newest.seq + 1;
	}
	return { unread: 0, firstUnreadSeq: undefined };
}
