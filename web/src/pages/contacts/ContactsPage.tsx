/** ContactsPage.tsx - everybody one knows, who asks to be known, and the way to somebody new. */
import { useMemo, useRef, useState } from "preact/hooks";
import { Button } from "../../design/Button.tsx";
import { EmptyState } from "../../design/EmptyState.tsx";
import { IconButton } from "../../design/IconButton.tsx";
import { PageHeader } from "../../design/PageHeader.tsx";
import { SkeletonRows } from "../../design/Skeleton.tsx";
import { TextField } from "../../design/TextField.tsx";
import { contacts } from "../../state/client.ts";
import { language, t } from "../../state/language.ts";
import { AddDialog } from "./AddDialog.tsx";
import { ContactList, stepThrough } from "./ContactList.tsx";
import { arrange, inOrder } from "./people.ts";
import "./ContactsPage.css";

/** Nobody is shown: nobody is there, or nobody is found. */
function Nobody({ search, onAdd }: { search: string; onAdd: () => void }) {
	const add = (
		<Button kind={search ? "secondary" : "primary"} icon="userPlus" onClick={onAdd}>
			{t.contacts.add}
		</Button>
	);
	return search ? (
		<EmptyState icon="search" title={t.contacts.searchEmpty(search)} text={t.contacts.searchEmptyHint}>
			{add}
		</EmptyState>
	) : (
		<EmptyState icon="contacts" title={t.contacts.empty} text={t.contacts.emptyHint}>
			{add}
		</EmptyState>
	);
}

/** `uin`: who is open; 0: nobody. */
export function ContactsPage({ uin }: { uin: number }) {
	const [search, setSearch] = useState("");
	const [adding, setAdding] = useState(false);
	const scroll = useRef<HTMLDivElement>(null);
	const all = contacts.value;
	const spoken = language.value;
	const people = useMemo(() => all && arrange(all, search, spoken === "zh"), [all, search, spoken]);
	const order = useMemo(() => (people ? inOrder(people) : []), [people]);
	const add = () => setAdding(true);
	return (
		<>
			<PageHeader
				title={t.contacts.title}
				actions={<IconButton icon="userPlus" label={t.contacts.add} popup="dialog" onClick={add} />}
			/>
			<search class="people-search">
				<TextField
					label={t.contacts.search}
					hideLabel
					type="search"
					icon="search"
					placeholder={t.contacts.search}
					value={search}
					onInput={setSearch}
					onKeyDown={(event) => {
						if (event.key === "ArrowDown" && stepThrough(scroll.current, "Home")) event.preventDefault();
						if (event.key === "Escape" && search) setSearch("");
					}}
				/>
				<span class="sr-only" role="status">
					{search.trim() && t.contacts.found(order.length)}
				</span>
			</search>
			<div class="people-scroll" ref={scroll}>
				{!people && <SkeletonRows count={8} label={t.common.loading} />}
				{people && order.length > 0 && <ContactList people={people} total={order.length} current={uin} />}
				{people && order.length === 0 && <Nobody search={search.trim()} onAdd={add} />}
			</div>
			{adding && <AddDialog onClose={() => setAdding(false)} />}
		</>
	);
}
