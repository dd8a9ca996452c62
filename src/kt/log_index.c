#include <stdatomic.h>

#include "kt/log_index.h"

void log_index_add(struct log_index *x, uint64_t pos, uint64_t bytes)
{
	uint64_t total = atomic_load_explicit(&x->total, memory_order_relaxed) + bytes;
	uint64_t count = atomic_load_explicit(&x->count, memory_order_relaxed);
	/* The total first: a reader that sees a mark must not subtract it from an older total. */
	atomic_store_explicit(&x->total, total, memory_order_release);
	while (count < total / LOG_INDEX_STEP) {
		atomic_store_explicit(&x->marks[count % LOG_INDEX_MARKS], pos, memory_order_relaxed);
		atomic_store_explicit(&x->count, ++count, memory_order_release);
	}
}

uint64_t log_index_after(const struct log_index *x, uint64_t pos)
{
	uint64_t count = atomic_load_explicit(&x->count, memory_order_acquire);
	uint64_t total = atomic_load_explicit(&x->total, memory_order_acquire);
	/* Marks further back may be overwritten while we look: only half of them are trusted. */
	uint64_t lo = count > LOG_INDEX_MARKS / 2 ? count - LOG_INDEX_MARKS / 2 : 0;
	uint64_t hi = count, first = lo;
	while (lo < hi) { /* the first mark above pos */
		uint64_t mid = lo + (hi - lo) / 2;
		if (atomic_load_explicit(&x->marks[mid % LOG_INDEX_MARKS], memory_order_relaxed) <= pos)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == first && first > 0 ? total : total - lo * LOG_INDEX_STEP;
}
