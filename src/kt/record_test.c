#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kt/place.h"
#include "kt/record.h"

static const struct kt_space log_space = {1, KT_LOG, "log", NULL};
static const struct kt_space map_space = {2, KT_MAP, "map", NULL};
static const struct kt_space window_space = {3, KT_WINDOW, "window", NULL};
static const struct kt_space *const by_id[KT_SPACE_ID_MAX + 1] = {NULL, &log_space, &map_space, &window_space};

#define B(text)                                         \
	{                                               \
		(const uint8_t *)text, sizeof(text) - 1 \
	}

static const struct kt_effect effects[] = {
	{KT_EFFECT_APPEND, &log_space, 300, 1u << 20, {NULL, 0}, B("value")},
	{KT_EFFECT_TRIM, &log_space, UINT64_MAX, 7, {NULL, 0}, {NULL, 0}},
	{KT_EFFECT_PUT, &map_space, 1, 0, B("name"), B("")},
	{KT_EFFECT_DELETE, &map_space, 2, 0, B("name"), {NULL, 0}},
	{KT_EFFECT_WINDOW, &window_space, 0, 0, B("12345678-id"), B("hash")},
};

static void test_groups_come_back_as_they_were(void **state)
{
	struct hy_key key = hy_key_user(42), other = hy_key_name("ann", 3);
	struct hy_buf out = {0};
	struct kt_group group;
	kt_record_encode(&key, effects, HY_COUNT_OF(effects), &out);
	kt_record_encode(&other, effects, 1, &out);
	struct hy_bytes in = hy_buf_bytes(&out);
	assert_true(kt_record_decode(by_id, &in, &group));
	assert_true(hy_key_equal(&group.key, &key));
	assert_int_equal(group.count, HY_COUNT_OF(effects));
	for (size_t i = 0; i < group.count; i++) {
		assert_int_equal(group.effects[i].kind, effects[i].kind);
		assert_ptr_equal(group.effects[i].space, effects[i].space);
		assert_true(
			group.effects[i].version == effects[i].version && group.effects[i].total == effects[i].total);
		assert_true(hy_bytes_equal(group.effects[i].name, effects[i].name));
		assert_true(hy_bytes_equal(group.effects[i].value, effects[i].value));
	}
	assert_true(kt_record_decode(by_id, &in, &group));
	assert_true(hy_key_equal(&group.key, &other));
	assert_int_equal(in.len, 0);
	hy_buf_fini(&out);
}

static void test_every_cut_is_noticed(void **state)
{
	struct hy_key key = hy_key_user(42);
	struct hy_buf out = {0};
	struct kt_group group;
	kt_record_encode(&key, effects, HY_COUNT_OF(effects), &out);
	for (size_t len = 0; len < hy_buf_len(&out); len++) {
		struct hy_bytes in = hy_bytes(hy_buf_data(&out), len);
		assert_false(kt_record_decode(by_id, &in, &group));
	}
	hy_buf_fini(&out);
}

static void test_what_is_no_group_is_refused(void **state)
{
	static const struct hy_bytes bad[] = {
		B("\x00\x01"),                                          /* no key */
		B("\x29uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu\x01"), /* a key too long */
		B("\x01u\x00"),                                         /* no effect */
		B("\x01u\x09"),                                         /* too many */
		B("\x01u\x01\x06\x01\x01\x01\x00"),                     /* an unknown kind */
		B("\x01u\x01\x01\x09\x01\x01\x00"),                     /* an unknown space */
		B("\x01u\x01\x01\x02\x01\x01\x00"),                     /* an append to a map */
		B("\x01u\x01\x01\x01\x00\x01\x00"),                     /* version 0 */
		B("\x01u\x01\x03\x02\x01\x00\x00"),                     /* a map row without a name */
		B("\x01u\x01\x05\x03\x01\x07"
		  "1234567\x00"), /* a window name without a whole time */
	};
	struct kt_group group;
	for (size_t i = 0; i < HY_COUNT_OF(bad); i++) {
		struct hy_bytes in = bad[i];
		assert_false(kt_record_decode(by_id, &in, &group));
	}
}

