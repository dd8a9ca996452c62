/** announce.ts - says, wherever one is, that somebody asks to become a contact. */
import { signal } from "@preact/signals";
import { toast } from "../../design/Toast.tsx";
import { client } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { go, href, route } from "../../state/route.ts";
import { titleOf } from "./people.ts";

const wide = matchMedia("(min-width: 720px)");

/** The last one, for those who hear the page: where a list is in sight, the request stands in it already. */
export const lastAnnounced = signal("");

function isListShown(): boolean {
	return route.value.page !== "me" && (wide.matches || !route.value.part);
}

/** Once for each request, in the tab that has got it first. */
export function startAnnouncing(): void {
	client.on("request", (contact) => {
		if (contact.blocked) return;
		const text = t.contacts.said.newRequest(titleOf(contact));
		if (isListShown()) {
			lastAnnounced.value = text;
			return;
		}
		toast({
			about: contact.uin,
			text,
			action: { label: t.contacts.show, onClick: () => go(href("contacts", contact.uin)) },
		});
	});
}
