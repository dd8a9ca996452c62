/**
 * VirtualList.tsx - a list of any length and any row heights, of which about a hundred rows at most stand in the page.
 *
 * Whatever changes, what is looked at stays in its place: rows put above, heights that turn out to be others, another
 * width. At the bottom it stays at the bottom. Rows that are not loaded are empty space of likely height; they are
 * asked for before they are seen.
 *
 * The owner gives the loaded rows, in order, and how many more there are at both ends; `target` moves the view.
 */
import { Component, type ComponentChildren, createRef } from "preact";
import "./VirtualList.css";
import {
	type Anchor,
	Heights,
	isScrolled,
	type ListRow,
	type Part,
	type Reach,
	partAround,
	placeIn,
	rowAt,
	spaceWillDo,
} from "./virtual.ts";

/**
 * Where to look: the list's end, or a row and the distance of its top from the viewport's. A new object moves the view
 * again.
 */
export type Target = { end: true } | Anchor;

/** What is to be seen at the moment. */
export interface View<Row extends ListRow> {
	/** The list's very end is in view; the list will keep it there. */
	atEnd: boolean;
	/** The rows that are, at least partly, in view, from above: each brings this view back as a `target`. */
	anchors: readonly Anchor[];
	/** The last row whose lower edge is in view. */
	lastSeen: Row | null;
}

/** What VirtualList takes. */
export interface VirtualListProps<Row extends ListRow> {
	/** The same row must be the same object: others are drawn again. */
	rows: readonly Row[];
	/** About how many rows are there before and after those, not loaded; 0: certainly none. */
	before: number;
	after: number;
	target: Target;
	estimate: (row: Row, width: number) => number;
	children: (row: Row) => ComponentChildren;
	label: string;
	class?: string;
	/** More rows at that end will be needed soon. Called again and again until they are there. */
	onNeed: (end: "before" | "after") => void;
	/** Somebody has scrolled to where nothing is loaded: at this fraction (0 to 1) of that end's rows. */
	onSeek: (end: "before" | "after", fraction: number) => void;
	/** After each scroll and each change. */
	onView: (view: View<Row>) => void;
	onKeyDown?: (event: KeyboardEvent) => void;
}

const REACH: Reach = { ahead: 900, most: 110 };
/** Closer to the bottom than this is at the bottom. */
const END_PX = 12;
/** With fewer loaded rows than this beyond those in the page, more are asked for. */
const NEED_ROWS = 40;
const IDLE_MS = 140;
const SEEK_MS = 60;

class RowHost<Row extends ListRow> extends Component<{ row: Row; draw: (row: Row) => ComponentChildren }> {
	override shouldComponentUpdate(next: Readonly<{ row: Row; draw: (row: Row) => ComponentChildren }>): boolean {
		return next.row !== this.props.row || next.draw !== this.props.draw;
	}

	override render({ row, draw }: { row: Row; draw: (row: Row) => ComponentChildren }) {
		return (
			<div class="virtual-list-row" role="listitem" aria-setsize={-1} data-key={row.key}>
				{draw(row)}
			</div>
		);
	}
}

/** See above. */
export class VirtualList<Row extends ListRow> extends Component<VirtualListProps<Row>> {
	private readonly scroller = createRef<HTMLDivElement>();
	private readonly above = createRef<HTMLDivElement>();
	private readonly inside = createRef<HTMLDivElement>();
	private readonly below = createRef<HTMLDivElement>();
	private readonly heights = new Heights<Row>((row, width) => this.props.estimate(row, width));

	private part: Part = { first: 0, end: 0 };
	/** What `part` was chosen for. */
	private rows: readonly Row[] = [];
	/** Of the viewport, and of what is above the rows and of the rows. As set or measured last. */
	private viewport = 0;
	private space = 0;
	private height = 0;
	private scrollTop = 0;
	/** The end is kept in view. */
	private stuck = false;
	/** The last one that was given. */
	private target: Target | null = null;
	/** A target that has yet to be placed. */
	private wanted: Target | null = null;
	/** Rows in view, from above. */
	private anchors: Anchor[] = [];
	private touched = false;
	private observer: ResizeObserver | undefined;
	private idleTimer = 0;
	private seekTimer = 0;

	override componentDidMount(): void {
		const scroller = this.scroller.current;
		const inside = this.inside.current;
		if (!scroller || !inside) return;
		this.viewport = scroller.clientHeight;
		this.heights.setWidth(scroller.clientWidth);
		this.observer = new ResizeObserver(this.onResize);
		this.observer.observe(scroller);
		this.observer.observe(inside);
		this.settle();
		this.afterwards();
	}

