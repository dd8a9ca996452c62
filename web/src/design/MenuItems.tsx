/** MenuItems.tsx - what stands in a menu, whoever opened it where. */
import { Icon, type IconName } from "./Icon.tsx";

/** One thing to do. */
export interface MenuItem {
	label: string;
	icon?: IconName;
	danger?: boolean;
	disabled?: boolean;
	onSelect: () => void;
}

/** Moves the focus within an open menu as the key asks. False: it is none of the keys that do. */
export function stepMenu(list: HTMLElement, key: string): boolean {
	const items = Array.from(list.querySelectorAll<HTMLElement>('[role="menuitem"]:not(:disabled)'));
	const at = items.findIndex((item) => item === document.activeElement);
	const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[key];
	if (next === undefined) return false;
	items[(next + items.length) % items.length]?.focus();
	return true;
}

/** `onSelect` closes the menu, then does it. */
export function MenuItems({ items, onSelect }: { items: MenuItem[]; onSelect: (item: MenuItem) => void }) {
	return (
		<>
			{items.map((item) => (
				<button
					type="button"
					role="menuitem"
					tabIndex={-1}
					key={item.label}
					class={item.danger ? "menu-item menu-item-danger" : "menu-item"}
					disabled={item.disabled}
					onClick={() => onSelect(item)}
				>
					{item.icon && <Icon name={item.icon} size={20} />}
					<span>{item.label}</span>
				</button>
			))}
		</>
	);
}
