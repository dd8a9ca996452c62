/* What a raw device does, and what it makes of answers. See raw_device.h. */
#include "auth.pb-c.h"
#include "base/mem.h"
#include "raw_device.h"
#include "send.pb-c.h"
#include "sync.pb-c.h"

enum { CMD_SIGN_IN = 102, CMD_IDENTIFY = 104, CMD_SYNC = 111, CMD_SEND_TEXT = 121 };
enum { PIPELINE_MAX = 6, ENTRIES_STACK = 64 };

void raw_fill_head(struct raw_run *r, Hy__RequestHead *head, bool with_ticket)
{
	struct device *d = r->device;
	hy__request_head__init(head);
	if (with_ticket)
		head->ticket = (ProtobufCBinaryData){d->ticket_len, d->ticket};
	head->device = d->name;
	head->protocol_level = 1;
	head->trace = env_rand64(env_loop_env(r->loop));
}

/* ---- asking ---------------------------------------------------------------------------------------------- */

static void sign_in(struct raw_link *l)
{
	struct raw_run *r = l->run;
	struct device *d = r->device;
	struct user *u = &d->world->users[d->user];
	Hy__SignInRequest request = HY__SIGN_IN_REQUEST__INIT;
	Hy__RequestHead head;
	if (!u->uin || l->identifying)
		return;
	/* one ID, for it never signs out: an earlier try, late on a link given up, would end another one's ticket */
	if (!d->sign_in_made_ms) {
		env_random(env_loop_env(r->loop), d->sign_in_id, sizeof d->sign_in_id);
		d->sign_in_made_ms = env_wall_ms(env_loop_env(r->loop));
	}
	raw_fill_head(r, &head, false);
	head.client_id = (ProtobufCBinaryData){sizeof d->sign_in_id, d->sign_in_id};
	head.made_ms = d->sign_in_made_ms;
	request.head = &head;
	request.name = u->name;
	request.password = (char *)(uintptr_t) "a good password";
	request.device_name = (char *)(uintptr_t) "a raw device";
	l->identifying = raw_link_ask(l, CMD_SIGN_IN, &request.base, &(struct raw_pending){.asked = RAW_SIGN_IN});
	raw_link_flush(l);
}

/** Does not wait for its answer: what is sent in the same breath brings its ticket too. */
static void identify(struct raw_link *l)
{
	Hy__IdentifyRequest request = HY__IDENTIFY_REQUEST__INIT;
	Hy__RequestHead head;
	raw_fill_head(l->run, &head, true);
	request.head = &head;
	l->identifying = raw_link_ask(l, CMD_IDENTIFY, &request.base, &(struct raw_pending){.asked = RAW_IDENTIFY});
}

static void ask_send(struct raw_link *l, unsigned number)
{
	struct world *w = l->run->device->world;
	struct text *t = &w->texts[number];
	Hy__SendTextRequest request = HY__SEND_TEXT_REQUEST__INIT;
	Hy__RequestHead head;
	char buffer[TEXT_BUFFER];
	bool with_ticket = !l->identified || world_chance(w, 500);
	raw_fill_head(l->run, &head, with_ticket);
	head.client_id = (ProtobufCBinaryData){sizeof t->client_id, t->client_id};
	head.made_ms = t->made_ms;
	request.head = &head;
	request.to = w->users[t->to_user].uin;
	book_text(w, number, buffer);
	request.text = buffer;
	raw_link_ask(l, CMD_SEND_TEXT, &request.base, &(struct raw_pending){.asked = RAW_SEND, .number = number});
}

static void ask_sync_with(struct raw_link *l, struct raw_pending *p)
{
	Hy__SyncRequest request = HY__SYNC_REQUEST__INIT;
	Hy__RequestHead head;
	p->asked = RAW_SYNC;
	raw_fill_head(l->run, &head, true);
	request.head = &head;
	request.snapshot = (ProtobufCBinaryData){p->brought_len, p->brought};
	l->run->hinted = false;
	raw_link_ask(l, CMD_SYNC, &request.base, p);
}

static void ask_sync(struct raw_link *l, unsigned which)
{
	struct device *d = l->run->device;
	struct raw_pending p = {.old = which > 0, .brought_len = d->snapshot_lens[which]};
	memcpy(p.brought, d->snapshots[which], p.brought_len);
	ask_sync_with(l, &p);
}

