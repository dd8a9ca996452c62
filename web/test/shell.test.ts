import "./browser.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { AVATAR_COLOURS, avatarColour, initialOf, readableOn } from "../src/design/avatar_colour.ts";
import { judgeName, judgePassword, nameOfInput } from "../src/pages/welcome/rules.ts";
import { problemOf } from "../src/pages/welcome/problems.ts";
import { withNote, type ToastNote } from "../src/design/Toast.tsx";
import { now } from "../src/state/clock.ts";
import { deviceName } from "../src/state/device_name.ts";
import { setLanguage, t } from "../src/state/language.ts";
import { href, parseRoute } from "../src/state/route.ts";
import { parseServerInfo } from "../src/state/server_info.ts";
import { en } from "../src/text/en.ts";
import { errorText } from "../src/text/errors.ts";
import { dayText, durationText, listTimeText, tabTitle, timeText, utf8Length } from "../src/text/format.ts";
import { zh } from "../src/text/zh.ts";
import { HongyanError } from "../../sdk/js/src/types.ts";

test("addresses: what is a page, what is not, and back again", () => {
	assert.deepEqual(parseRoute(""), { page: "chats", part: "", uin: 0 });
	assert.deepEqual(parseRoute("#/chats/42"), { page: "chats", part: "42", uin: 42 });
	assert.deepEqual(parseRoute("#/contacts"), { page: "contacts", part: "", uin: 0 });
	assert.deepEqual(parseRoute("#/me/devices"), { page: "me", part: "devices", uin: 0 });
	for (const hostile of ["#/nothing", "#//", "#/chats/-1", "#/chats/0", "#/chats/1e9", "#/chats/99999999999"])
		assert.deepEqual(parseRoute(hostile), { page: "chats", part: "", uin: 0 }, hostile);
	assert.deepEqual(parseRoute("#/contacts/nobody"), { page: "contacts", part: "", uin: 0 });
	assert.equal(href("chats", 42), "#/chats/42");
	assert.equal(href("me"), "#/me");
});

test("notes do not contradict each other, and are few", () => {
	const texts = (notes: readonly ToastNote[]) => notes.map((note) => note.text);
	const removed = withNote([], { text: "bob is no longer your contact", about: 2 });
	assert.deepEqual(texts(withNote(removed, { text: "bob is your contact again", about: 2 })), [
		"bob is your contact again",
	]);
	const both = withNote(removed, { text: "eve is blocked", about: 3 });
	assert.deepEqual(texts(both), ["bob is no longer your contact", "eve is blocked"]);
	assert.deepEqual(texts(withNote(both, { text: "Saved" })), ["eve is blocked", "Saved"]);
	assert.deepEqual(texts(withNote([{ text: "Saved" }], { text: "Saved" })), ["Saved"]);
});

test("the tab's title", () => {
	assert.equal(tabTitle("", 0), "Hongyan");
	assert.equal(tabTitle("", 3), "(3) Hongyan");
	assert.equal(tabTitle("Ben", 0), "Ben · Hongyan");
	assert.equal(tabTitle("Ben", 120), "(99+) Ben · Hongyan");
});

test("what a server says of itself, right or wrong", () => {
	const user = { name: "ann", password: "secret" };
	const told = { version: "1", registration: "invitation", demo: [user, { name: 3 }, null] };
	assert.deepEqual(parseServerInfo(told), { version: "1", registration: "invitation", demo: [user] });
	for (const nonsense of [null, 3, "x", [], { registration: "maybe", demo: {} }])
		assert.deepEqual(parseServerInfo(nonsense), { version: "", registration: "open", demo: [] });
});

function luminance(colour: string): number {
	const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
	const [r = 0, g = 0, b = 0] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
	const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
	return (light + 0.05) / (dark + 0.05);
}

test("an avatar's letter can be read, whatever its colour", () => {
	for (const colour of AVATAR_COLOURS) assert.equal(readableOn(avatarColour(1, colour)), "#ffffff");
	for (let colour = 1; colour < 0x1000000; colour += 0x1357) {
		const ground = avatarColour(1, colour);
		assert.ok(contrast(ground, readableOn(ground)) >= 4.5, ground);
	}
});

test("who has chosen no colour has one by the UIN, the same each time, and all are in use", () => {
	const seen = new Set(Array.from({ length: 200 }, (_, uin) => avatarColour(0x40000000 + uin * 7919)));
	assert.equal(seen.size, AVATAR_COLOURS.length);
	assert.equal(avatarColour(77), avatarColour(77));
	assert.equal(avatarColour(77, 0x00ff00), "#00ff00");
});

test("the first letter as people see it", () => {
	const initials = { ann: "A", " bo": "B", 王小雁: "王", "👨‍👩‍👧 us": "👨‍👩‍👧", "": "?", éa: "É" };
	for (const [name, letter] of Object.entries(initials)) assert.equal(initialOf(name), letter, name);
});

