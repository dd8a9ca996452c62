/**
 * timers.h - the timers of one loop, for both envs: a binary heap ordered by (at_us, order of setting).
 *
 * Two timers of the same moment fire in the order in which they were set, so that a simulation repeats itself.
 *
 * Owner: the loop; the env_timer structs are the caller's. Threads: one at a time. Nothing here suspends.
 */
#ifndef ENV_TIMERS_H
#define ENV_TIMERS_H

#include "env/env.h"

struct timers_entry {
	uint64_t at_us, order; /* copied here, so that sifting touches no timer but those that move */
	struct env_timer *timer;
};

/** A zeroed struct has no timers. */
struct timers {
	struct timers_entry *entries; /* hy_alloc'd; timer->slot is its index + 1 */
	uint32_t count, cap;
	uint64_t order; /* of the last one set */
};

/** Frees the heap; the timers still in it are forgotten and stay marked as set. */
void timers_fini(struct timers *t);
/** Sets or moves; a timer that is moved counts as set now. */
void timers_set(struct timers *t, struct env_timer *timer, uint64_t at_us);
/** Harmless when it is not set. */
void timers_cancel(struct timers *t, struct env_timer *timer);
/** When the next one is due; UINT64_MAX when there is none. */
static inline uint64_t timers_next_us(const struct timers *t)
{
	return t->count ? t->entries[0].at_us : UINT64_MAX;
}
/** How many were set since the beginning: what timers_pop() compares with. */
static inline uint64_t timers_order(const struct timers *t)
{
	return t->order;
}
/**
 * Takes out the next timer that is due at `now_us` and was set no later than `order`; NULL when there is none. With the
 * order of a turn's beginning, a timer that sets itself to "now" fires in the next turn, and other events get their
 * share.
 */
struct env_timer *timers_pop(struct timers *t, uint64_t now_us, uint64_t order);

#endif