	override componentWillUnmount(): void {
		this.observer?.disconnect();
		clearTimeout(this.idleTimer);
		clearTimeout(this.seekTimer);
	}

	/** Whether the focus is in a row. */
	override getSnapshotBeforeUpdate(): boolean {
		return this.inside.current?.contains(document.activeElement) ?? false;
	}

	override componentDidUpdate(_props: unknown, _state: unknown, hadFocus: boolean): void {
		// A row that has left the page takes the focus with it: the list's own keys should go on. A menu keeps its own.
		if (hadFocus && document.activeElement === document.body) this.focus();
		this.settle();
		this.afterwards();
	}

	/** The rows' container, for whoever wants to find a row's element by its data-key. */
	get element(): HTMLElement | null {
		return this.inside.current;
	}

	focus(): void {
		this.scroller.current?.focus({ preventScroll: true });
	}

	/** Until the next scroll the end is not followed: what is looked at stays, though something below it grows. */
	hold(): void {
		this.stuck = false;
		this.remember();
	}

	/** Scrolls by so many viewports. */
	page(by: number, behavior: ScrollBehavior): void {
		this.scroller.current?.scrollBy({ top: by * this.viewport * 0.85, behavior });
	}

	scrollBy(px: number): void {
		this.scroller.current?.scrollBy({ top: px, behavior: "auto" });
	}

	/** A smooth way to the end where it is near; false where it is not: then give a target. */
	glideToEnd(behavior: ScrollBehavior): boolean {
		const scroller = this.scroller.current;
		if (!scroller || this.props.after > 0 || this.part.end < this.props.rows.length) return false;
		const far = scroller.scrollHeight - scroller.scrollTop - this.viewport;
		if (far > 3 * this.viewport) return false;
		scroller.scrollTo({ top: scroller.scrollHeight, behavior });
		return true;
	}

	/** Brings a row that stands in the page wholly into view, with the shortest way. */
	reveal(key: string): HTMLElement | null {
		const scroller = this.scroller.current;
		const row = [...(this.inside.current?.children ?? [])].find((child) => child.getAttribute("data-key") === key);
		if (!scroller || !(row instanceof HTMLElement)) return null;
		const view = scroller.getBoundingClientRect();
		const box = row.getBoundingClientRect();
		if (box.top < view.top) scroller.scrollBy({ top: box.top - view.top - 8, behavior: "auto" });
		else if (box.bottom > view.bottom)
			scroller.scrollBy({ top: Math.min(box.bottom - view.bottom + 8, box.top - view.top), behavior: "auto" });
		return row;
	}

	override render({ rows, children, label, target }: VirtualListProps<Row>) {
		this.choose(rows, target);
		const { first, end } = this.part;
		return (
			<div
				ref={this.scroller}
				class={`virtual-list ${this.props.class ?? ""}`}
				role="log"
				aria-live="off"
				aria-label={label}
				tabIndex={0}
				onScroll={this.onScroll}
				onKeyDown={this.props.onKeyDown}
				onTouchStart={this.onTouch}
				onTouchEnd={this.onTouchEnd}
				onTouchCancel={this.onTouchEnd}
			>
				<div class="virtual-list-content">
					<div ref={this.above} class="virtual-list-space" />
					<div ref={this.inside} class="virtual-list-rows" role="list">
						{rows.slice(first, end).map((row) => (
							<RowHost key={row.key} row={row} draw={children} />
						))}
					</div>
					<div ref={this.below} class="virtual-list-space" />
				</div>
			</div>
		);
	}

	/**
	 * Chooses the part, before it is drawn: around a new target, or around what is looked at if the rows are others.
	 */
	private choose(rows: readonly Row[], target: Target): void {
		this.catchUp();
		const viewport = this.viewport || window.innerHeight;
		if (target !== this.target) {
			this.target = target;
			this.wanted = target;
		}
		if (this.wanted) {
			this.part = partAround(rows, this.heights, this.placeOf(rows, this.wanted, viewport), viewport, REACH);
		} else if (rows !== this.rows) {
			const end = { index: rows.length, top: viewport };
			const at = this.stuck
				? end
				: (this.anchorIn(rows) ?? { index: Math.min(this.part.first, rows.length), top: 0 });
			this.part = partAround(rows, this.heights, at, viewport, REACH);
		}
		this.rows = rows;
	}

