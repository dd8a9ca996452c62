/**
 * sync_page.ts - a sync's answer, decoded: what it changes, one list for each kind. Types that are not known are skipped; an
 * entry that cannot be read never keeps back the others.
 */
import { fromBinary } from "@bufbuild/protobuf";
import type { Relation as WireRelation } from "./gen/contacts_pb.ts";
import { Relation as RelationNumber } from "./gen/contacts_pb.ts";
import { Who as WhoNumber } from "./gen/profile_pb.ts";
import type { SyncEntry, SyncResponse } from "./gen/sync_pb.ts";
import {
	ContactEntrySchema,
	ProfileSchema,
	SettingsSchema,
	SyncKind,
	SyncType,
	TextMessageSchema,
} from "./gen/sync_pb.ts";
import { toHex } from "./rows.ts";
import { timeOf } from "./times.ts";
import type { Contact, Profile, Relation, Settings, Uin, Who } from "./types.ts";

const ID_SIZE = 16;

/** A text as it came: whose conversation it belongs to is the store's to know. */
export interface SyncedText {
	id: string;
	from: Uin;
	fromName: string;
	to: Uin;
	timeMs: number;
	text: string;
}

/** One answer to a sync, decoded. */
export interface SyncPage {
	/** Hex. */
	snapshot: string;
	more: boolean;
	resetAccount: boolean;
	resetContacts: boolean;
	/** Some may be told again. */
	resetMessages: boolean;
	profile?: Profile;
	/** null: gone, the defaults hold. */
	settings?: Settings | null;
	devices: boolean;
	contacts: (Contact | { uin: Uin; deleted: true })[];
	texts: SyncedText[];
	/** How many entries could not be read. */
	bad: number;
}

const relations: Record<WireRelation, Relation> = {
	[RelationNumber.NONE]: "none",
	[RelationNumber.OUTGOING]: "outgoing",
	[RelationNumber.INCOMING]: "incoming",
	[RelationNumber.CONTACT]: "contact",
	[RelationNumber.ENDED]: "ended",
};

const whos: Record<WhoNumber, Who> = {
	[WhoNumber.DEFAULT]: "default",
	[WhoNumber.CONTACTS]: "contacts",
	[WhoNumber.ANYONE]: "anyone",
	[WhoNumber.NOBODY]: "nobody",
};

/** "none" for a number that is not known here. */
function relationOf(number: WireRelation): Relation {
	return relations[number] ?? "none";
}

function takeContact(page: SyncPage, entry: SyncEntry): void {
	const body = fromBinary(ContactEntrySchema, entry.body);
	if (body.uin === 0) throw new TypeError("a contact without a UIN");
	if (entry.deleted) {
		page.contacts.push({ uin: body.uin, deleted: true });
		return;
	}
	const { uin, name, nickname, signature, region, avatarColour, remark, blocked, greeting, gone } = body;
	page.contacts.push({
		...{ uin, name, nickname, signature, region, avatarColour },
		relation: relationOf(body.relation),
		...{ remark, blocked, greeting },
		askedMs: timeOf(body.askedMs),
		gone,
	});
}

function takeText(page: SyncPage, entry: SyncEntry): void {
	const { id, from, fromName, to, timeMs, text } = fromBinary(TextMessageSchema, entry.body);
	if (id.length !== ID_SIZE || from === 0 || to === 0)
		throw new TypeError("a text without an ID, sender or recipient");
	page.texts.push({ id: toHex(id), from, fromName, to, timeMs: timeOf(timeMs), text });
}

function takeProfile(page: SyncPage, entry: SyncEntry): void {
	const { uin, name, nickname, signature, region, avatarColour } = fromBinary(ProfileSchema, entry.body);
	if (!entry.deleted && uin !== 0) page.profile = { uin, name, nickname, signature, region, avatarColour };
}

function takeSettings(page: SyncPage, entry: SyncEntry): void {
	const { mayWrite, mayAsk } = fromBinary(SettingsSchema, entry.body);
	const settings = { mayWrite: whos[mayWrite] ?? "default", mayAsk: whos[mayAsk] ?? "default" };
	page.settings = entry.deleted ? null : settings;
}

function take(page: SyncPage, entry: SyncEntry): void {
	switch (entry.type) {
		case SyncType.PROFILE:
			return takeProfile(page, entry);
		case SyncType.SETTINGS:
			return takeSettings(page, entry);
		case SyncType.DEVICE:
			page.devices = true;
			return;
		case SyncType.CONTACT:
			return takeContact(page, entry);
		case SyncType.TEXT:
			return takeText(page, entry);
	}
}

/** Entries that cannot be read are left out and counted; unknown kinds are passed over. */
export function readPage(response: SyncResponse): SyncPage {
	const page: SyncPage = {
		snapshot: toHex(response.snapshot),
		more: response.more,
		resetAccount: response.reset.includes(SyncKind.ACCOUNT),
		resetContacts: response.reset.includes(SyncKind.CONTACT),
		resetMessages: response.reset.includes(SyncKind.MESSAGE),
		devices: response.reset.includes(SyncKind.ACCOUNT),
		contacts: [],
		texts: [],
		bad: 0,
	};
	for (const entry of response.entries) {
		try {
			take(page, entry);
		} catch {
			page.bad++;
		}
	}
	return page;
}
