/**
 * mem.h - where all heap memory of the server comes from.
 *
 * A seam, chosen when a program is linked. mem_real.c is malloc. env/sim/sim_mem.c gives every simulated machine a heap
 * of its own, so that killing the machine frees, in one stroke, all that it had: the simulated kill -9 runs no clean-up
 * code. Therefore: no malloc, calloc, realloc, strdup or free outside these files in code that a simulated machine
 * runs.
 *
 * Running out of memory ends the process with a message: every queue, table and arena is bounded, so it means that a
 * limit is set wrongly, and no code path pretends to survive it. None of these ever returns NULL.
 */
#ifndef HY_MEM_H
#define HY_MEM_H

#include <stddef.h>

void *hy_alloc(size_t size) __attribute__((malloc, returns_nonnull));    /* not cleared */
void *hy_zalloc(size_t size) __attribute__((malloc, returns_nonnull));   /* cleared */
void *hy_realloc(void *p, size_t size) __attribute__((returns_nonnull)); /* p may be NULL */
void hy_free(void *p);                                                   /* NULL is fine */
char *hy_strdup(const char *s) __attribute__((malloc, returns_nonnull));
void *hy_memdup(const void *p, size_t len) __attribute__((malloc, returns_nonnull));

#endif
