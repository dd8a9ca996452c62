/* Hops between loops, posting, and the end of a server. */
#include "svrkit/run_test.h"

static void world_open_started(struct world *w, unsigned loops)
{
	world_open(w, loops);
	assert_int_equal(svr_start(w->svr), HY_OK);
}

/* ---- everybody to everybody -------------------------------------------------------------------------------------- */

enum { LOOPS = 4, WALKERS = 50, STEPS = FEWER(40, 4) };

struct walk {
	struct world *world;
	unsigned seed, depth;
};

static int walk_step(struct call *call, void *arg)
{
	struct walk *walk = arg;
	struct walk next = {walk->world, walk->seed * 1664525u + 1013904223u, walk->depth - 1};

	CHECK(walk->world, call->trace == 7);
	CHECK(walk->world, co_running(call->loop) != NULL);
	if (walk->depth == 0)
		return HY_OK;
	unsigned to = (next.seed >> 16) % LOOPS;
	int status = svr_hop(call, to, walk_step, &next);
	CHECK(walk->world, status == HY_OK);
	return status;
}

static void walker(struct world *w, struct call *call, void *arg)
{
	unsigned *seed = arg;

	for (unsigned i = 0; i < STEPS; i++) {
		struct walk walk = {w, *seed + i, 6};

		CHECK(w, walk_step(call, &walk) == HY_OK);
	}
}

static void four_loops_hop_to_each_other_all_at_once(void **state)
{
	struct world w;
	static struct world_task tasks[LOOPS * WALKERS];
	unsigned seeds[LOOPS * WALKERS];

	world_open_started(&w, LOOPS);
	for (unsigned i = 0; i < LOOPS * WALKERS; i++) {
		seeds[i] = i * 7919;
		world_begin(&w, &tasks[i], i % LOOPS, walker, &seeds[i]);
	}
	world_wait(&w, LOOPS * WALKERS);
	assert_true(mon_get(svr_mon(w.svr), MON_hops) > LOOPS * WALKERS * STEPS);
	world_close(&w);
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

struct order {
	struct world *world;
	unsigned next; /* the callee's loop's alone */
};

struct ordered {
	struct order *order;
	struct call *call;
	unsigned number, *ended;
};

static int ordered_callee(struct call *call, void *arg)
{
	struct ordered *o = arg;

	CHECK(o->order->world, o->order->next == o->number);
	o->order->next++;
	return HY_OK;
}

static void ordered_main(void *arg)
{
	struct ordered *o = arg;
	struct call call = *o->call;

	CHECK(o->order->world, svr_hop(&call, 1, ordered_callee, o) == HY_OK);
	(*o->ended)++;
}

static void many_ordered(struct world *w, struct call *call, void *arg)
{
	enum { COUNT = FEWER(1000, 300) };
	struct ordered *o = hy_alloc(COUNT * sizeof(*o));
	struct order order = {.world = w};
	unsigned ended = 0;

	for (unsigned i = 0; i < COUNT; i++) {
		o[i] = (struct ordered){&order, call, i, &ended};
		co_spawn(call->loop, ordered_main, &o[i]);
		if (i % 100 == 99)
			co_sleep_until(call->loop, svr_now_us(call->loop) + 100);
	}
	while (ended < COUNT)
		co_sleep_until(call->loop, svr_now_us(call->loop) + 100);
	CHECK(w, order.next == COUNT);
	hy_free(o);
}

static void hops_start_in_the_order_in_which_they_were_made(void **state)
{
	struct world w;

	world_open_started(&w, 2);
	world_run(&w, 0, many_ordered, NULL);
	world_close(&w);
}

/* ---- what goes along --------------------------------------------------------------------------------------------- */

static int failing_callee(struct call *call, void *arg)
{
	struct world *w = arg;

	CHECK(w, call->trace == 7 && call->who.uin == 42 && call->message == NULL);
	return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 250, "loop %u is full", svr_loop_index(call->loop));
}

static void what_goes_along(struct world *w, struct call *call, void *arg)
{
	call->who.uin = 42;
	for (unsigned i = 0; i < 2; i++) {
		char expected[] = "loop ? is full";

		expected[5] = (char)('0' + i);
		call->message = NULL;
		CHECK(w, svr_hop(call, i, failing_callee, w) == HY_RESOURCE_EXHAUSTED);
		CHECK(w, call->message && strcmp(call->message, expected) == 0 && call->retry_after_ms == 250);
	}
}

static void a_hop_carries_the_passport_there_and_the_sentence_back(void **state)
{
	struct world w;

	world_open_started(&w, 2);
	world_run(&w, 0, what_goes_along, NULL);
	world_close(&w);
}

/* ---- cancellation ------------------------------------------------------------------------------------------------ */

struct patient {
	struct world *world;
	struct call *call;
	unsigned far;
	bool begun, ended; /* begun: atomic */
	int status;
};

static int sleep_long(struct call *call, void *arg)
{
	struct patient *p = arg;

	if (p->far > 1) {
		p->far--;
		return svr_hop(call, (svr_loop_index(call->loop) + 1) % LOOPS, sleep_long, p);
	}
	__atomic_store_n(&p->begun, true, __ATOMIC_RELEASE);
	return co_sleep_until(call->loop, svr_now_us(call->loop) + 30000000);
}

static void patient_main(void *arg)
{
	struct patient *p = arg;
	struct call call = *p->call;

	p->status = svr_hop(&call, 1, sleep_long, p);
	p->ended = true;
}

