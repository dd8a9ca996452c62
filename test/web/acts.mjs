/** acts.mjs - what people do on the page, found as they find it: by the names that screen readers read, in English. */
import { PASSWORD, PATIENCE_MS, until } from "./harness.mjs";

/** On the welcome page: makes an account, and waits until its chats are shown. */
export async function register(person, name) {
	const { page } = person;
	person.name = name;
	await page.getByRole("radio", { name: "Create account" }).check({ force: true });
	await page.getByLabel("Name", { exact: true }).fill(name);
	await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
	await page.getByRole("button", { name: "Create account" }).click();
	await atChats(page);
}

/** On the welcome page: signs in. */
export async function signIn(person, name, password = PASSWORD) {
	const { page } = person;
	person.name = name;
	await page.getByRole("radio", { name: "Sign in" }).check({ force: true });
	await page.getByLabel("Name", { exact: true }).fill(name);
	await page.getByLabel("Password", { exact: true }).fill(password);
	await page.getByRole("button", { name: "Sign in", exact: true }).click();
	await atChats(page);
}

/** Waits for the chats' list. */
export async function atChats(page) {
	await page.getByRole("heading", { name: "Chats" }).waitFor();
}

/** By the rail, or the tabs below, which a phone shows beside lists alone. */
export async function goTo(page, where) {
	const link = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: new RegExp(`${where}$`) });
	const back = page.getByRole("link", { name: /^Back/ }).or(page.getByRole("button", { name: /^Back/ }));
	await until(
		"there is a way",
		async () => (await link.isVisible()) || (await back.filter({ visible: true }).count()) > 0,
	);
	if (!(await link.isVisible())) await back.filter({ visible: true }).first().click();
	await link.click();
}

/** From wherever one is: finds somebody by name and asks them. */
export async function ask(person, name, greeting) {
	const { page } = person;
	await goTo(page, "Contacts");
	await page.getByRole("button", { name: "Add a contact" }).first().click();
	const dialog = page.getByRole("dialog", { name: "Add a contact" });
	await dialog.getByLabel("Account name").fill(name);
	await dialog.getByRole("button", { name: "Find", exact: true }).click();
	await dialog.getByLabel("Greeting").fill(greeting);
	await dialog.getByRole("button", { name: "Send request" }).click();
	await dialog.waitFor({ state: "detached" });
}

/** Says yes to a request. */
export async function accept(person, name) {
	await goTo(person.page, "Contacts");
	await person.page.getByRole("button", { name: `Accept ${name}` }).click();
}

/** Two people, with a browser each, who are contacts. */
export async function befriend(one, other) {
	await ask(one, other.name, `It is ${one.name}`);
	await accept(other, one.name);
	await goTo(one.page, "Contacts");
	const people = one.page.locator(".people");
	await until("they are contacts", async () => {
		const said = await people.innerText();
		return said.includes(other.name) && !said.includes("Waiting for an answer");
	});
}

/** Opens somebody's card, by the list of contacts. */
export async function openCard(page, name) {
	await goTo(page, "Contacts");
	await page
		.locator(".people")
		.getByRole("link", { name: new RegExp(name) })
		.first()
		.click();
}

/** Opens the conversation with somebody, by their card: there may be nothing in it yet. */
export async function openChat(page, name) {
	await openCard(page, name);
	await page
		.getByRole("link", { name: "Message", exact: true })
		.or(page.getByRole("button", { name: "Message", exact: true }))
		.click();
	await page.getByRole("textbox", { name: `Write to ${name}` }).waitFor();
}

/** Writes in the conversation that is open. */
export async function write(page, ...texts) {
	const field = page.getByRole("textbox", { name: /^Write to / });
	for (const text of texts) {
		await field.fill(text);
		await page.getByRole("button", { name: "Send", exact: true }).click();
		await until("the field is empty again", async () => (await field.inputValue()) === "");
	}
}

/** The texts that stand in the open conversation, in order, as far as the page holds them. */
export async function shownTexts(page) {
	return page.locator(".bubble-text").allInnerTexts();
}

/** Waits until exactly these stand there, each once, and in this order. */
export async function sees(page, texts, ms = PATIENCE_MS) {
	let shown = [];
	const want = JSON.stringify(texts);
	await until(`to see ${want}`, async () => JSON.stringify((shown = await shownTexts(page))) === want, ms).catch(
		(error) => {
			throw new Error(`${error.message}\n  seen: ${JSON.stringify(shown)}`);
		},
	);
}

/** Waits until nothing in the open conversation is on its way any more. */
export async function allSent(page, ms = PATIENCE_MS) {
	await until("all is sent", async () => (await page.locator(".message-sending, .message-failed").count()) === 0, ms);
}
