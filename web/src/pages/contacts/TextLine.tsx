/** TextLine.tsx - a field for one line that the server limits in bytes: says what is wrong, and when room gets short. */
import { TextField, type TextFieldProps } from "../../design/TextField.tsx";
import { t } from "../../state/language.ts";
import { byteLength, problemOf } from "./plain_text.ts";

/** From here on it says how much room is left. */
const SHORT = 16;

/** What is below the field: nothing to say about most texts. */
function noteOf(value: string, maxBytes: number): { error?: string; left?: string } {
	const problem = problemOf(value, maxBytes);
	const left = maxBytes - byteLength(value);
	if (problem === "long") return { error: t.me.tooLong(-left) };
	if (problem === "unseen") return { error: t.me.unseen };
	return left <= SHORT ? { left: t.me.left(left) } : {};
}

/** As TextField; `maxBytes` of UTF-8. Line ends that are pasted become spaces by themselves, in an input. */
export function TextLine({ maxBytes, ...field }: TextFieldProps & { maxBytes: number }) {
	const { error, left } = noteOf(field.value, maxBytes);
	return <TextField {...field} error={field.error ?? error} hint={left ?? field.hint ?? ""} />;
}
