/**
 * looks.mjs - every page on a phone and at a desk, light and dark, in English and Chinese, and on a tablet:
 * axe-core finds nothing serious, nothing hangs out at the side, and a picture is left for whoever wants to look.
 */
import { accessibility, Person, Server, shoot, test, until } from "./harness.mjs";

const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } };
/** Two panes, as narrow as they become. */
const TABLET = { width: 720, height: 1024 };

/** The pages, by their address; `desk`: shows the same as another one there. */
const PAGES = [
	{ name: "chats", at: "#/chats" },
	{ name: "conversation", at: (uins) => `#/chats/${uins.friend}` },
	{ name: "contacts", at: "#/contacts" },
	{ name: "contact", at: (uins) => `#/contacts/${uins.friend}` },
	{ name: "me", at: "#/me" },
	{ name: "profile", at: "#/me/profile" },
	{ name: "privacy", at: "#/me/privacy" },
	{ name: "security", at: "#/me/security" },
	{ name: "looks", at: "#/me/looks" },
	{ name: "about", at: "#/me/about" },
];

/** Whether something makes the page wider than the window. */
async function hangsOut(page) {
	return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}

async function look(page, name) {
	await page.waitForTimeout(150);
	await shoot(page, name);
	const found = await accessibility(page);
	if (await hangsOut(page)) found.push("it is wider than the window");
	return found.map((one) => `${name}: ${one}`);
}

/** Of the first demo user: whose conversation has the most in it. */
async function friendOf(page) {
	const first = page.locator(".chats-scroll li a").first();
	await first.waitFor();
	return Number(/\d+$/.exec(await first.getAttribute("href"))[0]);
}

async function lookAtAll(browser, server, options, name) {
	const person = await Person.open(browser, server, options);
	const found = [];
	await Person.witness(async () => {
		const { page } = person;
		const demo = page.locator(".welcome-demo-user").first();
		await demo.waitFor();
		found.push(...(await look(page, `${name}-welcome`)));
		await demo.click();
		const uins = { friend: await friendOf(page) };
		await until(
			"the demo's messages have come",
			async () => (await page.locator(".chats-scroll li a").count()) > 2,
		);
		for (const { name: what, at } of PAGES) {
			await page.evaluate((hash) => (location.hash = hash), typeof at === "string" ? at : at(uins));
			found.push(...(await look(page, `${name}-${what}`)));
		}
	}, person);
	if (found.length > 0) throw new Error(found.join("\n"));
}

/** All of it. */
export async function looks(browser) {
	const server = await Server.start("--demo");
	for (const [size, viewport] of Object.entries(SIZES))
		for (const dark of [false, true])
			for (const language of ["en", "zh"]) {
				const name = `${size}-${dark ? "dark" : "light"}-${language}`;
				await test(`all pages can be used by everybody: ${name}`, () =>
					lookAtAll(browser, server, { size: viewport, dark, language }, name));
			}
	await test("all pages can be used by everybody: tablet", () =>
		lookAtAll(browser, server, { size: TABLET }, "tablet"));
	await server.end();
}
