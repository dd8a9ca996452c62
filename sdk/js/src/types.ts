/**
 * types.ts - what a program sees of Hongyan: people, conversations, messages, events, errors.
 *
 * All of these are plain values: they can be kept, compared, cloned; none changes once it was handed out.
 * Times are Unix milliseconds. A UIN names a user for ever.
 */

export type Uin = number;

/** What others see of somebody. `nickname` may be empty: then people show the name. */
export interface Profile {
	uin: Uin;
	/** The account's name, by which people are found: [a-z0-9._-]{3,32}. */
	name: string;
	nickname: string;
	signature: string;
	region: string;
	/** 0xRRGGBB; 0: none was chosen. */
	avatarColour: number;
}

/** Who may do something to this user. "default": contacts may write, anyone may ask. Blocked people never. */
export type Who = "default" | "contacts" | "anyone" | "nobody";

/** Who may write to the user, and ask. */
export interface Settings {
	mayWrite: Who;
	mayAsk: Who;
}

/** The user who is signed in here. */
export interface Me extends Profile {
	settings: Settings;
	/** This device's own name for itself. */
	device: string;
}

/**
 * none: strangers; outgoing: I have asked; incoming: I was asked; contact; ended: I still wish, the other one declined
 * or ended it.
 */
export type Relation = "none" | "outgoing" | "incoming" | "contact" | "ended";

/** Somebody with whom the user has, or had, to do. */
export interface Contact extends Profile {
	relation: Relation;
	/** The user's own name for them; empty: none. */
	remark: string;
	blocked: boolean;
	/** Of who asks, the user or the other one. */
	greeting: string;
	askedMs: number;
	/** The account was deleted. */
	gone: boolean;
}

/** A device that holds a ticket. */
export interface Device {
	device: string;
	name: string;
	signedInMs: number;
	seenMs: number;
	thisOne: boolean;
	online: boolean;
}

/**
 * received: of somebody else. Of one's own: sending: in the outbox, sent until it is answered, through restarts;
 * sent: safe on the server; failed: refused, see `error`; `retry()` or `discard()` it.
 */
export type MessageState = "received" | "sending" | "sent" | "failed";

/** One text of a conversation, from the moment it was typed or received. */
export interface Message {
	/** Stays the same from the moment it was typed until for ever: what lists go by. */
	key: string;
	/** The conversation: the other one's UIN. */
	peer: Uin;
	/**
	 * Place in the conversation, rising; gaps mean nothing. A message in the outbox has one above all that are stored;
	 * one's own message may take another, final one when it comes back by sync.
	 */
	seq: number;
	/** The server's, in hex; empty while it has none. */
	id: string;
	from: Uin;
	/** `from`'s account name when it was sent. */
	fromName: string;
	/** When the server took it; while it has not, when it was typed. */
	timeMs: number;
	text: string;
	state: MessageState;
	/** Of a failed one. */
	error?: { code: Status; message: string };
}

/** What a list of conversations shows of one of them. */
export interface Conversation {
	peer: Uin;
	/** The newest message, the outbox included; absent where only a draft is. */
	last?: Message;
	/** What sorts conversations: of the last message, or of the draft. */
	timeMs: number;
	unread: number;
	/** Of the first unread message; 0: all are read. */
	firstUnreadSeq: number;
	draft: string;
	/** How many messages are stored here. */
	count: number;
}

/** gRPC's canonical codes, as the server uses them, and one of our own. */
export type Status =
	| "INVALID_ARGUMENT"
	| "DEADLINE_EXCEEDED"
	| "NOT_FOUND"
	| "ALREADY_EXISTS"
	| "PERMISSION_DENIED"
	| "RESOURCE_EXHAUSTED"
	| "FAILED_PRECONDITION"
	| "ABORTED"
	| "OUT_OF_RANGE"
	| "UNIMPLEMENTED"
	| "INTERNAL"
	| "UNAVAILABLE"
	| "UNAUTHENTICATED"
	/** Any other number that the server may say one day. */
	| "UNKNOWN"
	/** The client was closed, or signed out, before there was an answer. */
	| "CANCELLED";

