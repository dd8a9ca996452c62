/** RemarkDialog.tsx - the user's own name for somebody. */
import type { Contact } from "hongyan";
import { useState } from "preact/hooks";
import { Button } from "../../design/Button.tsx";
import { Dialog } from "../../design/Dialog.tsx";
import { toast } from "../../design/Toast.tsx";
import { client } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { contactErrorText } from "./actions.ts";
import { LIMITS, problemOf } from "./plain_text.ts";
import { whenReached } from "./reached.ts";
import { TextLine } from "./TextLine.tsx";

/** Empty takes it away. */
export function RemarkDialog({ contact, onClose }: { contact: Contact; onClose: () => void }) {
	const [remark, setRemark] = useState(contact.remark);
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState<string>();
	const save = async () => {
		const text = remark.trim();
		if (problemOf(text, LIMITS.remark)) return;
		if (text === contact.remark) return onClose();
		setBusy(true);
		try {
			await whenReached(() => client.setRemark(contact.uin, text));
			toast({ text: t.contacts.said.remark });
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
			<Button kind="primary" submit busy={busy} disabled={problemOf(remark, LIMITS.remark) !== null}>
				{t.common.save}
			</Button>
		</>
	);
	const title = t.contacts.remarkTitle(contact.nickname || contact.name);
	return (
		<Dialog title={title} onClose={onClose} busy={busy} actions={actions} onSubmit={() => void save()}>
			<TextLine
				label={t.contacts.remark}
				hint={t.contacts.remarkHint}
				value={remark}
				maxBytes={LIMITS.remark}
				error={error}
				onInput={(text) => {
					setRemark(text);
					setError(undefined);
				}}
			/>
		</Dialog>
	);
}
