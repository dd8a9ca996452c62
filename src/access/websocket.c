/* websocket.c - messages in and out of a link that came by WebSocket. libwslay takes the frames apart. */
#include "access/websocket.h"

#include <wslay/wslay.h>

#include "access/link.h"
#include "base/mem.h"
#include "mars_frame.h"
#include "svrkit/pb.h"

#define CONTROL_MAX 125    /* RFC 6455, 5.5 */
#define FRAGMENTS_MAX 1024 /* of one message: empty ones cost no memory, but are of no use either */
#define CONTEXT_BYTES 4352 /* what wslay_frame_context_init() allocates, about */

/** What has begun to come in. */
struct websocket {
	wslay_frame_context_ptr frames;
	struct hy_bytes feed;  /* not yet decoded; while websocket_parse() runs */
	uint64_t rest;         /* of the payload in hand; 0 while a frame's head comes in */
	bool head_begun;       /* the first bytes of a frame were fed */
	bool in_payload;       /* its head was looked at */
	bool open;             /* a message has begun and not ended */
	bool refused;          /* that message was answered before it was whole; c->skip bytes of it are to come */
	unsigned fragments;    /* of that message */
	struct hy_buf message; /* so far */
	uint8_t control[CONTROL_MAX];
	uint8_t control_len;
};

/* ---- out --------------------------------------------------------------------------------------------------------- */

size_t websocket_head_len(size_t message_len)
{
	return message_len <= CONTROL_MAX ? 2 : message_len <= UINT16_MAX ? 4 : 10;
}

/** The server masks nothing, and sends whole messages: there is not more to write than this. */
static void write_head(uint8_t *out, uint8_t opcode, size_t len)
{
	out[0] = 0x80 | opcode;
	if (len <= CONTROL_MAX) {
		out[1] = (uint8_t)len;
	} else if (len <= UINT16_MAX) {
		out[1] = 126;
		out[2] = (uint8_t)(len >> 8);
		out[3] = (uint8_t)len;
	} else {
		out[1] = 127;
		hy_put_be64(out + 2, len);
	}
}

void websocket_write_head(uint8_t *out, size_t message_len)
{
	write_head(out, WSLAY_BINARY_FRAME, message_len);
}

static void append_control(struct conn *c, uint8_t opcode, const void *payload, size_t len)
{
	assert(len <= CONTROL_MAX);
	uint8_t *p = conn_reserve_output(c, 2 + len);
	write_head(p, opcode, len);
	if (len > 0)
		memcpy(p + 2, payload, len);
	hy_buf_commit(&c->out, 2 + len);
}

void websocket_say_close(struct conn *c)
{
	uint8_t code[2] = {(uint8_t)(c->close_code >> 8), (uint8_t)c->close_code};
	if (c->close_sent)
		return;
	append_control(c, WSLAY_CONNECTION_CLOSE, code, c->close_code ? sizeof code : 0);
	c->close_sent = true;
}

/** The peer breaks the rules: it is told so, and no more is read. */
static void fail(struct conn *c, uint16_t code)
{
	ACCESS_COUNT(c->home, websocket_errors, 1);
	env_log(svr_env(c->home->access->svr), ENV_LOG_DEBUG, "access", 0, "a WebSocket link of user %u ends with %u",
		c->uin, code);
	c->close_code = code;
	conn_close_drained(c);
}

/* ---- in: frames -------------------------------------------------------------------------------------------------- */

/** Gives wslay what it is short of and no more, so that what has to wait stays in the connection's own buffer. */
static ssize_t on_feed(uint8_t *buf, size_t len, int flags, void *user_data)
{
	struct websocket *w = user_data;
	size_t n = HY_MIN(HY_MIN(len, w->feed.len), w->rest > 0 ? w->rest : 1);
	if (n == 0)
		return -1;
	memcpy(buf, w->feed.data, n);
	w->feed = hy_bytes(w->feed.data + n, w->feed.len - n);
	w->head_begun = true;
	return (ssize_t)n;
}

