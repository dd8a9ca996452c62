/** PrivacySection.tsx - who may write to the user, and who may ask to. */
import type { Settings, Who } from "hongyan";
import { useState } from "preact/hooks";
import { Select } from "../../design/Select.tsx";
import { toast } from "../../design/Toast.tsx";
import { client, me } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { errorText } from "../../text/errors.ts";
import { whenReached } from "../contacts/reached.ts";

const MAY_WRITE: readonly Who[] = ["default", "contacts", "anyone", "nobody"];
/** Contacts need not ask: that choice is shown only where it was made elsewhere. */
const MAY_ASK: readonly Who[] = ["default", "anyone", "nobody"];

function optionsOf(choices: readonly Who[], value: Who) {
	const all = choices.includes(value) ? choices : [...choices, value];
	return all.map((who) => ({ value: who, label: t.me.who[who] }));
}

/** What was chosen is shown at once; when it could not be saved, what holds comes back. */
export function PrivacySection() {
	const [pending, setPending] = useState<Partial<Settings>>({});
	const settings = me.value?.settings;
	if (!settings) return null;
	const shown = { ...settings, ...pending };
	const choose = async (change: Partial<Settings>) => {
		setPending({ ...pending, ...change });
		try {
			await whenReached(() => client.updateSettings(change));
			toast({ text: t.me.saved });
		} catch (problem) {
			toast({ kind: "danger", text: errorText(problem) });
		}
		setPending({});
	};
	return (
		<>
			<div class="card card-padded">
				<Select
					label={t.me.mayWrite}
					hint={t.me.mayWriteHint}
					value={shown.mayWrite}
					options={optionsOf(MAY_WRITE, shown.mayWrite)}
					onChange={(mayWrite) => void choose({ mayWrite })}
				/>
				<Select
					label={t.me.mayAsk}
					hint={t.me.mayAskHint}
					value={shown.mayAsk}
					options={optionsOf(MAY_ASK, shown.mayAsk)}
					onChange={(mayAsk) => void choose({ mayAsk })}
				/>
			</div>
			<p class="sheet-note">{t.me.privacyHint}</p>
		</>
	);
}
