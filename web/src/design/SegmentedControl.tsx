/** SegmentedControl.tsx - one of a few, all in sight: radio buttons that look like one. */
import { useId } from "preact/hooks";
import { Icon, type IconName } from "./Icon.tsx";
import "./SegmentedControl.css";

/** One of them; with an icon its label is heard, and seen as a tooltip, where `iconsOnly` is set. */
export interface Segment<T extends string> {
	value: T;
	label: string;
	icon?: IconName;
}

/** What SegmentedControl takes. */
export interface SegmentedControlProps<T extends string> {
	/** Of the whole; heard. */
	label: string;
	value: T;
	segments: readonly Segment<T>[];
	onChange: (value: T) => void;
	iconsOnly?: boolean;
	/** As wide as what it stands in. */
	wide?: boolean;
}

/** Arrow keys go through it, as the browser does for radio buttons. */
export function SegmentedControl<T extends string>(props: SegmentedControlProps<T>) {
	const { label, value, segments, onChange, iconsOnly, wide } = props;
	const name = useId();
	return (
		<fieldset class={wide ? "segments segments-wide" : "segments"} aria-label={label}>
			{segments.map((segment) => (
				<label class="segment" key={segment.value} title={iconsOnly ? segment.label : undefined}>
					<input
						class="segment-input"
						type="radio"
						name={name}
						value={segment.value}
						checked={segment.value === value}
						onChange={() => onChange(segment.value)}
					/>
					<span class="segment-face">
						{segment.icon && <Icon name={segment.icon} size={18} />}
						<span class={iconsOnly ? "sr-only" : undefined}>{segment.label}</span>
					</span>
				</label>
			))}
		</fieldset>
	);
}
