import assert from "node:assert/strict";
import { test } from "node:test";
import type { Contact } from "hongyan";
import {
	accountName,
	arrange,
	firstOf,
	inOrder,
	isAccountName,
	isFound,
	possibleWith,
	standingOf,
	titleOf,
} from "../src/pages/contacts/people.ts";

let nextUin = 1000;
function person(change: Partial<Contact>): Contact {
	return {
		uin: nextUin++,
		name: "ann",
		nickname: "",
		signature: "",
		region: "",
		avatarColour: 0,
		relation: "contact",
		remark: "",
		blocked: false,
		greeting: "",
		askedMs: 0,
		gone: false,
		...change,
	};
}
const can = (change: Partial<Contact>) =>
	Object.entries(possibleWith(person(change)))
		.filter(([, possible]) => possible)
		.map(([what]) => what)
		.join(" ");

test("a title is the remark, else the nickname, else the name, else the number", () => {
	assert.equal(titleOf(person({ remark: "Mum", nickname: "Annie" })), "Mum");
	assert.equal(titleOf(person({ nickname: "Annie" })), "Annie");
	assert.equal(titleOf(person({})), "ann");
	assert.equal(titleOf(person({ name: "", uin: 7 })), "#7");
});

test("what can be done follows from how the two stand", () => {
	assert.equal(can({ relation: "none" }), "ask remark block");
	assert.equal(can({ relation: "outgoing" }), "withdraw remark block");
	assert.equal(can({ relation: "incoming" }), "accept decline remark block");
	assert.equal(can({ relation: "contact" }), "write remove remark block");
	assert.equal(can({ relation: "ended" }), "ask remove remark block");
});

test("who is blocked can be let in again, or removed", () => {
	assert.equal(can({ relation: "contact", blocked: true }), "remove remark unblock");
	assert.equal(can({ relation: "incoming", blocked: true }), "remark unblock");
});

test("who is gone can only be tidied away", () => {
	assert.equal(can({ relation: "contact", gone: true }), "remove");
	assert.equal(can({ relation: "outgoing", gone: true }), "remove");
	assert.equal(can({ relation: "none", gone: true }), "");
	assert.equal(standingOf(person({ gone: true, blocked: true })), "gone");
});

test("the list: requests newest first, contacts by letter, what is past, who is blocked", () => {
	const people = arrange(
		[
			person({ uin: 1, name: "bob" }),
			person({ uin: 2, name: "x1", nickname: "白云" }),
			person({ uin: 3, name: "zed", remark: "Aunt" }),
			person({ uin: 4, name: "in1", relation: "incoming", askedMs: 10 }),
			person({ uin: 5, name: "in2", relation: "incoming", askedMs: 20 }),
			person({ uin: 6, name: "out", relation: "outgoing" }),
			person({ uin: 7, name: "over", relation: "ended" }),
			person({ uin: 8, name: "left", gone: true }),
			person({ uin: 9, name: "spam", relation: "incoming", blocked: true }),
			person({ uin: 10, name: "stranger", relation: "none" }),
			person({ uin: 11, name: "nobody", relation: "none", gone: true }),
		],
		"",
		false,
	);
	assert.deepEqual(
		people.letters.map(({ letter, contacts }) => [letter, contacts.map((c) => c.uin)]),
		[
			["A", [3]],
			["B", [1, 2]],
		],
	);
	assert.equal(people.count, 3);
	assert.deepEqual(inOrder(people), [5, 4, 6, 3, 1, 2, 8, 7, 9]);
});

test("the first of a list, part by part", () => {
	const many = arrange(
		[
			person({ uin: 1, relation: "incoming" }),
			person({ uin: 2, name: "ann" }),
			person({ uin: 3, name: "bob" }),
			person({ uin: 4, name: "bea" }),
			person({ uin: 5, relation: "ended" }),
		],
		"",
		false,
	);
	const order = inOrder(many);
	for (let rows = 0; rows <= 6; rows++) {
		const some = firstOf(many, rows);
		assert.deepEqual(inOrder(some), order.slice(0, rows));
		assert.equal(some.count, 3);
	}
	assert.deepEqual(
		firstOf(many, 3).letters.map((group) => group.letter),
		["A", "B"],
	);
});

test("the same name twice keeps one order", () => {
	const twins = [person({ uin: 22 }), person({ uin: 21 })];
	assert.deepEqual(inOrder(arrange(twins, "", false)), [21, 22]);
	assert.deepEqual(inOrder(arrange([...twins].reverse(), "", false)), [21, 22]);
});

test("a search looks at all names, without case and accents, and at initials", () => {
	const wang = person({ name: "fang88", nickname: "Émilie", remark: "王小芳" });
	for (const search of ["", " fang ", "EMIL", "小芳", "wxf", "w"]) assert.ok(isFound(wang, search), search);
	for (const search of ["xf", "bob", "芳小"]) assert.ok(!isFound(wang, search), search);
});

test("ten thousand contacts are arranged in no time that is felt", () => {
	const many = Array.from({ length: 10_000 }, (_, i) =>
		person({ name: `user${i}`, nickname: i % 2 ? "王" + i : "" }),
	);
	const begin = performance.now();
	arrange(many, "", true);
	assert.ok(performance.now() - begin < 2000);
});

test("account names as people type them", () => {
	assert.equal(accountName(" @Ann.Lee "), "ann.lee");
	assert.ok(isAccountName("ann.lee"));
	for (const name of ["an", "ann lee", "安安安", "a".repeat(33)]) assert.ok(!isAccountName(name), name);
});
