/* The pool: jobs off the loops, its bound, and waiters that leave. */
#include "svrkit/run_test.h"

enum job_kind { JOB_SQUARE, JOB_BLOCK };

struct job {
	struct svr_job job;
	struct world *world;
	struct env_inbox *gate; /* JOB_BLOCK: a message here lets it go on */
	enum job_kind kind;
	unsigned in, out;
	unsigned *freed; /* the loop's */
};

static void job_run(struct svr_job *job)
{
	struct job *j = hy_container_of(job, struct job, job);

	if (j->kind == JOB_BLOCK)
		CHECK(j->world, env_inbox_take(j->gate, UINT64_MAX) != NULL);
	j->out = j->in * j->in;
}

static void job_done(struct svr_job *job)
{
	struct job *j = hy_container_of(job, struct job, job);

	if (j->freed)
		(*j->freed)++;
	hy_free(j);
}

static struct job *job_make(struct world *w, enum job_kind kind, struct env_inbox *gate, unsigned *freed)
{
	struct job *j = hy_zalloc(sizeof(*j));

	*j = (struct job){
		.job = {.run = job_run, .done = job_done}, .world = w, .kind = kind, .gate = gate, .freed = freed};
	return j;
}

static void calls(struct world *w, struct call *call, void *arg)
{
	for (unsigned i = 0; i < 500; i++) {
		unsigned freed = 0;
		struct job *j = job_make(w, JOB_SQUARE, NULL, &freed);

		j->in = i;
		CHECK(w, svr_pool_call(arg, call, &j->job) == HY_OK);
		CHECK(w, freed == 0 && j->out == i * i);
		hy_free(j);
	}
}

static void jobs_run_and_come_back_to_whoever_waits(void **state)
{
	struct world w;
	struct svr_pool *pool;
	struct world_task tasks[3];

	world_open(&w, 3);
	assert_int_equal(svr_pool_create(w.svr, "pool", 2, 100, &pool), HY_OK);
	assert_int_equal(svr_start(w.svr), HY_OK);
	for (unsigned i = 0; i < 3; i++)
		world_begin(&w, &tasks[i], i, calls, pool);
	world_wait(&w, 3);
	assert_int_equal(mon_get(svr_mon(w.svr), MON_pool_jobs), 1500);
	svr_stop(w.svr, 1000000);
	svr_pool_destroy(pool);
	world_close(&w);
}

struct full {
	struct svr_pool *pool;
	struct env_inbox *gate;
	unsigned freed;
};

static void fill_up(struct world *w, struct call *call, void *arg)
{
	struct full *full = arg;
	struct env_msg keys[4];
	unsigned taken = 0;

	/* One job runs, two wait. The first may not have left the queue yet, so it gets time for that. */
	CHECK(w, svr_pool_submit(full->pool, call->loop, &job_make(w, JOB_BLOCK, full->gate, &full->freed)->job) ==
			 HY_OK);
	while (taken < 50)
		taken += co_sleep_until(call->loop, svr_now_us(call->loop) + 1000) == HY_OK;
	for (unsigned i = 0; i < 2; i++)
		CHECK(w, svr_pool_submit(full->pool, call->loop,
				 &job_make(w, JOB_BLOCK, full->gate, &full->freed)->job) == HY_OK);
	struct job *j = job_make(w, JOB_SQUARE, NULL, NULL);
	CHECK(w, svr_pool_submit(full->pool, call->loop, &j->job) == HY_RESOURCE_EXHAUSTED);
	hy_free(j);
	CHECK(w, svr_pool_call(full->pool, call, &job_make(w, JOB_SQUARE, NULL, &full->freed)->job) ==
			 HY_RESOURCE_EXHAUSTED);
	CHECK(w, full->freed == 1 && call->retry_after_ms > 0);
	CHECK(w, mon_get(svr_mon(w->svr), MON_pool_refused) == 2);
	for (unsigned i = 0; i < 3; i++)
		env_inbox_post(full->gate, &keys[i]);
	while (full->freed < 4)
		co_sleep_until(call->loop, svr_now_us(call->loop) + 1000);
}

static void a_full_queue_refuses(void **state)
{
	struct world w;
	struct full full = {0};

	world_open(&w, 1);
	full.gate = env_inbox_create(w.env);
	assert_int_equal(svr_pool_create(w.svr, "pool", 1, 2, &full.pool), HY_OK);
	assert_int_equal(svr_start(w.svr), HY_OK);
	world_run(&w, 0, fill_up, &full);
	svr_stop(w.svr, 1000000);
	svr_pool_destroy(full.pool);
	env_inbox_destroy(full.gate);
	world_close(&w);
}

static void leave_early(struct world *w, struct call *call, void *arg)
{
	struct full *full = arg;

	call->deadline_us = svr_now_us(call->loop) + 5000;
	CHECK(w, svr_pool_call(full->pool, call, &job_make(w, JOB_BLOCK, full->gate, &full->freed)->job) ==
			 HY_DEADLINE_EXCEEDED);
	CHECK(w, full->freed == 0);
	co_cancel(co_running(call->loop));
	CHECK(w, svr_pool_call(full->pool, call, &job_make(w, JOB_BLOCK, full->gate, &full->freed)->job) ==
			 HY_CANCELLED);
	CHECK(w, full->freed == 0);
}

static void a_job_whose_waiter_left_is_done_all_the_same_before_the_server_ends(void **state)
{
	struct world w;
	struct full full = {0};
	struct env_msg keys[2];

	world_open(&w, 1);
	full.gate = env_inbox_create(w.env);
	assert_int_equal(svr_pool_create(w.svr, "pool", 1, 8, &full.pool), HY_OK);
	assert_int_equal(svr_start(w.svr), HY_OK);
	world_run(&w, 0, leave_early, &full);
	for (unsigned i = 0; i < 2; i++)
		env_inbox_post(full.gate, &keys[i]);
	svr_stop(w.svr, 1000000);
	assert_int_equal(full.freed, 2);
	svr_pool_destroy(full.pool);
	env_inbox_destroy(full.gate);
	world_close(&w);
}

/** Many short deadlines against many short jobs: whoever is first, the job is freed exactly once. */
static void race(struct world *w, struct call *call, void *arg)
{
	struct full *full = arg;

	for (unsigned i = 0; i < 2000; i++) {
		struct job *j = job_make(w, JOB_SQUARE, NULL, &full->freed);

		co_sleep_until(call->loop, 0);
		call->deadline_us = svr_now_us(call->loop) + 1 + i % 50;
		if (svr_pool_call(full->pool, call, &j->job) == HY_OK)
			job_done(&j->job);
	}
	while (full->freed < 2000)
		co_sleep_until(call->loop, svr_now_us(call->loop) + 1000);
}

static void deadlines_race_with_jobs_and_nothing_is_lost(void **state)
{
	struct world w;
	struct full full = {0};

	world_open(&w, 1);
	assert_int_equal(svr_pool_create(w.svr, "pool", 2, 3000, &full.pool), HY_OK);
	assert_int_equal(svr_start(w.svr), HY_OK);
	world_run(&w, 0, race, &full);
	svr_stop(w.svr, 1000000);
	svr_pool_destroy(full.pool);
	world_close(&w);
	assert_int_equal(full.freed, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_run_and_come_back_to_whoever_waits),
		cmocka_unit_test(a_full_queue_refuses),
		cmocka_unit_test(a_job_whose_waiter_left_is_done_all_the_same_before_the_server_ends),
		cmocka_unit_test(deadlines_race_with_jobs_and_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
