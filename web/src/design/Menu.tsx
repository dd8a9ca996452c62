/** Menu.tsx - a button that opens a list of things to do. Arrow keys, Home, End, Escape; the focus goes back to the button. */
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { IconName } from "./Icon.tsx";
import { IconButton } from "./IconButton.tsx";
import { MenuItems, stepMenu, type MenuItem } from "./MenuItems.tsx";
import "./Menu.css";

const GAP = 4;

/** Under the button, its end at the button's end; above it where there is no room, never outside the window. */
function place(list: HTMLElement, button: HTMLElement): void {
	const at = button.getBoundingClientRect();
	const { offsetWidth: width, offsetHeight: height } = list;
	const below = at.bottom + GAP;
	const top = below + height > window.innerHeight ? Math.max(GAP, at.top - GAP - height) : below;
	const left = Math.min(Math.max(GAP, at.right - width), window.innerWidth - width - GAP);
	list.style.top = `${top}px`;
	list.style.left = `${left}px`;
}

/** `label` names the button; `icon` is three dots unless something else is given. */
export function Menu({ label, icon = "more", items }: { label: string; icon?: IconName; items: MenuItem[] }) {
	const id = useId();
	const [open, setOpen] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const list = useRef<HTMLDivElement>(null);
	const close = (refocus: boolean) => {
		setOpen(false);
		if (refocus) button.current?.focus();
	};
	useLayoutEffect(() => {
		if (!open || !list.current || !button.current) return;
		place(list.current, button.current);
		stepMenu(list.current, "Home");
		const away = (event: Event) => {
			const target = event.target as Node;
			if (!list.current?.contains(target) && !button.current?.contains(target)) setOpen(false);
		};
		const gone = () => setOpen(false);
		document.addEventListener("pointerdown", away);
		window.addEventListener("resize", gone);
		return () => {
			document.removeEventListener("pointerdown", away);
			window.removeEventListener("resize", gone);
		};
	}, [open]);
	const onKeyDown = (event: KeyboardEvent) => {
		if (event.key === "Tab") return close(false);
		if (event.key === "Escape") close(true);
		else if (!list.current || !stepMenu(list.current, event.key)) return;
		event.preventDefault();
		event.stopPropagation();
	};
	const select = (item: MenuItem) => {
		close(true);
		item.onSelect();
	};
	return (
		<span class="menu">
			<IconButton
				icon={icon}
				label={label}
				popup="menu"
				expanded={open}
				buttonRef={button}
				onClick={() => setOpen(!open)}
				onKeyDown={(event) => {
					if (event.key !== "ArrowDown" || open) return;
					event.preventDefault();
					setOpen(true);
				}}
			/>
			{open && (
				<div class="menu-list" id={id} ref={list} role="menu" aria-label={label} onKeyDown={onKeyDown}>
					<MenuItems items={items} onSelect={select} />
				</div>
			)}
		</span>
	);
}
