/** people.mjs - two people in two browsers: everything that the page is for, from the first page on. */
import { accept, ask, allSent, atChats, befriend, goTo, openChat, register, sees, signIn, write } from "./acts.mjs";
import { Person, Server, sleep, test, until } from "./harness.mjs";

const LONG = Array.from({ length: 60 }, (_, i) => `line ${i + 1} of a letter that takes its time`).join("\n");

async function two(browser, work, options) {
	const server = await Server.start();
	const ann = await Person.open(browser, server, options);
	const bob = await Person.open(browser, server, options);
	await Person.witness(() => work(ann, bob, server), ann, bob).finally(() => server.end());
}

async function contacts(browser, work, options) {
	await two(
		browser,
		async (ann, bob, server) => {
			await register(ann, "ann");
			await register(bob, "bob");
			await befriend(ann, bob);
			await openChat(ann.page, "bob");
			await openChat(bob.page, "ann");
			await work(ann, bob, server);
		},
		options,
	);
}

/** A new account, a wrong password, a taken name, signing out and in again. */
async function accounts(ann, bob) {
	await register(ann, "ann");
	await bob.page.getByRole("radio", { name: "Create account" }).check({ force: true });
	await bob.page.getByLabel("Name", { exact: true }).fill("ann");
	await bob.page.getByLabel("Password", { exact: true }).fill("some other words");
	await bob.page.getByRole("button", { name: "Create account" }).click();
	await bob.page.getByText("The name ann is taken").waitFor();
	await bob.page.getByRole("radio", { name: "Sign in" }).check({ force: true });
	await bob.page.getByRole("button", { name: "Sign in", exact: true }).click();
	await bob.page.getByText("The name or the password is wrong.").waitFor();
	await register(bob, "bob");
	await goTo(bob.page, "Me");
	await bob.page.getByRole("button", { name: "Sign out" }).first().click();
	await bob.page
		.getByRole("dialog")
		.getByRole("button", { name: /Sign out/ })
		.click();
	await bob.page.getByRole("radio", { name: "Sign in" }).waitFor({ state: "attached" });
	await signIn(bob, "bob");
}

/** Asked, declined, asked again, accepted; a remark; blocked and let in; deleted, and undone. */
async function relations(ann, bob) {
	await register(ann, "ann");
	await register(bob, "bob");
	await ask(ann, "bob", "do you remember me?");
	await goTo(bob.page, "Contacts");
	await bob.page.getByText("do you remember me?").waitFor();
	await bob.page.getByRole("button", { name: "Decline ann" }).click();
	await ann.page.getByText("Declined, or ended it").first().waitFor();
	await ann.page.getByRole("link", { name: /bob/ }).first().click();
	await ann.page.getByRole("button", { name: "Ask again" }).click();
	await ann.page
		.getByRole("dialog")
		.getByRole("button", { name: /Send request|Ask again/ })
		.click();
	await accept(bob, "ann");
	await ann.page.getByRole("button", { name: "Add a remark" }).click();
	await ann.page.getByRole("dialog").getByRole("textbox").fill("Robert");
	await ann.page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
	await ann.page.getByRole("heading", { name: "Robert" }).waitFor();
	await ann.page
		.getByRole("button", { name: "Message", exact: true })
		.or(ann.page.getByRole("link", { name: "Message", exact: true }))
		.click();
	await write(ann.page, "now we can write");
	await openChat(bob.page, "ann");
	await sees(bob.page, ["now we can write"]);

	await goTo(ann.page, "Contacts");
	await ann.page
		.getByRole("link", { name: /Robert/ })
		.first()
		.click();
	await ann.page.getByRole("button", { name: /^Block/ }).click();
	await ann.page.getByRole("dialog").getByRole("button", { name: "Block", exact: true }).click();
	await ann.page.getByRole("button", { name: /^Unblock/ }).waitFor();
	await write(bob.page, "are you there?");
	await bob.page.getByText("ann does not take messages from you.").waitFor();
	await ann.page.getByRole("button", { name: /^Unblock/ }).click();
	await ann.page.getByRole("button", { name: /^Block/ }).waitFor();
	await bob.page.getByRole("button", { name: "Try again" }).click();
	await allSent(bob.page);
	await openChat(ann.page, "Robert");
	await sees(ann.page, ["now we can write", "are you there?"]);

	await goTo(ann.page, "Contacts");
	await ann.page
		.getByRole("link", { name: /Robert/ })
		.first()
		.click();
	await ann.page.getByRole("button", { name: /^Delete contact/ }).click();
	await ann.page.getByRole("button", { name: "Undo" }).click();
	await openChat(ann.page, "Robert");
	await write(ann.page, "all is well");
	await sees(bob.page, ["now we can write", "are you there?", "all is well"]);
}

