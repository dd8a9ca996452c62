/* Coroutines: the order of wake-ups, waits, deadlines, cancellation. */
#include "svrkit/run_test.h"

#define MANY FEWER(10000, 2000)

static void in_world(void (*fn)(struct world *w, struct call *call, void *arg))
{
	struct world w;

	world_open(&w, 1);
	assert_int_equal(svr_start(w.svr), HY_OK);
	world_run(&w, 0, fn, NULL);
	world_close(&w);
}

/** Waits, then writes down that it went on. */
struct sleeper {
	struct co_wait wait;
	struct svr_loop *loop;
	struct co *co;
	uint64_t deadline_us;
	unsigned *order, *count, number;
	int status;
	bool ended;
};

static void sleeper_main(void *arg)
{
	struct sleeper *s = arg;

	co_wait_init(&s->wait, s->loop);
	s->status = co_wait(&s->wait, s->deadline_us);
	if (s->order)
		s->order[(*s->count)++] = s->number;
	s->ended = true;
}

static void start_sleeper(struct sleeper *s, struct svr_loop *loop, uint64_t deadline_us)
{
	*s = (struct sleeper){.loop = loop, .deadline_us = deadline_us};
	s->co = co_spawn(loop, sleeper_main, s);
}

static void yield(struct svr_loop *loop)
{
	co_sleep_until(loop, 0);
}

