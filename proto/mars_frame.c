/* mars_frame.c - see mars_frame.h. */
#include "mars_frame.h"

enum mars_parse mars_parse(struct hy_bytes in, uint32_t body_max, struct mars_frame *ret_frame)
{
	*ret_frame = (struct mars_frame){0};
	if (in.len < MARS_HEAD)
		return MARS_PARTIAL;
	uint32_t head_len = hy_get_be32(in.data);
	uint32_t body_len = hy_get_be32(in.data + 16);
	if (head_len < MARS_HEAD || head_len > MARS_HEAD_MAX || body_len > body_max ||
		body_len > MARS_FRAME_MAX - head_len)
		return MARS_BAD;
	ret_frame->version = hy_get_be32(in.data + 4);
	ret_frame->cmd = hy_get_be32(in.data + 8);
	ret_frame->seq = hy_get_be32(in.data + 12);
	ret_frame->size = (size_t)head_len + body_len;
	if (in.len < ret_frame->size)
		return MARS_PARTIAL;
	ret_frame->body = hy_bytes(in.data + head_len, body_len);
	return MARS_WHOLE;
}

void mars_write_head(uint8_t out[MARS_HEAD], uint32_t version, uint32_t cmd, uint32_t seq, uint32_t body_len)
{
	hy_put_be32(out, MARS_HEAD);
	hy_put_be32(out + 4, version);
	hy_put_be32(out + 8, cmd);
	hy_put_be32(out + 12, seq);
	hy_put_be32(out + 16, body_len);
}
