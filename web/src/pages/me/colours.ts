/** colours.ts - the colours that people choose from for their avatar, each with a name that can be said. */
import { AVATAR_COLOURS } from "../../design/avatar_colour.ts";

/** Keys of the texts, in the order of AVATAR_COLOURS. */
const COLOUR_NAMES = [
	"teal",
	"blue",
	"indigo",
	"purple",
	"raspberry",
	"red",
	"amber",
	"olive",
	"green",
	"slate",
] as const;

type ColourName = (typeof COLOUR_NAMES)[number];

/** What can be chosen. 0xRRGGBB. */
export const COLOURS: readonly { name: ColourName; colour: number }[] = COLOUR_NAMES.map((name, i) => ({
	name,
	colour: AVATAR_COLOURS[i] ?? 0,
}));
