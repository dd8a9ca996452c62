/** client.ts - the client: opens and closes its parts, and hands what is asked to the one that knows. */
import { Data } from "./data.ts";
import { Emitter } from "./emitter.ts";
import { IdbStore } from "./idb_store.ts";
import { LinkSession } from "./link_session.ts";
import { Login } from "./login.ts";
import { MemoryStore } from "./memory_store.ts";
import { People, type ProfileFields } from "./people.ts";
import type { Store } from "./store.ts";
import type { Times } from "./times.ts";
import {
	HongyanError,
	type Change,
	type ClientOptions,
	type Contact,
	type Conversation,
	type Device,
	type Events,
	type HongyanClient,
	type Me,
	type Message,
	type MessagesQuery,
	type Profile,
	type Relation,
	type SendOptions,
	type Settings,
	type State,
	type Trouble,
	type Uin,
} from "./types.ts";

function serverOf({ server }: ClientOptions): string {
	if (server !== undefined) return server;
	if (typeof location !== "undefined" && location.origin.startsWith("http")) return location.origin;
	throw new HongyanError("INVALID_ARGUMENT", "which server? There is no page here that came from one");
}

/** Only those that were chosen. */
function timesOf(options: ClientOptions): Partial<Times> {
	const times: Partial<Times> = {};
	if (options.heartbeatS !== undefined) times.heartbeat = options.heartbeatS * 1000;
	if (options.requestTimeoutMs !== undefined) times.request = options.requestTimeoutMs;
	if (options.backoffMaxMs !== undefined) times.backoffMax = options.backoffMaxMs;
	if (options.pollMs !== undefined) times.poll = options.pollMs;
	return times;
}

function defaultStore(): Store {
	return typeof indexedDB === "undefined" ? new MemoryStore() : new IdbStore();
}

/**
 * See HongyanClient. What needs an open client and comes before open() rejects with CANCELLED; while it opens, it waits.
 * The store is the client's own, unless other tabs' clients are on it, too.
 */
export class Client implements HongyanClient {
	private readonly emitter = new Emitter<Events>();
	private readonly store: Store;
	private readonly session: LinkSession;
	private readonly data: Data;
	private readonly login: Login;
	private readonly people: People;
	private readonly deviceName: string;
	private opening: Promise<boolean> | null = null;
	private storeTrouble: Trouble | null = null;

	/** Throws HongyanError INVALID_ARGUMENT: `server` is missing, or no URL. */
	constructor(options: ClientOptions = {}) {
		const server = serverOf(options);
		if (!/^https?:\/\/./.test(server)) throw new HongyanError("INVALID_ARGUMENT", `no server's URL: ${server}`);
		this.deviceName = options.deviceName ?? "";
		this.store = options.store ?? defaultStore();
		this.session = new LinkSession({ server, shortLinksOnly: options.shortLinksOnly, times: timesOf(options) });
		this.data = new Data(this.store, this.session, {
			change: (change) => this.onChange(change),
			message: (message) => this.emitter.emit("message", message),
			request: (contact) => this.emitter.emit("request", contact),
			trouble: (why, retryMs) => this.onStoreTrouble({ why, retryMs }),
			account: () => void this.login.look().catch(() => undefined),
		});
		this.login = new Login(this.session, this.data, {
			change: (change) => this.emitter.emit("change", change),
			signedOut: (why) => this.emitter.emit("signed-out", why),
		});
		this.people = new People(this.session, this.data);
		this.session.onState((state) => this.emitter.emit("state", state));
		this.session.onTrouble((trouble) => this.emitter.emit("trouble", trouble));
	}

	get state(): State {
		return this.session.state;
	}

	get trouble(): Trouble | null {
		return this.session.trouble ?? this.storeTrouble;
	}

	get uin(): Uin {
		return this.session.identity?.uin ?? 0;
	}

	on<K extends keyof Events>(event: K, listener: Events[K]): () => void {
		return this.emitter.on(event, listener);
	}

	open(): Promise<boolean> {
		this.opening ??= this.begin();
		return this.opening;
	}

	async close(): Promise<void> {
		const { opening } = this;
		if (!opening) return;
		this.opening = null;
		await opening.catch(() => false);
		await this.login.close();
		await this.store.close();
	}

	private async begin(): Promise<boolean> {
		try {
			await this.store.open();
			return await this.login.open();
		} catch (error) {
			this.opening = null; /* it may be tried again */
			throw error;
		}
	}

	private async opened(): Promise<void> {
		if (!this.opening) throw new HongyanError("CANCELLED", "the client is closed");
		await this.opening;
	}

	private async signedIn(): Promise<void> {
		await this.opened();
		if (!this.session.identity) throw new HongyanError("UNAUTHENTICATED", "not signed in");
	}

	private onChange(change: Change): void {
		this.storeTrouble = null;
		this.emitter.emit("change", change);
	}

	private onStoreTrouble(trouble: Trouble): void {
		this.storeTrouble = trouble;
		this.emitter.emit("trouble", trouble);
	}

	/* ---- account ------------------------------------------------------------------------------------------------- */

