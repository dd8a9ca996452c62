/** ContactList.tsx - everybody, part by part. Arrow keys, Home and End go from row to row. */
import type { Contact, Uin } from "hongyan";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../../state/language.ts";
import { ListPart } from "./ListPart.tsx";
import { firstOf, type People } from "./people.ts";
import { AskedRow, PersonRow, RequestRow } from "./PersonRow.tsx";

function rowsOf(list: HTMLElement | null): HTMLElement[] {
	return Array.from(list?.querySelectorAll<HTMLElement>("a.row-press") ?? []);
}

/** Where the focus is, counted in rows; -1: not in the list. */
function placeOf(rows: HTMLElement[]): number {
	return rows.findIndex((row) => row.closest("li")?.contains(document.activeElement));
}

/** A row may leave with the focus on it, when it was answered: the row that takes its place gets it then. */
function useKeptFocus(list: { current: HTMLElement | null }, people: People) {
	const place = useRef(-1);
	useLayoutEffect(() => {
		const rows = rowsOf(list.current);
		if (place.current >= 0 && document.activeElement === document.body)
			rows[Math.min(place.current, rows.length - 1)]?.focus();
	}, [people]);
	return {
		onFocusIn: () => (place.current = placeOf(rowsOf(list.current))),
		/* Of a row that is still there the focus was taken away, not lost. */
		onFocusOut: (event: FocusEvent) => {
			const { target } = event;
			queueMicrotask(() => {
				const taken = target instanceof HTMLElement && target.isConnected;
				if (taken && !list.current?.contains(document.activeElement)) place.current = -1;
			});
		},
	};
}

/** Moves the focus to another row, from wherever it is within the list; true if the key was one of those. */
export function stepThrough(list: HTMLElement | null, key: string): boolean {
	const rows = rowsOf(list);
	const at = placeOf(rows);
	const to = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1), Home: 0, End: rows.length - 1 }[key];
	if (to === undefined) return false;
	rows[Math.min(to, rows.length - 1)]?.focus();
	return true;
}

/** So many rows are made at first, and more whenever their end comes near: thousands at once would take seconds. */
const ROWS = 150;
const NEAR = "1200px";

/** How many rows there are to be now, and what stands behind the last one. */
function useGrowing(total: number) {
	const [rows, setRows] = useState(ROWS);
	const end = useRef<HTMLDivElement>(null);
	const more = rows < total;
	useEffect(() => {
		const at = end.current;
		if (!more || !at) return;
		const watch = new IntersectionObserver(
			(entries) => {
				if (entries.some((entry) => entry.isIntersecting)) setRows(rows + ROWS);
			},
			{ root: at.closest(".people-scroll"), rootMargin: NEAR },
		);
		watch.observe(at);
		return () => watch.disconnect();
	}, [rows, more]);
	return { rows, end, more };
}

/** `total`: how many rows that is; `current`: whose card is open, or 0. */
export function ContactList({ people: all, total, current }: { people: People; total: number; current: Uin }) {
	const list = useRef<HTMLDivElement>(null);
	const { rows, end, more } = useGrowing(total);
	const people = useMemo(() => firstOf(all, rows), [all, rows]);
	const focus = useKeptFocus(list, people);
	const { incoming, outgoing, letters, past, blocked } = people;
	const is = (uin: Uin) => uin === current;
	const row = (contact: Contact) => <PersonRow key={contact.uin} contact={contact} current={is(contact.uin)} />;
	return (
		<div
			class="people"
			ref={list}
			{...focus}
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
					{group.contacts.map(row)}
				</ListPart>
			))}
			{past.length > 0 && (
				<ListPart title={t.contacts.past} dim>
					{past.map(row)}
				</ListPart>
			)}
			{blocked.length > 0 && (
				<ListPart title={t.contacts.blockedPeople} dim>
					{blocked.map(row)}
				</ListPart>
			)}
			{more && <div ref={end} />}
			{!more && people.count > 0 && <p class="people-total muted small">{t.contacts.total(people.count)}</p>}
		</div>
	);
}
