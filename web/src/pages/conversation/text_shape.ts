/**
 * text_shape.ts - what can be told of a text without drawing it: its lines, its direction, whether it is emoji alone.
 */

/** What a message's text may have, in UTF-8. */
export const TEXT_BYTES_MAX = 8192;

const PICTURE = "\\p{Extended_Pictographic}(?:\\uFE0F|\\p{EMod})?";
/** A flag, a digit on a key, or a picture, perhaps several that are joined into one. */
const ONE_EMOJI = new RegExp(`\\p{RI}\\p{RI}|[0-9#*]\\uFE0F?\\u20E3|${PICTURE}(?:\\u200D${PICTURE})*`, "gu");

/**
 * How many emoji a text has if it has nothing else but white space; 0 if it has, or more than three: those are not
 * drawn large.
 */
export function emojiCount(text: string): number {
	if (text.length > 48 || /[©®™\n]/.test(text)) return 0;
	const found = text.match(ONE_EMOJI)?.length ?? 0;
	return found <= 3 && text.replace(ONE_EMOJI, "").trim() === "" ? found : 0;
}

/** Chinese, Japanese and Korean signs, and emoji, are about twice as wide as Latin letters. */
function isWide(unit: number): boolean {
	return unit >= 0x1100 && !(unit >= 0x2000 && unit < 0x2e80);
}

/** About how many lines a text takes where a line has so many Latin letters. */
export function lineCount(text: string, letters: number): number {
	let lines = 1;
	let column = 0;
	for (let i = 0; i < text.length; i++) {
		const unit = text.charCodeAt(i);
		if (unit === 10) {
			lines++;
			column = 0;
			continue;
		}
		column += isWide(unit) ? 1.9 : 1;
		if (column > letters) {
			lines++;
			column = 1;
		}
	}
	return lines;
}

/** A text is shown in part at first if it has clearly more lines than this even in a wide bubble. */
export const LINES_SHOWN = 20;

/** It is to be shown in part at first. */
export function isLong(text: string): boolean {
	return text.length > LINES_SHOWN && lineCount(text, 76) > LINES_SHOWN + 3;
}

/** Hebrew, Arabic and their neighbours are somewhere in it. */
export function hasRightToLeft(text: string): boolean {
	return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b][\udc00-\udfff]/.test(text);
}
