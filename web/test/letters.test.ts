import assert from "node:assert/strict";
import { test } from "node:test";
import { compareLetters, compareNames, folded, initialsOf, letterOf } from "../src/pages/contacts/letters.ts";

test("a name's letter: Latin without accents, Chinese by pinyin, other capitals, else #", () => {
	const letters = {
		ann: "A",
		Émile: "E",
		" Öster": "O",
		王芳: "W",
		李伟: "L",
		阿明: "A",
		欧阳: "O",
		赵: "Z",
		Анна: "А",
		"007": "#",
		"🪿 goose": "#",
		さくら: "#",
		"": "#",
	};
	for (const [name, letter] of Object.entries(letters)) assert.equal(letterOf(name), letter, name);
});

test("surnames are read as surnames, the same character in other words is not", () => {
	assert.equal(letterOf("曾国藩"), "Z");
	assert.equal(letterOf("曾经沧海难为水"), "C");
	assert.equal(letterOf("区先生"), "O");
});

test("every letter that begins a syllable", () => {
	const names = [..."安波曹邓鄂方高何江孔林马倪欧彭钱任孙唐吴徐杨周"];
	assert.equal(names.map(letterOf).join(""), "ABCDEFGHJKLMNOPQRSTWXYZ");
});

test("letters: A to Z, then other scripts, then the rest", () => {
	assert.deepEqual(["#", "Б", "Z", "А", "B", "A"].sort(compareLetters), ["A", "B", "Z", "А", "Б", "#"]);
});

test("names of one letter: which script is first depends on the language", () => {
	const names = ["王芳", "Wendy", "吴磊", "william", "Bob", "白云", "9", "阿明"];
	assert.deepEqual(
		[...names].sort((a, b) => compareNames(a, b, false)),
		["阿明", "Bob", "白云", "Wendy", "william", "王芳", "吴磊", "9"],
	);
	assert.deepEqual(
		[...names].sort((a, b) => compareNames(a, b, true)),
		["阿明", "白云", "Bob", "王芳", "吴磊", "Wendy", "william", "9"],
	);
});

test("numbers in names are compared as numbers", () => {
	assert.ok(compareNames("Team 9", "Team 10", false) < 0);
});

test("initials", () => {
	assert.equal(initialsOf("王小明"), "wxm");
	assert.equal(initialsOf("曾国藩"), "zgf");
	assert.equal(initialsOf("Ann Lee 2"), "al");
	assert.equal(initialsOf("🪿"), "");
});

test("folding takes case and accents away", () => {
	assert.equal(folded("ÉmiLe Ｂ"), "emile b");
});
