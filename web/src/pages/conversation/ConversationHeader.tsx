/** ConversationHeader.tsx - with whom a conversation is, and what can be done about it. */
import { useState } from "preact/hooks";
import type { Contact } from "hongyan";
import { Avatar } from "../../design/Avatar.tsx";
import { ConfirmDialog } from "../../design/ConfirmDialog.tsx";
import { Menu } from "../../design/Menu.tsx";
import type { MenuItem } from "../../design/MenuItems.tsx";
import { PageHeader } from "../../design/PageHeader.tsx";
import { toast } from "../../design/Toast.tsx";
import { client, nameOfPeer } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { go, href } from "../../state/route.ts";
import { possibleWith } from "../contacts/people.ts";
import { RemarkDialog } from "../contacts/RemarkDialog.tsx";

/** What can be done about the conversation and the other one. */
function Actions({ peer, name, contact }: { peer: number; name: string; contact: Contact | undefined }) {
	const [open, setOpen] = useState<"" | "delete" | "remark">("");
	const close = () => setOpen("");
	const toCard = () => go(href("contacts", peer));
	const remove = async () => {
		await client.deleteConversation(peer);
		go(href("chats"), true);
		toast({ text: t.conversation.deleted });
	};
	const can = contact && possibleWith(contact);
	const items: MenuItem[] = [{ label: t.conversation.showContact, icon: "person", onSelect: toCard }];
	if (can?.remark) {
		items.push({ label: t.conversation.setRemark, icon: "edit", onSelect: () => setOpen("remark") });
	}
	if (can?.block) items.push({ label: t.conversation.block, icon: "block", onSelect: toCard });
	const onSelect = () => setOpen("delete");
	items.push({ label: t.conversation.deleteConversation, icon: "trash", danger: true, onSelect });
	return (
		<>
			<Menu label={t.conversation.menu} items={items} />
			{open === "remark" && contact && <RemarkDialog contact={contact} onClose={close} />}
			{open === "delete" && (
				<ConfirmDialog
					title={t.conversation.deleteTitle}
					action={t.common.delete}
					danger
					onConfirm={remove}
					onClose={close}
				>
					{t.conversation.deleteText(name)}
				</ConfirmDialog>
			)}
		</>
	);
}

/** The head of the page: with whom it is. */
export function ConversationHeader({ peer, contact }: { peer: number; contact: Contact | undefined }) {
	const name = nameOfPeer(peer);
	return (
		<PageHeader
			title={name}
			subtitle={contact?.signature || undefined}
			backTo={href("chats")}
			leading={
				<a class="conversation-who" href={href("contacts", peer)} aria-label={t.conversation.showContact}>
					<Avatar uin={peer} name={name} colour={contact?.avatarColour} size={38} />
				</a>
			}
			actions={<Actions peer={peer} name={name} contact={contact} />}
		/>
	);
}
