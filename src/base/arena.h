/**
 * arena.h - memory with the lifetime of one request.
 *
 * Allocations are never freed one by one; the whole arena is reset or destroyed. It has a cap (rule W3), so a greedy
 * request is refused and does not hurt others. Blocks double from 1 KiB. Under AddressSanitizer what was not handed out
 * is poisoned, with a gap after each allocation.
 *
 * Threads: one at a time. Nothing here suspends.
 */
#ifndef HY_ARENA_H
#define HY_ARENA_H

#include <stdarg.h>

#include "base/base.h"

#define HY_ARENA_LIMIT_DEFAULT (4u << 20)

struct hy_arena_block;

struct hy_arena {
	struct hy_arena_block *head; /* the block in use; older ones behind it */
	size_t used, limit;          /* bytes asked for so far; cap */
};

/** Owns nothing until the first allocation. */
void hy_arena_init(struct hy_arena *a, size_t limit);
/** Frees everything and leaves an arena as after init. `a` zeroed or after init is fine. */
void hy_arena_fini(struct hy_arena *a);
/** Keeps at most one block for reuse. */
void hy_arena_reset(struct hy_arena *a);
/** The same, and overwrites all that was handed out: for what held a secret. */
void hy_arena_wipe(struct hy_arena *a);

/** Not cleared, 16-byte aligned. NULL when the cap would be passed; `size` 0 gives a pointer that may not be read. */
void *hy_arena_alloc(struct hy_arena *a, size_t size);
void *hy_arena_zalloc(struct hy_arena *a, size_t size);
/** Copies; the result of hy_arena_strndup ends with a NUL. NULL when the cap would be passed. */
void *hy_arena_memdup(struct hy_arena *a, const void *p, size_t len);
char *hy_arena_strndup(struct hy_arena *a, const char *s, size_t len);
char *hy_arena_printf(struct hy_arena *a, const char *fmt, ...) HY_PRINTF(2, 3);
char *hy_arena_vprintf(struct hy_arena *a, const char *fmt, va_list ap) HY_PRINTF(2, 0);

#endif
