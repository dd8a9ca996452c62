/**
 * Dialog.tsx - something that has to be dealt with first. The browser's own <dialog> makes the rest inert, keeps the focus
 * within and ends on Escape; the focus returns to where it was.
 */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../state/language.ts";
import { IconButton } from "./IconButton.tsx";
import "./Dialog.css";

/** What Dialog takes. */
export interface DialogProps {
	title: string;
	/** Escape, the cross, a press beside it. Its owner stops rendering the dialog then. */
	onClose: () => void;
	/** Something is under way: it does not close meanwhile. */
	busy?: boolean;
	/** Buttons, the main one last. */
	actions?: ComponentChildren;
	/** Enter in a field, or a button with `submit`. */
	onSubmit?: () => void;
	children?: ComponentChildren;
}

/** Open as long as it is rendered. What has `autofocus`, or the first field, or the first of the actions gets the focus. */
export function Dialog({ title, onClose, busy, actions, onSubmit, children }: DialogProps) {
	const id = useId();
	const box = useRef<HTMLDialogElement>(null);
	useLayoutEffect(() => {
		const before = document.activeElement;
		const dialog = box.current;
		dialog?.showModal();
		dialog?.querySelector<HTMLElement>("[autofocus], input, textarea, select, .dialog-actions button")?.focus();
		return () => {
			dialog?.close();
			if (before instanceof HTMLElement && before.isConnected) before.focus();
		};
	}, []);
	const leave = () => {
		if (!busy) onClose();
	};
	return (
		<dialog
			ref={box}
			class="dialog"
			aria-labelledby={id}
			onCancel={(event) => {
				event.preventDefault();
				leave();
			}}
			onPointerDown={(event) => event.target === event.currentTarget && leave()}
		>
			<form
				class="dialog-box"
				noValidate
				onSubmit={(event) => {
					event.preventDefault();
					if (!busy) onSubmit?.();
				}}
			>
				<header class="dialog-head">
					<h2 id={id}>{title}</h2>
					<IconButton icon="close" label={t.common.close} onClick={leave} />
				</header>
				<div class="dialog-body">{children}</div>
				{actions && <footer class="dialog-actions">{actions}</footer>}
			</form>
		</dialog>
	);
}
