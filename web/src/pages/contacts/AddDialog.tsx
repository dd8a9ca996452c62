/** AddDialog.tsx - finds somebody by the account's name, shows who that is, and asks them. */
import { HongyanError, type Contact, type Profile } from "hongyan";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../design/Button.tsx";
import { Dialog } from "../../design/Dialog.tsx";
import { TextField } from "../../design/TextField.tsx";
import { client, contactsByUin, me } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { go } from "../../state/route.ts";
import { errorText } from "../../text/errors.ts";
import { contactErrorText, request } from "./actions.ts";
import { AskFields, firstAsking, isAskingFine, type Asking } from "./AskFields.tsx";
import { accountName, isAccountName, standingOf, titleOf } from "./people.ts";
import { PersonCard } from "./PersonCard.tsx";
import { cardOf } from "./PersonRow.tsx";
import { whenReached } from "./reached.ts";
import "./AddDialog.css";

/** Why somebody who was found cannot be asked; "": they can. */
function obstacle(person: Profile, known: Contact | undefined): string {
	if (person.uin === me.value?.uin) return t.contacts.find.oneself;
	switch (known && standingOf(known)) {
		case "contact":
			return t.contacts.find.already;
		case "outgoing":
			return t.contacts.find.alreadyAsked;
		case "incoming":
			return t.contacts.find.asksYou;
		case "blocked":
			return t.contacts.find.isBlocked;
		default:
			return "";
	}
}

function findErrorText(problem: unknown, name: string): string {
	const nobody = problem instanceof HongyanError && problem.code === "NOT_FOUND";
	return nobody ? t.contacts.find.nobody(name) : errorText(problem);
}

/** Who has this name; what is wrong goes to `onError`. The last one that was asked for counts. */
function useFinder(onError: (error: string) => void) {
	const [person, setPerson] = useState<Profile | null>(null);
	const [busy, setBusy] = useState(false);
	const asked = useRef(0);
	const forget = () => {
		asked.current++;
		setPerson(null);
		setBusy(false);
	};
	const find = async (typed: string) => {
		const name = accountName(typed);
		forget();
		if (name === me.value?.name) return onError(t.contacts.find.oneself);
		if (!isAccountName(name)) return onError(t.contacts.find.badName);
		const turn = asked.current;
		setBusy(true);
		try {
			const found = await whenReached(() => client.lookup(name));
			if (turn === asked.current) setPerson(found);
		} catch (problem) {
			if (turn === asked.current) onError(findErrorText(problem, name));
		}
		if (turn === asked.current) setBusy(false);
	};
	return { person, busy, find, forget };
}

/** Open as long as it is rendered. Enter finds, then, once somebody is shown, asks. */
export function AddDialog({ onClose }: { onClose: () => void }) {
	const [typed, setTyped] = useState("");
	const [error, setError] = useState("");
	const [asking, setAsking] = useState<Asking>(() => firstAsking());
	const [sending, setSending] = useState(false);
	const { person, busy, find, forget } = useFinder(setError);
	const known = person ? contactsByUin.value.get(person.uin) : undefined;
	const why = person ? obstacle(person, known) : "";
	const open = (uin: number) => {
		onClose();
		go(cardOf(uin));
	};
	const send = async (to: Profile) => {
		if (!isAskingFine(asking)) return;
		setSending(true);
		setError("");
		try {
			await request(to, asking);
			onClose();
		} catch (problem) {
			setError(contactErrorText(problem));
			setSending(false);
		}
	};
	const submit = () => {
		setError("");
		if (!person) void find(typed);
		else if (why) open(person.uin);
		else void send(person);
	};
	const fields = useRef<HTMLDivElement>(null);
	useEffect(() => {
		fields.current?.querySelector("input")?.focus();
	}, [person]);
	return (
		<Dialog
			title={t.contacts.find.title}
			onClose={onClose}
			busy={sending}
			onSubmit={submit}
			actions={
				person &&
				(why ? (
					<Button kind="primary" submit>
						{t.contacts.find.open}
					</Button>
				) : (
					<Button kind="primary" submit busy={sending} disabled={!isAskingFine(asking)}>
						{t.contacts.find.request}
					</Button>
				))
			}
		>
			<div class="add-find">
				<TextField
					label={t.contacts.find.label}
					hint={t.contacts.find.hint}
					error={person ? undefined : error || undefined}
					value={typed}
					literal
					disabled={sending}
					onInput={(text) => {
						setTyped(text);
						setError("");
						forget();
					}}
				/>
				<span class="add-find-button">
					<Button
						kind={person ? "secondary" : "primary"}
						icon="search"
						busy={busy}
						disabled={!typed.trim()}
						onClick={() => void find(typed)}
					>
						{t.contacts.find.submit}
					</Button>
				</span>
			</div>
			<div class="add-result" aria-live="polite">
				{person && (
					<>
						<span class="sr-only">{t.contacts.find.found(titleOf(person))}</span>
						<PersonCard person={person} small />
						{why && <p class="add-why muted">{why}</p>}
					</>
				)}
			</div>
			{person && !why && (
				<div class="add-fields" ref={fields}>
					<AskFields asking={asking} onChange={setAsking} />
				</div>
			)}
			{person && error && (
				<p class="dialog-error" role="alert">
					{error}
				</p>
			)}
		</Dialog>
	);
}
