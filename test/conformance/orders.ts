/**
 * orders.ts - what a driver's lines ask of the JavaScript library, wherever it runs: see README.md for the protocol. Stands on the package's
 * public face alone.
 */
import {
	Client,
	HongyanError,
	type ClientOptions,
	type Contact,
	type Message,
	type SendOptions,
	type Uin,
	type Who,
} from "hongyan";

/** A line in; which fields there are depends on `do`. */
interface Line {
	n: number;
	do: string;
	name: string;
	password: string;
	old: string;
	new: string;
	device?: string;
	uin: Uin;
	what: string;
	greeting: string;
	remark: string;
	nickname: string;
	mayWrite: Who;
	mayAsk: Who;
	to: Uin;
	text: string;
	id?: string;
	madeMs?: number;
}

const EVERYTHING = 1_000_000;
/** So that stories are short. */
const TIMES: ClientOptions = { heartbeatS: 2, requestTimeoutMs: 1500, backoffMaxMs: 500, pollMs: 300 };

function codeOf(error: unknown): { error: string; why: string } {
	if (error instanceof HongyanError) return { error: error.code, why: error.message };
	return {
		error: "NOT_A_HONGYAN_ERROR",
		why: error instanceof Error ? (error.stack ?? error.message) : String(error),
	};
}

function shown({ id, peer, from, text }: Message): object {
	return { id, peer, from, text };
}

export class Driver {
	private readonly client: Client;

	/** `say` takes the lines out. */
	constructor(
		options: ClientOptions,
		private readonly say: (line: object) => void,
	) {
		this.client = new Client({ ...TIMES, ...options });
		this.client.on("state", (state) => this.say({ event: "state", state }));
		this.client.on("message", (message) => this.say({ event: "message", from: message.from, text: message.text }));
		this.client.on("request", (contact) =>
			this.say({ event: "request", from: contact.uin, greeting: contact.greeting }),
		);
		this.client.on("signed-out", (why) => this.say({ event: "signed-out", why }));
	}

	/** A line in; the answer to it is said when there is one. true: it was the last. */
	async take(text: string): Promise<boolean> {
		const line = JSON.parse(text) as Line;
		try {
			const result = await this.work(line);
			this.say({ n: line.n, ok: typeof result === "object" ? result : {} });
		} catch (error) {
			this.say({ n: line.n, ...codeOf(error) });
		}
		return line.do === "end";
	}

	async close(): Promise<void> {
		await this.client.close();
	}

	private async send({ to, text, id, madeMs }: Line): Promise<void> {
		const options: SendOptions = id === undefined || madeMs === undefined ? {} : { id, madeMs };
		const { delivered } = await this.client.send(to, text, options);
		delivered.then(
			() => this.say({ event: "sent", to, text }),
			(error: unknown) => this.say({ event: "refused", to, text, code: codeOf(error).error }),
		);
	}

	private async changeContact({ what, uin, greeting, remark }: Line): Promise<unknown> {
		switch (what) {
			case "request":
				return this.client.requestContact(uin, { greeting });
			case "accept":
				return this.client.acceptContact(uin);
			case "decline":
				return this.client.declineContact(uin);
			case "delete":
				return this.client.deleteContact(uin);
			case "restore":
				return this.client.restoreContact(uin);
			case "remark":
				return this.client.setRemark(uin, remark);
			default:
				return this.client.blockContact(uin, what === "block");
		}
	}

	/** Messages are read before the outbox, so that what is in both was in both at one moment. */
	private async dump(): Promise<object> {
		const contacts = new Map<string, Contact>();
		for (const contact of await this.client.contacts()) contacts.set(String(contact.uin), contact);
		const texts: object[] = [];
		const outbox: object[] = [];
		for (const { peer } of await this.client.conversations()) {
			const { messages } = await this.client.messages(peer, { limit: EVERYTHING });
			texts.push(...messages.map(shown));
			for (const { text, state, error } of await this.client.outbox(peer))
				outbox.push({ to: peer, text, ...(state === "failed" ? { code: error?.code ?? "UNKNOWN" } : {}) });
		}
		const me = this.client.uin === 0 ? {} : await this.client.me();
		return {
			uin: this.client.uin,
			state: this.client.state,
			me,
			contacts: Object.fromEntries(contacts),
			texts,
			outbox,
		};
	}

	private async work(line: Line): Promise<unknown> {
		switch (line.do) {
			case "open":
				return { signedIn: await this.client.open() };
			case "register":
				return this.client.register({ name: line.name, password: line.password });
			case "signIn":
				return this.client.signIn({ name: line.name, password: line.password });
			case "signOut":
				return this.client.signOut();
			case "password":
				return this.client.changePassword(line.old, line.new);
			case "devices":
				return this.client.devices();
			case "signOutDevice":
				return this.client.signOutDevice(line.device);
			case "lookup":
				return this.client.lookup(line.name);
			case "contact":
				return this.changeContact(line);
			case "profile":
				return this.client.updateProfile({ nickname: line.nickname });
			case "settings":
				return this.client.updateSettings({ mayWrite: line.mayWrite, mayAsk: line.mayAsk });
			case "send":
				return this.send(line);
			case "dump":
				return this.dump();
			case "end":
				return this.client.close();
			default:
				throw new HongyanError("UNIMPLEMENTED", line.do);
		}
	}
}
