/** Sheet.tsx - a pane that is read from top to bottom: its head, and parts in the middle below it. */
import type { ComponentChildren } from "preact";
import { PageHeader } from "../../design/PageHeader.tsx";
import "./Sheet.css";

/** What Sheet takes. */
export interface SheetProps {
	title: string;
	/** Where the way back leads, on phones. */
	backTo: string;
	/** The title is heard only: what is below says it in larger letters. */
	quiet?: boolean;
	children: ComponentChildren;
}

/** Scrolls by itself; the head stays. */
export function Sheet({ title, backTo, quiet, children }: SheetProps) {
	return (
		<div class={quiet ? "sheet sheet-quiet" : "sheet"}>
			<PageHeader title={title} backTo={backTo} />
			<div class="sheet-scroll">{children}</div>
		</div>
	);
}
