/* Coroutines: one FIFO of ready ones a loop, and waits whose deadlines cost next to nothing when they do not strike. */
#include "svrkit/svr_impl.h"

#include <stdio.h>
#include <stdlib.h>

/** How far from the end of the list of deadlines a place is looked for, before the wait gets a timer of its own. */
#define DEADLINE_STEPS 16

void co_sched_init(struct co_sched *s)
{
	memset(s, 0, sizeof(*s));
	s->stacks = fiber_stacks_create();
	hy_link_init(&s->all);
	hy_link_init(&s->deadlines);
}

void co_sched_fini(struct co_sched *s)
{
	assert(s->count == 0);
	fiber_stacks_destroy(s->stacks);
}

static void make_ready(struct co *co)
{
	struct co_sched *s = &co->loop->co;

	co->next = NULL;
	if (s->ready_first)
		s->ready_last->next = co;
	else
		s->ready_first = co;
	s->ready_last = co;
}

static void co_main(void *arg)
{
	struct co *co = arg;

	co->fn(co->arg);
	co->done = true;
	fiber_exit_to(&co->fiber, &co->loop->co.thread);
}

struct co *co_spawn(struct svr_loop *loop, void (*fn)(void *arg), void *arg)
{
	struct co_sched *s = &loop->co;
	void *stack = fiber_stack_get(s->stacks);

	if (!stack) {
		fprintf(stderr, "no memory for the stack of one more coroutine, beside %zu\n", s->count);
		abort();
	}
	uintptr_t top = ((uintptr_t)stack + FIBER_STACK_SIZE - sizeof(struct co)) & ~(uintptr_t)63;
	struct co *co = (struct co *)top;
	*co = (struct co){.stack = stack, .loop = loop, .fn = fn, .arg = arg};
	hy_link_init(&co->all);
	hy_list_push_back(&s->all, &co->all);
	fiber_init(&co->fiber, stack, top - (uintptr_t)stack, co_main, co);
	s->count++;
	s->spawned++;
	make_ready(co);
	return co;
}

static void release(struct co_sched *s, struct co *co)
{
	void *stack = co->stack;

	hy_list_remove(&co->all);
	fiber_fini(&co->fiber);
	fiber_stack_put(s->stacks, stack);
	s->count--;
}

/** With many in work their stacks have left the cache: one comes in while the one before it runs. */
static void prefetch_ready(const struct co *next)
{
	if (!next)
		return;
	__builtin_prefetch(next->fiber.context);
	__builtin_prefetch((const char *)next->fiber.context + 64);
	__builtin_prefetch(next->next);
}

unsigned co_run(struct svr_loop *loop, unsigned limit)
{
	struct co_sched *s = &loop->co;

	if (!s->ready_first)
		return limit;
	fiber_init_thread(&s->thread);
	while (s->ready_first && limit > 0) {
		struct co *co = s->ready_first;

		s->ready_first = co->next;
		prefetch_ready(co->next);
		s->running = co;
		s->clock_us = 0;
		fiber_switch(&s->thread, &co->fiber);
		s->running = NULL;
		if (co->done)
			release(s, co);
		limit--;
	}
	return limit;
}

struct co *co_running(const struct svr_loop *loop)
{
	return loop->co.running;
}

bool co_cancelled(const struct co *co)
{
	return co->cancelled;
}

size_t co_count(const struct svr_loop *loop)
{
	return loop->co.count;
}

void co_cancel(struct co *co)
{
	if (co->cancelled)
		return;
	co->cancelled = true;
	if (co->wait)
		co_wake(co->wait, HY_CANCELLED);
	if (co->on_cancel)
		co->on_cancel(co->on_cancel_arg);
}

void co_cancel_all(struct svr_loop *loop)
{
	struct co *co;

	hy_list_each (co, &loop->co.all, struct co, all)
		co_cancel(co);
}

/* ---- deadlines --------------------------------------------------------------------------------------------------- */

