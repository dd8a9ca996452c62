#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

static void test_every_status_has_a_name_and_a_sentence(void **state)
{
	for (int i = 0; i < HY_STATUS_COUNT; i++) {
		assert_string_not_equal(hy_status_name(i), "?");
		assert_true(strlen(hy_status_text(i)) > 1);
	}
	assert_string_equal(hy_status_name(HY_NOT_FOUND), "NOT_FOUND");
	assert_string_equal(hy_status_text(HY_NOT_FOUND), "not found");
}

static void test_the_numbers_are_those_of_the_wire(void **state)
{
	assert_int_equal(HY_OK, 0);
	assert_int_equal(HY_INVALID_ARGUMENT, 3);
	assert_int_equal(HY_ABORTED, 10);
	assert_int_equal(HY_UNAVAILABLE, 14);
	assert_int_equal(HY_UNAUTHENTICATED, 16);
	assert_int_equal(HY_STATUS_COUNT, 17);
}

static void test_a_number_outside_the_set_has_no_name(void **state)
{
	assert_string_equal(hy_status_name(17), "?");
	assert_string_equal(hy_status_name(-1), "?");
	assert_non_null(hy_status_text(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_status_has_a_name_and_a_sentence),
		cmocka_unit_test(test_the_numbers_are_those_of_the_wire),
		cmocka_unit_test(test_a_number_outside_the_set_has_no_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
