/* task.c - one request until it has a final answer, over whichever link works. */
#include "internal.h"

#include "auth.pb-c.h"
#include "base/mem.h"
#include "send.pb-c.h"
#include "sync.pb-c.h"

#define RETRY_BASE_US (500u * 1000)
#define RETRY_MAX_US (30u * 1000 * 1000)
#define WAIT_FOR_LINK_US (300u * 1000) /* a connecting long link gets this head start before a short link is used */
#define ANSWER_MEMORY_MAX (64u << 20)

const struct method method_register = {101, "/cgi-bin/register", &hy__register_response__descriptor};
const struct method method_sign_in = {102, "/cgi-bin/sign-in", &hy__sign_in_response__descriptor};
const struct method method_sign_out = {103, "/cgi-bin/sign-out", &hy__sign_out_response__descriptor};
const struct method method_identify = {104, "/cgi-bin/identify", &hy__identify_response__descriptor};
const struct method method_lookup = {105, "/cgi-bin/lookup", &hy__lookup_response__descriptor};
const struct method method_sync = {111, "/cgi-bin/sync", &hy__sync_response__descriptor};
const struct method method_send_text = {121, "/cgi-bin/send-text", &hy__send_text_response__descriptor};

void task_fill_head(struct hongyan *h, Hy__RequestHead *head, const uint8_t *client_id, uint64_t made_ms)
{
	hy__request_head__init(head);
	head->ticket.data = hy_buf_data(&h->ticket);
	head->ticket.len = hy_buf_len(&h->ticket);
	head->device = h->device;
	head->protocol_level = 1;
	head->trace = env_rand64(h->env);
	head->made_ms = made_ms;
	if (client_id) {
		head->client_id.data = (uint8_t *)(uintptr_t)client_id;
		head->client_id.len = HONGYAN_CLIENT_ID_SIZE;
	}
}

static void task_free(struct task *t)
{
	env_timer_cancel(t->client->loop, &t->timer);
	short_link_destroy(hy_take(t->short_link));
	hy_list_remove(&t->in_tasks);
	hy_buf_fini(&t->request);
	hy_free(t);
}

void task_cancel(struct task *t)
{
	task_free(t);
}

static void task_finish(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	hy_list_remove(&t->in_tasks);
	env_timer_cancel(t->client->loop, &t->timer);
	t->done(t, status, why, response);
	task_free(t);
}

/* ---- trying ------------------------------------------------------------------------------------------------------ */

static bool may_wait_for_link(const struct task *t)
{
	const struct long_link *l = &t->client->link;
	return t->tries == 0 && (l->state == LONG_LINK_CONNECTING || l->state == LONG_LINK_IDENTIFYING) &&
	       l->failures == 0;
}

static void on_timer(struct env_timer *timer);

static void task_wait(struct task *t, uint64_t us)
{
	t->timer.fn = on_timer;
	env_timer_set(t->client->loop, &t->timer, env_loop_now_us(t->client->loop) + us);
}

static void task_try(struct task *t)
{
	struct hongyan *h = t->client;
	assert(t->seq == 0 && !t->short_link);
	t->tries++;
	task_wait(t, h->request_timeout_us);
	if (h->link.state == LONG_LINK_READY) {
		t->seq = ++h->next_seq;
		if (h->next_seq >= 0xF0000000u)
			h->next_seq = 0;
		long_link_send(h, t->method->cmd, t->seq, hy_buf_bytes(&t->request));
	} else {
		short_link_start(t);
	}
}

static void task_retry_later(struct task *t, uint64_t at_least_us)
{
	struct hongyan *h = t->client;
	t->seq = 0;
	short_link_destroy(hy_take(t->short_link));
	uint64_t us = client_backoff_us(h, RETRY_BASE_US, t->tries, RETRY_MAX_US);
	task_wait(t, HY_MAX(us, at_least_us));
}

void task_try_failed(struct task *t)
{
	if (t->tries_max && t->tries >= t->tries_max)
		task_finish(t, HY_UNAVAILABLE, "the server does not answer", NULL);
	else
		task_retry_later(t, 0);
}

static void on_timer(struct env_timer *timer)
{
	struct task *t = hy_container_of(timer, struct task, timer);
	struct hongyan *h = t->client;
	if (t->seq == 0 && !t->short_link) {
		task_try(t);
		return;
	}
	bool link_silent = t->seq != 0 && h->link.received_us + h->request_timeout_us <= env_loop_now_us(h->loop);
	task_try_failed(t);
	if (link_silent)
		long_link_reset(h); /* half open, most likely: nothing came for as long as an answer may take */
}

struct task *task_start(struct hongyan *h, const struct method *m, const ProtobufCMessage *request, unsigned tries_max,
	void (*done)(struct task *t, int status, const char *why, const ProtobufCMessage *response))
{
	struct task *t = hy_zalloc(sizeof *t);
	t->client = h;
	t->method = m;
	t->tries_max = tries_max;
	t->done = done;
	size_t len = protobuf_c_message_get_packed_size(request);
	protobuf_c_message_pack(request, hy_buf_reserve(&t->request, len + 1));
	hy_buf_commit(&t->request, len);
	hy_link_init(&t->in_tasks);
	hy_list_push_back(&h->tasks, &t->in_tasks);
	task_wait(t, may_wait_for_link(t) ? WAIT_FOR_LINK_US : 0);
	return t;
}

void task_all_off_link(struct hongyan *h)
{
	struct task *t;
	hy_list_each (t, &h->tasks, struct task, in_tasks)
		if (t->seq != 0)
			task_retry_later(t, 0);
}

void task_all_try(struct hongyan *h)
{
	struct task *t;
	hy_list_each (t, &h->tasks, struct task, in_tasks)
		if (t->seq == 0 && !t->short_link && t->tries == 0)
			task_try(t);
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
	case HY_CANCELLED:
	case HY_UNKNOWN:
	case HY_DEADLINE_EXCEEDED:
	case HY_RESOURCE_EXHAUSTED:
	case HY_ABORTED:
	case HY_INTERNAL:
	case HY_UNAVAILABLE:
		return true;
	default:
		return false;
	}
}

static bool needs_ticket(const struct task *t)
{
	return t->method != &method_register && t->method != &method_sign_in;
}

void task_answered(struct task *t, struct hy_bytes body)
{
	struct hongyan *h = t->client;
	struct hy_arena arena;
	hy_arena_init(&arena, ANSWER_MEMORY_MAX);
	ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = &arena};
	ProtobufCMessage *response = protobuf_c_message_unpack(t->method->response, &allocator, body.len, body.data);
	const Hy__ResponseHead *head =
		response ? *(Hy__ResponseHead **)(void *)((char *)response + t->method->response->fields[0].offset)
			 : NULL;
	int status = head ? (int)head->code : HY_INTERNAL;
	const char *why = head && head->message[0] ? head->message : hy_status_text(status);
	bool again = !head || (may_try_again(status) && (t->tries_max == 0 || t->tries < t->tries_max));
	if (again) {
		task_retry_later(t, head ? (uint64_t)head->retry_after_ms * 1000 : 0);
	} else {
		bool signed_out = status == HY_UNAUTHENTICATED && needs_ticket(t);
		task_finish(t, status, why, response);
		if (signed_out)
			client_signed_out(h, why);
	}
	hy_arena_fini(&arena);
}
