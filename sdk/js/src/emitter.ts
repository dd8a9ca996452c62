/** emitter.ts - who listens to what. */

type Listener = (...args: never[]) => void;

/** `M` names the events and the functions that hear them, as types.ts's Events does. */
export class Emitter<M extends { [K in keyof M]: Listener }> {
	private readonly entries = new Set<{ event: keyof M; listener: Listener }>();

	/** Returns what ends it. */
	on<K extends keyof M>(event: K, listener: M[K]): () => void {
		const entry = { event, listener };
		this.entries.add(entry);
		return () => void this.entries.delete(entry);
	}

	/**
	 * Calls who listens now, in the order in which they came. What a listener throws is the program's own mistake: it is
	 * thrown on, outside of the client, and keeps nobody else from hearing.
	 */
	emit<K extends keyof M>(event: K, ...args: Parameters<M[K]>): void {
		for (const entry of [...this.entries]) {
			if (entry.event !== event || !this.entries.has(entry)) continue;
			try {
				entry.listener(...(args as never[]));
			} catch (error) {
				queueMicrotask(() => {
					throw error;
				});
			}
		}
	}
}
