/** Mark.tsx - the wild goose (鸿雁), flying with the sun behind it. */
import "./Mark.css";

/** The mark, `size` CSS pixels wide. Without a label it is an ornament. */
export function Mark({ size = 40, label }: { size?: number; label?: string }) {
	return (
		<svg
			class="mark"
			width={size}
			height={size}
			viewBox="0 0 64 64"
			role={label ? "img" : undefined}
			aria-label={label}
			aria-hidden={label ? undefined : "true"}
			focusable="false"
		>
			<circle class="mark-sun" cx="41" cy="19" r="11" />
			<path
				class="mark-goose"
				d="M3 44c8-1 14-3 19-6C17 30 13 20 12 9c11 5 19 14 23 25 7 0 11-3 14-9 1.5-3 4-4.5 7-4l6 2.5-6 2c-2 .8-2.6 2-3.300 4.5C50 40 42 47 30 47c-7 0-11-1-14-1.5-4 1-8 .5-13-1.5z"
			/>
		</svg>
	);
}
