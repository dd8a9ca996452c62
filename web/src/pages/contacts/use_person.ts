/** use_person.ts - somebody by UIN: a contact, or a stranger who has written and is looked up by the name they had then. */
import type { Contact, Uin } from "hongyan";
import { useEffect, useState } from "preact/hooks";
import { client, contacts, contactsByUin } from "../../state/client.ts";

/** A stranger has no row in the list of contacts: nothing can be noted about them. */
export interface Person {
	contact: Contact;
	stranger: boolean;
}

async function lookUp(uin: Uin): Promise<Contact | null> {
	const { messages } = await client.messages(uin, { limit: 50 });
	const name = messages.find((message) => message.from === uin && message.fromName)?.fromName;
	if (!name) return null;
	const profile = await client.lookup(name);
	if (profile.uin !== uin) return null;
	return { ...profile, relation: "none", remark: "", blocked: false, greeting: "", askedMs: 0, gone: false };
}

/** undefined: not known yet; null: nobody knows them here. */
export function usePerson(uin: Uin): Person | null | undefined {
	const known = contactsByUin.value.get(uin);
	const loaded = contacts.value !== null;
	const [stranger, setStranger] = useState<Contact | null | undefined>();
	const wanted = loaded && !known;
	useEffect(() => {
		if (!wanted) return;
		let alive = true;
		lookUp(uin)
			.catch(() => null)
			.then((found) => alive && setStranger(found));
		return () => {
			alive = false;
		};
	}, [uin, wanted]);
	if (known) return { contact: known, stranger: false };
	if (!loaded || stranger === undefined) return undefined;
	return stranger && { contact: stranger, stranger: true };
}
