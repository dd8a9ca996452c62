/** reached.ts - what needs the server's answer is not begun while the page says that there is no link. */
import { HongyanError } from "hongyan";
import { linkState } from "../../state/client.ts";
import { linkNotice } from "../../state/link_notice.ts";

/**
 * Does `work`, or rejects with UNAVAILABLE at once. The client itself would try on and on until there is a link again,
 * and people would not know whether it was done. What was begun before the link went is still finished.
 */
export async function whenReached<T>(work: () => Promise<T>): Promise<T> {
	if (linkState.value === "offline" || linkNotice.value !== "none") throw new HongyanError("UNAVAILABLE", "");
	return work();
}
