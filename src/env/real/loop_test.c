#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "env/real/real_test.h"

/* ---- actors and inboxes ------------------------------------------------------------------------------------------ */

enum { SENDERS = 4, PER_SENDER = 5000 };

struct numbered {
	struct env_msg msg;
	struct receiver *to;
	int sender, number;
};

/* Notes, for each sender, whether its messages came in order. */
struct receiver {
	int next[SENDERS];
	bool disordered;
	atomic_int count;
};

static void receive(struct env_msg *msg)
{
	struct numbered *m = (struct numbered *)msg;
	if (m->number != m->to->next[m->sender])
		m->to->disordered = true;
	m->to->next[m->sender] = m->number + 1;
	atomic_fetch_add(&m->to->count, 1);
	hy_free(m);
}

struct sender {
	struct env_inbox *to;
	struct receiver *receiver;
	int me;
};

static struct numbered *numbered_new(const struct sender *s, int number)
{
	struct numbered *m = hy_zalloc(sizeof *m);
	*m = (struct numbered){{.fn = receive}, s->receiver, s->me, number};
	return m;
}

/* Singly and in chains of three, in turns. */
static void send_all(void *arg)
{
	struct sender *s = arg;
	for (int i = 0; i < PER_SENDER;) {
		struct numbered *first = numbered_new(s, i++), *last = first;
		for (int n = i % 2 ? 2 : 0; n > 0 && i < PER_SENDER; n--) {
			struct numbered *next = numbered_new(s, i++);
			last->msg.next = &next->msg;
			last = next;
		}
		env_inbox_post_list(s->to, &first->msg, &last->msg);
	}
}

static void with_senders(
	struct env *env, struct env_inbox *to, struct receiver *r, void (*meanwhile)(void *), void *arg)
{
	struct sender senders[SENDERS];
	struct env_actor *actors[SENDERS];
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){to, r, i};
		assert_int_equal(env_actor_start(env, "sender", send_all, &senders[i], &actors[i]), 0);
	}
	if (meanwhile)
		meanwhile(arg);
	for (int i = 0; i < SENDERS; i++)
		env_actor_join(actors[i]);
}

static void test_loop_order(void **state)
{
	struct env *env = *state;
	struct env_loop *loop = started_loop(env, "receiver");
	struct receiver r = {0};
	with_senders(env, env_loop_inbox(loop), &r, NULL, NULL);
	await(env, atomic_load(&r.count) == SENDERS * PER_SENDER);
	stop_and_join(loop);
	assert_false(r.disordered);
}

struct taking {
	struct env_inbox *in;
	struct receiver *r;
};

static void take_everything(void *arg)
{
	struct taking *t = arg;
	while (atomic_load(&t->r->count) < SENDERS * PER_SENDER) {
		struct env_msg *msg = env_inbox_take_all(t->in, UINT64_MAX);
		while (msg) {
			struct env_msg *next = msg->next;
			msg->fn(msg);
			msg = next;
		}
	}
}

static void test_actor_order(void **state)
{
	struct env *env = *state;
	struct receiver r = {0};
	struct taking t = {env_inbox_create(env), &r};
	with_senders(env, t.in, &r, take_everything, &t);
	assert_false(r.disordered);
	assert_int_equal(atomic_load(&r.count), SENDERS * PER_SENDER);
	env_inbox_destroy(t.in);
}

struct pool {
	struct env_inbox *in;
	atomic_int taken, ended;
};

static void pool_run(void *arg)
{
	struct pool *p = arg;
	for (;;) {
		struct env_msg *msg = env_inbox_take(p->in, UINT64_MAX);
		if (!msg->fn) {
			env_inbox_post(p->in, msg); /* for the next one */
			break;
		}
		hy_free(msg);
		atomic_fetch_add(&p->taken, 1);
	}
	atomic_fetch_add(&p->ended, 1);
}

static void never_run(struct env_msg *msg) {}

