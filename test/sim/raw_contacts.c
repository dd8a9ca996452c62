/* Changes of contacts, profile and settings by a raw device: over two links at once, in one go, again long afterwards.
 */
#include "contacts.pb-c.h"
#include "profile.pb-c.h"
#include "raw_device.h"

enum { PIPELINE_MAX = 4, TRIES_MAX = 4 };

static const uint32_t commands[CHANGE_KINDS] = {[CHANGE_REQUEST] = 131,
	[CHANGE_ACCEPT] = 132,
	[CHANGE_DECLINE] = 133,
	[CHANGE_DELETE] = 134,
	[CHANGE_RESTORE] = 135,
	[CHANGE_BLOCK] = 136,
	[CHANGE_UNBLOCK] = 136,
	[CHANGE_REMARK] = 137,
	[CHANGE_PROFILE] = 141,
	[CHANGE_SETTINGS] = 142};

union request {
	ProtobufCMessage base;
	Hy__RequestContactRequest ask;
	Hy__BlockContactRequest block;
	Hy__AcceptContactRequest simple;
	Hy__SetRemarkRequest remark;
	Hy__UpdateProfileRequest profile;
	Hy__UpdateSettingsRequest settings;
};

/** The four that have nothing but the peer are packed alike. */
static void fill(const struct change *c, uint32_t uin, Hy__RequestHead *head, char *text, union request *r)
{
	switch (c->kind) {
	case CHANGE_REQUEST:
		hy__request_contact_request__init(&r->ask);
		r->ask.head = head;
		r->ask.uin = uin;
		if (c->remarked)
			r->ask.remark = text;
		break;
	case CHANGE_BLOCK:
	case CHANGE_UNBLOCK:
		hy__block_contact_request__init(&r->block);
		r->block.head = head;
		r->block.uin = uin;
		r->block.blocked = c->kind == CHANGE_BLOCK;
		break;
	case CHANGE_REMARK:
		hy__set_remark_request__init(&r->remark);
		r->remark.head = head;
		r->remark.uin = uin;
		r->remark.remark = text;
		break;
	case CHANGE_PROFILE:
		hy__update_profile_request__init(&r->profile);
		r->profile.head = head;
		r->profile.nickname = text;
		break;
	case CHANGE_SETTINGS:
		hy__update_settings_request__init(&r->settings);
		r->settings.head = head;
		r->settings.may_write = (Hy__Who)c->may_write;
		r->settings.may_ask = (Hy__Who)c->may_ask;
		break;
	default:
		hy__accept_contact_request__init(&r->simple);
		r->simple.head = head;
		r->simple.uin = uin;
	}
}

static void ask(struct raw_link *l, unsigned number)
{
	struct world *w = l->run->device->world;
	struct change *c = &w->changes[number];
	Hy__RequestHead head;
	union request request;
	char text[CONTACT_TEXT_MAX];
	bool with_ticket = !l->identified || world_chance(w, 500);
	raw_fill_head(l->run, &head, with_ticket);
	head.client_id = (ProtobufCBinaryData){sizeof c->client_id, c->client_id};
	head.made_ms = c->made_ms;
	contact_book_text(w, number, text);
	fill(c, w->users[c->peer].uin, &head, text, &request);
	/* a repeat may come late; and profile and settings are nothing that a link's requests are in order of */
	if (c->state == CHANGE_PENDING)
		c->lane = c->tries > 0 || c->kind == CHANGE_PROFILE || c->kind == CHANGE_SETTINGS ? 0 : l->lane;
	c->tries++;
	raw_link_ask(l, commands[c->kind], &request.base,
		&(struct raw_pending){.asked = RAW_CHANGE, .number = number, .asked_us = sim_now_us(w->sim)});
}

static unsigned new_change(struct raw_run *r)
{
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	struct env *env = env_loop_env(r->loop);
	env_random(env, client_id, sizeof client_id);
	uint64_t made_ms = env_wall_ms(env);
	return contact_book_new(r->device, client_id, made_ms);
}

