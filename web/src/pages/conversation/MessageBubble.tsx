/** MessageBubble.tsx - one message: its text, when it was written, what has become of it. */
import { useState } from "preact/hooks";
import type { Message } from "hongyan";
import { Icon } from "../../design/Icon.tsx";
import { linkState, nameOf } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { errorText } from "../../text/errors.ts";
import { fullTimeText, timeText } from "../../text/format.ts";
import { HongyanError } from "hongyan";
import { linkify } from "./linkify.ts";
import type { MessageRow } from "./rows.ts";
import { emojiCount, hasRightToLeft, isLong } from "./text_shape.ts";
import "./MessageBubble.css";

/** What can be done about a message. */
export interface MessageActions {
	retry: (message: Message) => void;
	discard: (message: Message) => void;
	/** Opens its menu, at the button that was pressed. */
	menu: (button: HTMLElement) => void;
	/** A long text is about to be shown as a whole, or in part. */
	unfold: () => void;
}

/** A mail program opens it: there would be an empty tab. */
function isMail(href: string): boolean {
	return href.startsWith("mailto:");
}

/**
 * A text with its links; text nodes and <a> alone. Addresses are read from the left whatever stands around them: among letters
 * that are read from the right, the last part would stand where the host is looked for.
 */
function LinkedText({ text }: { text: string }) {
	return (
		<>
			{linkify(text).map((piece, i) =>
				piece.href === undefined ? (
					piece.text
				) : (
					<a
						key={i}
						dir="ltr"
						href={piece.href}
						target={isMail(piece.href) ? undefined : "_blank"}
						rel="noopener noreferrer"
					>
						{piece.text}
					</a>
				),
			)}
		</>
	);
}

/** What stands before an own message's time: on its way, safe, refused. */
function StateIcon({ message }: { message: Message }) {
	if (message.state === "sending") {
		const label = linkState.value === "online" ? t.conversation.sending : t.conversation.waiting;
		return (
			<span class="bubble-state bubble-state-sending" title={label}>
				<Icon name="clock" size={14} />
				<span class="sr-only">{label}</span>
			</span>
		);
	}
	const failed = message.state === "failed";
	const label = failed ? t.conversation.failed : t.conversation.sent;
	return (
		<span class="bubble-state" title={label}>
			<Icon name={failed ? "alert" : "check"} size={14} />
			<span class="sr-only">{label}</span>
		</span>
	);
}

/** Why the server has refused a message, for people. */
function refusalText(message: Message): string {
	const error = message.error;
	if (!error) return "";
	if (error.code === "PERMISSION_DENIED") return t.conversation.refused(nameOf(message.peer));
	if (error.code === "NOT_FOUND") return t.conversation.noSuchUser;
	if (error.code === "RESOURCE_EXHAUSTED") return t.conversation.tooMuch;
	return errorText(new HongyanError(error.code, error.message));
}

function Refused({ message, actions }: { message: Message; actions: MessageActions }) {
	return (
		<div class="bubble-refused">
			<span class="bubble-refused-why">
				{t.conversation.notSent}
				{refusalText(message)}
			</span>
			<button type="button" class="bubble-link" onClick={() => actions.retry(message)}>
				{t.common.retry}
			</button>
			<button type="button" class="bubble-link" onClick={() => actions.discard(message)}>
				{t.common.delete}
			</button>
		</div>
	);
}

/**
 * Beside the bubble, where a pointer is on the row or the focus on the bubble, from which Enter opens the same menu: keys
 * need not stop here.
 */
function MoreButton({ actions }: { actions: MessageActions }) {
	const label = t.conversation.messageMenu;
	return (
		<button
			type="button"
			class="bubble-more"
			tabIndex={-1}
			aria-label={label}
			title={label}
			aria-haspopup="menu"
			onClick={(event) => actions.menu(event.currentTarget)}
		>
			<Icon name="more" size={18} />
		</button>
	);
}

/** Which long texts were unfolded: a row that leaves the page and comes back is as it was. */
const unfolded = new Set<string>();

/** The text of a message, and how it is drawn. */
function useText(row: MessageRow, actions: MessageActions) {
	const { text, key } = row.message;
	const long = isLong(text);
	const [open, setOpen] = useState(unfolded.has(key));
	const toggle = () => {
		actions.unfold();
		if (open) unfolded.delete(key);
		else unfolded.add(key);
		setOpen(!open);
	};
	return { long, open, toggle, emoji: emojiCount(text) > 0, block: long || hasRightToLeft(text) };
}

/** A row of the list. `data-message` is what a menu on it finds it by. */
export function MessageBubble({ row, actions }: { row: MessageRow; actions: MessageActions }) {
	const { message, own, opens, closes } = row;
	const { long, open, toggle, emoji, block } = useText(row, actions);
	const classes = ["message", own ? "message-own" : "message-other"];
	if (opens) classes.push("message-opens");
	if (closes) classes.push("message-closes");
	if (emoji) classes.push("message-emoji");
	if (message.state === "sending") classes.push("message-sending");
	if (message.state === "failed") classes.push("message-failed");
	const settled = message.state === "received" || message.state === "sent";
	return (
		<div class={classes.join(" ")}>
			<div class={block ? "bubble bubble-block" : "bubble"} tabIndex={-1} data-message={message.key}>
				<span class="sr-only">
					{own ? t.conversation.youSaid : t.conversation.said(nameOf(message.from, message.fromName))}
				</span>
				<span class={long && !open ? "bubble-text bubble-text-folded" : "bubble-text"} dir="auto">
					<LinkedText text={message.text} />
				</span>
				{long && (
					<button type="button" class="bubble-link bubble-fold" aria-expanded={open} onClick={toggle}>
						{open ? t.conversation.showLess : t.conversation.showMore}
					</button>
				)}
				<MoreButton actions={actions} />
				{(closes || !settled) && (
					<span class="bubble-meta">
						<time dateTime={new Date(message.timeMs).toISOString()} title={fullTimeText(message.timeMs)}>
							{timeText(message.timeMs)}
						</time>
						{own && <StateIcon message={message} />}
					</span>
				)}
			</div>
			{message.state === "failed" && <Refused message={message} actions={actions} />}
		</div>
	);
}
