/** Toast.tsx - short notes that go by themselves, and are read out: below the head of a page, where they hide no new message. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../state/language.ts";
import { Icon } from "./Icon.tsx";
import { IconButton } from "./IconButton.tsx";
import "./Toast.css";

/** What a note says, and perhaps how to undo it. */
export interface ToastNote {
	text: string;
	/** danger: something did not work. */
	kind?: "info" | "danger";
	/** Whom it is about: of what was said of somebody, only the last is still true. */
	about?: number;
	action?: { label: string; onClick: () => void };
}

const STAY_MS = 6_000;
/** With something to press. */
const STAY_WITH_ACTION_MS = 10_000;
/** Then it is looked at again whether somebody is still at it. */
const HELD_MS = 2_000;
const MOST = 2;

const notes = signal<readonly (ToastNote & { id: number })[]>([]);
let lastId = 0;

/** The notes with one more: in place of those that say the same, or were about the same person; the oldest make room. */
export function withNote<Note extends ToastNote>(before: readonly Note[], note: Note): Note[] {
	const isOld = (other: Note) => other.text === note.text || (note.about !== undefined && other.about === note.about);
	return [...before.filter((other) => !isOld(other)), note].slice(-MOST);
}

function drop(id: number): void {
	notes.value = notes.value.filter((note) => note.id !== id);
}

/** Goes, unless the pointer or the focus is on the notes. */
function leave(id: number): void {
	if (document.querySelector(".toasts:hover, .toasts:focus-within")) setTimeout(() => leave(id), HELD_MS);
	else drop(id);
}

/** Shows a note for some seconds. */
export function toast(note: ToastNote): void {
	const id = ++lastId;
	notes.value = withNote(notes.value, { ...note, id });
	setTimeout(() => leave(id), note.action ? STAY_WITH_ACTION_MS : STAY_MS);
}

/** A note may go with the focus on it, when its button was pressed: the focus returns to where it came from then. */
function useReturnedFocus() {
	const from = useRef<HTMLElement | null>(null);
	useLayoutEffect(() => {
		if (!from.current || document.activeElement !== document.body) return;
		from.current.focus();
		from.current = null;
	}, [notes.value]);
	const isWithin = (event: FocusEvent) =>
		(event.currentTarget as HTMLElement).contains(event.relatedTarget as Node | null);
	return {
		onFocusIn: (event: FocusEvent) => {
			if (!isWithin(event) && event.relatedTarget instanceof HTMLElement) from.current = event.relatedTarget;
		},
		onFocusOut: (event: FocusEvent) => {
			const { target } = event;
			if (isWithin(event)) return;
			/* Of a note that is still there the focus was taken away, not lost. */
			queueMicrotask(() => {
				if (target instanceof HTMLElement && target.isConnected) from.current = null;
			});
		},
	};
}

/** Where they appear; the page has one. */
export function ToastRegion() {
	const focus = useReturnedFocus();
	return (
		<div class="toasts" role="region" aria-label={t.common.notes} aria-live="polite" {...focus}>
			{notes.value.map((note) => (
				<div class={note.kind === "danger" ? "toast toast-danger" : "toast"} key={note.id}>
					<Icon name={note.kind === "danger" ? "alert" : "info"} size={20} />
					<span class="toast-text">{note.text}</span>
					{note.action && (
						<button
							type="button"
							class="toast-action"
							onClick={() => {
								drop(note.id);
								note.action?.onClick();
							}}
						>
							{note.action.label}
						</button>
					)}
					<IconButton icon="close" label={t.common.dismiss} onClick={() => drop(note.id)} />
				</div>
			))}
		</div>
	);
}
