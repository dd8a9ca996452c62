/**
 * real_test.h - what the tests of the real env share. Loops run on threads of their own, so checks there are noted and
 * asserted by the test's thread, which waits with await().
 */
#ifndef ENV_REAL_TEST_H
#define ENV_REAL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "env/real/real.h"

/** Waits until the condition holds; fails after ten seconds. */
#define await(env, condition)                                             \
	do {                                                              \
		uint64_t until_us_ = env_mono_us(env) + 10 * 1000 * 1000; \
		while (!(condition)) {                                    \
			if (env_mono_us(env) > until_us_)                 \
				fail_msg("never: %s", #condition);        \
			env_sleep_us(env, 200);                           \
		}                                                         \
	} while (0)

/** Runs fn(arg) on a loop and waits until it has. */
struct on_loop {
	struct env_msg msg;
	void (*fn)(void *arg);
	void *arg;
	atomic_bool done;
};

static inline void on_loop_run(struct env_msg *msg)
{
	struct on_loop *o = (struct on_loop *)msg;
	o->fn(o->arg);
	atomic_store(&o->done, true);
}

static inline void run_on(struct env_loop *loop, void (*fn)(void *arg), void *arg)
{
	struct on_loop o = {.msg.fn = on_loop_run, .fn = fn, .arg = arg};
	env_inbox_post(env_loop_inbox(loop), &o.msg);
	await(env_loop_env(loop), atomic_load(&o.done));
}

static inline void stop_loop(void *loop)
{
	env_loop_stop(loop);
}

static inline void stop_and_join(struct env_loop *loop)
{
	run_on(loop, stop_loop, loop);
	env_loop_join(loop);
}

static inline struct env_loop *started_loop(struct env *env, const char *name)
{
	struct env_loop *loop;
	assert_int_equal(env_loop_create(env, &(struct env_loop_config){.name = name}, &loop), 0);
	assert_int_equal(env_loop_start(loop), 0);
	return loop;
}

static inline int env_setup(void **state)
{
	*state = env_real_create();
	return 0;
}

static inline int env_teardown(void **state)
{
	env_real_destroy(*state);
	return 0;
}

#define ENV_TEST(label, fn)                              \
	{                                                \
		label, fn, env_setup, env_teardown, NULL \
	}

#endif
