import type { Status } from "hongyan";

const codes: Record<Status, string> = {
	INVALID_ARGUMENT: "The server does not accept this.",
	DEADLINE_EXCEEDED: "The server has not answered in time. Try again.",
	NOT_FOUND: "There is no such thing any more.",
	ALREADY_EXISTS: "This exists already.",
	PERMISSION_DENIED: "This is not allowed.",
	RESOURCE_EXHAUSTED: "Too much at once. Try again in a moment.",
	FAILED_PRECONDITION: "This is not possible now.",
	ABORTED: "Something else changed it at the same time. Try again.",
	OUT_OF_RANGE: "The server refuses the time of this. Is this device's clock right?",
	UNIMPLEMENTED: "This server is too old for that.",
	INTERNAL: "The server has made a mistake.",
	UNAVAILABLE: "The server is not reached. Try again when you are connected.",
	UNAUTHENTICATED: "Sign in again, please.",
	UNKNOWN: "That did not work.",
	CANCELLED: "That was not finished.",
};

/** What is said when something did not work. */
export const errors = {
	codes,
	withReason: (sentence: string, reason: string) => `${sentence} (${reason})`,
	tooManyUntil: (time: string) => `Too many tries. Try again in ${time}.`,
	unexpected: (reason: string) => (reason ? `Something went wrong: ${reason}` : "Something went wrong."),
};
