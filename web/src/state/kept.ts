/** kept.ts - small choices of the person at this browser, in localStorage; without one they last as long as the page. */

const PREFIX = "hongyan.";

/** null: nothing was kept. */
export function kept(name: string): string | null {
	try {
		return localStorage.getItem(PREFIX + name);
	} catch {
		return null;
	}
}

/** null forgets it. */
export function keep(name: string, value: string | null): void {
	try {
		if (value === null) localStorage.removeItem(PREFIX + name);
		else localStorage.setItem(PREFIX + name, value);
	} catch {
		/* Storage may be forbidden: the choice lasts until the page is closed. */
	}
}

/** All that is kept under names that begin so. */
export function keptNames(beginning: string): string[] {
	try {
		const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX + beginning));
		return names.map((name) => name.slice(PREFIX.length));
	} catch {
		return [];
	}
}

/** Calls back when another tab keeps another value; returns what ends it. */
export function onKept(name: string, listener: (value: string | null) => void): () => void {
	const heard = (event: StorageEvent) => {
		if (event.key === PREFIX + name) listener(event.newValue);
	};
	addEventListener("storage", heard);
	return () => removeEventListener("storage", heard);
}