static void test_rows_of_a_log_lie_in_version_order(void **state)
{
	struct hy_key key = hy_key_user(42), next = hy_key_user(43);
	struct place_name a, b;
	static const uint64_t versions[] = {1, 255, 256, 65536, 1ull << 40, UINT64_MAX};
	place_log_row(&a, &key, 1, 0);
	for (size_t i = 0; i < HY_COUNT_OF(versions); i++) {
		place_log_row(&b, &key, 1, versions[i]);
		assert_int_equal(hy_bytes_compare(place_bytes(&a), place_bytes(&b)), -1);
		a = b;
	}
	place_log_row(&b, &next, 1, 1);
	assert_int_equal(hy_bytes_compare(place_bytes(&a), place_bytes(&b)), -1);
}

static void test_rows_of_a_map_lie_between_its_ends(void **state)
{
	struct hy_key key = hy_key_name("ann", 3), longer = hy_key_name("anna", 4);
	struct place_name from, to, row;
	struct hy_bytes name;
	place_map_row(&from, &key, 2, (struct hy_bytes){0});
	place_map_end(&to, &key, 2);
	place_map_row(&row, &key, 2, hy_bytes_str("\xff\xff"));
	assert_int_equal(hy_bytes_compare(place_bytes(&from), place_bytes(&row)), -1);
	assert_int_equal(hy_bytes_compare(place_bytes(&row), place_bytes(&to)), -1);
	assert_true(place_get_map_name(place_bytes(&row), &name));
	assert_true(hy_bytes_equal(name, hy_bytes_str("\xff\xff")));
	place_map_row(&row, &longer, 2, hy_bytes_str("x"));
	assert_int_equal(hy_bytes_compare(place_bytes(&to), place_bytes(&row)), -1);
}

static void test_a_window_row_expires_with_its_whole_hour(void **state)
{
	struct hy_key key = hy_key_user(1);
	struct place_name row;
	uint8_t name[8];
	const uint64_t hour = 3600 * 1000;
	hy_put_be64(name, 10 * hour + 5);
	place_window_row(&row, &key, 3, hy_bytes(name, 8));
	assert_false(place_is_expired(place_bytes(&row), 0));
	assert_false(place_is_expired(place_bytes(&row), 11 * hour - 1));
	assert_true(place_is_expired(place_bytes(&row), 11 * hour));
	hy_put_be64(name, UINT64_MAX); /* beyond all hours: never */
	place_window_row(&row, &key, 3, hy_bytes(name, 8));
	assert_false(place_is_expired(place_bytes(&row), UINT64_MAX));
	place_head(&row, &key);
	assert_false(place_is_expired(place_bytes(&row), UINT64_MAX));
}

static void test_heads_come_back_as_they_were(void **state)
{
	const struct place_table t = {7, 1000, 999, 1ull << 50, 12345, {1800000000000}};
	struct place_table back;
	struct hy_buf out = {0};
	place_put_table(&out, &t);
	for (size_t len = 0; len < hy_buf_len(&out); len++) {
		struct hy_bytes cut = hy_bytes(hy_buf_data(&out), len);
		assert_false(place_get_table(&cut, &back));
	}
	struct hy_bytes in = hy_buf_bytes(&out);
	assert_true(place_get_table(&in, &back));
	assert_true(back.space == t.space && back.version == t.version && back.trimmed == t.trimmed);
	assert_true(back.total == t.total && back.trimmed_total == t.trimmed_total && back.newest_ms == t.newest_ms);
	hy_buf_fini(&out);
}

static void test_counts_of_a_map_come_back_or_are_not_kept(void **state)
{
	uint64_t rows, tombstones;
	assert_false(place_get_map_counts(0, &rows, &tombstones));
	assert_false(place_get_map_counts(place_map_counts(1u << 20, 0), &rows, &tombstones));
	assert_true(place_get_map_counts(place_map_counts(0, 0), &rows, &tombstones));
	assert_true(rows == 0 && tombstones == 0);
	assert_true(place_get_map_counts(place_map_counts(KT_MAP_NAMES_MAX, 77), &rows, &tombstones));
	assert_true(rows == KT_MAP_NAMES_MAX && tombstones == 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups_come_back_as_they_were),
		cmocka_unit_test(test_every_cut_is_noticed),
		cmocka_unit_test(test_what_is_no_group_is_refused),
		cmocka_unit_test(test_rows_of_a_log_lie_in_version_order),
		cmocka_unit_test(test_rows_of_a_map_lie_between_its_ends),
		cmocka_unit_test(test_a_window_row_expires_with_its_whole_hour),
		cmocka_unit_test(test_heads_come_back_as_they_were),
		cmocka_unit_test(test_counts_of_a_map_come_back_or_are_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
