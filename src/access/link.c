/* link.c - the long link: Mars frames become requests; heartbeats are answered; hints are pushed. */
#include "access/link.h"

#include "access/websocket.h"
#include "mars_frame.h"
#include "link.pb-c.h"
#include "svrkit/pb.h"
#include "sync.pb-c.h"

static void append_frame(struct conn *c, uint32_t version, uint32_t cmd, uint32_t seq, const ProtobufCMessage *body)
{
	size_t body_len = body ? protobuf_c_message_get_packed_size(body) : 0, frame_len = MARS_HEAD + body_len;
	size_t front = c->websocket ? websocket_head_len(frame_len) : 0;
	if (c->close_sent)
		return;
	uint8_t *p = conn_reserve_output(c, front + frame_len);
	if (c->websocket)
		websocket_write_head(p, frame_len);
	mars_write_head(p + front, version, cmd, seq, (uint32_t)body_len);
	if (body)
		protobuf_c_message_pack(body, p + front + MARS_HEAD);
	hy_buf_commit(&c->out, front + frame_len);
	conn_mark_dirty(c);
}

void link_answer(struct conn *c, const struct request_origin *origin, const ProtobufCMessage *body)
{
	append_frame(c, origin->version, origin->cmd, origin->seq, body);
}

void link_push_hint(struct conn *c, uint32_t kinds)
{
	if (hy_buf_len(&c->out) > c->home->access->config.limits.output_pause_bytes) {
		ACCESS_COUNT(c->home, hints_dropped, 1);
		return;
	}
	Hy__PushHint hint = HY__PUSH_HINT__INIT;
	hint.kinds = kinds ? kinds : 1u << HY__SYNC_KIND__SYNC_KIND_MESSAGE;
	append_frame(c, c->version, MARS_CMD_PUSH, MARS_SEQ_PUSH, &hint.base);
	c->hint_in_flight = true;
	ACCESS_COUNT(c->home, hints_sent, 1);
}

void link_sync_begins(struct conn *c)
{
	c->hint_in_flight = false;
}

static bool is_keep_alive(const struct mars_frame *f)
{
	return f->cmd == MARS_CMD_NOOP || f->cmd == MARS_CMD_SIGNALLING || f->seq == MARS_SEQ_SIGNALLING;
}

static struct request_origin origin_of(const struct mars_frame *f)
{
	return (struct request_origin){.format = REQUEST_MARS, .version = f->version, .cmd = f->cmd, .seq = f->seq};
}

/** False: the connection moves first, or waits. */
static bool handle_frame(struct conn *c, const struct mars_frame *f)
{
	struct access_loop *l = c->home;
	if (is_keep_alive(f)) {
		if (f->cmd == MARS_CMD_NOOP)
			append_frame(c, f->version, MARS_CMD_NOOP, f->seq, NULL);
		return true;
	}
	struct request_origin origin = origin_of(f);
	return request_start(c, rpc_method_by_cmd(l->access->svr, f->cmd), &origin, f->body);
}

/**
 * Only the front of the frame is here. One that is longer than its method takes is refused now and thrown away as it
 * comes, so that a link never holds more than its methods need.
 */
static void refuse_long(struct conn *c, const struct mars_frame *f)
{
	const struct rpc_method *method = rpc_method_by_cmd(c->home->access->svr, f->cmd);
	if (f->size <= MARS_HEAD_MAX + (method ? method->body_limit : 0))
		return;
	struct request_origin origin = origin_of(f);
	request_refuse(c, &origin, method ? HY_INVALID_ARGUMENT : HY_UNIMPLEMENTED,
		method ? "the request is too long" : "no such method");
	c->skip = (uint32_t)f->size;
}

/** The longest body that is accepted here and now. */
static uint32_t body_max(const struct conn *c)
{
	return c->uin ? MARS_FRAME_MAX : c->home->access->config.limits.anonymous_body_max;
}

/** Keep-alives have no body. */
static bool is_good(const struct mars_frame *f)
{
	return !is_keep_alive(f) || f->size <= MARS_HEAD_MAX;
}

/** One frame from the front. False: the stream has no way to go on. *ret_used 0: no more now. */
static bool parse_one(struct conn *c, struct hy_bytes in, size_t *ret_used)
{
	struct mars_frame f;
	*ret_used = 0;
	if (c->skip == 0) {
		enum mars_parse parsed = mars_parse(in, body_max(c), &f);
		if (parsed == MARS_BAD)
			return false;
		if (f.size == 0)
			return true;
		if (!is_good(&f))
			return false;
		c->version = f.version;
		if (parsed == MARS_WHOLE && handle_frame(c, &f)) {
			ACCESS_COUNT(c->home, frames_in, 1);
			*ret_used = f.size;
		}
		if (parsed == MARS_PARTIAL)
			refuse_long(c, &f);
	}
	if (c->skip > 0) {
		*ret_used = HY_MIN(in.len, c->skip);
		c->skip -= (uint32_t)*ret_used;
	}
	return true;
}

bool link_parse(struct conn *c, struct hy_bytes in, size_t *ret_used)
{
	while (in.len > 0 && !conn_must_wait(c)) {
		size_t used;
		if (!parse_one(c, in, &used))
			return false;
		if (used == 0)
			return true;
		*ret_used += used;
		in = hy_bytes(in.data + used, in.len - used);
	}
	return true;
}

enum link_took link_take(struct conn *c, struct hy_bytes message, bool whole)
{
	struct mars_frame f;
	enum mars_parse parsed = mars_parse(message, body_max(c), &f);
	if (parsed == MARS_BAD || (parsed == MARS_PARTIAL && whole))
		return LINK_BAD;
	if (f.size == 0)
		return LINK_MORE;
	if (f.size < message.len || !is_good(&f))
		return LINK_BAD;
	c->version = f.version;
	if (!whole) {
		refuse_long(c, &f);
		if (c->skip == 0)
			return LINK_MORE;
		c->skip -= (uint32_t)message.len;
		return LINK_REFUSED;
	}
	if (!handle_frame(c, &f))
		return LINK_WAITS;
	ACCESS_COUNT(c->home, frames_in, 1);
	return LINK_TAKEN;
}
