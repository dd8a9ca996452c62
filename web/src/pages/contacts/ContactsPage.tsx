/** ContactsPage.tsx - everybody one knows, and who asks to be. */
import { PageHeader } from "../../design/PageHeader.tsx";
import { t } from "../../state/language.ts";

/** `uin`: who is open; 0: nobody. */
export function ContactsPage(_props: { uin: number }) {
	return <PageHeader title={t.shell.contacts} />;
}
