/** sections.ts - the parts of the page about oneself. */
import type { IconName } from "../../design/Icon.tsx";

/** As they stand in the address: #/me/profile. */
export type SectionName = "profile" | "privacy" | "security" | "looks" | "about";

/** In the order of the list; the profile has a row of its own above them. */
export const SECTIONS: readonly { name: SectionName; icon: IconName }[] = [
	{ name: "profile", icon: "person" },
	{ name: "privacy", icon: "shield" },
	{ name: "security", icon: "lock" },
	{ name: "looks", icon: "palette" },
	{ name: "about", icon: "info" },
];

/** What the address says; the first one for anything else. */
export function sectionOf(part: string): SectionName {
	return SECTIONS.find((section) => section.name === part)?.name ?? "profile";
}
