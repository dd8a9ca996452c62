/** position.ts - where somebody was in each conversation, for as long as the tab is open, through reloads. */

/** Absent: at the end. */
export interface Position {
	seq: number;
	key: string;
	/** Of that row's top, below the viewport's. */
	top: number;
	/** The newest message there was: later ones are worth more than the old place. */
	lastSeq: number;
}

const NAME = "hongyan-positions";
const MOST = 50;

function isPosition(value: unknown): value is Position {
	if (typeof value !== "object" || value === null) return false;
	const { seq, key, top, lastSeq } = value as Record<string, unknown>;
	return typeof seq === "number" && typeof key === "string" && typeof top === "number" && typeof lastSeq === "number";
}

/** Kept in sessionStorage; where that is forbidden, in memory alone. */
export class Positions {
	private readonly places: Map<string, Position>;

	constructor(private readonly storage: Pick<Storage, "getItem" | "setItem"> | undefined) {
		this.places = new Map();
		try {
			const stored: unknown = JSON.parse(storage?.getItem(NAME) ?? "{}");
			for (const [name, place] of Object.entries(stored ?? {}))
				if (isPosition(place)) this.places.set(name, place);
		} catch {
			// Somebody else's text under this name: begin anew.
		}
	}

	/** `me` signed in here, the conversation with `peer`. */
	get(me: number, peer: number): Position | undefined {
		return this.places.get(`${me} ${peer}`);
	}

	/** The ones used last are kept. */
	set(me: number, peer: number, place: Position | undefined): void {
		const name = `${me} ${peer}`;
		if (!place && !this.places.has(name)) return;
		this.places.delete(name);
		if (place) this.places.set(name, place);
		for (const old of [...this.places.keys()].slice(0, Math.max(0, this.places.size - MOST)))
			this.places.delete(old);
		try {
			this.storage?.setItem(NAME, JSON.stringify(Object.fromEntries(this.places)));
		} catch {
			// Full, or forbidden: it is a comfort, no more.
		}
	}
}
