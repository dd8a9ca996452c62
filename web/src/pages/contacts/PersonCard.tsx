/** PersonCard.tsx - who somebody is: avatar, names, signature. */
import type { Profile } from "hongyan";
import { Avatar } from "../../design/Avatar.tsx";
import { titleOf } from "./people.ts";
import "./PersonCard.css";

/** What PersonCard takes. */
export interface PersonCardProps {
	person: Profile & { remark?: string };
	/** Within something else that has a title. */
	small?: boolean;
	/** The name is a heading of the page already, which is heard: here it is only seen. */
	nameIsHeard?: boolean;
}

/** From here on a name is set smaller. */
const LONG = 24;

/** Everything in the middle, one below the other. */
export function PersonCard({ person, small, nameIsHeard }: PersonCardProps) {
	const title = titleOf(person);
	const size = small || title.length > LONG ? "person-title person-title-small" : "person-title";
	return (
		<div class="person-card">
			<Avatar uin={person.uin} name={title} colour={person.avatarColour} size={small ? 64 : 96} />
			<p class={size} aria-hidden={nameIsHeard ? "true" : undefined}>
				{title}
			</p>
			<p class="person-name muted">@{person.name}</p>
			{person.signature && <p class="person-signature">{person.signature}</p>}
		</div>
	);
}
