/*
 * The double passes the same table as RocksDB does, under drawn times; and deaths keep a prefix, whole batches alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "env/sim/sim.h"
#include "kt/rows_world.h"

struct run {
	const struct rows_case *c;
	struct sim *sim;
	const char *wrong;
	/* deaths */
	uint64_t written, flushed; /* numbers of batches: put since the beginning, covered by a flush */
	bool ended;
};

static bool ended(void *arg)
{
	return ((struct run *)arg)->ended;
}

static void case_main(struct env *env, void *arg)
{
	struct run *run = arg;
	run->wrong = run->c->run(env, "/rows");
	run->ended = true;
}

static void test_case(void **state)
{
	struct run run = {.c = *state};
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim *sim = sim_create(seed);
		run.ended = false;
		sim_machine_start(sim_machine_create(sim, "m", "10.0.0.1"), case_main, &run);
		sim_run(sim, UINT64_MAX, ended, &run);
		sim_destroy(sim);
		assert_true(run.ended);
		if (run.wrong)
			fail_msg("seed %llu: not true: %s", (unsigned long long)seed, run.wrong);
	}
}

/* Batch n puts "a" and "b" to n; what is found must be one whole batch, at or above the last one flushed. */
static uint64_t value_now(struct rows *r, const char *name)
{
	struct hy_buf out = {0};
	int status = rows_get(r, hy_bytes_str(name), &out);
	uint64_t n = status == HY_OK ? hy_get_le64(hy_buf_data(&out)) : 0;
	hy_buf_fini(&out);
	return n;
}

static void writer_main(struct env *env, void *arg)
{
	struct run *run = arg;
	struct rows_config config = {.dir = "/rows"};
	struct rows *r;
	char *why;
	if (rows_open(env, &config, &r, &why) != HY_OK) {
		run->wrong = "opened";
		return;
	}
	uint64_t a = value_now(r, "a"), b = value_now(r, "b");
	if (a != b)
		run->wrong = "a batch is kept whole";
	if (a < run->flushed || a > run->written)
		run->wrong = "what was flushed is kept, and nothing that was never written";
	for (uint64_t n = a + 1;; n++) {
		uint8_t value[8];
		hy_put_le64(value, n);
		struct rows_batch *batch = rows_batch_create(r);
		rows_batch_put(batch, hy_bytes_str("a"), hy_bytes(value, 8));
		rows_batch_put(batch, hy_bytes_str("b"), hy_bytes(value, 8));
		run->written = n;
		if (rows_batch_write(r, batch) != HY_OK)
			run->wrong = "written";
		if (sim_chance(run->sim, 200) && rows_flush(r) == HY_OK)
			run->flushed = n;
	}
}

static void test_deaths(void **state)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct run run = {.sim = sim_create(seed)};
		struct sim_machine *m = sim_machine_create(run.sim, "m", "10.0.0.1");
		for (int i = 0; i < 20 && !run.wrong; i++) {
			sim_machine_start(m, writer_main, &run);
			uint64_t us = sim_range(run.sim, 0, 400000);
			sim_run(run.sim, sim_now_us(run.sim) + us, ended, &run);
			if (sim_chance(run.sim, 500))
				sim_machine_kill(m);
			else
				sim_machine_power_cut(m);
		}
		sim_destroy(run.sim);
		if (run.wrong)
			fail_msg("seed %llu: not true: %s", (unsigned long long)seed, run.wrong);
	}
}

int main(void)
{
	struct CMUnitTest tests[32];
	size_t n = 0;
	for (const struct rows_case *c = rows_cases; c->label; c++)
		tests[n++] = (struct CMUnitTest){c->label, test_case, NULL, NULL, (void *)(uintptr_t)c};
	tests[n++] = (struct CMUnitTest){"a death keeps a prefix of the batches", test_deaths, NULL, NULL, NULL};
	return _cmocka_run_group_tests("kt/rows_sim", tests, n, NULL, NULL);
}
