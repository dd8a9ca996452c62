/** rules.ts - what a name, a password and an invitation have to be; the server has the last word. */
import { t } from "../../state/language.ts";
import { utf8Length } from "../../text/format.ts";

const NAME_MIN = 3;
const NAME_MAX = 32;
const PASSWORD_MIN = 8;
const PASSWORD_MAX = 128;

/**
 * What is wrong with a field: `error`, to be said at once since more typing does not mend it, or `missing`, to be said
 * when the field is left. Neither: it is good.
 */
export interface Verdict {
	error?: string;
	missing?: string;
}

/** As it is typed: names are lower case, and phones like capitals. */
export function nameOfInput(text: string): string {
	return text.toLowerCase().replace(/\s/g, "");
}

/** An account's name. */
export function judgeName(name: string): Verdict {
	if (/[^a-z0-9._-]/.test(name)) return { error: t.welcome.nameCharacters };
	if (name.length > NAME_MAX) return { error: t.welcome.nameLong };
	return name.length < NAME_MIN ? { missing: t.welcome.nameShort } : {};
}

/** A new one. */
export function judgePassword(password: string): Verdict {
	const length = utf8Length(password);
	if (length > PASSWORD_MAX) return { error: t.welcome.passwordLong };
	return length < PASSWORD_MIN ? { missing: t.welcome.passwordShort(PASSWORD_MIN - length) } : {};
}

/** One that exists: whatever it is. */
export function judgeOldPassword(password: string): Verdict {
	return password === "" ? { missing: t.welcome.passwordMissing } : {};
}

/** An invitation's code, where one is needed. */
export function judgeInvitation(code: string): Verdict {
	return code.trim() === "" ? { missing: t.welcome.invitationMissing } : {};
}
