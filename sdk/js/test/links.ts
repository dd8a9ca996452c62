/** links.ts - a session against a fake server, with short times; both end with the test. */
import type { TestContext } from "node:test";
import { LinkSession, type LinkSessionOptions } from "../src/link_session.ts";
import type { Times } from "../src/times.ts";
import { HongyanError, type State } from "../src/types.ts";
import { FakeServer, TICKET, UIN, until } from "./fake_server.ts";

/** Long enough for a busy machine, short enough to wait for. */
export const SHORT: Times = {
	connect: 600,
	heartbeat: 10_000,
	heartbeatAnswer: 150,
	quickAnswer: 100,
	backoffBase: 10,
	backoffMax: 60,
	backoffLeast: 2,
	request: 500,
	patience: 5_000,
	headStart: 50,
	poll: 60,
	hasten: 10,
	hastenGap: 50,
};

export interface Rig {
	server: FakeServer;
	session: LinkSession;
	/** All that the session has said. */
	states: State[];
	hints: number;
	signedOut: string[];
}

/** Not signed in, and not opened: see online(). */
export async function rig(t: TestContext, options: Partial<LinkSessionOptions> = {}): Promise<Rig> {
	const server = new FakeServer();
	await server.start();
	const session = new LinkSession({ server: server.url, ...options, times: { ...SHORT, ...options.times } });
	const made: Rig = { server, session, states: [], hints: 0, signedOut: [] };
	session.onState((state) => made.states.push(state));
	session.onHint(() => made.hints++);
	session.onSignedOut((why) => made.signedOut.push(why));
	t.after(async () => {
		session.close();
		await server.stop();
	});
	return made;
}

export function signIn(session: LinkSession, ticket: Uint8Array = TICKET): void {
	session.setTicket({ uin: UIN, ticket }, "js-0123456789abcdef");
	session.open();
}

/** Signed in, on a long link. */
export async function online(t: TestContext, options: Partial<LinkSessionOptions> = {}): Promise<Rig> {
	const made = await rig(t, options);
	signIn(made.session);
	await until("online", () => made.session.state === "online");
	return made;
}

/** What a promise rejects with; an error of its own if it does not, or not with a HongyanError. */
export async function refusal(promise: Promise<unknown>): Promise<HongyanError> {
	try {
		await promise;
	} catch (error) {
		if (error instanceof HongyanError) return error;
		throw error;
	}
	throw new Error("resolved");
}
