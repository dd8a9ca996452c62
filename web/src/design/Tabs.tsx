/** Tabs.tsx - views of one thing, of which one is shown. Arrow keys, Home and End go through them. */
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { Badge } from "./Badge.tsx";
import "./Tabs.css";

/** One view's name; `count` shows as a badge. */
export interface Tab<T extends string> {
	value: T;
	label: string;
	count?: number;
}

/** What Tabs takes; `children` is the shown view. */
export interface TabsProps<T extends string> {
	label: string;
	value: T;
	tabs: readonly Tab<T>[];
	onChange: (value: T) => void;
	children: ComponentChildren;
}

/** Names above, the view below. */
export function Tabs<T extends string>({ label, value, tabs, onChange, children }: TabsProps<T>) {
	const id = useId();
	const row = useRef<HTMLDivElement>(null);
	const move = (event: KeyboardEvent) => {
		const at = tabs.findIndex((tab) => tab.value === value);
		const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
		if (to === undefined) return;
		event.preventDefault();
		const index = (to + tabs.length) % tabs.length;
		const tab = tabs[index];
		if (tab) onChange(tab.value);
		row.current?.querySelectorAll<HTMLElement>('[role="tab"]')[index]?.focus();
	};
	return (
		<>
			<div class="tabs" role="tablist" aria-label={label} ref={row} onKeyDown={move}>
				{tabs.map((tab) => (
					<button
						type="button"
						role="tab"
						key={tab.value}
						id={`${id}-${tab.value}`}
						class="tab"
						aria-selected={tab.value === value}
						aria-controls={`${id}-view`}
						tabIndex={tab.value === value ? 0 : -1}
						onClick={() => onChange(tab.value)}
					>
						{tab.label}
						<Badge count={tab.count ?? 0} />
					</button>
				))}
			</div>
			<div class="tab-view" role="tabpanel" id={`${id}-view`} aria-labelledby={`${id}-${value}`}>
				{children}
			</div>
		</>
	);
}
