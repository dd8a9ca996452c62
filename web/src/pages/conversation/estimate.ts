/**
 * estimate.ts - about how high a row will be, before it was ever drawn. Being wrong costs nothing but a scroll bar that
 * jumps a bit.
 */
import type { Row } from "./rows.ts";
import { emojiCount, isLong, lineCount, LINES_SHOWN } from "./text_shape.ts";

const LINE = 22;
const LETTER = 7.6;
/** Of a bubble: its padding, and the part of the width that it may take; both as in MessageBubble.css. */
const FRAME = 14;
const BUBBLE_MOST = 560;

/** In CSS pixels, in a list of `width`. */
export function estimateHeight(row: Row, width: number): number {
	if (row.kind !== "message") return 44;
	const gap = row.opens ? 10 : 2;
	if (emojiCount(row.message.text) > 0) return 76 + gap;
	const inside = Math.min(BUBBLE_MOST, (width || 360) * 0.8) - 24;
	const lines = lineCount(row.message.text, Math.max(10, inside / LETTER));
	const shown = isLong(row.message.text) ? LINES_SHOWN + 1 : lines;
	return gap + FRAME + shown * LINE + (row.message.state === "failed" ? 40 : 0);
}
