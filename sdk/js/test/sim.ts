/**
 * sim.ts - several tabs on one store, a network, and time, all in the hands of a test: nothing goes on but what it lets go
 * on, so that a tab can be killed between any two steps, and a seed tells the whole story.
 */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { Data } from "../src/data.ts";
import { SendTextResponseSchema } from "../src/gen/send_pb.ts";
import { fromHex, toHex } from "../src/rows.ts";
import type { Answer, Identity, MethodName, Question, RequestOptions, Session } from "../src/session.ts";
import type { Store, Table, Transaction } from "../src/store.ts";
import type { Change, Contact, Message, State } from "../src/types.ts";
import { HongyanError } from "../src/types.ts";
import { SimServer } from "./sim_server.ts";

/** Numbers that look random, the same ones for a seed. */
export class Dice {
	constructor(private state: number) {}

	/** 0 <= n < 1. */
	next(): number {
		this.state = (this.state + 0x6d2b79f5) | 0;
		let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	}

	below(n: number): number {
		return Math.floor(this.next() * n);
	}

	pick<T>(list: readonly T[]): T | undefined {
		return list[this.below(list.length)];
	}

	chance(p: number): boolean {
		return this.next() < p;
	}
}

/** Node.js 18 does not let it be assigned. */
function setNow(value: () => number): void {
	Object.defineProperty(performance, "now", { value, configurable: true, writable: true });
}

/** Timers that ring when the test says so. Takes the place of all clocks, and of chance, while installed. */
export class SimTime {
	now = 1_700_000_000_000;
	private timers: { at: number; ring: () => void; id: number }[] = [];
	private ids = 0;
	private readonly saved = { setTimeout, clearTimeout };
	private readonly savedNow = performance.now.bind(performance);
	private readonly savedRandom = Math.random;

	constructor(private readonly dice: Dice) {}

	install(): void {
		const set = (ring: () => void, ms = 0): number => {
			this.timers.push({ at: this.now + ms, ring, id: ++this.ids });
			return this.ids;
		};
		globalThis.setTimeout = set as unknown as typeof setTimeout;
		globalThis.clearTimeout = ((id: number) => {
			this.timers = this.timers.filter((timer) => timer.id !== id);
		}) as unknown as typeof clearTimeout;
		setNow(() => this.now);
		Math.random = () => this.dice.next();
	}

	uninstall(): void {
		Object.assign(globalThis, this.saved);
		setNow(this.savedNow);
		Math.random = this.savedRandom;
	}

	async pass(ms: number): Promise<void> {
		const until = this.now + ms;
		for (;;) {
			const due = this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at || a.id - b.id)[0];
			if (!due) break;
			this.timers = this.timers.filter((timer) => timer !== due);
			this.now = Math.max(this.now, due.at);
			due.ring();
			await settle();
		}
		this.now = until;
	}
}

