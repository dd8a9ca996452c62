/** announce.ts - says, wherever one is, that somebody asks to become a contact. */
import { toast } from "../../design/Toast.tsx";
import { client } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { go, href } from "../../state/route.ts";
import { titleOf } from "./people.ts";

/** Once for each request, in the tab that has got it first. */
export function startAnnouncing(): void {
	client.on("request", (contact) => {
		if (contact.blocked) return;
		toast({
			text: t.contacts.said.newRequest(titleOf(contact)),
			action: { label: t.contacts.show, onClick: () => go(href("contacts", contact.uin)) },
		});
	});
}
