/** ProfileSection.tsx - what others see of oneself. */
import type { Me, Profile } from "hongyan";
import { useState } from "preact/hooks";
import { Avatar } from "../../design/Avatar.tsx";
import { Button } from "../../design/Button.tsx";
import { toast } from "../../design/Toast.tsx";
import { client, me } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { errorText } from "../../text/errors.ts";
import { AccountNameFact } from "../contacts/ContactFacts.tsx";
import { LIMITS, problemOf } from "../contacts/plain_text.ts";
import { titleOf } from "../contacts/people.ts";
import { whenReached } from "../contacts/reached.ts";
import { TextLine } from "../contacts/TextLine.tsx";
import { ColourPicker } from "./ColourPicker.tsx";
import "./ProfileSection.css";

type Edited = Pick<Profile, "nickname" | "signature" | "region" | "avatarColour">;

/** What was changed, as the server will keep it: without spaces around. */
function changesOf(who: Me, edit: Partial<Edited>): Partial<Edited> {
	const now: Edited = {
		nickname: (edit.nickname ?? who.nickname).trim(),
		signature: (edit.signature ?? who.signature).trim(),
		region: (edit.region ?? who.region).trim(),
		avatarColour: edit.avatarColour ?? who.avatarColour,
	};
	const names = Object.keys(now) as (keyof Edited)[];
	return Object.fromEntries(names.filter((name) => now[name] !== who[name]).map((name) => [name, now[name]]));
}

function isFine(changes: Partial<Edited>): boolean {
	return (["nickname", "signature", "region"] as const).every(
		(name) => !problemOf(changes[name] ?? "", LIMITS[name]),
	);
}

/** `edit` holds what was touched alone: the rest follows what comes from other devices. */
function ProfileForm({ who }: { who: Me }) {
	const [edit, setEdit] = useState<Partial<Edited>>({});
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState("");
	const shown = { ...who, ...edit };
	const changes = changesOf(who, edit);
	const changed = Object.keys(changes).length > 0;
	const set = (change: Partial<Edited>) => {
		setEdit({ ...edit, ...change });
		setError("");
	};
	const save = async () => {
		if (!changed || busy || !isFine(changes)) return;
		setBusy(true);
		setError("");
		try {
			await whenReached(() => client.updateProfile(changes));
			setEdit({});
			toast({ text: t.me.profileSaved });
		} catch (problem) {
			setError(errorText(problem));
		}
		setBusy(false);
	};
	return (
		<form
			class="profile"
			noValidate
			onSubmit={(event) => {
				event.preventDefault();
				void save();
			}}
		>
			<div class="profile-face">
				<Avatar
					uin={who.uin}
					name={titleOf({ ...shown, nickname: shown.nickname.trim() })}
					colour={shown.avatarColour}
					size={96}
				/>
			</div>
			<div class="card card-padded">
				<ColourPicker
					uin={who.uin}
					value={shown.avatarColour}
					saved={who.avatarColour}
					onChange={(avatarColour) => set({ avatarColour })}
				/>
			</div>
			<div class="card card-padded profile-fields">
				<TextLine
					label={t.me.nickname}
					hint={t.me.nicknameHint}
					autoComplete="nickname"
					value={shown.nickname}
					maxBytes={LIMITS.nickname}
					onInput={(nickname) => set({ nickname })}
				/>
				<TextLine
					label={t.me.signature}
					hint={t.me.signatureHint}
					value={shown.signature}
					maxBytes={LIMITS.signature}
					onInput={(signature) => set({ signature })}
				/>
				<TextLine
					label={t.me.region}
					hint={t.me.regionHint}
					value={shown.region}
					maxBytes={LIMITS.region}
					onInput={(region) => set({ region })}
				/>
				{error && (
					<p class="dialog-error" role="alert">
						{error}
					</p>
				)}
				<div class="profile-buttons">
					<Button disabled={!changed || busy} onClick={() => setEdit({})}>
						{t.me.discard}
					</Button>
					<Button kind="primary" submit busy={busy} disabled={!changed || !isFine(changes)}>
						{t.common.save}
					</Button>
				</div>
			</div>
			<dl class="card facts">
				<AccountNameFact name={who.name} />
			</dl>
			<p class="sheet-note">{t.me.profileHint}</p>
		</form>
	);
}

/** Nothing is saved before one says so. */
export function ProfileSection() {
	const who = me.value;
	return who && <ProfileForm who={who} />;
}
