#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/base.h"
#include "base/mem.h"
#include "env/real/real.h"
#include "monitor/mon_view.h"

#define ADDS 200000u

struct adder {
	struct mon *mon;
	unsigned strip;
};

static void *add_many(void *arg)
{
	struct adder *a = arg;
	for (unsigned i = 0; i < ADDS; i++)
		mon_add(a->mon, a->strip, MON_hops, 2);
	return NULL;
}

static void test_adds_of_many_threads_are_summed(void **state)
{
	struct mon *m = mon_create(4);
	struct adder adders[4];
	pthread_t threads[4];
	for (unsigned i = 0; i < 4; i++) {
		adders[i] = (struct adder){m, i};
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, &adders[i]), 0);
	}
	uint64_t last = 0;
	for (int i = 0; i < 1000; i++) {
		uint64_t now = mon_get(m, MON_hops);
		assert_true(now >= last);
		last = now;
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(mon_get(m, MON_hops), 4 * ADDS * 2);
	assert_int_equal(mon_get(m, MON_syncs), 0);
	mon_destroy(m);
}

static void test_a_set_value_replaces_the_strips_own(void **state)
{
	struct mon *m = mon_create(2);
	mon_add(m, 0, MON_syncs, 5);
	mon_add(m, 1, MON_syncs, 7);
	mon_set(m, 1, MON_syncs, 1);
	assert_int_equal(mon_get(m, MON_syncs), 6);
	mon_destroy(m);
	mon_destroy(NULL);
}

static void test_every_id_has_a_name_of_its_own(void **state)
{
	for (int i = 0; i < MON_COUNT; i++) {
		assert_true(strlen(mon_text((enum mon_id)i)) > 1);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(mon_name((enum mon_id)i), mon_name((enum mon_id)j));
	}
	assert_string_equal(mon_name(MON_links_opened), "links_opened");
	assert_string_equal(mon_name(MON_COUNT), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adds_of_many_threads_are_summed),
		cmocka_unit_test(test_a_set_value_replaces_the_strips_own),
		cmocka_unit_test(test_every_id_has_a_name_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
