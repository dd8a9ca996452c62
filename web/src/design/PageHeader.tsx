/** PageHeader.tsx - the head of a pane: its title, on phones the way back, at its end what can be done. */
import type { ComponentChildren } from "preact";
import { back } from "../state/route.ts";
import { t } from "../state/language.ts";
import { IconButton } from "./IconButton.tsx";
import "./PageHeader.css";

/** What PageHeader takes. */
export interface PageHeaderProps {
	title: string;
	/** A small line under it. */
	subtitle?: ComponentChildren;
	/** Where the way back leads if one did not come from there: "#/chats". The button is there on phones alone. */
	backTo?: string;
	/** Before the title: an Avatar. */
	leading?: ComponentChildren;
	/** Buttons, a Menu. */
	actions?: ComponentChildren;
}

/** The title gets the focus when a phone changes from pane to pane, so that it is read out. */
export function PageHeader({ title, subtitle, backTo, leading, actions }: PageHeaderProps) {
	return (
		<header class={backTo ? "page-header page-header-back" : "page-header"}>
			{backTo && (
				<span class="page-header-way">
					<IconButton icon="back" label={t.common.back} onClick={() => back(backTo)} />
				</span>
			)}
			{leading}
			<div class="page-header-words">
				<h1 class="ellipsis" tabIndex={-1}>
					{title}
				</h1>
				{subtitle && <div class="page-header-subtitle ellipsis">{subtitle}</div>}
			</div>
			{actions && <div class="page-header-actions">{actions}</div>}
		</header>
	);
}
