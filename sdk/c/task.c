/* task.c - one request until it has a final answer, over whichever link works. */
#include "internal.h"

#include "auth.pb-c.h"
#include "base/mem.h"
#include "base/status.h"
#include "contacts.pb-c.h"
#include "profile.pb-c.h"
#include "send.pb-c.h"
#include "sync.pb-c.h"

#define RETRY_BASE_US (500u * 1000)
#define RETRY_MAX_US (30u * 1000 * 1000)
#define WAIT_FOR_LINK_US (300u * 1000) /* a connecting long link gets this head start before a short link is used */
#define ANSWER_MEMORY_MAX (64u << 20)

#define METHOD(number, name, answer) \
	.cmd = (number), .path = "/cgi-bin/" name, .response = &hy__##answer##_response__descriptor
const struct method method_register = {METHOD(101, "register", register), .open = true};
const struct method method_sign_in = {METHOD(102, "sign-in", sign_in), .open = true};
const struct method method_sign_out = {METHOD(103, "sign-out", sign_out), .ends_ticket = true};
const struct method method_identify = {METHOD(104, "identify", identify)};
const struct method method_lookup = {METHOD(105, "lookup", lookup)};
const struct method method_change_password = {METHOD(106, "change-password", change_password), .about_password = true};
const struct method method_list_devices = {METHOD(107, "list-devices", list_devices)};
const struct method method_sign_out_device = {METHOD(108, "sign-out-device", sign_out_device)};
const struct method method_sync = {METHOD(111, "sync", sync)};
const struct method method_send_text = {METHOD(121, "send-text", send_text)};
const struct method method_request_contact = {METHOD(131, "request-contact", request_contact)};
const struct method method_accept_contact = {METHOD(132, "accept-contact", accept_contact)};
const struct method method_decline_contact = {METHOD(133, "decline-contact", decline_contact)};
const struct method method_delete_contact = {METHOD(134, "delete-contact", delete_contact)};
const struct method method_restore_contact = {METHOD(135, "restore-contact", restore_contact)};
const struct method method_block_contact = {METHOD(136, "block-contact", block_contact)};
const struct method method_set_remark = {METHOD(137, "set-remark", set_remark)};
const struct method method_update_profile = {METHOD(141, "update-profile", update_profile)};
const struct method method_update_settings = {METHOD(142, "update-settings", update_settings)};

/* ---- a task, and what it sends ----------------------------------------------------------------------------------- */

static void task_begin_call(struct call *c)
{
	task_begin(hy_container_of(c, struct task, call));
}

struct task *task_create(struct hongyan *h, const struct method *m, const ProtobufCMessage *request,
	void (*done)(struct task *t, int status, const char *why, const ProtobufCMessage *response))
{
	struct task *t = hy_zalloc(sizeof *t);
	t->call.fn = task_begin_call;
	t->client = h;
	t->method = m;
	t->done = done;
	t->trace = env_rand64(h->env);
	hy_link_init(&t->in_tasks);
	size_t len = protobuf_c_message_get_packed_size(request);
	protobuf_c_message_pack(request, hy_buf_reserve(&t->body, len + 1));
	hy_buf_commit(&t->body, len);
	return t;
}

void task_pack_head(struct hongyan *h, const uint8_t *client_id, uint64_t made_ms, uint64_t trace, struct hy_buf *out)
{
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	head.ticket.data = hy_buf_data(&h->ticket);
	head.ticket.len = hy_buf_len(&h->ticket);
	head.device = h->device;
	head.protocol_level = 1;
	head.trace = trace;
	head.made_ms = made_ms;
	if (client_id) {
		head.client_id.data = (uint8_t *)(uintptr_t)client_id;
		head.client_id.len = HONGYAN_CLIENT_ID_SIZE;
	}
	size_t len = hy__request_head__get_packed_size(&head);
	hy_buf_append(out, &(uint8_t){1 << 3 | 2}, 1); /* field 1, bytes: as in every request (W2) */
	hy_buf_put_varint(out, len);
	hy__request_head__pack(&head, hy_buf_reserve_wiped(out, len));
	hy_buf_commit(out, len);
}

void task_pack(struct task *t, struct hy_buf *out)
{
	size_t body_len = hy_buf_len(&t->body);
	t->ticket_number = t->client->ticket_number;
	task_pack_head(t->client, t->made_ms ? t->client_id : NULL, t->made_ms, t->trace, out);
	memcpy(hy_buf_reserve_wiped(out, body_len + 1), hy_buf_data(&t->body), body_len);
	hy_buf_commit(out, body_len);
}

static void task_free(struct task *t)
{
	env_timer_cancel(t->client->loop, &t->timer);
	short_link_destroy(hy_take(t->short_link));
	hy_list_remove(&t->in_tasks);
	hy_buf_fini_wiped(&t->body); /* it may hold a password */
	hy_free(t);
}

