/** Button.tsx - what one presses: with words, or an icon alone. */
import type { ComponentChildren, Ref } from "preact";
import { Icon, type IconName } from "./Icon.tsx";
import "./Button.css";

/** primary: the one thing to do here. secondary: others. quiet: no frame. danger: destroys something. */
export type ButtonKind = "primary" | "secondary" | "quiet" | "danger";

/** What Button takes. */
export interface ButtonProps {
	kind?: ButtonKind;
	icon?: IconName;
	/** As wide as what it stands in. */
	wide?: boolean;
	small?: boolean;
	disabled?: boolean;
	/** Something is under way: it cannot be pressed, keeps its size and its focus, and says so. */
	busy?: boolean;
	/** Submits the form that it stands in. */
	submit?: boolean;
	onClick?: (event: MouseEvent) => void;
	children: ComponentChildren;
	buttonRef?: Ref<HTMLButtonElement>;
}

/** A button with words on it. */
export function Button(props: ButtonProps) {
	const { kind = "secondary", icon, wide, small, disabled, busy, submit, onClick, children, buttonRef } = props;
	const classes = ["button", `button-${kind}`, wide && "button-wide", small && "button-small", busy && "button-busy"];
	return (
		<button
			ref={buttonRef}
			type={submit ? "submit" : "button"}
			class={classes.filter(Boolean).join(" ")}
			disabled={disabled}
			aria-disabled={busy ? "true" : undefined}
			aria-busy={busy ? "true" : undefined}
			onClick={(event) => (busy ? event.preventDefault() : onClick?.(event))}
		>
			{icon && <Icon name={icon} size={small ? 18 : 20} />}
			<span class="button-text">{children}</span>
		</button>
	);
}
