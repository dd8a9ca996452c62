/** Standing.tsx - why what one writes may not arrive, and what can be done about that. */
import type { Contact } from "hongyan";
import { Banner } from "../../design/Banner.tsx";
import { attempt, client } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { go, href } from "../../state/route.ts";

/** False: there is nobody to write to, or one does not wish to. Whether a stranger takes messages, the server alone knows. */
export function mayTry(contact: Contact | undefined): boolean {
	return !contact?.blocked && !contact?.gone;
}

/** Nothing between contacts. `contact` is undefined for somebody one has nothing to do with. */
export function Standing({ peer, name, contact }: { peer: number; name: string; contact: Contact | undefined }) {
	const card = (label: string) => ({ label, onClick: () => go(href("contacts", peer)) });
	if (contact?.gone) return <Line>{t.conversation.gone}</Line>;
	if (contact?.blocked) {
		const unblock = () => void attempt(client.blockContact(peer, false));
		return <Line action={{ label: t.conversation.unblock, onClick: unblock }}>{t.conversation.blocked(name)}</Line>;
	}
	switch (contact?.relation ?? "none") {
		case "contact":
			return null;
		case "outgoing":
			return <Line action={card(t.conversation.showContact)}>{t.conversation.outgoing(name)}</Line>;
		case "incoming": {
			const accept = () => void attempt(client.acceptContact(peer));
			return (
				<Line action={{ label: t.conversation.accept, onClick: accept }}>{t.conversation.incoming(name)}</Line>
			);
		}
		case "ended":
			return <Line action={card(t.conversation.askAgain)}>{t.conversation.ended(name)}</Line>;
		default:
			return <Line action={card(t.conversation.ask)}>{t.conversation.notContact(name)}</Line>;
	}
}

function Line({ children, action }: { children: string; action?: { label: string; onClick: () => void } }) {
	return (
		<div class="standing">
			<Banner action={action}>{children}</Banner>
		</div>
	);
}