static void fifo(struct world *w, struct call *call, void *arg)
{
	enum { COUNT = 100 };
	struct sleeper s[COUNT];
	unsigned order[COUNT], count = 0;

	for (unsigned i = 0; i < COUNT; i++) {
		start_sleeper(&s[i], call->loop, UINT64_MAX);
		s[i].order = order;
		s[i].count = &count;
		s[i].number = i;
	}
	yield(call->loop);
	for (unsigned i = 0; i < COUNT; i++)
		co_wake(&s[i * 37 % COUNT].wait, HY_OK);
	yield(call->loop);
	CHECK(w, count == COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		CHECK(w, order[i] == i * 37 % COUNT);
}

static void those_woken_go_on_in_the_order_in_which_they_were_woken(void **state)
{
	in_world(fifo);
}

static void wake_first(struct world *w, struct call *call, void *arg)
{
	struct co_wait wait;

	co_wait_init(&wait, call->loop);
	co_wake(&wait, HY_NOT_FOUND);
	co_wake(&wait, HY_ABORTED);
	CHECK(w, co_wait(&wait, UINT64_MAX) == HY_NOT_FOUND);
	co_wait_init(&wait, call->loop);
	co_wake(&wait, HY_OUT_OF_RANGE);
	CHECK(w, co_wait_uncancelled(&wait) == HY_OUT_OF_RANGE);
}

static void a_wait_that_was_woken_before_does_not_suspend(void **state)
{
	in_world(wake_first);
}

static void deadlines(struct world *w, struct call *call, void *arg)
{
	enum { COUNT = 200 };
	struct sleeper s[COUNT];
	unsigned order[COUNT], count = 0;
	uint64_t now = svr_now_us(call->loop);

	/* Rising, falling and mixed deadlines: in the list and, far out of order, with timers of their own. */
	for (unsigned i = 0; i < COUNT; i++) {
		uint64_t step = i < 50 ? i : i < 100 ? 150 - i : i * 7 % 101;

		start_sleeper(&s[i], call->loop, now + 10000 + 500 * step);
		s[i].order = order;
		s[i].count = &count;
		s[i].number = i;
	}
	yield(call->loop);
	for (unsigned i = 1; i < COUNT; i += 3)
		co_wake(&s[i].wait, HY_OK);
	CHECK(w, co_sleep_until(call->loop, now + 10000 + 500 * 160) == HY_OK);
	CHECK(w, svr_now_us(call->loop) >= now + 10000 + 500 * 160);
	/* On a busy machine all strike in one turn, in any order. */
	yield(call->loop);
	CHECK(w, count == COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		CHECK(w, s[i].status == (i % 3 == 1 ? HY_OK : HY_DEADLINE_EXCEEDED));
	CHECK(w, hy_list_empty(&call->loop->co.deadlines));
}

static void waits_end_at_their_deadlines(void **state)
{
	in_world(deadlines);
}

static void deadline_past(struct world *w, struct call *call, void *arg)
{
	struct co_wait wait;

	co_wait_init(&wait, call->loop);
	CHECK(w, co_wait(&wait, svr_now_us(call->loop)) == HY_DEADLINE_EXCEEDED);
}

static void a_deadline_in_the_past_ends_a_wait_at_once(void **state)
{
	in_world(deadline_past);
}

static void cancel(struct world *w, struct call *call, void *arg)
{
	struct sleeper waiting, before, timed;

	start_sleeper(&waiting, call->loop, UINT64_MAX);
	start_sleeper(&timed, call->loop, svr_now_us(call->loop) + 10000000);
	yield(call->loop);
	start_sleeper(&before, call->loop, UINT64_MAX);
	co_cancel(before.co);
	co_cancel(waiting.co);
	co_cancel(waiting.co);
	co_cancel(timed.co);
	co_wake(&waiting.wait, HY_OK);
	yield(call->loop);
	CHECK(w, waiting.ended && waiting.status == HY_CANCELLED);
	CHECK(w, before.ended && before.status == HY_CANCELLED);
	CHECK(w, timed.ended && timed.status == HY_CANCELLED);
	CHECK(w, co_count(call->loop) == 1);

	CHECK(w, !co_cancelled(co_running(call->loop)));
	co_cancel(co_running(call->loop));
	CHECK(w, co_cancelled(co_running(call->loop)));
	CHECK(w, co_sleep_until(call->loop, UINT64_MAX) == HY_CANCELLED);
	CHECK(w, co_sleep_until(call->loop, 0) == HY_CANCELLED);
	struct co_wait wait;
	co_wait_init(&wait, call->loop);
	co_wake(&wait, HY_OK);
	CHECK(w, co_wait(&wait, UINT64_MAX) == HY_OK);
}

static void cancellation_ends_the_present_wait_and_later_ones(void **state)
{
	in_world(cancel);
}

struct tree {
	struct svr_loop *loop;
	unsigned depth, *count;
};

static void tree_main(void *arg)
{
	struct tree *t = arg;

	(*t->count)++;
	for (unsigned i = 0; t->depth > 0 && i < 2; i++) {
		struct tree *child = hy_alloc(sizeof(*child));

		*child = (struct tree){t->loop, t->depth - 1, t->count};
		co_spawn(t->loop, tree_main, child);
	}
	hy_free(t);
}

static void spawn_inside(struct world *w, struct call *call, void *arg)
{
	unsigned count = 0;
	struct tree *root = hy_alloc(sizeof(*root));

	*root = (struct tree){call->loop, 9, &count};
	co_spawn(call->loop, tree_main, root);
	while (co_count(call->loop) > 1)
		yield(call->loop);
	CHECK(w, count == 1023);
}

static void a_coroutine_may_spawn_others(void **state)
{
	in_world(spawn_inside);
}

static void many(struct world *w, struct call *call, void *arg)
{
	struct sleeper *s = hy_alloc(MANY * sizeof(*s));
	unsigned count = 0, *order = hy_alloc(MANY * sizeof(*order));

	for (unsigned round = 0; round < 2; round++) {
		count = 0;
		for (unsigned i = 0; i < MANY; i++) {
			start_sleeper(&s[i], call->loop, svr_now_us(call->loop) + 60000000);
			s[i].order = order;
			s[i].count = &count;
			s[i].number = i;
		}
		yield(call->loop);
		CHECK(w, co_count(call->loop) == MANY + 1);
		for (unsigned i = 0; i < MANY; i++)
			co_wake(&s[i].wait, HY_OK);
		yield(call->loop);
		CHECK(w, count == MANY && order[0] == 0 && order[MANY - 1] == MANY - 1);
		CHECK(w, co_count(call->loop) == 1);
	}
	hy_free(order);
	hy_free(s);
}

static void ten_thousand_coroutines_wait_at_once(void **state)
{
	in_world(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_woken_go_on_in_the_order_in_which_they_were_woken),
		cmocka_unit_test(a_wait_that_was_woken_before_does_not_suspend),
		cmocka_unit_test(waits_end_at_their_deadlines),
		cmocka_unit_test(a_deadline_in_the_past_ends_a_wait_at_once),
		cmocka_unit_test(cancellation_ends_the_present_wait_and_later_ones),
		cmocka_unit_test(a_coroutine_may_spawn_others),
		cmocka_unit_test(ten_thousand_coroutines_wait_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
