/**
 * virtual.ts - the arithmetic of a list of which only a part stands in the page: which rows, and how high the rest is.
 *
 * Nothing here touches the page. Heights are CSS pixels; those of rows that were never in the page are estimated, and
 * learnt as soon as they are seen.
 */

/** What the list needs to know of a row. */
export interface ListRow {
	/** Unique in the list; stays the same for as long as the row is the same thing. */
	key: string;
}

/** Rows `first` up to, not including, `end`. */
export interface Part {
	first: number;
	end: number;
}

/** Where a row stands: its top edge, counted from the viewport's top edge. */
export interface Anchor {
	key: string;
	top: number;
}

/** How much of the list stands in the page. */
export interface Reach {
	/** Pixels of rows that are kept ready above and below the viewport. */
	ahead: number;
	/** Never more rows than this. */
	most: number;
}

/** The heights of rows: as measured, or else as estimated for the list's width. */
export class Heights<Row extends ListRow> {
	private readonly known = new Map<string, number>();
	private width = 0;
	private total = 0;

	/** `estimate` is asked often; it should be cheap. */
	constructor(private readonly estimate: (row: Row, width: number) => number) {}

	/** In another width texts wrap elsewhere: what was measured is forgotten. True if it was another one. */
	setWidth(width: number): boolean {
		if (width === this.width) return false;
		this.width = width;
		this.known.clear();
		this.total = 0;
		return true;
	}

	learn(key: string, height: number): void {
		this.total += height - (this.known.get(key) ?? 0);
		this.known.set(key, height);
	}

	of(row: Row): number {
		return this.known.get(row.key) ?? this.estimate(row, this.width);
	}

	/** Of rows `first` up to, not including, `end`. */
	sum(rows: readonly Row[], first: number, end: number): number {
		let sum = 0;
		for (const row of rows.slice(first, end)) sum += this.of(row);
		return sum;
	}

	/** Of all that were measured; what a row that nobody has loaded yet is taken for. */
	get average(): number {
		return this.known.size > 0 ? this.total / this.known.size : 56;
	}
}

/**
 * The part of `rows` that belongs into the page when row `index` has its top `top` pixels below the viewport's top.
 * Where it would be too many rows, what is farthest from the viewport's middle is left out.
 */
export function partAround<Row extends ListRow>(
	rows: readonly Row[],
	heights: Heights<Row>,
	at: { index: number; top: number },
	viewport: number,
	reach: Reach,
): Part {
	let first = Math.max(0, Math.min(at.index, rows.length));
	let end = first;
	let above = at.top;
	let below = at.top;
	const add = (index: number): number => heights.sum(rows, index, index + 1);
	while (end < rows.length && below < viewport + reach.ahead) below += add(end++);
	while (first > 0 && above > -reach.ahead) above -= add(--first);
	while (end - first > reach.most) {
		if (-above > below - viewport) above += add(first++);
		else below -= add(--end);
	}
	return { first, end };
}

/**
 * Of rows first..end, whose first one begins at `top`: the index of the one that holds pixel `y`, and where that
 * begins.
 */
export function rowAt<Row extends ListRow>(
	rows: readonly Row[],
	heights: Heights<Row>,
	part: Part,
	top: number,
	y: number,
): { index: number; top: number } {
	let at = top;
	for (let index = part.first; index < part.end; index++) {
		const height = heights.sum(rows, index, index + 1);
		if (at + height > y || index === part.end - 1) return { index, top: at };
		at += height;
	}
	return { index: part.first, top };
}

/** A place in the whole list: a loaded row, or somewhere among those that are not loaded. */
export type Place = { index: number; into: number } | { unloaded: "before" | "after"; fraction: number };

/**
 * What stands at `fraction` (0 to 1) of the space above (or below) the part in the page: `unloaded` rows of average
 * height at the far end, then the loaded rows from `from` to `to`. `into`: how far into the row.
 */
export function placeIn<Row extends ListRow>(
	rows: readonly Row[],
	heights: Heights<Row>,
	space: { side: "before" | "after"; unloaded: number; from: number; to: number },
	fraction: number,
): Place {
	const far = space.unloaded * heights.average;
	const near = heights.sum(rows, space.from, space.to);
	const y = fraction * (far + near);
	if (space.side === "before" && y < far) return { unloaded: "before", fraction: y / far };
	if (space.side === "after" && y > near && far > 0) return { unloaded: "after", fraction: (y - near) / far };
	const start = space.side === "before" ? far : 0;
	const row = rowAt(rows, heights, { first: space.from, end: space.to }, start, y);
	return { index: row.index, into: y - row.top };
}

/**
 * Whether the view was scrolled from `known` to `now`, and nobody was told yet: scroll events come with the next frame,
 * and what a timer or a change does before that must not take the scroll back. Not, if the content has become shorter
 * and the browser has put the view at its end, `most`: what is looked at should be brought back then.
 */
export function isScrolled(known: number, now: number, most: number): boolean {
	if (Math.abs(now - known) < 0.5) return false;
	return now > known || now < most - 1;
}

/**
 * The space above the rows is an estimate, and may be wrong for a while: keeping it so that what is looked at stays in
 * its place costs nothing, while setting the scroll position in mid-movement would stop a smooth scroll. True if
 * `space` will do where `ideal` would be right: not where the list begins (there it must be exact), nor when it is far
 * off.
 */
export function spaceWillDo(space: number, ideal: number): boolean {
	if (ideal === 0 || space < 0) return Math.abs(space - ideal) < 0.5;
	return space >= ideal * 0.5 && space <= ideal * 2 + 4000;
}
