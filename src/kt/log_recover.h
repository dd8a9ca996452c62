/**
 * log_recover.h - what a log folder holds is replayed, judged, and made durable (S6, S7).
 *
 * How it is judged. Every segment names the place where the log before it ends (prev_number, prev_end); it was begun
 * only after all before that place was synced. So the newest segment, followed backwards, names exactly the bytes that
 * count. Between them there must be no hole and no harm. Only the newest segment has an open end: there, what cannot be
 * read is a torn tail unless a whole batch stands behind it.
 *
 * What may not be durable. A batch is written only after the one before it was synced, so it is the last batch alone
 * (with an end mark behind it not even that one): after a kill, or a sync that failed, it may exist in the page cache
 * only, and syncing it once more proves nothing. It is copied into a segment of its own, which voids the original, and
 * which is synced before it gets its name. A segment whose only batch is such a copy is itself voided by the next
 * recovery: the place that the newest segment names always lies in what is durable, however often a recovery dies
 * half-way.
 */
#ifndef KT_LOG_RECOVER_H
#define KT_LOG_RECOVER_H

#include "kt/log.h"
#include "kt/log_index.h"
#include "kt/log_segment.h"

struct log_recovered {
	struct log_segment current;
	struct log_live *live; /* oldest first, current last; hy_alloc'd */
	size_t live_count;
	uint64_t last_pos;
};

/**
 * [blocks] As kt_log_open() says: HY_DATA_LOSS, HY_RESOURCE_EXHAUSTED, HY_UNAVAILABLE. *ret is set with HY_OK alone.
 */
int log_recover(struct env *env, const struct kt_log_config *config, uint64_t from, kt_log_replay_fn *replay, void *arg,
	struct log_index *index, struct log_recovered *ret, struct kt_log_report *ret_report) HY_MUST_USE;

#endif
