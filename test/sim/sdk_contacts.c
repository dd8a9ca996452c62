/* What a device on the client library does about contacts, its profile and its settings. */
#include "sdk_device.h"

/* ---- asking ---------------------------------------------------------------------------------------------- */

static void on_changed(void *arg, int status, const char *why)
{
	struct sdk_change *c = arg;
	struct device *d = c->run->device;
	const struct change *change = &d->world->changes[c->number];
	c->run = NULL;
	contact_book_answer(
		d->world, c->number, status, why, change->asked_us, book_tried_once(d, change->asked_us, change->link));
}

static void ask(struct sdk_run *r, struct sdk_change *slot)
{
	static const enum hongyan_contact_change kinds[] = {[CHANGE_ACCEPT] = HONGYAN_ACCEPT,
		[CHANGE_DECLINE] = HONGYAN_DECLINE,
		[CHANGE_DELETE] = HONGYAN_DELETE,
		[CHANGE_RESTORE] = HONGYAN_RESTORE,
		[CHANGE_BLOCK] = HONGYAN_BLOCK,
		[CHANGE_UNBLOCK] = HONGYAN_UNBLOCK};
	const struct world *w = r->device->world;
	const struct change *c = &w->changes[slot->number];
	uint32_t uin = w->users[c->peer].uin;
	char text[CONTACT_TEXT_MAX];
	contact_book_text(w, slot->number, text);
	switch (c->kind) {
	case CHANGE_REQUEST:
		hongyan_request_contact(r->h, uin, "let us write", c->remarked ? text : NULL, on_changed, slot);
		break;
	case CHANGE_REMARK:
		hongyan_set_remark(r->h, uin, text, on_changed, slot);
		break;
	case CHANGE_PROFILE:
		hongyan_update_profile(r->h, &(struct hongyan_profile){.nickname = text}, on_changed, slot);
		break;
	case CHANGE_SETTINGS:
		hongyan_update_settings(r->h,
			&(struct hongyan_settings){(enum hongyan_who)c->may_write, (enum hongyan_who)c->may_ask},
			on_changed, slot);
		break;
	default:
		hongyan_change_contact(r->h, uin, kinds[c->kind], on_changed, slot);
	}
}

static void on_found(void *arg, int status, const char *why, const struct hongyan_profile *profile)
{
	struct sdk_run *r = arg;
	struct world *w = r->device->world;
	const struct user *u = &w->users[r->looked_up];
	if (status == HY_OK && (profile->uin != u->uin || strcmp(profile->name, u->name) != 0))
		world_fail(w, "%s looked up %s and found UIN %u, %s", r->device->name, u->name, profile->uin,
			profile->name);
	if (status == HY_NOT_FOUND)
		world_fail(w, "%s looked up %s, who was not found: %s", r->device->name, u->name, why);
}

static void look_up(struct sdk_run *r)
{
	struct world *w = r->device->world;
	unsigned who = (unsigned)world_range(w, 0, w->user_count - 1);
	if (!w->users[who].uin || w->phase != PHASE_FAULTS)
		return;
	/* an earlier one may still be asked: only if it is about the same one */
	if (r->looked_up != who && r->looked_up != USERS_MAX)
		return;
	r->looked_up = who;
	hongyan_lookup(r->h, w->users[who].name, on_found, r);
}

void sdk_contacts_act(struct sdk_run *r)
{
	struct sdk_change *slot = r->changes;
	uint8_t none[HONGYAN_CLIENT_ID_SIZE] = {0}; /* the library's own affair */
	if (world_chance(r->device->world, 50)) {
		look_up(r);
		return;
	}
	while (slot < r->changes + SDK_CHANGES_MAX && slot->run)
		slot++;
	if (slot == r->changes + SDK_CHANGES_MAX)
		return;
	slot->number = contact_book_new(r->device, none, 0);
	if (slot->number == CHANGES_MAX)
		return;
	slot->run = r;
	r->device->world->changes[slot->number].lane = r->lane;
	ask(r, slot);
	plan_strike_between(&r->device->world->clients[r->device->client]);
}

/* ---- what comes ------------------------------------------------------------------------------------------ */

void sdk_contacts_read(struct sdk_run *r, const struct hongyan_sync *sync, struct book_people *ret_people)
{
	*ret_people =
		(struct book_people){.reset_account = sync->reset_account, .reset_contacts = sync->reset_contacts};
	for (size_t i = 0; i < sync->count && !world_failed(r->device->world); i++) {
		const struct hongyan_change *c = &sync->changes[i];
		const struct hongyan_contact *k = &c->contact;
		if (c->deleted && c->kind == HONGYAN_CHANGE_CONTACT)
			contact_book_row_gone(r->device, c->version, k->profile.uin, ret_people);
		if (c->deleted)
			continue;
		if (c->kind == HONGYAN_CHANGE_PROFILE) {
			contact_book_profile(r->device, c->profile.nickname, ret_people);
		} else if (c->kind == HONGYAN_CHANGE_SETTINGS) {
			ret_people->has_settings = true;
			ret_people->may_write = c->settings.may_write;
			ret_people->may_ask = c->settings.may_ask;
		} else if (c->kind == HONGYAN_CHANGE_CONTACT) {
			contact_book_row(r->device, c->version, k->profile.uin, k->profile.name, k->profile.nickname,
				k->remark, k->relation, k->blocked, ret_people);
		}
	}
}