void task_cancel(struct task *t)
{
	task_free(t);
}

/* ---- in line ------------------------------------------------------------------------------------------------------
 */

static bool may_wait_for_link(const struct task *t)
{
	const struct long_link *l = &t->client->link;
	return t->tries == 0 && l->wanted && l->state != LONG_LINK_READY && l->failures == 0;
}

static void on_timer(struct env_timer *timer);

static void task_wait(struct task *t, uint64_t us)
{
	uint64_t at_us = env_loop_now_us(t->client->loop) + us;
	t->timer.fn = on_timer;
	env_timer_set(t->client->loop, &t->timer, t->give_up_us ? HY_MIN(at_us, t->give_up_us) : at_us);
}

static struct task *first_of(struct hongyan *h, uint64_t object)
{
	struct task *t;
	hy_list_each (t, &h->tasks, struct task, in_tasks)
		if (object != 0 && t->object == object)
			return t;
	return NULL;
}

/** The first in line of this object is tried, if it is not yet. */
static void next_in_line(struct hongyan *h, uint64_t object)
{
	struct task *t = first_of(h, object);
	if (t && t->in_line) {
		t->in_line = false;
		task_wait(t, may_wait_for_link(t) ? WAIT_FOR_LINK_US : 0);
	}
}

static void task_finish(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	hy_list_remove(&t->in_tasks);
	next_in_line(t->client, t->object);
	env_timer_cancel(t->client->loop, &t->timer);
	short_link_destroy(hy_take(t->short_link));
	t->done(t, status, status == HONGYAN_OK ? NULL : why, response);
	task_free(t);
}

/* ---- trying ------------------------------------------------------------------------------------------------------ */

static void task_try(struct task *t)
{
	struct hongyan *h = t->client;
	assert(t->seq == 0 && !t->short_link);
	if (!t->method->open && hy_buf_len(&h->ticket) == 0) {
		task_finish(t, HONGYAN_UNAUTHENTICATED, "not signed in", NULL);
		return;
	}
	t->tries++;
	task_wait(t, h->request_timeout_us);
	if (h->link.state == LONG_LINK_READY) {
		t->seq = ++h->next_seq;
		if (h->next_seq >= 0xF0000000u)
			h->next_seq = 0;
		long_link_send(h, t);
	} else {
		short_link_start(t);
	}
}

static bool out_of_time(const struct task *t, uint64_t wait_us)
{
	return t->give_up_us && env_loop_now_us(t->client->loop) + wait_us >= t->give_up_us;
}

/** Returns how much later. */
static uint64_t task_retry_later(struct task *t, uint64_t at_least_us)
{
	struct hongyan *h = t->client;
	t->seq = 0;
	short_link_destroy(hy_take(t->short_link));
	uint64_t us = client_backoff_us(h, RETRY_BASE_US, t->tries, RETRY_MAX_US);
	t->not_before_us = env_loop_now_us(h->loop) + at_least_us;
	us = HY_MAX(us, at_least_us);
	task_wait(t, us);
	return us;
}

void task_try_failed(struct task *t)
{
	struct hongyan *h = t->client;
	if (t->short_link)
		long_link_note_short(h, false);
	trouble_tell(h, task_retry_later(t, 0));
}

/** No answer, for as long as one try may take. */
static void task_silent(struct task *t)
{
	trouble_no_answer(t->client, !t->short_link || short_link_connected(t->short_link));
	task_try_failed(t);
}

static void on_timer(struct env_timer *timer)
{
	struct task *t = hy_container_of(timer, struct task, timer);
	struct hongyan *h = t->client;
	bool link_silent = t->seq != 0 && h->link.received_us + h->request_timeout_us <= env_loop_now_us(h->loop);
	if (out_of_time(t, 0))
		task_finish(t, HONGYAN_DEADLINE_EXCEEDED, "the server did not answer in time", NULL);
	else if (t->seq == 0 && !t->short_link)
		task_try(t);
	else
		task_silent(t);
	if (link_silent)
		long_link_reset(h); /* half open, most likely: nothing came for as long as an answer may take */
}

void task_begin(struct task *t)
{
	if (t->patience_us)
		t->give_up_us = env_loop_now_us(t->client->loop) + t->patience_us;
	t->in_line = first_of(t->client, t->object);
	hy_list_push_back(&t->client->tasks, &t->in_tasks);
	if (t->in_line)
		task_wait(t, t->patience_us);
	else
		task_wait(t, may_wait_for_link(t) ? WAIT_FOR_LINK_US : 0);
}

void task_all_off_link(struct hongyan *h)
{
	struct task *t;
	hy_list_each (t, &h->tasks, struct task, in_tasks)
		if (t->seq != 0)
			task_retry_later(t, 0);
}

static bool waits(const struct task *t)
{
	return t->seq == 0 && !t->short_link && !t->in_line;
}

