/** ChatsPage.tsx - the list of conversations. */
import { PageHeader } from "../../design/PageHeader.tsx";
import { t } from "../../state/language.ts";

/** `peer`: whose conversation is open; 0: nobody's. */
export function ChatsPage(_props: { peer: number }) {
	return <PageHeader title={t.shell.chats} />;
}