/** Lets everything go on that waits for nothing. */
export async function settle(): Promise<void> {
	for (let i = 0; i < settle.turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
settle.turns = 1;

/** Something that waits for the test to let it go on. */
export interface Step {
	tab: SimTab;
	what: string;
	go: () => void;
}

/** The store as one tab sees it: every transaction waits at its beginning, and before its end is told. */
class TabStore implements Store {
	private listener: (note: unknown) => void = () => {};

	constructor(
		private readonly tab: SimTab,
		private readonly shared: Store,
	) {}

	async open(): Promise<void> {}
	async close(): Promise<void> {}

	async transact<T>(mode: "read" | "write", tables: Table[], work: (tx: Transaction) => Promise<T>): Promise<T> {
		await this.tab.wait(`${mode} begins`);
		const ended = await this.shared.transact(mode, tables, work).then(
			(value) => () => value,
			(why: unknown) => () => {
				throw why;
			},
		);
		await this.tab.wait(`${mode} is told`);
		return ended();
	}

	tell(note: unknown): void {
		const copy = structuredClone(note);
		for (const other of this.tab.world.tabs)
			if (other !== this.tab) void other.wait("a note").then(() => other.store.hear(copy));
	}

	hear(note: unknown): void {
		this.listener(note);
	}

	onTold(listener: (note: unknown) => void): void {
		this.listener = listener;
	}
}

/** A request on its way. */
export interface Flight {
	tab: SimTab;
	method: "sync" | "sendText";
	/** What the server does with it; throws what it refuses with. */
	serve: () => unknown;
	resolve: (answer: unknown) => void;
	reject: (why: unknown) => void;
}

/** Requests wait in `world.flights` until the test answers or breaks them. */
class TabSession implements Session {
	state: State = "online";
	readonly trouble = null;
	identity: Identity | null;
	private hints = new Set<() => void>();
	private states = new Set<(state: State) => void>();

	constructor(private readonly tab: SimTab) {
		this.identity = { uin: tab.world.server.me, ticket: tab.world.ticket };
	}

	request<M extends MethodName>(method: M, question: Question<M>, options: RequestOptions = {}): Promise<Answer<M>> {
		const { server, flights } = this.tab.world;
		return new Promise<unknown>((resolve, reject) => {
			if (!this.tab.alive) return;
			const flight = { tab: this.tab, resolve, reject };
			if (method === "sync") {
				const { snapshot } = question as Question<"sync">;
				flights.push({ ...flight, method, serve: () => server.sync(snapshot ?? new Uint8Array()) });
			} else {
				assert.equal(method, "sendText");
				const { to, text } = question as Question<"sendText">;
				const { clientId, madeMs } = options;
				assert.ok(clientId && madeMs !== undefined && to !== undefined && text !== undefined);
				const serve = () =>
					create(SendTextResponseSchema, {
						messageId: fromHex(server.sendText(to, text, toHex(clientId), madeMs)),
					});
				flights.push({ ...flight, method: "sendText", serve });
			}
		}) as Promise<Answer<M>>;
	}

	hint(): void {
		this.hints.forEach((listener) => listener());
	}

	connect(): void {
		this.states.forEach((listener) => listener("online"));
		this.hint();
	}

	onHint(listener: () => void): () => void {
		this.hints.add(listener);
		return () => void this.hints.delete(listener);
	}

	onState(listener: (state: State) => void): () => void {
		this.states.add(listener);
		return () => void this.states.delete(listener);
	}

	onTrouble(): () => void {
		return () => {};
	}
	onSignedOut(): () => void {
		return () => {};
	}
	open(): void {}
	setTicket(identity: Identity | null): void {
		this.identity = identity;
	}
	close(): void {}
	hurry(): void {}
	nowMs(): number {
		return this.tab.world.time.now;
	}
	newClientId(): Uint8Array {
		return fromHex((++this.tab.world.clientIds).toString(16).padStart(32, "0"));
	}
}

/** One client. Dead, it never goes on: what it waits for never comes. */
export class SimTab {
	alive = true;
	readonly store: TabStore;
	readonly session: TabSession;
	readonly data: Data;
	readonly messages: Message[] = [];
	readonly requests: Contact[] = [];
	readonly changes: Change[] = [];

	constructor(
		readonly world: SimWorld,
		readonly name: number,
	) {
		this.store = new TabStore(this, world.shared);
		this.session = new TabSession(this);
		this.data = new Data(this.store, this.session, {
			change: (change) => this.changes.push(change),
			message: (message) => this.messages.push(message),
			request: (contact) => this.requests.push(contact),
			trouble: () => {},
			account: () => {},
		});
	}

	wait(what: string): Promise<void> {
		return new Promise((resolve) => {
			if (this.alive) this.world.steps.push({ tab: this, what, go: resolve });
		});
	}

	kill(): void {
		this.alive = false;
		/* Its timers may ring on: what they begin waits for ever. */
		this.world.steps = this.world.steps.filter(({ tab }) => tab !== this);
		this.world.flights = this.world.flights.filter(({ tab }) => tab !== this);
		this.world.tabs = this.world.tabs.filter((tab) => tab !== this);
	}
}

export class SimWorld {
	readonly time: SimTime;
	readonly server: SimServer;
	readonly ticket = new Uint8Array([1, 2, 3]);
	tabs: SimTab[] = [];
	steps: Step[] = [];
	flights: Flight[] = [];
	clientIds = 0;
	private names = 0;

	constructor(
		readonly shared: Store,
		readonly dice: Dice,
		me = 1,
	) {
		this.time = new SimTime(dice);
		this.server = new SimServer(me, () => this.time.now, 1 + dice.below(5));
	}

	openTab(): SimTab {
		const tab = new SimTab(this, ++this.names);
		this.tabs.push(tab);
		tab.data.start();
		tab.session.hint();
		return tab;
	}

	/** Lets one thing go on: a step of a tab, or a request. */
	async goOn(broken: number): Promise<boolean> {
		const count = this.steps.length + this.flights.length;
		if (count === 0) return false;
		const which = this.dice.below(count);
		if (which < this.steps.length) this.steps.splice(which, 1)[0]?.go();
		else this.fly(which - this.steps.length, broken);
		await settle();
		return true;
	}

	private fly(index: number, broken: number): void {
		const flight = this.flights[index];
		if (!flight) return;
		/* Lost on its way there: the session repeats it, or gives up. */
		if (this.dice.chance(broken)) return this.giveUp(index);
		let ended: () => void;
		try {
			const answer = flight.serve();
			ended = () => flight.resolve(answer);
		} catch (why) {
			ended = () => flight.reject(why);
		}
		if (this.dice.chance(broken)) return this.giveUp(index);
		this.flights.splice(index, 1);
		ended();
	}

	private giveUp(index: number): void {
		if (this.dice.chance(0.7)) return; /* repeated */
		const [flight] = this.flights.splice(index, 1);
		flight?.reject(
			this.dice.chance(0.5)
				? new HongyanError("DEADLINE_EXCEEDED", "no answer")
				: new HongyanError("RESOURCE_EXHAUSTED", "too many", 2000),
		);
	}

	/** Until nothing is left to do, whatever time it takes. */
	async calm(): Promise<void> {
		for (let i = 0; i < 40; i++) {
			await this.time.pass(3000);
			while (await this.goOn(0));
		}
		assert.equal(this.steps.length + this.flights.length, 0, "it never comes to rest");
	}

	/** The result of what a tab does with its data, all its steps let go. */
	async finish<T>(result: Promise<T>): Promise<T> {
		let done = false;
		void result.then(
			() => (done = true),
			() => (done = true),
		);
		for (let i = 0; !done && i < 10_000; i++) {
			await settle();
			const [step] = this.steps.splice(this.dice.below(this.steps.length), 1);
			step?.go();
		}
		return result;
	}
}
