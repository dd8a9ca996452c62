/** ago.ts - how long ago something was, in the largest unit that fits, in the page's language. */

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
	["year", 365 * 86400],
	["month", 30 * 86400],
	["week", 7 * 86400],
	["day", 86400],
	["hour", 3600],
	["minute", 60],
];

/** Below this it is "now": devices' last use is known to within a minute. */
const NOW_S = 90;

/** "5 minutes ago", "yesterday"; "now" also for what a clock ahead of ours has written. */
export function ago(thenMs: number, nowMs: number, language: string): string {
	const seconds = (nowMs - thenMs) / 1000;
	const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
	if (seconds < NOW_S) return format.format(0, "second");
	const [unit, size] = UNITS.find(([, length]) => seconds >= length) ?? ["minute", 60];
	return format.format(-Math.floor(seconds / size), unit);
}
