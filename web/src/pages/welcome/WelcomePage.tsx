/** WelcomePage.tsx - register, or sign in. */
import { EmptyState } from "../../design/EmptyState.tsx";
import { t } from "../../state/language.ts";

/** For who is not signed in. */
export function WelcomePage() {
	return <EmptyState title={t.common.product} text={t.common.tagline} />;
}
