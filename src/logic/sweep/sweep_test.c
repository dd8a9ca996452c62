/* The end of a server at any instant of a round, in simulated time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account.rpc.h"
#include "env/sim/sim.h"
#include "logic/sweep/sweep.h"

#define SEEDS 400u

struct life {
	struct sim *sim;
	unsigned pages, lives;
};

/** Nobody is there, but that takes a while to find out. */
static int list_users(void *self, struct call *call, const Hy__AccountListUsersRequest *request,
	Hy__AccountListUsersResponse *response)
{
	struct life *life = self;

	life->pages++;
	return co_sleep_until(call->loop, svr_now_us(call->loop) + 200);
}

static void live(struct env *env, void *arg)
{
	static const struct account_handlers handlers = {.list_users = list_users};
	struct life *life = arg;
	struct sweep *sweep;
	struct svr *svr;

	int rc = svr_create(env, &(struct svr_config){.loops = 1}, &svr);
	assert(rc == HY_OK);
	rpc_add_service(svr, &account_service, &handlers, life);
	rc = sweep_create(svr, &(struct sweep_config){.first_ms = 1, .pause_ms = 1, .step_ms = 1}, &sweep);
	assert(rc == HY_OK);
	rc = svr_start(svr);
	assert(rc == HY_OK);
	uint64_t us = sim_range(life->sim, 5000, 9000);
	env_sleep_us(env, us);
	svr_stop(svr, 1000000);
	sweep_destroy(sweep);
	svr_destroy(svr); /* asserts that no timer is left */
	life->lives++;
}

static void test_the_end_leaves_no_timer(void **state)
{
	struct life life = {0};

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		life.sim = sim_create(seed);
		struct sim_machine *machine = sim_machine_create(life.sim, "server", "10.0.0.1");
		sim_machine_start(machine, live, &life);
		sim_run(life.sim, sim_now_us(life.sim) + 10000000, NULL, NULL);
		assert_false(sim_machine_running(machine));
		sim_destroy(life.sim);
	}
	assert_int_equal(life.lives, SEEDS);
	assert_true(life.pages > SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a server that ends at any instant of a round leaves no timer", test_the_end_leaves_no_timer, NULL,
			NULL, NULL},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
