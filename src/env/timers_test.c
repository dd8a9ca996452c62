#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "env/timers.h"

enum { TIMERS = 64 };

/* The model: at most one entry a timer, searched from end to end. */
struct model {
	uint64_t at_us[TIMERS], order[TIMERS]; /* order 0: not set */
	uint64_t last_order;
};

static int model_first(const struct model *m, uint64_t now_us, uint64_t order)
{
	int best = -1;
	for (int i = 0; i < TIMERS; i++) {
		if (m->order[i] == 0)
			continue;
		if (best < 0 || m->at_us[i] < m->at_us[best] ||
			(m->at_us[i] == m->at_us[best] && m->order[i] < m->order[best]))
			best = i;
	}
	return best >= 0 && m->at_us[best] <= now_us && m->order[best] <= order ? best : -1;
}

static uint64_t next_random(uint64_t *x)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return *x >> 33;
}

static void pop_both(struct timers *t, struct model *m, struct env_timer *timers, uint64_t now_us, uint64_t order)
{
	for (;;) {
		struct env_timer *timer = timers_pop(t, now_us, order);
		int want = model_first(m, now_us, order);
		assert_int_equal(timer ? (int)(timer - timers) : -1, want);
		if (!timer)
			return;
		assert_false(env_timer_is_set(timer));
		m->order[want] = 0;
	}
}

static void test_against_model(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct timers t = {0};
		struct env_timer timers[TIMERS] = {0};
		struct model m = {0};
		uint64_t x = seed, now_us = 1000;
		for (int step = 0; step < 3000; step++) {
			uint64_t what = next_random(&x) % 10;
			size_t i = next_random(&x) % TIMERS;
			if (what < 6) {
				uint64_t at_us = now_us + next_random(&x) % 20;
				timers_set(&t, &timers[i], at_us);
				m.at_us[i] = at_us;
				m.order[i] = ++m.last_order;
			} else if (what < 8) {
				timers_cancel(&t, &timers[i]);
				m.order[i] = 0;
			} else {
				now_us += next_random(&x) % 8;
				pop_both(&t, &m, timers, now_us, m.last_order - next_random(&x) % 2);
			}
			int first = model_first(&m, UINT64_MAX, UINT64_MAX);
			assert_true(timers_next_us(&t) == (first < 0 ? UINT64_MAX : m.at_us[first]));
			for (int k = 0; k < TIMERS; k++)
				assert_int_equal(env_timer_is_set(&timers[k]), m.order[k] != 0);
		}
		timers_fini(&t);
	}
}

static void test_same_moment(void **state)
{
	struct timers t = {0};
	struct env_timer a = {0}, b = {0}, c = {0};
	timers_set(&t, &a, 10);
	timers_set(&t, &b, 10);
	timers_set(&t, &c, 10);
	timers_set(&t, &a, 10); /* moved: now the last */
	assert_ptr_equal(timers_pop(&t, 10, UINT64_MAX), &b);
	assert_ptr_equal(timers_pop(&t, 10, UINT64_MAX), &c);
	assert_ptr_equal(timers_pop(&t, 10, UINT64_MAX), &a);
	assert_null(timers_pop(&t, 10, UINT64_MAX));
	timers_fini(&t);
}

static void test_next_turn(void **state)
{
	struct timers t = {0};
	struct env_timer a = {0}, b = {0};
	timers_set(&t, &a, 10);
	uint64_t turn = timers_order(&t);
	assert_ptr_equal(timers_pop(&t, 10, turn), &a);
	timers_set(&t, &a, 5);
	timers_set(&t, &b, 10);
	assert_null(timers_pop(&t, 10, turn));
	assert_ptr_equal(timers_pop(&t, 10, timers_order(&t)), &a);
	timers_cancel(&t, &b);
	timers_cancel(&t, &b);
	assert_true(timers_next_us(&t) == UINT64_MAX);
	timers_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"as a list searched from end to end would do", test_against_model, NULL, NULL, NULL},
		{"timers of one moment fire in the order of setting", test_same_moment, NULL, NULL, NULL},
		{"a timer set while a turn fires waits for the next turn", test_next_turn, NULL, NULL, NULL},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
