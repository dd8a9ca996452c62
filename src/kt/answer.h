/**
 * answer.h - rows on their way into a caller's arena, under the caller's limits. Shared by the engines.
 */
#ifndef KT_ANSWER_H
#define KT_ANSWER_H

#include "kt/kt.h"

struct kt_answer {
	struct hy_arena *arena;
	struct kt_limits limits;
	struct kt_rows *rows;
	size_t cap;
	uint64_t bytes;
	int status; /* HY_RESOURCE_EXHAUSTED: the arena is full */
};

static inline void kt_answer_init(struct kt_answer *a, struct call *call, struct kt_limits limits, struct kt_rows *rows)
{
	*a = (struct kt_answer){.arena = call->arena, .limits = limits, .rows = rows};
	*rows = (struct kt_rows){0};
}

/** Whether rows above `since` were trimmed, so that these changes would have a gap: see kt_read_changes(). */
static inline bool kt_misses_trimmed(
	const struct kt_space *space, uint64_t since, uint64_t trimmed, const struct kt_answer *a)
{
	if (since >= trimmed)
		return false;
	return space->shape != KT_MAP || space->unfollowed || (since > 0 && a->limits.began_at != trimmed);
}

/** Copies a row. False: not taken; either a limit is reached (rows->more is set) or status says why. */
bool kt_answer_add(struct kt_answer *a, const struct kt_row *row);
/** Copies one row into an arena. HY_RESOURCE_EXHAUSTED over its cap. */
int kt_answer_copy(struct hy_arena *arena, const struct kt_row *row, struct kt_row *ret_row) HY_MUST_USE;

#endif
