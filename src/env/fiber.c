#include "env/fiber.h"

/* gcc defines __SANITIZE_x__, clang answers __has_feature. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define WITH_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define WITH_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#include <sanitizer/tsan_interface.h>
#else
#define WITH_TSAN 0
#endif

/*
 * ThreadSanitizer keeps a list of the functions that each fiber is in. A function that calls __tsan_switch_to_fiber and
 * is itself in that list would be struck off the wrong fiber's list when it returns, so those that switch are not
 * instrumented. clang's no_sanitize("thread") still notes entry and exit; its disable_sanitizer_instrumentation does
 * not.
 */
#if WITH_TSAN && defined(__clang__)
#define UNSEEN_BY_TSAN __attribute__((disable_sanitizer_instrumentation, noinline))
#elif WITH_TSAN
#define UNSEEN_BY_TSAN __attribute__((no_sanitize("thread"), noinline))
#else
#define UNSEEN_BY_TSAN
#endif
#define ALWAYS_INLINE __attribute__((always_inline)) static inline

/* Boost.Context, by its C linkage: saves the caller's context and goes on with `to`, which receives both. */
struct transfer {
	void *context;
	void *data;
};
extern struct transfer jump_fcontext(void *to, void *data);
extern void *make_fcontext(void *stack_top, size_t size, void (*fn)(struct transfer t));

/* The first thing on the new stack: notes where the fiber that was left goes on, and tells AddressSanitizer. */
#define LAND(self, t)                           \
	do {                                    \
		struct fiber *left_ = (t).data; \
		left_->context = (t).context;   \
		land_asan(self, left_);         \
	} while (0)

ALWAYS_INLINE void land_asan(struct fiber *self, struct fiber *left)
{
#if WITH_ASAN
	bool own_stack = left->stack == NULL;
	__sanitizer_finish_switch_fiber(
		self->asan_fake, own_stack ? &left->asan_bottom : NULL, own_stack ? &left->asan_size : NULL);
#else
	(void)self;
	(void)left;
#endif
}

/* `fake_save` NULL: the fiber never runs again. */
ALWAYS_INLINE struct transfer leave(struct fiber *from, struct fiber *to, void **fake_save)
{
#if WITH_ASAN
	__sanitizer_start_switch_fiber(
		fake_save, to->stack ? to->stack : to->asan_bottom, to->stack ? to->stack_size : to->asan_size);
#else
	(void)fake_save;
#endif
	from->to = to;
#if WITH_TSAN
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
	return jump_fcontext(to->context, from);
}

UNSEEN_BY_TSAN static void fiber_entry(struct transfer t)
{
	struct fiber *self = ((struct fiber *)t.data)->to;
	LAND(self, t);
	self->fn(self->arg);
	assert(!"a fiber must end with fiber_exit_to()");
}

void fiber_init_thread(struct fiber *f)
{
	*f = (struct fiber){0};
#if WITH_TSAN
	f->tsan = __tsan_get_current_fiber();
#endif
}

void fiber_init(struct fiber *f, void *stack, size_t stack_size, void (*fn)(void *arg), void *arg)
{
	assert(stack && stack_size >= 4096);
#if WITH_ASAN
	/* What the last user of this stack left poisoned when it was given up in the middle of its calls. */
	ASAN_UNPOISON_MEMORY_REGION(stack, stack_size);
#endif
	*f = (struct fiber){.stack = stack, .stack_size = stack_size, .fn = fn, .arg = arg};
	f->context = make_fcontext((char *)stack + stack_size, stack_size, fiber_entry);
#if WITH_TSAN
	f->tsan = __tsan_create_fiber(0);
#endif
}

UNSEEN_BY_TSAN void fiber_switch(struct fiber *from, struct fiber *to)
{
	struct transfer t = leave(from, to, &from->asan_fake);
	LAND(from, t);
}

UNSEEN_BY_TSAN void fiber_exit_to(struct fiber *from, struct fiber *to)
{
	leave(from, to, NULL);
	__builtin_unreachable(); /* nobody has its context */
}

void fiber_fini(struct fiber *f)
{
#if WITH_TSAN
	if (f->stack && f->tsan)
		__tsan_destroy_fiber(f->tsan);
#endif
	f->tsan = NULL;
	f->context = NULL;
}
