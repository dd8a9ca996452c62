/*
 * Calls to other processes: one connection per loop and remote, made at the first call, shared by all calls of the
 * loop.
 *
 * A link is DOWN, CONNECTING or UP. Calls that find it not UP wait in line for it, within their deadline. A connection
 * that ends fails its unanswered calls; those that are idempotent, and those never sent, try again while time is left.
 * Attempts to connect are spaced by a backoff with jitter; after FAST_FAILURES of them in a row calls fail at once
 * until the next one.
 *
 * A caller that gives up sends a cancel frame. The server answers the call all the same, so silence after a cancel
 * frame means that the connection is dead without having said so: it is ended after PROBE_US.
 */
#include "base/mem.h"
#include "svrkit/rpc_impl.h"

#define READ_SIZE (64u << 10)
#define KEEP_BUFFER (256u << 10)
#define OPEN_MAX 4096
#define OUT_MAX (8u << 20)
#define CONNECT_US 3000000u
#define PROBE_US 3000000u
#define BACKOFF_MIN_US 20000u
#define BACKOFF_MAX_US 2000000u
#define FAST_FAILURES 3
#define RETRIES 2

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP };

/** A call that waits for its answer; on its caller's stack. */
struct open_call {
	struct co_wait wait;
	struct call *call;
	const struct rpc_method *method;
	ProtobufCMessage *response;
	uint64_t call_id;
	int status;
	bool open, lost; /* open: has a slot. lost: the connection ended before an answer */
};

struct slot {
	struct open_call *call; /* NULL: free */
	uint32_t generation, next_free;
};

/** A call that waits for the connection; on its caller's stack. */
struct waiter {
	struct co_wait wait;
	struct hy_link link;
};

struct link {
	struct rpc_client *client;
	struct svr_loop *loop;
	const struct rpc_remote *remote;
	enum link_state state;
	bool writable, answered; /* answered: anything has come over this connection */
	struct env_sock sock;
	struct hy_buf in, out;
	struct hy_link dirty; /* in client->dirty */
	struct hy_link waiters;
	unsigned waiter_count, woken; /* woken: have left the line, but did not run yet: newcomers go behind them */
	struct slot *slots;
	uint32_t slot_count, free_slot, open_count; /* free_slot: index + 1; 0: none */
	unsigned failures;                          /* attempts to connect in a row without an answer */
	uint64_t retry_at_us;
	struct env_timer timer; /* DOWN: next attempt. CONNECTING: end of patience. UP: probe */
};

struct rpc_client {
	struct rpc_loop *rl;
	bool closed;
	struct svr_turn_hook hook;
	struct hy_link dirty;
	struct link *links[RPC_REMOTES_MAX];
};

/* ---- slots: call IDs to calls ------------------------------------------------------------------------------------ */

static void slots_grow(struct link *link)
{
	uint32_t count = HY_MAX(16u, link->slot_count * 2);

	link->slots = hy_realloc(link->slots, count * sizeof(*link->slots));
	for (uint32_t i = count; i-- > link->slot_count;) {
		link->slots[i] = (struct slot){.next_free = link->free_slot};
		link->free_slot = i + 1;
	}
	link->slot_count = count;
}

static void slot_take(struct link *link, struct open_call *open)
{
	if (!link->free_slot)
		slots_grow(link);
	uint32_t i = link->free_slot - 1;
	struct slot *slot = &link->slots[i];

	link->free_slot = slot->next_free;
	slot->call = open;
	slot->generation++;
	link->open_count++;
	open->call_id = (uint64_t)slot->generation << 32 | i;
	open->open = true;
}

static void slot_free(struct link *link, struct open_call *open)
{
	uint32_t i = (uint32_t)open->call_id;

	link->slots[i].call = NULL;
	link->slots[i].next_free = link->free_slot;
	link->free_slot = i + 1;
	link->open_count--;
	open->open = false;
}

static struct open_call *slot_find(const struct link *link, uint64_t call_id)
{
	uint32_t i = (uint32_t)call_id;
	struct open_call *open = i < link->slot_count ? link->slots[i].call : NULL;

