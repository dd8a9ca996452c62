/** use_busy.ts - which of several things is under way, so that none is begun twice. */
import { useEffect, useRef, useState } from "preact/hooks";

/**
 * The name of what is under way, "" for nothing, and what begins something under a name. Work that resolves to true was
 * done: it counts as under way for a moment more, until the page shows what has changed, which comes by sync.
 */
export function useBusy(): [string, (what: string, work: () => Promise<boolean>) => Promise<void>] {
	const [busy, setBusy] = useState("");
	const alive = useRef(true);
	useEffect(() => {
		alive.current = true;
		return () => {
			alive.current = false;
		};
	}, []);
	const running = useRef(false);
	const run = async (what: string, work: () => Promise<boolean>) => {
		if (running.current) return;
		running.current = true;
		setBusy(what);
		const end = () => {
			running.current = false;
			if (alive.current) setBusy("");
		};
		const done = await work().catch(() => false);
		if (done) setTimeout(end, AFTER_MS);
		else end();
	};
	return [busy, run];
}

const AFTER_MS = 800;
