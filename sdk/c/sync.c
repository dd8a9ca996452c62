/* sync.c - pulling what is new. A snapshot is brought only after what came with it is stored (R4). */
#include "base/mem.h"
#include "internal.h"
#include "sync.pb-c.h"

#define STORE_AGAIN_US (1000u * 1000)

/** The bodies of one answer's entries, unpacked: what the changes point into. */
struct unpacked {
	struct hongyan_change *changes;
	ProtobufCMessage **bodies;
	size_t count;
};

static const ProtobufCMessageDescriptor *body_of(uint32_t type)
{
	switch (type) {
	case HY__SYNC_TYPE__SYNC_TYPE_PROFILE:
		return &hy__profile__descriptor;
	case HY__SYNC_TYPE__SYNC_TYPE_DEVICE:
		return &hy__device__descriptor;
	case HY__SYNC_TYPE__SYNC_TYPE_TEXT:
		return &hy__text_message__descriptor;
	default:
		return NULL;
	}
}

static void fill_text(struct hongyan_text *to, const Hy__TextMessage *m)
{
	memcpy(to->id, m->id.data, HY_MIN(m->id.len, sizeof to->id));
	to->from = m->from;
	to->to = m->to;
	to->from_name = m->from_name;
	to->time_ms = m->time_ms;
	to->text = m->text;
}

static void fill(struct hongyan_change *c, const Hy__SyncEntry *e, const ProtobufCMessage *body)
{
	c->version = e->version;
	if (!body || e->deleted)
		return;
	switch (e->type) {
	case HY__SYNC_TYPE__SYNC_TYPE_PROFILE:
		c->kind = HONGYAN_CHANGE_PROFILE;
		c->name = ((const Hy__Profile *)body)->name;
		break;
	case HY__SYNC_TYPE__SYNC_TYPE_DEVICE:
		c->kind = HONGYAN_CHANGE_DEVICE;
		c->name = ((const Hy__Device *)body)->name;
		break;
	case HY__SYNC_TYPE__SYNC_TYPE_TEXT:
		c->kind = HONGYAN_CHANGE_TEXT;
		fill_text(&c->text, (const Hy__TextMessage *)body);
		break;
	}
}

static struct unpacked unpack(const Hy__SyncResponse *r)
{
	struct unpacked u = {.count = r->n_entries};
	u.changes = hy_zalloc((u.count + 1) * sizeof *u.changes);
	u.bodies = hy_zalloc((u.count + 1) * sizeof *u.bodies);
	for (size_t i = 0; i < u.count; i++) {
		const Hy__SyncEntry *e = r->entries[i];
		const ProtobufCMessageDescriptor *d = body_of(e->type);
		u.bodies[i] = d ? protobuf_c_message_unpack(d, NULL, e->body.len, e->body.data) : NULL;
		fill(&u.changes[i], e, u.bodies[i]);
	}
	return u;
}

static void unpacked_fini(struct unpacked *u)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->bodies[i])
			protobuf_c_message_free_unpacked(u->bodies[i], NULL);
	hy_free(u->bodies);
	hy_free(u->changes);
}

static bool resets(const Hy__SyncResponse *r, Hy__SyncKind kind)
{
	for (size_t i = 0; i < r->n_reset; i++)
		if (r->reset[i] == kind)
			return true;
	return false;
}

static enum hongyan_stored hand_out(struct hongyan *h, const Hy__SyncResponse *r)
{
	struct unpacked u = unpack(r);
	struct hongyan_sync sync = {.changes = u.changes,
		.count = u.count,
		.number = h->sync_number,
		.snapshot = r->snapshot.data,
		.snapshot_len = r->snapshot.len,
		.reset_messages = resets(r, HY__SYNC_KIND__SYNC_KIND_MESSAGE),
		.reset_account = resets(r, HY__SYNC_KIND__SYNC_KIND_ACCOUNT),
		.more = r->more};
	enum hongyan_stored stored = h->events.on_sync ? h->events.on_sync(h->arg, &sync) : HONGYAN_STORED;
	unpacked_fini(&u);
	return stored;
}

static bool take_again(struct hongyan *h)
{
	bool again = h->sync_again;
	h->sync_again = false;
	return again;
}

static void on_store_again(struct env_timer *timer)
{
	sync_now(hy_container_of(timer, struct hongyan, sync_timer));
}

static void later(struct hongyan *h)
{
	h->sync_timer.fn = on_store_again;
	env_timer_set(h->loop, &h->sync_timer, env_loop_now_us(h->loop) + STORE_AGAIN_US);
}

static void on_answer(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	struct hongyan *h = t->client;
	const Hy__SyncResponse *r = (const Hy__SyncResponse *)response;
	h->sync_task = NULL;
	if (status == HY_OK) {
		hy_buf_clear(&h->next_snapshot);
		hy_buf_append(&h->next_snapshot, r->snapshot.data, r->snapshot.len);
		h->sync_again |= r->more;
		h->storing = true;
		h->sync_number++;
		enum hongyan_stored stored = hand_out(h, r);
		if (stored != HONGYAN_LATER)
			hongyan_stored(h, h->sync_number, stored == HONGYAN_STORED);
	} else if (r && r->resync) {
		hy_buf_clear(&h->snapshot);
		if (h->events.on_resync)
			h->events.on_resync(h->arg);
		sync_now(h);
	} else if (take_again(h)) {
		sync_now(h);
	}
}

void hongyan_stored(struct hongyan *h, uint64_t number, bool stored)
{
	if (!h->storing || number != h->sync_number) /* signed out meanwhile */
		return;
	h->storing = false;
	if (!stored) {
		later(h);
		return;
	}
	hy_buf_clear(&h->snapshot);
	hy_buf_append(&h->snapshot, hy_buf_data(&h->next_snapshot), hy_buf_len(&h->next_snapshot));
	if (take_again(h))
		sync_now(h);
}

void sync_now(struct hongyan *h)
{
	if (h->sync_task || h->storing) { /* what is under way may have been read too early to see what is new */
		h->sync_again = true;
		return;
	}
	if (hy_buf_len(&h->ticket) == 0)
		return;
	env_timer_cancel(h->loop, &h->sync_timer);
	Hy__SyncRequest request = HY__SYNC_REQUEST__INIT;
	Hy__RequestHead head;
	task_fill_head(h, &head, NULL, 0);
	request.head = &head;
	request.snapshot.data = hy_buf_data(&h->snapshot);
	request.snapshot.len = hy_buf_len(&h->snapshot);
	h->sync_task = task_start(h, &method_sync, &request.base, 0, on_answer);
}

void sync_stop(struct hongyan *h)
{
	env_timer_cancel(h->loop, &h->sync_timer);
	if (h->sync_task)
		task_cancel(hy_take(h->sync_task));
	h->sync_again = h->storing = false;
}
