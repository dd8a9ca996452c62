/** EmptyState.tsx - what a page says when there is nothing on it, and what to do about that. */
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon.tsx";
import { Mark } from "./Mark.tsx";
import "./EmptyState.css";

/** An icon, or the goose; a title; a sentence; perhaps a button. */
export function EmptyState(props: { icon?: IconName; title: string; text?: string; children?: ComponentChildren }) {
	return (
		<div class="empty">
			<span class="empty-mark">{props.icon ? <Icon name={props.icon} size={32} /> : <Mark size={72} />}</span>
			<h2 class="empty-title">{props.title}</h2>
			{props.text && <p class="muted">{props.text}</p>}
			{props.children && <div class="empty-actions">{props.children}</div>}
		</div>
	);
}