/** Another device's snapshot, or its own with a bit changed: it must mean nothing (R3). */
static void foreign_snapshot(struct raw_link *l)
{
	struct world *w = l->run->device->world;
	unsigned from = (unsigned)world_range(w, 0, w->device_count - 1);
	const struct device *d = &w->devices[from];
	struct raw_pending p = {.foreign = true, .brought_len = d->snapshot_lens[0]};
	if (p.brought_len == 0 || raw_run_is_syncing(l->run))
		return;
	memcpy(p.brought, d->snapshots[0], p.brought_len);
	uint64_t bit = world_range(w, 0, p.brought_len * 8 - 1);
	if (d == l->run->device)
		p.brought[bit / 8] ^= (uint8_t)(1u << bit % 8);
	ask_sync_with(l, &p);
}

static unsigned new_text(struct raw_run *r, unsigned to_user)
{
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	struct env *env = env_loop_env(r->loop);
	env_random(env, client_id, sizeof client_id);
	uint64_t made_ms = env_wall_ms(env);
	return book_new_text(r->device, to_user, client_id, made_ms);
}

static void pipeline(struct raw_link *l)
{
	struct world *w = l->run->device->world;
	unsigned to = book_draw_recipient(w);
	if (to == USERS_MAX)
		return;
	uint64_t count = world_range(w, 2, PIPELINE_MAX);
	unsigned pipe = ++w->pipelines;
	while (count-- > 0) {
		unsigned number = new_text(l->run, to);
		if (number == TEXTS_MAX)
			return;
		w->texts[number].pipeline = pipe;
		ask_send(l, number);
	}
}

static void both_links(struct raw_run *r)
{
	unsigned to = book_draw_recipient(r->device->world);
	unsigned number = to == USERS_MAX ? TEXTS_MAX : new_text(r, to);
	if (number == TEXTS_MAX)
		return;
	for (unsigned i = 0; i < RAW_LINKS; i++)
		if (r->links[i].state == RAW_LINK_UP)
			ask_send(&r->links[i], number);
	r->device->world->texts[number].tried_again = true;
	env_mark(env_loop_env(r->loop), "sim: one text over two links");
	plan_strike(r->device->world);
}

static void old_snapshot(struct raw_link *l)
{
	struct device *d = l->run->device;
	unsigned which = (unsigned)world_range(d->world, 0, SNAPSHOTS_KEPT - 1);
	if (d->snapshot_lens[which] && !raw_run_is_syncing(l->run))
		ask_sync(l, which);
}

/** A frame that breaks off. */
static void hang_up(struct raw_link *l)
{
	uint8_t bytes[MARS_HEAD + 40] = {0};
	mars_write_head(bytes, MARS_VERSION, CMD_SEND_TEXT, ++l->next_seq, 200);
	hy_buf_append(&l->out, bytes, (size_t)world_range(l->run->device->world, 1, sizeof bytes));
	raw_link_flush(l);
	raw_link_close(l);
}

static bool on_its_way(const struct raw_run *r, unsigned number)
{
	for (unsigned i = 0; i < RAW_LINKS; i++)
		if (raw_link_has(&r->links[i], RAW_SEND, number))
			return true;
	return false;
}

static void try_again(struct raw_link *l)
{
	struct world *w = l->run->device->world;
	unsigned tried = 0;
	for (unsigned i = 0; i < w->text_count && tried < 4; i++) {
		struct text *t = &w->texts[i];
		if (t->from != l->run->device->index || t->state != TEXT_PENDING || on_its_way(l->run, i))
			continue;
		t->tried_again = true;
		ask_send(l, i);
		tried++;
	}
}

/* ---- acting ---------------------------------------------------------------------------------------------- */

static void work(struct raw_link *l)
{
	struct raw_run *r = l->run;
	struct world *w = r->device->world;
	if (!l->identified && !l->identifying)
		identify(l);
	bool changes = world_has(w, KIND_contacts) && (w->phase == PHASE_FAULTS || w->phase == PHASE_BURST);
	if (changes && world_chance(w, 400))
		raw_contacts_act(l);
	if (changes && world_chance(w, 100))
		raw_contacts_repeat(l);
	raw_contacts_try_again(l);
	switch (w->phase == PHASE_FAULTS ? world_range(w, 0, 9) : 9) {
	case 0:
	case 1:
	case 2:
		pipeline(l);
		break;
	case 3:
	case 4:
		both_links(r);
		break;
	case 5:
		old_snapshot(l);
		break;
	case 6:
		hang_up(l);
		return;
	case 7:
		foreign_snapshot(l);
		break;
	default:
		try_again(l);
		if (!raw_run_is_syncing(r))
			ask_sync(l, 0);
	}
	for (unsigned i = 0; i < RAW_LINKS; i++)
		raw_link_flush(&r->links[i]);
}

