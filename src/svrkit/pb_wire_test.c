/* What is checked unpacks; what is unpacked packs to the same; a full arena refuses cleanly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "every_type.pb-c.h"
#include "svrkit/pb.h"

#define D (&test__every_type__descriptor)

static uint64_t random_next(uint64_t *seed)
{
	uint64_t z = (*seed += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Packs a message that has every kind of field, three deep. */
static void pack_sample(struct hy_buf *out)
{
	Test__EveryType leaf = TEST__EVERY_TYPE__INIT;
	leaf.a_string = (char *)"leaf";
	leaf.choice_case = TEST__EVERY_TYPE__CHOICE_CHOSEN_BYTES;
	leaf.chosen_bytes = (ProtobufCBinaryData){4, (uint8_t *)"\0\1\2\3"};
	Test__EveryType *leaves[] = {&leaf, &leaf, &leaf};
	Test__EveryType middle = TEST__EVERY_TYPE__INIT;
	middle.n_children = HY_COUNT_OF(leaves);
	middle.children = leaves;

	uint32_t uint32s[40];
	for (uint32_t i = 0; i < HY_COUNT_OF(uint32s); i++)
		uint32s[i] = i * 7919;
	int64_t sint64s[] = {0, -1, INT64_MIN, INT64_MAX};
	double doubles[] = {0.5, -2e300};
	char *strings[] = {(char *)"", (char *)"\xe9\xb8\xbf\xe9\x9b\x81"};
	ProtobufCBinaryData byte_strings[] = {{0, NULL}, {2, (uint8_t *)"\xff\0"}};
	Test__Colour colours[] = {TEST__COLOUR__COLOUR_RED, TEST__COLOUR__COLOUR_BLUE, (Test__Colour)99};

	Test__EveryType top = TEST__EVERY_TYPE__INIT;
	top.an_int32 = INT32_MIN;
	top.a_sint32 = -5;
	top.a_fixed64 = UINT64_MAX;
	top.a_double = 1.5;
	top.a_bool = true;
	top.a_string = (char *)"ann";
	top.some_bytes = (ProtobufCBinaryData){3, (uint8_t *)"\0\xff\0"};
	top.child = &middle;
	top.n_uint32s = HY_COUNT_OF(uint32s);
	top.uint32s = uint32s;
	top.n_sint64s = HY_COUNT_OF(sint64s);
	top.sint64s = sint64s;
	top.n_doubles = HY_COUNT_OF(doubles);
	top.doubles = doubles;
	top.n_strings = HY_COUNT_OF(strings);
	top.strings = strings;
	top.n_byte_strings = HY_COUNT_OF(byte_strings);
	top.byte_strings = byte_strings;
	top.n_colours = HY_COUNT_OF(colours);
	top.colours = colours;
	top.n_children = HY_COUNT_OF(leaves);
	top.children = leaves;
	top.choice_case = TEST__EVERY_TYPE__CHOICE_CHOSEN_CHILD;
	top.chosen_child = &leaf;
	pb_pack(&top.base, out);
	hy_buf_append(out, "\x9a\x06\x03xyz", 6); /* an unknown field */
}

static void test_round_trip(void **state)
{
	struct hy_buf wire = {0}, again = {0};
	struct hy_arena arena;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	pack_sample(&wire);
	ProtobufCMessage *m = pb_unpack(D, hy_buf_bytes(&wire), &arena);
	assert_non_null(m);
	const Test__EveryType *t = (const Test__EveryType *)m;
	assert_int_equal(t->an_int32, INT32_MIN);
	assert_string_equal(t->child->children[2]->a_string, "leaf");
	assert_int_equal(t->colours[2], 99);
	pb_pack(m, &again);
	assert_true(hy_bytes_equal(hy_buf_bytes(&wire), hy_buf_bytes(&again)));
	hy_arena_fini(&arena);
	hy_buf_fini(&wire);
	hy_buf_fini(&again);
}

static void test_copy_stands_alone(void **state)
{
	struct hy_buf wire = {0}, again = {0};
	struct hy_arena first, second;
	hy_arena_init(&first, HY_ARENA_LIMIT_DEFAULT);
	hy_arena_init(&second, HY_ARENA_LIMIT_DEFAULT);
	pack_sample(&wire);
	ProtobufCMessage *m = pb_unpack(D, hy_buf_bytes(&wire), &first);
	assert_non_null(m);
	ProtobufCMessage *copy = pb_copy(m, &second);
	assert_non_null(copy);
	hy_arena_fini(&first);
	pb_pack(copy, &again);
	assert_true(hy_bytes_equal(hy_buf_bytes(&wire), hy_buf_bytes(&again)));
	hy_arena_fini(&second);
	hy_buf_fini(&wire);
	hy_buf_fini(&again);
}

