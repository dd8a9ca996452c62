/**
 * model_account.ts - who is signed in here, this device, and the user's own profile and settings.
 */
import { randomBytes } from "./random.ts";
import { tables } from "./schema.ts";
import type { AccountRow, DeviceRow, ProfileRow, SettingsRow, SyncRow } from "./rows.ts";
import { fromHex, toHex } from "./rows.ts";
import type { Store, Transaction } from "./store.ts";
import type { Me, Profile, Uin } from "./types.ts";
import { HongyanError } from "./types.ts";

/** What is stored of an account. */
export interface StoredAccount {
	uin: Uin;
	/** null: signed out, what is stored stayed. */
	ticket: Uint8Array | null;
	/** Another one at each sign-in. */
	login: string;
}

const profileWithName = (uin: Uin, name: string): Profile => ({
	uin,
	name,
	nickname: "",
	signature: "",
	region: "",
	avatarColour: 0,
});

function randomHex(): string {
	return toHex(randomBytes(8));
}

/** The rows of "meta" that say who is signed in here, and as what. */
export class AccountModel {
	constructor(private readonly store: Store) {}

	async account(): Promise<StoredAccount | null> {
		const row = await this.store.transact("read", ["meta"], (tx) => tx.get<AccountRow>("meta", "account"));
		return row ? { uin: row.uin, ticket: row.ticket === "" ? null : fromHex(row.ticket), login: row.login } : null;
	}

	/** The device's own name for itself; made the first time, and kept when all else is wiped. */
	async device(): Promise<string> {
		return this.store.transact("write", ["meta"], async (tx) => {
			const known = await tx.get<DeviceRow>("meta", "device");
			if (known) return known.device;
			const row: DeviceRow = { name: "device", device: `js-${randomHex()}` };
			tx.put("meta", row);
			return row.device;
		});
	}

	/**
	 * Signed in. Of the same user all stays but the snapshot: everything is synced anew, and repeats are dropped. Of another
	 * one, nothing stays.
	 */
	async signIn(uin: Uin, ticket: Uint8Array, name: string): Promise<void> {
		await this.store.transact("write", tables, async (tx) => {
			const [before, sync] = await Promise.all([
				tx.get<AccountRow>("meta", "account"),
				tx.get<SyncRow>("meta", "sync"),
			]);
			const same = before?.uin === uin;
			if (!same) await wipe(tx);
			const account: AccountRow = { name: "account", uin, ticket: toHex(ticket), login: randomHex() };
			tx.put("meta", account);
			const begin: SyncRow = { name: "sync", snapshot: "", first: true, round: 0, sweeping: false };
			tx.put("meta", same && sync ? { ...sync, snapshot: "", fresh: false } : { ...begin, fresh: !same });
			const profile: ProfileRow = { name: "profile", profile: profileWithName(uin, name) };
			if (!same) tx.put("meta", profile);
		});
	}

	/** See HongyanClient. */
	async synced(): Promise<boolean> {
		const sync = await this.store.transact("read", ["meta"], (tx) => tx.get<SyncRow>("meta", "sync"));
		return sync !== undefined && !sync.first;
	}

	/** The server has ended this ticket: what is stored stays. false: it is another one by now. */
	async ticketEnded(ticket: Uint8Array): Promise<boolean> {
		return this.store.transact("write", ["meta"], async (tx) => {
			const account = await tx.get<AccountRow>("meta", "account");
			if (account?.ticket !== toHex(ticket)) return false;
			tx.put("meta", { ...account, ticket: "" });
			return true;
		});
	}

	/** Everything goes but the device's name. */
	async wipe(): Promise<void> {
		await this.store.transact("write", tables, wipe);
	}

	/** Rejects with UNAUTHENTICATED while nobody is signed in. */
	async me(): Promise<Me> {
		const [account, profile, settings, device] = await this.store.transact("read", ["meta"], (tx) =>
			Promise.all([
				tx.get<AccountRow>("meta", "account"),
				tx.get<ProfileRow>("meta", "profile"),
				tx.get<SettingsRow>("meta", "settings"),
				tx.get<DeviceRow>("meta", "device"),
			]),
		);
		if (!account) throw new HongyanError("UNAUTHENTICATED", "not signed in");
		return {
			...(profile?.profile ?? profileWithName(account.uin, "")),
			settings: { ...(settings?.settings ?? { mayWrite: "default", mayAsk: "default" }) },
			device: device?.device ?? "",
		};
	}
}

async function wipe(tx: Transaction): Promise<void> {
	const device = await tx.get<DeviceRow>("meta", "device");
	for (const table of tables) tx.clear(table);
	if (device) tx.put("meta", device);
}
