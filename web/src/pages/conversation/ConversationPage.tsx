/** ConversationPage.tsx - one conversation: who it is with, the messages, and where one writes. */
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Contact, Message } from "hongyan";
import { EmptyState } from "../../design/EmptyState.tsx";
import { toast } from "../../design/Toast.tsx";
import { client, contacts, contactsByUin, isKnown, nameOf, nameOfPeer, session } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { href } from "../../state/route.ts";
import { sendText } from "../../state/sending.ts";
import { errorText } from "../../text/errors.ts";
import { NotKnown } from "../contacts/NotKnown.tsx";
import { Composer, isTouchOnly } from "./Composer.tsx";
import { ConversationHeader } from "./ConversationHeader.tsx";
import { Draft } from "./draft.ts";
import { forgetLeftDrafts, leaveDraft, takeLeftDraft } from "./left_draft.ts";
import { MessageList, scrollBehavior } from "./MessageList.tsx";
import { Positions } from "./position.ts";
import { Room } from "./room.ts";
import type { Row } from "./rows.ts";
import { mayTry, Standing } from "./Standing.tsx";
import type { VirtualList } from "./VirtualList.tsx";
import "./ConversationPage.css";

function storage(): Storage | undefined {
	try {
		return sessionStorage;
	} catch {
		return undefined;
	}
}

const positions = new Positions(storage());

effect(() => {
	if (session.value === "out") forgetLeftDrafts();
});

function isLookedAt(): boolean {
	return document.visibilityState === "visible" && document.hasFocus();
}

/** Said as a note; whoever has signed out meanwhile need not know. */
function onTrouble(problem: unknown): void {
	if (client.uin !== 0) toast({ kind: "danger", text: errorText(problem) });
}

/** What one was writing when the page was closed goes on here. */
function draftOf(me: number, peer: number): Draft {
	// Whose device was signed out from elsewhere finds it again; in what is somebody else's, or was wiped, it is not kept.
	const draft = new Draft(async (text) => {
		if (client.uin === me || client.uin === 0) await client.setDraft(peer, text);
	});
	const left = takeLeftDraft(me, peer);
	if (left !== undefined) draft.write(left);
	return draft;
}

/** The room and the draft of a conversation, for as long as it is open. */
function useRoom(peer: number): { room: Room; draft: Draft } {
	const [made] = useState(() => ({
		me: client.uin,
		room: new Room(client, peer, positions, isLookedAt, onTrouble),
		draft: draftOf(client.uin, peer),
	}));
	useEffect(() => {
		const { me, room, draft } = made;
		room.open().catch(onTrouble);
		const looked = () => (isLookedAt() ? room.looked() : draft.flush());
		const leave = () => {
			const { unsafe } = draft;
			if (unsafe !== undefined && client.uin === me) leaveDraft(me, peer, unsafe);
			draft.flush();
			room.keepPlace();
		};
		/* The browser may show the page again as it was. */
		const back = () => void takeLeftDraft(me, peer);
		window.addEventListener("focus", looked);
		window.addEventListener("pagehide", leave);
		window.addEventListener("pageshow", back);
		document.addEventListener("visibilitychange", looked);
		return () => {
			window.removeEventListener("focus", looked);
			window.removeEventListener("pagehide", leave);
			window.removeEventListener("pageshow", back);
			document.removeEventListener("visibilitychange", looked);
			draft.flush();
			room.close();
		};
	}, []);
	return made;
}

/** What comes while one is here, read out by screen readers. */
function Spoken({ peer }: { peer: number }) {
	const [last, setLast] = useState<Message | null>(null);
	useEffect(() => client.on("message", (message) => message.peer === peer && setLast(message)), [peer]);
	return (
		<div class="sr-only" aria-live="polite">
			{last && (
				<p key={last.key}>
					{t.conversation.said(nameOf(last.from, last.fromName))}
					{last.text}
				</p>
			)}
		</div>
	);
}

/** What MessagesOrNone takes. */
interface MessagesProps {
	room: Room;
	name: string;
	contact: Contact | undefined;
	listRef: { current: VirtualList<Row> | null };
	onLeave: () => void;
}

/** Nothing was said yet: the other one's greeting, or a word of one's own. */
function NoMessages({ name, contact }: { name: string; contact: Contact | undefined }) {
	const isContact = contact?.relation === "contact" && !contact.blocked && !contact.gone;
	const greeting = contact?.relation === "incoming" && contact.greeting ? `“${contact.greeting}”` : undefined;
	return (
		<div class="conversation-ground">
			<EmptyState title={t.conversation.empty(name)} text={isContact ? t.conversation.emptyText : greeting} />
		</div>
	);
}

function MessagesOrNone({ contact, ...props }: MessagesProps) {
	const shown = props.room.shown.value;
	if (!shown) return <div class="conversation-ground" />;
	if (shown.rows.length === 0) return <NoMessages name={props.name} contact={contact} />;
	return <MessageList {...props} shown={shown} />;
}

/** Whoever opens a conversation at a desk wants to write; on a phone a keyboard would come up over the messages. */
function useWriting(area: { current: HTMLTextAreaElement | null }): void {
	useEffect(() => {
		if (!isTouchOnly()) area.current?.focus({ preventScroll: true });
	}, []);
}

/** With `peer`; it is made anew for each. Of somebody unknown there is none. */
export function ConversationPage({ peer }: { peer: number }) {
	return isKnown(peer) ? <Conversation peer={peer} /> : <NotKnown backTo={href("chats")} />;
}

function Conversation({ peer }: { peer: number }) {
	const { room, draft } = useRoom(peer);
	const list = useRef<VirtualList<Row> | null>(null);
	const area = useRef<HTMLTextAreaElement | null>(null);
	const contact = contactsByUin.value.get(peer);
	const name = nameOfPeer(peer);
	useWriting(area);
	const stored = room.conversation.value?.draft;
	useEffect(() => {
		if (stored !== undefined) draft.stored(stored);
	}, [stored]);
	const send = (text: string) => {
		draft.write("");
		draft.flush();
		room.wrote();
		sendText(peer, text).catch((problem) => {
			if (draft.text.peek() === "") draft.write(text);
			toast({ kind: "danger", text: errorText(problem) });
		});
	};
	const write = () => area.current?.focus();
	return (
		<div class="conversation">
			<ConversationHeader peer={peer} contact={contact} />
			<MessagesOrNone room={room} name={name} contact={contact} listRef={list} onLeave={write} />
			<div class="conversation-foot">
				{contacts.value && <Standing peer={peer} name={name} contact={contact} />}
				{mayTry(contact) && (
					<Composer
						draft={draft}
						name={name}
						areaRef={area}
						onSend={send}
						onPage={(by, held) => list.current?.page(by, held ? "auto" : scrollBehavior())}
					/>
				)}
			</div>
			<Spoken peer={peer} />
		</div>
	);
}
