/* Stacks in slabs, handed out last-in first-out, so that the pages in use stay few and warm. */
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "env/fiber.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define WITH_ASAN 1
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#else
#define WITH_ASAN 0
#define ASAN_POISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13; older C libraries do not name it */
#endif

enum {
	GUARD_SIZE = 4096,
	STRIDE = GUARD_SIZE + FIBER_STACK_SIZE,
	SLAB_STACKS = 64,
	CANARY_SLAB_STACKS = 1024, /* few slabs, since a stack that comes back is looked for in all of them */
	MPROTECT_MAX = 8192,       /* of all pools of the process: two mappings each, and the kernel allows 65,530 */
	LOOK_EVERY = 64,           /* one stack in so many is measured when it comes back: a system call */
};

static const uint64_t canary = 0x5ac4f1be20d96e37;

/** Guards made by mprotect in this process: a limit of the kernel's, whichever pool they are in. */
static atomic_uint protected_in_process;

struct slab {
	struct slab *next;
	char *base;
	unsigned stacks, carved; /* carved: stacks below this one were handed out at least once */
};

struct fiber_stacks {
	struct slab *guarded, *canaried; /* the newest first */
	void *free;                      /* each free stack's last word points to the next one */
	size_t in_use, puts, high_water;
	size_t protected_count;
	bool no_guard_advice, no_guards;
};

