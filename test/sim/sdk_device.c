/*
 * A user's device on the client library: it signs in, writes to people now and then, and stores what comes. Its disk is
 * in the world, so that a killed device goes on where it was: with its ticket, its newest snapshot, and the texts that
 * had no answer, in their order.
 */
#include <stdio.h>

#include "base/mem.h"
#include "hongyan_loop.h"
#include "sdk_device.h"

#define ENTRIES_MAX 1100u

/* ---- storing --------------------------------------------------------------------------------------------- */

static void store(struct device *d, const struct hongyan_sync *sync, const struct book_people *people)
{
	static const char *const nobody = "";
	struct book_entry entries[64];
	struct book_entry *list = sync->count <= HY_COUNT_OF(entries) ? entries : hy_alloc(sync->count * sizeof *list);
	struct book_sync told = {.brought = d->snapshots[0],
		.brought_len = d->snapshot_lens[0],
		.snapshot = sync->snapshot,
		.snapshot_len = sync->snapshot_len,
		.reset = sync->reset_messages,
		.people = people};
	size_t count = 0;
	for (size_t i = 0; i < sync->count; i++) {
		const struct hongyan_change *c = &sync->changes[i];
		if (c->kind != HONGYAN_CHANGE_TEXT)
			continue;
		list[count++] = (struct book_entry){c->version, c->text.id, c->text.from, c->text.to,
			c->text.from_name ? c->text.from_name : nobody, c->text.text};
	}
	book_sync(d, &told, list, count);
	if (list != entries)
		hy_free(list);
}

static void later_free(struct sdk_run *r)
{
	for (size_t i = 0; i < r->later.count; i++) {
		hy_free((void *)(uintptr_t)r->later_changes[i].text.from_name);
		hy_free((void *)(uintptr_t)r->later_changes[i].text.text);
	}
	hy_free(hy_take(r->later_changes));
	r->later = (struct hongyan_sync){0};
}

static void later_keep(struct sdk_run *r, const struct hongyan_sync *sync)
{
	later_free(r);
	r->later = *sync;
	r->later_changes = hy_zalloc((sync->count + 1) * sizeof *r->later_changes);
	for (size_t i = 0; i < sync->count; i++) {
		r->later_changes[i] = sync->changes[i];
		if (sync->changes[i].kind != HONGYAN_CHANGE_TEXT)
			continue;
		r->later_changes[i].text.from_name = hy_strdup(sync->changes[i].text.from_name);
		r->later_changes[i].text.text = hy_strdup(sync->changes[i].text.text);
	}
	sdk_contacts_read(r, sync, &r->later_people);
	r->later.changes = r->later_changes;
	r->later.snapshot_len = HY_MIN(sync->snapshot_len, sizeof r->later_snapshot);
	memcpy(r->later_snapshot, sync->snapshot, r->later.snapshot_len);
	r->later.snapshot = r->later_snapshot;
}

static void on_store_timer(struct env_timer *timer)
{
	struct sdk_run *r = hy_container_of(timer, struct sdk_run, store);
	bool good = world_chance(r->device->world, 800);
	if (good)
		store(r->device, &r->later, &r->later_people);
	uint64_t answer = r->later.number;
	later_free(r);
	hongyan_stored(r->h, answer, good);
}

/** What was to be stored for who has signed out is not stored any more. */
static void later_forget(struct sdk_run *r)
{
	env_timer_cancel(r->loop, &r->store);
	later_free(r);
}

static enum hongyan_stored on_sync(void *arg, const struct hongyan_sync *sync)
{
	struct sdk_run *r = arg;
	struct world *w = r->device->world;
	if (sync->more)
		env_mark(env_loop_env(r->loop), "sim: a sync of several pages");
	uint64_t how = w->phase == PHASE_FAULTS ? world_range(w, 0, 19) : 2;
	if (how == 0)
		return HONGYAN_NOT_STORED;
	if (how == 1) {
		later_keep(r, sync);
		uint64_t pause = world_range(w, 1, SEC);
		env_timer_set(r->loop, &r->store, env_loop_now_us(r->loop) + pause);
		return HONGYAN_LATER;
	}
	struct book_people people;
	sdk_contacts_read(r, sync, &people);
	store(r->device, sync, &people);
	return HONGYAN_STORED;
}

/* ---- other events ---------------------------------------------------------------------------------------- */

