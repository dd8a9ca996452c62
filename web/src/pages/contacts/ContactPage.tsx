/** ContactPage.tsx - somebody's card, and what can be done about them. */
import type { Contact, Uin } from "hongyan";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Banner } from "../../design/Banner.tsx";
import { Button } from "../../design/Button.tsx";
import { ConfirmDialog } from "../../design/ConfirmDialog.tsx";
import type { IconName } from "../../design/Icon.tsx";
import { Skeleton } from "../../design/Skeleton.tsx";
import { toast } from "../../design/Toast.tsx";
import { client, conversations } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { go, href } from "../../state/route.ts";
import { accept, decline, remove, tidy, unblock, withdraw } from "./actions.ts";
import { AskDialog } from "./AskDialog.tsx";
import { ContactFacts } from "./ContactFacts.tsx";
import { Deed } from "./Deed.tsx";
import { NotKnown } from "./NotKnown.tsx";
import { PersonCard } from "./PersonCard.tsx";
import { possibleWith, standingOf, titleOf, type Standing } from "./people.ts";
import { whenReached } from "./reached.ts";
import { RemarkDialog } from "./RemarkDialog.tsx";
import { Sheet } from "./Sheet.tsx";
import { useBusy } from "./use_busy.ts";
import { usePerson, type Person } from "./use_person.ts";
import "./ContactPage.css";

type Open = "" | "remark" | "ask" | "block";

const ICONS: Record<Standing, IconName> = {
	none: "person",
	outgoing: "clock",
	incoming: "userPlus",
	contact: "check",
	ended: "info",
	blocked: "block",
	gone: "info",
};

/** How the two stand, where that is not simply "contacts", and the words that went with the request. */
function StandingNote({ contact }: { contact: Contact }) {
	const standing = standingOf(contact);
	const asking = standing === "incoming" || standing === "outgoing";
	if (standing === "contact") return null;
	return (
		<Banner kind={standing === "blocked" ? "warn" : "info"} icon={ICONS[standing]}>
			{t.contacts.standing[standing]}
			{asking && contact.greeting && (
				<blockquote class="contact-greeting">
					<span class="sr-only">
						{standing === "incoming" ? t.contacts.theirGreeting : t.contacts.yourGreeting}:{" "}
					</span>
					{contact.greeting}
				</blockquote>
			)}
		</Banner>
	);
}

/** The main thing to do, as buttons. */
function MainButtons({ contact, onOpen }: { contact: Contact; onOpen: (open: Open) => void }) {
	const [busy, run] = useBusy();
	const can = possibleWith(contact);
	const talked = (conversations.value ?? []).some((one) => one.peer === contact.uin && one.count > 0);
	const chat = href("chats", contact.uin);
	return (
		<div class="contact-buttons">
			{can.write && (
				<Button kind="primary" icon="chats" onClick={() => go(chat)}>
					{t.contacts.message}
				</Button>
			)}
			{can.decline && (
				<Button
					busy={busy === "decline"}
					disabled={busy === "accept"}
					onClick={() => void run("decline", () => decline(contact))}
				>
					{t.contacts.decline}
				</Button>
			)}
			{can.accept && (
				<Button
					kind="primary"
					icon="check"
					busy={busy === "accept"}
					disabled={busy === "decline"}
					onClick={() => void run("accept", () => accept(contact))}
				>
					{t.contacts.accept}
				</Button>
			)}
			{can.ask && (
				<Button kind="primary" icon="userPlus" onClick={() => onOpen("ask")}>
					{contact.relation === "ended" ? t.contacts.askAgain : t.contacts.ask}
				</Button>
			)}
			{can.withdraw && (
				<Button
					icon="undo"
					busy={busy === "withdraw"}
					onClick={() => void run("withdraw", () => withdraw(contact))}
				>
					{t.contacts.withdraw}
				</Button>
			)}
			{can.unblock && (
				<Button
					icon="check"
					busy={busy === "unblock"}
					onClick={() => void run("unblock", () => unblock(contact))}
				>
					{t.contacts.unblock}
				</Button>
			)}
			{!can.write && talked && (
				<Button icon="chats" onClick={() => go(chat)}>
					{t.contacts.history}
				</Button>
			)}
		</div>
	);
}

