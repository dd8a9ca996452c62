/** MessageMenu.tsx - what can be done with a message, at the place where it was asked for. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "../../design/Icon.tsx";
import type { MenuItem } from "../../design/Menu.tsx";
import { t } from "../../state/language.ts";
import "../../design/Menu.css";

/** What MessageMenu takes. */
export interface MessageMenuProps {
	/** In the window, CSS pixels. */
	at: { x: number; y: number };
	items: MenuItem[];
	/** The owner stops rendering it then. */
	onClose: () => void;
}

const EDGE = 8;

function step(list: HTMLElement, key: string): boolean {
	const items = Array.from(list.querySelectorAll<HTMLElement>('[role="menuitem"]'));
	const at = items.findIndex((item) => item === document.activeElement);
	const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[key];
	if (next === undefined) return false;
	items[(next + items.length) % items.length]?.focus();
	return true;
}

/** Open as long as it is rendered. The focus returns to where it was. */
export function MessageMenu({ at, items, onClose }: MessageMenuProps) {
	const list = useRef<HTMLDivElement>(null);
	useLayoutEffect(() => {
		const menu = list.current;
		if (!menu) return;
		const before = document.activeElement;
		menu.style.left = `${Math.max(EDGE, Math.min(at.x, window.innerWidth - menu.offsetWidth - EDGE))}px`;
		menu.style.top = `${Math.max(EDGE, Math.min(at.y, window.innerHeight - menu.offsetHeight - EDGE))}px`;
		step(menu, "Home");
		const away = (event: Event) => {
			if (event.target instanceof Node && !menu.contains(event.target)) onClose();
		};
		document.addEventListener("pointerdown", away);
		window.addEventListener("resize", onClose);
		return () => {
			document.removeEventListener("pointerdown", away);
			window.removeEventListener("resize", onClose);
			if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
		};
	}, []);
	const onKeyDown = (event: KeyboardEvent) => {
		if (event.key === "Escape" || event.key === "Tab") onClose();
		else if (!list.current || !step(list.current, event.key)) return;
		event.preventDefault();
		event.stopPropagation();
	};
	return (
		<div class="menu-list" ref={list} role="menu" aria-label={t.conversation.messageMenu} onKeyDown={onKeyDown}>
			{items.map((item) => (
				<button
					type="button"
					role="menuitem"
					tabIndex={-1}
					key={item.label}
					class={item.danger ? "menu-item menu-item-danger" : "menu-item"}
					onClick={() => {
						onClose();
						item.onSelect();
					}}
				>
					{item.icon && <Icon name={item.icon} size={20} />}
					<span>{item.label}</span>
				</button>
			))}
		</div>
	);
}
