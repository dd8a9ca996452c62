/** EmojiPicker.tsx - a button that opens a small table of emoji. Arrow keys go through it, Escape closes it. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { IconButton } from "../../design/IconButton.tsx";
import { t } from "../../state/language.ts";
import { EMOJI, type EmojiGroup } from "./emoji.ts";
import "./EmojiPicker.css";

const COLUMNS = 8;

function step(box: HTMLElement, key: string): boolean {
	const all = Array.from(box.querySelectorAll<HTMLElement>(".emoji"));
	const at = all.findIndex((one) => one === document.activeElement);
	const to = {
		ArrowRight: at + 1,
		ArrowLeft: at - 1,
		ArrowDown: at + COLUMNS,
		ArrowUp: at - COLUMNS,
		Home: 0,
		End: all.length - 1,
	}[key];
	if (to === undefined) return false;
	all[Math.max(0, Math.min(all.length - 1, to))]?.focus();
	return true;
}

function Table({ onPick }: { onPick: (emoji: string) => void }) {
	const groups = Object.keys(EMOJI) as EmojiGroup[];
	return (
		<>
			{groups.map((group) => (
				<div class="emoji-group" role="group" aria-label={t.conversation.emojiGroups[group]} key={group}>
					{EMOJI[group].split(" ").map((emoji) => (
						<button type="button" class="emoji" tabIndex={-1} key={emoji} onClick={() => onPick(emoji)}>
							{emoji}
						</button>
					))}
				</div>
			))}
		</>
	);
}

/** It stays open while one picks several; `onClose` is called when it was closed by a key. */
export function EmojiPicker({ onPick, onClose }: { onPick: (emoji: string) => void; onClose: () => void }) {
	const [open, setOpen] = useState(false);
	const whole = useRef<HTMLSpanElement>(null);
	const box = useRef<HTMLDivElement>(null);
	useLayoutEffect(() => {
		if (!open || !box.current) return;
		step(box.current, "Home");
		const away = (event: Event) => {
			if (event.target instanceof Node && !whole.current?.contains(event.target)) setOpen(false);
		};
		document.addEventListener("pointerdown", away);
		return () => document.removeEventListener("pointerdown", away);
	}, [open]);
	const onKeyDown = (event: KeyboardEvent) => {
		if (event.key === "Escape") {
			setOpen(false);
			onClose();
		} else if (!box.current || !step(box.current, event.key)) return;
		event.preventDefault();
		event.stopPropagation();
	};
	const onFocusOut = (event: FocusEvent) => {
		const to = event.relatedTarget;
		if (to instanceof Node && !whole.current?.contains(to)) setOpen(false);
	};
	return (
		<span class="emoji-picker" ref={whole} onFocusOut={onFocusOut}>
			<IconButton
				icon="smile"
				label={t.conversation.emoji}
				popup="dialog"
				expanded={open}
				onClick={() => setOpen(!open)}
			/>
			{open && (
				<div class="emoji-box" role="dialog" aria-label={t.conversation.emoji} ref={box} onKeyDown={onKeyDown}>
					<Table onPick={onPick} />
				</div>
			)}
		</span>
	);
}
