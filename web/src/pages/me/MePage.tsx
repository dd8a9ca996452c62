/** MePage.tsx - oneself, and the sections of what can be set. */
import { PageHeader } from "../../design/PageHeader.tsx";
import { t } from "../../state/language.ts";

/** `section`: which is open; empty: none. */
export function MePage(_props: { section: string }) {
	return <PageHeader title={t.shell.me} />;
}
