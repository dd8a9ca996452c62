/** IconButton.tsx - a button that is an icon alone; its name is heard, and seen as a tooltip. */
import type { Ref } from "preact";
import { Icon, type IconName } from "./Icon.tsx";
import "./IconButton.css";

/** What IconButton takes. */
export interface IconButtonProps {
	icon: IconName;
	/** Its name. */
	label: string;
	/** On the accent colour, for the one thing to do here. */
	filled?: boolean;
	danger?: boolean;
	disabled?: boolean;
	submit?: boolean;
	/** Of a switch: whether it is on. */
	pressed?: boolean;
	/** What it opens, and whether it is open. */
	popup?: "menu" | "dialog";
	expanded?: boolean;
	onClick?: (event: MouseEvent) => void;
	onKeyDown?: (event: KeyboardEvent) => void;
	buttonRef?: Ref<HTMLButtonElement>;
}

/** A square of the height of all controls. */
export function IconButton(props: IconButtonProps) {
	const { icon, label, filled, danger, disabled, submit, pressed, popup, expanded, buttonRef } = props;
	const classes = ["icon-button", filled && "icon-button-filled", danger && "icon-button-danger"];
	return (
		<button
			ref={buttonRef}
			type={submit ? "submit" : "button"}
			class={classes.filter(Boolean).join(" ")}
			aria-label={label}
			title={label}
			aria-pressed={pressed}
			aria-haspopup={popup}
			aria-expanded={popup ? !!expanded : undefined}
			disabled={disabled}
			onClick={props.onClick}
			onKeyDown={props.onKeyDown}
		>
			<Icon name={icon} />
		</button>
	);
}