/** What a promise of the client rejects with. `message` is the server's sentence for people, in English. */
export class HongyanError extends Error {
	override readonly name = "HongyanError";
	constructor(
		readonly code: Status,
		message: string,
		/** When to try again at the earliest; 0: the server has not said. */
		readonly retryAfterMs = 0,
	) {
		super(message);
	}
}

/**
 * closed: before open() and after close(). signed-out: no ticket. connecting: no link yet. online: a long link.
 * polling: no long link can be had, syncs go over HTTP now and then. offline: neither; it is tried again by itself.
 */
export type State = "closed" | "signed-out" | "connecting" | "online" | "polling" | "offline";

/** Why a try to reach the server has failed; it is made again after `retryMs`. */
export interface Trouble {
	why: string;
	retryMs: number;
}

/**
 * What has changed in the store, by whichever tab: read it again. `all` where it may be anything (a first sync, another
 * tab signed in).
 */
export interface Change {
	all: boolean;
	me: boolean;
	/** The signed-in devices may be others. */
	devices: boolean;
	contacts: Uin[];
	/** Conversations whose messages, outbox, unread count or draft have changed. */
	conversations: Uin[];
}

/** What `on()` listens to: each event's name, and what hears it. */
export interface Events {
	state: (state: State) => void;
	trouble: (trouble: Trouble) => void;
	change: (change: Change) => void;
	/**
	 * A message of somebody else has come and is stored: once in each client that is open. Not those that a device's
	 * first sync brings.
	 */
	message: (message: Message) => void;
	/** Somebody asks to become a contact: once for each request, in the client that has stored it. */
	request: (contact: Contact) => void;
	/** The ticket is no longer good: signed out from elsewhere, another password, or disabled. What is stored stays. */
	"signed-out": (why: string) => void;
}

/** Of send(). */
export interface SendOptions {
	/**
	 * 32 hex digits, such as another message's `id`: the same one again is the same message, whatever was killed
	 * between. Absent: random.
	 */
	id?: string;
	/**
	 * When it was first sent; the same at each repeat of an `id`. Absent: now, or, where the text of that `id` stands in
	 * this store already, its own time.
	 */
	madeMs?: number;
}

/** Which messages of a conversation. */
export interface MessagesQuery {
	/** Only those before, or after, this seq. */
	before?: number;
	after?: number;
	/** Default 50. Without `after`: the newest ones. */
	limit?: number;
}

/** Of a new Client. All have a default; `server` only in pages. */
export interface ClientOptions {
	/** "http://127.0.0.1:7600", "https://chat.example.org". Default in a browser: where the page comes from. */
	server?: string;
	/** Default: IndexedDB where there is one, else memory. */
	store?: import("./store.ts").Store;
	/** For people: "Ann's phone". */
	deviceName?: string;
	/** Seconds between heartbeats; default 50, or what the server says if that is less. */
	heartbeatS?: number;
	/** For one try of a request; default 12,000. */
	requestTimeoutMs?: number;
	/** Longest pause between tries to connect; default 30,000. */
	backoffMaxMs?: number;
	/** How often the short link is asked while no long link can be had; default 15,000. */
	pollMs?: number;
	/** Where the network lets nothing but HTTP through. */
	shortLinksOnly?: boolean;
}

/** The client, as `client.ts` implements it. Promises reject with HongyanError unless they say otherwise. */
export interface HongyanClient {
	readonly state: State;
	/** What the last try failed with; null while all is well. */
	readonly trouble: Trouble | null;
	/** 0: signed out. */
	readonly uin: Uin;
	/** Returns what ends it. */
	on<K extends keyof Events>(event: K, listener: Events[K]): () => void;

