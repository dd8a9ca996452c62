/** Switch.tsx - on or off, at once; its label and a hint beside it. */
import { useId } from "preact/hooks";
import "./Switch.css";

/** What Switch takes. */
export interface SwitchProps {
	label: string;
	hint?: string;
	checked: boolean;
	disabled?: boolean;
	onChange: (checked: boolean) => void;
}

/** The whole line can be pressed. */
export function Switch({ label, hint, checked, disabled, onChange }: SwitchProps) {
	const id = useId();
	return (
		<label class="switch">
			<span class="switch-words">
				<span id={`${id}-label`}>{label}</span>
				{hint && (
					<span class="muted small" id={`${id}-hint`}>
						{hint}
					</span>
				)}
			</span>
			<input
				class="switch-input"
				type="checkbox"
				role="switch"
				checked={checked}
				disabled={disabled}
				aria-labelledby={`${id}-label`}
				aria-describedby={hint ? `${id}-hint` : undefined}
				onChange={(event) => onChange(event.currentTarget.checked)}
			/>
		</label>
	);
}