/** Plain, long, with a link, emoji, Chinese, several lines; both ways; a reload shows the same. */
async function texts(ann, bob) {
	const said = ["hello, bob", "see https://example.org/a?b=c for more", "🦢🦢", "鸿雁在云鱼在水", "one\ntwo", LONG];
	await write(ann.page, ...said);
	await allSent(ann.page);
	await sees(bob.page, said);
	const link = bob.page.getByRole("link", { name: "https://example.org/a?b=c" });
	if ((await link.getAttribute("rel")) !== "noopener noreferrer")
		throw new Error("the link tells where it was clicked");
	await bob.page.getByRole("button", { name: "Show more" }).click();
	await bob.page.getByRole("button", { name: "Show less" }).waitFor();
	await write(bob.page, "a long letter!");
	await sees(ann.page, [...said, "a long letter!"]);
	for (const { page } of [ann, bob]) {
		await page.reload();
		await sees(page, [...said, "a long letter!"]);
	}
}

/** Unread counts, the marker, drafts, which are there after a reload. */
async function unread(ann, bob) {
	await write(ann.page, "first");
	await sees(bob.page, ["first"]);
	await goTo(bob.page, "Contacts");
	await write(ann.page, "second", "third");
	const tab = bob.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /Chats/ });
	await until("two are unread", async () => (await tab.innerText()).includes("2"));
	await until("the title says so", async () => (await bob.page.title()).includes("2"));
	await openChat(bob.page, "ann");
	await bob.page.getByText("New messages").waitFor();
	await until("all are read", async () => !/\d/.test(await tab.innerText()));
	await bob.page.getByRole("textbox", { name: "Write to ann" }).fill("half a thou");
	await goTo(bob.page, "Contacts");
	await goTo(bob.page, "Chats");
	await bob.page.getByText("Draft:").waitFor({ state: "attached" });
	await bob.page.reload();
	await atChats(bob.page);
	await openChat(bob.page, "ann");
	const field = bob.page.getByRole("textbox", { name: "Write to ann" });
	await until("the draft is there", async () => (await field.inputValue()) === "half a thou");
}

/** A nickname reaches the other's list; another device shows what the server keeps, and can be signed out. */
async function devices(ann, bob, server, browser) {
	await write(ann.page, "before the tablet");
	await sees(bob.page, ["before the tablet"]);
	await write(bob.page, "and my answer");
	await sees(ann.page, ["before the tablet", "and my answer"]);
	const tablet = await Person.open(browser, server);
	await signIn(tablet, "ann");
	await openChat(tablet.page, "bob");
	await sees(tablet.page, ["before the tablet", "and my answer"]);
	await write(tablet.page, "from the tablet");
	await sees(ann.page, ["before the tablet", "and my answer", "from the tablet"]);

	await goTo(ann.page, "Me");
	await ann.page.getByRole("link", { name: /@ann/ }).click();
	await ann.page.getByLabel("Nickname").fill("Ann of the Lake");
	await ann.page.getByRole("button", { name: "Save" }).click();
	await bob.page.getByRole("heading", { name: "Ann of the Lake" }).waitFor();

	await ann.page.getByRole("link", { name: /Password and devices/ }).click();
	const rows = ann.page.locator(".pane-main").getByRole("button", { name: /^Sign out (?!all)/ });
	await until("the tablet is listed", async () => (await rows.count()) > 0);
	await rows.first().click();
	await ann.page
		.getByRole("dialog")
		.getByRole("button", { name: /Sign out/ })
		.click();
	await tablet.page.getByText("You were signed out").waitFor();
	tablet.assertNoFaults();
	await tablet.close();
}

