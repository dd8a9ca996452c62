/* Which wire bytes are let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "every_type.pb-c.h"
#include "svrkit/pb.h"

#define D (&test__every_type__descriptor)
#define BYTES(s) s, sizeof(s) - 1

static const struct check_case {
	const char *label;
	const char *wire;
	size_t len;
	bool valid;
} check_cases[] = {
	{"no bytes are an empty message", BYTES(""), true},
	{"a number", BYTES("\x20\x01"), true},
	{"a number cut before its value", BYTES("\x20"), false},
	{"a number cut within its value", BYTES("\x20\x80"), false},
	{"a number of ten bytes", BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true},
	{"a number of eleven bytes", BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false},
	{"a number written with more bytes than it needs", BYTES("\x20\x81\x80\x00"), true},
	{"an enum that this version does not know", BYTES("\x80\x01\x63"), true},
	{"a negative enum", BYTES("\x80\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true},
	{"four fixed bytes", BYTES("\x2d\x01\x02\x03\x04"), true},
	{"four fixed bytes, cut", BYTES("\x2d\x01\x02\x03"), false},
	{"eight fixed bytes", BYTES("\x51\x01\x02\x03\x04\x05\x06\x07\x08"), true},
	{"eight fixed bytes, cut", BYTES("\x51\x01\x02\x03\x04\x05\x06\x07"), false},
	{"a varint where four fixed bytes belong", BYTES("\x28\x01"), false},
	{"four fixed bytes where a varint belongs", BYTES("\x25\x01\x02\x03\x04"), false},
	{"a length where a number belongs", BYTES("\x22\x01\x01"), false},
	{"a fixed number where a bool belongs", BYTES("\x6d\x01\x02\x03\x04"), false},
	{"a number where a string belongs", BYTES("\x70\x01"), false},
	{"a string", BYTES("\x72\003ann"), true},
	{"an empty string", BYTES("\x72\x00"), true},
	{"a string longer than the bytes", BYTES("\x72\004ann"), false},
	{"a string with a length of two gigabytes", BYTES("\x72\xff\xff\xff\xff\007ann"), false},
	{"a length of six bytes", BYTES("\x72\x83\x80\x80\x80\x80\000ann"), false},
	{"a string with a NUL", BYTES("\x72\005ann\0x"), false},
	{"a string of three and four byte characters", BYTES("\x72\x07\xe9\xb8\xbf\xf0\x9f\xa6\xa2"), true},
	{"a string that is no UTF-8", BYTES("\x72\x02\xc3\x28"), false},
	{"bytes may be anything", BYTES("\x7a\x03\x00\xff\xfe"), true},
	{"packed numbers", BYTES("\xa2\x01\x03\x01\x80\x01"), true},
	{"packed numbers, the last one cut", BYTES("\xa2\x01\x02\x01\x80"), false},
	{"packed numbers may be none", BYTES("\xa2\x01\x00"), true},
	{"numbers that could be packed but are not", BYTES("\xa0\x01\x01\xa0\x01\x02"), true},
	{"a packed number of eleven bytes", BYTES("\xa2\x01\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false},
	{"packed fixed numbers", BYTES("\xb2\x01\x08\x01\x02\x03\x04\x05\x06\x07\x08"), true},
	{"packed fixed numbers of an odd length", BYTES("\xb2\x01\x06\x01\x02\x03\x04\x05\x06"), false},
	{"numbers declared unpacked may come packed", BYTES("\xf2\x01\x02\x01\x02"), true},
	{"a child", BYTES("\x8a\x01\x02\x20\x01"), true},
	{"a child whose field reaches past its end", BYTES("\x8a\x01\x02\x72\001a"), false},
	{"a child twice", BYTES("\x8a\x01\x02\x20\x01\x8a\x01\x02\x20\x01"), false},
	{"a repeated child twice", BYTES("\xe2\x01\x02\x20\x01\xe2\x01\x02\x20\x01"), true},
	{"a child in each of two children", BYTES("\xe2\x01\x03\x8a\x01\x00\xe2\x01\x03\x8a\x01\x00"), true},
	{"unknown fields of all wire types",
		BYTES("\x98\x06\x01\x99\x06\x01\x02\x03\x04\x05\x06\x07\x08\x9a\x06\x02\x00\xff\x9d\x06\x01\x02\x03"
		      "\x04"),
		true},
	{"an unknown field that is cut", BYTES("\x9a\x06\x03\x00\xff"), false},
	{"a group", BYTES("\x9b\x06\x9c\x06"), false},
	{"the end of a group", BYTES("\x9c\x06"), false},
	{"wire type 6", BYTES("\x9e\x06\x00"), false},
	{"wire type 7", BYTES("\x9f\x06\x00"), false},
	{"field number 0", BYTES("\x00\x01"), false},
	{"the largest field number", BYTES("\xf8\xff\xff\xff\x0f\x01"), true},
	{"a field number past the largest", BYTES("\xf8\xff\xff\xff\x1f\x01"), false},
	{"a tag of six bytes", BYTES("\xa0\x80\x80\x80\x80\x00\x01"), false},
	{"several members of one choice", BYTES("\xc0\x02\x01\xca\x02\001a\xd2\x02\001b"), true},
};

static void test_check(void **state)
{
	const struct check_case *c = *state;
	assert_int_equal(pb_check(D, hy_bytes(c->wire, c->len)), c->valid);
}

/* A chain of `depth` messages, the outermost counted, ending in an empty one. */
static size_t nest(uint8_t *out, size_t size, unsigned depth)
{
	size_t len = 0;
	for (unsigned i = 1; i < depth; i++) {
		uint8_t head[3] = {0x8a, 0x01, (uint8_t)len};
		assert_true(len < 128 && len + sizeof(head) <= size);
		memmove(out + sizeof(head), out, len);
		memcpy(out, head, sizeof(head));
		len += sizeof(head);
	}
	return len;
}

