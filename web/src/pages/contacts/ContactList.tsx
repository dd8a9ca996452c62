/** ContactList.tsx - everybody, part by part. Arrow keys, Home and End go from row to row. */
import type { Uin } from "hongyan";
import { useRef } from "preact/hooks";
import { t } from "../../state/language.ts";
import { ListPart } from "./ListPart.tsx";
import type { People } from "./people.ts";
import { AskedRow, PersonRow, RequestRow } from "./PersonRow.tsx";

/** Moves the focus to another row, from wherever it is within the list; true if the key was one of those. */
export function stepThrough(list: HTMLElement | null, key: string): boolean {
	const rows = Array.from(list?.querySelectorAll<HTMLElement>("a.row-press") ?? []);
	const at = rows.findIndex((row) => row.closest("li")?.contains(document.activeElement));
	const to = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1), Home: 0, End: rows.length - 1 }[key];
	if (to === undefined) return false;
	rows[Math.min(to, rows.length - 1)]?.focus();
	return true;
}

/** `current`: whose card is open. */
export function ContactList({ people, current }: { people: People; current: Uin | null }) {
	const list = useRef<HTMLDivElement>(null);
	const { incoming, outgoing, letters, past, blocked } = people;
	const is = (uin: Uin) => uin === current;
	return (
		<div
			class="people"
			ref={list}
			onKeyDown={(event) => {
				if (!event.defaultPrevented && stepThrough(list.current, event.key)) event.preventDefault();
			}}
		>
			{incoming.length > 0 && (
				<ListPart title={t.contacts.requests} count={incoming.length}>
					{incoming.map((contact) => (
						<RequestRow key={contact.uin} contact={contact} current={is(contact.uin)} />
					))}
				</ListPart>
			)}
			{outgoing.length > 0 && (
				<ListPart title={t.contacts.waiting}>
					{outgoing.map((contact) => (
						<AskedRow key={contact.uin} contact={contact} current={is(contact.uin)} />
					))}
				</ListPart>
			)}
			{letters.map((group) => (
				<ListPart key={group.letter} title={group.letter} letter>
					{group.contacts.map((contact) => (
						<PersonRow key={contact.uin} contact={contact} current={is(contact.uin)} />
					))}
				</ListPart>
			))}
			{past.length > 0 && (
				<ListPart title={t.contacts.past}>
					{past.map((contact) => (
						<PersonRow key={contact.uin} contact={contact} current={is(contact.uin)} />
					))}
				</ListPart>
			)}
			{blocked.length > 0 && (
				<ListPart title={t.contacts.blockedPeople}>
					{blocked.map((contact) => (
						<PersonRow key={contact.uin} contact={contact} current={is(contact.uin)} />
					))}
				</ListPart>
			)}
			{people.count > 0 && <p class="people-total muted small">{t.contacts.total(people.count)}</p>}
		</div>
	);
}
