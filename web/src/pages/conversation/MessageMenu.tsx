/** MessageMenu.tsx - what can be done with a message, at the place where it was asked for. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { MenuItems, stepMenu, type MenuItem } from "../../design/MenuItems.tsx";
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

/** Open as long as it is rendered. The focus returns to where it was. */
export function MessageMenu({ at, items, onClose }: MessageMenuProps) {
	const list = useRef<HTMLDivElement>(null);
	useLayoutEffect(() => {
		const menu = list.current;
		if (!menu) return;
		const before = document.activeElement;
		menu.style.left = `${Math.max(EDGE, Math.min(at.x, window.innerWidth - menu.offsetWidth - EDGE))}px`;
		menu.style.top = `${Math.max(EDGE, Math.min(at.y, window.innerHeight - menu.offsetHeight - EDGE))}px`;
		stepMenu(menu, "Home");
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
		else if (!list.current || !stepMenu(list.current, event.key)) return;
		event.preventDefault();
		event.stopPropagation();
	};
	const select = (item: MenuItem) => {
		onClose();
		item.onSelect();
	};
	return (
		<div class="menu-list" ref={list} role="menu" aria-label={t.conversation.messageMenu} onKeyDown={onKeyDown}>
			<MenuItems items={items} onSelect={select} />
		</div>
	);
}
