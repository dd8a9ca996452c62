/** copy.ts - puts a text where people can paste it from; also on plain http, where scripts have no clipboard of their own. */

/** False: the browser does not allow it. */
export async function copyText(text: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		return copySelected(text);
	}
}

/** The old way: what is selected is copied. The focus goes back to where it was. */
function copySelected(text: string): boolean {
	const before = document.activeElement;
	const field = document.createElement("textarea");
	field.value = text;
	field.className = "sr-only";
	document.body.append(field);
	field.select();
	const done = document.execCommand("copy");
	field.remove();
	if (before instanceof HTMLElement) before.focus();
	return done;
}
