/** codes.ts - the codes of an answer's head (gRPC's numbers), and what they ask for. */
import { HongyanError, type Status } from "./types.ts";

/** The numbers that requests go by; the others have names alone. */
export const OK = 0;
export const RESOURCE_EXHAUSTED = 8;
export const OUT_OF_RANGE = 11;
export const UNAUTHENTICATED = 16;

const NAMES: readonly (Status | undefined)[] = [
	undefined,
	"UNAVAILABLE" /* CANCELLED, over there: its outcome is not known either */,
	"UNKNOWN",
	"INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED",
	"NOT_FOUND",
	"ALREADY_EXISTS",
	"PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION",
	"ABORTED",
	"OUT_OF_RANGE",
	"UNIMPLEMENTED",
	"INTERNAL",
	"UNAVAILABLE",
	undefined,
	"UNAUTHENTICATED",
];

const AGAIN: ReadonlySet<Status> = new Set<Status>([
	"UNKNOWN",
	"DEADLINE_EXCEEDED",
	"RESOURCE_EXHAUSTED",
	"ABORTED",
	"INTERNAL",
	"UNAVAILABLE",
]);

const statusOf = (code: number): Status => NAMES[code] ?? "UNKNOWN";

/** The same request may do better later. A number that is not known yet is final: a repeat might never end. */
export const mayTryAgain = (code: number): boolean => NAMES[code] !== undefined && AGAIN.has(statusOf(code));

/** `message` may be empty. */
export function errorOf(code: number, message: string, retryAfterMs: number): HongyanError {
	const status = statusOf(code);
	return new HongyanError(status, message || status.toLowerCase().replaceAll("_", " "), retryAfterMs);
}
