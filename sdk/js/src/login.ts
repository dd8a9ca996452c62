/**
 * login.ts - who is signed in here: signs in and out, and brings session, data and store to the same account, whoever
 * has changed it: this client, another tab, or the server.
 */
import { changeOf } from "./change.ts";
import type { Data } from "./data.ts";
import type { Session } from "./session.ts";
import { HongyanError, type Change } from "./types.ts";

/** Signing out waits no longer for the server: the ticket's end is the server's concern, leaving is the person's. */
const SIGN_OUT_MS = 5_000;

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

/** What becomes of the account in this store. */
export interface LoginEvents {
	change(change: Change): void;
	/** The ticket was ended, and by nobody here. */
	signedOut(why: string): void;
}

/** A ticket, as the server gives it. */
export interface Entry {
	name: string;
	password: string;
	deviceName: string;
	/** With one, or an empty one, a new account is made. */
	invitation?: string;
}

/** Brings the store's ticket to the session, and new ones to the store; ends them. */
export class Login {
	private device = "";
	/** What the store's account is brought to, one after another. */
	private turns: Promise<unknown> = Promise.resolve();
	/** Whose requests are made now; the session forgets it by itself when the server ends it. */
	private ticket: Uint8Array | null = null;
	private leaving = false;
	private running = false;

	constructor(
		private readonly session: Session,
		private readonly data: Data,
		private readonly events: LoginEvents,
	) {
		session.onSignedOut((why) => void this.onTicketEnded(why).catch(() => undefined));
	}

	/** Once the store is open. True: somebody is signed in. */
	async open(): Promise<boolean> {
		this.running = true;
		return this.turn(async () => {
			await this.adopt();
			this.session.open();
			return this.ticket !== null;
		});
	}

	/** Before the store is closed. Resolves when nothing here uses it any more. */
	async close(): Promise<void> {
		this.running = false;
		this.data.stop();
		this.session.close();
		await this.turns;
		this.ticket = null;
		this.session.setTicket(null, this.device);
	}

	/** Registers, if there is an `invitation`, or signs in. */
	async enter(entry: Entry): Promise<void> {
		const { name, password, deviceName, invitation } = entry;
		if (invitation === undefined && (await this.isHere(name))) return;
		const answer =
			invitation === undefined
				? await this.session.request("signIn", { name, password, deviceName })
				: await this.session.request("register", { name, password, deviceName, invitation });
		await this.turn(async () => {
			await this.endOther(answer.uin);
			this.data.stop();
			await this.data.account.signIn(answer.uin, answer.ticket, name);
			await this.adopt();
		});
		this.tellAll();
	}

	/** Ends the ticket, then wipes the store. */
	async leave(): Promise<void> {
		this.leaving = true;
		try {
			await this.endTicket();
			await this.turn(async () => {
				this.data.stop();
				await this.data.account.wipe();
				await this.adopt();
			});
		} finally {
			this.leaving = false;
		}
		this.tellAll();
	}

	/** Another tab has signed in or out. */
	async look(): Promise<void> {
		const before = this.ticket;
		const account = await this.turn(async () => {
			await this.adopt();
			return this.data.account.account();
		});
		if (before === this.ticket) return;
		this.events.change(changeOf({ all: true, me: true, devices: true }));
		if (before && account && !account.ticket) this.events.signedOut("signed out");
	}

	private turn<T>(work: () => Promise<T>): Promise<T> {
		const done = this.turns.then(() => {
			if (!this.running) throw new HongyanError("CANCELLED", "the client was closed");
			return work();
		});
		this.turns = done.catch(() => undefined);
		return done;
	}

	/** The store's account is whose requests are made, and whose data comes and goes. */
	private async adopt(): Promise<void> {
		const account = await this.data.account.account();
		const ticket = account?.ticket ?? null;
		/* Another one if the site data were cleared: a ticket is good for the device that it was given to. */
		this.device = await this.data.account.device();
		if (ticket && this.ticket && sameBytes(ticket, this.ticket) && this.session.identity) return this.data.start();
		this.data.stop();
		this.ticket = ticket;
		this.session.setTicket(account && ticket ? { uin: account.uin, ticket } : null, this.device);
		if (ticket) this.data.start();
	}

	private async isHere(name: string): Promise<boolean> {
		return this.session.identity !== null && (await this.data.account.me()).name === name;
	}

	/** Another user is signed in here: that ticket would be nobody's. */
	private async endOther(uin: number): Promise<void> {
		if (this.session.identity && this.session.identity.uin !== uin) await this.endTicket();
	}

	private async endTicket(): Promise<void> {
		if (!this.session.identity) return;
		try {
			await this.session.request("signOut", {}, { timeoutMs: SIGN_OUT_MS });
		} catch {
			/* It is no good any more, or the server is not there: nothing that could be done better later. */
		}
	}

	private async onTicketEnded(why: string): Promise<void> {
		const { ticket } = this;
		if (!ticket || this.leaving) return;
		this.ticket = null;
		this.data.stop();
		const account = await this.turn(async () => {
			await this.data.account.ticketEnded(ticket);
			await this.adopt();
			return this.data.account.account();
		});
		this.tellAll();
		if (account && !account.ticket) this.events.signedOut(why);
	}

	private tellAll(): void {
		this.data.accountChanged();
		this.events.change(changeOf({ all: true, me: true, devices: true }));
	}
}
