/** trouble.mjs - no network, a server killed in mid-conversation, two tabs: nothing is lost, nothing comes twice. */
import { allSent, befriend, goTo, openChat, register, sees, shownTexts, signIn, write } from "./acts.mjs";
import { Person, Server, sleep, test, until } from "./harness.mjs";

async function contacts(browser, work) {
	const server = await Server.start();
	const ann = await Person.open(browser, server);
	const bob = await Person.open(browser, server);
	const begun = async () => {
		await register(ann, "ann");
		await register(bob, "bob");
		await befriend(ann, bob);
		await openChat(ann.page, "bob");
		await openChat(bob.page, "ann");
		await work(ann, bob, server);
	};
	await Person.witness(begun, ann, bob).finally(() => server.end());
}

/**
 * Waits until both have exactly these, each once. What two people write at the same time may stand in another order in
 * the inbox of each; what one of them writes keeps its own.
 */
async function bothHave(ann, bob, byAnn, byBob, ms) {
	const own = (all, from) => JSON.stringify(all.filter((text) => from.includes(text)));
	const has = (all) =>
		all.length === byAnn.length + byBob.length &&
		own(all, byAnn) === JSON.stringify(byAnn) &&
		own(all, byBob) === JSON.stringify(byBob);
	let seen = [];
	await until(
		"both have all of it, each once and in order",
		async () => {
			seen = [await shownTexts(ann.page), await shownTexts(bob.page)];
			return seen.every(has);
		},
		ms,
	).catch((error) => {
		throw new Error(
			`${error.message}\n  ann sees ${JSON.stringify(seen[0])}\n  bob sees ${JSON.stringify(seen[1])}`,
		);
	});
	await allSent(ann.page);
	await allSent(bob.page);
}

async function offline(ann, bob) {
	ann.mayFail = true;
	await write(ann.page, "with a network");
	await sees(bob.page, ["with a network"]);
	const place = async () => JSON.stringify(await ann.page.getByRole("textbox", { name: /^Write to/ }).boundingBox());
	const before = await place();
	await ann.context.setOffline(true);
	await ann.page.getByText("Offline. What you write is sent when you are back.").waitFor();
	if ((await place()) !== before) throw new Error("what is said of the network has moved the page");
	await write(ann.page, "without one", "and one more");
	await write(bob.page, "while you were away");
	await sleep(300);
	await ann.context.setOffline(false);
	await bothHave(ann, bob, ["with a network", "without one", "and one more"], ["while you were away"], 40000);
	await ann.page.getByText("Offline.").waitFor({ state: "detached" });
}

/** What is in the outbox outlives the page; so does what was typed while the server was not there. */
async function killed(ann, bob, server) {
	ann.mayFail = bob.mayFail = true;
	await write(ann.page, "before");
	await sees(bob.page, ["before"]);
	await server.kill();
	await write(ann.page, "into the void 1", "into the void 2");
	await ann.page.goto("about:blank"); // the page itself is not there either while the server is away
	await server.start();
	await ann.page.goto(server.url);
	await openChat(ann.page, "bob");
	await sees(bob.page, ["before", "into the void 1", "into the void 2"], 40000);
	await sees(ann.page, ["before", "into the void 1", "into the void 2"]);
	await allSent(ann.page);
}