/* Every single allocation is refused once. */
static void test_full_arena(void **state)
{
	struct hy_buf wire = {0};
	pack_sample(&wire);
	struct hy_arena roomy, arena;
	hy_arena_init(&roomy, HY_ARENA_LIMIT_DEFAULT);
	ProtobufCMessage *m = pb_unpack(D, hy_buf_bytes(&wire), &roomy);
	assert_non_null(m);
	size_t needed = roomy.used;
	for (size_t limit = 0; limit < needed; limit++) {
		hy_arena_init(&arena, limit);
		assert_null(pb_unpack(D, hy_buf_bytes(&wire), &arena));
		hy_arena_fini(&arena);
	}
	for (size_t limit = 0;; limit++) {
		hy_arena_init(&arena, limit);
		bool copied = pb_copy(m, &arena) != NULL;
		hy_arena_fini(&arena);
		if (copied)
			break;
		assert_true(limit <= needed);
	}
	hy_arena_fini(&roomy);
	hy_buf_fini(&wire);
}

/* pb_check() and then: unpacks, packs, and what it packs is fine and stays the same. Returns whether pb_check() let it
 * through. */
static bool holds_together(struct hy_bytes wire)
{
	if (!pb_check(D, wire))
		return false;
	struct hy_arena arena;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	ProtobufCMessage *m = pb_unpack(D, wire, &arena);
	assert_non_null(m);
	struct hy_buf packed = {0}, again = {0};
	pb_pack(m, &packed);
	ProtobufCMessage *second = pb_unpack(D, hy_buf_bytes(&packed), &arena);
	assert_non_null(second);
	pb_pack(second, &again);
	assert_true(hy_bytes_equal(hy_buf_bytes(&packed), hy_buf_bytes(&again)));
	hy_buf_fini(&packed);
	hy_buf_fini(&again);
	hy_arena_fini(&arena);
	return true;
}

static void test_random_bytes(void **state)
{
	uint64_t seed = 1;
	unsigned valid = 0;
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t wire[24];
		size_t len = random_next(&seed) % sizeof(wire);
		for (size_t k = 0; k < len; k++)
			wire[k] = (uint8_t)random_next(&seed);
		valid += holds_together(hy_bytes(wire, len));
	}
	assert_true(valid > 500);
}

static void test_mutated_messages(void **state)
{
	struct hy_buf sample = {0};
	pack_sample(&sample);
	uint64_t seed = 2;
	unsigned valid = 0, refused = 0;
	for (unsigned i = 0; i < 20000; i++) {
		struct hy_buf wire = {0};
		hy_buf_append(&wire, hy_buf_data(&sample), hy_buf_len(&sample));
		for (unsigned changes = 1 + random_next(&seed) % 3; changes > 0; changes--) {
			size_t at = random_next(&seed) % hy_buf_len(&wire);
			hy_buf_data(&wire)[at] ^= (uint8_t)(1u << random_next(&seed) % 8);
		}
		size_t len = hy_buf_len(&wire);
		if (random_next(&seed) % 4 == 0)
			len = random_next(&seed) % len;
		if (holds_together(hy_bytes(hy_buf_data(&wire), len)))
			valid++;
		else
			refused++;
		hy_buf_fini(&wire);
	}
	assert_true(valid > 500 && refused > 500);
	hy_buf_fini(&sample);
}

/* The greediest bodies there are: what they unpack to stays below the arena's cap, or they are refused. */
static void test_greedy_bodies(void **state)
{
	static const struct {
		const char *field;
		size_t len;
		size_t count;
	} bodies[] = {
		{"\xea\x01\x00", 3, 349525},        /* empty sub-messages */
		{"\xe2\x01\x00", 3, PB_FIELDS_MAX}, /* large structs from three bytes each */
		{"\x9a\x06\x00", 3, PB_FIELDS_MAX}, /* unknown fields */
		{"\xca\x01\x00", 3, PB_FIELDS_MAX}, /* empty strings */
	};
	for (size_t i = 0; i < HY_COUNT_OF(bodies); i++) {
		struct hy_buf wire = {0};
		for (size_t k = 0; k < bodies[i].count; k++)
			hy_buf_append(&wire, bodies[i].field, bodies[i].len);
		struct hy_arena arena;
		hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
		ProtobufCMessage *m = pb_unpack(D, hy_buf_bytes(&wire), &arena);
		assert_true(arena.used <= HY_ARENA_LIMIT_DEFAULT);
		if (m != NULL)
			holds_together(hy_buf_bytes(&wire));
		hy_arena_fini(&arena);
		hy_buf_fini(&wire);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a message with every kind of field comes back the same", test_round_trip, NULL, NULL, NULL},
		{"a copy does not need the original", test_copy_stands_alone, NULL, NULL, NULL},
		{"a full arena refuses, wherever it is full", test_full_arena, NULL, NULL, NULL},
		{"random bytes that pass the check unpack", test_random_bytes, NULL, NULL, NULL},
		{"changed messages that pass the check unpack", test_mutated_messages, NULL, NULL, NULL},
		{"greedy bodies stay below the cap", test_greedy_bodies, NULL, NULL, NULL},
	};
	return cmocka_run_group_tests_name("pb_wire", tests, NULL, NULL);
}
