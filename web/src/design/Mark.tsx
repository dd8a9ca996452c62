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
			<circle class="mark-sun" cx="40" cy="22" r="11" />
			<path
				class="mark-goose"
				d="M1 51c8-1 14-3 19-7-5-8-7-20-5-33 9 8 15 18 18 29 5-1 9-5 13.5-10.5 3-3.7 6-5.7 9-5.5 2.4.2 4 1.3 7.5 4.4l-6 .7c-2.3.3-4 2-6 5C46 42 41 52.5 28 52.5c-6 0-10-.5-13-1.2-4.5.8-9 .8-14-.3z"
			/>
		</svg>
	);
}
