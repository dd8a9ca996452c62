/* client.c - see client.h. */
#include "chat/client.h"

#include "base/mem.h"

#define COPY_MAX (64u << 20) /* a page of a sync is at most 256 KiB */

struct chat_request *chat_request_create(
	struct chat_session *s, enum chat_verb verb, const char *name, const char *text, uint32_t uin)
{
	struct chat_request *r = hy_zalloc(sizeof *r);
	*r = (struct chat_request){
		.session = s, .verb = verb, .name = hy_strdup(name), .text = hy_strdup(text), .uin = uin};
	return r;
}

void chat_request_free(struct chat_request *r)
{
	while (r) {
		struct chat_request *next = r->next;
		hy_free(r->name);
		hy_free(r->text);
		hy_free(r);
		r = next;
	}
}

void chat_event_free(struct chat_event *e)
{
	hy_free(e->why);
	hy_buf_fini_wiped(&e->ticket);
	hy_arena_fini(&e->arena);
	hy_free(e);
}

static struct chat_event *event_create(struct chat_session *s, enum chat_event_kind kind, int status, const char *why)
{
	struct chat_event *e = hy_zalloc(sizeof *e);
	e->msg.fn = chat_session_on_event;
	e->session = s;
	e->kind = kind;
	e->status = status;
	e->why = hy_strdup(why ? why : "");
	hy_arena_init(&e->arena, COPY_MAX);
	return e;
}

static void tell(struct chat_event *e)
{
	env_inbox_post(chat_session_inbox(e->session), &e->msg);
}

/* ---- copies ------------------------------------------------------------------------------------------------------ */

static void own(struct hy_arena *arena, const char **text)
{
	if (*text)
		*text = hy_arena_strndup(arena, *text, strlen(*text));
}

static void own_profile(struct hy_arena *arena, struct hongyan_profile *p)
{
	own(arena, &p->name);
	own(arena, &p->nickname);
	own(arena, &p->signature);
	own(arena, &p->region);
}

static void own_device(struct hy_arena *arena, struct hongyan_device *d)
{
	own(arena, &d->device);
	own(arena, &d->name);
}

struct hongyan_sync *chat_copy_sync(struct hy_arena *arena, const struct hongyan_sync *sync)
{
	struct hongyan_sync *copy = hy_arena_memdup(arena, sync, sizeof *sync);
	struct hongyan_change *changes = hy_arena_memdup(arena, sync->changes, sync->count * sizeof *changes);
	for (size_t i = 0; i < sync->count; i++) {
		struct hongyan_change *c = &changes[i];
		own(arena, &c->name);
		own(arena, &c->text.from_name);
		own(arena, &c->text.text);
		own_device(arena, &c->device);
		own_profile(arena, &c->profile);
		own_profile(arena, &c->contact.profile);
		own(arena, &c->contact.remark);
		own(arena, &c->contact.greeting);
	}
	copy->changes = changes;
	copy->snapshot = hy_arena_memdup(arena, sync->snapshot, sync->snapshot_len);
	return copy;
}

/* ---- the library's callbacks, on its thread ---------------------------------------------------------------------- */

static void on_state(void *arg, enum hongyan_state state)
{
	struct chat_event *e = event_create(arg, CHAT_EVENT_STATE, HY_OK, NULL);
	e->state = state;
	tell(e);
}

static enum hongyan_stored on_sync(void *arg, const struct hongyan_sync *sync)
{
	struct chat_event *e = event_create(arg, CHAT_EVENT_SYNC, HY_OK, NULL);
	e->sync = chat_copy_sync(&e->arena, sync);
	tell(e);
	return HONGYAN_LATER;
}

static void on_sent(
	void *arg, uint32_t to, const uint8_t *client_id, int status, const char *why, const uint8_t *message_id)
{
	struct chat_event *e = event_create(arg, CHAT_EVENT_SENT, status, why);
	memcpy(e->client_id, client_id, sizeof e->client_id);
	if (status == HONGYAN_OK)
		memcpy(e->message_id, message_id, sizeof e->message_id);
	tell(e);
}

static void on_resync(void *arg)
{
	tell(event_create(arg, CHAT_EVENT_RESYNC, HY_OK, NULL));
}

static void on_signed_out(void *arg, const char *why)
{
	tell(event_create(arg, CHAT_EVENT_SIGNED_OUT, HY_UNAUTHENTICATED, why));
}

static void on_learnt(void *arg, const char *learnt)
{
	tell(event_create(arg, CHAT_EVENT_LEARNT, HY_OK, learnt));
}

static void on_trouble(void *arg, const char *why, uint64_t retry_ms)
{
	struct chat_event *e = event_create(arg, CHAT_EVENT_TROUBLE, HY_OK, why);
	e->retry_ms = retry_ms;
	tell(e);
}

struct hongyan_events chat_client_events(void)
{
	return (struct hongyan_events){.on_state = on_state,
		.on_sync = on_sync,
		.on_sent = on_sent,
		.on_resync = on_resync,
		.on_signed_out = on_signed_out,
		.on_learnt = on_learnt,
		.on_trouble = on_trouble};
}

void chat_client_on_signed_in(
	void *session, int status, const char *why, uint32_t uin, const void *ticket, size_t ticket_len)
{
	struct chat_event *e = event_create(session, CHAT_EVENT_SIGNED_IN, status, why);
	e->uin = uin;
	if (status == HONGYAN_OK)
		hy_buf_append(&e->ticket, ticket, ticket_len);
	tell(e);
}

static struct chat_event *answer(struct chat_request *r, enum chat_event_kind kind, int status, const char *why)
{
	struct chat_event *e = event_create(r->session, kind, status, why);
	e->request = r;
	return e;
}

void chat_client_on_done(void *request, int status, const char *why)
{
	tell(answer(request, CHAT_EVENT_DONE, status, why));
}

void chat_client_on_found(void *request, int status, const char *why, const struct hongyan_profile *profile)
{
	struct chat_event *e = answer(request, CHAT_EVENT_FOUND, status, why);
	if (profile) {
		e->profile = hy_arena_memdup(&e->arena, profile, sizeof *profile);
		own_profile(&e->arena, e->profile);
	}
	tell(e);
}

void chat_client_on_devices(
	void *request, int status, const char *why, const struct hongyan_device *devices, size_t count)
{
	struct chat_event *e = answer(request, CHAT_EVENT_DEVICES, status, why);
	e->devices = hy_arena_memdup(&e->arena, devices, count * sizeof *devices);
	for (size_t i = 0; i < count; i++)
		own_device(&e->arena, &e->devices[i]);
	e->device_count = count;
	tell(e);
}
