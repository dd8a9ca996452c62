/* sync.c - pulling what is new. A snapshot is brought only after what came with it is stored (R4). */
#include "base/mem.h"
#include "change.h"
#include "internal.h"

#define STORE_AGAIN_US (1000u * 1000)

static bool resets(const Hy__SyncResponse *r, Hy__SyncKind kind)
{
	for (size_t i = 0; i < r->n_reset; i++)
		if (r->reset[i] == kind)
			return true;
	return false;
}

static enum hongyan_stored hand_out(struct hongyan *h, const Hy__SyncResponse *r)
{
	struct changes changes;
	if (!h->events.on_sync)
		return HONGYAN_STORED;
	changes_unpack(&changes, r);
	struct hongyan_sync sync = {.changes = changes.list,
		.count = changes.count,
		.number = h->sync_number,
		.snapshot = r->snapshot.data,
		.snapshot_len = r->snapshot.len,
		.reset_messages = resets(r, HY__SYNC_KIND__SYNC_KIND_MESSAGE),
		.reset_account = resets(r, HY__SYNC_KIND__SYNC_KIND_ACCOUNT),
		.reset_contacts = resets(r, HY__SYNC_KIND__SYNC_KIND_CONTACT),
		.more = r->more};
	enum hongyan_stored stored = h->events.on_sync(h->arg, &sync);
	changes_fini(&changes);
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

static void on_stored(struct hongyan *h, uint64_t number, bool stored)
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

static void on_answer(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	struct hongyan *h = t->client;
	const Hy__SyncResponse *r = (const Hy__SyncResponse *)response;
	h->sync_task = NULL;
	if (status == HONGYAN_OK) {
		hy_buf_clear(&h->next_snapshot);
		hy_buf_append(&h->next_snapshot, r->snapshot.data, r->snapshot.len);
		h->sync_again |= r->more;
		h->storing = true;
		h->sync_number++;
		enum hongyan_stored stored = hand_out(h, r);
		if (stored != HONGYAN_LATER)
			on_stored(h, h->sync_number, stored == HONGYAN_STORED);
	} else if (r && r->resync) {
		hy_buf_clear(&h->snapshot);
		if (h->events.on_resync)
			h->events.on_resync(h->arg);
		sync_now(h);
	} else if (take_again(h)) {
		sync_now(h);
	}
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
	request.snapshot.data = hy_buf_data(&h->snapshot);
	request.snapshot.len = hy_buf_len(&h->snapshot);
	h->sync_task = task_create(h, &method_sync, &request.base, on_answer);
	task_begin(h->sync_task);
}

void sync_stop(struct hongyan *h)
{
	env_timer_cancel(h->loop, &h->sync_timer);
	if (h->sync_task)
		task_cancel(hy_take(h->sync_task));
	h->sync_again = h->storing = false;
}

/* ---- what the program asks for ----------------------------------------------------------------------------------- */

static void sync_call(struct call *c)
{
	sync_now(c->client);
	hy_free(c);
}

void hongyan_sync_now(struct hongyan *h)
{
	struct call *c = hy_zalloc(sizeof *c);
	c->fn = sync_call;
	client_call(h, c);
}

struct stored_call {
	struct call call;
	uint64_t number;
	bool stored;
};

static void stored_call(struct call *call)
{
	struct stored_call *c = hy_container_of(call, struct stored_call, call);
	on_stored(call->client, c->number, c->stored);
	hy_free(c);
}

void hongyan_stored(struct hongyan *h, uint64_t number, bool stored)
{
	struct stored_call *c = hy_zalloc(sizeof *c);
	*c = (struct stored_call){{.fn = stored_call}, number, stored};
	client_call(h, &c->call);
}