static void on_act(struct env_timer *timer)
{
	struct raw_run *r = hy_container_of(timer, struct raw_run, act);
	struct world *w = r->device->world;
	uint64_t now = env_loop_now_us(r->loop);
	uint64_t pause = world_range(w, r->device->pause_us / 4, r->device->pause_us);
	env_timer_set(r->loop, timer, now + (w->phase == PHASE_FAULTS ? pause : HY_MIN(pause, SEC)));
	for (unsigned i = 0; i < RAW_LINKS; i++) {
		struct raw_link *l = &r->links[i];
		raw_link_check(l, now);
		if (l->state == RAW_LINK_DOWN)
			raw_link_connect(l);
	}
	unsigned which = (unsigned)world_range(w, 0, RAW_LINKS - 1);
	struct raw_link *l = &r->links[which];
	if (l->state != RAW_LINK_UP)
		return;
	if (!r->device->ticket_len)
		sign_in(l);
	else
		work(l);
}

void raw_hinted(struct raw_run *r)
{
	r->hinted = true;
	for (unsigned i = 0; i < RAW_LINKS && r->device->ticket_len && !raw_run_is_syncing(r); i++)
		if (r->links[i].state == RAW_LINK_UP) {
			ask_sync(&r->links[i], 0);
			raw_link_flush(&r->links[i]);
		}
}

/* ---- answers --------------------------------------------------------------------------------------------- */

bool raw_may_try_again(int status)
{
	return status == HY_CANCELLED || status == HY_UNKNOWN || status == HY_DEADLINE_EXCEEDED ||
	       status == HY_RESOURCE_EXHAUSTED || status == HY_ABORTED || status == HY_UNAVAILABLE;
}

static void on_signed_in(struct raw_link *l, const Hy__SignInResponse *r)
{
	struct device *d = l->run->device;
	l->identifying = false;
	if (r->head->code == HY_OK && !d->ticket_len)
		book_signed_in(d, r->uin, r->ticket.data, r->ticket.len);
	else if (r->head->code != HY_OK && !raw_may_try_again((int)r->head->code))
		world_fail(d->world, "%s cannot sign in: %s", d->name, r->head->message);
}

static void on_identified(struct raw_link *l, const Hy__IdentifyResponse *r)
{
	l->identifying = false;
	l->identified = r->head->code == HY_OK;
	if (!l->identified && !raw_may_try_again((int)r->head->code))
		world_fail(
			l->run->device->world, "%s cannot identify itself: %s", l->run->device->name, r->head->message);
}

static void on_sent(struct raw_link *l, const struct raw_pending *p, const Hy__SendTextResponse *r)
{
	struct world *w = l->run->device->world;
	int status = (int)r->head->code;
	if (raw_may_try_again(status)) {
		w->texts[p->number].tried_again = true;
		return;
	}
	bool has_id = r->message_id.len == HONGYAN_MESSAGE_ID_SIZE;
	book_answer(w, p->number, status, has_id ? r->message_id.data : NULL, r->head->message);
}

static bool resets(const Hy__SyncResponse *r, Hy__SyncKind kind)
{
	for (size_t i = 0; i < r->n_reset; i++)
		if (r->reset[i] == kind)
			return true;
	return false;
}

