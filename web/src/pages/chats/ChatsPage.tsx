/** ChatsPage.tsx - the list of conversations, newest first, and the search in it. */
import { useMemo, useRef, useState } from "preact/hooks";
import type { Contact } from "hongyan";
import { Avatar } from "../../design/Avatar.tsx";
import { Button } from "../../design/Button.tsx";
import { EmptyState } from "../../design/EmptyState.tsx";
import { Icon } from "../../design/Icon.tsx";
import { IconButton } from "../../design/IconButton.tsx";
import { ListRow } from "../../design/ListRow.tsx";
import { PageHeader } from "../../design/PageHeader.tsx";
import { SkeletonRows } from "../../design/Skeleton.tsx";
import { TextField } from "../../design/TextField.tsx";
import { contacts, conversations, displayName, incomingRequests } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { go, href } from "../../state/route.ts";
import { AddDialog } from "../contacts/AddDialog.tsx";
import { isFound } from "../contacts/people.ts";
import { ChatRow } from "./ChatRow.tsx";
import { findChats, type Found } from "./preview.ts";
import "./ChatsPage.css";

/** Moves the focus among the rows. True if there is one to go to. */
function step(list: HTMLElement | null, key: string): boolean {
	const rows = Array.from(list?.querySelectorAll<HTMLElement>("a") ?? []);
	const at = rows.findIndex((row) => row === document.activeElement);
	const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[key];
	const row = to === undefined ? undefined : rows[to];
	row?.focus();
	return row !== undefined;
}

/** Who asks to become a contact: leads to where one answers. */
function Requests() {
	const asking = incomingRequests.value;
	if (asking.length === 0) return null;
	const names = asking.slice(0, 3).map(displayName).join(", ");
	return (
		<a class="chats-requests row-press" href={href("contacts")}>
			<Icon name="userPlus" size={20} />
			<span class="chats-requests-words ellipsis">
				<strong>{t.chats.requests(asking.length)}</strong>{" "}
				<span class="muted">{t.chats.requestsOf(names)}</span>
			</span>
			<Icon name="chevronRight" size={18} />
		</a>
	);
}

/** A contact with whom there is no conversation yet. */
function OtherRow({ contact, open }: { contact: Contact; open: boolean }) {
	const name = displayName(contact);
	return (
		<ListRow
			href={href("chats", contact.uin)}
			current={open}
			leading={<Avatar uin={contact.uin} name={name} colour={contact.avatarColour} />}
			title={<bdi>{name}</bdi>}
			subtitle={contact.signature || `@${contact.name}`}
		/>
	);
}

function List({ found, peer }: { found: Found; peer: number }) {
	return (
		<>
			{found.conversations.length > 0 && (
				<ul aria-label={t.chats.list}>
					{found.conversations.map((one) => (
						<ChatRow key={one.peer} conversation={one} open={one.peer === peer} />
					))}
				</ul>
			)}
			{found.others.length > 0 && (
				<>
					<h2 class="chats-part">{t.chats.others}</h2>
					<ul aria-label={t.chats.others}>
						{found.others.map((one) => (
							<OtherRow key={one.uin} contact={one} open={one.uin === peer} />
						))}
					</ul>
				</>
			)}
		</>
	);
}

/** There is no conversation: what to do about it. */
function Nothing({ search, onAdd }: { search: string; onAdd: () => void }) {
	if (search)
		return <EmptyState icon="search" title={t.chats.nothingFound} text={t.chats.nothingFoundText(search)} />;
	const some = (contacts.value ?? []).some((contact) => contact.relation === "contact" && !contact.blocked);
	return (
		<EmptyState icon="chats" title={t.chats.empty} text={some ? t.chats.emptyContactsText : t.chats.emptyText}>
			{some ? (
				<Button kind="primary" icon="contacts" onClick={() => go(href("contacts"))}>
					{t.chats.toContacts}
				</Button>
			) : (
				<Button kind="primary" icon="userPlus" onClick={onAdd}>
					{t.chats.addContact}
				</Button>
			)}
		</EmptyState>
	);
}

/** `peer`: whose conversation is open; 0: nobody's. */
export function ChatsPage({ peer }: { peer: number }) {
	const [search, setSearch] = useState("");
	const [adding, setAdding] = useState(false);
	const scroll = useRef<HTMLDivElement>(null);
	const field = useRef<HTMLInputElement>(null);
	const all = conversations.value;
	const people = contacts.value;
	const found = useMemo(() => all && findChats(all, people ?? [], search, isFound), [all, people, search]);
	const count = found ? found.conversations.length + found.others.length : 0;
	const onListKey = (event: KeyboardEvent) => {
		if (event.ctrlKey || event.altKey || event.metaKey) return;
		const first = scroll.current?.querySelector("a") === document.activeElement;
		if (event.key === "ArrowUp" && first) field.current?.focus();
		else if (!step(scroll.current, event.key)) return;
		event.preventDefault();
	};
	const onSearchKey = (event: KeyboardEvent) => {
		if (event.isComposing) return;
		if (event.key === "Escape" && search) setSearch("");
		else if (event.key === "Enter" && search) scroll.current?.querySelector<HTMLElement>("a")?.click();
		else if (event.key !== "ArrowDown" || !step(scroll.current, "Home")) return;
		event.preventDefault();
	};
	return (
		<>
			<PageHeader
				title={t.chats.title}
				actions={
					<IconButton
						icon="userPlus"
						label={t.chats.addContact}
						popup="dialog"
						onClick={() => setAdding(true)}
					/>
				}
			/>
			<search class="chats-search">
				<TextField
					label={t.chats.search}
					hideLabel
					type="search"
					icon="search"
					placeholder={t.chats.search}
					value={search}
					onInput={setSearch}
					onKeyDown={onSearchKey}
					inputRef={field}
				/>
				<span class="sr-only" role="status">
					{search.trim() && t.chats.found(count)}
				</span>
			</search>
			<div class="chats-scroll" ref={scroll} onKeyDown={onListKey}>
				{!search && found && <Requests />}
				{!found && <SkeletonRows count={8} label={t.common.loading} />}
				{found && count > 0 && <List found={found} peer={peer} />}
				{found && count === 0 && <Nothing search={search.trim()} onAdd={() => setAdding(true)} />}
			</div>
			{adding && <AddDialog onClose={() => setAdding(false)} />}
		</>
	);
}
