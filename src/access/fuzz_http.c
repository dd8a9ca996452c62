/*
 * The short link's parser, with what it calls replaced by what takes notes: wherever the stream is cut, the same
 * requests come out of it and the same bytes are answered. A request is answered after the parser has returned, as by
 * its coroutine.
 */
#include <stdlib.h>

#include "access/http.h"
#include "access/websocket.h"
#include "base/mem.h"
#include "head.pb-c.h"
#include "svrkit/pb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t file_bytes[] = "all of a file";
static const struct access_file files[] = {
	{"/index.html", "text/html", "01", false, {file_bytes, sizeof file_bytes}, {file_bytes, 3}},
	{"/a.js", "text/javascript", "02", true, {file_bytes, 5}, {NULL, 0}},
};

#define METHOD_BODY_MAX 16u
#define STRANGER_BODY_MAX 24u

struct fuzzed {
	struct conn conn;
	struct request_origin origin; /* of the request in work */
	struct hy_buf notes;
};

/* ---- what http.c calls ------------------------------------------------------------------------------------------- */

struct mon *svr_mon(const struct svr *svr)
{
	static uint64_t values[MON_COUNT], *strips[1] = {values};
	static struct mon mon = {.strip_count = 1, .slot_count = MON_COUNT, .strips = strips};
	return &mon;
}

const struct rpc_method *rpc_method_by_path(const struct svr *svr, const char *path, size_t len)
{
	static const struct rpc_method method = {.path = "/m", .body_limit = METHOD_BODY_MAX};
	return hy_bytes_equal(hy_bytes(path, len), hy_bytes_str(method.path)) ? &method : NULL;
}

struct env_loop *svr_loop_env(const struct svr_loop *loop)
{
	return NULL;
}

uint64_t env_loop_now_us(const struct env_loop *loop)
{
	return 1;
}

struct env *svr_env(const struct svr *svr)
{
	return NULL;
}

void env_log(struct env *env, enum env_log_level level, const char *room, uint64_t trace, const char *fmt, ...) {}

void strangers_enter(struct access_loop *l, struct conn *c) {}

void strangers_leave(struct conn *c) {}

/** A link's messages are fuzz_websocket.c's matter. */
void websocket_begin(struct conn *c)
{
	c->kind = CONN_LINK;
}

void conn_mark_dirty(struct conn *c) {}

void conn_touch(struct conn *c) {}

void conn_close_softly(struct conn *c)
{
	c->closing = true;
}

void conn_close_drained(struct conn *c)
{
	c->closing = c->draining = true;
}

bool conn_must_wait(const struct conn *c)
{
	return c->closing || c->requests > 0 || c->kind == CONN_LINK || http_file_left(c->http).len > 0;
}

bool request_start(
	struct conn *c, const struct rpc_method *method, const struct request_origin *origin, struct hy_bytes body)
{
	struct fuzzed *f = hy_container_of(c, struct fuzzed, conn);
	assert(method && !conn_must_wait(c) && body.len <= 4 * METHOD_BODY_MAX);
	f->origin = *origin;
	c->requests = 1;
	hy_buf_printf(&f->notes, "%d %d %zu ", origin->format, origin->keep_alive, body.len);
	hy_buf_append(&f->notes, body.data, body.len);
	return true;
}

/* ---- one connection ---------------------------------------------------------------------------------------------- */

static void finish_request(struct fuzzed *f)
{
	struct hy_arena arena;
	Hy__HeadOnly answer = HY__HEAD_ONLY__INIT;
	hy_arena_init(&arena, 1 << 16);
	http_answer(&f->conn, &f->origin, &answer.base, &arena);
	hy_arena_fini(&arena);
	f->conn.requests = 0;
}

/** The peer takes it, in two portions. */
static void take_file(struct fuzzed *f)
{
	while (http_file_left(f->conn.http).len > 0) {
		struct hy_bytes left = http_file_left(f->conn.http);
		size_t n = HY_MIN(left.len, sizeof file_bytes / 2);
		hy_buf_append(&f->conn.out, left.data, n);
		http_file_sent(f->conn.http, n);
	}
}

/** As conn.c does it: what was not used is kept, and tried again when nothing is in work. */
static void feed(struct fuzzed *f, struct hy_bytes piece)
{
	hy_buf_append(&f->conn.in, piece.data, piece.len);
	while (hy_buf_len(&f->conn.in) > 0 && !conn_must_wait(&f->conn)) {
		size_t used = 0;
		http_parse(&f->conn, hy_buf_bytes(&f->conn.in), &used);
		assert(used <= hy_buf_len(&f->conn.in));
		assert(conn_must_wait(&f->conn) || used == hy_buf_len(&f->conn.in));
		hy_buf_consume(&f->conn.in, used);
		if (f->conn.requests > 0)
			finish_request(f);
		take_file(f);
	}
}

static void fill_page(void *arg, struct access_page_answer *answer)
{
	hy_buf_printf(&answer->body, "a page");
}

static void run(struct access_loop *l, struct hy_bytes stream, size_t piece_len, struct fuzzed *ret_f)
{
	*ret_f = (struct fuzzed){.conn = {.home = l, .kind = CONN_HTTP, .door = ACCESS_PUBLIC}};
	while (stream.len > 0 && !ret_f->conn.closing && ret_f->conn.kind == CONN_HTTP) {
		size_t n = HY_MIN(piece_len, stream.len);
		feed(ret_f, hy_bytes(stream.data, n));
		stream = hy_bytes(stream.data + n, stream.len - n);
	}
	http_state_free(ret_f->conn.http);
}

static void fuzzed_fini(struct fuzzed *f)
{
	hy_buf_fini(&f->conn.in);
	hy_buf_fini(&f->conn.out);
	hy_buf_fini(&f->notes);
}

/** The first byte is the length of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct access a = {.config.limits = ACCESS_LIMITS_DEFAULT};
	struct access_loop *l = malloc(sizeof *l); /* most of it is not looked at: do not clear it */
	struct fuzzed whole, cut;
	a.pages[a.page_count++] = (struct access_page){"/p", ACCESS_PUBLIC, fill_page, NULL};
	a.config.files = files;
	a.config.file_count = HY_COUNT_OF(files);
	a.pages[a.page_count++] = (struct access_page){"/o", ACCESS_OPERATOR, fill_page, NULL};
	assert(l);
	l->access = &a;
	l->index = 0;
	l->loop = NULL;
	l->origin_told_us = 0;
	a.config.limits.anonymous_body_max = STRANGER_BODY_MAX;
	run(l, hy_bytes(data + 1, size - 1), size, &whole);
	run(l, hy_bytes(data + 1, size - 1), 1 + data[0], &cut);
	assert(whole.conn.closing == cut.conn.closing && whole.conn.kind == cut.conn.kind);
	assert(whole.conn.draining == cut.conn.draining);
	assert(hy_bytes_equal(hy_buf_bytes(&whole.notes), hy_buf_bytes(&cut.notes)));
	/* A head that is too long and malformed besides is refused for what is met first. */
	assert(size > HTTP_HEAD_MAX || hy_bytes_equal(hy_buf_bytes(&whole.conn.out), hy_buf_bytes(&cut.conn.out)));
	fuzzed_fini(&whole);
	fuzzed_fini(&cut);
	free(l);
	return 0;
}
