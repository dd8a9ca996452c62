/**
 * route.ts - which page is shown, as the address says after '#': #/chats, #/chats/UIN, #/contacts, #/contacts/UIN,
 * #/me, #/me/SECTION, #/welcome. Links are plain <a href="#/...">.
 */
import { computed, signal } from "@preact/signals";

/** The pages there are. */
export type PageName = "welcome" | "chats" | "contacts" | "me";

/**
 * `part` is what stands behind the page's name: somebody's UIN, which is `uin`, too, or of "me" a section. Empty: the
 * page's list alone.
 */
export interface Route {
	page: PageName;
	part: string;
	uin: number;
}

const PAGES: readonly PageName[] = ["welcome", "chats", "contacts", "me"];

/** Of what stands in the address, "#/chats/42"; anything that is no page is chats, and who is no UIN is left out. */
export function parseRoute(hash: string): Route {
	const [name, part = ""] = hash.replace(/^#?\/?/, "").split("/");
	const page = PAGES.find((one) => one === name);
	const uin = /^[1-9][0-9]{0,9}$/.test(part) ? Number(part) : 0;
	if (page === "me") return { page, part, uin: 0 };
	return { page: page ?? "chats", part: page && uin ? part : "", uin: page ? uin : 0 };
}

/** "#/chats/42". */
export function href(page: PageName, part: string | number = ""): string {
	return part === "" ? `#/${page}` : `#/${page}/${part}`;
}

const hash = signal(location.hash);

/** How many steps of this page lie behind this entry of the browser's history. */
let depth = 0;

/** What is shown. */
export const route = computed(() => parseRoute(hash.value));

/** Goes there; `replace`: without a step in the history. */
export function go(to: string, replace = false): void {
	if (to === location.hash) return;
	if (replace) history.replaceState({ depth }, "", to);
	else history.pushState({ depth: ++depth }, "", to);
	hash.value = location.hash;
}

/** A step back; to `fallback` where the page was opened right here. */
export function back(fallback: string): void {
	if (depth > 0) history.back();
	else go(fallback, true);
}

function depthOf(state: unknown): number | undefined {
	if (typeof state !== "object" || state === null || !("depth" in state)) return undefined;
	return typeof state.depth === "number" ? state.depth : undefined;
}

/** Takes the address as it is; one that is none becomes that of the page which is shown for it. */
function readAddress(): void {
	const { page, part } = parseRoute(location.hash);
	const meant = href(page, part);
	if (location.hash !== "" && location.hash !== meant) history.replaceState(history.state, "", meant);
	hash.value = location.hash;
}

/** Follows the address: links, and the browser's own buttons. */
export function startRoute(): void {
	depth = depthOf(history.state) ?? 0;
	readAddress();
	addEventListener("popstate", (event) => {
		const known = depthOf(event.state);
		if (known === undefined) history.replaceState({ depth: depth + 1 }, "");
		depth = known ?? depth + 1;
		readAddress();
	});
}
