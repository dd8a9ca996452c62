/** avatar_colour.ts - which colour stands for somebody, and what can be read on it. */

/** What people can choose from; white is readable on each. */
export const AVATAR_COLOURS: readonly number[] = [
	0x0d6b62, 0x2d6a9f, 0x5557a8, 0x86478f, 0xa83a63, 0xb4412f, 0x99580e, 0x6a6a1c, 0x3f7439, 0x56616b,
];

const WHITE = "#ffffff";
const INK = "#000000";

/** "#rrggbb": the colour that was chosen, or one that goes by the UIN alone. */
export function avatarColour(uin: number, chosen = 0): string {
	const spread = Math.imul(uin ^ (uin >>> 15), 0x9e3779b1) >>> 16;
	const colour = chosen || AVATAR_COLOURS[spread % AVATAR_COLOURS.length] || 0;
	return `#${(colour & 0xffffff).toString(16).padStart(6, "0")}`;
}

function luminance(colour: string): number {
	const value = parseInt(colour.slice(1), 16);
	const linear = [value >> 16, (value >> 8) & 255, value & 255].map((byte) => {
		const part = byte / 255;
		return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
	});
	const [red = 0, green = 0, blue = 0] = linear;
	return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** White where that has a contrast of 4.5 on "#rrggbb", else black, which has it then. */
export function readableOn(colour: string): string {
	return 1.05 / (luminance(colour) + 0.05) >= 4.5 ? WHITE : INK;
}

/** The first letter or character, as people see one: an emoji of several code points is one. */
export function initialOf(name: string): string {
	const first = firstCharacter(name.trim());
	return first ? first.toLocaleUpperCase() : "?";
}

function firstCharacter(text: string): string {
	if (typeof Intl.Segmenter === "function")
		for (const { segment } of new Intl.Segmenter().segment(text)) return segment;
	return Array.from(text)[0] ?? "";
}
