/** conversation.test.ts - what a conversation shows: links, lengths, emoji, days, groups. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "hongyan";
import { dayLabel, dayNumber, shortTime, untilMidnight } from "../src/pages/conversation/days.ts";
import { linkify } from "../src/pages/conversation/linkify.ts";
import { makeRows, type Row } from "../src/pages/conversation/rows.ts";
import { byteLength, emojiCount, isLong, lineCount } from "../src/pages/conversation/text_shape.ts";

const words = { today: "Today", yesterday: "Yesterday" };
const at = (text: string): number => new Date(text).getTime();

function message(seq: number, from: number, timeMs: number, more: Partial<Message> = {}): Message {
	const state = from === 1 ? "sent" : "received";
	return { key: `k${seq}`, peer: 2, seq, id: `${seq}`, from, fromName: "", timeMs, text: "hello", state, ...more };
}

test("links are found, without what ends the sentence", () => {
	const table: [string, string[]][] = [
		["see https://example.org/a?b=c#d.", ["https://example.org/a?b=c#d"]],
		["(http://example.org/x_(y))", ["http://example.org/x_(y)"]],
		["HTTPS://EXAMPLE.org!", ["https://example.org/"]],
		["看https://example.org/a，很好", ["https://example.org/a"]],
		["“https://example.org/q”。", ["https://example.org/q"]],
		["a http://x.org, b http://y.org", ["http://x.org/", "http://y.org/"]],
		["https://例子.测试/路", ["https://xn--fsqu00a.xn--0zwm56d/%E8%B7%AF"]],
		["http://[::1]:7600/a", ["http://[::1]:7600/a"]],
		["no link: example.org, ftp://x.org, javascript:alert(1)", []],
		["data:text/html,<b> and https://", []],
		["http://bank.example@evil.example/", []],
		["https://good.example/\u202egpj.exe", ["https://good.example/"]],
		["https://a.example/\u200bb", ["https://a.example/"]],
		["<https://example.org>", ["https://example.org/"]],
		[`https://example.org/${"a".repeat(3000)}`, []],
	];
	for (const [text, links] of table) {
		const pieces = linkify(text);
		assert.equal(pieces.map((piece) => piece.text).join(""), text);
		assert.deepEqual(
			pieces.flatMap((piece) => piece.href ?? []),
			links,
			text,
		);
	}
});

test("a long text of anything is cut into links in a moment", () => {
	const started = performance.now();
	linkify("https://".repeat(1024));
	linkify(`http://a.b/${")".repeat(8000)}`);
	linkify("http://x.y/(".repeat(600));
	assert.ok(performance.now() - started < 500);
});

test("bytes are those of UTF-8", () => {
	for (const text of ["", "abc", "é", "鸿雁", "😀", "a\ud800b", "\udc00", "\ud83d", "👨‍👩‍👧"]) {
		assert.equal(byteLength(text), new TextEncoder().encode(text).length, JSON.stringify(text));
	}
});

test("emoji alone are told from other texts", () => {
	const table: [string, number][] = [
		["😀", 1],
		["😀 👍🏽", 2],
		["👨‍👩‍👧", 1],
		["🇨🇳🇩🇪", 2],
		["❤️", 1],
		["1️⃣", 1],
		["🎉🎉🎉", 3],
		["🎉🎉🎉🎉", 0],
		["1", 0],
		["", 0],
		["ok 😀", 0],
		["©", 0],
	];
	for (const [text, count] of table) assert.equal(emojiCount(text), count, text);
});

test("lines are estimated, and long texts known", () => {
	assert.equal(lineCount("a", 40), 1);
	assert.equal(lineCount("a\nb\n", 40), 3);
	assert.equal(lineCount("x".repeat(81), 40), 3);
	assert.ok(lineCount("雁".repeat(40), 40) >= 2);
	assert.equal(isLong("short"), false);
	assert.equal(isLong("a line\n".repeat(22)), false);
	assert.equal(isLong("a line\n".repeat(30)), true);
	assert.equal(isLong("word ".repeat(500)), true);
	assert.equal(isLong("雁".repeat(1500)), true);
});

test("days have the names that people use", () => {
	const now = at("2026-03-04T12:00:00");
	const table: [string, string, string][] = [
		["2026-03-04T00:00:01", "Today", "12:00 AM"],
		["2026-03-03T23:59:59", "Yesterday", "Yesterday"],
		["2026-03-02T10:00:00", "Monday", "Mon"],
		["2026-02-26T10:00:00", "Thursday", "Thu"],
		["2026-02-25T10:00:00", "Wednesday, February 25", "Feb 25"],
		["2025-12-31T10:00:00", "December 31, 2025", "12/31/2025"],
		["2026-03-05T10:00:00", "Thursday, March 5", "Mar 5"],
	];
	for (const [time, long, short] of table) {
		assert.equal(dayLabel(at(time), now, "en-US", words), long);
		assert.equal(shortTime(at(time), now, "en-US", words).replace(/\s/g, " "), short);
	}
	assert.equal(dayLabel(at("2026-03-02T10:00:00"), now, "zh-CN", words), "星期一");
	assert.equal(dayNumber(at("2026-03-01T00:00:00")) - dayNumber(at("2026-02-28T23:59:59")), 1);
	assert.equal(untilMidnight(at("2026-03-04T23:00:00")), 3_600_000);
});

const kinds = (rows: readonly Row[]): string =>
	rows
		.map((row) =>
			row.kind === "message"
				? `${row.opens ? "(" : ""}${row.own ? "o" : "t"}${row.closes ? ")" : ""}`
				: row.kind[0],
		)
		.join("");

test("messages stand in groups by sender, pause and day", () => {
	const t = at("2026-03-04T12:00:00");
	const messages = [
		message(1, 2, t),
		message(2, 2, t + 60_000),
		message(3, 1, t + 61_000),
		message(4, 1, t + 20 * 60_000),
		message(5, 2, t + 86_400_000),
		message(6, 2, t + 86_400_001),
	];
	const all = { me: 1, messages, fromStart: true, newFromSeq: 0 };
	assert.equal(kinds(makeRows(all)), "d(tt)(o)(o)d(tt)");
	assert.equal(kinds(makeRows({ ...all, fromStart: false })), "(tt)(o)(o)d(tt)");
	assert.equal(kinds(makeRows({ ...all, newFromSeq: 2 })), "d(t)n(t)(o)(o)d(tt)");
	assert.equal(kinds(makeRows({ ...all, newFromSeq: 3 })), "d(tt)(o)(o)dn(tt)", "above a received one alone");
	assert.equal(kinds(makeRows({ ...all, newFromSeq: 9 })), "d(tt)(o)(o)d(tt)");
	assert.equal(kinds(makeRows({ ...all, messages: [] })), "");
});

test("rows that are as they were are the same objects", () => {
	const t = at("2026-03-04T12:00:00");
	const of = { me: 1, messages: [message(1, 2, t), message(2, 1, t)], fromStart: true, newFromSeq: 0 };
	const old = makeRows(of);
	const byKey = new Map(old.map((row) => [row.key, row]));
	const messages = [message(1, 2, t), message(2, 1, t, { state: "failed" }), message(3, 1, t)];
	const rows = makeRows({ ...of, messages }, byKey);
	assert.equal(rows[0], old[0]);
	assert.equal(rows[1], old[1]);
	assert.notEqual(rows[2], old[2]);
	assert.equal(new Set(rows.map((row) => row.key)).size, 4);
});
