#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_what_goes_in_at_the_back_comes_out_at_the_front(void **state)
{
	struct hy_buf b = {0};
	uint8_t in = 0, out = 0;
	for (int round = 0; round < 2000; round++) {
		uint8_t chunk[97];
		size_t len = (size_t)(round * 31) % sizeof chunk;
		for (size_t i = 0; i < len; i++)
			chunk[i] = in++;
		hy_buf_append(&b, chunk, len);
		size_t take = HY_MIN(hy_buf_len(&b), (size_t)(round * 17) % 101);
		for (size_t i = 0; i < take; i++)
			assert_int_equal(hy_buf_data(&b)[i], out++);
		hy_buf_consume(&b, take);
	}
	hy_buf_fini(&b);
	assert_int_equal(hy_buf_len(&b), 0);
}

static void test_a_buffer_that_is_drained_does_not_grow(void **state)
{
	struct hy_buf b = {0};
	uint8_t chunk[100] = {0};
	hy_buf_append(&b, chunk, 100);
	for (int i = 0; i < 100000; i++) {
		hy_buf_append(&b, chunk, 100);
		hy_buf_consume(&b, 100);
	}
	assert_true(b.cap <= 1024);
	hy_buf_fini(&b);
}

static void test_a_wiped_buffer_keeps_its_bytes_when_it_moves(void **state)
{
	struct hy_buf b = {0};
	for (unsigned i = 0; i < 3000; i++) {
		*hy_buf_reserve_wiped(&b, 1 + i % 300) = (uint8_t)i;
		hy_buf_commit(&b, 1);
		if (i % 3 == 0)
			hy_buf_consume(&b, 1);
	}
	assert_int_equal(hy_buf_len(&b), 2000);
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(hy_buf_data(&b)[i], (uint8_t)(1000 + i));
	hy_buf_fini_wiped(&b);
	hy_buf_fini_wiped(&b);
	assert_null(b.mem);
}

static void test_reserved_room_counts_when_committed(void **state)
{
	struct hy_buf b = {0};
	memcpy(hy_buf_reserve(&b, 10), "goose", 5);
	assert_int_equal(hy_buf_len(&b), 0);
	hy_buf_commit(&b, 5);
	hy_buf_printf(&b, " %s %d", "no", 7);
	assert_true(hy_bytes_equal(hy_buf_bytes(&b), hy_bytes_str("goose no 7")));
	hy_buf_clear(&b);
	assert_int_equal(hy_buf_len(&b), 0);
	assert_non_null(hy_buf_reserve(&b, 0));
	hy_buf_fini(&b);
}

static void test_varints_come_back(void **state)
{
	const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
	struct hy_buf b = {0};
	for (size_t i = 0; i < HY_COUNT_OF(values); i++)
		hy_buf_put_varint(&b, values[i]);
	struct hy_bytes in = hy_buf_bytes(&b);
	for (size_t i = 0; i < HY_COUNT_OF(values); i++) {
		uint64_t v;
		assert_true(hy_get_varint(&in, &v));
		assert_true(v == values[i]);
	}
	assert_int_equal(in.len, 0);
	hy_buf_fini(&b);
}

static void test_malformed_varints_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"", 0},
		{"\x80", 1},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct hy_bytes in = hy_bytes(cases[i].bytes, cases[i].len);
		uint64_t v;
		assert_false(hy_get_varint(&in, &v));
	}
}

static void test_bytes_come_back_and_cut_ones_are_refused(void **state)
{
	struct hy_buf b = {0};
	hy_buf_put_bytes(&b, hy_bytes_str("inbox"));
	hy_buf_put_bytes(&b, hy_bytes(NULL, 0));
	struct hy_bytes in = hy_buf_bytes(&b), v;
	assert_true(hy_get_bytes(&in, &v));
	assert_true(hy_bytes_equal(v, hy_bytes_str("inbox")));
	assert_true(hy_get_bytes(&in, &v));
	assert_int_equal(v.len, 0);
	for (size_t cut = 0; cut < 6; cut++) {
		in = hy_bytes(hy_buf_data(&b), cut);
		assert_false(hy_get_bytes(&in, &v));
	}
	hy_buf_fini(&b);
}

static void test_bytes_are_ordered_byte_by_byte_then_by_length(void **state)
{
	assert_int_equal(hy_bytes_compare(hy_bytes_str("a"), hy_bytes_str("b")), -1);
	assert_int_equal(hy_bytes_compare(hy_bytes_str("ab"), hy_bytes_str("a")), 1);
	assert_int_equal(hy_bytes_compare(hy_bytes(NULL, 0), hy_bytes_str("")), 0);
	assert_int_equal(hy_bytes_compare(hy_bytes("\xff", 1), hy_bytes("\x01\x01", 2)), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_goes_in_at_the_back_comes_out_at_the_front),
		cmocka_unit_test(test_a_buffer_that_is_drained_does_not_grow),
		cmocka_unit_test(test_a_wiped_buffer_keeps_its_bytes_when_it_moves),
		cmocka_unit_test(test_reserved_room_counts_when_committed),
		cmocka_unit_test(test_varints_come_back),
		cmocka_unit_test(test_malformed_varints_are_refused),
		cmocka_unit_test(test_bytes_come_back_and_cut_ones_are_refused),
		cmocka_unit_test(test_bytes_are_ordered_byte_by_byte_then_by_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
