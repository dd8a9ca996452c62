/** MePage.tsx - oneself, and the sections of what can be set. */
import { useState } from "preact/hooks";
import { Avatar } from "../../design/Avatar.tsx";
import { Icon } from "../../design/Icon.tsx";
import { ListRow } from "../../design/ListRow.tsx";
import { PageHeader } from "../../design/PageHeader.tsx";
import { Skeleton } from "../../design/Skeleton.tsx";
import { me } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { href } from "../../state/route.ts";
import { titleOf } from "../contacts/people.ts";
import { SECTIONS, sectionOf } from "./sections.ts";
import { SignOutDialog } from "./SignOutDialog.tsx";
import "./MePage.css";

function Oneself({ current }: { current: boolean }) {
	const who = me.value;
	if (!who)
		return (
			<div class="me-oneself-skeleton">
				<Skeleton width="56px" height="56px" round />
				<Skeleton width="120px" height="16px" />
			</div>
		);
	const name = titleOf(who);
	return (
		<ListRow
			href={href("me", "profile")}
			current={current}
			leading={<Avatar uin={who.uin} name={name} colour={who.avatarColour} size={56} />}
			title={<span class="me-name">{name}</span>}
			subtitle={who.signature || `@${who.name}`}
		/>
	);
}

/** `section`: which is open; empty: none on a phone, the first one beside the list elsewhere. */
export function MePage({ section }: { section: string }) {
	const [leaving, setLeaving] = useState(false);
	const current = sectionOf(section);
	return (
		<>
			<PageHeader title={t.me.title} />
			<div class="me-scroll">
				<ul class={section ? "me-list" : "me-list me-list-closed"} aria-label={t.me.title}>
					<Oneself current={current === "profile"} />
					{SECTIONS.filter(({ name }) => name !== "profile").map(({ name, icon }) => (
						<ListRow
							key={name}
							href={href("me", name)}
							current={current === name}
							leading={
								<span class="me-icon">
									<Icon name={icon} />
								</span>
							}
							title={t.me.sections[name]}
							aside={<Icon name="chevronRight" size={18} />}
						/>
					))}
					<ListRow
						onClick={() => setLeaving(true)}
						leading={
							<span class="me-icon me-icon-danger">
								<Icon name="signOut" />
							</span>
						}
						title={<span class="me-danger">{t.me.signOut}</span>}
					/>
				</ul>
			</div>
			{leaving && <SignOutDialog onClose={() => setLeaving(false)} />}
		</>
	);
}
