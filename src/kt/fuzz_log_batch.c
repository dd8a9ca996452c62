/*
 * The decoders of the commit log get any bytes as a segment's file; what they take must encode to the same bytes again.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "kt/log_batch.h"

#define EPOCH 7u
#define NUMBER 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_batch(struct hy_bytes file, uint64_t at)
{
	struct log_batch_head h;
	struct hy_bytes payload;
	if (!log_batch_decode(file, at, EPOCH, NUMBER, &h, &payload))
		return;
	uint64_t len = log_batch_size(h.payload_len);
	assert(len <= file.len - at && payload.len == h.payload_len && h.pos > 0);
	uint8_t head[LOG_BATCH_HEAD];
	struct iovec piece = {(void *)(uintptr_t)payload.data, payload.len};
	log_batch_encode(&h, &piece, 1, head);
	assert(memcmp(head, file.data + at, sizeof head) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own, so that a byte too far is seen. */
	uint8_t *copy = hy_memdup(data, size);
	struct hy_bytes file = hy_bytes(copy, size);
	struct log_segment_head h;
	if (log_segment_head_decode(file, &h)) {
		uint8_t block[LOG_SEGMENT_HEAD];
		log_segment_head_encode(&h, block);
		assert(memcmp(block, copy, sizeof block) == 0);
	}
	uint64_t claimed, at = 0;
	for (size_t i = 0; i + 8 <= size && i < 256; i += 8) {
		if (log_batch_claims(file, i, EPOCH, NUMBER, &claimed))
			assert(claimed % 8 == 0 && claimed >= LOG_BATCH_HEAD);
		check_batch(file, i);
	}
	while ((at = log_batch_find(file, at, EPOCH, NUMBER)) != UINT64_MAX) {
		check_batch(file, at);
		at += 8;
	}
	hy_free(copy);
	return 0;
}