__attribute__((weak)) void *fiber_pages_map(size_t size)
{
	void *p = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

__attribute__((weak)) void fiber_pages_unmap(void *p, size_t size)
{
	int r = munmap(p, size);
	assert(r == 0);
}

#if WITH_ASAN
/*
 * What only a fiber that waits points to is no leak: LeakSanitizer is told to search each slab. It reads all that the
 * list of mappings calls readable, so guard pages must be seen there (MADV_GUARD_INSTALL is not). A simulated machine
 * that is killed takes its slabs without a word, and the next one gets the same mapping; hence the table of those
 * already told.
 */
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
static void *told[4096];

static void **told_entry(const void *base)
{
	for (size_t i = 0; i < HY_COUNT_OF(told); i++)
		if (told[i] == base)
			return &told[i];
	return NULL;
}

static void root_add(void *base, size_t size)
{
	pthread_mutex_lock(&told_lock);
	void **free_entry = told_entry(base) ? NULL : told_entry(NULL);
	if (free_entry) {
		*free_entry = base;
		__lsan_register_root_region(base, size);
	}
	pthread_mutex_unlock(&told_lock);
}

static void root_remove(void *base, size_t size)
{
	pthread_mutex_lock(&told_lock);
	void **entry = told_entry(base);
	if (entry) {
		*entry = NULL;
		__lsan_unregister_root_region(base, size);
	}
	pthread_mutex_unlock(&told_lock);
}
#else
static void root_add(void *base, size_t size) {}

static void root_remove(void *base, size_t size) {}
#endif

static void **link_of(void *stack)
{
	return (void **)((char *)stack + FIBER_STACK_SIZE - sizeof(void *));
}

static bool guard(struct fiber_stacks *s, char *page)
{
	if (!WITH_ASAN && !s->no_guard_advice) {
		if (madvise(page, GUARD_SIZE, MADV_GUARD_INSTALL) == 0)
			return true;
		s->no_guard_advice = true;
	}
	if (atomic_fetch_add(&protected_in_process, 1) >= MPROTECT_MAX || mprotect(page, GUARD_SIZE, PROT_NONE) != 0) {
		atomic_fetch_sub(&protected_in_process, 1);
		return false;
	}
	s->protected_count++;
	return true;
}

static struct slab *slab_with_room(struct slab **list, unsigned stacks)
{
	struct slab *slab = *list;
	if (slab && slab->carved < slab->stacks)
		return slab;
	char *base = fiber_pages_map((size_t)stacks * STRIDE);
	if (!base)
		return NULL;
	/* a huge page would make 30 stacks resident; advice only */
	madvise(base, (size_t)stacks * STRIDE, MADV_NOHUGEPAGE);
	root_add(base, (size_t)stacks * STRIDE);
	slab = hy_alloc(sizeof *slab);
	*slab = (struct slab){.next = *list, .base = base, .stacks = stacks};
	*list = slab;
	return slab;
}

static char *stack_at(const struct slab *slab, unsigned i)
{
	return slab->base + (size_t)i * STRIDE + GUARD_SIZE;
}

/* A stack that was never handed out. Without a guard page the canary lies at its low end. */
static void *carve(struct fiber_stacks *s)
{
	if (!s->no_guards) {
		struct slab *slab = slab_with_room(&s->guarded, SLAB_STACKS);
		if (!slab)
			return NULL;
		char *stack = stack_at(slab, slab->carved);
		if (guard(s, stack - GUARD_SIZE)) {
			slab->carved++;
			return stack;
		}
		s->no_guards = true;
	}
	struct slab *slab = slab_with_room(&s->canaried, CANARY_SLAB_STACKS);
	if (!slab)
		return NULL;
	char *stack = stack_at(slab, slab->carved++);
	memcpy(stack, &canary, sizeof canary);
	return stack;
}

static bool has_canary(const struct fiber_stacks *s, const char *stack)
{
	for (const struct slab *slab = s->canaried; slab; slab = slab->next)
		if (stack >= slab->base && stack < slab->base + (size_t)slab->stacks * STRIDE)
			return true;
	return false;
}

/* Resident pages count as used: stacks grow downwards, and what was touched once stays. */
static void look(struct fiber_stacks *s, const char *stack)
{
	unsigned char resident[FIBER_STACK_SIZE / GUARD_SIZE];
	if (mincore((void *)stack, FIBER_STACK_SIZE, resident) != 0)
		return;
	size_t i = has_canary(s, stack) ? 1 : 0;
	while (i < HY_COUNT_OF(resident) && !(resident[i] & 1))
		i++;
	s->high_water = HY_MAX(s->high_water, FIBER_STACK_SIZE - i * GUARD_SIZE);
}

struct fiber_stacks *fiber_stacks_create(void)
{
	return hy_zalloc(sizeof(struct fiber_stacks));
}

static void slabs_free(struct slab *slab)
{
	while (slab) {
		struct slab *next = slab->next;
		for (unsigned i = 0; i < slab->carved; i++)
			ASAN_UNPOISON_MEMORY_REGION(stack_at(slab, i), FIBER_STACK_SIZE);
		root_remove(slab->base, (size_t)slab->stacks * STRIDE);
		fiber_pages_unmap(slab->base, (size_t)slab->stacks * STRIDE);
		hy_free(slab);
		slab = next;
	}
}

void fiber_stacks_destroy(struct fiber_stacks *s)
{
	slabs_free(s->guarded);
	slabs_free(s->canaried);
	atomic_fetch_sub(&protected_in_process, (unsigned)s->protected_count);
	hy_free(s);
}

void *fiber_stack_get(struct fiber_stacks *s)
{
	void *stack = s->free;
	if (stack) {
		ASAN_UNPOISON_MEMORY_REGION(stack, FIBER_STACK_SIZE);
		s->free = *link_of(stack);
	} else {
		stack = carve(s);
		if (!stack)
			return NULL;
	}
	s->in_use++;
	return stack;
}

void fiber_stack_put(struct fiber_stacks *s, void *stack)
{
	assert(s->in_use > 0);
	ASAN_UNPOISON_MEMORY_REGION(stack, FIBER_STACK_SIZE);
	if (s->no_guards && has_canary(s, stack) && memcmp(stack, &canary, sizeof canary) != 0)
		assert(!"a fiber overran its stack");
	if (s->puts++ % LOOK_EVERY == 0)
		look(s, stack);
	*link_of(stack) = s->free;
	s->free = stack;
	s->in_use--;
	ASAN_POISON_MEMORY_REGION(stack, FIBER_STACK_SIZE);
}

size_t fiber_stacks_in_use(const struct fiber_stacks *s)
{
	return s->in_use;
}

size_t fiber_stacks_high_water(const struct fiber_stacks *s)
{
	return s->high_water;
}
