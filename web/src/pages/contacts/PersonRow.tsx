/** PersonRow.tsx - somebody in the list of contacts, and who has asked the user. */
import type { Contact } from "hongyan";
import { Avatar } from "../../design/Avatar.tsx";
import { Button } from "../../design/Button.tsx";
import { ListRow } from "../../design/ListRow.tsx";
import { t } from "../../state/language.ts";
import { agoText } from "../../text/format.ts";
import { accept, decline, withdraw } from "./actions.ts";
import { standingOf, titleOf } from "./people.ts";
import { Spoken } from "./Spoken.tsx";
import { useBusy } from "./use_busy.ts";

/** Where somebody's card is. */
export function cardOf(uin: number): string {
	return `#/contacts/${uin}`;
}

/** What the second line says: of contacts the signature, of others how the two stand. */
function lineOf(contact: Contact): string | undefined {
	switch (standingOf(contact)) {
		case "ended":
			return t.contacts.declinedOrEnded;
		case "gone":
			return t.contacts.accountDeleted;
		case "outgoing":
			return t.contacts.askedAgo(agoText(contact.askedMs));
		default:
			return contact.signature || (titleOf(contact) !== contact.name ? `@${contact.name}` : undefined);
	}
}

function Face({ contact }: { contact: Contact }) {
	return <Avatar uin={contact.uin} name={titleOf(contact)} colour={contact.avatarColour} />;
}

/** Leads to the card. */
export function PersonRow({ contact, current }: { contact: Contact; current: boolean }) {
	return (
		<ListRow
			href={cardOf(contact.uin)}
			current={current}
			leading={<Face contact={contact} />}
			title={titleOf(contact)}
			subtitle={lineOf(contact)}
		/>
	);
}

/** Whom the user has asked; the question can be taken back. */
export function AskedRow({ contact, current }: { contact: Contact; current: boolean }) {
	const [busy, run] = useBusy();
	const name = titleOf(contact);
	return (
		<ListRow
			href={cardOf(contact.uin)}
			current={current}
			leading={<Face contact={contact} />}
			title={name}
			subtitle={lineOf(contact)}
			actions={
				<Button
					kind="quiet"
					small
					busy={busy !== ""}
					onClick={() => void run("withdraw", () => withdraw(contact))}
				>
					<Spoken seen={t.contacts.withdraw} heard={t.contacts.withdrawWho(name)} />
				</Button>
			}
		/>
	);
}

/** Who asks the user: the greeting, yes and no. The row leaves when the answer has come. */
export function RequestRow({ contact, current }: { contact: Contact; current: boolean }) {
	const [busy, run] = useBusy();
	const name = titleOf(contact);
	return (
		<li class={current ? "request request-current" : "request"}>
			<a class="request-who row-press" href={cardOf(contact.uin)} aria-current={current ? "true" : undefined}>
				<Face contact={contact} />
				<span class="request-words">
					<span class="row-title ellipsis">{name}</span>
					<span class="request-greeting">{contact.greeting || t.contacts.asks}</span>
				</span>
			</a>
			<span class="request-actions">
				<Button
					small
					disabled={busy === "accept"}
					busy={busy === "decline"}
					onClick={() => void run("decline", () => decline(contact))}
				>
					<Spoken seen={t.contacts.decline} heard={t.contacts.declineWho(name)} />
				</Button>
				<Button
					kind="primary"
					small
					disabled={busy === "decline"}
					busy={busy === "accept"}
					onClick={() => void run("accept", () => accept(contact))}
				>
					<Spoken seen={t.contacts.accept} heard={t.contacts.acceptWho(name)} />
				</Button>
			</span>
		</li>
	);
}
