/** ConfirmDialog.tsx - "Are you sure?", saying what will happen. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { errorText } from "../text/errors.ts";
import { t } from "../state/language.ts";
import { Button } from "./Button.tsx";
import { Dialog } from "./Dialog.tsx";

/** What ConfirmDialog takes. */
export interface ConfirmDialogProps {
	title: string;
	/** What will happen, and whether it can be undone. */
	children?: ComponentChildren;
	/** The verb: "Delete", never "OK". */
	action: string;
	danger?: boolean;
	/** The dialog waits for it, closes when it resolves, and says what went wrong when it rejects. */
	onConfirm: () => Promise<unknown> | void;
	onClose: () => void;
}

/** Open as long as it is rendered. */
export function ConfirmDialog({ title, children, action, danger, onConfirm, onClose }: ConfirmDialogProps) {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState("");
	const confirm = async () => {
		setBusy(true);
		setError("");
		try {
			await onConfirm();
			onClose();
		} catch (problem) {
			setError(errorText(problem));
			setBusy(false);
		}
	};
	const actions = (
		<>
			<Button onClick={onClose} disabled={busy}>
				{t.common.cancel}
			</Button>
			<Button kind={danger ? "danger" : "primary"} busy={busy} submit>
				{action}
			</Button>
		</>
	);
	return (
		<Dialog title={title} onClose={onClose} busy={busy} actions={actions} onSubmit={() => void confirm()}>
			{children && <p>{children}</p>}
			{error && (
				<p class="dialog-error" role="alert">
					{error}
				</p>
			)}
		</Dialog>
	);
}