/** Further things to do, each with what it means. */
function Deeds({ contact, onOpen }: { contact: Contact; onOpen: (open: Open) => void }) {
	const [busy, run] = useBusy();
	const can = possibleWith(contact);
	const isContact = contact.relation === "contact" && !contact.gone;
	if (!can.block && !can.remove) return null;
	return (
		<ul class="card deeds">
			{can.block && (
				<Deed
					icon="block"
					title={t.contacts.block}
					hint={t.contacts.blockHint}
					busy={busy !== ""}
					onClick={() => onOpen("block")}
				/>
			)}
			{can.remove && (
				<Deed
					danger
					icon="trash"
					title={isContact ? t.contacts.remove : t.contacts.tidy}
					hint={isContact ? t.contacts.removeHint : t.contacts.tidyHint}
					busy={busy !== ""}
					onClick={() => void run("remove", () => (isContact ? remove(contact) : tidy(contact)))}
				/>
			)}
		</ul>
	);
}

function Dialogs({ open, contact, onClose }: { open: Open; contact: Contact; onClose: () => void }) {
	const name = titleOf(contact);
	if (open === "remark") return <RemarkDialog contact={contact} onClose={onClose} />;
	if (open === "ask") return <AskDialog contact={contact} onClose={onClose} />;
	if (open !== "block") return null;
	const block = async () => {
		await whenReached(() => client.blockContact(contact.uin, true));
		toast({ about: contact.uin, text: t.contacts.said.blocked(name) });
	};
	return (
		<ConfirmDialog
			danger
			title={t.contacts.blockTitle(name)}
			action={t.contacts.block}
			onConfirm={block}
			onClose={onClose}
		>
			{t.contacts.blockText}
		</ConfirmDialog>
	);
}

/** What was pressed may be gone once the two stand otherwise: the focus goes to the card then. */
function useKeptFocus(standing: Standing, open: Open) {
	const card = useRef<HTMLDivElement>(null);
	const before = useRef(standing + open);
	useLayoutEffect(() => {
		const changed = before.current !== standing + open;
		before.current = standing + open;
		if (changed && document.activeElement === document.body) card.current?.focus();
	}, [standing, open]);
	return card;
}

function Card({ contact, stranger }: Person) {
	const [open, setOpen] = useState<Open>("");
	const standing = standingOf(contact);
	const card = useKeptFocus(standing, open);
	return (
		<div class="sheet-body" ref={card} tabIndex={-1}>
			<PersonCard person={contact} nameIsHeard />
			<StandingNote contact={contact} />
			<MainButtons key={`main-${standing}`} contact={contact} onOpen={setOpen} />
			<ContactFacts contact={contact} onRemark={stranger ? undefined : () => setOpen("remark")} />
			<Deeds key={`deeds-${standing}`} contact={contact} onOpen={setOpen} />
			<Dialogs open={open} contact={contact} onClose={() => setOpen("")} />
		</div>
	);
}

function CardSkeleton() {
	return (
		<div class="sheet-body" role="status">
			<span class="sr-only">{t.common.loading}</span>
			<div class="contact-skeleton">
				<Skeleton width="96px" height="96px" round />
				<Skeleton width="180px" height="28px" />
				<Skeleton width="110px" height="16px" />
			</div>
		</div>
	);
}

/** `uin`: whose card. */
export function ContactPage({ uin }: { uin: Uin }) {
	const person = usePerson(uin);
	if (person === null) return <NotKnown backTo="#/contacts" />;
	return (
		<Sheet quiet title={person ? titleOf(person.contact) : t.contacts.title} backTo="#/contacts">
			{person ? <Card {...person} /> : <CardSkeleton />}
		</Sheet>
	);
}
