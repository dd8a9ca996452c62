/**
 * limit_table.h - one loop's memory of rates: for each thing that is limited one time, its *theoretical arrival time*.
 *
 * The generic cell rate algorithm in its form of virtual scheduling (ITU-T I.371, annex A; ATM Forum, Traffic
 * Management Specification 4.0, section 4.4.2): who comes at the even rate of one each T comes at its theoretical
 * arrival time, and that moves on by T. Who comes earlier than that, by at most burst - 1 times T, is let in too;
 * earlier still, not, and nothing moves. One number of 64 bits says all, and once it has passed it says nothing: an
 * entry in the past is the same as none, so nothing is ever cleaned up.
 *
 * The table is buckets of four entries, a cache line each; a thing is known by its hash of 64 bits, and two of one hash
 * would be one thing. It doubles up to a bound when a bucket is full of times that have not passed. At the bound the
 * one that would pass first goes: what was used most, or is slowest, stays, so that a flood of new things does not make
 * room for those that are at their limit.
 *
 * Threads: one loop. Nothing here suspends or fails.
 */
#ifndef LOGIC_LIMIT_TABLE_H
#define LOGIC_LIMIT_TABLE_H

#include "base/base.h"
#include "base/config.h"

#define LIMIT_TABLE_WAYS 4u

struct limit_entry {
	uint64_t hash;
	uint64_t arrival_us; /* theoretical; 0 or past: no entry */
};

struct limit_table {
	struct limit_entry *entries; /* the first place in memory that begins a cache line */
	void *memory;
	size_t buckets, buckets_max; /* powers of two */
};

enum limit_verb {
	LIMIT_TAKE,
	LIMIT_LOOK,      /* whether it could be taken */
	LIMIT_GIVE_BACK, /* of what was taken: always possible */
};

/** `entries_max` is rounded up to a power of two; at 16 bytes each. */
void limit_table_init(struct limit_table *t, size_t entries_max);
void limit_table_fini(struct limit_table *t);
/**
 * One of what `hash` stands for, at `now_us`. False: not before *ret_wait_us have passed. *ret_dropped: an entry had to
 * go that was still of use. `rate` is a limit (interval_us is not 0).
 */
bool limit_table_do(struct limit_table *t, uint64_t hash, const struct hy_rate *rate, uint64_t now_us,
	enum limit_verb verb, uint64_t *ret_wait_us, bool *ret_dropped);

#endif