static void cancel_during(struct world *w, struct call *call, void *arg)
{
	for (unsigned far = 1; far <= 3; far++) {
		struct patient p = {.world = w, .call = call, .far = far};
		struct co *co = co_spawn(call->loop, patient_main, &p);

		while (!__atomic_load_n(&p.begun, __ATOMIC_ACQUIRE))
			co_sleep_until(call->loop, svr_now_us(call->loop) + 100);
		co_cancel(co);
		while (!p.ended)
			co_sleep_until(call->loop, svr_now_us(call->loop) + 100);
		CHECK(w, p.status == HY_CANCELLED);
	}
	/* Cancelled before it hops, and while its message may be anywhere. */
	for (unsigned i = 0; i < FEWER(200, 60); i++) {
		struct patient p = {.world = w, .call = call, .far = 1 + i % 3};
		struct co *co = co_spawn(call->loop, patient_main, &p);

		for (unsigned turns = 0; turns < i % 4; turns++)
			co_sleep_until(call->loop, turns == 2 ? svr_now_us(call->loop) + 20 : 0);
		co_cancel(co);
		while (!p.ended)
			co_sleep_until(call->loop, svr_now_us(call->loop) + 50);
		CHECK(w, p.status == HY_CANCELLED);
	}
}

static void a_cancellation_follows_a_hop(void **state)
{
	struct world w;

	world_open_started(&w, LOOPS);
	world_run(&w, 0, cancel_during, NULL);
	world_close(&w);
}

static int return_at_once(struct call *call, void *arg)
{
	return HY_NOT_FOUND;
}

static void short_hop_main(void *arg)
{
	struct patient *p = arg;
	struct call call = *p->call;

	p->status = svr_hop(&call, 1, return_at_once, p);
	p->ended = true;
}

static void cancel_short(struct world *w, struct call *call, void *arg)
{
	for (unsigned i = 0; i < FEWER(500, 100); i++) {
		struct patient p = {.world = w, .call = call};
		struct co *co = co_spawn(call->loop, short_hop_main, &p);

		for (unsigned turns = 0; turns < i % 5 && !p.ended; turns++)
			co_sleep_until(call->loop, turns > 1 ? svr_now_us(call->loop) + 5 : 0);
		if (!p.ended)
			co_cancel(co);
		while (!p.ended)
			co_sleep_until(call->loop, 0);
		CHECK(w, p.status == HY_NOT_FOUND);
	}
}

static void a_cancellation_that_meets_the_returning_hop_is_harmless(void **state)
{
	struct world w;

	world_open_started(&w, 2);
	world_run(&w, 0, cancel_short, NULL);
	world_close(&w);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

struct straggler {
	struct world *world;
	struct call call;
	struct hy_arena arena;
	int status;
};

static void straggler_main(void *arg)
{
	struct straggler *s = arg;
	struct patient p = {.world = s->world, .far = 3};

	s->status = svr_hop(&s->call, 1, sleep_long, &p);
}

static void stopping_cancels_what_is_still_at_work_after_the_grace_time(void **state)
{
	struct world w;
	struct straggler stragglers[LOOPS];

	world_open(&w, LOOPS);
	for (unsigned i = 0; i < LOOPS; i++) {
		struct straggler *s = &stragglers[i];

		s->world = &w;
		s->call = (struct call){.loop = svr_loop_at(w.svr, i), .arena = &s->arena};
		hy_arena_init(&s->arena, HY_ARENA_LIMIT_DEFAULT);
		co_spawn(s->call.loop, straggler_main, s);
	}
	assert_int_equal(svr_start(w.svr), HY_OK);
	uint64_t begin = env_mono_us(w.env);
	svr_stop(w.svr, 50000);
	uint64_t took = env_mono_us(w.env) - begin;
	assert_in_range(took, 50000, 5000000);
	for (unsigned i = 0; i < LOOPS; i++) {
		assert_int_equal(stragglers[i].status, HY_CANCELLED);
		assert_int_equal(co_count(svr_loop_at(w.svr, i)), 0);
		hy_arena_fini(&stragglers[i].arena);
	}
	world_close(&w);
}

struct stop_count {
	struct svr_turn_hook hook;
	unsigned count;
};

static void count_stop(struct svr_turn_hook *hook)
{
	hy_container_of(hook, struct stop_count, hook)->count++;
}

static void stop_hooks_run_once_and_a_server_that_never_started_goes_too(void **state)
{
	for (unsigned start = 0; start < 2; start++) {
		struct world w;
		struct stop_count stop = {.hook.fn = count_stop};

		world_open(&w, 2);
		svr_loop_on_stop(svr_loop_at(w.svr, 1), &stop.hook);
		if (start)
			assert_int_equal(svr_start(w.svr), HY_OK);
		world_close(&w);
		assert_int_equal(stop.count, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_loops_hop_to_each_other_all_at_once),
		cmocka_unit_test(hops_start_in_the_order_in_which_they_were_made),
		cmocka_unit_test(a_hop_carries_the_passport_there_and_the_sentence_back),
		cmocka_unit_test(a_cancellation_follows_a_hop),
		cmocka_unit_test(a_cancellation_that_meets_the_returning_hop_is_harmless),
		cmocka_unit_test(stopping_cancels_what_is_still_at_work_after_the_grace_time),
		cmocka_unit_test(stop_hooks_run_once_and_a_server_that_never_started_goes_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