test("names and passwords as they are typed", () => {
	assert.equal(nameOfInput(" Ann B "), "annb");
	assert.deepEqual(judgeName("ann.b-1_x"), {});
	assert.ok(judgeName("annö").error);
	assert.ok(judgeName("a".repeat(33)).error);
	assert.ok(judgeName("an").missing);
	assert.deepEqual(judgePassword("12345678"), {});
	assert.deepEqual(judgePassword("雁雁雁"), {});
	assert.ok(judgePassword("1234567").missing);
	assert.ok(judgePassword("雁".repeat(43)).error);
	assert.equal(utf8Length("雁"), 3);
});

test("a refusal is said where it belongs, with what to do", () => {
	const of = (mode: "signIn" | "register", code: HongyanError["code"], byInvitation = false, retryMs = 0) =>
		problemOf(mode, "ann", byInvitation, new HongyanError(code, "the server's words", retryMs));
	assert.deepEqual(of("register", "ALREADY_EXISTS"), { field: "name", text: en.welcome.taken("ann") });
	assert.equal(of("register", "PERMISSION_DENIED", true).field, "invitation");
	assert.equal(of("register", "PERMISSION_DENIED").text, en.welcome.registrationOff);
	assert.equal(of("signIn", "UNAUTHENTICATED").text, en.welcome.wrong);
	assert.equal(of("signIn", "INVALID_ARGUMENT").text, en.welcome.wrong);
	assert.equal(of("signIn", "FAILED_PRECONDITION").more, en.welcome.plainRefusedText);
	assert.match(of("signIn", "RESOURCE_EXHAUSTED", false, 14 * 60_000).text, /14 minutes/);
	assert.match(errorText(new HongyanError("INTERNAL", "the server's words")), /the server's words/);
	assert.equal(errorText(new HongyanError("UNAVAILABLE", "no route")), en.errors.codes.UNAVAILABLE);
	assert.match(errorText(new Error("quota")), /quota/);
});

test("days and times, in either language", () => {
	const noon = new Date(2026, 2, 18, 12, 0).getTime();
	const daysAgo = (days: number) => new Date(2026, 2, 18 - days, 9, 5).getTime();
	now.value = noon;
	assert.equal(dayText(daysAgo(0)), "Today");
	assert.equal(dayText(daysAgo(1)), "Yesterday");
	assert.equal(dayText(daysAgo(2)), "Monday");
	assert.equal(dayText(daysAgo(40)), "6 February");
	assert.equal(dayText(daysAgo(400)), "11 February 2025");
	assert.equal(listTimeText(daysAgo(0)), timeText(daysAgo(0)));
	assert.equal(listTimeText(daysAgo(1)), "Yesterday");
	assert.equal(durationText(1), "1 second");
	assert.equal(durationText(14 * 60_000), "14 minutes");
	setLanguage("zh");
	assert.equal(dayText(daysAgo(0)), "今天");
	assert.equal(dayText(daysAgo(1)), "昨天");
	assert.equal(t.welcome.signIn, "登录");
	assert.match(durationText(14 * 60_000), /14\s?分钟/);
	setLanguage("en");
	assert.equal(t.welcome.signIn, "Sign in");
});

test("a browser's name for itself", () => {
	const chrome =
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
	const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1";
	assert.equal(deviceName(chrome), "Chrome, Linux");
	assert.equal(deviceName(iphone), "Safari, iPhone");
	assert.equal(deviceName("curl/8"), "Browser");
});

function wordsOf(table: object, path = ""): Map<string, unknown> {
	const words = new Map<string, unknown>();
	for (const [key, value] of Object.entries(table)) {
		const here = `${path}${key}`;
		if (typeof value === "object" && value !== null)
			for (const [k, v] of wordsOf(value, `${here}.`)) words.set(k, v);
		else words.set(here, value);
	}
	return words;
}

test("both languages say the same things, and Chinese says them in Chinese", () => {
	const english = wordsOf(en);
	const chinese = wordsOf(zh);
	assert.deepEqual([...chinese.keys()].sort(), [...english.keys()].sort());
	for (const [key, value] of chinese) {
		if (typeof value !== "string" || /^welcome\.titleOther|placeholder$/.test(key)) continue;
		if (value !== "" && /[a-z]{3}/i.test(String(english.get(key)))) assert.match(value, /\p{Script=Han}/u, key);
	}
});

test("in Chinese, a space stands between a Latin name and what is around it", () => {
	for (const [key, value] of wordsOf(zh)) {
		/* Of a time, which is Chinese itself. */
		if (/tooManyUntil|askedAgo/.test(key)) continue;
		const said: unknown = typeof value === "function" ? value("ann", "ann") : value;
		assert.doesNotMatch(String(said), /\p{Script=Han}[a-z0-9]|[a-z0-9]\p{Script=Han}/iu, key);
	}
});