static void test_depth(void **state)
{
	uint8_t wire[128];
	assert_true(pb_check(D, hy_bytes(wire, nest(wire, sizeof(wire), PB_DEPTH_MAX))));
	assert_false(pb_check(D, hy_bytes(wire, nest(wire, sizeof(wire), PB_DEPTH_MAX + 1))));
}

static void test_field_count(void **state)
{
	struct hy_buf wire = {0};
	for (size_t i = 0; i < PB_FIELDS_MAX; i++)
		hy_buf_append(&wire, "\xea\x01\x00", 3);
	assert_true(pb_check(D, hy_buf_bytes(&wire)));
	hy_buf_append(&wire, "\xea\x01\x00", 3);
	assert_false(pb_check(D, hy_buf_bytes(&wire)));
	hy_buf_fini(&wire);
}

static const struct utf8_case {
	const char *label;
	const char *text;
	bool valid;
} utf8_cases[] = {
	{"ASCII, longer than eight", "the wild goose carries letters", true},
	{"two bytes", "\xc2\x80\xdf\xbf", true},
	{"three bytes", "\xe0\xa0\x80\xef\xbf\xbf", true},
	{"four bytes", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
	{"a character after eight bytes of ASCII", "12345678\xe9\xb8\xbf", true},
	{"a bad byte after eight bytes of ASCII", "12345678\xff", false},
	{"a bad byte within the first eight", "1234\377678", false},
	{"two bytes for ASCII", "\xc1\xbf", false},
	{"three bytes where two would do", "\xe0\x9f\xbf", false},
	{"four bytes where three would do", "\xf0\x8f\xbf\xbf", false},
	{"half of a UTF-16 pair", "\xed\xa0\x80", false},
	{"past the last character of Unicode", "\xf4\x90\x80\x80", false},
	{"a first byte of five", "\xf8\x88\x80\x80\x80", false},
	{"a following byte alone", "\x80", false},
	{"cut after one of two", "a\xc3", false},
	{"cut after two of three", "a\xe9\xb8", false},
	{"cut after three of four", "a\xf0\x9f\xa6", false},
	{"a following byte that is none", "\xe9\270a", false},
};

static void test_utf8(void **state)
{
	const struct utf8_case *c = *state;
	assert_int_equal(pb_utf8_valid((const uint8_t *)c->text, strlen(c->text)), c->valid);
}

int main(void)
{
	struct CMUnitTest tests[HY_COUNT_OF(check_cases) + HY_COUNT_OF(utf8_cases) + 2];
	size_t n = 0;
	for (size_t i = 0; i < HY_COUNT_OF(check_cases); i++)
		tests[n++] = (struct CMUnitTest){
			check_cases[i].label, test_check, NULL, NULL, (void *)(uintptr_t)&check_cases[i]};
	for (size_t i = 0; i < HY_COUNT_OF(utf8_cases); i++)
		tests[n++] = (struct CMUnitTest){
			utf8_cases[i].label, test_utf8, NULL, NULL, (void *)(uintptr_t)&utf8_cases[i]};
	tests[n++] = (struct CMUnitTest){"messages within messages end at the limit", test_depth, NULL, NULL, NULL};
	tests[n++] = (struct CMUnitTest){"fields are counted over all children", test_field_count, NULL, NULL, NULL};
	return _cmocka_run_group_tests("pb_check", tests, n, NULL, NULL);
}
