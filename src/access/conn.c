/* conn.c - connections: accepting, reading, writing, moving, ending. What the bytes mean is link.c's and http.c's matter. */
#include "access/conn.h"

#include <sys/socket.h>

#include "base/mem.h"

#define SWEEP_US (5u * 1000 * 1000)
#define READ_PORTION (256u << 10) /* of one connection in one turn, so that a loud one does not starve others */
#define ACCEPT_PORTION 256

/** Strangers' connections from one address, oldest first. */
struct conn_address {
	struct hy_map_node node;
	uint8_t ip[16];
	uint16_t family;
	unsigned count;
	struct hy_link conns;
};

/* ---- strangers, counted ------------------------------------------------------------------------------------------ */

static struct conn_address *address_of(struct access_loop *l, const struct env_addr *peer)
{
	uint8_t ip[16] = {0};
	memcpy(ip, peer->ip, peer->family == AF_INET ? 4 : 16);
	uint64_t hash = hy_hash(ip, sizeof ip, l->access->hash_seed);
	for (struct hy_map_node *n = hy_map_first(&l->addresses, hash); n; n = hy_map_next(n)) {
		struct conn_address *a = hy_container_of(n, struct conn_address, node);
		if (a->family == peer->family && memcmp(a->ip, ip, sizeof ip) == 0)
			return a;
	}
	struct conn_address *a = hy_zalloc(sizeof *a);
	memcpy(a->ip, ip, sizeof ip);
	a->family = peer->family;
	hy_link_init(&a->conns);
	hy_map_insert(&l->addresses, &a->node, hash);
	return a;
}

static void address_leave(struct conn *c)
{
	struct conn_address *a = hy_take(c->address);
	if (!a)
		return;
	hy_list_remove(&c->in_address);
	if (--a->count == 0) {
		hy_map_remove(&c->home->addresses, &a->node);
		hy_free(a);
	}
}

static void anonymous_leave(struct conn *c)
{
	if (!c->anonymous)
		return;
	c->anonymous = false;
	c->home->anonymous_count--;
	address_leave(c);
}

/** Counts a new stranger; at a cap the oldest one goes (W4). */
static void anonymous_enter(struct access_loop *l, struct conn *c)
{
	const struct access_limits *limits = &l->access->config.limits;
	if (l->anonymous_count >= limits->anonymous_max) {
		ACCESS_COUNT(l, links_refused, 1);
		conn_abort(hy_list_first(&l->anonymous, struct conn, in_list));
	}
	if (!env_addr_is_loopback(&c->peer)) {
		struct conn_address *a = address_of(l, &c->peer);
		if (a->count >= limits->anonymous_per_address_max) {
			ACCESS_COUNT(l, links_refused, 1);
			a->count++; /* keep the struct while its oldest leaves */
			conn_abort(hy_list_first(&a->conns, struct conn, in_address));
			a->count--;
		}
		c->address = a;
		a->count++;
		hy_list_push_back(&a->conns, &c->in_address);
	}
	c->anonymous = true;
	l->anonymous_count++;
	hy_list_push_back(&l->anonymous, &c->in_list);
}

void conn_set_signed_in(struct conn *c)
{
	anonymous_leave(c);
	hy_list_remove(&c->in_list);
	hy_list_push_back(&c->home->signed_in, &c->in_list);
}

/* ---- ending -------------------------------------------------------------------------------------------------------- */

static void conn_free(struct conn *c)
{
	assert(c->sock.loop == NULL && c->requests == 0);
	c->home->conn_count--;
	hy_buf_fini(&c->in);
	hy_buf_fini(&c->out);
	http_state_free(c->http);
	hy_free(c);
}

void conn_abort(struct conn *c)
{
	if (c->sock.loop) {
		env_sock_close(&c->sock);
		if (c->kind == CONN_LINK)
			ACCESS_COUNT(c->home, links_closed, 1);
		anonymous_leave(c);
		link_table_remove(c);
		hy_list_remove(&c->in_list);
		hy_list_remove(&c->in_output);
		hy_list_remove(&c->in_resume);
		c->closing = true;
		c->readable = c->writable = false;
		hy_buf_fini(&c->out);
	}
	if (c->requests == 0)
		conn_free(c);
}

void conn_close_softly(struct conn *c)
{
	c->closing = true;
	if (c->sock.loop && c->requests == 0)
		conn_mark_dirty(c); /* ends when all is written */
}

