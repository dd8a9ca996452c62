/* The conformance suite on the engines mem and sdb in the simulated world, without faults, each scenario with several
 * seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "env/sim/sim.h"
#include "kt/conf.h"

#define SEEDS 3
#define LONG_US (600ull * 1000 * 1000)

struct case_run {
	const struct conf_scenario *scenario;
	bool sdb;
	char name[160];
};

struct group {
	struct case_run runs[64];
	struct CMUnitTest tests[64];
	size_t count;
};

/** Outside of the machine's heap. */
struct outcome {
	const struct case_run *run;
	uint64_t seed;
	bool ended;
	char failure[512];
};

static void machine_main(struct env *env, void *arg)
{
	struct outcome *o = arg;
	struct conf c = {.env = env, .seed = o->seed, .loops = 1 + (unsigned)(o->seed % 3)};
	c.open = o->run->sdb ? conf_open_sdb : conf_open_mem;
	c.config = (struct kt_config){.spaces = conf_spaces, .dir = "/data", .disk_reserve_bytes = 1 << 20};
	if (o->run->scenario->tiny) {
		c.config.memory_bytes = 96 << 10;
		c.config.segment_bytes = 64 << 10;
	}
	(void)conf_run(&c, o->run->scenario);
	snprintf(o->failure, sizeof o->failure, "%s", c.failure);
	o->ended = true;
}

static bool ended(void *arg)
{
	return ((struct outcome *)arg)->ended;
}

static void test_scenario(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct outcome o = {.run = *state, .seed = seed};
		struct sim *s = sim_create(seed);
		*sim_faults(s) = (struct sim_faults){0};
		struct sim_machine *m = sim_machine_create(s, "store", "10.0.0.1");
		sim_machine_start(m, machine_main, &o);
		(void)sim_run(s, sim_now_us(s) + LONG_US, ended, &o);
		sim_destroy(s);
		if (!o.ended || o.failure[0])
			print_error(
				"seed %llu: %s\n", (unsigned long long)seed, o.ended ? o.failure : "it does not end");
		assert_true(o.ended && !o.failure[0]);
	}
}

static void add(struct group *g, bool sdb, const struct conf_scenario *list)
{
	for (const struct conf_scenario *s = list; s->name; s++) {
		struct case_run *run = &g->runs[g->count];
		*run = (struct case_run){.scenario = s, .sdb = sdb};
		snprintf(run->name, sizeof run->name, "%s, simulated: %s", sdb ? "sdb" : "mem", s->name);
		g->tests[g->count++] = (struct CMUnitTest){run->name, test_scenario, NULL, NULL, run};
	}
}

int main(void)
{
	static struct group g;
	add(&g, false, conf_cases); /* mem keeps nothing: no restarts */
	add(&g, true, conf_cases);
	add(&g, true, conf_restart_cases);
	return _cmocka_run_group_tests("kt in the simulated world", g.tests, g.count, NULL, NULL);
}