static void test_pool(void **state)
{
	struct env *env = *state;
	struct pool p = {.in = env_inbox_create(env)};
	struct env_actor *actors[3];
	for (int i = 0; i < 3; i++)
		assert_int_equal(env_actor_start(env, "a-name-longer-than-15", pool_run, &p, &actors[i]), 0);
	for (int round = 0; round < 500; round++) {
		struct env_msg *chain = NULL, *last = NULL;
		for (int i = 0; i < 4; i++) {
			struct env_msg *m = hy_zalloc(sizeof *m);
			*m = (struct env_msg){chain, never_run};
			last = last ? last : m;
			chain = m;
		}
		env_inbox_post_list(p.in, chain, last);
		if (round % 50 == 0)
			await(env, atomic_load(&p.taken) == 4 * (round + 1)); /* all sleep again */
	}
	struct env_msg end = {0};
	env_inbox_post(p.in, &end);
	for (int i = 0; i < 3; i++)
		env_actor_join(actors[i]);
	assert_int_equal(atomic_load(&p.taken), 2000);
	assert_int_equal(atomic_load(&p.ended), 3);
	env_inbox_destroy(p.in);
}

static void test_take_deadline(void **state)
{
	struct env *env = *state;
	struct env_inbox *in = env_inbox_create(env);
	assert_null(env_inbox_take(in, 0));
	uint64_t deadline_us = env_mono_us(env) + 20000;
	assert_null(env_inbox_take_all(in, deadline_us));
	assert_true(env_mono_us(env) >= deadline_us);
	struct env_msg a, b, c;
	a.next = &b;
	env_inbox_post_list(in, &a, &b);
	env_inbox_post(in, &c);
	assert_ptr_equal(env_inbox_take(in, 0), &a);
	assert_ptr_equal(env_inbox_take_all(in, UINT64_MAX), &b);
	assert_ptr_equal(b.next, &c);
	assert_null(c.next);
	assert_null(env_inbox_take_all(in, 0));
	env_inbox_destroy(in);
}

/* ---- loops talking to each other --------------------------------------------------------------------------------- */

struct ball {
	struct env_msg msg;
	struct env_loop *loops[2];
	int bounces;
	atomic_bool done;
};

static void bounce(struct env_msg *msg)
{
	struct ball *b = (struct ball *)msg;
	if (++b->bounces == 20000)
		atomic_store(&b->done, true);
	else
		env_inbox_post(env_loop_inbox(b->loops[b->bounces % 2]), msg);
}

static void test_bounce(void **state)
{
	struct env *env = *state;
	struct ball b = {.msg.fn = bounce, .loops = {started_loop(env, "left"), started_loop(env, "right")}};
	env_inbox_post(env_loop_inbox(b.loops[0]), &b.msg);
	await(env, atomic_load(&b.done));
	stop_and_join(b.loops[0]);
	stop_and_join(b.loops[1]);
}

struct to_self {
	struct env_msg msg;
	struct env_loop *loop;
	atomic_int turns, runs;
};

static void post_to_self(struct env_msg *msg)
{
	struct to_self *t = (struct to_self *)msg;
	if (atomic_fetch_add(&t->runs, 1) < 9)
		env_inbox_post(env_loop_inbox(t->loop), msg);
}

static void count_turn(void *arg)
{
	struct to_self *t = arg;
	atomic_fetch_add(&t->turns, 1);
}

static void test_to_self(void **state)
{
	struct env *env = *state;
	struct to_self t = {.msg.fn = post_to_self};
	struct env_loop_config config = {"self", count_turn, &t};
	assert_int_equal(env_loop_create(env, &config, &t.loop), 0);
	env_inbox_post(env_loop_inbox(t.loop), &t.msg); /* before it is started */
	assert_int_equal(env_loop_start(t.loop), 0);
	await(env, atomic_load(&t.runs) == 10);
	stop_and_join(t.loop);
	assert_true(atomic_load(&t.turns) >= 10);
}

/* ---- timers ------------------------------------------------------------------------------------------------------ */

struct alarm {
	struct env_timer timer;
	struct env_loop *loop;
	struct alarm *other; /* cancelled when this one fires */
	char *trace, name;
	bool early;
	atomic_bool fired;
};

static void alarm_fire(struct env_timer *timer)
{
	struct alarm *a = (struct alarm *)timer;
	a->early = env_loop_now_us(a->loop) < timer->at_us || env_mono_us(env_loop_env(a->loop)) < timer->at_us;
	strncat(a->trace, &a->name, 1);
	if (a->other)
		env_timer_cancel(a->loop, &a->other->timer);
	atomic_store(&a->fired, true);
}