	private placeOf(rows: readonly Row[], target: Target, viewport: number): { index: number; top: number } {
		if ("end" in target) return { index: rows.length, top: viewport };
		const index = rows.findIndex((row) => row.key === target.key);
		return index < 0 ? { index: rows.length, top: viewport } : { index, top: target.top };
	}

	/** The first of the rows that were in view which is still there. */
	private anchorIn(rows: readonly Row[]): { index: number; top: number } | null {
		if (this.anchors.length === 0) return null;
		const places = new Map(rows.map((row, index) => [row.key, index]));
		for (const anchor of this.anchors) {
			const index = places.get(anchor.key);
			if (index !== undefined) return { index, top: anchor.top };
		}
		return null;
	}

	/**
	 * After a change of the page and before it is painted: learns heights, sets the spaces, puts the view where it
	 * belongs.
	 */
	private settle(): void {
		const scroller = this.scroller.current;
		if (!scroller) return;
		this.measure();
		const { before, after, rows } = this.props;
		const ideal = before * this.heights.average + this.heights.sum(rows, 0, this.part.first);
		const rest = after * this.heights.average + this.heights.sum(rows, this.part.end, rows.length);
		if (this.below.current) this.below.current.style.height = `${rest}px`;
		const wanted = this.wanted;
		if (rows.length > 0) this.wanted = null;
		if (wanted) this.stuck = "end" in wanted && after === 0;
		const at = wanted && !("end" in wanted) ? this.placeOf(rows, wanted, this.viewport) : this.anchorIn(rows);
		if (this.stuck || !at || (wanted && "end" in wanted)) {
			this.setSpace(ideal);
			this.setScroll(this.stuck || wanted ? scroller.scrollHeight : this.scrollTop);
		} else {
			const inRows = this.heights.sum(rows, this.part.first, at.index);
			const space = this.scrollTop + at.top - inRows;
			if (!wanted && spaceWillDo(space, ideal)) {
				this.setSpace(space);
			} else {
				this.setSpace(ideal);
				this.setScroll(ideal + inRows - at.top);
			}
		}
		if (wanted && !("end" in wanted)) this.stuck = this.isAtEnd();
		this.remember();
	}

	private measure(): void {
		const inside = this.inside.current;
		if (!inside) return;
		const rows = this.props.rows;
		let height = 0;
		for (let i = 0; i < inside.children.length; i++) {
			const row = rows[this.part.first + i];
			const box = inside.children[i]?.getBoundingClientRect().height ?? 0;
			if (row) this.heights.learn(row.key, box);
			height += box;
		}
		this.height = height;
	}

	private setSpace(space: number): void {
		if (space === this.space || !this.above.current) return;
		this.space = space;
		this.above.current.style.height = `${space}px`;
	}

	private setScroll(to: number): void {
		const scroller = this.scroller.current;
		if (!scroller) return;
		if (Math.abs(scroller.scrollTop - to) >= 0.5) scroller.scrollTop = to;
		this.scrollTop = scroller.scrollTop;
	}

	/**
	 * Takes note of a scroll whose event has yet to come. Before anything is changed: `anchors` are then as the rows stand
	 * in the page now.
	 */
	private catchUp(): void {
		const scroller = this.scroller.current;
		if (!scroller) return;
		const now = scroller.scrollTop;
		if (!isScrolled(this.scrollTop, now, scroller.scrollHeight - scroller.clientHeight)) return;
		this.scrollTop = now;
		this.stuck = this.isAtEnd();
		this.remember();
	}

	private isAtEnd(): boolean {
		const scroller = this.scroller.current;
		if (!scroller || this.props.after > 0 || this.part.end < this.props.rows.length) return false;
		return scroller.scrollHeight - this.scrollTop - this.viewport <= END_PX;
	}

	/** Where the rows begin, from the top of what is scrolled: a short list stands at the viewport's lower edge. */
	private get rowsTop(): number {
		return Math.max(this.space, this.viewport - this.height);
	}

	/** Notes which rows are in view, and where. */
	private remember(): void {
		const { rows } = this.props;
		this.anchors = [];
		if (this.part.end <= this.part.first) return;
		const from = rowAt(rows, this.heights, this.part, this.rowsTop, this.scrollTop);
		let top = from.top - this.scrollTop;
		for (const row of rows.slice(from.index, this.part.end)) {
			if (top >= this.viewport) break;
			this.anchors.push({ key: row.key, top });
			top += this.heights.of(row);
		}
	}