	return open && open->call_id == call_id ? open : NULL;
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static void wake_waiters(struct link *link, int status)
{
	struct waiter *waiter;

	hy_list_each (waiter, &link->waiters, struct waiter, link) {
		hy_list_remove(&waiter->link);
		link->waiter_count--;
		link->woken++;
		co_wake(&waiter->wait, status);
	}
}

/** From a third of the full pause to all of it, so that many clients do not come back at once. */
static uint64_t backoff_us(const struct link *link)
{
	uint64_t full = BACKOFF_MIN_US;

	for (unsigned i = 1; i < link->failures && full < BACKOFF_MAX_US; i++)
		full *= 2;
	full = HY_MIN(full, BACKOFF_MAX_US);
	uint64_t jitter = env_rand64(link->loop->svr->env);
	return full / 3 + jitter % (full - full / 3);
}

static void log_link(struct link *link, const char *what)
{
	char text[128];

	/* A connection that ends when nobody waits for anything is how servers restart. */
	enum env_log_level level = link->answered && !link->open_count ? ENV_LOG_INFO : ENV_LOG_WARN;
	env_log(link->loop->svr->env, level, "svrkit", 0, "%s: %s; %u calls had no answer",
		env_addr_text(&link->remote->addr, text, sizeof(text)), what, link->open_count);
}

/** Whatever the state was: DOWN, and everybody who waits is told. */
static void link_lost(struct link *link, const char *what)
{
	log_link(link, what);
	env_sock_close(&link->sock);
	env_timer_cancel(link->loop->env, &link->timer);
	hy_buf_clear(&link->in);
	hy_buf_clear(&link->out);
	hy_list_remove(&link->dirty);
	link->state = LINK_DOWN;
	link->failures = link->answered ? 1 : link->failures + 1;
	link->answered = false;
	link->retry_at_us = svr_now_us(link->loop) + backoff_us(link);
	for (uint32_t i = 0; i < link->slot_count; i++) {
		struct open_call *open = link->slots[i].call;

		if (!open)
			continue;
		slot_free(link, open);
		open->lost = true;
		co_wake(&open->wait, HY_UNAVAILABLE);
	}
	wake_waiters(link, HY_UNAVAILABLE);
}

static void link_up(struct link *link)
{
	link->state = LINK_UP;
	link->writable = true;
	env_timer_cancel(link->loop->env, &link->timer);
	wake_waiters(link, HY_OK);
}

static void link_connect(struct link *link)
{
	if (env_connect(link->loop->env, &link->remote->addr, &link->sock) != 0)
		return link_lost(link, "cannot connect");
	link->state = LINK_CONNECTING;
	env_timer_set(link->loop->env, &link->timer, svr_now_us(link->loop) + CONNECT_US);
}

static void on_link_timer(struct env_timer *timer)
{
	struct link *link = hy_container_of(timer, struct link, timer);

	switch (link->state) {
	case LINK_DOWN:
		if (!hy_list_empty(&link->waiters))
			link_connect(link);
		break;
	case LINK_CONNECTING:
		link_lost(link, "no connection within 3 s");
		break;
	case LINK_UP:
		link_lost(link, "no answer to anything");
		break;
	}
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static int take_body(struct open_call *open, const struct rpc_frame *f)
{
	const ProtobufCMessageDescriptor *d = open->method->response;
	const ProtobufCMessage *m = pb_unpack(d, f->body, open->call->arena);

	if (!m)
		return call_fail(open->call, HY_INTERNAL, "the answer is malformed, or larger than its room");
	memcpy(open->response, m, d->sizeof_message);
	return f->service < HY_STATUS_COUNT ? f->service : HY_UNKNOWN;
}

static void take_answer(struct link *link, const struct rpc_frame *f)
{
	struct open_call *open = slot_find(link, f->call_id);

	if (!open)
		return; /* its caller gave up */
	slot_free(link, open);
	if (open->wait.woken) {
		/* Its caller gave up in this very turn. */
		open->status = open->wait.status;
		return;
	}
	open->call->retry_after_ms = f->time_ms;
	if (f->message.len)
		open->call->message =
			hy_arena_strndup(open->call->arena, (const char *)f->message.data, f->message.len);
	open->status = take_body(open, f);
	co_wake(&open->wait, HY_OK);
}

static bool take_frames(struct link *link)
{
	for (;;) {
		struct hy_bytes in = hy_buf_bytes(&link->in);
		int64_t length = rpc_frame_length(in);
		struct rpc_frame f;

		if (length == 0 || length > (int64_t)in.len)
			return true;
		if (length < 0 || !rpc_frame_decode(hy_bytes(in.data, (size_t)length), &f) ||
			f.kind != RPC_FRAME_ANSWER)
			return false;
		take_answer(link, &f);
		hy_buf_consume(&link->in, (size_t)length);
	}
}

static void link_read(struct link *link)
{
	for (;;) {
		ssize_t n = env_recv(&link->sock, hy_buf_reserve(&link->in, READ_SIZE), READ_SIZE);

		if (n == -EAGAIN)
			break;
		if (n <= 0)
			return link_lost(link, "the connection ended");
		hy_buf_commit(&link->in, (size_t)n);
		link->answered = true;
		link->failures = 0;
		if (env_timer_is_set(&link->timer))
			env_timer_cancel(link->loop->env, &link->timer);
		if (!take_frames(link)) {
			svr_count(link->loop, MON_frames_bad, 1);
			return link_lost(link, "malformed frame");
		}
	}
	if (hy_buf_len(&link->in) == 0 && link->in.cap > KEEP_BUFFER)
		hy_buf_fini(&link->in);
}

static void link_mark(struct link *link)
{
	if (!hy_link_linked(&link->dirty))
		hy_list_push_back(&link->client->dirty, &link->dirty);
}

static void on_link_event(struct env_sock *sock, unsigned events)
{
	struct link *link = hy_container_of(sock, struct link, sock);

	if (link->state == LINK_CONNECTING) {
		if (env_sock_error(sock) != 0)
			return link_lost(link, "cannot connect");
		link_up(link);
	}
	if (events & ENV_WRITABLE) {
		link->writable = true;
		link_mark(link);
	}
	if (events & ENV_READABLE)
		link_read(link);
}

static void link_send(struct link *link)
{
	if (link->state != LINK_UP || !link->writable || hy_buf_len(&link->out) == 0)
		return;
	struct iovec iov = {hy_buf_data(&link->out), hy_buf_len(&link->out)};
	ssize_t n = env_sendv(&link->sock, &iov, 1);

	if (n < 0 && n != -EAGAIN)
		return link_lost(link, "the connection ended");
	if (n > 0)
		hy_buf_consume(&link->out, (size_t)n);
	link->writable = n == (ssize_t)iov.iov_len;
	if (hy_buf_len(&link->out) == 0 && link->out.cap > KEEP_BUFFER)
		hy_buf_fini(&link->out);
}

static void on_turn_end(struct svr_turn_hook *hook)
{
	struct rpc_client *client = hy_container_of(hook, struct rpc_client, hook);
	struct link *link;

	while ((link = hy_list_first(&client->dirty, struct link, dirty))) {
		hy_list_remove(&link->dirty);
		link_send(link);
	}
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static int left_line(struct link *link, int status, bool *ret_lost)
{
	link->woken--;
	/* Woken for a connection that has ended since. */
	if (status == HY_OK && link->state != LINK_UP)
		status = HY_UNAVAILABLE;
	*ret_lost = status == HY_UNAVAILABLE;
	return status;
}

/** The link is up, but some who waited for that have not run yet: calls keep their order. SUSPENDS. */
static int go_behind(struct link *link, bool *ret_lost)
{
	link->woken++;
	int status = co_sleep_until(link->loop, 0);
	return left_line(link, status, ret_lost);
}

/** Waits in line until the link is up. *ret_lost: an attempt to connect failed meanwhile. SUSPENDS. */
static int await_link(struct link *link, struct call *call, bool *ret_lost)
{
	uint64_t now = svr_now_us(link->loop);
	struct waiter waiter;

	*ret_lost = false;
	if (link->state == LINK_UP)
		return link->woken == 0 ? HY_OK : go_behind(link, ret_lost);
	if (link->client->closed)
		return call_fail(call, HY_UNAVAILABLE, "this process is stopping");
	if (link->waiter_count >= OPEN_MAX)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "too many calls wait for the connection");
	if (link->state == LINK_DOWN && link->failures >= FAST_FAILURES && now < link->retry_at_us)
		return call_fail_retry(call, HY_UNAVAILABLE, (uint32_t)((link->retry_at_us - now) / 1000 + 1),
			"the service cannot be reached");
	co_wait_init(&waiter.wait, link->loop);
	hy_link_init(&waiter.link);
	hy_list_push_back(&link->waiters, &waiter.link);
	link->waiter_count++;
	if (link->state == LINK_DOWN && now >= link->retry_at_us)
		link_connect(link);
	else if (link->state == LINK_DOWN && !env_timer_is_set(&link->timer))
		env_timer_set(link->loop->env, &link->timer, link->retry_at_us);
	int status = co_wait(&waiter.wait, call->deadline_us);
	if (hy_link_linked(&waiter.link)) {
		hy_list_remove(&waiter.link);
		link->waiter_count--;
		return status;
	}
	return left_line(link, status, ret_lost);
}

static void put_frame(struct link *link, struct rpc_frame *f, const void *request)
{
	size_t begin = hy_buf_len(&link->out), head = rpc_frame_head_size(f);

	hy_buf_reserve(&link->out, head);
	hy_buf_commit(&link->out, head);
	if (request)
		pb_pack(request, &link->out);
	f->body.len = hy_buf_len(&link->out) - begin - head;
	if (head + f->body.len > RPC_FRAME_MAX) {
		link->out.end -= head + f->body.len;
		return;
	}
	rpc_frame_encode_head(f, hy_buf_data(&link->out) + begin);
	link_mark(link);
}

static int put_call(struct link *link, struct open_call *open, const void *request)
{
	struct call *call = open->call;
	uint64_t now = svr_now_us(link->loop);
	uint64_t left_ms = call->deadline_us > now ? (call->deadline_us - now + 999) / 1000 : 0;
	struct rpc_frame f = {
		.kind = RPC_FRAME_CALL,
		.priority = call->priority,
		.service = open->method->service->id,
		.method = open->method->index,
		.time_ms = (uint32_t)HY_MIN(left_ms, UINT32_MAX),
		.call_id = open->call_id,
		.trace = call->trace,
		.uin = call->who.uin,
	};

	if (call->who.uin) {
		f.device = rpc_head_text(call->who.device, UINT8_MAX);
		f.name = rpc_head_text(call->who.name, UINT8_MAX);
	}
	put_frame(link, &f, request);
	if (rpc_frame_head_size(&f) + f.body.len > RPC_FRAME_MAX)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request is larger than a frame");
	svr_count(link->loop, MON_rpc_calls_out, 1);
	return HY_OK;
}

static void put_cancel(struct link *link, const struct open_call *open)
{
	struct rpc_frame f = {.kind = RPC_FRAME_CANCEL,
		.priority = open->call->priority,
		.call_id = open->call_id,
		.trace = open->call->trace};

	put_frame(link, &f, NULL);
	if (!env_timer_is_set(&link->timer))
		env_timer_set(link->loop->env, &link->timer, svr_now_us(link->loop) + PROBE_US);
}

/** One call over a connection that is up. *ret_lost: it ended before an answer came. SUSPENDS. */
static int exchange(struct link *link, struct call *call, const struct rpc_method *method, const void *request,
	void *response, bool *ret_lost)
{
	struct open_call open = {.call = call, .method = method, .response = response};

	*ret_lost = false;
	if (link->open_count >= OPEN_MAX || hy_buf_len(&link->out) > OUT_MAX)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "too many calls wait for answers");
	co_wait_init(&open.wait, link->loop);
	slot_take(link, &open);
	int status = put_call(link, &open, request);
	if (status != HY_OK) {
		slot_free(link, &open);
		return status;
	}
	status = co_wait(&open.wait, call->deadline_us);
	if (open.open) {
		slot_free(link, &open);
		put_cancel(link, &open);
		return status;
	}
	*ret_lost = open.lost;
	return open.lost ? status : open.status;
}

static struct link *link_of(struct svr_loop *loop, const struct rpc_remote *remote)
{
	struct rpc_client *client = loop->rpc->client;
	struct link *link = client->links[remote->index];

