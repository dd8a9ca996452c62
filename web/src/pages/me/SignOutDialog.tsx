/** SignOutDialog.tsx - leaving this device: says what goes with it, and what was not sent yet. */
import { useEffect, useState } from "preact/hooks";
import { Banner } from "../../design/Banner.tsx";
import { Button } from "../../design/Button.tsx";
import { Dialog } from "../../design/Dialog.tsx";
import { client, conversations, signOut } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { errorText } from "../../text/errors.ts";

/** Texts in the outbox, whether they wait or were refused. */
async function countUnsent(): Promise<number> {
	const peers = (conversations.value ?? (await client.conversations())).map((one) => one.peer);
	const counts = await Promise.all(peers.map(async (peer) => (await client.outbox(peer)).length));
	return counts.reduce((sum, count) => sum + count, 0);
}

/** Open as long as it is rendered; whoever is signed out sees the welcome page instead of it. */
export function SignOutDialog({ onClose }: { onClose: () => void }) {
	const [unsent, setUnsent] = useState(0);
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState("");
	useEffect(() => {
		countUnsent().then(setUnsent, () => undefined);
	}, []);
	const leave = async () => {
		setBusy(true);
		setError("");
		try {
			await signOut();
		} catch (problem) {
			setError(errorText(problem));
			setBusy(false);
		}
	};
	const actions = (
		<>
			<Button onClick={onClose} disabled={busy}>
				{t.me.stay}
			</Button>
			<Button kind="danger" submit busy={busy}>
				{t.me.signOut}
			</Button>
		</>
	);
	return (
		<Dialog title={t.me.signOutTitle} onClose={onClose} busy={busy} actions={actions} onSubmit={() => void leave()}>
			<p>{t.me.signOutText}</p>
			{unsent > 0 && (
				<Banner kind="danger" icon="alert">
					{t.me.signOutUnsent(unsent)}
				</Banner>
			)}
			{error && (
				<p class="dialog-error" role="alert">
					{error}
				</p>
			)}
		</Dialog>
	);
}
