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

/* ---- the gauge of users ------------------------------------------------------------------------------------------ */

struct census {
	struct svr *svr;
	unsigned pages;
	uint64_t seen;
};

/** Three users, of whom one is gone; in the first round one registers. */
static int list_three(void *self, struct call *call, const Hy__AccountListUsersRequest *request,
	Hy__AccountListUsersResponse *response)
{
	struct census *census = self;

	response->n_users = 3;
	response->users = hy_arena_alloc(call->arena, 3 * sizeof *response->users);
	for (uint32_t i = 0; i < 3; i++) {
		response->users[i] = hy_arena_alloc(call->arena, sizeof **response->users);
		hy__account_listed_user__init(response->users[i]);
		response->users[i]->uin = i + 1;
		response->users[i]->gone = i == 1;
	}
	if (census->pages++ == 0) {
		mon_add(svr_mon(census->svr), 0, MON_registered, 1);
		mon_add(svr_mon(census->svr), 0, MON_users, 1);
	} else if (census->pages == 2) {
		census->seen = mon_get(svr_mon(census->svr), MON_users);
	}
	return HY_OK;
}

static void count_users(struct env *env, void *arg)
{
	static const struct account_handlers handlers = {.list_users = list_three};
	struct census *census = arg;
	struct sweep *sweep;

	int rc = svr_create(env, &(struct svr_config){.loops = 1}, &census->svr);
	assert(rc == HY_OK);
	rpc_add_service(census->svr, &account_service, &handlers, census);
	rc = sweep_create(
		census->svr, &(struct sweep_config){.first_ms = 1, .pause_ms = 1, .step_ms = 1}, &sweep);
	assert(rc == HY_OK);
	rc = svr_start(census->svr);
	assert(rc == HY_OK);
	env_sleep_us(env, 50000);
	svr_stop(census->svr, 1000000);
	assert(mon_get(svr_mon(census->svr), MON_users) == 2);
	sweep_destroy(sweep);
	svr_destroy(census->svr);
}

static void test_the_gauge_is_of_who_is_there(void **state)
{
	struct census census = {0};
	struct sim *sim = sim_create(1);
	struct sim_machine *machine = sim_machine_create(sim, "server", "10.0.0.1");

	sim_machine_start(machine, count_users, &census);
	sim_run(sim, sim_now_us(sim) + 10000000, NULL, NULL);
	assert_false(sim_machine_running(machine));
	sim_destroy(sim);
	assert_true(census.pages > 2);
	assert_int_equal(census.seen, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a server that ends at any instant of a round leaves no timer", test_the_end_leaves_no_timer, NULL,
			NULL, NULL},
		{"users who are gone are not counted, who registers meanwhile is", test_the_gauge_is_of_who_is_there,
			NULL, NULL, NULL},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