void task_all_try(struct hongyan *h)
{
	struct task *t;
	hy_list_each (t, &h->tasks, struct task, in_tasks)
		if (waits(t) && t->tries == 0)
			task_try(t);
}

static void task_hurry(struct task *t)
{
	uint64_t now_us = env_loop_now_us(t->client->loop);
	uint64_t us = client_backoff_us(t->client, RETRY_BASE_US, 0, RETRY_MAX_US);
	short_link_destroy(hy_take(t->short_link));
	task_wait(t, now_us + us < t->not_before_us ? t->not_before_us - now_us : us);
}

void task_all_hurry(struct hongyan *h)
{
	struct task *t;
	hy_list_each (t, &h->tasks, struct task, in_tasks)
		if (waits(t) || t->short_link)
			task_hurry(t);
}

static bool is_of_ticket(const struct task *t)
{
	return !t->method->open;
}

static bool is_sign_out(const struct task *t)
{
	return t->method->ends_ticket;
}

static void end_all(struct hongyan *h, bool (*which)(const struct task *t))
{
	struct hy_link ended;
	struct task *t;
	hy_link_init(&ended);
	hy_list_each (t, &h->tasks, struct task, in_tasks)
		if (which(t)) {
			hy_list_remove(&t->in_tasks);
			hy_list_push_back(&ended, &t->in_tasks);
		}
	while (!hy_list_empty(&ended))
		task_finish(hy_list_first(&ended, struct task, in_tasks), HONGYAN_UNAUTHENTICATED, "signed out", NULL);
}

void task_all_signed_out(struct hongyan *h)
{
	end_all(h, is_of_ticket);
}

void task_all_other_ticket(struct hongyan *h)
{
	end_all(h, is_sign_out);
}

struct task *task_by_seq(struct hongyan *h, uint32_t seq)
{
	struct task *t;
	hy_list_each (t, &h->tasks, struct task, in_tasks)
		if (t->seq == seq && seq != 0)
			return t;
	return NULL;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void *arena_alloc(void *arena, size_t size)
{
	return hy_arena_alloc(arena, size);
}

static void arena_free(void *arena, void *p) {}

/** Answers after which the same request may do better later. */
static bool may_try_again(int status)
{
	switch (status) {
	case HONGYAN_CANCELLED:
	case HONGYAN_UNKNOWN:
	case HONGYAN_DEADLINE_EXCEEDED:
	case HONGYAN_RESOURCE_EXHAUSTED:
	case HONGYAN_ABORTED:
	case HONGYAN_INTERNAL:
	case HONGYAN_UNAVAILABLE:
		return true;
	default:
		return false;
	}
}

/** A limit that is not for a moment only is the answer of who has no time. */
static bool is_final(const struct task *t, int status, uint64_t wait_us)
{
	if (!may_try_again(status))
		return true;
	return status == HONGYAN_RESOURCE_EXHAUSTED && t->give_up_us && (wait_us == 0 || out_of_time(t, wait_us));
}

static void finish_with_answer(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	struct hongyan *h = t->client;
	const struct method *m = t->method;
	uint64_t ticket_number = t->ticket_number;
	task_finish(t, status, why, response);
	if (status != HONGYAN_UNAUTHENTICATED || m->open || ticket_number != h->ticket_number)
		return;
	if (m->about_password)
		sync_now(h); /* which finds out whether the ticket is meant */
	else
		client_signed_out(h, why);
}

static void task_refused(struct task *t, const Hy__ResponseHead *head, uint64_t wait_us)
{
	struct hongyan *h = t->client;
	if (head && head->code != HONGYAN_UNAUTHENTICATED) /* which speaks of an older ticket */
		trouble_refused(h, head->message[0] ? head->message : hy_status_text((int)head->code));
	else if (!head)
		trouble_other_protocol(h, 200);
	trouble_tell(h, task_retry_later(t, wait_us));
}

void task_answered(struct task *t, struct hy_bytes body)
{
	struct hy_arena arena;
	hy_arena_init(&arena, ANSWER_MEMORY_MAX);
	ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = &arena};
	ProtobufCMessage *response = protobuf_c_message_unpack(t->method->response, &allocator, body.len, body.data);
	const Hy__ResponseHead *head =
		response ? *(Hy__ResponseHead **)(void *)((char *)response + t->method->response->fields[0].offset)
			 : NULL;
	int status = head ? (int)head->code : HONGYAN_INTERNAL;
	uint64_t wait_us = head ? (uint64_t)head->retry_after_ms * 1000 : 0;
	bool of_old_ticket = !t->method->open && t->ticket_number != t->client->ticket_number;
	if (is_final(t, status, wait_us) && !(status == HONGYAN_UNAUTHENTICATED && of_old_ticket))
		finish_with_answer(t, status, head->message[0] ? head->message : hy_status_text(status), response);
	else
		task_refused(t, head, wait_us);
	hy_arena_fini(&arena);
}
