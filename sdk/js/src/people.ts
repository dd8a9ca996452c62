/** people.ts - what a client asks about its user and others: profile, settings, devices, password, contacts. */
import type { Data } from "./data.ts";
import type { MethodName, Question, Session } from "./session.ts";
import { timeOf } from "./times.ts";
import type { Device, Me, Profile, Relation, Settings, Uin, Who } from "./types.ts";

/** By their numbers in proto/. */
const WHO: readonly Who[] = ["default", "contacts", "anyone", "nobody"];
const RELATIONS: readonly Relation[] = ["none", "outgoing", "incoming", "contact", "ended"];

/** A change is done when it is answered; its sync gets this long before the promise resolves without it. */
const SYNC_MS = 1_000;

/** What a user can say of themselves. */
export type ProfileFields = Pick<Profile, "nickname" | "signature" | "region" | "avatarColour">;

type ContactMethod =
	| "requestContact"
	| "acceptContact"
	| "declineContact"
	| "deleteContact"
	| "restoreContact"
	| "blockContact"
	| "setRemark";

const fieldsOf = ({ nickname, signature, region, avatarColour }: Me): ProfileFields => ({
	nickname,
	signature,
	region,
	avatarColour,
});

/** Requests about people. Each rejects as Session's request(). */
export class People {
	/** Changes of profile and settings, one after another: each is made of what the one before has left. */
	private turns: Promise<unknown> = Promise.resolve();
	/** Answered, but not come by sync yet. */
	private ahead: { uin: Uin; profile: Partial<ProfileFields>; settings: Partial<Settings> } | null = null;

	constructor(
		private readonly session: Session,
		private readonly data: Data,
	) {}

	/** All four fields are replaced on the server: the others are what they are. */
	updateProfile(change: Partial<ProfileFields>): Promise<void> {
		return this.turn(async () => {
			const { uin, profile, settings } = await this.latest();
			const wanted = { ...profile, ...change };
			await this.session.request("updateProfile", wanted);
			this.ahead = { uin, profile: wanted, settings };
			await this.synced();
		});
	}

	updateSettings(change: Partial<Settings>): Promise<void> {
		return this.turn(async () => {
			const { uin, profile, settings } = await this.latest();
			const wanted = { ...settings, ...change };
			const numbers = { mayWrite: WHO.indexOf(wanted.mayWrite), mayAsk: WHO.indexOf(wanted.mayAsk) };
			await this.session.request("updateSettings", numbers);
			this.ahead = { uin, profile, settings: wanted };
			await this.synced();
		});
	}

	async changePassword(oldPassword: string, newPassword: string): Promise<void> {
		await this.change("changePassword", { oldPassword, newPassword });
	}

	async devices(): Promise<Device[]> {
		const { devices } = await this.session.request("listDevices", {});
		return devices.map(({ device, name, signedInMs, seenMs, thisOne, online }) => ({
			device,
			name,
			signedInMs: timeOf(signedInMs),
			seenMs: timeOf(seenMs),
			thisOne,
			online,
		}));
	}

	async signOutDevice(device?: string): Promise<void> {
		await this.change("signOutDevice", { device: device ?? "" });
	}

	async lookup(name: string): Promise<Profile> {
		const {
			uin,
			name: found,
			nickname,
			signature,
			region,
			avatarColour,
		} = await this.session.request("lookup", { name });
		return { uin, name: found, nickname, signature, region, avatarColour };
	}

	async changeContact<M extends ContactMethod>(method: M, question: Question<M>): Promise<Relation> {
		const { relation } = await this.change(method, question);
		return RELATIONS[relation] ?? "none";
	}

	private async change<M extends MethodName>(method: M, question: Question<M>) {
		const answer = await this.session.request(method, question);
		await this.synced();
		return answer;
	}

	/** As the server has them, as far as it has answered. */
	private async latest(): Promise<{ uin: Uin; profile: ProfileFields; settings: Settings }> {
		const me = await this.data.account.me();
		const ahead = this.ahead?.uin === me.uin ? this.ahead : null;
		return {
			uin: me.uin,
			profile: { ...fieldsOf(me), ...ahead?.profile },
			settings: { ...me.settings, ...ahead?.settings },
		};
	}

	private async synced(): Promise<void> {
		const { ahead } = this;
		let timer: ReturnType<typeof setTimeout> | undefined;
		const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, SYNC_MS)));
		const sync = this.data.sync.now().then(
			() => {
				if (this.ahead === ahead) this.ahead = null;
			},
			() => undefined /* it comes later */,
		);
		await Promise.race([sync, enough]);
		clearTimeout(timer);
	}

	private turn<T>(work: () => Promise<T>): Promise<T> {
		const done = this.turns.then(work);
		this.turns = done.catch(() => undefined);
		return done;
	}
}
