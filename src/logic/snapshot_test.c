/* Snapshots mean something to their owner alone (rule R3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/snapshot.h"

static const uint8_t key[LOGIC_KEY_SIZE] = "the key of this test", other_key[LOGIC_KEY_SIZE] = "another key";
static const struct snapshot_owner owner = {.epoch = 0x1122334455667788, .uin = 42, .device = "phone"};
static const struct snapshot_versions versions = {.account = 3, .contacts = 0, .messages = UINT64_MAX,
	.account_began = 7,
	.contacts_began = 8};

static enum snapshot_verdict decode(const uint8_t *bytes, size_t len)
{
	struct snapshot_versions got;
	return snapshot_decode(key, &owner, hy_bytes(bytes, len), &got);
}

static void test_round_trip(void **state)
{
	uint8_t bytes[SNAPSHOT_SIZE];
	struct snapshot_versions got;

	snapshot_encode(key, &owner, &versions, bytes);
	assert_int_equal(snapshot_decode(key, &owner, hy_bytes(bytes, sizeof bytes), &got), SNAPSHOT_GOOD);
	assert_memory_equal(&got, &versions, sizeof got);
}

static void test_renewed(void **state)
{
	static const struct snapshot_versions earlier = {.account = 1};
	uint8_t bytes[SNAPSHOT_SIZE], renewed[SNAPSHOT_SIZE], wanted[SNAPSHOT_SIZE];

	snapshot_encode(key, &owner, &earlier, bytes);
	snapshot_encode(key, &owner, &versions, wanted);
	snapshot_renew(key, hy_bytes(bytes, sizeof bytes), &versions, renewed);
	assert_memory_equal(renewed, wanted, sizeof wanted);
}

static void test_without_marks(void **state)
{
	/* as servers gave them out that knew no trim marks */
	static const uint8_t old[] = {
		/* clang-format off */
		0x01, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x00, 0x00, 0x00, 0x2a,
		0xd3, 0x15, 0xd3, 0x20, 0x79, 0x26, 0xac, 0xef, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0x96, 0x55, 0xc2, 0xc5, 0xe6, 0x0f, 0xd7, 0xab, 0x59, 0x53, 0x8d, 0x38, 0x82, 0x57, 0x8c, 0xff,
		/* clang-format on */
	};
	struct snapshot_versions got;

	assert_int_equal(snapshot_decode(key, &owner, hy_bytes(old, sizeof old), &got), SNAPSHOT_GOOD);
	assert_true(got.account == 3 && got.contacts == 0 && got.messages == UINT64_MAX);
	assert_true(got.account_began == 0 && got.contacts_began == 0);

	uint8_t renewed[SNAPSHOT_SIZE], wanted[SNAPSHOT_SIZE];
	snapshot_encode(key, &owner, &versions, wanted);
	snapshot_renew(key, hy_bytes(old, sizeof old), &versions, renewed);
	assert_memory_equal(renewed, wanted, sizeof wanted);
}

static void test_every_bit(void **state)
{
	uint8_t bytes[SNAPSHOT_SIZE];

	snapshot_encode(key, &owner, &versions, bytes);
	for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(decode(bytes, sizeof bytes), bit < 8 ? SNAPSHOT_MALFORMED : SNAPSHOT_FORGED);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void test_every_length(void **state)
{
	uint8_t bytes[SNAPSHOT_SIZE + 3] = {0};

	snapshot_encode(key, &owner, &versions, bytes);
	for (size_t len = 0; len <= sizeof bytes; len++)
		assert_int_equal(decode(bytes, len), len == SNAPSHOT_SIZE ? SNAPSHOT_GOOD : SNAPSHOT_MALFORMED);
}

static const struct owner_case {
	const char *label;
	struct snapshot_owner made_for;
	const uint8_t *made_with;
	enum snapshot_verdict want;
} owner_cases[] = {
	{"the owner's own is good", {0x1122334455667788, 42, "phone"}, key, SNAPSHOT_GOOD},
	{"of another epoch", {0x1122334455667789, 42, "phone"}, key, SNAPSHOT_OTHER_EPOCH},
	{"of another user", {0x1122334455667788, 43, "phone"}, key, SNAPSHOT_OTHER_OWNER},
	{"of another device", {0x1122334455667788, 42, "desk"}, key, SNAPSHOT_OTHER_OWNER},
	{"of a server with another key", {0x1122334455667788, 42, "phone"}, other_key, SNAPSHOT_FORGED},
};

static void test_owner(void **state)
{
	const struct owner_case *c = *state;
	uint8_t bytes[SNAPSHOT_SIZE];

	snapshot_encode(c->made_with, &c->made_for, &versions, bytes);
	assert_int_equal(decode(bytes, sizeof bytes), c->want);
}

int main(void)
{
	struct CMUnitTest tests[5 + HY_COUNT_OF(owner_cases)] = {
		{"what was encoded is decoded", test_round_trip},
		{"one that is renewed is as one made anew", test_renewed},
		{"what earlier servers gave out is still good", test_without_marks},
		{"no bit can be changed", test_every_bit},
		{"no length but the right one is taken", test_every_length},
	};
	for (size_t i = 0; i < HY_COUNT_OF(owner_cases); i++)
		tests[5 + i] = (struct CMUnitTest){.name = owner_cases[i].label,
			.test_func = test_owner,
			.initial_state = (void *)(uintptr_t)&owner_cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
