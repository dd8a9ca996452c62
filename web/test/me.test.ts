import assert from "node:assert/strict";
import { test } from "node:test";
import { byteLength, problemOf } from "../src/pages/contacts/plain_text.ts";
import { ago } from "../src/pages/me/ago.ts";
import { AVATAR_COLOURS, contrast, cssColour } from "../src/pages/me/colours.ts";

test("bytes are counted as UTF-8", () => {
	for (const text of ["", "ann", "é", "鸿雁", "🪿", "👨‍👩‍👧", "\ud800"])
		assert.equal(byteLength(text), new TextEncoder().encode(text).length, text);
});

test("a text that stands in one line", () => {
	assert.equal(problemOf("鸿".repeat(21), 64), null);
	assert.equal(problemOf("鸿".repeat(22), 64), "long");
	for (const text of ["a\nb", "a\u200bb", "\u202eabc", "\ufeffabc", "\u{e0001}"])
		assert.equal(problemOf(text, 64), "unseen");
	for (const text of ["👨‍👩‍👧", "❤️", "می‌خواهم", ""]) assert.equal(problemOf(text, 64), null, text);
});

test("every colour of avatars carries white letters, and stands out from both pages", () => {
	for (const { name, colour } of AVATAR_COLOURS) {
		assert.ok(contrast(colour, 0xffffff) >= 4.5, `${name} under white: ${contrast(colour, 0xffffff)}`);
		assert.ok(contrast(colour, 0x1b1f24) >= 2.4, `${name} on dark: ${contrast(colour, 0x1b1f24)}`);
	}
	assert.equal(cssColour(0x0a0b0c), "#0a0b0c");
});

test("how long ago", () => {
	const now = Date.UTC(2026, 5, 1);
	const before = (seconds: number, language = "en") => ago(now - seconds * 1000, now, language);
	assert.equal(before(20), "now");
	assert.equal(before(-500), "now");
	assert.equal(before(100), "1 minute ago");
	assert.equal(before(2 * 3600), "2 hours ago");
	assert.equal(before(86400), "yesterday");
	assert.equal(before(15 * 86400), "2 weeks ago");
	assert.equal(before(400 * 86400), "last year");
	assert.equal(before(300, "zh"), "5分钟前");
});
