/** trouble.mjs - no network, a server killed in mid-conversation, two tabs: nothing is lost, nothing comes twice. */
import { allSent, befriend, openChat, register, sees, shownTexts, write } from "./acts.mjs";
import { Person, Server, sleep, test, until } from "./harness.mjs";

async function contacts(browser, work) {
	const server = await Server.start();
	const ann = await Person.open(browser, server);
	const bob = await Person.open(browser, server);
	try {
		await register(ann, "ann");
		await register(bob, "bob");
		await befriend(ann, bob);
		await openChat(ann.page, "bob");
		await openChat(bob.page, "ann");
		await work(ann, bob, server);
		ann.assertNoFaults();
		bob.assertNoFaults();
	} finally {
		await ann.close();
		await bob.close();
		await server.end();
	}
}

async function offline(ann, bob) {
	ann.mayFail = true;
	await write(ann.page, "with a network");
	await sees(bob.page, ["with a network"]);
	await ann.context.setOffline(true);
	await ann.page.getByText("Offline. What you write is sent when you are back.").waitFor();
	await write(ann.page, "without one", "and one more");
	await write(bob.page, "while you were away");
	await sleep(300);
	await ann.context.setOffline(false);
	const said = ["with a network", "while you were away", "without one", "and one more"];
	await until(
		"both see the same",
		async () => {
			const [one, other] = [await shownTexts(ann.page), await shownTexts(bob.page)];
			return one.length === 4 && JSON.stringify(one) === JSON.stringify(other);
		},
		40000,
	);
	await allSent(ann.page);
	if ((await shownTexts(bob.page)).sort().join() !== said.sort().join())
		throw new Error("something was lost or doubled");
	await ann.page.getByText("Offline.").waitFor({ state: "detached" });
}

/** What is in the outbox outlives the page; so does what was typed while the server was not there. */
async function killed(ann, bob, server) {
	ann.mayFail = bob.mayFail = true;
	await write(ann.page, "before");
	await sees(bob.page, ["before"]);
	await server.kill();
	await write(ann.page, "into the void 1", "into the void 2");
	await ann.page.reload({ waitUntil: "commit" }).catch(() => undefined);
	await server.start();
	await ann.page.goto(server.url);
	await openChat(ann.page, "bob");
	await sees(bob.page, ["before", "into the void 1", "into the void 2"], 40000);
	await sees(ann.page, ["before", "into the void 1", "into the void 2"]);
	await allSent(ann.page);
}

/** Both write, ten times each, while the server dies and comes back again and again. */
async function mid(ann, bob, server) {
	ann.mayFail = bob.mayFail = true;
	let over = false;
	const dying = (async () => {
		while (!over) {
			await sleep(400);
			await server.kill();
			await server.start();
		}
	})();
	for (let i = 0; i < 10; i++) {
		await write(ann.page, `ann ${i}`);
		await write(bob.page, `bob ${i}`);
		await sleep(80);
	}
	over = true;
	await dying;
	await until(
		"both have all of it",
		async () => {
			const [one, other] = [await shownTexts(ann.page), await shownTexts(bob.page)];
			return one.length === 20 && JSON.stringify(one) === JSON.stringify(other);
		},
		60000,
	);
	for (const who of ["ann", "bob"]) {
		const of = (await shownTexts(ann.page)).filter((text) => text.startsWith(who));
		if (of.join() !== Array.from({ length: 10 }, (_, i) => `${who} ${i}`).join())
			throw new Error(`not in order: ${of}`);
	}
	await allSent(ann.page);
	await allSent(bob.page);
}

/** Two tabs of one user, side by side: what is done in one is seen in the other; both send. */
async function tabs(ann, bob) {
	const second = await ann.tab();
	await openChat(second, "bob");
	await write(ann.page, "from one tab");
	await sees(second, ["from one tab"]);
	await write(second, "from the other");
	await write(bob.page, "to both");
	for (const page of [ann.page, second, bob.page]) await sees(page, ["from one tab", "from the other", "to both"]);
	await Promise.all([write(ann.page, "a1", "a2", "a3"), write(second, "b1", "b2", "b3")]);
	await until("nine are there", async () => (await shownTexts(bob.page)).length === 9);
	const seen = await shownTexts(bob.page);
	for (const page of [ann.page, second]) await sees(page, seen);
	for (const letter of ["a", "b"]) {
		const of = seen.filter((text) => new RegExp(`^${letter}\\d$`).test(text));
		if (of.join() !== [1, 2, 3].map((i) => letter + i).join()) throw new Error(`not in order: ${of}`);
	}
	await ann.page.close();
	await write(second, "alone again");
	await sees(bob.page, [...seen, "alone again"]);
}

/** All of it. */
export async function trouble(browser) {
	await test("offline: what was typed is sent afterwards, once", () => contacts(browser, offline));
	await test("the server is away: what was typed outlives a reload", () => contacts(browser, killed));
	await test("the server dies again and again in mid-conversation", () => contacts(browser, mid));
	await test("two tabs of one user", () => contacts(browser, tabs));
}
