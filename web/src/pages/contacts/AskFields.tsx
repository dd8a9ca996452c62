/** AskFields.tsx - what goes with a request to become contacts: a greeting, and one's own name for them. */
import { me } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { LIMITS, problemOf } from "./plain_text.ts";
import { titleOf } from "./people.ts";
import { TextLine } from "./TextLine.tsx";

/** What is asked with. */
export interface Asking {
	greeting: string;
	remark: string;
}

/** "Hello, I am Ann", which people may change. */
export function firstAsking(remark = ""): Asking {
	const greeting = me.value ? t.contacts.find.greetingDefault(titleOf(me.value)) : "";
	return { greeting: problemOf(greeting, LIMITS.greeting) ? "" : greeting, remark };
}

/** Whether it may be sent. */
export function isAskingFine(asking: Asking): boolean {
	return !problemOf(asking.greeting, LIMITS.greeting) && !problemOf(asking.remark, LIMITS.remark);
}

/** Two fields. */
export function AskFields({ asking, onChange }: { asking: Asking; onChange: (asking: Asking) => void }) {
	return (
		<>
			<TextLine
				label={t.contacts.find.greeting}
				hint={t.contacts.find.greetingHint}
				value={asking.greeting}
				maxBytes={LIMITS.greeting}
				onInput={(greeting) => onChange({ ...asking, greeting })}
			/>
			<TextLine
				label={t.contacts.find.remark}
				hint={t.contacts.find.remarkHint}
				value={asking.remark}
				maxBytes={LIMITS.remark}
				onInput={(remark) => onChange({ ...asking, remark })}
			/>
		</>
	);
}
