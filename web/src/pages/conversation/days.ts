/** days.ts - days and times of day as people call them, in the user's time zone and language. */

/** The words that Intl has not. */
export interface DayWords {
	today: string;
	yesterday: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making one is slow, and there is one for each row. */
function format(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
	const name = `${locale} ${JSON.stringify(options)}`;
	let made = formats.get(name);
	if (!made) {
		made = new Intl.DateTimeFormat(locale, options);
		formats.set(name, made);
	}
	return made;
}

/** A number for each day, rising by one from day to day; months and daylight saving make no difference. */
export function dayNumber(ms: number): number {
	const date = new Date(ms);
	return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

/** "14:05". */
export function timeOfDay(ms: number, locale: string): string {
	return format(locale, { hour: "2-digit", minute: "2-digit" }).format(ms);
}

/** The day and the time, in full: what a screen reader and a tooltip say. */
export function fullTime(ms: number, locale: string): string {
	return format(locale, { dateStyle: "full", timeStyle: "short" }).format(ms);
}

/** A day separator's: "Today", "Yesterday", "Tuesday", "Tuesday, 4 March", "4 March 2025". */
export function dayLabel(ms: number, nowMs: number, locale: string, words: DayWords): string {
	const ago = dayNumber(nowMs) - dayNumber(ms);
	if (ago === 0) return words.today;
	if (ago === 1) return words.yesterday;
	if (ago > 1 && ago < 7) return format(locale, { weekday: "long" }).format(ms);
	if (new Date(ms).getFullYear() === new Date(nowMs).getFullYear()) {
		return format(locale, { weekday: "long", month: "long", day: "numeric" }).format(ms);
	}
	return format(locale, { year: "numeric", month: "long", day: "numeric" }).format(ms);
}

/** A short one for a list: the time if it was today, else "Yesterday", "Tue", "4 Mar", "04/03/2025". */
export function shortTime(ms: number, nowMs: number, locale: string, words: DayWords): string {
	const ago = dayNumber(nowMs) - dayNumber(ms);
	if (ago === 0) return timeOfDay(ms, locale);
	if (ago === 1) return words.yesterday;
	if (ago > 1 && ago < 7) return format(locale, { weekday: "short" }).format(ms);
	if (new Date(ms).getFullYear() === new Date(nowMs).getFullYear()) {
		return format(locale, { month: "short", day: "numeric" }).format(ms);
	}
	return format(locale, { year: "numeric", month: "2-digit", day: "2-digit" }).format(ms);
}

/** Milliseconds until the next midnight, when "Today" becomes "Yesterday". */
export function untilMidnight(nowMs: number): number {
	const next = new Date(nowMs);
	next.setHours(24, 0, 0, 0);
	return Math.max(1000, next.getTime() - nowMs);
}
