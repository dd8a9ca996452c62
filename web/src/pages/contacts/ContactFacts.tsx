/** ContactFacts.tsx - what is known of somebody, line by line. */
import type { Contact } from "hongyan";
import type { ComponentChildren } from "preact";
import { IconButton } from "../../design/IconButton.tsx";
import { toast } from "../../design/Toast.tsx";
import { t } from "../../state/language.ts";
import { copyText } from "./copy.ts";
import { possibleWith } from "./people.ts";
import "./ContactFacts.css";

/** One line: what it is, and what it says. Put them into a <dl class="card facts">. */
export function Fact(props: { name: string; children: ComponentChildren; action?: ComponentChildren }) {
	return (
		<div class="fact">
			<dt class="fact-name">{props.name}</dt>
			<dd class="fact-value">{props.children}</dd>
			{props.action && <dd class="fact-action">{props.action}</dd>}
		</div>
	);
}

/** The account's name, which can be copied. */
export function AccountNameFact({ name }: { name: string }) {
	const copy = async () => {
		if (await copyText(name)) toast({ text: t.contacts.copied });
	};
	return (
		<Fact
			name={t.contacts.accountName}
			action={<IconButton icon="copy" label={t.contacts.copyName} onClick={() => void copy()} />}
		>
			{name}
		</Fact>
	);
}

/** `onRemark`: the remark is to be changed; absent: nothing can be noted about them. */
export function ContactFacts({ contact, onRemark }: { contact: Contact; onRemark?: (() => void) | undefined }) {
	const { name, nickname, region, remark } = contact;
	const edit = possibleWith(contact).remark && onRemark && (
		<IconButton
			icon="edit"
			label={remark ? t.contacts.remarkEdit : t.contacts.remarkAdd}
			popup="dialog"
			onClick={onRemark}
		/>
	);
	return (
		<dl class="card facts">
			{(edit || remark) && (
				<Fact name={t.contacts.remark} action={edit}>
					{remark || <span class="muted">{t.contacts.noRemark}</span>}
				</Fact>
			)}
			{nickname && remark && <Fact name={t.contacts.nickname}>{nickname}</Fact>}
			<AccountNameFact name={name} />
			{region && <Fact name={t.contacts.region}>{region}</Fact>}
		</dl>
	);
}
