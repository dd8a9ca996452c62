/** errors.ts - what is said when something did not work, in the language that is spoken. */
import { HongyanError } from "hongyan";
import { t } from "../state/language.ts";
import { durationText } from "./format.ts";

/**
 * A sentence for people. The server's own, in English, is added where the code alone does not tell what to do; a time to
 * come back is said where there is one.
 */
export function errorText(problem: unknown): string {
	if (!(problem instanceof HongyanError)) return t.errors.unexpected(problem instanceof Error ? problem.message : "");
	if (problem.code === "RESOURCE_EXHAUSTED" && problem.retryAfterMs > 0)
		return t.errors.tooManyUntil(durationText(problem.retryAfterMs));
	const sentence = t.errors.codes[problem.code];
	return SPEAKS_FOR_ITSELF.has(problem.code) || !problem.message
		? sentence
		: t.errors.withReason(sentence, problem.message);
}

const SPEAKS_FOR_ITSELF: ReadonlySet<string> = new Set([
	"DEADLINE_EXCEEDED",
	"UNAVAILABLE",
	"UNAUTHENTICATED",
	"CANCELLED",
]);
