/* conn.c - connections: reading, writing, moving, ending. What the bytes mean is link.c's and http.c's matter. */
#include "access/conn.h"

#include <sodium.h>
#include <stdio.h>

#include "access/websocket.h"
#include "base/mem.h"

#define READ_PORTION (256u << 10) /* of one connection in one turn, so that a loud one does not starve others */

/* ---- who it is --------------------------------------------------------------------------------------------------- */

void conn_touch(struct conn *c)
{
	struct access_loop *l = c->home;
	if (!c->sock.loop)
		return;
	c->active_us = svr_now_us(l->loop);
	hy_list_remove(&c->in_list);
	hy_list_push_back(c->anonymous ? &l->anonymous : &l->signed_in, &c->in_list);
}

/** A ticket is 32 random bytes: what is kept of it need not be slow to make, and cannot be turned back. */
static void hash_ticket(const uint8_t ticket[ACCESS_TICKET_SIZE], uint8_t ret_hash[CONN_TICKET_HASH_SIZE])
{
	crypto_generichash(ret_hash, CONN_TICKET_HASH_SIZE, ticket, ACCESS_TICKET_SIZE, NULL, 0);
}

bool conn_has_ticket(const struct conn *c, const uint8_t *ticket, size_t len)
{
	uint8_t hash[CONN_TICKET_HASH_SIZE];
	if (c->uin == 0 || len != ACCESS_TICKET_SIZE)
		return false;
	hash_ticket(ticket, hash);
	return sodium_memcmp(hash, c->ticket_hash, sizeof hash) == 0;
}

void conn_sign_in(struct conn *c, const struct svr_passport *who, const uint8_t ticket[ACCESS_TICKET_SIZE])
{
	link_table_remove(c);
	c->uin = who->uin;
	hash_ticket(ticket, c->ticket_hash);
	snprintf(c->device, sizeof c->device, "%s", who->device);
	snprintf(c->name, sizeof c->name, "%s", who->name);
	c->hint_in_flight = false;
	link_table_add(c);
	strangers_leave(c);
	conn_touch(c);
}

void conn_sign_out(struct conn *c)
{
	link_table_remove(c);
	c->uin = 0;
	memset(c->ticket_hash, 0, sizeof c->ticket_hash);
	hy_list_remove(&c->in_list);
	strangers_enter(c->home, c);
}

