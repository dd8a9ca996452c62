/*
 * What a client says behind its handshake, with what websocket.c and link.c call replaced by what takes notes: wherever
 * the stream is cut, the same requests come out of it in the same order, the same bytes are answered, it ends with the
 * same code, and little is kept. Requests of one command wait once, as those do that make a link move.
 */
#include <stdlib.h>

#include "access/link.h"
#include "access/websocket.h"
#include "base/mem.h"
#include "mars_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define METHOD_CMD 7u
#define WAITING_CMD 8u
#define METHOD_BODY_MAX 16u
#define STRANGER_BODY_MAX 512u
#define CODE_OF_NONE 1

struct fuzzed {
	struct conn conn;
	struct hy_buf notes;
	bool waits, waited; /* the request at the front */
	bool broke;         /* was closed for breaking the rules */
	size_t kept_max;    /* bytes that waited for more */
};

/* ---- what websocket.c and link.c call ---------------------------------------------------------------------------- */

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
	return cmd == METHOD_CMD || cmd == WAITING_CMD ? &method : NULL;
}

static struct fuzzed *of(const struct conn *c)
{
	return hy_container_of((struct conn *)(uintptr_t)c, struct fuzzed, conn);
}

void conn_mark_dirty(struct conn *c) {}

void conn_count_kind(const struct conn *c, int n) {}

void conn_close_softly(struct conn *c)
{
	c->closing = true;
}

void conn_close_drained(struct conn *c)
{
	c->closing = of(c)->broke = true;
}

bool conn_must_wait(const struct conn *c)
{
	return c->closing || of(c)->waits;
}

static void note(struct conn *c, const struct request_origin *origin, int status, struct hy_bytes body)
{
	hy_buf_printf(&of(c)->notes, "%u %u %u %d ", origin->version, origin->cmd, origin->seq, status);
	hy_buf_append(&of(c)->notes, body.data, body.len);
}

void request_refuse(struct conn *c, const struct request_origin *origin, int status, const char *message)
{
	note(c, origin, status, hy_bytes(NULL, 0));
}

/** As request.c judges lengths. */
bool request_start(
	struct conn *c, const struct rpc_method *method, const struct request_origin *origin, struct hy_bytes body)
{
	struct fuzzed *f = of(c);
	if (origin->cmd == WAITING_CMD && !f->waited) {
		f->waits = f->waited = true;
		return false;
	}
	f->waited = false;
	if (!method)
		request_refuse(c, origin, HY_UNIMPLEMENTED, NULL);
	else if (body.len > method->body_limit)
		request_refuse(c, origin, HY_INVALID_ARGUMENT, NULL);
	else
		note(c, origin, HY_OK, body);
	return true;
}

/* ---- one link ---------------------------------------------------------------------------------------------------- */

/** As conn.c does it: what was not used is kept, and tried again when nothing has to wait. */
static void feed(struct fuzzed *f, struct hy_bytes piece)
{
	struct conn *c = &f->conn;
	hy_buf_append(&c->in, piece.data, piece.len);
	while ((hy_buf_len(&c->in) > 0 || c->message_waits) && !c->closing) {
		size_t used = 0;
		bool good = websocket_parse(c, hy_buf_bytes(&c->in), &used);
		assert(good && used <= hy_buf_len(&c->in));
		assert(conn_must_wait(c) || used == hy_buf_len(&c->in));
		assert(f->waits == c->message_waits);
		hy_buf_consume(&c->in, used);
		f->waits = false;
		f->kept_max = HY_MAX(f->kept_max, websocket_bytes(c->ws));
	}
}

static void run(struct access_loop *l, uint32_t uin, struct hy_bytes stream, size_t piece_len, struct fuzzed *ret_f)
{
	*ret_f = (struct fuzzed){
		.conn = {.home = l, .kind = CONN_LINK, .websocket = true, .close_code = CODE_OF_NONE, .uin = uin}};
	while (stream.len > 0 && !ret_f->conn.closing) {
		size_t n = HY_MIN(piece_len, stream.len);
		feed(ret_f, hy_bytes(stream.data, n));
		stream = hy_bytes(stream.data + n, stream.len - n);
	}
	assert(ret_f->kept_max < 16 << 10);
}

static void fuzzed_fini(struct fuzzed *f)
{
	hy_buf_fini(&f->conn.in);
	hy_buf_fini(&f->conn.out);
	hy_buf_fini(&f->notes);
	websocket_free(f->conn.ws);
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
	assert(whole.conn.closing == cut.conn.closing && whole.conn.close_code == cut.conn.close_code);
	assert(whole.broke == cut.broke);
	/* A message that is too long for its method, and malformed behind that, may be answered before it is closed. */
	assert(whole.broke || hy_bytes_equal(hy_buf_bytes(&whole.notes), hy_buf_bytes(&cut.notes)));
	assert(whole.broke || hy_bytes_equal(hy_buf_bytes(&whole.conn.out), hy_buf_bytes(&cut.conn.out)));
	fuzzed_fini(&whole);
	fuzzed_fini(&cut);
	free(l);
	return 0;
}
