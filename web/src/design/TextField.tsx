/** TextField.tsx - one line of input with a label above, a hint or an error below. */
import type { Ref } from "preact";
import { useId, useState } from "preact/hooks";
import { t } from "../state/language.ts";
import { Icon, type IconName } from "./Icon.tsx";
import { IconButton } from "./IconButton.tsx";
import "./TextField.css";

/** What TextField takes. */
export interface TextFieldProps {
	label: string;
	/** The label is heard only: where a placeholder or an icon says it. */
	hideLabel?: boolean;
	value: string;
	onInput: (value: string) => void;
	/** What is expected. Its line is always there when given, so that nothing moves when an error takes its place. */
	hint?: string;
	/** Takes the hint's place. */
	error?: string;
	type?: "text" | "password" | "search" | "email";
	icon?: IconName;
	placeholder?: string;
	name?: string;
	autoComplete?: string;
	/** Names, codes: no capital at the start, no correction. */
	literal?: boolean;
	disabled?: boolean;
	required?: boolean;
	maxLength?: number;
	onBlur?: () => void;
	onKeyDown?: (event: KeyboardEvent) => void;
	inputRef?: Ref<HTMLInputElement>;
}

/** A password can be looked at with the eye at its end; a search be emptied. */
export function TextField(props: TextFieldProps) {
	const { label, value, onInput, hint, error, type = "text" } = props;
	const id = useId();
	const [shown, setShown] = useState(false);
	const password = type === "password";
	const below = error ?? hint;
	return (
		<div class={error ? "field field-wrong" : "field"}>
			<label class={props.hideLabel ? "sr-only" : "field-label"} for={id}>
				{label}
			</label>
			<div class="field-box">
				{props.icon && <Icon name={props.icon} size={20} />}
				<input
					id={id}
					ref={props.inputRef}
					class="field-input"
					type={password && shown ? "text" : type}
					name={props.name}
					value={value}
					placeholder={props.placeholder}
					autocomplete={props.autoComplete ?? "off"}
					autocapitalize={props.literal || password ? "none" : undefined}
					autocorrect={props.literal || password ? "off" : undefined}
					spellcheck={props.literal || password ? false : undefined}
					disabled={props.disabled}
					required={props.required}
					maxLength={props.maxLength}
					aria-invalid={error ? "true" : undefined}
					aria-describedby={below === undefined ? undefined : `${id}-below`}
					onInput={(event) => onInput(event.currentTarget.value)}
					onBlur={props.onBlur}
					onKeyDown={props.onKeyDown}
				/>
				{password && (
					<IconButton
						icon={shown ? "eyeOff" : "eye"}
						label={shown ? t.common.hidePassword : t.common.showPassword}
						pressed={shown}
						onClick={() => setShown(!shown)}
					/>
				)}
				{type === "search" && value !== "" && (
					<IconButton icon="close" label={t.common.clear} onClick={() => onInput("")} />
				)}
			</div>
			{below !== undefined && (
				<p class="field-below" id={`${id}-below`} aria-live="polite">
					{below}
				</p>
			)}
		</div>
	);
}