static struct websocket *websocket_create(void)
{
	static const struct wslay_frame_callbacks callbacks = {.recv_callback = on_feed};
	struct websocket *w = hy_zalloc(sizeof *w);
	if (wslay_frame_context_init(&w->frames, &callbacks, w) == 0)
		return w;
	hy_free(w);
	return NULL;
}

void websocket_free(struct websocket *w)
{
	if (!w)
		return;
	wslay_frame_context_free(w->frames);
	hy_buf_fini_wiped(&w->message);
	hy_free(w);
}

size_t websocket_bytes(const struct websocket *w)
{
	return w ? sizeof *w + CONTEXT_BYTES + w->message.cap : 0;
}

static size_t message_max(const struct conn *c)
{
	return MARS_HEAD_MAX + (c->uin ? MARS_FRAME_MAX : c->home->access->config.limits.anonymous_body_max);
}

/** Looks at a frame when the first of its payload is there. The code that refuses it, or 0. */
static uint16_t judge_head(const struct conn *c, struct websocket *w, const struct wslay_frame_iocb *f)
{
	if (!f->mask || f->rsv != WSLAY_RSV_NONE)
		return WSLAY_CODE_PROTOCOL_ERROR;
	switch (f->opcode) {
	case WSLAY_CONNECTION_CLOSE:
	case WSLAY_PING:
	case WSLAY_PONG:
		w->control_len = 0;
		return 0;
	case WSLAY_TEXT_FRAME:
		return w->open ? WSLAY_CODE_PROTOCOL_ERROR : WSLAY_CODE_UNSUPPORTED_DATA;
	case WSLAY_BINARY_FRAME:
	case WSLAY_CONTINUATION_FRAME:
		break;
	default:
		return WSLAY_CODE_PROTOCOL_ERROR;
	}
	if (w->open != (f->opcode == WSLAY_CONTINUATION_FRAME))
		return WSLAY_CODE_PROTOCOL_ERROR;
	w->fragments = w->open ? w->fragments + 1 : 1;
	w->open = true;
	if (w->fragments > FRAGMENTS_MAX)
		return WSLAY_CODE_POLICY_VIOLATION;
	if (w->refused)
		return 0; /* skip_data() looks at its length */
	size_t max = message_max(c);
	return f->payload_length > max || hy_buf_len(&w->message) > max - f->payload_length ? WSLAY_CODE_MESSAGE_TOO_BIG
											    : 0;
}

static bool code_is_good(uint16_t code)
{
	return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
	       (code >= 3000 && code <= 4999);
}

/** The peer takes its leave: it is answered in kind when what is in work has been. */
static void on_close(struct conn *c, const struct websocket *w)
{
	uint16_t code = w->control_len >= 2 ? (uint16_t)(w->control[0] << 8 | w->control[1]) : 0;
	if (w->control_len == 1 || (w->control_len >= 2 && !code_is_good(code))) {
		fail(c, WSLAY_CODE_PROTOCOL_ERROR);
	} else if (w->control_len > 2 && !pb_utf8_valid(w->control + 2, w->control_len - 2u)) {
		fail(c, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA);
	} else {
		c->close_code = code;
		conn_close_softly(c);
	}
}

static void on_control(struct conn *c, const struct websocket *w, uint8_t opcode)
{
	if (opcode == WSLAY_CONNECTION_CLOSE) {
		on_close(c, w);
	} else if (opcode == WSLAY_PING) {
		append_control(c, WSLAY_PONG, w->control, w->control_len);
		conn_mark_dirty(c);
	}
}

/* ---- in: messages ------------------------------------------------------------------------------------------------ */

static void message_ends(struct conn *c, struct websocket *w)
{
	hy_buf_clear(&w->message);
	w->open = w->refused = c->message_waits = false;
}

