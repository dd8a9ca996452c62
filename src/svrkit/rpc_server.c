/*
 * Serves the services of this process to others. Every loop accepts; a connection stays where it was accepted.
 *
 * Frames are parsed from the read buffer, requests unpacked into the arena of the call they become, one coroutine each.
 * Answers are packed behind each other into the connection's output and go out at the end of the turn, in one write.
 *
 * Bounds: a connection with CALLS_PER_CONN calls in work, or with OUT_PAUSE bytes that nobody reads, is not read from
 * until that is better, so the other side's socket fills; one whose output grows past OUT_MAX, or does not shrink for
 * SLOW_US, is ended. Calls over CALLS_PER_LOOP are refused with a time to come back. What is under way when a
 * connection ends is cancelled.
 */
#include "base/mem.h"
#include "svrkit/rpc_impl.h"

#define READ_SIZE (64u << 10)
#define READ_MAX_PER_TURN (1u << 20)
#define KEEP_BUFFER (256u << 10)
#define CALLS_PER_CONN 64
#define CALLS_PER_LOOP 4096
#define SPARE_CALLS 256
#define CONNS_PER_LOOP 1024
#define OUT_PAUSE (1u << 20)
#define OUT_MAX (16u << 20)
#define SWEEP_US 10000000u
#define SLOW_US 30000000u
#define IDLE_US 600000000u
#define EMFILE_PAUSE_US 100000u
#define BUSY_RETRY_MS 200

struct acceptor {
	struct env_sock sock;
	struct rpc_server *server;
};

struct conn {
	struct env_sock sock;
	struct rpc_server *server;
	struct hy_link link;  /* in server->conns */
	struct hy_link dirty; /* in server->dirty: output to send, or input to go on with */
	struct hy_link works; /* calls in work */
	unsigned work_count;
	bool readable, writable;
	struct hy_buf in, out;
	uint64_t heard_us; /* when the newest bytes of `in` were read */
	uint64_t moved_us; /* when output last went out, or was empty */
};

/** One call in work. Kept for reuse with its arena's first block. */
struct work {
	struct hy_link link;
	struct rpc_server *server;
	struct conn *conn; /* NULL: the connection has ended, nobody wants the answer */
	struct co *co;
	const struct rpc_entry *entry;
	const struct rpc_method *method;
	const void *request;
	uint64_t call_id;
	struct hy_arena arena;
	struct call call;
};

struct rpc_server {
	struct rpc_loop *rl;
	struct svr_loop *loop;
	struct acceptor acceptors[RPC_LISTENERS_MAX];
	struct hy_link conns, dirty, spare;
	unsigned conn_count, work_count, spare_count;
	struct svr_turn_hook hook;
	struct env_timer accept_timer, sweep_timer;
};

static void conn_read(struct conn *c);

/* ---- the end of a connection ------------------------------------------------------------------------------------- */

static void conn_end(struct conn *c)
{
	struct work *work;

	env_sock_close(&c->sock);
	hy_list_each (work, &c->works, struct work, link) {
		hy_list_remove(&work->link);
		work->conn = NULL;
		co_cancel(work->co);
	}
	hy_list_remove(&c->link);
	hy_list_remove(&c->dirty);
	c->server->conn_count--;
	hy_buf_fini_wiped(&c->in);
	hy_buf_fini_wiped(&c->out);
	hy_free(c);
}

