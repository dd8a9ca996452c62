/** NotKnown.tsx - the page of an address that is nobody's here. */
import { EmptyState } from "../../design/EmptyState.tsx";
import { t } from "../../state/language.ts";
import { Sheet } from "./Sheet.tsx";

/** `backTo`: the list that one came from, "#/contacts". */
export function NotKnown({ backTo }: { backTo: string }) {
	return (
		<Sheet quiet title={t.contacts.notKnown} backTo={backTo}>
			<EmptyState icon="person" title={t.contacts.notKnown} text={t.contacts.notKnownHint} />
		</Sheet>
	);
}
