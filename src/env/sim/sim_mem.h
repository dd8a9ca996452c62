/**
 * sim_mem.h - heaps: one for each simulated process, one for each simulation, and the plain one outside of both.
 *
 * Every block knows its heap, so hy_free() and hy_realloc() work from anywhere; new blocks come from the heap entered
 * last.
 */
#ifndef ENV_SIM_MEM_H
#define ENV_SIM_MEM_H

#include "base/base.h"
#include "base/mem.h"

struct sim_block;

struct env;

/** Zeroed, it is empty. */
struct sim_heap {
	struct sim_block *blocks;
	size_t count, bytes;
	struct sim_pages *pages; /* what fiber_pages_map() gave out */
	struct env *process;     /* whose heap it is; NULL: no process's */
};

/** Makes `heap` (NULL: the plain one) the current one; returns the one before, to be given back by the same call. */
struct sim_heap *sim_heap_enter(struct sim_heap *heap);
/** The current one; NULL: the plain one. */
struct sim_heap *sim_heap_here(void);
/** Frees every block and gives its stacks' pages back, in one stroke. */
void sim_heap_drop(struct sim_heap *heap);

#endif
