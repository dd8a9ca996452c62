/* Heads of frames to structs and back. Pure functions over bytes. */
#include "svrkit/rpc_frame.h"

static uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static void put_le16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

int64_t rpc_frame_length(struct hy_bytes in)
{
	if (in.len < 8)
		return 0;
	uint32_t length = hy_get_le32(in.data);
	uint16_t head = get_le16(in.data + 6);
	uint8_t kind = in.data[4];

	if (length > RPC_FRAME_MAX || head < RPC_FRAME_HEAD || head > length)
		return -1;
	if (kind < RPC_FRAME_CALL || kind > RPC_FRAME_CANCEL)
		return -1;
	return length;
}

/** Takes `len` bytes of text from the front of *rest; a NUL inside would hide what stands behind it. */
static bool take_text(struct hy_bytes *rest, size_t len, struct hy_bytes *ret_text)
{
	if (len > rest->len || (len && memchr(rest->data, 0, len)))
		return false;
	*ret_text = hy_bytes(rest->data, len);
	rest->data += len;
	rest->len -= len;
	return true;
}

bool rpc_frame_decode(struct hy_bytes in, struct rpc_frame *ret_frame)
{
	if (in.len < RPC_FRAME_HEAD || rpc_frame_length(in) != (int64_t)in.len)
		return false;
	const uint8_t *p = in.data;
	size_t head = get_le16(p + 6);
	struct hy_bytes rest = hy_bytes(p + head, in.len - head);
	struct rpc_frame f = {
		.kind = p[4],
		.priority = p[5],
		.call_id = hy_get_le64(p + 8),
		.service = get_le16(p + 16),
		.method = get_le16(p + 18),
		.time_ms = hy_get_le32(p + 20),
		.trace = hy_get_le64(p + 24),
		.uin = hy_get_le32(p + 32),
	};

	if (f.kind == RPC_FRAME_CALL) {
		if (!take_text(&rest, p[36], &f.device) || !take_text(&rest, p[37], &f.name))
			return false;
	} else if (f.kind == RPC_FRAME_ANSWER) {
		if (!take_text(&rest, get_le16(p + 38), &f.message))
			return false;
	} else if (rest.len) {
		return false;
	}
	f.body = rest;
	*ret_frame = f;
	return true;
}

size_t rpc_frame_head_size(const struct rpc_frame *f)
{
	return RPC_FRAME_HEAD + f->device.len + f->name.len + f->message.len;
}

static uint8_t *put_text(uint8_t *out, struct hy_bytes text)
{
	if (text.len)
		memcpy(out, text.data, text.len);
	return out + text.len;
}

size_t rpc_frame_encode_head(const struct rpc_frame *f, uint8_t *out)
{
	assert(f->device.len <= UINT8_MAX && f->name.len <= UINT8_MAX && f->message.len <= UINT16_MAX);
	size_t size = rpc_frame_head_size(f);

	assert(size + f->body.len <= RPC_FRAME_MAX);
	hy_put_le32(out, (uint32_t)(size + f->body.len));
	out[4] = f->kind;
	out[5] = f->priority;
	put_le16(out + 6, RPC_FRAME_HEAD);
	hy_put_le64(out + 8, f->call_id);
	put_le16(out + 16, f->service);
	put_le16(out + 18, f->method);
	hy_put_le32(out + 20, f->time_ms);
	hy_put_le64(out + 24, f->trace);
	hy_put_le32(out + 32, f->uin);
	out[36] = (uint8_t)f->device.len;
	out[37] = (uint8_t)f->name.len;
	put_le16(out + 38, f->message.len);
	memset(out + 40, 0, RPC_FRAME_HEAD - 40);
	put_text(put_text(put_text(out + RPC_FRAME_HEAD, f->device), f->name), f->message);
	return size;
}
