/** times.ts - how long things may take, and a timer that can be set again. All in ms. */

export interface Times {
	/** Until a socket is open, then until Identify is answered. */
	connect: number;
	/** Between heartbeats; the server may want more of them. */
	heartbeat: number;
	/** Until a heartbeat is answered; the second, where there is reason to doubt the link. */
	heartbeatAnswer: number;
	quickAnswer: number;
	/** Pauses between tries double from the first to the second; each is drawn anew from all below. */
	backoffBase: number;
	backoffMax: number;
	/** A pause is not shorter than this. */
	backoffLeast: number;
	/** One try of a request. */
	request: number;
	/** All tries of a request, unless it says otherwise. */
	patience: number;
	/** A long link that is being made gets this head start before a short link is used. */
	headStart: number;
	/** Between syncs while there is no long link. */
	poll: number;
	/** Once HTTP comes through again, a long link is tried within the first, but not more often than the second. */
	hasten: number;
	hastenGap: number;
}

/** The usual ones. */
export const TIMES: Times = {
	connect: 10_000,
	heartbeat: 50_000,
	heartbeatAnswer: 8_000,
	quickAnswer: 3_000,
	backoffBase: 500,
	backoffMax: 30_000,
	backoffLeast: 100,
	request: 12_000,
	patience: 60_000,
	headStart: 300,
	poll: 15_000,
	hasten: 2_000,
	hastenGap: 15_000,
};

/** The pause after `failures` failures: full jitter, so that clients of a server that was away do not come at once. */
export function backoff(times: Times, failures: number): number {
	const most = Math.min(times.backoffBase * 2 ** Math.min(failures, 16), times.backoffMax);
	return Math.max(Math.random() * most, Math.min(most, times.backoffLeast));
}

/** Stays the same (to some ms) while nobody sets this machine's clock, and it does not sleep. */
export function clockBase(): number {
	return Date.now() - performance.now();
}

/** Whether the clock was set, or the machine asleep, since `base` was noted. */
export function clockMoved(base: number): boolean {
	return Math.abs(clockBase() - base) > 60_000;
}

/** The last instant that a Date can hold, in Unix milliseconds. */
const TIME_MAX = 8_640_000_000_000_000n;

/** A time as the wire has it, such that a Date can be made of it; what is no time is 0. */
export function timeOf(wireMs: bigint): number {
	return wireMs >= 0n && wireMs <= TIME_MAX ? Number(wireMs) : 0;
}

/** The longest delay that setTimeout takes. */
const DELAY_MAX = 0x7fffffff;

/** One timer: setting it again moves it. */
export class Timer {
	private handle: ReturnType<typeof setTimeout> | null = null;
	/** When it rings, by performance.now(); Infinity: never. */
	at = Infinity;

	constructor(private readonly ring: () => void) {}

	set(ms: number): void {
		this.cancel();
		if (ms === Infinity) return;
		this.at = performance.now() + ms;
		this.wait();
	}

	/** Never rings early, as setTimeout may. */
	private wait(): void {
		const ms = Math.ceil(this.at - performance.now());
		this.handle = setTimeout(
			() => {
				if (performance.now() < this.at) return this.wait();
				this.cancel();
				this.ring();
			},
			Math.min(Math.max(ms, 0), DELAY_MAX),
		);
	}

	cancel(): void {
		if (this.handle !== null) clearTimeout(this.handle);
		this.handle = null;
		this.at = Infinity;
	}

	get running(): boolean {
		return this.handle !== null;
	}
}
