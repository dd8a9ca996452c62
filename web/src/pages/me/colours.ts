/**
 * colours.ts - the colours that people choose from for their avatar.
 *
 * All of them carry white letters with a contrast of 4.5 to 1 or more, and stand out from a light and from a dark page
 * with 2.4 to 1 or more.
 */

/** Names are keys of the texts. */
export const AVATAR_COLOURS = [
	{ name: "red", colour: 0xc73a32 },
	{ name: "orange", colour: 0xb3541e },
	{ name: "amber", colour: 0x936600 },
	{ name: "green", colour: 0x3b7a3a },
	{ name: "teal", colour: 0x117a6e },
	{ name: "blue", colour: 0x2770b8 },
	{ name: "indigo", colour: 0x5b63c9 },
	{ name: "purple", colour: 0x8a4bb5 },
	{ name: "pink", colour: 0xbd3b77 },
	{ name: "slate", colour: 0x5f6f7f },
] as const;

export type ColourName = (typeof AVATAR_COLOURS)[number]["name"];

/** "#c73a32". */
export function cssColour(colour: number): string {
	return `#${colour.toString(16).padStart(6, "0")}`;
}

function channel(value: number): number {
	const part = value / 255;
	return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

/** Relative luminance, as WCAG defines it. */
function luminance(colour: number): number {
	return (
		0.2126 * channel((colour >> 16) & 0xff) +
		0.7152 * channel((colour >> 8) & 0xff) +
		0.0722 * channel(colour & 0xff)
	);
}

/** Contrast of two colours, 1 to 21, as WCAG defines it. */
export function contrast(a: number, b: number): number {
	const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
	return (light + 0.05) / (dark + 0.05);
}
