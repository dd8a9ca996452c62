/** clock.ts - the time as pages show it: minutes, not milliseconds. */
import { signal } from "@preact/signals";

const MINUTE_MS = 60_000;

/** Unix milliseconds, new about once a minute, and at once when the page is looked at again. Days are told by it. */
export const now = signal(Date.now());

function tick(): void {
	if (!document.hidden) now.value = Date.now();
}

setInterval(tick, MINUTE_MS);
document.addEventListener("visibilitychange", tick);
