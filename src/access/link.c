/* link.c - the long link: Mars frames become requests; heartbeats are answered; hints are pushed. */
#include "access/link.h"

#include "mars_frame.h"
#include "link.pb-c.h"
#include "svrkit/pb.h"
#include "sync.pb-c.h"

static void append_frame(struct conn *c, uint32_t version, uint32_t cmd, uint32_t seq, const ProtobufCMessage *body)
{
	size_t body_len = body ? protobuf_c_message_get_packed_size(body) : 0;
	uint8_t *p = hy_buf_reserve(&c->out, MARS_HEAD + body_len);
	mars_write_head(p, version, cmd, seq, (uint32_t)body_len);
	if (body)
		protobuf_c_message_pack(body, p + MARS_HEAD);
	hy_buf_commit(&c->out, MARS_HEAD + body_len);
	conn_mark_dirty(c);
}

void link_answer(struct conn *c, uint32_t version, uint32_t cmd, uint32_t seq, const ProtobufCMessage *body)
{
	append_frame(c, version, cmd, seq, body);
}

void link_push_hint(struct conn *c)
{
	if (hy_buf_len(&c->out) > c->home->access->config.limits.output_pause_bytes) {
		ACCESS_COUNT(c->home, hints_dropped, 1);
		return;
	}
	Hy__PushHint hint = HY__PUSH_HINT__INIT;
	hint.kinds = 1u << HY__SYNC_KIND__SYNC_KIND_MESSAGE;
	append_frame(c, c->version, MARS_CMD_PUSH, MARS_SEQ_PUSH, &hint.base);
	c->hint_in_flight = true;
	ACCESS_COUNT(c->home, hints_sent, 1);
}

void link_sync_begins(struct conn *c)
{
	c->hint_in_flight = false;
}

/** False: the connection moves first. */
static bool handle_frame(struct conn *c, const struct mars_frame *f)
{
	struct access_loop *l = c->home;
	ACCESS_COUNT(l, frames_in, 1);
	c->version = f->version;
	if (f->cmd == MARS_CMD_NOOP) {
		append_frame(c, f->version, MARS_CMD_NOOP, f->seq, NULL);
		return true;
	}
	if (f->cmd == MARS_CMD_SIGNALLING || f->seq == MARS_SEQ_SIGNALLING)
		return true;
	struct request_origin origin = {.format = REQUEST_MARS, .cmd = f->cmd, .seq = f->seq};
	return request_start(c, rpc_method_by_cmd(l->access->svr, f->cmd), &origin, f->body);
}

bool link_parse(struct conn *c, struct hy_bytes in, size_t *ret_used)
{
	const struct access_limits *limits = &c->home->access->config.limits;
	while (in.len > 0 && !conn_must_wait(c)) {
		struct mars_frame f;
		uint32_t body_max = c->uin ? MARS_FRAME_MAX : limits->anonymous_body_max;
		enum mars_parse parsed = mars_parse(in, body_max, &f);
		if (parsed == MARS_BAD)
			return false;
		if (parsed == MARS_PARTIAL)
			return true;
		if (!handle_frame(c, &f))
			return true;
		*ret_used += f.size;
		in = hy_bytes(in.data + f.size, in.len - f.size);
	}
	return true;
}
