/* Frames from the front of a stream: what is found is the same wherever the stream is cut, and can be written again. */
#include "mars_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Until a frame is whole, every shorter piece of the stream says "more", and the same of what it knows. */
static void check_cuts(struct hy_bytes in, uint32_t body_max, const struct mars_frame *whole)
{
	for (size_t n = 0; n < whole->size; n += 1 + n / 16) {
		struct mars_frame f;
		assert(mars_parse(hy_bytes(in.data, n), body_max, &f) == MARS_PARTIAL);
		assert(f.size == (n < MARS_HEAD ? 0 : whole->size));
		assert(n < MARS_HEAD || (f.cmd == whole->cmd && f.seq == whole->seq && f.version == whole->version));
	}
}

static void check_head(struct hy_bytes in, const struct mars_frame *f)
{
	uint8_t head[MARS_HEAD];
	mars_write_head(head, f->version, f->cmd, f->seq, (uint32_t)f->body.len);
	assert(memcmp(head + 4, in.data + 4, MARS_HEAD - 4) == 0);
	assert(f->body.data + f->body.len == in.data + f->size);
	assert(f->size - f->body.len >= MARS_HEAD && f->size - f->body.len <= MARS_HEAD_MAX);
}

/** The first byte chooses the longest body: 0, 1, 3 ... 2^31 - 1. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	uint32_t body_max = (1u << (data[0] % 32)) - 1;
	struct hy_bytes in = hy_bytes(data + 1, size - 1);
	struct mars_frame f;
	while (mars_parse(in, body_max, &f) == MARS_WHOLE) {
		assert(f.body.len <= body_max && f.size <= in.len);
		check_head(in, &f);
		check_cuts(in, body_max, &f);
		in = hy_bytes(in.data + f.size, in.len - f.size);
	}
	return 0;
}
