/* change.c - the changes of a sync's answer: one line in a table for each type that is known. */
#include "change.h"

#include "base/mem.h"

#define BODIES_MEMORY_MAX (64u << 20)

static void fill_profile(struct hongyan_change *c, const ProtobufCMessage *body)
{
	const Hy__Profile *p = (const Hy__Profile *)body;
	c->name = p->name;
	c->profile = (struct hongyan_profile){.uin = p->uin,
		.name = p->name,
		.nickname = p->nickname,
		.signature = p->signature,
		.region = p->region,
		.avatar_colour = p->avatar_colour,
		.created_ms = p->created_ms};
}

static void fill_device(struct hongyan_change *c, const ProtobufCMessage *body)
{
	const Hy__Device *d = (const Hy__Device *)body;
	c->name = d->name;
	c->device = (struct hongyan_device){.device = d->device, .name = d->name, .signed_in_ms = d->signed_in_ms};
}

static void fill_settings(struct hongyan_change *c, const ProtobufCMessage *body)
{
	const Hy__Settings *s = (const Hy__Settings *)body;
	c->settings.may_write = (enum hongyan_who)s->may_write;
	c->settings.may_ask = (enum hongyan_who)s->may_ask;
}

static void fill_contact(struct hongyan_change *c, const ProtobufCMessage *body)
{
	const Hy__ContactEntry *e = (const Hy__ContactEntry *)body;
	c->name = e->name;
	c->contact = (struct hongyan_contact){.profile = {.uin = e->uin,
						      .name = e->name,
						      .nickname = e->nickname,
						      .signature = e->signature,
						      .region = e->region,
						      .avatar_colour = e->avatar_colour},
		.relation = (enum hongyan_relation)e->relation,
		.remark = e->remark,
		.greeting = e->greeting,
		.asked_ms = e->asked_ms,
		.blocked = e->blocked,
		.gone = e->gone};
}

static void fill_text(struct hongyan_change *c, const ProtobufCMessage *body)
{
	const Hy__TextMessage *m = (const Hy__TextMessage *)body;
	memcpy(c->text.id, m->id.data, HY_MIN(m->id.len, sizeof c->text.id));
	c->text.from = m->from;
	c->text.to = m->to;
	c->text.from_name = m->from_name;
	c->text.time_ms = m->time_ms;
	c->text.text = m->text;
}

static const struct type {
	Hy__SyncType type;
	enum hongyan_change_kind kind;
	const ProtobufCMessageDescriptor *body;
	void (*fill)(struct hongyan_change *c, const ProtobufCMessage *body);
} types[] = {
	{HY__SYNC_TYPE__SYNC_TYPE_PROFILE, HONGYAN_CHANGE_PROFILE, &hy__profile__descriptor, fill_profile},
	{HY__SYNC_TYPE__SYNC_TYPE_DEVICE, HONGYAN_CHANGE_DEVICE, &hy__device__descriptor, fill_device},
	{HY__SYNC_TYPE__SYNC_TYPE_SETTINGS, HONGYAN_CHANGE_SETTINGS, &hy__settings__descriptor, fill_settings},
	{HY__SYNC_TYPE__SYNC_TYPE_CONTACT, HONGYAN_CHANGE_CONTACT, &hy__contact_entry__descriptor, fill_contact},
	{HY__SYNC_TYPE__SYNC_TYPE_TEXT, HONGYAN_CHANGE_TEXT, &hy__text_message__descriptor, fill_text},
};

static void *arena_alloc(void *arena, size_t size)
{
	return hy_arena_alloc(arena, size);
}

static void arena_free(void *arena, void *p) {}

static void unpack(struct hongyan_change *c, const Hy__SyncEntry *e, ProtobufCAllocator *allocator)
{
	c->version = e->version;
	c->deleted = e->deleted;
	for (size_t i = 0; i < HY_COUNT_OF(types); i++) {
		const struct type *t = &types[i];
		if ((uint32_t)t->type != e->type)
			continue;
		ProtobufCMessage *body = protobuf_c_message_unpack(t->body, allocator, e->body.len, e->body.data);
		if (!body) /* one bad row never blocks a sync (R8) */
			return;
		c->kind = t->kind;
		t->fill(c, body);
	}
}

void changes_unpack(struct changes *c, const Hy__SyncResponse *response)
{
	ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = &c->arena};
	hy_arena_init(&c->arena, BODIES_MEMORY_MAX);
	c->count = response->n_entries;
	c->list = hy_zalloc((c->count + 1) * sizeof *c->list);
	for (size_t i = 0; i < c->count; i++)
		unpack(&c->list[i], response->entries[i], &allocator);
}

void changes_fini(struct changes *c)
{
	hy_arena_fini(&c->arena);
	hy_free(c->list);
}
