#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/mem.h"

static void test_nothing_is_still_a_pointer(void **state)
{
	void *p = hy_alloc(0), *q = hy_zalloc(0), *r = hy_realloc(NULL, 0);
	assert_non_null(p);
	assert_non_null(q);
	assert_non_null(r);
	hy_free(p);
	hy_free(q);
	hy_free(r);
	hy_free(NULL);
}

static void test_copies_are_equal(void **state)
{
	char *s = hy_strdup("wild goose");
	assert_string_equal(s, "wild goose");
	uint8_t *p = hy_memdup("a\0b", 3);
	assert_memory_equal(p, "a\0b", 3);
	p = hy_realloc(p, 1000);
	assert_memory_equal(p, "a\0b", 3);
	hy_free(p);
	hy_free(s);
	hy_free(hy_memdup(NULL, 0));
}

static void test_cleared_memory_is_zero(void **state)
{
	uint8_t *p = hy_zalloc(100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	hy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_still_a_pointer),
		cmocka_unit_test(test_copies_are_equal),
		cmocka_unit_test(test_cleared_memory_is_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
