/** TextArea.tsx - several lines of input that grow with what is in them. */
import type { Ref } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import "./TextField.css";
import "./TextArea.css";

/** What TextArea takes. */
export interface TextAreaProps {
	label: string;
	/** The label is heard only. */
	hideLabel?: boolean;
	value: string;
	onInput: (value: string) => void;
	placeholder?: string;
	hint?: string;
	error?: string;
	/** At first; it grows to maxRows and scrolls from there. */
	rows?: number;
	maxRows?: number;
	maxLength?: number;
	disabled?: boolean;
	/** No frame of its own: it stands within something that has one. */
	bare?: boolean;
	onKeyDown?: (event: KeyboardEvent) => void;
	onBlur?: () => void;
	areaRef?: Ref<HTMLTextAreaElement>;
}

function grow(area: HTMLTextAreaElement, maxRows: number): void {
	const look = getComputedStyle(area);
	const line = parseFloat(look.lineHeight) || 22;
	const frame = parseFloat(look.borderTopWidth) + parseFloat(look.borderBottomWidth);
	const padding = parseFloat(look.paddingTop) + parseFloat(look.paddingBottom);
	area.style.height = "auto";
	const wanted = area.scrollHeight + frame;
	const most = line * maxRows + padding + frame;
	area.style.height = `${Math.min(wanted, most)}px`;
	area.style.overflowY = wanted > most ? "auto" : "hidden";
}

/** Enter is its owner's to handle, by `onKeyDown`. */
export function TextArea(props: TextAreaProps) {
	const { label, value, onInput, rows = 1, maxRows = 8, hint, error, areaRef } = props;
	const id = useId();
	const own = useRef<HTMLTextAreaElement | null>(null);
	const below = error ?? hint;
	useLayoutEffect(() => {
		if (own.current) grow(own.current, maxRows);
	}, [value, maxRows]);
	const keep = (area: HTMLTextAreaElement | null) => {
		own.current = area;
		if (typeof areaRef === "function") areaRef(area);
		else if (areaRef) areaRef.current = area;
	};
	return (
		<div class={error ? "field field-wrong" : "field"}>
			<label class={props.hideLabel ? "sr-only" : "field-label"} for={id}>
				{label}
			</label>
			<textarea
				id={id}
				ref={keep}
				class={props.bare ? "text-area text-area-bare" : "text-area"}
				rows={rows}
				value={value}
				placeholder={props.placeholder}
				maxLength={props.maxLength}
				disabled={props.disabled}
				aria-invalid={error ? "true" : undefined}
				aria-describedby={below === undefined ? undefined : `${id}-below`}
				onInput={(event) => onInput(event.currentTarget.value)}
				onKeyDown={props.onKeyDown}
				onBlur={props.onBlur}
			/>
			{below !== undefined && (
				<p class="field-below" id={`${id}-below`} aria-live="polite">
					{below}
				</p>
			)}
		</div>
	);
}
