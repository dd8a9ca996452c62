/**
 * letters.ts - the letter under which a name stands in a list, and the order of names.
 *
 * Latin letters stand for themselves without their accents, Chinese characters for the first letter of their pinyin, which
 * the browser's own collation knows. Other scripts with capitals have letters of their own; the rest is "#", at the end.
 */

/** Under which names stand that begin with no letter. */
const OTHERS = "#";

const pinyin = new Intl.Collator("zh-u-co-pinyin", { numeric: true });

/** The first character of each letter in pinyin order. No syllable begins with I, U or V. */
const FIRST_CHARACTERS = "阿八嚓哒妸发旮哈讥咔垃痳拏噢妑七呥扨它穵夕丫帀";
const FIRST_LETTERS = "ABCDEFGHJKLMNOPQRSTWXYZ";

/** Surnames that are read otherwise than the same character in other words: a character that sounds like the surname. */
const SURNAMES: Record<string, string> = { 曾: "增", 仇: "求", 区: "欧", 查: "渣", 朴: "瓢" };

const HAN = /^\p{Script=Han}/u;

function pinyinLetter(character: string): string {
	let low = 0;
	let high = FIRST_CHARACTERS.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (pinyin.compare(FIRST_CHARACTERS.charAt(middle), character) <= 0) low = middle + 1;
		else high = middle;
	}
	return FIRST_LETTERS.charAt(low - 1) || OTHERS;
}

/** Whether it begins with a Chinese character. */
function isHan(name: string): boolean {
	return HAN.test(name);
}

/** As it is sorted: a surname's first character by how it sounds. */
function sounding(name: string): string {
	const surname = SURNAMES[name.charAt(0)];
	return surname && /^\p{Script=Han}{2,4}$/u.test(name) ? surname + name.slice(1) : name;
}

/** Lower case, without accents: what is compared when people search. */
export function folded(text: string): string {
	return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** "A" to "Z", another script's capital, or OTHERS. */
export function letterOf(name: string): string {
	const text = sounding(name.trim());
	if (isHan(text)) return pinyinLetter(String.fromCodePoint(text.codePointAt(0) ?? 0));
	const first = folded(text).charAt(0).toUpperCase();
	return first !== first.toLowerCase() ? first : OTHERS;
}

/** The first letters of the words and of the Chinese characters, folded: "wxm" of 王小明, "al" of Ann Lee. */
export function initialsOf(name: string): string {
	const words = name.match(/\p{Script=Han}|[^\s\p{Script=Han}]+/gu) ?? [];
	return words
		.map((word, i) => letterOf(i === 0 ? name : word))
		.filter((letter) => letter !== OTHERS)
		.join("")
		.toLowerCase();
}

function rank(letter: string): number {
	if (letter === OTHERS) return 2;
	return /^[A-Z]$/.test(letter) ? 0 : 1;
}

/** Letters as they follow each other: A to Z, other scripts, OTHERS. */
export function compareLetters(a: string, b: string): number {
	return rank(a) - rank(b) || pinyin.compare(a, b);
}

/**
 * Names as they follow each other in a list: by letter, then Latin ones before Chinese ones (`hanFirst`: behind them), then
 * as the collation has it.
 */
export function compareNames(a: string, b: string, hanFirst: boolean): number {
	const left = sounding(a.trim());
	const right = sounding(b.trim());
	const letters = compareLetters(letterOf(left), letterOf(right));
	if (letters !== 0) return letters;
	if (isHan(left) !== isHan(right)) return isHan(left) === hanFirst ? -1 : 1;
	return pinyin.compare(left, right);
}