static void on_list_timer(struct env_timer *timer)
{
	struct co_sched *s = hy_container_of(timer, struct co_sched, timer);
	struct svr_loop *loop = hy_container_of(s, struct svr_loop, co);
	uint64_t now = svr_now_us(loop);
	struct co_wait *w;

	while ((w = hy_list_first(&s->deadlines, struct co_wait, by_deadline)) && w->deadline_us <= now)
		co_wake(w, HY_DEADLINE_EXCEEDED);
	if (w)
		env_timer_set(loop->env, timer, w->deadline_us);
}

static void on_own_timer(struct env_timer *timer)
{
	co_wake(hy_container_of(timer, struct co_wait, timer), HY_DEADLINE_EXCEEDED);
}

static void deadline_set(struct co_wait *w)
{
	struct co_sched *s = &w->loop->co;
	struct hy_link *at = s->deadlines.prev;
	unsigned steps = 0;

	while (at != &s->deadlines && hy_container_of(at, struct co_wait, by_deadline)->deadline_us > w->deadline_us) {
		at = at->prev;
		if (++steps > DEADLINE_STEPS) {
			w->timer.fn = on_own_timer;
			env_timer_set(w->loop->env, &w->timer, w->deadline_us);
			return;
		}
	}
	hy_list_insert_before(at->next, &w->by_deadline);
	if (at == &s->deadlines && (!env_timer_is_set(&s->timer) || s->timer.at_us > w->deadline_us)) {
		s->timer.fn = on_list_timer;
		env_timer_set(w->loop->env, &s->timer, w->deadline_us);
	}
}

static void deadline_clear(struct co_wait *w)
{
	hy_list_remove(&w->by_deadline);
	if (env_timer_is_set(&w->timer))
		env_timer_cancel(w->loop->env, &w->timer);
}

/* ---- waits ------------------------------------------------------------------------------------------------------- */

void co_wait_init(struct co_wait *w, struct svr_loop *loop)
{
	w->loop = loop;
	w->co = loop->co.running;
	w->deadline_us = UINT64_MAX;
	hy_link_init(&w->by_deadline);
	w->timer.slot = 0;
	w->status = HY_OK;
	w->woken = w->waiting = w->cancellable = false;
}

void co_wake(struct co_wait *w, int status)
{
	if (w->woken)
		return;
	w->woken = true;
	w->status = status;
	if (!w->waiting)
		return;
	deadline_clear(w);
	if (w->cancellable)
		w->co->wait = NULL;
	make_ready(w->co);
}

static int suspend(struct co_wait *w)
{
	struct co *co = w->co;
	struct co_sched *s = &w->loop->co;

	assert(co && s->running == co);
	w->waiting = true;
	fiber_switch(&co->fiber, &s->thread);
	assert(s->running == co && w->woken);
	w->waiting = false;
	return w->status;
}

int co_wait(struct co_wait *w, uint64_t deadline_us)
{
	if (w->woken)
		return w->status;
	if (w->co->cancelled)
		return HY_CANCELLED;
	if (deadline_us != UINT64_MAX) {
		if (deadline_us <= svr_now_us(w->loop))
			return HY_DEADLINE_EXCEEDED;
		w->deadline_us = deadline_us;
		deadline_set(w);
	}
	w->cancellable = true;
	w->co->wait = w;
	return suspend(w);
}

int co_wait_uncancelled(struct co_wait *w)
{
	return w->woken ? w->status : suspend(w);
}

int co_sleep_until(struct svr_loop *loop, uint64_t at_us)
{
	struct co_wait w;

	co_wait_init(&w, loop);
	if (w.co->cancelled)
		return HY_CANCELLED;
	if (at_us > svr_now_us(loop))
		return co_wait(&w, at_us) == HY_CANCELLED ? HY_CANCELLED : HY_OK;
	w.waiting = true;
	co_wake(&w, HY_OK);
	return suspend(&w);
}
