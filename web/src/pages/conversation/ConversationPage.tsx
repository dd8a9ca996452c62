/** ConversationPage.tsx - one conversation. */
import { PageHeader } from "../../design/PageHeader.tsx";
import { nameOf } from "../../state/client.ts";

/** With `peer`; it is made anew for each. */
export function ConversationPage({ peer }: { peer: number }) {
	return <PageHeader title={nameOf(peer)} backTo="#/chats" />;
}