static void take_entries(struct device *d, const struct book_sync *told, const Hy__SyncResponse *r)
{
	struct book_entry *entries = hy_zalloc((r->n_entries + 1) * sizeof *entries);
	Hy__TextMessage **texts = hy_zalloc((r->n_entries + 1) * sizeof(Hy__TextMessage *));
	size_t count = 0;
	for (size_t i = 0; i < r->n_entries; i++) {
		const Hy__SyncEntry *e = r->entries[i];
		if (e->type != HY__SYNC_TYPE__SYNC_TYPE_TEXT)
			continue;
		Hy__TextMessage *m = hy__text_message__unpack(NULL, e->body.len, e->body.data);
		if (!m || m->id.len != HONGYAN_MESSAGE_ID_SIZE) {
			world_fail(d->world, "%s got an entry that is no text", d->name);
			if (m)
				hy__text_message__free_unpacked(m, NULL);
			break;
		}
		texts[count] = m;
		entries[count++] = (struct book_entry){e->version, m->id.data, m->from, m->to, m->from_name, m->text};
	}
	if (!world_failed(d->world))
		book_sync(d, told, entries, count);
	for (size_t i = 0; i < count; i++)
		hy__text_message__free_unpacked(texts[i], NULL);
	hy_free(texts);
	hy_free(entries);
}

static void on_synced(struct raw_link *l, const struct raw_pending *p, const Hy__SyncResponse *r)
{
	struct device *d = l->run->device;
	if (r->resync && r->head->code == HY_FAILED_PRECONDITION && p->foreign) {
		env_mark(env_loop_env(l->run->loop), "sim: a foreign snapshot was refused");
		return;
	}
	if (r->resync || r->head->code == HY_FAILED_PRECONDITION) {
		world_fail(d->world, "%s was told to drop its snapshot, without reason", d->name);
		return;
	}
	if (r->head->code != HY_OK) {
		if (!raw_may_try_again((int)r->head->code))
			world_fail(d->world, "%s cannot sync: %s", d->name, r->head->message);
		return;
	}
	struct book_people people;
	raw_contacts_read(l->run, r, &people);
	struct book_sync told = {p->brought, p->brought_len, r->snapshot.data, r->snapshot.len,
		resets(r, HY__SYNC_KIND__SYNC_KIND_MESSAGE), p->old, &people};
	take_entries(d, &told, r);
	if (r->more || l->run->hinted)
		raw_hinted(l->run);
}

void raw_answered(struct raw_link *l, const struct raw_pending *p, struct hy_bytes body)
{
	static const ProtobufCMessageDescriptor *const kinds[] = {[RAW_SIGN_IN] = &hy__sign_in_response__descriptor,
		[RAW_IDENTIFY] = &hy__identify_response__descriptor,
		[RAW_SEND] = &hy__send_text_response__descriptor,
		[RAW_SYNC] = &hy__sync_response__descriptor,
		[RAW_CHANGE] = &hy__request_contact_response__descriptor}; /* all begin alike */
	struct world *w = l->run->device->world;
	ProtobufCMessage *m = protobuf_c_message_unpack(kinds[p->asked], NULL, body.len, body.data);
	const Hy__ResponseHead *head =
		m ? *(Hy__ResponseHead **)(void *)((char *)m + kinds[p->asked]->fields[0].offset) : NULL;
	if (!head)
		world_fail(w, "%s got an answer without a head", l->run->device->name);
	else if (p->asked == RAW_SIGN_IN)
		on_signed_in(l, (const Hy__SignInResponse *)m);
	else if (p->asked == RAW_IDENTIFY)
		on_identified(l, (const Hy__IdentifyResponse *)m);
	else if (p->asked == RAW_SEND)
		on_sent(l, p, (const Hy__SendTextResponse *)m);
	else if (p->asked == RAW_CHANGE)
		raw_contacts_answered(l, p, head);
	else
		on_synced(l, p, (const Hy__SyncResponse *)m);
	if (m)
		protobuf_c_message_free_unpacked(m, NULL);
}

/* ---- its process ----------------------------------------------------------------------------------------- */

void raw_device_start(struct device *d, struct env_loop *loop)
{
	struct raw_run *r = hy_zalloc(sizeof *r);
	*r = (struct raw_run){.device = d, .loop = loop, .act.fn = on_act};
	d->link++;
	for (unsigned i = 0; i < RAW_LINKS; i++)
		r->links[i].run = r;
	d->raw = r;
	uint64_t pause = world_range(d->world, 0, 2 * SEC);
	env_timer_set(loop, &r->act, env_loop_now_us(loop) + pause);
}

void raw_device_stop(struct device *d)
{
	struct raw_run *r = hy_take(d->raw);
	for (unsigned i = 0; i < RAW_LINKS; i++)
		raw_link_close(&r->links[i]);
	env_timer_cancel(r->loop, &r->act);
	hy_free(r);
}