void conn_request_done(struct conn *c)
{
	assert(c->requests > 0);
	c->requests--;
	if (c->requests == 0)
		c->paused = false;
	if (!c->sock.loop) {
		if (c->requests == 0)
			conn_free(c);
		return;
	}
	conn_mark_dirty(c);
	if (!c->closing)
		conn_resume(c);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

void conn_mark_dirty(struct conn *c)
{
	if (!c->sock.loop)
		return;
	hy_list_remove(&c->in_output);
	hy_list_push_back(&c->home->dirty, &c->in_output);
}

/** False: the connection has ended. */
static bool conn_flush(struct conn *c)
{
	struct access_loop *l = c->home;
	while (hy_buf_len(&c->out) > 0) {
		struct iovec iov = {hy_buf_data(&c->out), hy_buf_len(&c->out)};
		ssize_t n = c->writable ? env_sendv(&c->sock, &iov, 1) : -EAGAIN;
		if (n == -EAGAIN) {
			c->writable = false;
			break;
		}
		if (n < 0) {
			conn_abort(c);
			return false;
		}
		c->stalled_since_us = 0;
		hy_buf_consume(&c->out, (size_t)n);
	}
	if (hy_buf_len(&c->out) == 0) {
		hy_buf_fini(&c->out);
		if (c->closing && c->requests == 0) {
			conn_abort(c);
			return false;
		}
		return true;
	}
	if (hy_buf_len(&c->out) > l->access->config.limits.output_max_bytes) {
		ACCESS_COUNT(l, links_dropped_slow, 1);
		conn_abort(c);
		return false;
	}
	if (!c->stalled_since_us)
		c->stalled_since_us = svr_now_us(l->loop);
	hy_list_push_back(&l->stalled, &c->in_output);
	return true;
}

/* ---- moving ------------------------------------------------------------------------------------------------------------ */

struct conn_moving {
	struct env_msg msg;
	struct conn *conn;
	struct access_loop *to;
};

static void on_moved(struct env_msg *msg)
{
	struct conn_moving *moving = hy_container_of(msg, struct conn_moving, msg);
	struct conn *c = moving->conn;
	struct access_loop *l = moving->to;
	hy_free(moving);
	c->home = l;
	c->move_to = CONN_STAYS;
	l->conn_count++;
	anonymous_enter(l, c);
	if (env_sock_attach(&c->sock, svr_loop_env(l->loop)) < 0 || l->stopping) {
		conn_abort(c);
		return;
	}
	conn_mark_dirty(c);
	conn_resume(c);
}

/** To its user's loop, with all that belongs to it as one message (X1). It identifies itself there. */
static void conn_move(struct conn *c)
{
	struct access_loop *from = c->home;
	struct access *a = from->access;
	assert(c->requests == 0 && c->move_to != from->index && c->move_to < a->loop_count);
	env_mark(svr_env(a->svr), "access: link moved");
	ACCESS_COUNT(from, links_moved, 1);
	anonymous_leave(c);
	hy_list_remove(&c->in_list);
	hy_list_remove(&c->in_output);
	hy_list_remove(&c->in_resume);
	env_sock_detach(&c->sock);
	from->conn_count--;
	c->readable = c->writable = false; /* reported anew after the move */
	struct conn_moving *moving = hy_zalloc(sizeof *moving);
	moving->msg.fn = on_moved;
	moving->conn = c;
	moving->to = &a->loops[c->move_to];
	svr_post(from->loop, c->move_to, &moving->msg);
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

bool conn_must_wait(const struct conn *c)
{
	const struct access_limits *limits = &c->home->access->config.limits;
	return c->closing || c->paused || c->move_to != CONN_STAYS || c->requests >= (c->kind == CONN_HTTP ? 1 : limits->link_requests_max) ||
	       hy_buf_len(&c->out) > limits->output_pause_bytes;
}

void conn_resume(struct conn *c)
{
	struct access_loop *l = c->home;
	if (!c->sock.loop || hy_link_linked(&c->in_resume) || (hy_buf_len(&c->in) == 0 && !c->readable))
		return;
	hy_list_push_back(&l->resume, &c->in_resume);
	if (!l->resume_posted) {
		l->resume_posted = true;
		svr_post(l->loop, l->index, &l->resume_msg);
	}
}

/** The first byte tells what a connection is (W1). False: nothing that we speak. */
static bool conn_sniff(struct conn *c, uint8_t first)
{
	if (first == 0x00) {
		c->kind = CONN_LINK;
		ACCESS_COUNT(c->home, links_opened, 1);
	} else if ((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z')) {
		c->kind = CONN_HTTP;
	} else {
		return false;
	}
	return true;
}

/** Parses from the front of `in` as far as it goes. */
static bool conn_parse(struct conn *c, struct hy_bytes in, size_t *ret_used)
{
	*ret_used = 0;
	if (in.len == 0 || conn_must_wait(c))
		return true;
	if (c->kind == CONN_SNIFF && !conn_sniff(c, in.data[0]))
		return false;
	return c->kind == CONN_LINK ? link_parse(c, in, ret_used) : http_parse(c, in, ret_used);
}

static bool conn_parse_buffered(struct conn *c)
{
	size_t used;
	if (!conn_parse(c, hy_buf_bytes(&c->in), &used))
		return false;
	hy_buf_consume(&c->in, used);
	if (hy_buf_len(&c->in) == 0)
		hy_buf_fini(&c->in);
	return true;
}

/** Reads once and parses. Returns what env_recv() gave, or -EPROTO. */
static ssize_t conn_read_once(struct conn *c)
{
	struct access_loop *l = c->home;
	size_t used;
	if (hy_buf_len(&c->in) > 0) { /* the middle of a frame: read behind it */
		uint8_t *p = hy_buf_reserve(&c->in, ACCESS_READ_CHUNK / 4);
		ssize_t n = env_recv(&c->sock, p, ACCESS_READ_CHUNK / 4);
		if (n <= 0)
			return n;
		hy_buf_commit(&c->in, (size_t)n);
		return conn_parse_buffered(c) ? n : -EPROTO;
	}
	ssize_t n = env_recv(&c->sock, l->scratch, sizeof l->scratch);
	if (n <= 0)
		return n;
	if (!conn_parse(c, hy_bytes(l->scratch, (size_t)n), &used))
		return -EPROTO;
	if (used < (size_t)n) {
		env_mark(svr_env(l->access->svr), "access: input ends inside a request");
		hy_buf_append(&c->in, l->scratch + used, (size_t)n - used);
	}
	return n;
}

static void conn_bad(struct conn *c)
{
	ACCESS_COUNT(c->home, frames_bad, 1);
	if (hy_buf_len(&c->out) > 0 || c->requests > 0)
		conn_close_softly(c); /* an answer that says why may stand in the output */
	else
		conn_abort(c);
}

/** False: the connection has ended, or will. */
static bool conn_read_portion(struct conn *c)
{
	struct access_loop *l = c->home;
	size_t portion = 0;
	if (!conn_parse_buffered(c)) {
		conn_bad(c);
		return false;
	}
	while (c->readable && !conn_must_wait(c)) {
		if (portion > READ_PORTION) {
			conn_resume(c);
			return true;
		}
		ssize_t n = conn_read_once(c);
		if (n == -EAGAIN) {
			c->readable = false;
		} else if (n == -EPROTO) {
			conn_bad(c);
			return false;
		} else if (n == 0 && (c->requests > 0 || hy_buf_len(&c->out) > 0)) {
			c->readable = false; /* the other side has said all it wants to say, and still listens */
			conn_close_softly(c);
			return false;
		} else if (n <= 0) {
			conn_abort(c);
			return false;
		} else {
			portion += (size_t)n;
			c->active_us = svr_now_us(l->loop);
			hy_list_remove(&c->in_list);
			hy_list_push_back(c->anonymous ? &l->anonymous : &l->signed_in, &c->in_list);
		}
	}
	return true;
}

static void conn_read(struct conn *c)
{
	if (conn_read_portion(c) && c->move_to != CONN_STAYS)
		conn_move(c);
}

static void conn_on_event(struct env_sock *sock, unsigned events)
{
	struct conn *c = hy_container_of(sock, struct conn, sock);
	if (events & ENV_WRITABLE) {
		c->writable = true;
		if (hy_buf_len(&c->out) > 0)
			conn_mark_dirty(c);
	}
	if (events & ENV_READABLE) {
		c->readable = true;
		conn_read(c);
	}
}

static void on_resume(struct env_msg *msg)
{
	struct access_loop *l = hy_container_of(msg, struct access_loop, resume_msg);
	l->resume_posted = false;
	struct hy_link ready; /* who resumes again waits for the next turn */
	hy_list_take_all(&l->resume, &ready);
	while (!hy_list_empty(&ready)) {
		struct conn *c = hy_list_first(&ready, struct conn, in_resume);
		hy_list_remove(&c->in_resume);
		conn_read(c);
	}
}

/* ---- accepting ----------------------------------------------------------------------------------------------------------- */

static struct conn *conn_create(struct access_loop *l)
{
	struct conn *c = hy_zalloc(sizeof *c);
	c->home = l;
	c->sock.on_event = conn_on_event;
	c->move_to = CONN_STAYS;
	c->active_us = svr_now_us(l->loop);
	hy_link_init(&c->in_list);
	hy_link_init(&c->in_output);
	hy_link_init(&c->in_resume);
	hy_link_init(&c->in_address);
	return c;
}

void conn_accept_ready(struct env_sock *listening, unsigned events)
{
	struct access_loop *l = hy_container_of(listening, struct access_listening, sock)->home;
	for (int i = 0; i < ACCEPT_PORTION; i++) {
		struct conn *c = conn_create(l);
		int rc = env_accept(listening, &c->sock, &c->peer);
		if (rc < 0) {
			hy_free(c);
			if (rc != -EAGAIN) {
				l->accept_paused = true; /* the sweep tries again (X2) */
				env_log(svr_env(l->access->svr), ENV_LOG_WARN, "access", 0,
					"cannot accept connections for now: %s", strerror(-rc));
			}
			return;
		}
		l->conn_count++;
		anonymous_enter(l, c);
	}
	l->accept_paused = true;
}

/* ---- each loop's own ------------------------------------------------------------------------------------------------------- */

static void on_turn_end(struct svr_turn_hook *hook)
{
	struct access_loop *l = hy_container_of(hook, struct access_loop, hook);
	while (!hy_list_empty(&l->dirty)) {
		struct conn *c = hy_list_first(&l->dirty, struct conn, in_output);
		hy_list_remove(&c->in_output);
		bool was_waiting = conn_must_wait(c);
		if (conn_flush(c) && was_waiting && !conn_must_wait(c))
			conn_resume(c);
	}
}

/** The list is in order of activity: stop at the first that is young enough for all kinds. */
static void sweep_idle(struct access_loop *l, struct hy_link *list, uint64_t now)
{
	const struct access_limits *limits = &l->access->config.limits;
	struct conn *c;
	hy_list_each(c, list, struct conn, in_list) {
		uint64_t idle_s = (now - HY_MIN(now, c->active_us)) / 1000000;
		if (idle_s < HY_MIN(limits->http_idle_s, limits->link_idle_s))
			return;
		if (c->requests == 0 && idle_s >= (c->kind == CONN_HTTP ? limits->http_idle_s : limits->link_idle_s))
			conn_abort(c);
	}
}

static void on_sweep(struct env_timer *timer)
{
	struct access_loop *l = hy_container_of(timer, struct access_loop, sweep);
	uint64_t now = svr_now_us(l->loop);
	sweep_idle(l, &l->anonymous, now);
	sweep_idle(l, &l->signed_in, now);
	struct conn *c;
	hy_list_each(c, &l->stalled, struct conn, in_output) {
		if (now - c->stalled_since_us < (uint64_t)l->access->config.limits.stalled_s * 1000000)
			continue;
		ACCESS_COUNT(l, links_dropped_slow, 1);
		conn_abort(c);
	}
	if (l->accept_paused) {
		l->accept_paused = false;
		for (unsigned i = 0; i < l->access->listener_count; i++)
			conn_accept_ready(&l->listeners[i].sock, ENV_READABLE);
	}
	env_timer_set(svr_loop_env(l->loop), timer, now + (l->accept_paused ? SWEEP_US / 20 : SWEEP_US));
}

void conn_loop_init(struct access_loop *l)
{
	hy_link_init(&l->anonymous);
	hy_link_init(&l->signed_in);
	hy_link_init(&l->dirty);
	hy_link_init(&l->stalled);
	hy_link_init(&l->resume);
	hy_link_init(&l->idle_requests);
	hy_map_init(&l->users);
	hy_map_init(&l->addresses);
	l->resume_msg.fn = on_resume;
	l->hook.fn = on_turn_end;
	svr_loop_on_turn_end(l->loop, &l->hook);
	l->sweep.fn = on_sweep;
	env_timer_set(svr_loop_env(l->loop), &l->sweep, svr_now_us(l->loop) + SWEEP_US);
}

static void stop_list(struct hy_link *list, bool at_once)
{
	struct conn *c;
	hy_list_each(c, list, struct conn, in_list) {
		if (at_once || (c->requests == 0 && hy_buf_len(&c->out) == 0))
			conn_abort(c);
		else
			conn_close_softly(c);
	}
}

void conn_loop_stop(struct access_loop *l, bool at_once)
{
	if (!l->stopping)
		for (unsigned i = 0; i < l->access->listener_count; i++)
			env_sock_close(&l->listeners[i].sock);
	l->stopping = true;
	env_timer_cancel(svr_loop_env(l->loop), &l->sweep);
	stop_list(&l->anonymous, at_once);
	stop_list(&l->signed_in, at_once);
}

void conn_loop_fini(struct access_loop *l)
{
	assert(l->conn_count == 0);
	hy_map_fini(&l->users);
	hy_map_fini(&l->addresses);
}
