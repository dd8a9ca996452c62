/** ListPart.tsx - one part of the list of contacts: its heading and its rows. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** `letter`: the heading is a letter, which stays in sight while its names are scrolled; `dim`: they are less important. */
export function ListPart(props: {
	title: string;
	letter?: boolean;
	dim?: boolean;
	count?: number;
	children: ComponentChildren;
}) {
	const id = useId();
	const classes = ["people-part", props.letter && "people-part-letter", props.dim && "people-part-dim"];
	return (
		<div class={classes.filter(Boolean).join(" ")}>
			<h2 class="people-heading" id={id}>
				{props.title}
				{props.count !== undefined && <span class="people-count">{props.count}</span>}
			</h2>
			<ul aria-labelledby={id}>{props.children}</ul>
		</div>
	);
}