	if (link)
		return link;
	link = hy_zalloc(sizeof(*link));
	link->client = client;
	link->loop = loop;
	link->remote = remote;
	link->sock.on_event = on_link_event;
	link->timer.fn = on_link_timer;
	hy_link_init(&link->dirty);
	hy_link_init(&link->waiters);
	client->links[remote->index] = link;
	return link;
}

int rpc_client_call(struct call *call, const struct rpc_remote *remote, const struct rpc_method *method,
	const void *request, void *response)
{
	struct link *link = link_of(call->loop, remote);
	bool sent = false, lost;
	int status;

	for (unsigned attempt = 0;; attempt++) {
		if (svr_now_us(call->loop) >= call->deadline_us)
			return HY_DEADLINE_EXCEEDED;
		status = await_link(link, call, &lost);
		if (status == HY_OK) {
			sent = true;
			status = exchange(link, call, method, request, response, &lost);
		}
		if (!lost || status != HY_UNAVAILABLE || attempt == RETRIES || (sent && !method->idempotent))
			break;
		env_mark(link->loop->svr->env, "rpc: a call is tried again");
	}
	if (lost && !call->message)
		call->message = sent ? "the connection ended before an answer came" : "the service cannot be reached";
	return status;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

struct rpc_client *rpc_client_create(struct rpc_loop *rl)
{
	struct rpc_client *client = hy_zalloc(sizeof(*client));

	client->rl = rl;
	hy_link_init(&client->dirty);
	client->hook.fn = on_turn_end;
	svr_loop_on_turn_end(rl->loop, &client->hook);
	return client;
}

void rpc_client_close(struct rpc_client *client)
{
	client->closed = true;
	for (unsigned i = 0; i < RPC_REMOTES_MAX; i++) {
		struct link *link = client->links[i];

		if (!link)
			continue;
		assert(link->open_count == 0 && link->waiter_count == 0);
		env_sock_close(&link->sock);
		env_timer_cancel(link->loop->env, &link->timer);
		hy_list_remove(&link->dirty);
		link->state = LINK_DOWN;
	}
}

void rpc_client_destroy(struct rpc_client *client)
{
	for (unsigned i = 0; i < RPC_REMOTES_MAX; i++) {
		struct link *link = client->links[i];

		if (!link)
			continue;
		hy_buf_fini(&link->in);
		hy_buf_fini(&link->out);
		hy_free(link->slots);
		hy_free(link);
	}
	hy_free(client);
}