/** By keys alone: from the list into a conversation, a message, its menu, and back. With a mouse, too. */
async function keyboard(ann, bob) {
	await write(bob.page, "use your keys");
	await sees(ann.page, ["use your keys"]);
	await ann.page.getByRole("textbox", { name: "Write to bob" }).focus();
	await ann.page.keyboard.type("so I do");
	await ann.page.keyboard.press("Shift+Enter");
	await ann.page.keyboard.type("twice");
	await ann.page.keyboard.press("Enter");
	await sees(ann.page, ["use your keys", "so I do\ntwice"]);
	const hasFocus = (what) => until(`the focus is on ${what}`, () => ann.page.locator(`${what}:focus`).count());
	await ann.page.getByRole("log").focus();
	await ann.page.keyboard.press("ArrowUp");
	await hasFocus(".bubble");
	await ann.page.keyboard.press("Enter");
	await hasFocus('[role="menuitem"]');
	await ann.page.keyboard.press("Escape");
	await hasFocus(".bubble");
	await ann.page.keyboard.press("Escape");
	await hasFocus("textarea");
	await ann.page.locator(".message", { hasText: "use your keys" }).hover();
	await ann.page.getByRole("button", { name: "What to do with this message" }).click();
	await hasFocus('[role="menuitem"]');
	await ann.page.keyboard.press("Escape");
	await hasFocus(".bubble");
	await goTo(ann.page, "Me");
	await ann.page.getByRole("link", { name: /Language and looks/ }).focus();
	await ann.page.keyboard.press("Enter");
	await ann.page.getByRole("radio", { name: "中文" }).focus();
	await ann.page.keyboard.press("Space");
	await until("the page speaks Chinese", async () =>
		(await ann.page.locator("html").getAttribute("lang"))?.startsWith("zh"),
	);
}

/** Nothing that only a secure context has is needed: the tests come from such an address. */
async function insecure(ann) {
	if (await ann.page.evaluate(() => isSecureContext)) throw new Error("the test's address is a secure one");
	await sleep(0);
}

/** An address that is no page becomes one that is; somebody unknown cannot be written to. */
async function addresses(ann) {
	await register(ann, "ann");
	const { page } = ann;
	const go = (hash) => page.evaluate((to) => (location.hash = to), hash);
	for (const [from, to] of Object.entries({ "#/nonsense/7": "#/chats", "#/contacts/nobody": "#/contacts" })) {
		await go(from);
		await until(`${from} became ${to}`, async () => new URL(page.url()).hash === to);
	}
	for (const list of ["chats", "contacts"]) {
		await go(`#/${list}/4242424242`);
		await page.getByRole("heading", { name: "Nobody here has this number", level: 2 }).waitFor();
		if ((await page.getByRole("textbox", { name: /^Write to/ }).count()) > 0)
			throw new Error("there is a place to write to nobody");
	}
	await page.setViewportSize({ width: 390, height: 844 });
	await go("#/chats/4242424242");
	await page.getByRole("button", { name: "Back" }).click();
	await until("back", async () => new URL(page.url()).hash === "#/contacts/4242424242");
}

/** All of it. */
export async function people(browser) {
	await test("an account: made, taken, a wrong password, out and in again", () => two(browser, accounts));
	await test("contacts: found, asked, declined, accepted, named, blocked, deleted, restored", () =>
		two(browser, relations));
	await test("texts of all kinds arrive once, in order, and are there after a reload", () =>
		contacts(browser, texts));
	await test("on a phone, too", () => contacts(browser, texts, { size: { width: 390, height: 844 } }));
	await test("unread counts, the marker of new messages, drafts", () => contacts(browser, unread));
	await test("another device shows what is kept, and is signed out", () =>
		contacts(browser, (ann, bob, server) => devices(ann, bob, server, browser)));
	await test("by keys alone", () => contacts(browser, keyboard));
	await test("addresses of nothing and of nobody", () => two(browser, addresses));
	await test("on an address without a secure context", () => two(browser, insecure));
}