	/** Tells the owner what is in view and what will be needed. */
	private afterwards(): void {
		const { rows, before, after } = this.props;
		let lastSeen: Row | null = null;
		if (this.anchors.length > 0) {
			const byKey = new Map(this.anchors.map((anchor) => [anchor.key, anchor.top]));
			for (const row of rows.slice(this.part.first, this.part.end)) {
				const top = byKey.get(row.key);
				if (top !== undefined && top + this.heights.of(row) <= this.viewport + 2) lastSeen = row;
			}
		}
		this.props.onView({ atEnd: this.stuck || this.isAtEnd(), anchors: this.anchors, lastSeen });
		if (before > 0 && this.part.first < NEED_ROWS) this.props.onNeed("before");
		if (after > 0 && rows.length - this.part.end < NEED_ROWS) this.props.onNeed("after");
	}

	private readonly onScroll = (): void => {
		const scroller = this.scroller.current;
		if (!scroller) return;
		// A viewport that has just grown scrolls before its observer is told.
		this.viewport = scroller.clientHeight;
		this.scrollTop = scroller.scrollTop;
		this.stuck = this.isAtEnd();
		const above = this.scrollTop - this.space;
		const below = this.space + this.height - this.scrollTop - this.viewport;
		if (above < -this.viewport || below < -this.viewport) this.leap();
		else {
			this.remember();
			const short = REACH.ahead / 2;
			const { rows } = this.props;
			if ((above < short && this.part.first > 0) || (below < short && this.part.end < rows.length)) this.shift();
		}
		this.afterwards();
		clearTimeout(this.idleTimer);
		this.idleTimer = window.setTimeout(this.onIdle, IDLE_MS);
	};

	/** Puts another part into the page, around the same view. */
	private shift(): void {
		const at = this.anchorIn(this.props.rows);
		if (!at) return;
		const part = partAround(this.props.rows, this.heights, at, this.viewport, REACH);
		if (part.first === this.part.first && part.end === this.part.end) return;
		this.part = part;
		this.forceUpdate();
	}

	/** The view has left the rows of the page, by the scroll bar or a key: guesses what belongs here. */
	private leap(): void {
		const { rows, before, after } = this.props;
		const up = this.scrollTop < this.space;
		const from = this.space + this.height;
		const total = (this.scroller.current?.scrollHeight ?? 0) - from;
		const fraction = up ? this.scrollTop / Math.max(1, this.space) : (this.scrollTop - from) / Math.max(1, total);
		const space = up
			? { side: "before" as const, unloaded: before, from: 0, to: this.part.first }
			: { side: "after" as const, unloaded: after, from: this.part.end, to: rows.length };
		const place = placeIn(rows, this.heights, space, Math.min(1, Math.max(0, fraction)));
		clearTimeout(this.seekTimer);
		if ("unloaded" in place) {
			this.anchors = [];
			this.seekTimer = window.setTimeout(() => this.props.onSeek(place.unloaded, place.fraction), SEEK_MS);
			return;
		}
		const row = rows[place.index];
		if (!row) return;
		this.wanted = { key: row.key, top: -place.into };
		this.forceUpdate();
	}

	/** When nothing moves any more, the space above may be made right; nobody sees it. */
	private readonly onIdle = (): void => {
		this.catchUp();
		if (this.touched || this.anchors.length === 0) return;
		const ideal = this.props.before * this.heights.average + this.heights.sum(this.props.rows, 0, this.part.first);
		// Whole pixels: a scroll position has no others everywhere.
		const off = Math.round(ideal - this.space);
		if (off === 0 || this.stuck) return;
		this.setSpace(this.space + off);
		this.setScroll(this.scrollTop + off);
	};

	private readonly onTouch = (): void => {
		this.touched = true;
	};

	private readonly onTouchEnd = (): void => {
		this.touched = false;
		clearTimeout(this.idleTimer);
		this.idleTimer = window.setTimeout(this.onIdle, 4 * IDLE_MS);
	};

	private readonly onResize = (): void => {
		const scroller = this.scroller.current;
		if (!scroller || scroller.clientHeight === 0) return;
		this.catchUp();
		this.viewport = scroller.clientHeight;
		const other = this.heights.setWidth(scroller.clientWidth);
		// A row that is partly above may end there in another width.
		const whole = this.anchors.filter((anchor) => anchor.top >= 0);
		if (other && whole.length > 0) this.anchors = whole;
		this.settle();
		if (other) this.shift();
		this.afterwards();
	};
}
