/**
 * MessageList.tsx - the messages of a room: the long list, its keys, the menu of a message, the way back to the newest.
 */
import { useRef, useState } from "preact/hooks";
import { attempt, client } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { toast } from "../../design/Toast.tsx";
import { Icon } from "../../design/Icon.tsx";
import { Badge } from "../../design/Badge.tsx";
import type { MenuItem } from "../../design/MenuItems.tsx";
import { dayText } from "../../text/format.ts";
import { copyText } from "../contacts/copy.ts";
import type { Message } from "hongyan";
import { estimateHeight } from "./estimate.ts";
import { MessageBubble, type MessageActions } from "./MessageBubble.tsx";
import { MessageMenu } from "./MessageMenu.tsx";
import type { Room, Shown } from "./room.ts";
import type { Row } from "./rows.ts";
import { useLongPress } from "./use_long_press.ts";
import { VirtualList } from "./VirtualList.tsx";
import "./MessageList.css";

/** A menu that is open: on which message, and where. */
interface OpenMenu {
	message: Message;
	at: { x: number; y: number };
}

/** How people who ask for less motion get from place to place. */
export function scrollBehavior(): ScrollBehavior {
	return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}

function bubbleOf(target: EventTarget | null): HTMLElement | null {
	return target instanceof Element ? target.closest<HTMLElement>("[data-message]") : null;
}

/** The browser's own menu is worth more on a link, and on words that somebody has marked. */
function wantsOwnMenu(target: EventTarget | null): boolean {
	const marked = getSelection();
	return (target instanceof Element && target.closest("a") !== null) || (marked !== null && !marked.isCollapsed);
}

async function copy(message: Message): Promise<void> {
	const done = await copyText(message.text);
	toast(done ? { text: t.conversation.copied } : { kind: "danger", text: t.conversation.notCopied });
}

function menuItems(message: Message, actions: MessageActions): MenuItem[] {
	const items: MenuItem[] = [{ label: t.conversation.copy, icon: "copy", onSelect: () => void copy(message) }];
	if (message.state === "failed") {
		items.push({ label: t.common.retry, icon: "retry", onSelect: () => actions.retry(message) });
		items.push({ label: t.common.delete, icon: "trash", danger: true, onSelect: () => actions.discard(message) });
	}
	return items;
}

/** Up and Down go from message to message; one that is higher than the window is scrolled through first. */
function walk(list: VirtualList<Row>, rows: readonly Row[], from: HTMLElement | null, by: 1 | -1): void {
	const inside = list.element;
	const log = inside?.closest(".virtual-list");
	if (!inside || !log) return;
	const view = log.getBoundingClientRect();
	const box = from?.getBoundingClientRect();
	if (box && (by < 0 ? box.top < view.top - 1 : box.bottom > view.bottom + 1)) return list.scrollBy(by * 80);
	const bubbles = Array.from(inside.querySelectorAll<HTMLElement>("[data-message]"));
	const visible = bubbles.filter((one) => one.getBoundingClientRect().bottom <= view.bottom + 1);
	const next = from ? bubbles[bubbles.indexOf(from) + by] : visible.at(-1);
	const key = next?.dataset.message;
	if (!next || key === undefined || !rows.some((row) => row.key === key)) return;
	next.focus({ preventScroll: true });
	list.reveal(key);
}

/** Keys within the list. True if the browser has nothing to do any more. */
function onListKey(event: KeyboardEvent, room: Room, list: VirtualList<Row>, rows: readonly Row[]): boolean {
	const from = bubbleOf(event.target);
	switch (event.key) {
		case "ArrowUp":
			walk(list, rows, from, -1);
			return true;
		case "ArrowDown":
			walk(list, rows, from, 1);
			return true;
		case "PageUp":
		case "PageDown":
			// The browser does it, smoothly also while the key is held; a message that had the focus may leave the page
			// with it.
			list.focus();
			return false;
		case "Home":
			list.focus();
			room.goToStart();
			return true;
		case "End":
			list.focus();
			if (!list.glideToEnd(scrollBehavior())) room.goToEnd();
			return true;
	}
	return false;
}

