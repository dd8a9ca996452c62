/**
 * log_batch.h - the commit log's bytes on disk: the header of a segment, and one batch (S6).
 *
 * A segment is a header block of LOG_SEGMENT_HEAD bytes, then batches without gaps, each padded to 8 bytes. Every
 * header says which segment of which store it belongs to and at which offset it stands, so bytes that a reused file
 * held before never pass. All numbers are little-endian. Pure functions: nothing here reads or writes files.
 */
#ifndef KT_LOG_BATCH_H
#define KT_LOG_BATCH_H

#include <sys/uio.h>

#include "base/base.h"

#define LOG_FORMAT 1u
#define LOG_SEGMENT_HEAD 4096u
#define LOG_BATCH_HEAD 64u
#define LOG_SEGMENT_MAX (1ull << 30)

enum log_batch_kind {
	LOG_BATCH_DATA = 1,
	LOG_BATCH_END = 2, /* the mark of a clean stop: no payload; its position is that of the batch that never came */
};

struct log_batch_head {
	uint64_t epoch, segment, pos, offset;
	uint32_t payload_len;
	enum log_batch_kind kind;
};

struct log_segment_head {
	uint64_t epoch, number;
	uint64_t first_pos; /* of the first batch that will stand here */
	/*
	 * The log before this segment: it ends for good in segment `prev_number` at `prev_end`. What stands there
	 * beyond, and any segment between
	   that one and this, is void. 0, 0: nothing came before. */
	uint64_t prev_number, prev_end;
	bool recycled; /* the file held another segment before: old bytes stand behind the last batch, else zeros */
};

/** Bytes of a batch in the file: header, payload, padding. */
static inline uint64_t log_batch_size(uint64_t payload_len)
{
	return (LOG_BATCH_HEAD + payload_len + 7) & ~7ull;
}

/** Writes the header of a batch whose payload is the `count` pieces, together h->payload_len bytes. */
void log_batch_encode(
	const struct log_batch_head *h, const struct iovec *pieces, int count, uint8_t out[LOG_BATCH_HEAD]);
/**
 * Is there a whole, unharmed batch of segment `number` of store `epoch` at `offset` of its file, of which `file` holds
 * the first bytes? *ret_payload points into `file`.
 */
bool log_batch_decode(struct hy_bytes file, uint64_t offset, uint64_t epoch, uint64_t number,
	struct log_batch_head *ret_head, struct hy_bytes *ret_payload) HY_MUST_USE;
/**
 * Does something begin at `offset` that claims to be a batch of this segment, whole or not? *ret_size: as it claims.
 */
bool log_batch_claims(
	struct hy_bytes file, uint64_t offset, uint64_t epoch, uint64_t number, uint64_t *ret_size) HY_MUST_USE;
/** First offset from `offset` on, in steps of 8, with a whole batch of this segment; UINT64_MAX: none. */
uint64_t log_batch_find(struct hy_bytes file, uint64_t offset, uint64_t epoch, uint64_t number);

void log_segment_head_encode(const struct log_segment_head *h, uint8_t out[LOG_SEGMENT_HEAD]);
/** False: no unharmed header of this format. */
bool log_segment_head_decode(struct hy_bytes block, struct log_segment_head *ret_head) HY_MUST_USE;

#endif
