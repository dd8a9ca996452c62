/*
 * The long link's parser, with what it calls replaced by what takes notes: wherever the stream is cut, the same
 * requests and refusals come out of it in the same order, the same bytes are answered, and little is kept of what is
 * too long.
 */
#include <stdlib.h>

#include "access/link.h"
#include "base/mem.h"
#include "mars_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define METHOD_CMD 7u
#define METHOD_BODY_MAX 16u
#define STRANGER_BODY_MAX 512u

struct fuzzed {
	struct conn conn;
	struct hy_buf notes;
	size_t kept_max; /* bytes that waited for more */
};

/* ---- what link.c calls ------------------------------------------------------------------------------------------- */

struct mon *svr_mon(const struct svr *svr)
{
	static uint64_t values[MON_COUNT], *strips[1] = {values};
	static struct mon mon = {.strip_count = 1, .slot_count = MON_COUNT, .strips = strips};
	return &mon;
}

struct env *svr_env(const struct svr *svr)
{
	return NULL;
}

void env_log(struct env *env, enum env_log_level level, const char *room, uint64_t trace, const char *fmt, ...) {}

const struct rpc_method *rpc_method_by_cmd(const struct svr *svr, uint32_t cmd)
{
	static const struct rpc_method method = {.cmd = METHOD_CMD, .body_limit = METHOD_BODY_MAX};
	return cmd == METHOD_CMD ? &method : NULL;
}

void conn_mark_dirty(struct conn *c) {}

void conn_close_softly(struct conn *c) {}

void conn_close_drained(struct conn *c) {}

void conn_count_kind(const struct conn *c, int n) {}

bool conn_must_wait(const struct conn *c)
{
	return c->closing;
}

static void note(struct conn *c, const struct request_origin *origin, int status, struct hy_bytes body)
{
	struct fuzzed *f = hy_container_of(c, struct fuzzed, conn);
	hy_buf_printf(&f->notes, "%u %u %u %d ", origin->version, origin->cmd, origin->seq, status);
	hy_buf_append(&f->notes, body.data, body.len);
}

void request_refuse(struct conn *c, const struct request_origin *origin, int status, const char *message)
{
	note(c, origin, status, hy_bytes(NULL, 0));
}

/** As request.c judges lengths. */
bool request_start(
	struct conn *c, const struct rpc_method *method, const struct request_origin *origin, struct hy_bytes body)
{
	if (!method)
		request_refuse(c, origin, HY_UNIMPLEMENTED, NULL);
	else if (body.len > method->body_limit)
		request_refuse(c, origin, HY_INVALID_ARGUMENT, NULL);
	else
		note(c, origin, HY_OK, body);
	return true;
}

/* ---- one link ---------------------------------------------------------------------------------------------------- */

/** As conn.c does it. */
static void feed(struct fuzzed *f, struct hy_bytes piece)
{
	size_t used = 0;
	hy_buf_append(&f->conn.in, piece.data, piece.len);
	if (!link_parse(&f->conn, hy_buf_bytes(&f->conn.in), &used))
		f->conn.closing = true;
	assert(used <= hy_buf_len(&f->conn.in));
	hy_buf_consume(&f->conn.in, used);
	f->kept_max = HY_MAX(f->kept_max, hy_buf_len(&f->conn.in));
}

static void run(struct access_loop *l, uint32_t uin, struct hy_bytes stream, size_t piece_len, struct fuzzed *ret_f)
{
	*ret_f = (struct fuzzed){.conn = {.home = l, .kind = CONN_LINK, .uin = uin}};
	while (stream.len > 0 && !ret_f->conn.closing) {
		size_t n = HY_MIN(piece_len, stream.len);
		feed(ret_f, hy_bytes(stream.data, n));
		stream = hy_bytes(stream.data + n, stream.len - n);
	}
	assert(ret_f->conn.closing || ret_f->kept_max < MARS_HEAD_MAX + METHOD_BODY_MAX);
}

static void fuzzed_fini(struct fuzzed *f)
{
	hy_buf_fini(&f->conn.in);
	hy_buf_fini(&f->conn.out);
	hy_buf_fini(&f->notes);
}

/** The first byte is the length of the pieces; an even one makes the link a signed-in user's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct access a = {.config.limits = ACCESS_LIMITS_DEFAULT};
	struct access_loop *l = malloc(sizeof *l); /* most of it is not looked at: do not clear it */
	struct fuzzed whole, cut;
	uint32_t uin = data[0] % 2 ? 0 : 42;
	assert(l);
	l->access = &a;
	l->index = 0;
	a.config.limits.anonymous_body_max = STRANGER_BODY_MAX;
	run(l, uin, hy_bytes(data + 1, size - 1), size, &whole);
	run(l, uin, hy_bytes(data + 1, size - 1), 1 + data[0], &cut);
	assert(whole.conn.closing == cut.conn.closing && whole.conn.skip == cut.conn.skip);
	assert(hy_bytes_equal(hy_buf_bytes(&whole.notes), hy_buf_bytes(&cut.notes)));
	assert(hy_bytes_equal(hy_buf_bytes(&whole.conn.out), hy_buf_bytes(&cut.conn.out)));
	fuzzed_fini(&whole);
	fuzzed_fini(&cut);
	free(l);
	return 0;
}
