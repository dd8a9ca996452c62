#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/key.h"

static void test_stored_bytes_never_change(void **state)
{
	struct hy_key k = hy_key_user(0x01020304);
	assert_true(hy_bytes_equal(hy_key_bytes(&k), hy_bytes("u\x01\x02\x03\x04", 5)));
	k = hy_key_name("ann", 3);
	assert_true(hy_bytes_equal(hy_key_bytes(&k), hy_bytes_str("nann")));
	k = hy_key_system("floor");
	assert_true(hy_bytes_equal(hy_key_bytes(&k), hy_bytes_str("sfloor")));
}

static void test_the_hash_never_changes(void **state)
{
	struct hy_key k = hy_key_user(42), l = hy_key_name("ann", 3);
	assert_true(hy_key_hash(&k) == UINT64_C(0x1009ec539bf76cfe));
	assert_true(hy_key_hash(&l) == UINT64_C(0x9a0ae372f7d70ebc));
}

static void test_equal_means_same_kind_and_same_name(void **state)
{
	struct hy_key a = hy_key_name("ann", 3), b = hy_key_name("anna", 3), c = hy_key_system("ann"),
		      d = hy_key_name("an", 2);
	assert_true(hy_key_equal(&a, &b));
	assert_false(hy_key_equal(&a, &c));
	assert_false(hy_key_equal(&a, &d));
}

static void test_text_there_and_back(void **state)
{
	static const char *const texts[] = {"user:0", "user:42", "user:4294967295", "name:ann", "system:floor",
		"name:a\\x00b\\xff", "name:\\x5cx41", "name:a:b"};
	for (size_t i = 0; i < HY_COUNT_OF(texts); i++) {
		struct hy_key k;
		char text[64];
		assert_true(hy_key_parse(texts[i], &k));
		assert_string_equal(hy_key_text(&k, text, sizeof text), texts[i]);
	}
}

static void test_what_names_no_key_is_refused(void **state)
{
	static const char *const texts[] = {"", "user", "user:", "user:-1", "user:4294967296", "user:1x", "user:01",
		"name:", "name:\\", "name:\\x", "name:\\x4", "name:\\xzz", "group:1", ":1", "users:1",
		"name:0123456789012345678901234567890123456789"};
	for (size_t i = 0; i < HY_COUNT_OF(texts); i++) {
		struct hy_key k;
		assert_false(hy_key_parse(texts[i], &k));
	}
}

static void test_long_text_is_cut_between_characters(void **state)
{
	char name[HY_KEY_MAX - 1], text[64];
	memset(name, 1, sizeof name);
	struct hy_key k = hy_key_name(name, sizeof name);
	assert_true(strlen(hy_key_text(&k, text, sizeof text)) < 64);
	assert_int_equal((strlen(text) - strlen("name:")) % 4, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stored_bytes_never_change),
		cmocka_unit_test(test_the_hash_never_changes),
		cmocka_unit_test(test_equal_means_same_kind_and_same_name),
		cmocka_unit_test(test_text_there_and_back),
		cmocka_unit_test(test_what_names_no_key_is_refused),
		cmocka_unit_test(test_long_text_is_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