static void conn_mark(struct conn *c)
{
	if (!hy_link_linked(&c->dirty))
		hy_list_push_back(&c->server->dirty, &c->dirty);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/** Appends one answer; a body that is too long becomes a refusal. `response` may be NULL. */
static void put_answer(struct conn *c, const struct call *call, uint64_t call_id, int status, const void *response)
{
	struct rpc_frame f = {
		.kind = RPC_FRAME_ANSWER,
		.priority = call->priority,
		.service = (uint16_t)status,
		.time_ms = call->retry_after_ms,
		.call_id = call_id,
		.trace = call->trace,
		.message = rpc_head_text(call->message, 1024),
	};
	size_t begin = hy_buf_len(&c->out), head = rpc_frame_head_size(&f);

	hy_buf_reserve(&c->out, head);
	hy_buf_commit(&c->out, head);
	if (response)
		pb_pack(response, &c->out);
	f.body.len = hy_buf_len(&c->out) - begin - head;
	if (head + f.body.len > RPC_FRAME_MAX) {
		c->out.end -= f.body.len;
		f.body.len = 0;
		f.service = HY_RESOURCE_EXHAUSTED;
	}
	rpc_frame_encode_head(&f, hy_buf_data(&c->out) + begin);
	conn_mark(c);
}

/** False: the connection has ended. */
static bool conn_send(struct conn *c)
{
	uint64_t now = svr_now_us(c->server->loop);

	if (hy_buf_len(&c->out) && c->writable) {
		struct iovec iov = {hy_buf_data(&c->out), hy_buf_len(&c->out)};
		ssize_t n = env_sendv(&c->sock, &iov, 1);

		if (n < 0 && n != -EAGAIN) {
			conn_end(c);
			return false;
		}
		if (n > 0) {
			hy_buf_consume(&c->out, (size_t)n);
			c->moved_us = now;
		}
		c->writable = n == (ssize_t)iov.iov_len;
	}
	if (hy_buf_len(&c->out) == 0) {
		c->moved_us = now;
		if (c->out.cap > KEEP_BUFFER)
			hy_buf_fini_wiped(&c->out);
	} else if (hy_buf_len(&c->out) > OUT_MAX) {
		env_log(c->server->loop->svr->env, ENV_LOG_WARN, "svrkit", 0,
			"a connection is ended: nobody reads its answers");
		conn_end(c);
		return false;
	}
	return true;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static struct work *work_get(struct rpc_server *server)
{
	struct work *work = hy_list_first(&server->spare, struct work, link);

	if (work) {
		hy_list_remove(&work->link);
		server->spare_count--;
	} else {
		work = hy_zalloc(sizeof(*work));
		hy_link_init(&work->link);
		work->server = server;
		hy_arena_init(&work->arena, HY_ARENA_LIMIT_DEFAULT);
	}
	server->work_count++;
	return work;
}

static void work_put(struct work *work)
{
	struct rpc_server *server = work->server;

	server->work_count--;
	hy_arena_wipe(&work->arena); /* a call may have carried a password, an answer a ticket */
	if (server->spare_count == SPARE_CALLS) {
		hy_arena_fini(&work->arena);
		hy_free(work);
		return;
	}
	hy_list_push_front(&server->spare, &work->link);
	server->spare_count++;
}

static void work_main(void *arg)
{
	struct work *work = arg;
	const ProtobufCMessageDescriptor *d = work->method->response;
	void *response = hy_arena_alloc(&work->arena, d->sizeof_message);
	int status = HY_RESOURCE_EXHAUSTED;

	if (response) {
		protobuf_c_message_init(d, response);
		status = rpc_serve(&work->call, work->entry, work->method, work->request, response);
	}
	if (work->conn) {
		put_answer(work->conn, &work->call, work->call_id, status, response);
		hy_list_remove(&work->link);
		work->conn->work_count--;
	}
	work_put(work);
}

static const char *text_of(struct hy_arena *arena, struct hy_bytes text)
{
	return hy_arena_strndup(arena, (const char *)text.data, text.len);
}

static void fill_call(struct work *work, const struct rpc_frame *f, uint64_t heard_us)
{
	struct hy_arena *arena = &work->arena;

	work->call = (struct call){
		.loop = work->server->loop,
		.arena = arena,
		.deadline_us = heard_us + f->time_ms * 1000ull,
		.trace = f->trace,
		.priority = f->priority,
	};
	if (f->uin)
		work->call.who = (struct svr_passport){f->uin, text_of(arena, f->device), text_of(arena, f->name)};
}

/** Answers at once, without a coroutine. */
static void refuse(struct conn *c, const struct rpc_frame *f, int status, const char *message, uint32_t retry_after_ms)
{
	struct call call = {
		.trace = f->trace, .priority = f->priority, .message = message, .retry_after_ms = retry_after_ms};

	put_answer(c, &call, f->call_id, status, NULL);
}

static void take_call(struct conn *c, const struct rpc_frame *f)
{
	struct rpc_server *server = c->server;
	const struct rpc_entry *entry = f->service <= RPC_SERVICE_ID_MAX ? &server->rl->rpc->entries[f->service] : NULL;

	svr_count(server->loop, MON_rpc_calls_in, 1);
	if (server->loop->stopping)
		return refuse(c, f, HY_UNAVAILABLE, "the server is stopping", 0);
	if (!entry || !entry->service || entry->remote || f->method >= entry->service->method_count)
		return refuse(c, f, HY_UNIMPLEMENTED, "no such method here", 0);
	if (server->work_count >= CALLS_PER_LOOP) {
		svr_count(server->loop, MON_requests_refused, 1);
		return refuse(c, f, HY_RESOURCE_EXHAUSTED, "too many calls in work", BUSY_RETRY_MS);
	}
	struct work *work = work_get(server);
	const struct rpc_method *method = &entry->service->methods[f->method];

	fill_call(work, f, c->heard_us);
	work->request = pb_unpack(method->request, f->body, &work->arena);
	if (!work->request) {
		work_put(work);
		return refuse(c, f, HY_INVALID_ARGUMENT, "the request is malformed", 0);
	}
	work->entry = entry;
	work->method = method;
	work->call_id = f->call_id;
	work->conn = c;
	hy_list_push_back(&c->works, &work->link);
	c->work_count++;
	work->co = co_spawn(server->loop, work_main, work);
}

static void take_cancel(struct conn *c, uint64_t call_id)
{
	struct work *work;

	hy_list_each (work, &c->works, struct work, link) {
		if (work->call_id == call_id) {
			co_cancel(work->co);
			return;
		}
	}
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool may_read(const struct conn *c)
{
	return c->work_count < CALLS_PER_CONN && hy_buf_len(&c->out) < OUT_PAUSE;
}

/** Takes the whole frames there are, as far as the bounds let it. False: garbage. */
static bool take_frames(struct conn *c)
{
	while (may_read(c)) {
		struct hy_bytes in = hy_buf_bytes(&c->in);
		int64_t length = rpc_frame_length(in);
		struct rpc_frame f;

		if (length == 0 || length > (int64_t)in.len)
			break;
		if (length < 0 || !rpc_frame_decode(hy_bytes(in.data, (size_t)length), &f) ||
			f.kind == RPC_FRAME_ANSWER)
			return false;
		if (f.kind == RPC_FRAME_CALL)
			take_call(c, &f);
		else
			take_cancel(c, f.call_id);
		explicit_bzero(c->in.mem + c->in.start, (size_t)length); /* there are bytes, so there is memory */
		hy_buf_consume(&c->in, (size_t)length);
	}
	if (hy_buf_len(&c->in) == 0 && c->in.cap > KEEP_BUFFER)
		hy_buf_fini(&c->in);
	return true;
}

static void end_bad(struct conn *c)
{
	svr_count(c->server->loop, MON_frames_bad, 1);
	env_log(c->server->loop->svr->env, ENV_LOG_WARN, "svrkit", 0, "a connection is ended: malformed frame");
	conn_end(c);
}

static void conn_read(struct conn *c)
{
	size_t total = 0;

	if (!take_frames(c))
		return end_bad(c);
	while (c->readable && may_read(c)) {
		if (total >= READ_MAX_PER_TURN) {
			conn_mark(c);
			return;
		}
		ssize_t n = env_recv(&c->sock, hy_buf_reserve_wiped(&c->in, READ_SIZE), READ_SIZE);

		if (n == -EAGAIN) {
			c->readable = false;
			return;
		}
		if (n <= 0)
			return conn_end(c);
		hy_buf_commit(&c->in, (size_t)n);
		total += (size_t)n;
		c->heard_us = svr_now_us(c->server->loop);
		if (!take_frames(c))
			return end_bad(c);
	}
}

static void on_conn_event(struct env_sock *sock, unsigned events)
{
	struct conn *c = hy_container_of(sock, struct conn, sock);
	struct svr_loop *loop = c->server->loop;

	if (events & ENV_WRITABLE) {
		c->writable = true;
		conn_mark(c);
	}
	if (events & ENV_READABLE) {
		c->readable = true;
		conn_read(c);
		svr_loop_run(loop);
	}
}

/** Sends what the turn gathered, and goes on reading where a bound was reached and is so no more. */
static void on_turn_end(struct svr_turn_hook *hook)
{
	struct rpc_server *server = hy_container_of(hook, struct rpc_server, hook);
	struct hy_link *dirty = &server->dirty;
	struct hy_link now;

	if (hy_list_empty(dirty))
		return;
	/* What is marked meanwhile has its go in the next round. */
	now = *dirty;
	now.next->prev = now.prev->next = &now;
	hy_link_init(dirty);
	while (!hy_list_empty(&now)) {
		struct conn *c = hy_list_first(&now, struct conn, dirty);

		hy_list_remove(&c->dirty);
		if (conn_send(c))
			conn_read(c);
	}
	if (!hy_list_empty(dirty))
		svr_loop_again(server->loop);
}

/* ---- connections come and stay away ------------------------------------------------------------------------------ */

static void on_accept_event(struct env_sock *sock, unsigned events)
{
	struct rpc_server *server = hy_container_of(sock, struct acceptor, sock)->server;

	for (;;) {
		struct conn *c = hy_zalloc(sizeof(*c));
		struct env_addr peer;

		c->sock.on_event = on_conn_event;
		int r = env_accept(sock, &c->sock, &peer);
		if (r != 0) {
			hy_free(c);
			if (r != -EAGAIN)
				env_timer_set(server->loop->env, &server->accept_timer,
					svr_now_us(server->loop) + EMFILE_PAUSE_US);
			return;
		}
		if (server->conn_count == CONNS_PER_LOOP) {
			env_sock_close(&c->sock);
			hy_free(c);
			continue;
		}
		c->server = server;
		c->writable = true;
		c->heard_us = c->moved_us = svr_now_us(server->loop);
		hy_link_init(&c->link);
		hy_link_init(&c->dirty);
		hy_link_init(&c->works);
		hy_list_push_back(&server->conns, &c->link);
		if (server->conn_count++ == 0)
			env_timer_set(server->loop->env, &server->sweep_timer, svr_now_us(server->loop) + SWEEP_US);
	}
}

/** After a pause for want of files: what waits is accepted now. */
static void on_accept_timer(struct env_timer *timer)
{
	struct rpc_server *server = hy_container_of(timer, struct rpc_server, accept_timer);

	for (unsigned i = 0; i < RPC_LISTENERS_MAX; i++)
		if (server->acceptors[i].sock.loop)
			on_accept_event(&server->acceptors[i].sock, ENV_READABLE);
}

static void on_sweep(struct env_timer *timer)
{
	struct rpc_server *server = hy_container_of(timer, struct rpc_server, sweep_timer);
	uint64_t now = svr_now_us(server->loop);
	struct conn *c;

	hy_list_each (c, &server->conns, struct conn, link) {
		bool slow = hy_buf_len(&c->out) && now - c->moved_us >= SLOW_US;
		bool idle = c->work_count == 0 && now - HY_MAX(c->heard_us, c->moved_us) >= IDLE_US;

		if (slow || idle)
			conn_end(c);
	}
	if (server->conn_count)
		env_timer_set(server->loop->env, timer, now + SWEEP_US);
}

int rpc_server_listen(struct svr *svr, const struct env_addr *addr)
{
	struct rpc *rpc = svr->rpc;
	unsigned index = rpc->listener_count;

	assert(!rpc->started && index < RPC_LISTENERS_MAX);
	int r = env_listen(svr->env, addr, &rpc->listeners[index]);
	if (r != 0)
		return r == -EADDRINUSE ? HY_ALREADY_EXISTS : HY_UNAVAILABLE;
	rpc->listener_count++;
	for (unsigned i = 0; i < svr->loop_count; i++) {
		struct acceptor *acceptor = &svr->loops[i].rpc->server->acceptors[index];

		acceptor->sock.on_event = on_accept_event;
		if (env_listener_attach(rpc->listeners[index], svr->loops[i].env, &acceptor->sock) != 0)
			return HY_RESOURCE_EXHAUSTED;
	}
	return HY_OK;
}

void rpc_server_addr(const struct svr *svr, unsigned index, struct env_addr *ret_addr)
{
	env_listener_addr(svr->rpc->listeners[index], ret_addr);
}

struct rpc_server *rpc_server_create(struct rpc_loop *rl)
{
	struct rpc_server *server = hy_zalloc(sizeof(*server));

	server->rl = rl;
	server->loop = rl->loop;
	for (unsigned i = 0; i < RPC_LISTENERS_MAX; i++)
		server->acceptors[i].server = server;
	hy_link_init(&server->conns);
	hy_link_init(&server->dirty);
	hy_link_init(&server->spare);
	server->accept_timer.fn = on_accept_timer;
	server->sweep_timer.fn = on_sweep;
	server->hook.fn = on_turn_end;
	svr_loop_on_turn_end(rl->loop, &server->hook);
	return server;
}

void rpc_server_destroy(struct rpc_server *server)
{
	struct work *work;

	assert(server->conn_count == 0 && server->work_count == 0);
	hy_list_each (work, &server->spare, struct work, link) {
		hy_arena_fini(&work->arena);
		hy_free(work);
	}
	hy_free(server);
}

void rpc_server_stopping(struct rpc_server *server)
{
	for (unsigned i = 0; i < RPC_LISTENERS_MAX; i++)
		env_sock_close(&server->acceptors[i].sock);
	env_timer_cancel(server->loop->env, &server->accept_timer);
}

void rpc_server_close(struct rpc_server *server)
{
	struct conn *c;

	hy_list_each (c, &server->conns, struct conn, link)
		conn_end(c);
	env_timer_cancel(server->loop->env, &server->sweep_timer);
}
