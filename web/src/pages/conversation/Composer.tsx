/** Composer.tsx - where a message is written. Enter sends, Shift+Enter begins a line; on phones the button sends. */
import type { Ref } from "preact";
import { useRef } from "preact/hooks";
import { IconButton } from "../../design/IconButton.tsx";
import { TextArea } from "../../design/TextArea.tsx";
import { t } from "../../state/language.ts";
import { utf8Length } from "../../text/format.ts";
import type { Draft } from "./draft.ts";
import { EmojiPicker } from "./EmojiPicker.tsx";
import { TEXT_BYTES_MAX } from "./text_shape.ts";
import "./Composer.css";

/** What Composer takes. */
export interface ComposerProps {
	draft: Draft;
	/** Whom one writes to. */
	name: string;
	areaRef: { current: HTMLTextAreaElement | null };
	/** Of a text that is not blank and not too long, as it is to be sent. */
	onSend: (text: string) => void;
	/** PageUp and PageDown: through the messages. `held`: the key is, this is one of many. */
	onPage: (by: 1 | -1, held: boolean) => void;
}

/** The counter is shown when a text comes this near to the limit. */
const NEAR_BYTES = 512;

/** Where there is no other keyboard than the one on the screen, Enter is needed for lines. */
export function isTouchOnly(): boolean {
	return matchMedia("(pointer: coarse) and (not (any-pointer: fine))").matches;
}

/**
 * Bytes that are left, negative if it is too long; null while the limit is far. A character has at most three per unit.
 */
function bytesLeft(text: string): number | null {
	if (text.length * 3 < TEXT_BYTES_MAX - NEAR_BYTES) return null;
	const left = TEXT_BYTES_MAX - utf8Length(text);
	return left < NEAR_BYTES ? left : null;
}

/** Without empty lines before it, and without white space behind it; what cannot be sent at all is left out. */
function tidied(text: string): string {
	return text
		.replace(/\0/g, "")
		.replace(/^\s*\n/, "")
		.trimEnd();
}

/** In the place of what is marked; the caret behind it. */
function insert(area: HTMLTextAreaElement, piece: string): string {
	area.setRangeText(piece, area.selectionStart, area.selectionEnd, "end");
	return area.value;
}

function Counter({ left }: { left: number }) {
	const over = left < 0;
	return (
		<p class={over ? "composer-count composer-count-over" : "composer-count"} role="status">
			{over ? t.conversation.bytesOver(-left) : t.conversation.bytesLeft(left)}
		</p>
	);
}

/** See above. What is typed stands in `draft`, which is the caller's. */
export function Composer({ draft, name, areaRef, onSend, onPage }: ComposerProps) {
	const own = useRef<HTMLTextAreaElement | null>(null);
	const text = draft.text.value;
	const left = bytesLeft(text);
	const ready = text.trim() !== "" && (left === null || left >= 0);
	const send = () => {
		if (!ready) return;
		onSend(tidied(text));
		own.current?.focus();
	};
	const onKeyDown = (event: KeyboardEvent) => {
		// While an input method composes, Enter takes its suggestion.
		if (event.isComposing || event.keyCode === 229) return;
		const plain = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
		if (plain && (event.key === "PageUp" || event.key === "PageDown")) {
			onPage(event.key === "PageUp" ? -1 : 1, event.repeat);
		} else if (event.key !== "Enter" || event.shiftKey || event.altKey || isTouchOnly()) return;
		else send();
		event.preventDefault();
	};
	const keep: Ref<HTMLTextAreaElement> = (area) => {
		own.current = area;
		areaRef.current = area;
	};
	return (
		<form
			class="composer"
			onSubmit={(event) => {
				event.preventDefault();
				send();
			}}
		>
			{left !== null && <Counter left={left} />}
			<div class="composer-box">
				<EmojiPicker
					onPick={(emoji) => own.current && draft.write(insert(own.current, emoji))}
					onClose={() => own.current?.focus()}
				/>
				<TextArea
					bare
					hideLabel
					label={t.conversation.writeTo(name)}
					placeholder={t.conversation.write}
					value={text}
					maxRows={7}
					areaRef={keep}
					onInput={(value) => draft.write(value)}
					onKeyDown={onKeyDown}
					onBlur={() => draft.flush()}
				/>
				<IconButton icon="send" label={t.conversation.send} filled submit disabled={!ready} />
			</div>
		</form>
	);
}
