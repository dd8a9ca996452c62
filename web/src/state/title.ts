/** title.ts - the tab's title and icon tell of unread messages. */
import { effect } from "@preact/signals";
import { t } from "./language.ts";
import { session, unreadTotal } from "./client.ts";

const PLAIN = "/favicon.svg";
const UNREAD = "/favicon-unread.svg";

function setIcon(path: string): void {
	const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
	if (link && link.getAttribute("href") !== path) link.setAttribute("href", path);
}

/** "(3) Hongyan". */
export function startTitle(): void {
	effect(() => {
		const unread = session.value === "in" ? unreadTotal.value : 0;
		document.title = unread > 0 ? `(${unread > 99 ? "99+" : unread}) ${t.common.product}` : t.common.product;
		setIcon(unread > 0 ? UNREAD : PLAIN);
	});
}
