/** environment.ts - what a browser says about its network and its page. Where nothing is said, nothing is heard. */

/** `navigator.connection`, which not all browsers have. */
interface NetworkInformation {
	addEventListener(event: "change", listener: () => void): void;
	removeEventListener(event: "change", listener: () => void): void;
}

/**
 * Calls `look` when the network may be another one, or the page was asleep. "offline" is a reason to look like the others:
 * browsers say so without the internet, though the server may be in the house. Returns what ends it.
 */
export function watchEnvironment(look: () => void): () => void {
	const ends: (() => void)[] = [];
	const listen = (target: EventTarget, event: string, listener: () => void) => {
		target.addEventListener(event, listener);
		ends.push(() => target.removeEventListener(event, listener));
	};
	if (typeof window !== "undefined" && typeof window.addEventListener === "function")
		for (const event of ["online", "offline", "pageshow"]) listen(window, event, look);
	if (typeof document !== "undefined")
		listen(document, "visibilitychange", () => {
			if (document.visibilityState === "visible") look();
		});
	const network =
		typeof navigator === "undefined" ? undefined : (navigator as { connection?: NetworkInformation }).connection;
	if (typeof network?.addEventListener === "function") {
		network.addEventListener("change", look);
		ends.push(() => network.removeEventListener("change", look));
	}
	return () => ends.forEach((end) => end());
}
