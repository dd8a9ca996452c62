/** ListRow.tsx - one line of a list: somebody or something, two lines of words, what stands at the end. */
import type { ComponentChildren } from "preact";
import "./ListRow.css";

/** What ListRow takes. */
export interface ListRowProps {
	/** Where it leads. Without one, and without `onClick`, it is only looked at. */
	href?: string;
	onClick?: () => void;
	/** It is the one that is open. */
	current?: boolean;
	/** An Avatar or an Icon. */
	leading?: ComponentChildren;
	title: ComponentChildren;
	/** At the end of the title's line: a time. */
	aside?: ComponentChildren;
	subtitle?: ComponentChildren;
	/** At the end of the second line: a Badge. */
	badge?: ComponentChildren;
	/** At the row's end, outside what is pressed: buttons. */
	actions?: ComponentChildren;
	/** Its title is bold: there is news. */
	strong?: boolean;
}

/** Put them into a <ul>: each is an <li>. */
export function ListRow(props: ListRowProps) {
	const { href, onClick, current, leading, title, aside, subtitle, badge, actions, strong } = props;
	const inside = (
		<>
			{leading}
			<span class="row-words">
				<span class="row-line">
					<span class={strong ? "row-title row-title-strong ellipsis" : "row-title ellipsis"}>{title}</span>
					{aside && <span class="row-aside">{aside}</span>}
				</span>
				{(subtitle !== undefined || badge) && (
					<span class="row-line">
						<span class="row-subtitle ellipsis">{subtitle}</span>
						{badge}
					</span>
				)}
			</span>
		</>
	);
	return (
		<li class={current ? "row row-current" : "row"}>
			{href ? (
				<a class="row-main row-press" href={href} aria-current={current ? "true" : undefined}>
					{inside}
				</a>
			) : onClick ? (
				<button type="button" class="row-main row-press" onClick={onClick}>
					{inside}
				</button>
			) : (
				<div class="row-main">{inside}</div>
			)}
			{actions && <span class="row-actions">{actions}</span>}
		</li>
	);
}
