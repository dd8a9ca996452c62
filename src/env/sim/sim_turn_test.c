#include "env/sim/sim_test.h"

struct timers_world {
	struct noted noted;
	struct env_loop *loop;
	struct env_timer timers[4];
	char order[8];
	uint64_t began;
};

static void timer_fires(struct env_timer *timer)
{
	struct timers_world *t = hy_container_of(timer - timer->at_us % 10, struct timers_world, timers[0]);
	uint64_t late = env_loop_now_us(t->loop) - timer->at_us;
	NOTE(&t->noted, env_loop_now_us(t->loop) >= timer->at_us && late < 5000);
	strcat(t->order, (char[]){(char)('0' + timer->at_us % 10), 0});
	if (timer->at_us % 10 == 1)
		env_timer_cancel(t->loop, &t->timers[3]);
}

static void timers_main(struct env *env, void *arg)
{
	struct timers_world *t = arg;
	static const uint64_t after_ms[] = {30, 20, 500, 25};
	uint64_t begin = env_mono_us(env) / 10 * 10, wall = env_wall_ms(env);
	NOTE(&t->noted, env_loop_create(env, &(struct env_loop_config){.name = "timers"}, &t->loop) == 0);
	for (size_t i = 0; i < 4; i++) {
		t->timers[i].fn = timer_fires;
		env_timer_set(t->loop, &t->timers[i], begin + after_ms[i] * 1000 + i);
	}
	NOTE(&t->noted, env_loop_start(t->loop) == 0);
	env_sleep_us(env, 1000000);
	NOTE(&t->noted, env_mono_us(env) - begin >= 1000000 && env_mono_us(env) - begin < 1010000);
	NOTE(&t->noted, env_wall_ms(env) - wall >= 999 && env_wall_ms(env) - wall < 1010);
}

static void test_timers(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct timers_world t = {0};
		struct sim *s = sim_create(seed);
		struct sim_machine *m = sim_machine_create(s, "one", "10.0.0.1");
		sim_faults(s)->clock_drift_ppm = 300;
		sim_machine_start(m, timers_main, &t);
		assert_true(sim_run(s, sim_now_us(s) + 2000000, NULL, NULL));
		assert_false(sim_machine_running(m));
		assert_int_equal(t.noted.failures, 0);
		assert_string_equal(t.order, "102");
		sim_destroy(s);
	}
}

struct job {
	struct env_msg msg;
	uint64_t number;
};

struct pool {
	struct noted noted;
	struct env *env;
	struct env_inbox *in;
	unsigned taken[3], next, order_breaks;
	uint64_t last;
};

static void pool_take(void *arg)
{
	struct pool *p = arg;
	unsigned me = p->next++;
	NOTE(&p->noted, env_inbox_take(p->in, 0) == NULL);
	uint64_t before = env_mono_us(p->env);
	NOTE(&p->noted, env_inbox_take(p->in, before + 5000) == NULL);
	NOTE(&p->noted, env_mono_us(p->env) >= before + 5000);
	for (;;) {
		struct env_msg *msg = env_inbox_take(p->in, UINT64_MAX);
		struct job *job = hy_container_of(msg, struct job, msg);
		uint64_t number = job->number;
		hy_free(job);
		if (number == 0)
			return;
		p->order_breaks += number < p->last;
		p->last = number;
		p->taken[me]++;
		env_sleep_us(p->env, 300);
	}
}

static void post(struct pool *p, uint64_t number)
{
	struct job *job = hy_zalloc(sizeof *job);
	job->number = number;
	env_inbox_post(p->in, &job->msg);
}

static void pool_main(struct env *env, void *arg)
{
	struct pool *p = arg;
	struct env_actor *actors[3];
	p->env = env;
	p->in = env_inbox_create(env);
	for (int i = 0; i < 3; i++)
		NOTE(&p->noted, env_actor_start(env, "pool", pool_take, p, &actors[i]) == 0);
	env_sleep_us(env, 50000);
	for (uint64_t i = 1; i <= 100; i++)
		post(p, i);
	for (int i = 0; i < 3; i++)
		post(p, 0);
	for (int i = 0; i < 3; i++)
		env_actor_join(actors[i]);
	env_inbox_destroy(p->in);
}

static void test_inbox_of_many(void **state)
{
	(void)state;
	struct pool p = {0};
	struct sim *s = sim_create(9);
	struct sim_machine *m = sim_machine_create(s, "one", "10.0.0.1");
	sim_machine_start(m, pool_main, &p);
	assert_true(sim_run(s, sim_now_us(s) + 10000000, NULL, NULL));
	assert_false(sim_machine_running(m));
	assert_int_equal(sim_machine_left_behind(m), 0);
	assert_int_equal(p.noted.failures + p.order_breaks, 0);
	assert_int_equal(p.taken[0] + p.taken[1] + p.taken[2], 100);
	for (int i = 0; i < 3; i++)
		assert_in_range(p.taken[i], 20, 50);
	sim_destroy(s);
}

/* ---- clocks and standstills ------------------------------------------------------------------------------------ */

struct clocks {
	struct noted noted;
	unsigned jumps, pauses;
};

static void clocks_main(struct env *env, void *arg)
{
	struct clocks *c = arg;
	for (int i = 0; i < 100; i++) {
		uint64_t mono = env_mono_us(env), wall = env_wall_ms(env);
		env_sleep_us(env, 1000000);
		uint64_t passed = env_mono_us(env) - mono;
		int64_t wall_passed = (int64_t)(env_wall_ms(env) - wall);
		NOTE(&c->noted, passed >= 1000000 && passed < 3100000);
		c->pauses += passed > 1010000;
		int64_t off = wall_passed - (int64_t)passed / 1000;
		NOTE(&c->noted, off > -3600001 && off < 3600001);
		c->jumps += off < -2 || off > 2;
	}
}

static void test_clock_faults(void **state)
{
	(void)state;
	struct clocks c = {0};
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim *s = sim_create(seed);
		struct sim_machine *m = sim_machine_create(s, "one", "10.0.0.1");
		sim_faults(s)->clock_jump = 100;
		sim_faults(s)->pause = 100;
		sim_machine_start(m, clocks_main, &c);
		assert_true(sim_run(s, UINT64_MAX, NULL, NULL));
		sim_destroy(s);
	}
	assert_int_equal(c.noted.failures, 0);
	assert_in_range(c.jumps, 20, 150);
	assert_in_range(c.pauses, 20, 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"timers fire in order, never early, on a clock that drifts", test_timers},
		{"actors that share an inbox take each message once, in order", test_inbox_of_many},
		{"the wall clock jumps, the monotonic one never, and actors stand still", test_clock_faults},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
