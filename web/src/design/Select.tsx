/** Select.tsx - one of several, by the browser's own list. */
import { useId } from "preact/hooks";
import { Icon } from "./Icon.tsx";
import "./TextField.css";
import "./Select.css";

/** What Select takes. */
export interface SelectProps<T extends string> {
	label: string;
	hint?: string;
	value: T;
	options: readonly { value: T; label: string }[];
	disabled?: boolean;
	onChange: (value: T) => void;
}

/** Looks like TextField. */
export function Select<T extends string>({ label, hint, value, options, disabled, onChange }: SelectProps<T>) {
	const id = useId();
	const choose = (chosen: string) => {
		const option = options.find((one) => one.value === chosen);
		if (option) onChange(option.value);
	};
	return (
		<div class="field">
			<label class="field-label" for={id}>
				{label}
			</label>
			<div class="field-box select-box">
				<select
					id={id}
					class="select"
					value={value}
					disabled={disabled}
					aria-describedby={hint ? `${id}-hint` : undefined}
					onChange={(event) => choose(event.currentTarget.value)}
				>
					{options.map((option) => (
						<option key={option.value} value={option.value}>
							{option.label}
						</option>
					))}
				</select>
				<Icon name="chevronDown" size={18} />
			</div>
			{hint && (
				<p class="field-below" id={`${id}-hint`}>
					{hint}
				</p>
			)}
		</div>
	);
}
