/** page.ts - the JavaScript library in a page, with its store in IndexedDB. driver_page.mjs carries the lines in and out. */
import { Driver } from "./orders.ts";

declare global {
	interface Window {
		/** Theirs: takes a line out. */
		say(line: string): void;
		/** Ours: a line in. Resolves when it is answered; true: it was the last. */
		take(text: string): Promise<boolean>;
	}
}

const driver = new Driver({ deviceName: document.title }, (line) => window.say(JSON.stringify(line)));
window.take = (text) => driver.take(text);
