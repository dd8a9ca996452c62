/**
 * log_index.h - how many bytes of log stand after a position: one mark per megabyte.
 *
 * Threads: log_index_add by one writer at a time; log_index_after by any thread at the same time.
 */
#ifndef KT_LOG_INDEX_H
#define KT_LOG_INDEX_H

#include "base/base.h"

#define LOG_INDEX_MARKS 16384u
#define LOG_INDEX_STEP (1u << 20)

struct log_index {
	_Atomic uint64_t total;                  /* bytes of all batches added */
	_Atomic uint64_t count;                  /* marks set so far */
	_Atomic uint64_t marks[LOG_INDEX_MARKS]; /* mark k: first position with which the total reached k + 1 steps */
};

/** A zeroed struct is an empty index. Positions rise. */
void log_index_add(struct log_index *x, uint64_t pos, uint64_t bytes);
/** Never too few; too many by at most a step and a batch, but for positions LOG_INDEX_MARKS / 2 steps back. */
uint64_t log_index_after(const struct log_index *x, uint64_t pos);

#endif
