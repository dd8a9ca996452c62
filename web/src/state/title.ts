/** title.ts - the tab's title names the conversation that is open; it and the icon tell of unread messages. */
import { effect } from "@preact/signals";
import { contacts, isKnown, nameOfPeer, session, unreadTotal } from "./client.ts";
import { route } from "./route.ts";
import { tabTitle } from "../text/format.ts";

const PLAIN = "/favicon.svg";
const UNREAD = "/favicon-unread.svg";

function setIcon(path: string): void {
	const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
	if (link && link.getAttribute("href") !== path) link.setAttribute("href", path);
}

/** Of the conversation that is open; empty: none is, or it is not known yet with whom. */
function openName(): string {
	const { page, uin } = route.value;
	return page === "chats" && uin && contacts.value && isKnown(uin) ? nameOfPeer(uin) : "";
}

/** Keeps both as they should be. */
export function startTitle(): void {
	effect(() => {
		const isIn = session.value === "in";
		const unread = isIn ? unreadTotal.value : 0;
		document.title = tabTitle(isIn ? openName() : "", unread);
		setIcon(unread > 0 ? UNREAD : PLAIN);
	});
}