/** Back to the newest message; how many have come that were not seen. */
function ToEnd({ count, onClick }: { count: number; onClick: () => void }) {
	const label = count > 0 ? t.conversation.toEndNew(count) : t.conversation.toEnd;
	return (
		<button type="button" class="to-end" aria-label={label} title={label} onClick={onClick}>
			<Icon name="arrowDown" />
			<Badge count={count} />
		</button>
	);
}

/** What MessageList takes. */
export interface MessageListProps {
	room: Room;
	shown: Shown;
	/** The other one, as people call them. */
	name: string;
	listRef: { current: VirtualList<Row> | null };
	/** Escape: back to writing. */
	onLeave: () => void;
}

/** Fills the place that it is given. */
export function MessageList({ room, shown, name, listRef, onLeave }: MessageListProps) {
	const [menu, setMenu] = useState<OpenMenu | null>(null);
	const actions = useRef<MessageActions>({
		retry: (message) => void attempt(client.retry(message.peer, message.key)),
		discard: (message) => void attempt(client.discard(message.peer, message.key)),
		unfold: () => listRef.current?.hold(),
		menu: (button) => {
			const bubble = bubbleOf(button);
			if (bubble) openMenu(bubble, under(button));
		},
	}).current;
	const draw = useRef((row: Row) => <RowContent row={row} actions={actions} />).current;
	const openMenu = (bubble: HTMLElement, at: { x: number; y: number }): boolean => {
		const row = room.shown.peek()?.rows.find((one) => one.key === bubble.dataset.message);
		if (row?.kind !== "message") return false;
		bubble.focus({ preventScroll: true });
		setMenu({ message: row.message, at });
		return true;
	};
	const press = useLongPress((target, at) => {
		const bubble = bubbleOf(target);
		return bubble !== null && openMenu(bubble, at);
	});
	const onContextMenu = (event: MouseEvent) => {
		const bubble = bubbleOf(event.target);
		if (bubble && !wantsOwnMenu(event.target) && openMenu(bubble, placeOf(event, bubble))) event.preventDefault();
	};
	const onKeyDown = (event: KeyboardEvent) => {
		if (event.ctrlKey || event.altKey || event.metaKey || !listRef.current) return;
		const bubble = event.target instanceof HTMLElement && event.target.dataset.message ? event.target : null;
		if (event.key === "Escape") onLeave();
		else if (event.key === "Enter" && bubble) openMenu(bubble, under(bubble));
		else if (!onListKey(event, room, listRef.current, shown.rows)) return;
		event.preventDefault();
	};
	const unread = room.conversation.value?.unread ?? 0;
	return (
		<div class="messages" onContextMenu={onContextMenu} {...press}>
			<VirtualList
				ref={listRef}
				class="messages-list"
				label={t.conversation.messages(name)}
				{...shown}
				estimate={estimateHeight}
				onNeed={room.onNeed}
				onSeek={room.onSeek}
				onView={room.onView}
				onKeyDown={onKeyDown}
			>
				{draw}
			</VirtualList>
			{!room.atEnd.value && (
				<ToEnd
					count={unread}
					onClick={() => {
						if (!listRef.current?.glideToEnd(scrollBehavior())) room.goToEnd();
					}}
				/>
			)}
			{menu && (
				<MessageMenu at={menu.at} items={menuItems(menu.message, actions)} onClose={() => setMenu(null)} />
			)}
		</div>
	);
}

function RowContent({ row, actions }: { row: Row; actions: MessageActions }) {
	if (row.kind === "day") return <div class="day">{dayText(row.timeMs)}</div>;
	if (row.kind === "new") return <div class="new-line">{t.conversation.newMessages}</div>;
	return <MessageBubble row={row} actions={actions} />;
}

function under(bubble: HTMLElement): { x: number; y: number } {
	const box = bubble.getBoundingClientRect();
	return { x: box.left + 8, y: Math.min(box.bottom, window.innerHeight - 8) };
}

/** Of the menu key there is no place: then under the bubble. */
function placeOf(event: MouseEvent, bubble: HTMLElement): { x: number; y: number } {
	return event.clientX === 0 && event.clientY === 0 ? under(bubble) : { x: event.clientX, y: event.clientY };
}
