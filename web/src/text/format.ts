/** format.ts - times, days and lengths as people say them, in the language that is spoken. */
import { now } from "../state/clock.ts";
import { locale, t } from "../state/language.ts";

const DAY_MS = 86_400_000;

/** Making one is slow, using it is not: one for each language and kind. */
const formats = new Map<string, Intl.DateTimeFormat>();

function format(ms: number, options: Intl.DateTimeFormatOptions): string {
	const key = locale.value + JSON.stringify(options);
	let one = formats.get(key);
	if (!one) formats.set(key, (one = new Intl.DateTimeFormat(locale.value, options)));
	return one.format(ms);
}

/** 0: today; 1: yesterday; by the calendar of whoever reads, summer time or not. */
function daysAgo(ms: number): number {
	const midnight = (time: number) => new Date(time).setHours(0, 0, 0, 0);
	return Math.round((midnight(now.value) - midnight(ms)) / DAY_MS);
}

function capital(text: string): string {
	return text.charAt(0).toLocaleUpperCase(locale.value) + text.slice(1);
}

function relativeDay(days: number): string {
	return capital(new Intl.RelativeTimeFormat(locale.value, { numeric: "auto" }).format(-days, "day"));
}

function sameYear(ms: number): boolean {
	return new Date(ms).getFullYear() === new Date(now.value).getFullYear();
}

/** "14:05". */
export function timeText(ms: number): string {
	return format(ms, { hour: "numeric", minute: "2-digit" });
}

/** Between the days of a conversation: "Today", "Yesterday", "Tuesday", "3 March", "3 March 2024". */
export function dayText(ms: number): string {
	const days = daysAgo(ms);
	if (days === 0 || days === 1) return relativeDay(days);
	if (days > 1 && days < 7) return capital(format(ms, { weekday: "long" }));
	if (sameYear(ms)) return format(ms, { month: "long", day: "numeric" });
	return format(ms, { year: "numeric", month: "long", day: "numeric" });
}

/** In a list: "14:05" today, else "Yesterday", "Tue", "3 Mar", "03/03/2024". */
export function listTimeText(ms: number): string {
	const days = daysAgo(ms);
	if (days <= 0) return timeText(ms);
	if (days === 1) return relativeDay(days);
	if (days < 7) return capital(format(ms, { weekday: "short" }));
	if (sameYear(ms)) return format(ms, { month: "short", day: "numeric" });
	return format(ms, { year: "numeric", month: "2-digit", day: "2-digit" });
}

/** The whole of it, for a tooltip or a screen reader: "Tuesday 3 March 2024, 14:05". */
export function fullTimeText(ms: number): string {
	return format(ms, { dateStyle: "full", timeStyle: "short" });
}

/** How long ago, roughly: "5 minutes ago", "yesterday", "3 weeks ago". */
export function agoText(ms: number): string {
	const seconds = Math.max(0, (now.value - ms) / 1000);
	const relative = new Intl.RelativeTimeFormat(locale.value, { numeric: "auto" });
	if (seconds < 60) return relative.format(0, "minute");
	if (seconds < 3_600) return relative.format(-Math.floor(seconds / 60), "minute");
	if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3_600), "hour");
	if (seconds < 30 * 86_400) return relative.format(-daysAgo(ms), "day");
	return format(ms, { year: "numeric", month: "long", day: "numeric" });
}

/** "2 minutes": rounded up, never less than a second. */
export function durationText(ms: number): string {
	const seconds = Math.max(1, Math.ceil(ms / 1000));
	const [value, unit] =
		seconds < 120
			? [seconds, "second"]
			: seconds < 7_200
				? [Math.ceil(seconds / 60), "minute"]
				: [Math.ceil(seconds / 3_600), "hour"];
	return new Intl.NumberFormat(locale.value, { style: "unit", unit: String(unit), unitDisplay: "long" }).format(
		Number(value),
	);
}

/** Bytes of UTF-8: what the server's limits count. */
export function utf8Length(text: string): number {
	return new TextEncoder().encode(text).length;
}

/** "Hongyan", "(3) Ben · Hongyan": `name` of what is open, or empty. */
export function tabTitle(name: string, unread: number): string {
	const title = name ? `${name} · ${t.common.product}` : t.common.product;
	return unread > 0 ? `(${unread > 99 ? "99+" : unread}) ${title}` : title;
}
