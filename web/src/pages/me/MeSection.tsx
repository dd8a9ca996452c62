/** MeSection.tsx - one section of what can be set. */
import { PageHeader } from "../../design/PageHeader.tsx";
import { t } from "../../state/language.ts";

/** An empty or unknown name is the first one's. */
export function MeSection(_props: { section: string }) {
	return <PageHeader title={t.shell.me} backTo="#/me" />;
}
