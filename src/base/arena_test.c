#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_pieces_are_aligned_apart_and_stay(void **state)
{
	struct hy_arena a;
	hy_arena_init(&a, 1 << 20);
	uint8_t *pieces[300];
	for (size_t i = 0; i < HY_COUNT_OF(pieces); i++) {
		pieces[i] = hy_arena_alloc(&a, i);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		if (i)
			memset(pieces[i], (int)(i & 0xff), i);
	}
	for (size_t i = 0; i < HY_COUNT_OF(pieces); i++)
		for (size_t j = 0; j < i; j++)
			assert_int_equal(pieces[i][j], i & 0xff);
	hy_arena_fini(&a);
}

static void test_the_cap_refuses_and_the_rest_goes_on(void **state)
{
	struct hy_arena a;
	hy_arena_init(&a, 4096);
	assert_null(hy_arena_alloc(&a, 4097));
	assert_null(hy_arena_alloc(&a, SIZE_MAX));
	assert_null(hy_arena_strndup(&a, "", SIZE_MAX));
	assert_non_null(hy_arena_alloc(&a, 4000));
	assert_null(hy_arena_zalloc(&a, 100));
	assert_null(hy_arena_memdup(&a, &a, 100));
	assert_null(hy_arena_printf(&a, "%100d", 1));
	assert_non_null(hy_arena_alloc(&a, 90));
	hy_arena_fini(&a);
}

static void test_empty_pieces_meet_the_cap_too(void **state)
{
	struct hy_arena a;
	hy_arena_init(&a, 1600);
	for (int i = 0; i < 100; i++)
		assert_non_null(hy_arena_alloc(&a, 0));
	assert_null(hy_arena_alloc(&a, 0));
	hy_arena_fini(&a);
}

static void test_wipe_leaves_zeros(void **state)
{
	struct hy_arena a;
	static const uint8_t zeros[900];
	hy_arena_init(&a, 1 << 20);
	uint8_t *first = hy_arena_alloc(&a, sizeof zeros);
	memset(first, 'x', sizeof zeros);
	memset(hy_arena_alloc(&a, 40), 'x', 40);
	hy_arena_wipe(&a);
	uint8_t *again = hy_arena_alloc(&a, sizeof zeros);
	assert_ptr_equal(again, first);
	assert_memory_equal(again, zeros, sizeof zeros);
	hy_arena_wipe(&a);
	hy_arena_fini(&a);
	hy_arena_wipe(&a);
}

static void test_reset_gives_all_back(void **state)
{
	struct hy_arena a;
	hy_arena_init(&a, 1 << 20);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 10; i++)
			assert_non_null(hy_arena_zalloc(&a, 100000));
		assert_null(hy_arena_alloc(&a, 100000));
		hy_arena_reset(&a);
		assert_int_equal(a.used, 0);
	}
	hy_arena_fini(&a);
}

static void test_a_small_block_is_reused_after_reset(void **state)
{
	struct hy_arena a;
	hy_arena_init(&a, 1 << 20);
	void *first = hy_arena_alloc(&a, 200);
	hy_arena_reset(&a);
	assert_ptr_equal(hy_arena_alloc(&a, 200), first);
	hy_arena_fini(&a);
}

static void test_a_zeroed_arena_gives_nothing_and_may_be_ended(void **state)
{
	struct hy_arena a = {0};
	assert_null(hy_arena_alloc(&a, 1));
	hy_arena_reset(&a);
	hy_arena_fini(&a);
	hy_arena_fini(&a);
}

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

static void test_what_was_not_handed_out_is_poisoned(void **state)
{
	struct hy_arena a;
	hy_arena_init(&a, 1 << 20);
	uint8_t *p = hy_arena_alloc(&a, 21), *q = hy_arena_alloc(&a, 16);
	assert_false(__asan_address_is_poisoned(p + 20));
	assert_true(__asan_address_is_poisoned(p + 21));
	assert_false(__asan_address_is_poisoned(q + 15));
	assert_true(__asan_address_is_poisoned(q + 16));
	hy_arena_reset(&a);
	assert_true(__asan_address_is_poisoned(p));
	hy_arena_fini(&a);
}
#endif

static void test_text_is_copied_and_printed(void **state)
{
	struct hy_arena a;
	hy_arena_init(&a, 1 << 20);
	assert_string_equal(hy_arena_strndup(&a, "geese fly", 5), "geese");
	assert_string_equal(hy_arena_strndup(&a, NULL, 0), "");
	assert_string_equal(hy_arena_printf(&a, "%s has %d", "ann", 7), "ann has 7");
	assert_memory_equal(hy_arena_memdup(&a, "a\0b", 3), "a\0b", 3);
	hy_arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_aligned_apart_and_stay),
		cmocka_unit_test(test_the_cap_refuses_and_the_rest_goes_on),
		cmocka_unit_test(test_empty_pieces_meet_the_cap_too),
		cmocka_unit_test(test_reset_gives_all_back),
		cmocka_unit_test(test_wipe_leaves_zeros),
		cmocka_unit_test(test_a_small_block_is_reused_after_reset),
		cmocka_unit_test(test_a_zeroed_arena_gives_nothing_and_may_be_ended),
		cmocka_unit_test(test_text_is_copied_and_printed),
#if defined(__SANITIZE_ADDRESS__)
		cmocka_unit_test(test_what_was_not_handed_out_is_poisoned),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
