/** AskDialog.tsx - asks somebody who is known already, perhaps once more. */
import type { Contact } from "hongyan";
import { useState } from "preact/hooks";
import { Button } from "../../design/Button.tsx";
import { Dialog } from "../../design/Dialog.tsx";
import { t } from "../../state/language.ts";
import { contactErrorText, request } from "./actions.ts";
import { AskFields, firstAsking, isAskingFine } from "./AskFields.tsx";
import { titleOf } from "./people.ts";

/** Open as long as it is rendered. */
export function AskDialog({ contact, onClose }: { contact: Contact; onClose: () => void }) {
	const [asking, setAsking] = useState(() => firstAsking(contact.remark));
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState("");
	const send = async () => {
		if (!isAskingFine(asking)) return;
		setBusy(true);
		setError("");
		try {
			await request(contact, asking);
			onClose();
		} catch (problem) {
			setError(contactErrorText(problem));
			setBusy(false);
		}
	};
	const actions = (
		<>
			<Button onClick={onClose} disabled={busy}>
				{t.common.cancel}
			</Button>
			<Button kind="primary" submit busy={busy} disabled={!isAskingFine(asking)}>
				{t.contacts.find.request}
			</Button>
		</>
	);
	const title = t.contacts.askTitle(titleOf(contact));
	return (
		<Dialog title={title} onClose={onClose} busy={busy} actions={actions} onSubmit={() => void send()}>
			<AskFields asking={asking} onChange={setAsking} />
			{error && (
				<p class="dialog-error" role="alert">
					{error}
				</p>
			)}
		</Dialog>
	);
}
