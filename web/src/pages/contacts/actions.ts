/**
 * actions.ts - what the user does about somebody, with what is said when it is done or could not be. What has changed
 * comes by sync. All resolve to whether it was done; none rejects.
 */
import { HongyanError, type Contact, type Profile, type Uin } from "hongyan";
import { toast } from "../../design/Toast.tsx";
import { client } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { go } from "../../state/route.ts";
import { errorText } from "../../text/errors.ts";
import type { Asking } from "./AskFields.tsx";
import { titleOf } from "./people.ts";
import { whenReached } from "./reached.ts";

/** A sentence about what went wrong with somebody. */
export function contactErrorText(problem: unknown): string {
	if (problem instanceof HongyanError) {
		if (problem.code === "NOT_FOUND") return t.contacts.error.gone;
		if (problem.code === "PERMISSION_DENIED") return t.contacts.error.takesNoRequests;
		if (problem.code === "FAILED_PRECONDITION") return t.contacts.error.stoodOtherwise;
	}
	return errorText(problem);
}

/** Does it about somebody, and says so; `undo`, if there is one, is offered with it. */
async function act(about: Uin, work: () => Promise<unknown>, done: string, undo?: () => void): Promise<boolean> {
	try {
		await whenReached(work);
		toast({ about, text: done, action: undo && { label: t.contacts.undo, onClick: undo } });
		return true;
	} catch (problem) {
		toast({ about, kind: "danger", text: contactErrorText(problem) });
		return false;
	}
}

/** They are contacts then. */
export function accept(contact: Contact): Promise<boolean> {
	return act(contact.uin, () => client.acceptContact(contact.uin), t.contacts.said.accepted(titleOf(contact)));
}

/** They may ask again. */
export function decline(contact: Contact): Promise<boolean> {
	return act(contact.uin, () => client.declineContact(contact.uin), t.contacts.said.declined(titleOf(contact)));
}

/** Takes one's own question back; to undo that is to ask again, with the same words. */
export function withdraw(contact: Contact): Promise<boolean> {
	const { uin, greeting } = contact;
	const name = titleOf(contact);
	const again = () => void act(uin, () => client.requestContact(uin, { greeting }), t.contacts.said.askedAnew(name));
	return act(uin, () => client.deleteContact(uin), t.contacts.said.withdrawn(name), again);
}

/**
 * Asks, or asks again, and shows their card. Of who still wishes it they are contacts at once. Unlike the others it
 * rejects when it could not be done: the dialog says so.
 */
export async function request(person: Profile & { remark?: string }, asking: Asking): Promise<void> {
	const remark = asking.remark.trim();
	const greeting = asking.greeting.trim();
	const relation = await whenReached(() => client.requestContact(person.uin, { greeting, remark }));
	const name = titleOf({ ...person, remark });
	const text = relation === "contact" ? t.contacts.said.accepted(name) : t.contacts.said.asked(name);
	toast({ about: person.uin, text });
	go(`#/contacts/${person.uin}`);
}

/** Ends it, and can be undone as long as the other one has not ended it, too. */
export function remove(contact: Contact): Promise<boolean> {
	const { uin } = contact;
	const name = titleOf(contact);
	const restore = () => void act(uin, () => client.restoreContact(uin), t.contacts.said.restored(name));
	return act(uin, () => client.deleteContact(uin), t.contacts.said.removed(name), restore);
}

/** Takes away what is left of who has ended it, or is gone. */
export function tidy(contact: Contact): Promise<boolean> {
	return act(contact.uin, () => client.deleteContact(contact.uin), t.contacts.said.tidied(titleOf(contact)));
}

/** The other one is not told. */
export function block(contact: Contact): Promise<boolean> {
	const undo = () => void unblock(contact);
	return act(
		contact.uin,
		() => client.blockContact(contact.uin, true),
		t.contacts.said.blocked(titleOf(contact)),
		undo,
	);
}

/** Lets them in again. */
export function unblock(contact: Contact): Promise<boolean> {
	return act(contact.uin, () => client.blockContact(contact.uin, false), t.contacts.said.unblocked(titleOf(contact)));
}
