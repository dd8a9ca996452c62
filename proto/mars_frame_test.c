/* The long link's frame: every boundary of its head, and what is there before all of it has come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mars_frame.h"

#define BODY_MAX 100u

/** A frame of head_len + body_len bytes, whose body counts up from 1, of which `have` bytes are there. */
static const struct parse_case {
	const char *label;
	uint32_t head_len, body_len, body_max;
	size_t have;
	enum mars_parse want;
} parse_cases[] = {
	{"nothing is not yet a frame", 20, 0, BODY_MAX, 0, MARS_PARTIAL},
	{"one byte is not yet a frame", 20, 0, BODY_MAX, 1, MARS_PARTIAL},
	{"a head without its last byte is not judged", 0xFFFFFFFF, 0xFFFFFFFF, BODY_MAX, 19, MARS_PARTIAL},
	{"a head alone is a frame", 20, 0, BODY_MAX, 20, MARS_WHOLE},
	{"a head that is too short is bad", 19, 0, BODY_MAX, 20, MARS_BAD},
	{"a head of no length is bad", 0, 0, BODY_MAX, 20, MARS_BAD},
	{"a head with options is a frame", 21, 3, BODY_MAX, 24, MARS_WHOLE},
	{"options that have not come are waited for", 24, 0, BODY_MAX, 23, MARS_PARTIAL},
	{"the longest head is a frame", MARS_HEAD_MAX, 1, BODY_MAX, MARS_HEAD_MAX + 1, MARS_WHOLE},
	{"a head longer than that is bad", MARS_HEAD_MAX + 1, 0, BODY_MAX, MARS_HEAD_MAX + 1, MARS_BAD},
	{"a head whose length overflows is bad", 0xFFFFFFFF, 0, BODY_MAX, 20, MARS_BAD},
	{"a body without its last byte is waited for", 20, 5, BODY_MAX, 24, MARS_PARTIAL},
	{"a body is whole with its last byte", 20, 5, BODY_MAX, 25, MARS_WHOLE},
	{"what follows a frame is left alone", 20, 5, BODY_MAX, 60, MARS_WHOLE},
	{"the longest body allowed is a frame", 20, BODY_MAX, BODY_MAX, 20 + BODY_MAX, MARS_WHOLE},
	{"a longer one is bad before it comes", 20, BODY_MAX + 1, BODY_MAX, 20, MARS_BAD},
	{"no body allowed, none there", 20, 0, 0, 20, MARS_WHOLE},
	{"no body allowed, one announced", 20, 1, 0, 20, MARS_BAD},
	{"the longest frame of all is waited for", 20, MARS_FRAME_MAX - 20, 0xFFFFFFFF, 20, MARS_PARTIAL},
	{"one byte more is bad whatever the caller allows", 20, MARS_FRAME_MAX - 19, 0xFFFFFFFF, 20, MARS_BAD},
	{"options count for the longest frame", 21, MARS_FRAME_MAX - 20, 0xFFFFFFFF, 21, MARS_BAD},
	{"a body whose length overflows is bad", 20, 0xFFFFFFFF, 0xFFFFFFFF, 20, MARS_BAD},
};

static void test_parse(void **state)
{
	const struct parse_case *c = *state;
	uint8_t bytes[512] = {0};
	struct mars_frame f;

	hy_put_be32(bytes, c->head_len);
	hy_put_be32(bytes + 4, 0x01020304);
	hy_put_be32(bytes + 8, 0xFFFFFFFE);
	hy_put_be32(bytes + 12, 0x80000001);
	hy_put_be32(bytes + 16, c->body_len);
	for (uint32_t i = 0; c->head_len <= MARS_HEAD_MAX && i < c->body_len && c->head_len + i < sizeof bytes; i++)
		bytes[c->head_len + i] = (uint8_t)(i + 1);
	assert_int_equal(mars_parse(hy_bytes(bytes, c->have), c->body_max, &f), c->want);
	if (c->want == MARS_BAD)
		return;
	if (c->have < MARS_HEAD) {
		assert_int_equal(f.size, 0);
		return;
	}
	assert_int_equal(f.size, (size_t)c->head_len + c->body_len);
	assert_int_equal(f.version, 0x01020304);
	assert_int_equal(f.cmd, 0xFFFFFFFE);
	assert_int_equal(f.seq, 0x80000001);
	if (c->want == MARS_PARTIAL)
		return;
	assert_int_equal(f.body.len, c->body_len);
	assert_ptr_equal(f.body.data, bytes + c->head_len);
}

static void test_every_cut(void **state)
{
	uint8_t bytes[2 * (MARS_HEAD + 7)];
	struct mars_frame f;

	for (int i = 0; i < 2; i++) {
		mars_write_head(bytes + i * 27, MARS_VERSION, 100 + (uint32_t)i, 7, 7);
		memset(bytes + i * 27 + 20, 'a' + i, 7);
	}
	for (size_t n = 0; n < sizeof bytes; n++) {
		assert_int_equal(mars_parse(hy_bytes(bytes, n), 7, &f), n < 27 ? MARS_PARTIAL : MARS_WHOLE);
		assert_int_equal(f.size, n < MARS_HEAD ? 0 : 27);
	}
	assert_int_equal(mars_parse(hy_bytes(bytes + f.size, 27), 7, &f), MARS_WHOLE);
	assert_int_equal(f.cmd, 101);
	assert_memory_equal(f.body.data, "bbbbbbb", 7);
}

static void test_write(void **state)
{
	static const uint8_t want[MARS_HEAD] = {
		0, 0, 0, 20, 0, 0, 0, 200, 0, 0, 0, 6, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1, 0xE2, 0x40};
	uint8_t got[MARS_HEAD + 1];

	got[MARS_HEAD] = 0x5A;
	mars_write_head(got, MARS_VERSION, MARS_CMD_NOOP, MARS_SEQ_NOOP, 123456);
	assert_memory_equal(got, want, MARS_HEAD);
	assert_int_equal(got[MARS_HEAD], 0x5A);
}

int main(void)
{
	struct CMUnitTest tests[HY_COUNT_OF(parse_cases) + 2] = {
		{"two frames, cut at every byte", test_every_cut, NULL, NULL, NULL},
		{"a head is written big-endian", test_write, NULL, NULL, NULL},
	};

	for (size_t i = 0; i < HY_COUNT_OF(parse_cases); i++)
		tests[i + 2] =
			(struct CMUnitTest){parse_cases[i].label, test_parse, NULL, NULL, (void *)&parse_cases[i]};
	return cmocka_run_group_tests_name("mars_frame", tests, NULL, NULL);
}
