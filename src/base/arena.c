#include "base/arena.h"

#include <stdio.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define GAP 16u
#define poison(p, len) ASAN_POISON_MEMORY_REGION(p, len)
#define unpoison(p, len) ASAN_UNPOISON_MEMORY_REGION(p, len)
#else
#define GAP 0u
#define poison(p, len) ((void)(p), (void)(len))
#define unpoison(p, len) ((void)(p), (void)(len))
#endif

#define BLOCK_FIRST 1024u
#define BLOCK_DOUBLING_ENDS (256u << 10)
/* A larger block is not kept at reset: one large request must not make a pooled arena large for ever. */
#define BLOCK_KEPT_MAX (64u << 10)

struct hy_arena_block {
	struct hy_arena_block *older;
	size_t size, off; /* bytes in mem; handed out of them */
	_Alignas(16) uint8_t mem[];
};

static void block_free(struct hy_arena_block *b)
{
	unpoison(b->mem, b->size);
	hy_free(b);
}

static struct hy_arena_block *block_push(struct hy_arena *a, size_t need)
{
	size_t size = a->head ? HY_MIN(a->head->size * 2, BLOCK_DOUBLING_ENDS) : BLOCK_FIRST;
	size = HY_MAX(size, need);
	struct hy_arena_block *b = hy_alloc(sizeof *b + size);
	b->older = a->head;
	b->size = size;
	b->off = 0;
	poison(b->mem, size);
	a->head = b;
	return b;
}

void hy_arena_init(struct hy_arena *a, size_t limit)
{
	*a = (struct hy_arena){.limit = limit};
}

void hy_arena_fini(struct hy_arena *a)
{
	while (a->head) {
		struct hy_arena_block *b = a->head;
		a->head = b->older;
		block_free(b);
	}
	a->used = 0;
}

void hy_arena_reset(struct hy_arena *a)
{
	struct hy_arena_block *kept = NULL;
	while (a->head) {
		struct hy_arena_block *b = a->head;
		a->head = b->older;
		if (!kept && b->size <= BLOCK_KEPT_MAX)
			kept = b;
		else
			block_free(b);
	}
	if (kept) {
		kept->older = NULL;
		kept->off = 0;
		poison(kept->mem, kept->size);
	}
	a->head = kept;
	a->used = 0;
}

void hy_arena_wipe(struct hy_arena *a)
{
	for (struct hy_arena_block *b = a->head; b; b = b->older) {
		unpoison(b->mem, b->size);
		explicit_bzero(b->mem, b->off);
	}
	hy_arena_reset(a);
}

void *hy_arena_alloc(struct hy_arena *a, size_t size)
{
	/*
	 * The cap counts what is really taken, rounding included, and something for an empty allocation too: a
	 * stranger's message of a million empty fields must meet the cap as well.
	 */
	if (size > a->limit || size > SIZE_MAX / 2)
		return NULL;
	size_t rounded = size ? (size + 15) & ~(size_t)15 : 16;
	if (rounded > a->limit - HY_MIN(a->used, a->limit))
		return NULL;
	struct hy_arena_block *b = a->head;
	if (!b || b->size - b->off < rounded + GAP)
		b = block_push(a, rounded + GAP);
	uint8_t *p = b->mem + b->off;
	b->off += rounded + GAP;
	a->used += rounded;
	unpoison(p, size);
	return p;
}

void *hy_arena_zalloc(struct hy_arena *a, size_t size)
{
	void *p = hy_arena_alloc(a, size);
	return p && size ? memset(p, 0, size) : p;
}

void *hy_arena_memdup(struct hy_arena *a, const void *p, size_t len)
{
	void *copy = hy_arena_alloc(a, len);
	return copy && len ? memcpy(copy, p, len) : copy;
}

char *hy_arena_strndup(struct hy_arena *a, const char *s, size_t len)
{
	if (len == SIZE_MAX)
		return NULL;
	char *copy = hy_arena_alloc(a, len + 1);
	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, s, len);
	copy[len] = 0;
	return copy;
}

char *hy_arena_vprintf(struct hy_arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	assert(len >= 0);
	char *text = hy_arena_alloc(a, (size_t)len + 1);
	if (text)
		vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	return text;
}

char *hy_arena_printf(struct hy_arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *text = hy_arena_vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}
