/**
 * record.h - what the log holds (S6): results, one group for each write. These bytes are at rest: kinds are never
 * reused.
 *
 *	group  := key length (1 byte), key, number of effects (1 byte), effects
 *	effect := kind (1 byte, enum kt_effect_kind), space (1 byte), version, then
 *	          APPEND: total, value     TRIM: total (of a map 0)     PUT, WINDOW: name, value     DELETE: name
 *
 * Numbers are varints; names and values have a varint length before them.
 */
#ifndef KT_RECORD_H
#define KT_RECORD_H

#include "kt/judge.h"

/** The most bytes that one group of these effects takes. */
size_t kt_record_size_max(const struct hy_key *key, const struct kt_effect *effects, size_t count);
void kt_record_encode(const struct hy_key *key, const struct kt_effect *effects, size_t count, struct hy_buf *out);

struct kt_group {
	struct hy_key key;
	size_t count;
	struct kt_effect effects[KT_OPS_MAX];
};

/**
 * Takes one group from the front of *in; names and values point into it. `by_id`: the store's spaces, KT_SPACE_ID_MAX +
 * 1 of them, NULL where there is none. False: cut, malformed, over a limit, or about a space that does not exist or has
 * another shape.
 */
bool kt_record_decode(const struct kt_space *const *by_id, struct hy_bytes *in, struct kt_group *ret_group) HY_MUST_USE;

#endif
