/**
 * sim_server.ts - one user's side of a server, as far as sync and send show it, in a few lines: an inbox with versions that
 * is trimmed, contacts, snapshots, repeats. Nothing here waits: sim.ts decides what arrives when.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { Relation } from "../src/gen/contacts_pb.ts";
import type { SyncEntry, SyncResponse } from "../src/gen/sync_pb.ts";
import {
	ContactEntrySchema,
	ProfileSchema,
	SyncEntrySchema,
	SyncKind,
	SyncResponseSchema,
	SyncType,
	TextMessageSchema,
} from "../src/gen/sync_pb.ts";
import { fromHex } from "../src/rows.ts";
import { HongyanError } from "../src/types.ts";

export interface InboxEntry {
	version: number;
	id: string;
	from: number;
	to: number;
	text: string;
	timeMs: number;
}

interface Snapshot {
	epoch: number;
	account: number;
	contacts: number;
	messages: number;
}

interface ContactState {
	version: number;
	relation: Relation;
	deleted: boolean;
}

export class SimServer {
	/** All that was ever accepted, in order. */
	readonly ledger: InboxEntry[] = [];
	readonly contacts = new Map<number, ContactState>();
	trimmed = 0;
	private version = 0;
	private contactVersion = 0;
	private epoch = 1;
	private ids = 0;
	/** By client ID and time. */
	private readonly accepted = new Map<string, InboxEntry>();
	/** How many texts came under each client ID. */
	readonly acceptedIds = new Map<string, number>();
	readonly refusedPeers = new Set<number>();

	constructor(
		readonly me: number,
		readonly nowMs: () => number,
		/** Entries of one page. */
		public pageMax = 3,
		private readonly windowMs = 7 * 24 * 3600 * 1000,
	) {}

	private append(from: number, to: number, text: string): InboxEntry {
		const id = `${(++this.ids).toString(16).padStart(8, "0")}${"5a".repeat(12)}`;
		const entry = { version: ++this.version, id, from, to, text, timeMs: this.nowMs() };
		this.ledger.push(entry);
		return entry;
	}

	/** Somebody writes to the user. */
	receive(from: number, text: string): InboxEntry {
		return this.append(from, this.me, text);
	}

	/** Another device of the user writes. */
	sendElsewhere(to: number, text: string): InboxEntry {
		return this.append(this.me, to, text);
	}

	sendText(to: number, text: string, clientId: string, madeMs: number): string {
		const name = `${clientId} ${madeMs} ${to}`;
		const known = this.accepted.get(name);
		if (madeMs < this.nowMs() - this.windowMs) throw new HongyanError("OUT_OF_RANGE", "too old");
		if (madeMs > this.nowMs() + 600_000) throw new HongyanError("OUT_OF_RANGE", "from the future");
		if (known && known.text !== text) throw new HongyanError("ALREADY_EXISTS", "another text");
		if (known) return known.id;
		if (this.refusedPeers.has(to)) throw new HongyanError("PERMISSION_DENIED", "takes no messages");
		const entry = this.append(this.me, to, text);
		this.accepted.set(name, entry);
		this.acceptedIds.set(clientId, (this.acceptedIds.get(clientId) ?? 0) + 1);
		return entry.id;
	}

	setContact(uin: number, relation: Relation, deleted = false): void {
		this.contacts.set(uin, { version: ++this.contactVersion, relation, deleted });
	}

	/** As after a restore: no snapshot means anything any more. */
	newEpoch(): void {
		this.epoch++;
	}

	/** What the user's devices have brought may go. */
	private brought = 0;
	trim(): void {
		this.trimmed = Math.max(this.trimmed, this.brought);
	}

	private decode(snapshot: Uint8Array): Snapshot {
		if (snapshot.length === 0) return { epoch: this.epoch, account: 0, contacts: 0, messages: 0 };
		const read = JSON.parse(new TextDecoder().decode(snapshot)) as Snapshot;
		if (read.epoch !== this.epoch) throw new HongyanError("FAILED_PRECONDITION", "sync without a snapshot");
		return read;
	}

	private text({ id, from, to, text, timeMs, version }: InboxEntry): SyncEntry {
		const message = { id: fromHex(id), from, fromName: `user${from}`, to, timeMs: BigInt(timeMs), text };
		const body = toBinary(TextMessageSchema, create(TextMessageSchema, message));
		return create(SyncEntrySchema, {
			...{ kind: SyncKind.MESSAGE, type: SyncType.TEXT, body },
			version: BigInt(version),
		});
	}

	private contactEntries(since: number): [number, SyncEntry][] {
		return [...this.contacts]
			.filter(([, { version }]) => version > since)
			.sort(([, a], [, b]) => a.version - b.version)
			.map(([uin, { version, relation, deleted }]) => {
				const fields = { uin, relation, name: `user${uin}`, askedMs: BigInt(version) };
				const body = toBinary(ContactEntrySchema, create(ContactEntrySchema, fields));
				const entry = create(SyncEntrySchema, {
					kind: SyncKind.CONTACT,
					type: SyncType.CONTACT,
					body,
					deleted,
				});
				return [version, entry];
			});
	}

	sync(brought: Uint8Array): SyncResponse {
		const at = this.decode(brought);
		const response = create(SyncResponseSchema, {});
		if (brought.length === 0) response.reset.push(SyncKind.ACCOUNT, SyncKind.CONTACT);
		this.brought = at.messages;
		if (at.account === 0) {
			const body = toBinary(ProfileSchema, create(ProfileSchema, { uin: this.me, name: "me" }));
			response.entries.push(create(SyncEntrySchema, { kind: SyncKind.ACCOUNT, type: SyncType.PROFILE, body }));
			at.account = 1;
		}
		let room = this.pageMax;
		/* Deleted ones are told to who may have them alone. */
		const contacts = this.contactEntries(at.contacts).filter(([, entry]) => at.contacts > 0 || !entry.deleted);
		for (const [version, entry] of contacts.slice(0, room)) {
			response.entries.push(entry);
			at.contacts = version;
			room--;
		}
		response.more = contacts.length > this.pageMax;
		if (room > 0 && !response.more) this.addTexts(response, at, room);
		else response.more = true;
		response.snapshot = new TextEncoder().encode(JSON.stringify(at));
		return response;
	}

	private addTexts(response: SyncResponse, at: Snapshot, room: number): void {
		if (at.messages < this.trimmed) {
			response.reset.push(SyncKind.MESSAGE);
			at.messages = this.trimmed;
		}
		const left = this.ledger.filter(({ version }) => version > at.messages);
		for (const entry of left.slice(0, room)) {
			response.entries.push(this.text(entry));
			at.messages = entry.version;
		}
		response.more = left.length > room;
	}
}
