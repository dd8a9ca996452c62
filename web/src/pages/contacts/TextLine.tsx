/** TextLine.tsx - a field for one line that the server limits in bytes: says what is wrong while it is typed. */
import { TextField, type TextFieldProps } from "../../design/TextField.tsx";
import { t } from "../../state/language.ts";
import { excessOf, problemOf } from "./plain_text.ts";

function errorOf(value: string, maxBytes: number): string | undefined {
	const problem = problemOf(value, maxBytes);
	if (problem === "long") return t.me.tooLong(excessOf(value, maxBytes));
	return problem === "unseen" ? t.me.unseen : undefined;
}

/** As TextField; `maxBytes` of UTF-8. The line below it is always there, so that nothing moves when it speaks. */
export function TextLine({ maxBytes, ...field }: TextFieldProps & { maxBytes: number }) {
	return <TextField {...field} error={field.error ?? errorOf(field.value, maxBytes)} hint={field.hint ?? ""} />;
}
