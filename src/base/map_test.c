#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"

#define THINGS 5000u

struct thing {
	unsigned key;
	bool in;
	struct hy_map_node node;
};

static uint64_t hash_of(unsigned key)
{
	return hy_hash(&key, sizeof key, 7);
}

static struct thing *find(const struct hy_map *m, unsigned key, uint64_t hash)
{
	for (struct hy_map_node *n = hy_map_first(m, hash); n; n = hy_map_next(n)) {
		struct thing *t = hy_container_of(n, struct thing, node);
		if (t->key == key)
			return t;
	}
	return NULL;
}

static bool count_one(void *arg, struct hy_map_node *n)
{
	++*(size_t *)arg;
	return hy_container_of(n, struct thing, node)->in;
}

/* Random inserts and removals against an array of flags; collisions: all keys share a few hashes. */
static void churn(bool collisions)
{
	static struct thing things[THINGS];
	const unsigned used = collisions ? 300 : THINGS;
	struct hy_map m;
	uint64_t random = 1;
	size_t count = 0;
	hy_map_init(&m);
	for (unsigned i = 0; i < used; i++)
		things[i] = (struct thing){.key = i};
	for (unsigned step = 0; step < 40000; step++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		struct thing *t = &things[(random >> 33) % used];
		uint64_t hash = collisions ? t->key % 3 : hash_of(t->key);
		assert_ptr_equal(find(&m, t->key, hash), t->in ? t : NULL);
		if (!t->in)
			hy_map_insert(&m, &t->node, hash);
		else
			hy_map_remove(&m, &t->node);
		t->in = !t->in;
		count += t->in ? 1 : (size_t)-1;
		assert_int_equal(m.count, count);
		if (step % 1000 == 0) {
			size_t seen = 0;
			hy_map_each(&m, count_one, &seen);
			assert_int_equal(seen, count);
		}
	}
	hy_map_fini(&m);
}

static void test_agrees_with_a_plain_array(void **state)
{
	churn(false);
}

static void test_equal_hashes_are_told_apart(void **state)
{
	churn(true);
}

static void test_hashes_that_share_their_low_bits_spread(void **state)
{
	static struct thing things[THINGS];
	struct hy_map m;
	size_t longest = 0;
	hy_map_init(&m);
	for (unsigned i = 0; i < THINGS; i++)
		hy_map_insert(&m, &things[i].node, (uint64_t)i << 6);
	for (size_t i = 0; i <= m.mask; i++) {
		size_t len = 0;
		for (struct hy_map_node *n = m.buckets[i]; n; n = n->next)
			len++;
		longest = HY_MAX(longest, len);
	}
	assert_true(longest <= 12);
	hy_map_fini(&m);
}

static bool remove_one(void *arg, struct hy_map_node *n)
{
	hy_map_remove(arg, n);
	memset(n, 0xee, sizeof *n);
	return true;
}

static void test_the_given_node_may_be_removed_while_walking(void **state)
{
	static struct thing things[THINGS];
	/* 513: the doubling at 512 has just begun, so the walk sees both arrays. */
	for (unsigned count = 0; count < 520; count += 27) {
		struct hy_map m;
		hy_map_init(&m);
		for (unsigned i = 0; i < count; i++)
			hy_map_insert(&m, &things[i].node, hash_of(i));
		hy_map_each(&m, remove_one, &m);
		assert_int_equal(m.count, 0);
		hy_map_fini(&m);
	}
}

static bool stop_at_third(void *arg, struct hy_map_node *n)
{
	return ++*(size_t *)arg < 3;
}

static void test_walking_stops_when_told(void **state)
{
	static struct thing things[20];
	struct hy_map m;
	size_t seen = 0;
	hy_map_init(&m);
	hy_map_each(&m, stop_at_third, &seen);
	assert_int_equal(seen, 0);
	assert_null(hy_map_first(&m, 1));
	for (unsigned i = 0; i < 20; i++)
		hy_map_insert(&m, &things[i].node, hash_of(i));
	hy_map_each(&m, stop_at_third, &seen);
	assert_int_equal(seen, 3);
	hy_map_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_a_plain_array),
		cmocka_unit_test(test_equal_hashes_are_told_apart),
		cmocka_unit_test(test_hashes_that_share_their_low_bits_spread),
		cmocka_unit_test(test_the_given_node_may_be_removed_while_walking),
		cmocka_unit_test(test_walking_stops_when_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
