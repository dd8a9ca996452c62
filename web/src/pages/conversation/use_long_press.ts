/**
 * use_long_press.ts - a finger that stays in its place for a while; not every browser on phones tells of it by itself.
 */
import { useEffect, useRef } from "preact/hooks";

const LONG_MS = 480;
const STILL_PX = 10;

/** Where a finger is. */
interface Press {
	timer: number;
	x: number;
	y: number;
}

/**
 * Handlers for an element. `onLong` says whether it has done something; then the click that would follow is left out.
 */
export function useLongPress(onLong: (target: EventTarget | null, at: { x: number; y: number }) => boolean) {
	const press = useRef<Press | null>(null);
	const done = useRef(false);
	const end = () => {
		clearTimeout(press.current?.timer);
		press.current = null;
	};
	useEffect(() => end, []);
	return {
		onPointerDown: (event: PointerEvent) => {
			end();
			done.current = false;
			if (event.pointerType !== "touch") return;
			const { target, clientX: x, clientY: y } = event;
			const timer = window.setTimeout(() => {
				press.current = null;
				done.current = onLong(target, { x, y });
			}, LONG_MS);
			press.current = { timer, x, y };
		},
		onPointerMove: (event: PointerEvent) => {
			const { current } = press;
			if (current && Math.hypot(event.clientX - current.x, event.clientY - current.y) > STILL_PX) end();
		},
		onPointerUp: end,
		onPointerCancel: end,
		onClickCapture: (event: MouseEvent) => {
			if (!done.current) return;
			done.current = false;
			event.preventDefault();
			event.stopPropagation();
		},
	};
}
