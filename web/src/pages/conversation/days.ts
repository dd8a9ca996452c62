/** days.ts - days by the calendar of whoever reads. */

/** A number for each day, rising by one from day to day; months and daylight saving make no difference. */
export function dayNumber(ms: number): number {
	const date = new Date(ms);
	return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}