/** Hands over what is there of a message. */
static void offer_message(struct conn *c, struct websocket *w, bool whole)
{
	switch (link_take(c, hy_buf_bytes(&w->message), whole)) {
	case LINK_BAD:
		fail(c, WSLAY_CODE_PROTOCOL_ERROR);
		return;
	case LINK_MORE:
		return;
	case LINK_WAITS:
		c->message_waits = true;
		return;
	case LINK_TAKEN:
		message_ends(c, w);
		return;
	case LINK_REFUSED:
		w->refused = true;
		hy_buf_fini_wiped(&w->message);
		return;
	}
}

/** More of a message that was refused: it has to be as long as it said. */
static void skip_data(struct conn *c, struct websocket *w, size_t len, bool whole)
{
	if (len > c->skip || (whole && len < c->skip)) {
		fail(c, WSLAY_CODE_PROTOCOL_ERROR);
		return;
	}
	c->skip -= (uint32_t)len;
	if (whole)
		message_ends(c, w);
}

static void take_data(struct conn *c, struct websocket *w, const struct wslay_frame_iocb *f)
{
	bool whole = f->fin && w->rest == 0;
	if (w->refused) {
		skip_data(c, w, f->data_length, whole);
		return;
	}
	if (f->data_length > 0) {
		memcpy(hy_buf_reserve_wiped(&w->message, f->data_length), f->data, f->data_length);
		hy_buf_commit(&w->message, f->data_length);
	}
	offer_message(c, w, whole);
}

/** A part of a frame's payload, all of it, or an empty one. */
static void take_payload(struct conn *c, struct websocket *w, const struct wslay_frame_iocb *f)
{
	if (!w->in_payload) {
		uint16_t code = judge_head(c, w, f);
		if (code) {
			fail(c, code);
			return;
		}
		w->in_payload = true;
		w->rest = f->payload_length;
	}
	w->rest -= f->data_length;
	if (wslay_is_ctrl_frame(f->opcode)) {
		memcpy(w->control + w->control_len, f->data, f->data_length);
		w->control_len += (uint8_t)f->data_length;
		if (w->rest == 0)
			on_control(c, w, f->opcode);
	} else {
		take_data(c, w, f);
	}
	if (w->rest == 0)
		w->in_payload = w->head_begun = false;
}

static void decode_one(struct conn *c, struct websocket *w)
{
	struct wslay_frame_iocb f = {0};
	ssize_t n = wslay_frame_recv(w->frames, &f);
	if (n == WSLAY_ERR_WANT_READ)
		return;
	if (n < 0) {
		fail(c, WSLAY_CODE_PROTOCOL_ERROR);
		return;
	}
	take_payload(c, w, &f);
	explicit_bzero((uint8_t *)(uintptr_t)f.data, f.data_length); /* wslay's own copy: it may be a password */
}

bool websocket_parse(struct conn *c, struct hy_bytes in, size_t *ret_used)
{
	if (!c->ws)
		c->ws = websocket_create();
	struct websocket *w = c->ws;
	if (!w)
		return false;
	w->feed = in;
	if (c->message_waits) {
		c->message_waits = false;
		offer_message(c, w, true);
	}
	while (w->feed.len > 0 && !c->message_waits && !conn_must_wait(c))
		decode_one(c, w);
	*ret_used += in.len - w->feed.len;
	if (!w->open && !w->head_begun)
		websocket_free(hy_take(c->ws));
	return true;
}

/* ---- beginning --------------------------------------------------------------------------------------------------- */

void websocket_begin(struct conn *c)
{
	conn_count_kind(c, -1);
	c->kind = CONN_LINK;
	c->websocket = true;
	c->close_code = WSLAY_CODE_NORMAL_CLOSURE;
	conn_count_kind(c, 1);
	ACCESS_COUNT(c->home, links_opened, 1);
	ACCESS_COUNT(c->home, websockets_opened, 1);
}
