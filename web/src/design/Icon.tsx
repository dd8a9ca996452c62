/** Icon.tsx - line icons of our own, on a grid of 24 px. They say nothing to a screen reader: name the control. */
import "./Icon.css";

/** Each a path that is stroked; round ends, no fill. */
const PATHS = {
	alert: "M12 8v5M12 16.5v.01M12 3.5 21.5 20h-19z",
	arrowDown: "M12 5v14M6 13l6 6 6-6",
	back: "M15 5l-7 7 7 7",
	bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5h4",
	block: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M6 6l12 12",
	chats: "M4 5.5h16v11h-8.5L7 20v-3.5H4zM8 9.5h8M8 12.8h5",
	check: "M5 12.5l4.5 4.5L19 7.5",
	checkCircle: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M8 12.3l2.8 2.8L16 9.7",
	chevronDown: "M6 9.5l6 6 6-6",
	chevronRight: "M9.5 6l6 6-6 6",
	clock: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M12 7.5V12l3 2",
	close: "M6 6l12 12M18 6L6 18",
	contacts:
		"M9 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M2.5 19.5c.3-3.6 3-5.5 6.5-5.5s6.2 1.9 6.5 5.5zM15.5 5a3.3 3.3 0 0 1 0 6.3M17.5 14.3c2.3.7 3.8 2.5 4 5.2H19",
	copy: "M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4",
	edit: "M4.5 19.5l.8-4L16 4.8l3.2 3.2L8.5 18.7zM13.5 7.3l3.2 3.2",
	eye: "M2.5 12C5 7.7 8.2 5.5 12 5.5s7 2.2 9.5 6.5c-2.5 4.3-5.7 6.5-9.5 6.5S5 16.3 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6",
	eyeOff: "M4 4l16 16M9.3 5.9A9 9 0 0 1 12 5.5c3.8 0 7 2.2 9.5 6.5a17 17 0 0 1-2.6 3.4M6.3 7.6A16 16 0 0 0 2.5 12c2.5 4.3 5.7 6.5 9.5 6.5 1.7 0 3.3-.4 4.7-1.3M10 10a2.8 2.8 0 0 0 4 4",
	globe: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M3.5 12h17M12 3.5c2.4 2.3 3.6 5.1 3.6 8.5s-1.2 6.2-3.6 8.5c-2.4-2.3-3.6-5.1-3.6-8.5s1.2-6.2 3.6-8.5",
	info: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M12 11v5M12 8v.01",
	key: "M8 10.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M11.2 11.8L20 3M16 7l3 3M13 10l2 2",
	laptop: "M5 5.5h14v10H5zM2.5 18.5h19",
	lock: "M5.5 10.5h13v9.5h-13zM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5M12 14v2.5",
	monitor: "M3.5 4.5h17v11.5h-17zM12 16v4M8 20h8",
	moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10",
	more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
	offline: "M4 4l16 16M7.5 9.5A4.5 4.5 0 0 0 7 18.5h10.5M10 6.3a5.5 5.5 0 0 1 7.3 4.2 4 4 0 0 1 2.9 6",
	palette:
		"M12 3.5a8.5 8.5 0 1 0 0 17c1.6 0 2-1 1.6-2.2-.5-1.6.3-2.8 2-2.8h2.4c1.6 0 2.5-1.1 2.5-3C20.5 7.3 16.8 3.5 12 3.5M7.5 12v.01M9.5 8v.01M14.5 8v.01",
	person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.5 20c.5-3.9 3.4-5.8 7.5-5.8s7 1.9 7.5 5.8z",
	phone: "M7 3h10v18H7zM11 17.8h2",
	plus: "M12 5v14M5 12h14",
	retry: "M19 12a7 7 0 1 1-2-4.9L19 9M19 4.5V9h-4.5",
	search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.3 15.3L20 20",
	send: "M4 12L20 4.5 16.5 20 11.5 14zM11.5 14L20 4.5",
	shield: "M12 3.5l7.5 2.5v6c0 4.3-2.9 7-7.5 8.5-4.6-1.5-7.5-4.2-7.5-8.5V6z",
	signOut: "M14 4.5H5v15h9M10.5 12H21M17 8l4 4-4 4",
	smile: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M8.5 14c.8 1.5 2 2.2 3.5 2.2s2.7-.7 3.5-2.2M9 9.5v.5M15 9.5v.5",
	sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
	trash: "M4.5 6.5h15M9.5 6.5v-3h5v3M6.5 6.5l.8 14h9.4l.8-14M10.3 10.5v6M13.7 10.5v6",
	undo: "M4.5 9.5h9a5 5 0 0 1 0 10H8M8.5 5.5l-4 4 4 4",
	userPlus:
		"M9.5 4.5a3.7 3.7 0 1 0 0 7.4 3.7 3.7 0 0 0 0-7.4M2.5 19.8c.4-3.8 3.1-5.6 7-5.6s6.6 1.8 7 5.6zM19 7.5v6M16 10.5h6",
} as const;

/** What can be drawn. */
export type IconName = keyof typeof PATHS;

/** One icon, `size` CSS pixels wide, in the colour of the text around it. */
export function Icon({ name, size = 22 }: { name: IconName; size?: number }) {
	return (
		<svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
			<path d={PATHS[name]} />
		</svg>
	);
}