void conn_count_kind(const struct conn *c, int n)
{
	c->home->kind_count[c->kind] += (unsigned)n;
	c->home->websocket_count += c->websocket ? (unsigned)n : 0;
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

static void free_output(struct conn *c)
{
	if (c->out_secret)
		hy_buf_fini_wiped(&c->out);
	else
		hy_buf_fini(&c->out);
	c->out_secret = false;
}

static void conn_free(struct conn *c)
{
	assert(c->sock.loop == NULL && c->requests == 0);
	c->home->conn_count--;
	conn_count_kind(c, -1);
	hy_buf_fini_wiped(&c->in);
	free_output(c);
	http_state_free(c->http);
	websocket_free(c->ws);
	hy_free(c);
}

void conn_abort(struct conn *c)
{
	if (c->sock.loop) {
		env_sock_close(&c->sock);
		if (c->kind == CONN_LINK)
			ACCESS_COUNT(c->home, links_closed, 1);
		strangers_leave(c);
		link_table_remove(c);
		hy_list_remove(&c->in_list);
		hy_list_remove(&c->in_output);
		hy_list_remove(&c->in_resume);
		c->closing = true;
		c->readable = c->writable = false;
		free_output(c);
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

void conn_close_drained(struct conn *c)
{
	c->draining = true;
	conn_close_softly(c);
	conn_resume(c);
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
	if (c->closing)
		return;
	if (c->kind == CONN_HTTP)
		conn_touch(c);
	conn_resume(c);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

void conn_mark_dirty(struct conn *c)
{
	if (!c->sock.loop)
		return;
	hy_list_remove(&c->in_output);
	hy_list_push_back(&c->home->dirty, &c->in_output);
}

/** Hands over what is there, the file last, and drops what was taken. What env_sendv() returns. */
static ssize_t send_output(struct conn *c)
{
	struct hy_bytes file = http_file_left(c->http);
	struct iovec iov[2];
	int count = 0;
	if (!c->writable)
		return -EAGAIN;
	if (hy_buf_len(&c->out) > 0)
		iov[count++] = (struct iovec){hy_buf_data(&c->out), hy_buf_len(&c->out)};
	if (file.len > 0)
		iov[count++] = (struct iovec){(void *)(uintptr_t)file.data, file.len};
	ssize_t n = env_sendv(&c->sock, iov, count);
	if (n <= 0)
		return n;
	size_t of_out = HY_MIN((size_t)n, hy_buf_len(&c->out));
	hy_buf_consume(&c->out, of_out);
	if (file.len > 0)
		http_file_sent(c->http, (size_t)n - of_out);
	return n;
}

/** A file holds none of our memory: of it a stranger may take a portion in the time in which all output has to go. */
static bool took_enough(const struct conn *c, size_t file_before)
{
	size_t portion = HY_MAX(c->home->access->config.limits.anonymous_output_pause_bytes, 1u);
	size_t file_now = http_file_left(c->http).len;
	return !c->anonymous || conn_output_len(c) == 0 || file_now / portion != file_before / portion;
}

bool conn_flush(struct conn *c)
{
	struct access_loop *l = c->home;
	if (c->websocket && c->closing && c->requests == 0)
		websocket_say_close(c);
	while (conn_output_len(c) > 0) {
		size_t file_before = http_file_left(c->http).len;
		ssize_t n = send_output(c);
		if (n == -EAGAIN) {
			c->writable = false;
			break;
		}
		if (n < 0) {
			conn_abort(c);
			return false;
		}
		if (took_enough(c, file_before))
			c->stalled_since_us = 0;
	}
	if (hy_buf_len(&c->out) == 0)
		free_output(c);
	if (conn_output_len(c) == 0) {
		strangers_weigh(c);
		if (!c->closing || c->requests > 0)
			return true;
		if (!c->draining) {
			conn_abort(c);
			return false;
		}
	}
	if (hy_buf_len(&c->out) > l->access->config.limits.output_max_bytes) {
		ACCESS_COUNT(l, links_dropped_slow, 1);
		conn_abort(c);
		return false;
	}
	strangers_weigh(c);
	if (!c->stalled_since_us)
		c->stalled_since_us = svr_now_us(l->loop);
	hy_list_push_back(&l->stalled, &c->in_output);
	return true;
}

/* ---- moving ------------------------------------------------------------------------------------------------------ */

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
	conn_count_kind(c, 1);
	if (env_sock_attach(&c->sock, svr_loop_env(l->loop)) < 0) {
		env_sock_close(&c->sock);
		ACCESS_COUNT(l, links_closed, 1);
		conn_free(c);
		return;
	}
	strangers_enter(l, c);
	if (l->stopping) {
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
	assert(c->uin == 0);
	strangers_leave(c);
	hy_list_remove(&c->in_output);
	hy_list_remove(&c->in_resume);
	env_sock_detach(&c->sock);
	from->conn_count--;
	conn_count_kind(c, -1);
	c->readable = c->writable = false; /* reported anew after the move */
	struct conn_moving *moving = hy_zalloc(sizeof *moving);
	moving->msg.fn = on_moved;
	moving->conn = c;
	moving->to = &a->loops[c->move_to];
	svr_post(from->loop, c->move_to, &moving->msg);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

bool conn_must_wait(const struct conn *c)
{
	const struct access_limits *limits = &c->home->access->config.limits;
	unsigned requests_max = c->kind == CONN_HTTP ? 1 : limits->link_requests_max;
	size_t pause_bytes = c->anonymous ? limits->anonymous_output_pause_bytes : limits->output_pause_bytes;
	return c->closing || c->paused || c->open_waits || c->move_to != CONN_STAYS || c->requests >= requests_max ||
	       hy_buf_len(&c->out) > pause_bytes || http_file_left(c->http).len > 0;
}

/** The first byte tells what a connection is (W1). False: nothing that we speak. */
static bool conn_sniff(struct conn *c, uint8_t first)
{
	conn_count_kind(c, -1);
	if (first == 0x00 && c->door == ACCESS_PUBLIC) {
		c->kind = CONN_LINK;
		ACCESS_COUNT(c->home, links_opened, 1);
	} else if ((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z')) {
		c->kind = CONN_HTTP;
	}
	conn_count_kind(c, 1);
	return c->kind != CONN_SNIFF;
}

/** Parses from the front of `in` as far as it goes. */
static bool conn_parse(struct conn *c, struct hy_bytes in, size_t *ret_used)
{
	*ret_used = 0;
	if ((in.len == 0 && !c->message_waits) || conn_must_wait(c))
		return true;
	if (c->kind == CONN_SNIFF && !conn_sniff(c, in.data[0]))
		return false;
	if (c->kind == CONN_HTTP)
		http_parse(c, in, ret_used);
	if (c->kind == CONN_HTTP || conn_must_wait(c))
		return true;
	if (*ret_used > 0) /* a link by WebSocket has begun just now */
		in = hy_bytes(in.data + *ret_used, in.len - *ret_used);
	return c->websocket ? websocket_parse(c, in, ret_used) : link_parse(c, in, ret_used);
}

static bool conn_parse_buffered(struct conn *c)
{
	size_t used;
	if (!conn_parse(c, hy_buf_bytes(&c->in), &used))
		return false;
	hy_buf_consume(&c->in, used);
	if (hy_buf_len(&c->in) == 0)
		hy_buf_fini_wiped(&c->in); /* also what was refused */
	return true;
}

/** Reads once and parses. Returns what env_recv() gave, or -EPROTO. */
static ssize_t conn_read_once(struct conn *c)
{
	struct access_loop *l = c->home;
	size_t used;
	if (hy_buf_len(&c->in) > 0) { /* the middle of a frame: read behind it */
		size_t room = c->anonymous ? ACCESS_READ_CHUNK / 16 : ACCESS_READ_CHUNK / 4;
		uint8_t *p = hy_buf_reserve_wiped(&c->in, room);
		ssize_t n = env_recv(&c->sock, p, room);
		if (n <= 0)
			return n;
		hy_buf_commit(&c->in, (size_t)n);
		return conn_parse_buffered(c) ? n : -EPROTO;
	}
	/* What has to wait is kept: of a stranger little. */
	ssize_t n = env_recv(&c->sock, l->scratch, c->anonymous ? sizeof l->scratch / 4 : sizeof l->scratch);
	if (n <= 0)
		return n;
	bool good = conn_parse(c, hy_bytes(l->scratch, (size_t)n), &used);
	if (good && used < (size_t)n) {
		env_mark(svr_env(l->access->svr), "access: input ends inside a request");
		hy_buf_append(&c->in, l->scratch + used, (size_t)n - used);
	}
	explicit_bzero(l->scratch, (size_t)n); /* there may be a password, also in what was refused */
	return good ? n : -EPROTO;
}

static void conn_bad(struct conn *c)
{
	ACCESS_COUNT(c->home, frames_bad, 1);
	if (conn_output_len(c) > 0 || c->requests > 0)
		conn_close_softly(c); /* an answer that says why may stand in the output */
	else
		conn_abort(c);
}

/** The stream has ended, or broken. */
static void conn_ended(struct conn *c, ssize_t n)
{
	c->readable = c->draining = false;
	if (n == 0 && (c->requests > 0 || conn_output_len(c) > 0))
		conn_close_softly(c); /* the other side has said all it wants to say, and still listens */
	else
		conn_abort(c);
}

/** Throws away what comes, until the other side closes or the sweep does. */
static void conn_drain(struct conn *c)
{
	struct access_loop *l = c->home;
	hy_buf_fini_wiped(&c->in);
	strangers_weigh(c);
	for (size_t drained = 0; c->readable && drained < READ_PORTION;) {
		ssize_t n = env_recv(&c->sock, l->scratch, sizeof l->scratch);
		if (n == -EAGAIN) {
			c->readable = false;
		} else if (n <= 0) {
			conn_ended(c, n);
			return;
		} else {
			drained += (size_t)n;
			explicit_bzero(l->scratch, (size_t)n);
		}
	}
	conn_resume(c);
}

/** False: the connection has ended, or will. */
static bool conn_read_portion(struct conn *c)
{
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
		} else if (n <= 0) {
			conn_ended(c, n);
			return false;
		} else {
			portion += (size_t)n;
			if (c->kind == CONN_LINK)
				conn_touch(c); /* HTTP: whole requests count, so that one which drips in is not waited
						  for */
		}
	}
	return true;
}

void conn_read(struct conn *c)
{
	struct access_loop *l = c->home;
	if (c->draining) {
		conn_drain(c);
	} else if (conn_read_portion(c)) {
		strangers_weigh(c);
		if (c->move_to != CONN_STAYS)
			conn_move(c);
	}
	strangers_settle(l);
}

void conn_on_event(struct env_sock *sock, unsigned events)
{
	struct conn *c = hy_container_of(sock, struct conn, sock);
	if (events & ENV_WRITABLE) {
		c->writable = true;
		if (conn_output_len(c) > 0)
			conn_mark_dirty(c);
	}
	if (events & ENV_READABLE) {
		c->readable = true;
		conn_read(c);
	}
}
