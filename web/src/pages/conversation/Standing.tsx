/** Standing.tsx - why what one writes may not arrive, and what can be done about that. */
import type { Contact } from "hongyan";
import { Banner } from "../../design/Banner.tsx";
import { t } from "../../state/language.ts";
import { go, href } from "../../state/route.ts";
import { accept, unblock } from "../contacts/actions.ts";

/**
 * False: there is nobody to write to, or one does not wish to. Whether a stranger takes messages, the server alone
 * knows.
 */
export function mayTry(contact: Contact | undefined): boolean {
	return !contact?.blocked && !contact?.gone;
}

/** Nothing between contacts. `contact` is undefined for somebody one has nothing to do with. */
export function Standing({ peer, name, contact }: { peer: number; name: string; contact: Contact | undefined }) {
	const card = (label: string) => ({ label, onClick: () => go(href("contacts", peer)) });
	if (contact?.gone) return <Line>{t.conversation.gone}</Line>;
	if (contact?.blocked) {
		const letIn = { label: t.conversation.unblock, onClick: () => void unblock(contact) };
		return <Line action={letIn}>{t.conversation.blocked(name)}</Line>;
	}
	if (!contact || contact.relation === "none") {
		return <Line action={card(t.conversation.ask)}>{t.conversation.notContact(name)}</Line>;
	}
	switch (contact.relation) {
		case "contact":
			return null;
		case "outgoing":
			return <Line action={card(t.conversation.showContact)}>{t.conversation.outgoing(name)}</Line>;
		case "incoming": {
			const yes = { label: t.conversation.accept, onClick: () => void accept(contact) };
			return <Line action={yes}>{t.conversation.incoming(name)}</Line>;
		}
		case "ended":
			return <Line action={card(t.conversation.askAgain)}>{t.conversation.ended(name)}</Line>;
	}
}

function Line({ children, action }: { children: string; action?: { label: string; onClick: () => void } }) {
	return (
		<div class="standing">
			<Banner action={action}>{children}</Banner>
		</div>
	);
}
