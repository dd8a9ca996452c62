/**
 * driver.ts - the JavaScript library, driven by lines: see README.md for the protocol. Stands on the package's public face alone.
 *
 *	node driver.mjs SERVER FOLDER DEVICE
 */
import { createInterface } from "node:readline";
import { Client, HongyanError, type Contact, type Message, type SendOptions, type Uin, type Who } from "hongyan";
import { FileStore } from "hongyan/node";

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
const [server = "", folder = "", deviceName = ""] = process.argv.slice(2);
const client = new Client({
	server: "http://" + server,
	store: new FileStore(folder + "/kept"),
	deviceName,
	heartbeatS: 2,
	requestTimeoutMs: 1500,
	backoffMaxMs: 500,
	pollMs: 300,
});

function say(line: object): void {
	process.stdout.write(JSON.stringify(line) + "\n");
}

function codeOf(error: unknown): { error: string; why: string } {
	if (error instanceof HongyanError) return { error: error.code, why: error.message };
	return {
		error: "NOT_A_HONGYAN_ERROR",
		why: error instanceof Error ? (error.stack ?? error.message) : String(error),
	};
}

client.on("state", (state) => say({ event: "state", state }));
client.on("message", (message) => say({ event: "message", from: message.from, text: message.text }));
client.on("request", (contact) => say({ event: "request", from: contact.uin, greeting: contact.greeting }));
client.on("signed-out", (why) => say({ event: "signed-out", why }));

async function send({ to, text, id, madeMs }: Line): Promise<void> {
	const options: SendOptions = id === undefined || madeMs === undefined ? {} : { id, madeMs };
	const { delivered } = await client.send(to, text, options);
	delivered.then(
		() => say({ event: "sent", to, text }),
		(error: unknown) => say({ event: "refused", to, text, code: codeOf(error).error }),
	);
}

async function changeContact({ what, uin, greeting, remark }: Line): Promise<unknown> {
	switch (what) {
		case "request":
			return client.requestContact(uin, { greeting });
		case "accept":
			return client.acceptContact(uin);
		case "decline":
			return client.declineContact(uin);
		case "delete":
			return client.deleteContact(uin);
		case "restore":
			return client.restoreContact(uin);
		case "remark":
			return client.setRemark(uin, remark);
		default:
			return client.blockContact(uin, what === "block");
	}
}

function shown({ id, peer, from, text }: Message): object {
	return { id, peer, from, text };
}

/** Messages are read before the outbox, so that what is in both was in both at one moment. */
async function dump(): Promise<object> {
	const contacts = new Map<string, Contact>();
	for (const contact of await client.contacts()) contacts.set(String(contact.uin), contact);
	const texts: object[] = [];
	const outbox: object[] = [];
	for (const { peer } of await client.conversations()) {
		const { messages } = await client.messages(peer, { limit: EVERYTHING });
		texts.push(...messages.map(shown));
		for (const { text, state, error } of await client.outbox(peer))
			outbox.push({ to: peer, text, ...(state === "failed" ? { code: error?.code ?? "UNKNOWN" } : {}) });
	}
	const me = client.uin === 0 ? {} : await client.me();
	return { uin: client.uin, state: client.state, me, contacts: Object.fromEntries(contacts), texts, outbox };
}

async function work(line: Line): Promise<unknown> {
	switch (line.do) {
		case "open":
			return { signedIn: await client.open() };
		case "register":
			return client.register({ name: line.name, password: line.password });
		case "signIn":
			return client.signIn({ name: line.name, password: line.password });
		case "signOut":
			return client.signOut();
		case "password":
			return client.changePassword(line.old, line.new);
		case "devices":
			return client.devices();
		case "signOutDevice":
			return client.signOutDevice(line.device);
		case "lookup":
			return client.lookup(line.name);
		case "contact":
			return changeContact(line);
		case "profile":
			return client.updateProfile({ nickname: line.nickname });
		case "settings":
			return client.updateSettings({ mayWrite: line.mayWrite, mayAsk: line.mayAsk });
		case "send":
			return send(line);
		case "dump":
			return dump();
		case "end":
			return client.close();
		default:
			throw new HongyanError("UNIMPLEMENTED", line.do);
	}
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (text) => {
	const line = JSON.parse(text) as Line;
	work(line).then(
		(result) => {
			say({ n: line.n, ok: typeof result === "object" ? result : {} });
			if (line.do === "end") lines.close();
		},
		(error: unknown) => say({ n: line.n, ...codeOf(error) }),
	);
});
lines.on("close", () => void client.close());