void raw_contacts_act(struct raw_link *l)
{
	struct raw_run *r = l->run;
	struct world *w = r->device->world;
	uint64_t count = world_chance(w, 300) ? world_range(w, 2, PIPELINE_MAX) : 1;
	bool both = world_chance(w, 400);
	while (count-- > 0) {
		unsigned number = new_change(r);
		if (number == CHANGES_MAX)
			return;
		for (unsigned i = 0; i < RAW_LINKS; i++)
			if (&r->links[i] == l || (both && r->links[i].state == RAW_LINK_UP))
				ask(&r->links[i], number);
	}
	plan_strike_between(&w->clients[r->device->client]);
}

void raw_contacts_repeat(struct raw_link *l)
{
	struct world *w = l->run->device->world;
	unsigned number = w->change_count ? (unsigned)world_range(w, 0, w->change_count - 1) : 0;
	const struct change *c = &w->changes[number];
	if (!w->change_count || c->device != l->run->device->index || c->state != CHANGE_DONE)
		return;
	env_mark(env_loop_env(l->run->loop), "sim: a change of long ago was repeated");
	ask(l, number);
}

static bool on_its_way(const struct raw_run *r, unsigned number)
{
	bool is = false;
	for (unsigned i = 0; i < RAW_LINKS; i++)
		is |= raw_link_has(&r->links[i], RAW_CHANGE, number);
	return is;
}

void raw_contacts_try_again(struct raw_link *l)
{
	const struct world *w = l->run->device->world;
	unsigned tried = 0;
	for (unsigned i = 0; i < w->change_count && tried < TRIES_MAX; i++) {
		const struct change *c = &w->changes[i];
		if (c->device != l->run->device->index || c->state != CHANGE_PENDING || on_its_way(l->run, i))
			continue;
		ask(l, i);
		tried++;
	}
}

/* ---- what comes ------------------------------------------------------------------------------------------ */

void raw_contacts_answered(struct raw_link *l, const struct raw_pending *p, const Hy__ResponseHead *head)
{
	struct world *w = l->run->device->world;
	struct change *c = &w->changes[p->number];
	if (raw_may_try_again((int)head->code)) {
		c->tries++; /* whatever comes of this one */
		return;
	}
	contact_book_answer(w, p->number, (int)head->code, head->message, p->asked_us, c->tries == 1);
}

static void read_contact(struct device *d, const Hy__SyncEntry *e, struct book_people *people)
{
	Hy__ContactEntry *c = hy__contact_entry__unpack(NULL, e->body.len, e->body.data);
	if (!c) {
		world_fail(d->world, "%s got an entry that is no contact", d->name);
		return;
	}
	if (e->deleted)
		contact_book_row_gone(d, e->version, c->uin, people);
	else
		contact_book_row(
			d, e->version, c->uin, c->name, c->nickname, c->remark, c->relation, c->blocked, people);
	hy__contact_entry__free_unpacked(c, NULL);
}

static void read_account(struct device *d, const Hy__SyncEntry *e, struct book_people *people)
{
	if (e->type == HY__SYNC_TYPE__SYNC_TYPE_PROFILE) {
		Hy__Profile *p = hy__profile__unpack(NULL, e->body.len, e->body.data);
		if (p) {
			contact_book_profile(d, p->nickname, people);
			hy__profile__free_unpacked(p, NULL);
		}
	} else if (e->type == HY__SYNC_TYPE__SYNC_TYPE_SETTINGS) {
		Hy__Settings *s = hy__settings__unpack(NULL, e->body.len, e->body.data);
		if (s) {
			people->has_settings = true;
			people->may_write = s->may_write;
			people->may_ask = s->may_ask;
			hy__settings__free_unpacked(s, NULL);
		}
	}
}

void raw_contacts_read(struct raw_run *r, const Hy__SyncResponse *response, struct book_people *ret_people)
{
	*ret_people = (struct book_people){0};
	for (size_t i = 0; i < response->n_reset; i++) {
		ret_people->reset_account |= response->reset[i] == HY__SYNC_KIND__SYNC_KIND_ACCOUNT;
		ret_people->reset_contacts |= response->reset[i] == HY__SYNC_KIND__SYNC_KIND_CONTACT;
	}
	for (size_t i = 0; i < response->n_entries && !world_failed(r->device->world); i++) {
		const Hy__SyncEntry *e = response->entries[i];
		if (e->type == HY__SYNC_TYPE__SYNC_TYPE_CONTACT)
			read_contact(r->device, e, ret_people);
		else if (!e->deleted)
			read_account(r->device, e, ret_people);
	}
}
