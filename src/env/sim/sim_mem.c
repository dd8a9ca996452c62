/* A heap is a list of blocks from malloc: each stays a block of its own, so that AddressSanitizer sees overruns. */
#include "env/sim/sim_mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "env/fiber.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define UNCHECKED __attribute__((no_sanitize("address"), noinline))
#else
#define ASAN_POISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#define UNCHECKED
#endif

struct sim_block {
	struct sim_block *next, *prev;
	struct sim_heap *heap;
	size_t size;
};

_Static_assert(sizeof(struct sim_block) % 16 == 0, "what stands behind must stay aligned");

/* A stack slab's mapping: with its process, or in the cache for the next one that asks for as much. */
struct sim_pages {
	struct sim_pages *next;
	void *base;
	size_t size;
};

/* The seam of base/mem.h has no argument that could carry them; a thread runs one simulation at a time. */
static _Thread_local struct sim_heap *heap_now;
static _Thread_local struct sim_pages *pages_cache;

/* New memory looks the same in every run, whoever had it before: a read of it must not make two runs differ. */
enum { FILL = 0xa5, FILL_MAX = 4096 };

struct sim_heap *sim_heap_here(void)
{
	return heap_now;
}

struct sim_heap *sim_heap_enter(struct sim_heap *heap)
{
	struct sim_heap *before = heap_now;
	heap_now = heap;
	return before;
}

static void *checked(void *p)
{
	if (!p) {
		fprintf(stderr, "out of memory\n");
		abort();
	}
	return p;
}

/* The head is poisoned while the block lives: what runs over the front of a block is seen, too. */
UNCHECKED static void *block_link(struct sim_block *b, struct sim_heap *heap, size_t size)
{
	b->heap = heap;
	b->size = size;
	b->prev = NULL;
	b->next = heap ? heap->blocks : NULL;
	if (heap) {
		if (b->next)
			b->next->prev = b;
		heap->blocks = b;
		heap->count++;
		heap->bytes += size;
	}
	ASAN_POISON_MEMORY_REGION(b, sizeof *b);
	return (char *)b + sizeof *b;
}

UNCHECKED static void block_unlink(struct sim_block *b, struct sim_heap **ret_heap, size_t *ret_size)
{
	struct sim_heap *heap = b->heap;
	*ret_heap = heap;
	*ret_size = b->size;
	if (heap) {
		if (b->next)
			b->next->prev = b->prev;
		if (b->prev)
			b->prev->next = b->next;
		else
			heap->blocks = b->next;
		heap->count--;
		heap->bytes -= b->size;
	}
	ASAN_UNPOISON_MEMORY_REGION(b, sizeof *b);
}

static struct sim_block *block_of(void *p)
{
	return (struct sim_block *)(void *)((char *)p - sizeof(struct sim_block));
}

void *hy_alloc(size_t size)
{
	struct sim_block *b = checked(malloc(sizeof *b + size));
	memset((char *)b + sizeof *b, FILL, HY_MIN(size, (size_t)FILL_MAX));
	return block_link(b, heap_now, size);
}

void *hy_zalloc(size_t size)
{
	struct sim_block *b = checked(calloc(1, sizeof *b + size));
	return block_link(b, heap_now, size);
}

void *hy_realloc(void *p, size_t size)
{
	if (!p)
		return hy_alloc(size);
	struct sim_block *b = block_of(p);
	struct sim_heap *heap;
	size_t old_size;
	block_unlink(b, &heap, &old_size);
	b = checked(realloc(b, sizeof *b + size));
	if (size > old_size)
		memset((char *)b + sizeof *b + old_size, FILL, HY_MIN(size - old_size, (size_t)FILL_MAX));
	return block_link(b, heap, size);
}

void hy_free(void *p)
{
	if (!p)
		return;
	struct sim_heap *heap;
	size_t size;
	struct sim_block *b = block_of(p);
	block_unlink(b, &heap, &size);
	free(b);
}

char *hy_strdup(const char *s)
{
	return hy_memdup(s, strlen(s) + 1);
}

void *hy_memdup(const void *p, size_t len)
{
	void *copy = hy_alloc(len);
	if (len)
		memcpy(copy, p, len);
	return copy;
}

/* ---- stacks' pages --------------------------------------------------------------------------------------------- */

/* Guard pages stay where they are: the next user is a pool of stacks of the same layout. */
static void pages_to_cache(struct sim_pages *pages)
{
	ASAN_UNPOISON_MEMORY_REGION(pages->base, pages->size);
	madvise(pages->base, pages->size, MADV_DONTNEED);
	pages->next = pages_cache;
	pages_cache = pages;
}

static struct sim_pages *pages_take(struct sim_pages **list, const void *base, size_t size)
{
	for (struct sim_pages **at = list; *at; at = &(*at)->next)
		if ((*at)->size == size && (!base || (*at)->base == base)) {
			struct sim_pages *pages = *at;
			*at = pages->next;
			return pages;
		}
	return NULL;
}

static struct sim_pages *pages_map(size_t size)
{
	void *base = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	struct sim_pages *pages = checked(malloc(sizeof *pages));
	*pages = (struct sim_pages){.base = base, .size = size};
	return pages;
}

void *fiber_pages_map(size_t size)
{
	struct sim_pages *pages = pages_take(&pages_cache, NULL, size);
	if (!pages)
		pages = pages_map(size);
	if (!pages)
		return NULL;
	assert(heap_now && "stacks belong to a simulation or to a process of one");
	pages->next = heap_now->pages;
	heap_now->pages = pages;
	return pages->base;
}

void fiber_pages_unmap(void *p, size_t size)
{
	assert(heap_now);
	struct sim_pages *pages = pages_take(&heap_now->pages, p, size);
	assert(pages);
	pages_to_cache(pages);
}

UNCHECKED static void *block_forget(struct sim_block *b)
{
	struct sim_block *next = b->next;
	ASAN_UNPOISON_MEMORY_REGION(b, sizeof *b);
	return next;
}

void sim_heap_drop(struct sim_heap *heap)
{
	for (struct sim_block *b = heap->blocks, *next; b; b = next) {
		next = block_forget(b);
		free(b);
	}
	for (struct sim_pages *pages = heap->pages, *next; pages; pages = next) {
		next = pages->next;
		pages_to_cache(pages);
	}
	*heap = (struct sim_heap){0};
}