/** Sent in the very moment in which the page is closed: the store may have taken it, or not. It goes once. */
async function closing(ann, bob) {
	const said = [];
	for (let i = 0; i < 5; i++) {
		const text = `and away ${i}`;
		await ann.page.getByRole("textbox", { name: "Write to bob" }).fill(text);
		await ann.page.evaluate((delay) => {
			document.querySelector(".composer").requestSubmit();
			setTimeout(() => (location.href = "about:blank"), delay);
		}, i);
		await ann.page.waitForURL("about:blank");
		said.push(text);
		await ann.page.goto(ann.url);
		await openChat(ann.page, "bob");
		await sees(bob.page, said);
		await sees(ann.page, said);
	}
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
	const ten = (who) => Array.from({ length: 10 }, (_, i) => `${who} ${i}`);
	await bothHave(ann, bob, ten("ann"), ten("bob"), 60000);
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
	for (let i = 1; i <= 3; i++) {
		await write(ann.page, `a${i}`);
		await write(second, `b${i}`);
	}
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

/** A tab that sleeps while its user signs out and another one signs in: it shows, keeps and sends nothing of the first. */
async function slept(ann, bob) {
	await ann.page.getByRole("textbox", { name: "Write to bob" }).fill("for bob alone");
	const second = await ann.tab();
	const sleeper = await ann.context.newCDPSession(ann.page);
	await sleeper.send("Debugger.enable");
	await sleeper.send("Debugger.pause");
	await goTo(second, "Me");
	await second.getByRole("button", { name: "Sign out", exact: true }).click();
	await second.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
	await second.getByRole("radio", { name: "Create account" }).waitFor();
	await register({ page: second }, "carl");
	await sleeper.send("Debugger.resume").catch(() => undefined); /* it may have had nothing to do */
	await sleeper.detach();
	await ann.page.getByText("Welcome, carl").waitFor();
	if ((await ann.page.getByRole("textbox", { name: /^Write to/ }).count()) > 0)
		throw new Error("the first user's conversation is still open");
	await sleep(600); /* longer than a draft waits to be kept */
	if ((await second.getByText("for bob alone").count()) > 0)
		throw new Error("a draft of the first user is the second one's now");
	await sees(bob.page, []);
}

/** Site data cleared under an open page: it is signed out, and can be used again. */
async function cleared(ann, bob) {
	await write(ann.page, "before");
	await sees(bob.page, ["before"]);
	const browser = await ann.context.newCDPSession(ann.page);
	const { origin } = new URL(ann.page.url());
	await browser.send("Storage.clearDataForOrigin", { origin, storageTypes: "all" });
	await write(bob.page, "anybody there?");
	await ann.page.getByRole("radio", { name: "Sign in" }).waitFor();
	await signIn(ann, "ann");
	await ann.page.reload();
	await openChat(ann.page, "bob");
	await sees(ann.page, ["before", "anybody there?"]);
}

/** A new device on a slow network: nobody is told that they have nothing before that is known. */
async function slow(ann, bob, server) {
	await write(ann.page, "here already");
	const another = await Person.open(ann.context.browser(), server);
	try {
		const network = await another.context.newCDPSession(another.page);
		const speed = { offline: false, latency: 400, downloadThroughput: -1, uploadThroughput: -1 };
		await network.send("Network.emulateNetworkConditions", speed);
		await another.page.evaluate(() => {
			globalThis.said = [];
			const note = () => globalThis.said.push(document.body.innerText);
			new MutationObserver(note).observe(document.body, { childList: true, subtree: true, characterData: true });
		});
		await signIn(another, "ann");
		await another.page.getByText("here already").waitFor();
		const said = await another.page.evaluate(() => globalThis.said.join("\n"));
		for (const untrue of ["No conversations yet", "Welcome, ann"])
			if (said.includes(untrue)) throw new Error(`it said: ${untrue}`);
		another.assertNoFaults();
	} finally {
		await another.close();
	}
}

/** Who has nothing is told so at once, also where no server answers: that there is nothing was known before. */
async function nothing(browser) {
	const server = await Server.start();
	const ann = await Person.open(browser, server);
	const alone = async () => {
		await register(ann, "ann");
		await ann.page.getByText("Welcome, ann").waitFor();
		ann.mayFail = true;
		await ann.context.route("**/cgi-bin/**", (route) => route.abort());
		await ann.page.routeWebSocket(/\/link$/, (link) => link.close());
		await ann.page.reload();
		await ann.page.getByText("Welcome, ann").waitFor({ timeout: 10_000 });
	};
	await Person.witness(alone, ann).finally(() => server.end());
}

/** All of it. */
export async function trouble(browser) {
	await test("offline: what was typed is sent afterwards, once", () => contacts(browser, offline));
	await test("the server is away: what was typed outlives a reload", () => contacts(browser, killed));
	await test("a text that is sent while the page is closed goes once", () => contacts(browser, closing));
	await test("the server dies again and again in mid-conversation", () => contacts(browser, mid));
	await test("two tabs of one user", () => contacts(browser, tabs));
	await test("a tab that slept while another user signed in", () => contacts(browser, slept));
	await test("a new device on a slow network", () => contacts(browser, slow));
	await test("nothing there, and no server", () => nothing(browser));
	await test("site data cleared under an open page", () => contacts(browser, cleared));
}
