import assert from "node:assert/strict";
import { test } from "node:test";
import { byteLength, excessOf, problemOf } from "../src/pages/contacts/plain_text.ts";
import { AVATAR_COLOURS, avatarColour, readableOn } from "../src/design/avatar_colour.ts";
import { COLOURS } from "../src/pages/me/colours.ts";

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

/** Contrast of two colours, 1 to 21, as WCAG defines it. */
function contrast(a: number, b: number): number {
	const luminance = (colour: number) => {
		const parts = [colour >> 16, (colour >> 8) & 255, colour & 255].map((byte) => {
			const part = byte / 255;
			return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
		});
		const [red = 0, green = 0, blue = 0] = parts;
		return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
	};
	const [one, other] = [luminance(a), luminance(b)];
	return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

test("how much too long a text is, in characters as people count them", () => {
	assert.equal(excessOf("abc", 3), 0);
	assert.equal(excessOf("abcd", 3), 1);
	assert.equal(excessOf("鸿雁", 5), 1);
	assert.equal(excessOf("ab🪿🪿", 5), 2);
	assert.equal(excessOf("a".repeat(5000), 64), 4936);
});

test("every colour of avatars has a name, carries white letters, and stands out from both pages", () => {
	assert.equal(COLOURS.length, AVATAR_COLOURS.length);
	assert.equal(new Set(COLOURS.map(({ colour }) => colour)).size, COLOURS.length);
	for (const { name, colour } of COLOURS) {
		assert.ok(contrast(colour, 0xffffff) >= 4.5, `${name} under white: ${contrast(colour, 0xffffff)}`);
		assert.ok(contrast(colour, 0x181c1f) >= 2.4, `${name} on dark: ${contrast(colour, 0x181c1f)}`);
		assert.equal(readableOn(avatarColour(1, colour)), "#ffffff");
	}
});

test("who has chosen no colour has one that goes by the number, and always the same", () => {
	assert.equal(avatarColour(4711), avatarColour(4711));
	const seen = new Set(Array.from({ length: 500 }, (_, i) => avatarColour(100000 + i)));
	assert.equal(seen.size, AVATAR_COLOURS.length);
});
