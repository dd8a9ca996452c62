/** link_notice.ts - when the page speaks of the link: not of a moment's pause, so that nothing flashes. */
import { computed, effect, signal } from "@preact/signals";
import { linkState, session } from "./client.ts";

/** How long the link may be away before anything is said. */
const GRACE_MS = 1_500;

const patient = signal(true);

const away = computed(
	() => session.value === "in" && (linkState.value === "connecting" || linkState.value === "offline"),
);

/** none: all is well, or it is too early to tell. */
export const linkNotice = computed<"none" | "connecting" | "offline">(() => {
	if (!away.value || patient.value) return "none";
	return linkState.value === "offline" ? "offline" : "connecting";
});

/** Watches the link. */
export function startLinkNotice(): void {
	effect(() => {
		if (!away.value) {
			patient.value = true;
			return;
		}
		const timer = setTimeout(() => (patient.value = false), GRACE_MS);
		return () => clearTimeout(timer);
	});
}
