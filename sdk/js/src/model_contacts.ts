/** model_contacts.ts - people, as they are read. Only sync writes them. */
import type { ContactRow } from "./rows.ts";
import { contactOf } from "./rows.ts";
import type { Store } from "./store.ts";
import type { Contact, Uin } from "./types.ts";

/** Contacts, as they are stored. */
export class ContactModel {
	constructor(private readonly store: Store) {}

	/** In order of their UIN. */
	async contacts(): Promise<Contact[]> {
		const rows = await this.store.transact("read", ["contacts"], (tx) => tx.list<ContactRow>("contacts"));
		return rows.map(contactOf);
	}

	async contact(uin: Uin): Promise<Contact | undefined> {
		const row = await this.store.transact("read", ["contacts"], (tx) => tx.get<ContactRow>("contacts", uin));
		return row && contactOf(row);
	}
}