	/**
	 * Opens the store; true if an account is signed in there, which goes online then by itself. register() and signIn()
	 * open by themselves.
	 */
	open(): Promise<boolean>;
	/** Ends links and timers, then closes the store. What is in the outbox stays there. */
	close(): Promise<void>;

	register(who: { name: string; password: string; invitation?: string }): Promise<void>;
	/**
	 * The same user as before: what is stored stays. Another one: it is wiped first. Where this user is signed in here
	 * already, nothing is asked of the server.
	 */
	signIn(who: { name: string; password: string }): Promise<void>;
	/** Ends the ticket on the server, or gives that up after some seconds, then wipes the store. */
	signOut(): Promise<void>;

	/** Rejects with UNAUTHENTICATED while signed out. */
	me(): Promise<Me>;
	updateProfile(change: Partial<Pick<Profile, "nickname" | "signature" | "region" | "avatarColour">>): Promise<void>;
	updateSettings(change: Partial<Settings>): Promise<void>;
	changePassword(oldPassword: string, newPassword: string): Promise<void>;
	devices(): Promise<Device[]>;
	/** Without a device: all but this one. */
	signOutDevice(device?: string): Promise<void>;

	/** NOT_FOUND. */
	lookup(name: string): Promise<Profile>;
	contacts(): Promise<Contact[]>;
	contact(uin: Uin): Promise<Contact | undefined>;
	/** These are done when the server has answered; what they change comes by sync before they resolve, or soon after. */
	requestContact(uin: Uin, options?: { greeting?: string; remark?: string }): Promise<Relation>;
	acceptContact(uin: Uin): Promise<Relation>;
	declineContact(uin: Uin): Promise<Relation>;
	deleteContact(uin: Uin): Promise<Relation>;
	restoreContact(uin: Uin): Promise<Relation>;
	blockContact(uin: Uin, blocked: boolean): Promise<Relation>;
	setRemark(uin: Uin, remark: string): Promise<void>;

	/** Newest first. */
	conversations(): Promise<Conversation[]>;
	conversation(peer: Uin): Promise<Conversation | undefined>;
	/** In order; `more`: there are others before (or after, if asked so). Does not hold what is in the outbox. */
	messages(peer: Uin, query?: MessagesQuery): Promise<{ messages: Message[]; more: boolean }>;
	/** What is being sent to somebody, or was refused, in order. */
	outbox(peer: Uin): Promise<Message[]>;
	/**
	 * Resolves as soon as the text stands in the outbox, in the store: from then on it is sent, through restarts, until
	 * it is answered. `delivered` resolves with the message when it is safe on the server, and rejects when it was refused.
	 * It may be left alone. INVALID_ARGUMENT: empty, or over 8,192 bytes of UTF-8.
	 */
	send(peer: Uin, text: string, options?: SendOptions): Promise<{ message: Message; delivered: Promise<Message> }>;
	/** Of a failed message: the same text once more, as a new one in its place. */
	retry(peer: Uin, key: string): Promise<void>;
	/** Of a failed message: away with it. */
	discard(peer: Uin, key: string): Promise<void>;
	/** All that is stored of the conversation now, or up to a seq, has been seen. Local to this device. */
	markRead(peer: Uin, upToSeq?: number): Promise<void>;
	/** Empty: none. Of who was signed out, or replaced, where it all was wiped: nothing is kept. */
	setDraft(peer: Uin, text: string): Promise<void>;
	/** Forgets the conversation's messages on this device; later ones begin it anew. */
	deleteConversation(peer: Uin): Promise<void>;
	/**
	 * Every unread message, oldest first, then those that come, for ever. A message counts as read when the next one is
	 * asked for: after a crash the loop goes on with the one it was at.
	 */
	incoming(): AsyncIterableIterator<Message>;
	/** Pull now; resolves when the store has all that the server had. */
	sync(): Promise<void>;
	/** Whether a sync has ever ended for who is signed in here: until then, what is not stored may only not have come. */
	synced(): Promise<boolean>;
}
