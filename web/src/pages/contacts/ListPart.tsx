/** ListPart.tsx - one part of the list of contacts: its heading and its rows. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** `letter`: the heading is a letter, which stays in sight while its names are scrolled. */
export function ListPart(props: { title: string; letter?: boolean; count?: number; children: ComponentChildren }) {
	const id = useId();
	return (
		<div class={props.letter ? "people-part people-part-letter" : "people-part"}>
			<h2 class="people-heading" id={id}>
				{props.title}
				{props.count !== undefined && <span class="people-count">{props.count}</span>}
			</h2>
			<ul aria-labelledby={id}>{props.children}</ul>
		</div>
	);
}
