/**
 * judge.h - what a write comes to (S1): its operations, in order, against a view of one key; all of them or none.
 *
 * Changes nothing: it turns requests into effects, which are what the log holds and what tables apply. Does not
 * suspend.
 */
#ifndef KT_JUDGE_H
#define KT_JUDGE_H

#include "kt/engine.h"

/**
 * A table as it is once all that is on its way is durable. MAP nobody follows: trimmed is the version. LOG: it has
 * version - trimmed rows, total - trimmed_total
 * bytes. */
struct kt_judged {
	uint64_t version, trimmed;
	uint64_t total, trimmed_total; /* LOG: bytes of values ever appended, up to `version` and up to `trimmed` */
};

/** One key, with all that is on its way. */
struct kt_view {
	struct kt_judged (*table)(void *arg, const struct kt_space *space);
	/** MAP (a tombstone too: `deleted`), WINDOW. False: no such row. */
	bool (*row)(void *arg, const struct kt_space *space, struct hy_bytes name, struct kt_row *ret_row);
	/** MAP: names there are, without tombstones up to `trimmed`; below KT_MAP_NAMES_MAX it may be too many. */
	size_t (*names)(void *arg, const struct kt_space *space, uint64_t trimmed);
	/** LOG: bytes ever appended up to a version that is above the trim mark and at most the table's. */
	uint64_t (*total_at)(void *arg, const struct kt_space *space, uint64_t version);
	void *arg;
	uint64_t floor_ms, wall_ms;
};

enum kt_effect_kind { KT_EFFECT_APPEND = 1, KT_EFFECT_TRIM, KT_EFFECT_PUT, KT_EFFECT_DELETE, KT_EFFECT_WINDOW };

/** A result: applying it twice gives the same state (S6). */
struct kt_effect {
	enum kt_effect_kind kind;
	const struct kt_space *space;
	uint64_t version; /* TRIM: the new mark */
	uint64_t total;   /* APPEND, TRIM: bytes ever appended up to `version`; of a map 0 */
	struct hy_bytes name, value;
};

/**
 * HY_OK with the effects (perhaps none), or the refusal; ret_result->stored then points into the view. `effects` has
 * room for KT_OPS_MAX.
 */
int kt_judge(const struct kt *kt, const struct kt_view *view, const struct kt_op *ops, size_t count,
	struct kt_effect *effects, size_t *ret_count, struct kt_result *ret_result);

#endif
