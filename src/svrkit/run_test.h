/**
 * run_test.h - for tests of svrkit: a server on the real env, and coroutines on its loops that the test waits for.
 *
 * cmocka's assertions leave by longjmp, so they stay outside coroutines: inside, CHECK() notes the first line that
 * failed.
 */
#ifndef SVR_RUN_TEST_H
#define SVR_RUN_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "env/real/real.h"
#include "svrkit/svr_impl.h"

/** ThreadSanitizer knows 8,000 fibers at most, and makes each at some cost: tests do less of the same there. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define FEWER(many, few) (few)
#else
#define FEWER(many, few) (many)
#endif

struct world {
	struct env *env;
	struct svr *svr;
	struct env_inbox *done;
	int failed_line; /* atomic; 0: none */
};

#define CHECK(world, condition) \
	((condition) ? (void)0 : (void)__atomic_store_n(&(world)->failed_line, __LINE__, __ATOMIC_RELAXED))

static inline void world_open(struct world *w, unsigned loops)
{
	struct svr_config config = {.loops = loops};

	memset(w, 0, sizeof(*w));
	w->env = env_real_create();
	w->done = env_inbox_create(w->env);
	assert_int_equal(svr_create(w->env, &config, &w->svr), HY_OK);
}

static inline void world_close(struct world *w)
{
	if (w->svr->started && !w->svr->ended)
		svr_stop(w->svr, 1000000);
	svr_destroy(w->svr);
	env_inbox_destroy(w->done);
	env_real_destroy(w->env);
	assert_int_equal(w->failed_line, 0);
}

struct world_task {
	struct env_msg msg;
	struct world *world;
	struct svr_loop *loop;
	void (*fn)(struct world *w, struct call *call, void *arg);
	void *arg;
};

static inline void world_task_main(void *arg)
{
	struct world_task *task = arg;
	struct hy_arena arena;

	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	struct call call = {
		.loop = task->loop, .arena = &arena, .deadline_us = svr_now_us(task->loop) + 20000000, .trace = 7};
	task->fn(task->world, &call, task->arg);
	hy_arena_fini(&arena);
	env_inbox_post(task->world->done, &task->msg);
}

static inline void world_on_task(struct env_msg *msg)
{
	struct world_task *task = hy_container_of(msg, struct world_task, msg);

	co_spawn(task->loop, world_task_main, task);
}

/** Starts fn(world, call, arg) in a coroutine on a loop. `task` is the caller's until world_wait() has seen it end. */
static inline void world_begin(struct world *w, struct world_task *task, unsigned loop,
	void (*fn)(struct world *w, struct call *call, void *arg), void *arg)
{
	*task = (struct world_task){
		.msg.fn = world_on_task, .world = w, .loop = svr_loop_at(w->svr, loop), .fn = fn, .arg = arg};
	env_inbox_post(env_loop_inbox(task->loop->env), &task->msg);
}

/** Waits until `count` tasks have ended. */
static inline void world_wait(struct world *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_non_null(env_inbox_take(w->done, env_mono_us(w->env) + 60000000));
}

static inline void world_run(
	struct world *w, unsigned loop, void (*fn)(struct world *w, struct call *call, void *arg), void *arg)
{
	struct world_task task;

	world_begin(w, &task, loop, fn, arg);
	world_wait(w, 1);
}

#endif
