/** problems.ts - what is said when the server refuses a sign-in or a registration, and where. */
import { HongyanError } from "hongyan";
import { t } from "../../state/language.ts";
import { errorText } from "../../text/errors.ts";

/** Which of the two was tried. */
export type Mode = "signIn" | "register";

/** `field`: said at that field; else above the button. `more`: what can be done about it. */
export interface Problem {
	field?: "name" | "invitation";
	text: string;
	more?: string;
}

/** Of what the client's promise was rejected with. */
export function problemOf(mode: Mode, name: string, byInvitation: boolean, reason: unknown): Problem {
	const code = reason instanceof HongyanError ? reason.code : "UNKNOWN";
	if (code === "FAILED_PRECONDITION") return { text: t.welcome.plainRefused, more: t.welcome.plainRefusedText };
	if (code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED") return { text: t.welcome.unreachable };
	if (mode === "signIn") {
		/* A name or a password that breaks the rules is nobody's. */
		if (code === "UNAUTHENTICATED" || code === "INVALID_ARGUMENT") return { text: t.welcome.wrong };
		if (code === "PERMISSION_DENIED") return { text: t.welcome.disabled };
	} else {
		if (code === "ALREADY_EXISTS") return { field: "name", text: t.welcome.taken(name) };
		if (code === "PERMISSION_DENIED")
			return byInvitation
				? { field: "invitation", text: t.welcome.invitationWrong }
				: { text: t.welcome.registrationOff };
	}
	return { text: errorText(reason) };
}