	async register(who: { name: string; password: string; invitation?: string }): Promise<void> {
		await this.open();
		const { name, password, invitation = "" } = who;
		await this.login.enter({ name, password, invitation, deviceName: this.deviceName });
	}

	async signIn(who: { name: string; password: string }): Promise<void> {
		await this.open();
		await this.login.enter({ name: who.name, password: who.password, deviceName: this.deviceName });
	}

	async signOut(): Promise<void> {
		await this.opened();
		await this.login.leave();
	}

	async me(): Promise<Me> {
		await this.signedIn();
		return this.data.account.me();
	}

	async updateProfile(change: Partial<ProfileFields>): Promise<void> {
		await this.signedIn();
		await this.people.updateProfile(change);
	}

	async updateSettings(change: Partial<Settings>): Promise<void> {
		await this.signedIn();
		await this.people.updateSettings(change);
	}

	async changePassword(oldPassword: string, newPassword: string): Promise<void> {
		await this.signedIn();
		await this.people.changePassword(oldPassword, newPassword);
	}

	async devices(): Promise<Device[]> {
		await this.signedIn();
		return this.people.devices();
	}

	async signOutDevice(device?: string): Promise<void> {
		await this.signedIn();
		await this.people.signOutDevice(device);
	}

	/* ---- contacts ------------------------------------------------------------------------------------------------ */

	async lookup(name: string): Promise<Profile> {
		await this.signedIn();
		return this.people.lookup(name);
	}

	async contacts(): Promise<Contact[]> {
		await this.opened();
		return this.data.contacts.contacts();
	}

	async contact(uin: Uin): Promise<Contact | undefined> {
		await this.opened();
		return this.data.contacts.contact(uin);
	}

	async requestContact(uin: Uin, options: { greeting?: string; remark?: string } = {}): Promise<Relation> {
		await this.signedIn();
		const { greeting = "", remark = "" } = options;
		return this.people.changeContact("requestContact", { uin, greeting, remark });
	}

	async acceptContact(uin: Uin): Promise<Relation> {
		await this.signedIn();
		return this.people.changeContact("acceptContact", { uin });
	}

	async declineContact(uin: Uin): Promise<Relation> {
		await this.signedIn();
		return this.people.changeContact("declineContact", { uin });
	}

	async deleteContact(uin: Uin): Promise<Relation> {
		await this.signedIn();
		return this.people.changeContact("deleteContact", { uin });
	}

	async restoreContact(uin: Uin): Promise<Relation> {
		await this.signedIn();
		return this.people.changeContact("restoreContact", { uin });
	}

	async blockContact(uin: Uin, blocked: boolean): Promise<Relation> {
		await this.signedIn();
		return this.people.changeContact("blockContact", { uin, blocked });
	}

	async setRemark(uin: Uin, remark: string): Promise<void> {
		await this.signedIn();
		await this.people.changeContact("setRemark", { uin, remark });
	}

	/* ---- messages ------------------------------------------------------------------------------------------------ */

	async conversations(): Promise<Conversation[]> {
		await this.opened();
		return this.data.conversations();
	}

	async conversation(peer: Uin): Promise<Conversation | undefined> {
		await this.opened();
		return this.data.conversation(peer);
	}

	async messages(peer: Uin, query?: MessagesQuery): Promise<{ messages: Message[]; more: boolean }> {
		await this.opened();
		return this.data.messagesOf(peer, query);
	}

	async outbox(peer: Uin): Promise<Message[]> {
		await this.opened();
		return this.data.waiting.list(peer);
	}

	async send(
		peer: Uin,
		text: string,
		options?: SendOptions,
	): Promise<{ message: Message; delivered: Promise<Message> }> {
		await this.signedIn();
		return this.data.outbox.send(peer, text, options).catch((why: unknown) => {
			/* The store knows better who is signed in here. */
			if (why instanceof HongyanError && why.code === "UNAUTHENTICATED")
				void this.login.look().catch(() => undefined);
			throw why;
		});
	}

	async retry(peer: Uin, key: string): Promise<void> {
		await this.signedIn();
		await this.data.outbox.retry(peer, key);
	}

	async discard(peer: Uin, key: string): Promise<void> {
		await this.opened();
		await this.data.outbox.discard(peer, key);
	}

	async markRead(peer: Uin, upToSeq?: number): Promise<void> {
		await this.opened();
		await this.data.markRead(peer, upToSeq);
	}

	async setDraft(peer: Uin, text: string): Promise<void> {
		await this.opened();
		await this.data.setDraft(peer, text);
	}

	async deleteConversation(peer: Uin): Promise<void> {
		await this.opened();
		await this.data.deleteConversation(peer);
	}

	/** Ends when the client is closed, or signed out. */
	async *incoming(): AsyncGenerator<Message, void, undefined> {
		await this.signedIn();
		yield* this.data.incoming();
	}

	async sync(): Promise<void> {
		await this.signedIn();
		await this.data.sync.now();
	}

	async synced(): Promise<boolean> {
		await this.opened();
		return this.data.account.synced();
	}
}
