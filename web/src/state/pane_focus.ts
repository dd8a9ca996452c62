/**
 * pane_focus.ts - where the focus goes when another pane comes up: where it was is hidden then, or gone. To the row that
 * one comes back from, else to the pane's title.
 */

/** The address before the one that is shown; null: this is the first one. */
let before: string | null = null;

function lost(): boolean {
	const at = document.activeElement;
	return !(at instanceof HTMLElement) || at === document.body || at.getClientRects().length === 0;
}

function shown(element: HTMLElement | null | undefined): element is HTMLElement {
	return !!element && element.getClientRects().length > 0;
}

/** To be called when another page or part is shown. The first page leaves the focus alone. */
export function followFocus(): void {
	const from = before;
	before = location.hash;
	if (from === null || !lost()) return;
	const row = document.querySelector<HTMLElement>(`.pane-list a[href="${CSS.escape(from)}"]`);
	const titles = Array.from(document.querySelectorAll<HTMLElement>(".pane h1"));
	const main = titles.reverse().find(shown);
	const target = shown(row) ? row : main;
	target?.focus({ preventScroll: true });
}
