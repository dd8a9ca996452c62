/**
 * row.h - rows as protobuf messages: packing, and unpacking what may be damaged (rule R8).
 *
 * Only row_why_out_of_range() suspends. All memory is call->arena's.
 */
#ifndef DATA_ROW_H
#define DATA_ROW_H

#include <protobuf-c/protobuf-c.h>

#include "kt/kt.h"

/** RESOURCE_EXHAUSTED: over the arena's cap. */
int row_pack(struct call *call, const ProtobufCMessage *m, struct hy_bytes *ret_bytes) HY_MUST_USE;
/** NULL: the row cannot be read; it was counted and logged. */
ProtobufCMessage *row_unpack(
	struct call *call, const struct hy_key *key, const struct kt_row *row, const ProtobufCMessageDescriptor *d);
/** Counts and logs a row that cannot be read. `what`: its kind, for people. */
void row_damaged(struct call *call, const struct hy_key *key, const struct kt_row *row, const char *what);

/**
 * After kt_read_changes() said OUT_OF_RANGE: that again when `since` was trimmed, FAILED_PRECONDITION when there never
 * was such a version. SUSPENDS.
 */
int row_why_out_of_range(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t space, uint64_t since,
	struct kt_head *ret_head) HY_MUST_USE;

static inline ProtobufCBinaryData row_binary(struct hy_bytes b)
{
	return (ProtobufCBinaryData){b.len, (uint8_t *)(uintptr_t)b.data};
}

#endif
