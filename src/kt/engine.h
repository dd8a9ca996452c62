/**
 * engine.h - what an engine of kt.h is made of (S11). kt.c checks the arguments and calls it.
 */
#ifndef KT_ENGINE_H
#define KT_ENGINE_H

#include "kt/kt.h"

/** As the functions of kt.h with the same names; arguments are checked: spaces exist, shapes fit, lengths are in
 * bounds. */
struct kt_engine {
	int (*write)(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count,
		bool lazily, struct kt_result *ret_result);
	int (*read_row)(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
		struct hy_bytes name, struct kt_row *ret_row);
	/** Spaces are maps, names fit, `count` is 1 to KT_PLACES_MAX. */
	int (*read_rows)(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_place *places,
		size_t count, struct kt_row *ret_rows);
	/** LOG and MAP. `limits` has no zeros. */
	int (*read_range)(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
		struct hy_bytes after, struct kt_limits limits, struct kt_rows *ret_rows);
	int (*read_changes)(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
		uint64_t since, struct kt_limits limits, struct kt_rows *ret_rows);
	int (*read_head)(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
		struct kt_head *ret_head);
	int (*list_keys)(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit,
		struct hy_key **ret_keys, size_t *ret_count, bool *ret_more);
	int (*list_heads)(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit,
		struct kt_listed **ret_list, size_t *ret_count, bool *ret_more);
	uint64_t (*floor_ms)(const struct kt *kt);
	void (*stats)(const struct kt *kt, struct kt_stats *ret_stats);
	/** NULL: there is nothing on disk. */
	int (*backup)(
		struct kt *kt, struct call *call, const char *dir, struct kt_backup_report *ret_report, char **ret_why);
	void (*close)(struct kt *kt);
};

/** First member of each engine's own struct. */
struct kt {
	const struct kt_engine *engine;
	struct svr *svr;
	const struct kt_space *spaces;
	const struct kt_space *by_id[KT_SPACE_ID_MAX + 1];
	uint64_t epoch;
};

void kt_init(struct kt *kt, const struct kt_engine *engine, struct svr *svr, const struct kt_config *config);
static inline uint64_t kt_window_ms(const struct kt_config *config)
{
	uint64_t days = config->window_days ? config->window_days : 8;
	return HY_MAX(days, 7) * 24 * 3600 * 1000;
}

/** Sorts, drops repeats, cuts at `limit`: the last step of list_keys. `keys` may be moved within itself. */
size_t kt_keys_finish(struct hy_key *keys, size_t count, size_t limit, bool *more);
int kt_key_compare(const void *a, const void *b);

#endif
