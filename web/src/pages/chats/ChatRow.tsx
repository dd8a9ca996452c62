/** ChatRow.tsx - a conversation in the list: who, what was said last and when, how much is new. */
import type { Conversation } from "hongyan";
import { Avatar } from "../../design/Avatar.tsx";
import { Badge } from "../../design/Badge.tsx";
import { Icon } from "../../design/Icon.tsx";
import { ListRow } from "../../design/ListRow.tsx";
import { contactsByUin, me, nameOf } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { href } from "../../state/route.ts";
import { fullTimeText, listTimeText } from "../../text/format.ts";
import { previewOf, type Preview } from "./preview.ts";

function OwnState({ state }: { state: Preview["state"] }) {
	if (state === "sending" || state === "failed") {
		const label = state === "failed" ? t.chats.failed : t.chats.sending;
		return (
			<span class={`chat-state chat-state-${state}`} title={label}>
				<Icon name={state === "failed" ? "alert" : "clock"} size={14} />
				<span class="sr-only">{label}. </span>
			</span>
		);
	}
	return null;
}

function PreviewLine({ preview }: { preview: Preview }) {
	switch (preview.kind) {
		case "draft":
			return (
				<>
					<span class="chat-draft">{t.chats.draft}</span>
					<bdi>{preview.text}</bdi>
				</>
			);
		case "own":
			return (
				<>
					<OwnState state={preview.state} />
					{t.chats.you}
					<bdi>{preview.text}</bdi>
				</>
			);
		case "theirs":
			return <bdi>{preview.text}</bdi>;
		default:
			return <>{t.chats.noMessages}</>;
	}
}

/** `open`: it is the one that is shown beside the list. */
export function ChatRow({ conversation, open }: { conversation: Conversation; open: boolean }) {
	const { peer, last, timeMs, unread } = conversation;
	const contact = contactsByUin.value.get(peer);
	const name = nameOf(peer, last?.from === peer ? last.fromName : "");
	return (
		<ListRow
			href={href("chats", peer)}
			current={open}
			leading={<Avatar uin={peer} name={name} colour={contact?.avatarColour} />}
			title={<bdi>{name}</bdi>}
			aside={
				timeMs > 0 && (
					<time dateTime={new Date(timeMs).toISOString()} title={fullTimeText(timeMs)}>
						{listTimeText(timeMs)}
					</time>
				)
			}
			subtitle={<PreviewLine preview={previewOf(conversation, me.value?.uin ?? 0, open)} />}
			badge={<Badge count={unread} label={t.chats.unread(unread)} />}
			strong={unread > 0}
		/>
	);
}