static void on_sent(void *arg, uint32_t to, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE], int status,
	const char *why, const uint8_t message_id[HONGYAN_MESSAGE_ID_SIZE])
{
	struct sdk_run *r = arg;
	unsigned number = book_find_text(r->device, client_id);
	(void)to;
	if (number != TEXTS_MAX && status == HY_PERMISSION_DENIED && contact_book_is_blocked(r->device->world, number))
		env_mark(env_loop_env(r->loop), "sim: a text of whom one blocks was not let in");
	if (number == TEXTS_MAX)
		world_fail(r->device->world, "%s was told of a text that it did not send", r->device->name);
	else
		book_answer(r->device->world, number, status, message_id, why);
}

static void on_resync(void *arg)
{
	struct sdk_run *r = arg;
	world_fail(r->device->world, "%s was told to drop its snapshot, without reason", r->device->name);
}

static void on_signed_out(void *arg, const char *why)
{
	struct sdk_run *r = arg;
	later_forget(r);
	if (r->device->leaving)
		book_signed_out(r->device);
	else
		world_fail(r->device->world, "%s was signed out, without reason: %s", r->device->name, why);
}

static void on_state(void *arg, enum hongyan_state state)
{
	static const char *const names[] = {"offline", "connecting", "online"};
	struct sdk_run *r = arg;
	world_say(r->device->world, "%s is %s", r->device->name, names[state]);
	r->device->link++;
	r->device->online = state == HONGYAN_ONLINE;
}

/* ---- signing in ------------------------------------------------------------------------------------------ */

static void enter(struct sdk_run *r);

static void on_entered(void *arg, int status, const char *why, uint32_t uin, const void *ticket, size_t len)
{
	struct sdk_run *r = arg;
	struct device *d = r->device;
	r->entering = false;
	if (status == HY_OK) {
		book_signed_in(d, uin, ticket, len);
		return;
	}
	world_say(d->world, "%s cannot sign in: %s", d->name, why);
	if (status == HY_ALREADY_EXISTS)
		r->may_exist = true;
	else if (status == HY_NOT_FOUND || status == HY_UNAUTHENTICATED)
		world_fail(d->world, "%s cannot sign in as %s: %s", d->name, d->world->users[d->user].name, why);
}

/** Each user's first device registers; the others wait until it is known to be there. */
static void enter(struct sdk_run *r)
{
	struct device *d = r->device;
	struct world *w = d->world;
	const struct user *u = &w->users[d->user];
	bool first = true;
	for (unsigned i = 0; i < d->index; i++)
		first &= w->devices[i].user != d->user;
	if (r->entering || (!first && !u->uin))
		return;
	r->entering = true;
	if (first && !u->uin && !r->may_exist)
		hongyan_register(r->h, u->name, "a good password", NULL, on_entered, r);
	else
		hongyan_sign_in(r->h, u->name, "a good password", on_entered, r);
}

/** What a user with one device gets meanwhile must be there when he comes back. */
static void on_left(void *arg, int status, const char *why)
{
	struct sdk_run *r = arg;
	struct device *d = r->device;
	r->entering = false;
	if (status == HY_OK)
		later_forget(r);
	if (status == HY_OK)
		book_signed_out(d);
	else
		world_say(d->world, "%s cannot sign out: %s", d->name, why);
	env_mark(env_loop_env(r->loop), "sim: signed out");
}

static void leave(struct sdk_run *r)
{
	r->entering = true;
	book_leaves(r->device);
	hongyan_sign_out(r->h, on_left, r);
}

/* ---- acting ---------------------------------------------------------------------------------------------- */

static void write_text(struct sdk_run *r, unsigned to)
{
	struct device *d = r->device;
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	char buffer[TEXT_BUFFER];
	uint64_t made_ms;
	if (to == USERS_MAX)
		return;
	hongyan_new_client_id(r->h, client_id, &made_ms);
	unsigned number = book_new_text(d, to, client_id, made_ms);
	if (number == TEXTS_MAX)
		return;
	d->world->texts[number].late = d->world->phase == PHASE_LETTERS;
	book_text(d->world, number, buffer);
	int rc = hongyan_send_text(r->h, d->world->users[to].uin, buffer, client_id, made_ms);
	if (rc != HY_OK)
		world_fail(d->world, "the client library refuses text %u: %s", number, hy_status_name(rc));
}

