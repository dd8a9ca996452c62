/** draft.ts - keeps what is being written, a moment after the last key, and at once when the page is left. */
import { signal } from "@preact/signals";

const SAVE_MS = 400;

/** One conversation's. `save` is the client's; it may fail, then the draft lasts as long as the page. */
export class Draft {
	readonly text = signal("");
	/** What was given to be saved, and what is known to be. */
	private saved = "";
	private safe = "";
	private timer: ReturnType<typeof setTimeout> | undefined;

	constructor(private readonly save: (text: string) => Promise<void>) {}

	/**
	 * What the store holds: at first, and when another tab has written it. What is being written here is worth more.
	 */
	stored(text: string): void {
		if (text === this.saved) return;
		const untouched = this.text.peek() === this.saved;
		this.saved = text;
		this.safe = text;
		if (untouched) this.text.value = text;
	}

	write(text: string): void {
		this.text.value = text;
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.flush(), SAVE_MS);
	}

	/** Saves now what is not saved. */
	flush(): void {
		clearTimeout(this.timer);
		const text = this.text.peek();
		if (text === this.saved) return;
		this.saved = text;
		this.save(text).then(
			() => (this.safe = text),
			() => undefined,
		);
	}

	/** What would be lost if the page ended now; undefined: nothing. */
	get unsafe(): string | undefined {
		const text = this.text.peek();
		return text === this.safe ? undefined : text;
	}
}
