/** conversation.test.ts - what a conversation shows: links, long texts, emoji, days, groups. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "hongyan";
import { dayNumber } from "../src/pages/conversation/days.ts";
import { linkify } from "../src/pages/conversation/linkify.ts";
import { makeRows, type Row } from "../src/pages/conversation/rows.ts";
import { emojiCount, hasRightToLeft, isLong, lineCount } from "../src/pages/conversation/text_shape.ts";

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
		["https://a.example/\u061cb", ["https://a.example/"]],
		["https://bank.example\u3164.evil.example", ["https://bank.example/"]],
		["https://bank.example\u2044sign-in.evil.example", ["https://bank.example/"]],
		["https://bank.example\u2215sign-in.evil.example", ["https://bank.example/"]],
		["https://bank.exam\u00adple.evil.example", ["https://bank.exam/"]],
		["<https://example.org>", ["https://example.org/"]],
		[`https://example.org/${"a".repeat(3000)}`, []],
		["see www.example.org/a, or WWW.example.ORG!", ["https://www.example.org/a", "https://www.example.org/"]],
		["看www.example.org，很好", ["https://www.example.org/"]],
		["www. www.x www..org xwww.example.org /www.example.org éwww.example.org", []],
		["www.bank.example@evil.example www.bank.example:x@evil.example", []],
		["www.bank.example\u2044sign-in.evil.example", ["https://www.bank.example/"]],
		["mail Ann.B+c@mail.example.org.", ["mailto:Ann.B+c@mail.example.org"]],
		["邮箱ann@example.org，<bob@example.org>", ["mailto:ann@example.org", "mailto:bob@example.org"]],
		["jürgen@example.org ann@example.orgé a\u200bnn@example.org ann@example.org\u200b", []],
		["a@b @ann a@localhost .a@b.org a@-b.org a@b.org- a@b.1 a@b@c.org a..b@", []],
		["mailto:ann@example.org?bcc=all", ["mailto:ann@example.org"]],
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
	linkify("www.".repeat(2048));
	linkify("a".repeat(8192));
	linkify(`${"a".repeat(64)}@`.repeat(126));
	linkify(`a@${"b.".repeat(4000)}`);
	linkify(`a@${"-".repeat(60)}.`.repeat(130));
	assert.ok(performance.now() - started < 500);
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

test("days follow each other by one, whatever the month", () => {
	assert.equal(dayNumber(at("2026-03-01T00:00:00")) - dayNumber(at("2026-02-28T23:59:59")), 1);
	assert.equal(dayNumber(at("2026-03-04T23:59:59")), dayNumber(at("2026-03-04T00:00:00")));
	for (let day = 1; day < 800; day++) {
		const noon = new Date(2025, 0, day, 12).getTime();
		assert.equal(dayNumber(new Date(2025, 0, day + 1).getTime()) - dayNumber(noon), 1);
	}
});

test("texts that are written from right to left are known", () => {
	for (const text of ["שלום", "hello مرحبا", "\u{1e900}"]) assert.equal(hasRightToLeft(text), true, text);
	for (const text of ["", "hello", "鸿雁 😀"]) assert.equal(hasRightToLeft(text), false, text);
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
