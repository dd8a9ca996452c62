/* XXH3's state lives on the stack: it must come from no heap but base/mem.h's. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "base/planted.h"
#include "kt/log_batch.h"

#define BATCH_MAGIC 0x74614268u   /* "hBat" */
#define SEGMENT_MAGIC 0x67655368u /* "hSeg" */
#define CHECKED 48u               /* of a batch's header: the checksum follows */

static void checksum(const uint8_t *head, const struct iovec *pieces, int count, uint8_t out[16])
{
	XXH3_state_t state;
	XXH3_INITSTATE(&state);
	XXH3_128bits_reset(&state);
	XXH3_128bits_update(&state, head, CHECKED);
	for (int i = 0; i < count; i++) {
		if (pieces[i].iov_len > 0)
			XXH3_128bits_update(&state, pieces[i].iov_base, pieces[i].iov_len);
	}
	XXH128_hash_t sum = XXH3_128bits_digest(&state);
	hy_put_le64(out, sum.low64);
	hy_put_le64(out + 8, sum.high64);
}

void log_batch_encode(
	const struct log_batch_head *h, const struct iovec *pieces, int count, uint8_t out[LOG_BATCH_HEAD])
{
	memset(out, 0, LOG_BATCH_HEAD);
	hy_put_le32(out, BATCH_MAGIC);
	out[4] = LOG_FORMAT;
	out[5] = (uint8_t)h->kind;
	hy_put_le64(out + 8, h->epoch);
	hy_put_le64(out + 16, h->segment);
	hy_put_le64(out + 24, h->pos);
	hy_put_le64(out + 32, h->offset);
	hy_put_le32(out + 40, h->payload_len);
	checksum(out, pieces, count, out + CHECKED);
}

bool log_batch_claims(struct hy_bytes file, uint64_t offset, uint64_t epoch, uint64_t number, uint64_t *ret_size)
{
	if (offset % 8 != 0 || offset > file.len || file.len - offset < LOG_BATCH_HEAD)
		return false;
	const uint8_t *p = file.data + offset;
	if (hy_get_le32(p) != BATCH_MAGIC || hy_get_le64(p + 8) != epoch || hy_get_le64(p + 16) != number ||
		hy_get_le64(p + 32) != offset)
		return false;
	*ret_size = log_batch_size(hy_get_le32(p + 40));
	return true;
}

bool log_batch_decode(struct hy_bytes file, uint64_t offset, uint64_t epoch, uint64_t number,
	struct log_batch_head *ret_head, struct hy_bytes *ret_payload)
{
	uint64_t size;
	if (!log_batch_claims(file, offset, epoch, number, &size) || size > file.len - offset)
		return false;
	const uint8_t *p = file.data + offset;
	uint32_t payload_len = hy_get_le32(p + 40);
	if (p[4] != LOG_FORMAT || (p[5] != LOG_BATCH_DATA && p[5] != LOG_BATCH_END) || hy_get_le64(p + 24) == 0)
		return false;
	if ((p[5] == LOG_BATCH_END && payload_len > 0) || p[6] != 0 || p[7] != 0 || hy_get_le32(p + 44) != 0)
		return false;
	uint8_t sum[16];
	struct iovec piece = {(void *)(uintptr_t)(p + LOG_BATCH_HEAD), payload_len};
	checksum(p, &piece, 1, sum);
	if (memcmp(sum, p + CHECKED, sizeof sum) != 0 && !PLANTED(torn_tail_taken))
		return false;
	for (uint64_t i = LOG_BATCH_HEAD + payload_len; i < size; i++) {
		if (p[i] != 0)
			return false;
	}
	*ret_head = (struct log_batch_head){.epoch = epoch,
		.segment = number,
		.pos = hy_get_le64(p + 24),
		.offset = offset,
		.payload_len = payload_len,
		.kind = (enum log_batch_kind)p[5]};
	*ret_payload = hy_bytes(p + LOG_BATCH_HEAD, payload_len);
	return true;
}

uint64_t log_batch_find(struct hy_bytes file, uint64_t offset, uint64_t epoch, uint64_t number)
{
	struct log_batch_head head;
	struct hy_bytes payload;
	for (uint64_t at = (offset + 7) & ~7ull; at + LOG_BATCH_HEAD <= file.len; at += 8) {
		if (hy_get_le32(file.data + at) == BATCH_MAGIC &&
			log_batch_decode(file, at, epoch, number, &head, &payload))
			return at;
	}
	return UINT64_MAX;
}

void log_segment_head_encode(const struct log_segment_head *h, uint8_t out[LOG_SEGMENT_HEAD])
{
	memset(out, 0, LOG_SEGMENT_HEAD);
	hy_put_le32(out, SEGMENT_MAGIC);
	out[4] = LOG_FORMAT;
	out[5] = h->recycled;
	hy_put_le64(out + 8, h->epoch);
	hy_put_le64(out + 16, h->number);
	hy_put_le64(out + 24, h->first_pos);
	hy_put_le64(out + 32, h->prev_number);
	hy_put_le64(out + 40, h->prev_end);
	struct iovec rest = {out + LOG_BATCH_HEAD, LOG_SEGMENT_HEAD - LOG_BATCH_HEAD};
	checksum(out, &rest, 1, out + CHECKED);
}

bool log_segment_head_decode(struct hy_bytes block, struct log_segment_head *ret_head)
{
	const uint8_t *p = block.data;
	if (block.len < LOG_SEGMENT_HEAD || hy_get_le32(p) != SEGMENT_MAGIC || p[4] != LOG_FORMAT || p[5] > 1)
		return false;
	struct log_segment_head h = {.epoch = hy_get_le64(p + 8),
		.number = hy_get_le64(p + 16),
		.first_pos = hy_get_le64(p + 24),
		.prev_number = hy_get_le64(p + 32),
		.prev_end = hy_get_le64(p + 40),
		.recycled = p[5] == 1};
	bool first = h.prev_number == 0 && h.prev_end == 0;
	if (h.number == 0 || h.first_pos == 0 || h.prev_number >= h.number ||
		(!first && (h.prev_end < LOG_SEGMENT_HEAD || h.prev_end > LOG_SEGMENT_MAX || h.prev_number == 0)))
		return false;
	uint8_t again[LOG_SEGMENT_HEAD];
	log_segment_head_encode(&h, again);
	if (memcmp(again, p, sizeof again) != 0) /* harmed, or bytes are used that this format leaves empty */
		return false;
	*ret_head = h;
	return true;
}