static void on_act(struct env_timer *timer)
{
	struct sdk_run *r = hy_container_of(timer, struct sdk_run, act);
	struct device *d = r->device;
	struct world *w = d->world;
	uint64_t pause = world_range(w, d->pause_us / 4, d->pause_us);
	if (w->phase != PHASE_FAULTS)
		pause = HY_MIN(pause, SEC);
	env_timer_set(r->loop, timer, env_loop_now_us(r->loop) + pause);
	if (!d->ticket_len) {
		if (w->phase != PHASE_FAULTS || sim_now_us(w->sim) >= d->away_until)
			enter(r);
		return;
	}
	bool tired = w->phase == PHASE_FAULTS && world_has(w, KIND_sign_out) && world_chance(w, 100);
	if ((tired || d->leaving) && !r->entering) {
		leave(r);
		return;
	}
	if (w->phase == PHASE_LETTERS && !d->wrote_to_all) {
		for (unsigned u = 0; u < w->user_count; u++)
			write_text(r, u);
		d->wrote_to_all = true;
	}
	bool changes = world_has(w, KIND_contacts) && (w->phase == PHASE_FAULTS || w->phase == PHASE_BURST);
	if (changes && world_chance(w, 600)) {
		sdk_contacts_act(r);
		if (world_chance(w, 400))
			sdk_contacts_act(r);
	}
	bool writes = w->phase == PHASE_BURST ? world_chance(w, 500) : w->phase == PHASE_FAULTS;
	uint64_t texts = writes ? world_range(w, 1, 3) : 0;
	while (texts-- > 0)
		write_text(r, book_draw_recipient(w));
	if (d->kind == DEVICE_SHORT || world_chance(w, w->phase == PHASE_FAULTS ? 50 : 0))
		hongyan_sync_now(r->h);
}

/* ---- its process ----------------------------------------------------------------------------------------- */

/** What had no answer goes into the outbox again, in its old order. */
static void send_again(struct sdk_run *r)
{
	struct device *d = r->device;
	struct world *w = d->world;
	for (unsigned i = 0; i < w->text_count; i++) {
		const struct text *t = &w->texts[i];
		char buffer[TEXT_BUFFER];
		if (t->from != d->index || t->state != TEXT_PENDING)
			continue;
		w->texts[i].tried_again = true;
		book_text(w, i, buffer);
		int rc = hongyan_send_text(r->h, w->users[t->to_user].uin, buffer, t->client_id, t->made_ms);
		if (rc != HY_OK)
			world_fail(w, "the client library refuses text %u: %s", i, hy_status_name(rc));
	}
}

void sdk_device_start(struct device *d, struct env_loop *loop)
{
	struct sdk_run *r = hy_zalloc(sizeof *r);
	*r = (struct sdk_run){.device = d,
		.loop = loop,
		.lane = ++d->world->lanes,
		.looked_up = USERS_MAX,
		.act.fn = on_act,
		.store.fn = on_store_timer};
	d->link++;
	d->online = false;
	contact_book_forgotten(d);
	struct hongyan_config config = {.server = "10.0.0.1:7600",
		.device = d->name,
		.device_name = "a device",
		.events = {on_state, on_sync, on_sent, on_resync, on_signed_out, NULL},
		.arg = r,
		.short_links_only = d->kind == DEVICE_SHORT,
		.heartbeat_s = d->heartbeat_s,
		.request_timeout_ms = d->request_timeout_ms,
		.backoff_max_ms = d->backoff_max_ms};
	int rc = hongyan_create_on_loop(loop, &config, &r->h);
	assert(rc == 0);
	d->sdk = r;
	uint64_t pause = world_range(d->world, 0, 2 * SEC);
	env_timer_set(loop, &r->act, env_loop_now_us(loop) + pause);
	if (d->ticket_len)
		hongyan_resume(r->h, d->world->users[d->user].uin, d->ticket, d->ticket_len, d->snapshots[0],
			d->snapshot_lens[0]);
	send_again(r);
}

void sdk_device_stop(struct device *d)
{
	struct sdk_run *r = hy_take(d->sdk);
	env_timer_cancel(r->loop, &r->act);
	env_timer_cancel(r->loop, &r->store);
	later_free(r);
	hongyan_destroy(r->h);
	hy_free(r);
}
