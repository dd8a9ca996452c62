/** MeSection.tsx - one section of what can be set. */
import type { ComponentType } from "preact";
import { t } from "../../state/language.ts";
import { Sheet } from "../contacts/Sheet.tsx";
import { AboutSection } from "./AboutSection.tsx";
import { LooksSection } from "./LooksSection.tsx";
import { PrivacySection } from "./PrivacySection.tsx";
import { ProfileSection } from "./ProfileSection.tsx";
import { SecuritySection } from "./SecuritySection.tsx";
import { sectionOf, type SectionName } from "./sections.ts";

const BODIES: Record<SectionName, ComponentType> = {
	profile: ProfileSection,
	privacy: PrivacySection,
	security: SecuritySection,
	looks: LooksSection,
	about: AboutSection,
};

/** An empty or unknown name is the first one's. */
export function MeSection({ section }: { section: string }) {
	const name = sectionOf(section);
	const Body = BODIES[name];
	return (
		<Sheet key={name} title={t.me.sections[name]} backTo="#/me">
			<div class="sheet-body">
				<Body />
			</div>
		</Sheet>
	);
}
