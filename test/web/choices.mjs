/** choices.mjs - what people choose for themselves: who may write, a password, looks; where they were, what they throw away. */
import { atChats, befriend, goTo, openChat, register, sees, signIn, write } from "./acts.mjs";
import { PASSWORD, Person, Server, test, until } from "./harness.mjs";

const NEW_PASSWORD = "and comes back in spring";

async function section(page, name) {
	await goTo(page, "Me");
	await page.getByRole("link", { name }).click();
}

/** Nobody may ask any more: the other one is told so. The theme is taken at once and survives a reload. */
async function privacy(ann, bob) {
	await section(ann.page, "Privacy");
	await ann.page.getByLabel("Who may ask to be your contact").selectOption({ label: "Nobody" });
	await ann.page.getByText("Saved", { exact: true }).first().waitFor();
	await goTo(bob.page, "Contacts");
	await bob.page.getByRole("button", { name: "Add a contact" }).first().click();
	const dialog = bob.page.getByRole("dialog", { name: "Add a contact" });
	await dialog.getByLabel("Account name").fill("ann");
	await dialog.getByRole("button", { name: "Find", exact: true }).click();
	await dialog.getByRole("button", { name: "Send request" }).click();
	await dialog.getByRole("alert").waitFor();
	await section(ann.page, "Language and looks");
	const ground = () => ann.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	const light = await ground();
	await ann.page.getByRole("radio", { name: "Dark" }).check({ force: true });
	await until("it is dark", async () => (await ground()) !== light);
	const dark = await ground();
	await ann.page.reload();
	await ann.page.getByRole("radio", { name: "Dark" }).waitFor({ state: "attached" });
	if ((await ground()) !== dark) throw new Error("the theme was forgotten");
}

/** The wrong old one is refused; the new one holds, and the tablet is out. */
async function password(ann, server, browser) {
	const tablet = await Person.open(browser, server);
	await signIn(tablet, "ann");
	await section(ann.page, "Password and devices");
	await ann.page.getByRole("button", { name: "Change password" }).click();
	const dialog = ann.page.getByRole("dialog", { name: "Change password" });
	await dialog.getByLabel("Current password").fill("not this one");
	await dialog.getByLabel("New password", { exact: true }).fill(NEW_PASSWORD);
	await dialog.getByLabel("New password, once more").fill(NEW_PASSWORD);
	await dialog.getByRole("button", { name: "Change password" }).click();
	await dialog.getByText("The current password is another one.").waitFor();
	await dialog.getByLabel("Current password").fill(PASSWORD);
	await dialog.getByRole("button", { name: "Change password" }).click();
	await dialog.waitFor({ state: "detached" });
	await tablet.page.getByText("You were signed out").waitFor();
	await signIn(tablet, "ann", NEW_PASSWORD);
	await tablet.close();
}

/** The place in a conversation is the same after a look elsewhere; what is deleted here stays with the other one. */
async function places(ann, bob) {
	const many = Array.from({ length: 60 }, (_, i) => `line ${i + 1}`);
	await write(bob.page, ...many);
	await ann.page.getByText("line 60", { exact: true }).first().waitFor();
	await ann.page.locator(".messages-list").evaluate((list) => (list.scrollTop = 0));
	const first = ann.page.getByText("line 20", { exact: true });
	await first.scrollIntoViewIfNeeded();
	await ann.page.waitForTimeout(600);
	const top = async () => (await first.boundingBox())?.y ?? -1;
	const before = await top();
	await goTo(ann.page, "Contacts");
	await goTo(ann.page, "Chats");
	await ann.page.locator(".chats-scroll").getByRole("link", { name: /bob/ }).click();
	await first.waitFor();
	await until("it is where it was", async () => Math.abs((await top()) - before) < 2);
	await ann.page.getByRole("button", { name: "More about this conversation" }).click();
	await ann.page.getByRole("menuitem", { name: "Delete conversation…" }).click();
	await ann.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
	await atChats(ann.page);
	await until("it is gone", async () => (await ann.page.locator(".chats-scroll").getByRole("link").count()) === 0);
	await ann.page.reload();
	await atChats(ann.page);
	await openChat(ann.page, "bob");
	await write(ann.page, "a new page");
	await sees(ann.page, ["a new page"]);
	await bob.page.getByText("a new page", { exact: true }).first().waitFor();
}

async function two(browser, work) {
	const server = await Server.start();
	const ann = await Person.open(browser, server);
	const bob = await Person.open(browser, server);
	const begun = async () => {
		await register(ann, "ann");
		await register(bob, "bob");
		await work(ann, bob, server);
	};
	await Person.witness(begun, ann, bob).finally(() => server.end());
}

/** All of it. */
export async function choices(browser) {
	await test("who may ask; the theme, after a reload, too", () => two(browser, privacy));
	await test("another password: the old one is asked for, other devices are out", () =>
		two(browser, (ann, bob, server) => password(ann, server, browser)));
	await test("a conversation is found where it was left; a deleted one begins anew", () =>
		two(browser, async (ann, bob) => {
			await befriend(ann, bob);
			await openChat(ann.page, "bob");
			await openChat(bob.page, "ann");
			await places(ann, bob);
		}));
}