static void test_timers(void **state)
{
	struct env *env = *state;
	struct env_loop *loop;
	assert_int_equal(env_loop_create(env, &(struct env_loop_config){.name = "timers"}, &loop), 0);
	char trace[8] = "";
	struct alarm a[4];
	for (int i = 0; i < 4; i++)
		a[i] = (struct alarm){.timer.fn = alarm_fire, .loop = loop, .trace = trace, .name = (char)('a' + i)};
	uint64_t now_us = env_loop_now_us(loop);
	env_timer_set(loop, &a[0].timer, now_us + 30000);
	env_timer_set(loop, &a[1].timer, now_us + 10000);
	env_timer_set(loop, &a[2].timer, now_us + 10000);
	env_timer_set(loop, &a[3].timer, now_us); /* due at once, and takes c away */
	a[3].other = &a[2];
	assert_int_equal(env_loop_start(loop), 0);
	await(env, atomic_load(&a[0].fired));
	stop_and_join(loop);
	assert_string_equal(trace, "dba");
	assert_false(a[0].early || a[1].early || a[3].early);
	assert_false(env_timer_is_set(&a[2].timer));
}

/* ---- the process ------------------------------------------------------------------------------------------------- */

static void wait_for_end(void *arg)
{
	env_wait_terminate(arg);
}

static void test_terminate(void **state)
{
	struct env *env = *state;
	const int signals[] = {SIGTERM, SIGINT};
	for (size_t i = 0; i < HY_COUNT_OF(signals); i++) {
		struct env_actor *actor;
		assert_int_equal(env_actor_start(env, "waiter", wait_for_end, env, &actor), 0);
		kill(getpid(), signals[i]);
		env_actor_join(actor);
	}
}

static void test_process(void **state)
{
	struct env *env = *state;
	assert_true(env_cpu_count(env) >= 1);
	assert_true(env_raise_file_limit(env) >= 256);
	uint64_t before_us = env_cpu_us(env), start_us = env_mono_us(env);
	while (env_cpu_us(env) < before_us + 2000)
		;
	env_sleep_us(env, 3000);
	assert_true(env_mono_us(env) >= start_us + 3000);
	assert_true(env_wall_ms(env) > 1600000000000);
	assert_false(env_buggify(env, "nothing"));
	env_mark(env, "nothing");
}

static void test_no_core_dumps(void **state)
{
	struct rlimit limit;
	env_no_core_dumps(*state);
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
}

static void draw_many(void *arg)
{
	struct env *env = arg;
	for (int i = 0; i < 10000; i++)
		env_rand64(env);
}

static void test_random(void **state)
{
	struct env *env = *state;
	uint8_t a[600] = {0}, b[600] = {0};
	env_random(env, a, sizeof a);
	env_random(env, b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	struct env_actor *actors[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(env_actor_start(env, "drawer", draw_many, env, &actors[i]), 0);
	uint64_t any = 0, all = UINT64_MAX;
	for (int i = 0; i < 1000; i++) {
		uint64_t x = env_rand64(env);
		any |= x;
		all &= x;
	}
	assert_true(any == UINT64_MAX && all == 0);
	for (int i = 0; i < 2; i++)
		env_actor_join(actors[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST("a loop gets each sender's messages in their order", test_loop_order),
		ENV_TEST("an actor gets each sender's messages in their order", test_actor_order),
		ENV_TEST("several actors share an inbox and none sleeps over a message", test_pool),
		ENV_TEST("taking ends at its deadline", test_take_deadline),
		ENV_TEST("two loops wake each other", test_bounce),
		ENV_TEST("a message to oneself runs in the next turn", test_to_self),
		ENV_TEST("timers fire in order, not early, and can be cancelled", test_timers),
		ENV_TEST("SIGTERM and SIGINT end the wait", test_terminate),
		ENV_TEST("the process knows its limits and clocks", test_process),
		ENV_TEST("no core file is left behind", test_no_core_dumps),
		ENV_TEST("random numbers differ", test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
