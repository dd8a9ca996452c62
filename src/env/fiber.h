/**
 * fiber.h - the one place where a stack is switched (Boost.Context's C linkage), with what the sanitizers must be told.
 *
 * A fiber is a stack with a saved context. It runs until it switches away; when its function returns it must have named
 * a fiber to go on with (fiber_exit_to). Used by svrkit's coroutines and by the simulation's actors, by nobody else.
 *
 * Threads: a fiber stays on the thread that first ran it.
 */
#ifndef ENV_FIBER_H
#define ENV_FIBER_H

#include "base/base.h"

/** Sanitizers need far more room for their frames. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FIBER_STACK_SIZE (256u << 10)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FIBER_STACK_SIZE (256u << 10)
#endif
#endif
#ifndef FIBER_STACK_SIZE
#define FIBER_STACK_SIZE (64u << 10)
#endif

struct fiber {
	void *context; /* Boost's; valid while it is switched out */
	void *stack;   /* lowest address; NULL for a thread's own stack */
	size_t stack_size;
	const void *asan_bottom; /* of a thread's own stack, learnt at the first switch */
	size_t asan_size;
	void *asan_fake, *tsan;
	struct fiber *to; /* whom it was left for */
	void (*fn)(void *arg);
	void *arg;
};

/** The running thread itself, so that fibers can switch back to it. */
void fiber_init_thread(struct fiber *f);
/** A fiber that will run fn(arg) on `stack` at the first switch to it. `fn` must end with fiber_exit_to(). */
void fiber_init(struct fiber *f, void *stack, size_t stack_size, void (*fn)(void *arg), void *arg);
/** Saves `from` (which must be the running one) and goes on with `to`. Returns when somebody switches to `from`. */
void fiber_switch(struct fiber *from, struct fiber *to);
/** As above, for the last time: `from` is dead and its stack may be reused once `to` runs. */
void fiber_exit_to(struct fiber *from, struct fiber *to) __attribute__((noreturn));
/** Frees what the sanitizers keep for a fiber that has ended or is given up. */
void fiber_fini(struct fiber *f);

/**
 * Stacks: one mapping for many, pooled, with a guard page below each (MADV_GUARD_INSTALL where the kernel has it: no
 * extra mapping; else, and under AddressSanitizer, mprotect for 8,192 stacks of the process; beyond them a canary at
 * the low end, checked when a stack comes back).
 * Threads: one at a time.
 */
struct fiber_stacks;
struct fiber_stacks *fiber_stacks_create(void);
/** All stacks must have come back, or be given up for good (a killed simulated machine). */
void fiber_stacks_destroy(struct fiber_stacks *s);
/** NULL when the kernel gives no more memory. FIBER_STACK_SIZE bytes. */
void *fiber_stack_get(struct fiber_stacks *s);
void fiber_stack_put(struct fiber_stacks *s, void *stack);
/** Stacks handed out now. */
size_t fiber_stacks_in_use(const struct fiber_stacks *s);
/**
 * The most bytes of any stack that were ever used, in whole pages (some of the stacks that come back are looked at).
 */
size_t fiber_stacks_high_water(const struct fiber_stacks *s);

/**
 * Where the mappings come from: weak, plain mmap. The simulation has its own, which notes them with the machine that
 * runs, so that they go with it when it is killed. Zeroed and page-aligned; NULL when there is no more.
 */
void *fiber_pages_map(size_t size);
void fiber_pages_unmap(void *p, size_t size);

#endif
