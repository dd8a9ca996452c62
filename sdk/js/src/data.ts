/**
 * data.ts - the data side of a client as one: what is stored, what goes, what comes, and what other tabs do; on a store and
 * a session, which are the client's.
 */
import type { Applied } from "./apply_sync.ts";
import { isEmpty } from "./change.ts";
import { AccountModel } from "./model_account.ts";
import { ContactModel } from "./model_contacts.ts";
import { MessageModel } from "./model_messages.ts";
import { OutboxModel } from "./model_outbox.ts";
import { Outbox } from "./outbox.ts";
import type { Session } from "./session.ts";
import type { Store } from "./store.ts";
import { Sync } from "./sync.ts";
import { Tabs } from "./tabs.ts";
import type { Change, Contact, Message, Uin } from "./types.ts";

/** What the store's changes are told by. */
export interface DataEvents {
	change(change: Change): void;
	message(message: Message): void;
	request(contact: Contact): void;
	/** What comes cannot be stored; it is tried again after `retryMs`. */
	trouble(why: string, retryMs: number): void;
	/**
	 * Another tab has signed in or out, or the site data were cleared. Look at `account.account()`: if it has another ticket than the session, or none, that
	 * is what holds.
	 */
	account(): void;
}

/** The store must be open while one is started. */
export class Data {
	readonly account: AccountModel;
	readonly contacts: ContactModel;
	readonly outbox: Outbox;
	readonly sync: Sync;
	readonly waiting: OutboxModel;
	private readonly messages: MessageModel;
	private readonly tabs: Tabs;
	/** Rises with each change; who waits for one is woken. */
	private changes = 0;
	private sleepers: (() => void)[] = [];
	private running = false;
	/** Who is, or was last, signed in here. */
	private owner: Uin = 0;

	constructor(
		store: Store,
		private readonly session: Session,
		private readonly events: DataEvents,
	) {
		this.account = new AccountModel(store);
		this.contacts = new ContactModel(store);
		this.messages = new MessageModel(store);
		this.waiting = new OutboxModel(store);
		this.outbox = new Outbox(this.waiting, session, (change) => this.changed(change));
		this.sync = new Sync(store, session, {
			applied: (applied) => this.applied(applied),
			trouble: (why, retryMs) => events.trouble(why, retryMs),
			strange: () => events.account(),
		});
		this.tabs = new Tabs(store, {
			changed: (change, messages) => this.heard(change, messages),
			account: () => events.account(),
		});
	}

	/** Once the store is open and the session knows whose requests it makes; again after another sign-in. */
	start(): void {
		this.running = true;
		this.owner = this.session.identity?.uin ?? this.owner;
		this.sync.start();
		this.outbox.start();
	}

	/** Before the store is closed, or wiped. incoming() ends. */
	stop(): void {
		this.running = false;
		this.sync.stop();
		this.outbox.stop();
		this.wake();
	}

	/** Signed in or out here: other tabs look, and everything is to be read again. */
	accountChanged(): void {
		this.tabs.tellAccount();
	}

	private wake(): void {
		this.changes++;
		this.sleepers.splice(0).forEach((wake) => wake());
	}

	private changed(change: Change, messages: Message[] = []): void {
		if (isEmpty(change) && messages.length === 0) return;
		this.tabs.tellChange(change, messages);
		this.announce(change, messages);
	}

	private announce(change: Change, messages: Message[]): void {
		this.wake();
		if (!isEmpty(change)) this.events.change(change);
		messages.forEach((message) => this.events.message(message));
	}

	private applied({ change, messages, requests }: Applied): void {
		this.changed(change, messages);
		requests.forEach((contact) => this.events.request(contact));
	}

	private heard(change: Change, messages: Message[]): void {
		if (!this.running) return;
		this.announce(change, messages);
		change.conversations.forEach((peer) => this.outbox.notice(peer));
	}

	/* ---- conversations; see HongyanClient ------------------------------------------------------------------------ */

	conversations = () => this.messages.conversations();
	conversation = (peer: Uin) => this.messages.conversation(peer);
	messagesOf: MessageModel["messages"] = (peer, query) => this.messages.messages(peer, query);

	async markRead(peer: Uin, upToSeq?: number): Promise<void> {
		this.changed(await this.messages.markRead(peer, upToSeq));
	}

	async setDraft(peer: Uin, text: string): Promise<void> {
		this.changed(await this.messages.setDraft(this.owner, peer, text, this.session.nowMs()));
	}

	async deleteConversation(peer: Uin): Promise<void> {
		this.changed(await this.messages.deleteConversation(peer));
	}

	/** See HongyanClient.incoming(). Ends when the client is closed. */
	async *incoming(): AsyncGenerator<Message, void, undefined> {
		while (this.running) {
			const seen = this.changes;
			const message = await this.messages.oldestUnread();
			if (message) {
				yield message;
				await this.markRead(message.peer, message.seq);
			} else if (seen === this.changes) {
				await new Promise<void>((resolve) => this.sleepers.push(resolve));
			}
		}
	}
}
