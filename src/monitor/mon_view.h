/**
 * mon_view.h - reads what mon.c writes: a file of another process, alive or dead, or the process's own memory.
 *
 * Nothing in the bytes is trusted: a file that is cut off, damaged or of another program is refused with a sentence,
 * and what a view hands out lies within the bytes. A file that is being written while it is copied gives values that
 * are right one by one, not all of one moment.
 */
#ifndef MON_VIEW_H
#define MON_VIEW_H

#include "env/env.h"
#include "monitor/mon.h"

struct mon_view {
	struct hy_bytes bytes;
	unsigned entry_count, strip_count, entry_bytes;
	size_t entries_at, strips_at, strip_bytes;
	char program[33], version[33];
	uint64_t process, started_ms, beat_ms, ended_ms;
	/* mon_view_load() only */
	bool alive; /* the process still holds the file */
	char *memory;
};

struct mon_value {
	const char *name, *label, *help; /* label "": the only one of its name */
	enum mon_kind kind;              /* another number: a later version's */
	unsigned slot, slots;
};

/** HY_OK, or HY_INVALID_ARGUMENT with *ret_why (static). `bytes` (aligned to 8) outlive the view. */
int mon_view_init(struct mon_view *v, struct hy_bytes bytes, const char **ret_why) HY_MUST_USE;
/**
 * Copies the file DIR/monitor. HY_NOT_FOUND, HY_INVALID_ARGUMENT, HY_UNAVAILABLE, and *ret_why (hy_alloc'd) says what
 * to do. [blocks]
 */
int mon_view_load(struct mon_view *v, struct env *env, const char *dir, char **ret_why) HY_MUST_USE;
/** Harmless for a zeroed view. */
void mon_view_fini(struct mon_view *v);

/** `index` below entry_count. */
struct mon_value mon_view_value(const struct mon_view *v, unsigned index);
/** Slot i of a value, summed over the strips. `i` below value->slots. */
uint64_t mon_view_sum(const struct mon_view *v, const struct mon_value *value, unsigned i);
/** By name and label. NULL is no label. False: there is none. */
bool mon_view_find(const struct mon_view *v, const char *name, const char *label, struct mon_value *ret_value);

#define MON_VIEW_SLOTS_MAX 64
/**
 * The time below which the share `q` (0 to 1) of a histogram's times lies, in microseconds, by the bucket's upper end.
 * `buckets`: its slots but the sum. 0: it is empty.
 */
uint64_t mon_quantile_us(const uint64_t *buckets, unsigned count, double q);

#endif
