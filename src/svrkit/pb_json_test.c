/* Messages from JSON and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "every_type.pb-c.h"
#include "svrkit/pb.h"
#include "sync.pb-c.h"

#define D (&test__every_type__descriptor)

/* The text is read and printed again. */
static const struct json_case {
	const char *label;
	const char *text;
	const char *printed; /* NULL: refused */
	const char *error;
} json_cases[] = {
	{"an empty object", "{}", "{}"},
	{"white space everywhere", " \r\n\t{ } \n", "{}"},
	{"names in lowerCamelCase and as in the proto file", "{\"anInt32\":1,\"a_uint32\":2}",
		"{\"anInt32\":1,\"aUint32\":2}"},
	{"what is zero is not printed", "{\"anInt32\":0,\"aString\":\"\",\"aBool\":false,\"uint32s\":[]}", "{}"},
	{"null is absent", "{\"anInt32\":null,\"child\":null,\"uint32s\":null}", "{}"},
	{"unknown fields are ignored", "{\"x\":[{\"y\":1}],\"aBool\":true}", "{\"aBool\":true}"},
	{"the last of two wins", "{\"aUint32\":1,\"a_uint32\":2,\"child\":{\"aBool\":true},\"child\":{\"aUint32\":5}}",
		"{\"aUint32\":2,\"child\":{\"aUint32\":5}}"},
	{"32-bit bounds", "{\"anInt32\":-2147483648,\"aUint32\":4294967295,\"aSint32\":2147483647}",
		"{\"anInt32\":-2147483648,\"aSint32\":2147483647,\"aUint32\":4294967295}"},
	{"32-bit numbers as strings", "{\"anInt32\":\"-7\",\"aUint32\":\"7\"}", "{\"anInt32\":-7,\"aUint32\":7}"},
	{"an int32 too large", "{\"anInt32\":2147483648}", NULL, "the message.an_int32: a 32-bit integer is expected"},
	{"a uint32 below zero", "{\"aUint32\":-1}", NULL,
		"the message.a_uint32: a 32-bit integer without sign is expected"},
	{"a fraction where an integer belongs", "{\"aUint32\":1.5}", NULL,
		"the message.a_uint32: a 32-bit integer without sign is expected"},
	{"an integer with an exponent", "{\"aUint32\":1e3}", "{\"aUint32\":1000}"},
	{"a number that is none", "{\"aUint32\":1e999}", NULL,
		"the message.a_uint32: a 32-bit integer without sign is expected"},
	{"64-bit bounds are strings",
		"{\"anInt64\":\"-9223372036854775808\",\"aSint64\":\"9223372036854775807\",\"aUint64\":"
		"\"18446744073709551615\"}",
		"{\"anInt64\":\"-9223372036854775808\",\"aSint64\":\"9223372036854775807\","
		"\"aUint64\":\"18446744073709551615\"}"},
	{"a 64-bit number may be a number while it is exact", "{\"aUint64\":9007199254740991}",
		"{\"aUint64\":\"9007199254740991\"}"},
	{"a 64-bit number past that", "{\"aUint64\":9007199254740993}", NULL,
		"the message.a_uint64: a 64-bit integer without sign is expected (past 2^53 as a string)"},
	{"an int64 too large", "{\"anInt64\":\"9223372036854775808\"}", NULL,
		"the message.an_int64: a 64-bit integer is expected (past 2^53 as a string)"},
	{"a uint64 too large", "{\"aUint64\":\"18446744073709551616\"}", NULL,
		"the message.a_uint64: a 64-bit integer without sign is expected (past 2^53 as a string)"},
	{"an empty string is no number", "{\"anInt32\":\"\"}", NULL,
		"the message.an_int32: a 32-bit integer is expected"},
	{"a sign alone is no number", "{\"anInt32\":\"-\"}", NULL,
		"the message.an_int32: a 32-bit integer is expected"},
	{"white space is no part of a number", "{\"anInt32\":\" 1\"}", NULL,
		"the message.an_int32: a 32-bit integer is expected"},
	{"fractions", "{\"aFloat\":0.5,\"aDouble\":-2.5e-300}", "{\"aFloat\":0.5,\"aDouble\":-2.5e-300}"},
	{"fractions that have names", "{\"aFloat\":\"NaN\",\"aDouble\":\"-Infinity\"}",
		"{\"aFloat\":\"NaN\",\"aDouble\":\"-Infinity\"}"},
	{"a float too large", "{\"aFloat\":1e39}", NULL, "the message.a_float: a number is expected"},
	{"other spellings of fractions", "{\"aDouble\":\"0x10\"}", NULL, "the message.a_double: a number is expected"},
	{"a bool that is a number", "{\"aBool\":1}", NULL, "the message.a_bool: true or false is expected"},
	{"escapes in a string", "{\"aString\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u9e3f\\ud83e\\udda2\"}",
		"{\"aString\":\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001\xe9\xb8\xbf\xf0\x9f\xa6\xa2\"}"},
	{"a NUL in a string", "{\"aString\":\"ann\\u0000x\"}", NULL, "an escape that may not be at byte 15"},
	{"a NUL in a name", "{\"aBool\\u0000x\":true}", NULL, "an escape that may not be at byte 7"},
	{"an escape without its digits", "{\"aString\":\"\\u12g4\"}", NULL, "an escape that may not be at byte 12"},
	{"an escape that JSON does not have", "{\"aString\":\"\\x41\"}", NULL, "an escape that may not be at byte 12"},
	{"half of a pair", "{\"aString\":\"\\ud83e\"}", NULL, "no JSON at byte 12"},
	{"a line break in a string", "{\"aString\":\"a\nb\"}", NULL, "a control character in a string at byte 13"},
	{"text that is no UTF-8", "{\"aString\":\"\xff\"}", NULL, "no UTF-8 in the text that starts at byte 0"},
	{"a number where a string belongs", "{\"aString\":1}", NULL, "the message.a_string: a string is expected"},
	{"bytes in base64", "{\"someBytes\":\"AP/+\"}", "{\"someBytes\":\"AP/+\"}"},
	{"bytes in the other alphabet", "{\"someBytes\":\"AP_-\"}", "{\"someBytes\":\"AP/+\"}"},
	{"bytes with padding and without", "{\"byteStrings\":[\"\",\"YQ==\",\"YQ\",\"YWI=\",\"YWI\"]}",
		"{\"byteStrings\":[\"\",\"YQ==\",\"YQ==\",\"YWI=\",\"YWI=\"]}"},
	{"base64 of an impossible length", "{\"someBytes\":\"YWJjZ\"}", NULL,
		"the message.some_bytes: base64 is expected"},
	{"base64 with too little padding", "{\"someBytes\":\"YQ=\"}", NULL,
		"the message.some_bytes: base64 is expected"},
	{"padding alone", "{\"someBytes\":\"====\"}", NULL, "the message.some_bytes: base64 is expected"},
	{"white space in base64", "{\"someBytes\":\"YW I\"}", NULL, "the message.some_bytes: base64 is expected"},
	{"an enum by name and by number", "{\"colours\":[\"COLOUR_RED\",-2,0,77]}",
		"{\"colours\":[\"COLOUR_RED\",\"COLOUR_BLUE\",\"COLOUR_NONE\",77]}"},
	{"an enum's name that is not there", "{\"colour\":\"COLOUR_PINK\"}", NULL, "the message.colour: no such value"},
	{"arrays",
		"{\"uint32s\":[1,2],\"strings\":[\"a\",\"\"],\"bools\":[true,false],\"children\":[{},{\"aBool\":true}]"
		"}",
		"{\"uint32s\":[1,2],\"bools\":[true,false],\"strings\":[\"a\",\"\"],\"children\":[{},{\"aBool\":true}]"
		"}"},
	{"no array where one belongs", "{\"uint32s\":1}", NULL, "the message.uint32s: an array is expected"},
	{"null in an array", "{\"strings\":[\"a\",null]}", NULL, "the message.strings[1]: a string is expected"},
	{"an error deep inside", "{\"children\":[{},{\"child\":{\"uint32s\":[1,2,\"x\"]}}]}", NULL,
		"the message.children[1].child.uint32s[2]: a 32-bit integer without sign is expected"},
	{"a chosen field, even when it is zero", "{\"chosenNumber\":0}", "{\"chosenNumber\":0}"},
	{"the last chosen field wins", "{\"chosenText\":\"a\",\"chosenChild\":{},\"chosenBytes\":\"YQ==\"}",
		"{\"chosenBytes\":\"YQ==\"}"},
	{"no object", "[]", NULL, "the message: an object is expected"},
	{"nothing", "", NULL, "the body is empty: a JSON object is expected"},
	{"something after the end", "{} x", NULL, "no JSON at byte 3"},
	{"two values", "{}{}", NULL, "no JSON at byte 2"},
	{"a cut text", "{\"aBool\":tr", NULL, "no JSON at byte 9"},
	{"a string without an end", "{\"aBool", NULL, "a string without an end at byte 7"},
	{"a control character", "{\x01}", NULL, "a control character at byte 1"},
};

static struct hy_bytes print(const ProtobufCMessage *m, pb_inner_fn *inner, struct hy_arena *arena, struct hy_buf *out)
{
	pb_to_json(m, inner, arena, out);
	return hy_buf_bytes(out);
}

static void test_json(void **state)
{
	const struct json_case *c = *state;
	struct hy_arena arena;
	struct hy_buf out = {0};
	const char *error;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	ProtobufCMessage *m = pb_from_json(D, hy_bytes_str(c->text), &arena, &error);
	if (c->printed == NULL) {
		assert_null(m);
		assert_string_equal(error, c->error);
	} else {
		if (error != NULL)
			print_message("%s\n", error);
		assert_non_null(m);
		assert_null(error);
		print(m, NULL, &arena, &out);
		hy_buf_append(&out, "", 1);
		assert_string_equal((const char *)hy_buf_data(&out), c->printed);
	}
	hy_buf_fini(&out);
	hy_arena_fini(&arena);
}

/* `open` n times, then as many `close`. */
static void put_nested(struct hy_buf *out, const char *open, const char *middle, const char *close, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		hy_buf_append(out, open, strlen(open));
	hy_buf_append(out, middle, strlen(middle));
	for (unsigned i = 0; i < n; i++)
		hy_buf_append(out, close, strlen(close));
}

static void check_nested(const char *open, const char *middle, const char *close, unsigned n, const char *error_wanted)
{
	struct hy_arena arena;
	struct hy_buf text = {0};
	const char *error;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	put_nested(&text, open, middle, close, n);
	ProtobufCMessage *m = pb_from_json(D, hy_buf_bytes(&text), &arena, &error);
	assert_int_equal(m == NULL, error_wanted != NULL);
	if (error_wanted != NULL)
		assert_non_null(strstr(error, error_wanted));
	hy_buf_fini(&text);
	hy_arena_fini(&arena);
}

static void test_depth(void **state)
{
	check_nested("{\"child\":", "{}", "}", PB_DEPTH_MAX - 1, NULL);
	check_nested("{\"child\":", "{}", "}", PB_DEPTH_MAX, "nested too deeply");
	check_nested("{\"children\":[", "{\"uint32s\":[1]}", "]}", PB_DEPTH_MAX - 1, NULL);
	check_nested("[", "", "]", PB_JSON_DEPTH_MAX + 1, "nested too deeply at byte 32");
	check_nested("[", "", "", 1000000, "nested too deeply at byte 32");
	check_nested("{\"unknown\":", "{}", "}", PB_JSON_DEPTH_MAX - 1, NULL);
}

static void test_many_values(void **state)
{
	struct hy_arena arena;
	struct hy_buf text = {0};
	const char *error;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	hy_buf_printf(&text, "{\"x\":[0");
	for (unsigned i = 0; i < PB_FIELDS_MAX; i++)
		hy_buf_printf(&text, ",0");
	hy_buf_printf(&text, "]}");
	assert_null(pb_from_json(D, hy_buf_bytes(&text), &arena, &error));
	assert_non_null(strstr(error, "too many values"));
	hy_buf_fini(&text);
	hy_arena_fini(&arena);
}

/* Every single allocation is refused once. */
static void test_full_arena(void **state)
{
	struct hy_bytes text =
		hy_bytes_str("{\"aString\":\"a\",\"someBytes\":\"YQ==\",\"uint32s\":[1,2],\"strings\":[\"b\"],"
			     "\"children\":[{\"child\":{\"chosenText\":\"c\"}}]}");
	for (size_t limit = 0;; limit++) {
		struct hy_arena arena;
		const char *error;
		hy_arena_init(&arena, limit);
		ProtobufCMessage *m = pb_from_json(D, text, &arena, &error);
		assert_true(m != NULL || strstr(error, "too large") != NULL);
		hy_arena_fini(&arena);
		if (m != NULL)
			break;
		assert_true(limit < 65536);
	}
}

static const ProtobufCMessageDescriptor *sync_inner(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
	if (m->descriptor != &hy__sync_entry__descriptor || strcmp(field->name, "body") != 0)
		return NULL;
	return ((const Hy__SyncEntry *)m)->type == HY__SYNC_TYPE__SYNC_TYPE_TEXT ? &hy__text_message__descriptor : NULL;
}

static void test_inner(void **state)
{
	struct hy_arena arena;
	struct hy_buf body = {0}, out = {0};
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	Hy__TextMessage text = HY__TEXT_MESSAGE__INIT;
	text.from = 7;
	text.time_ms = 1700000000000;
	text.text = (char *)"hello";
	pb_pack(&text.base, &body);

	Hy__SyncEntry known = HY__SYNC_ENTRY__INIT, other = HY__SYNC_ENTRY__INIT, broken = HY__SYNC_ENTRY__INIT;
	known.kind = HY__SYNC_KIND__SYNC_KIND_MESSAGE;
	known.type = HY__SYNC_TYPE__SYNC_TYPE_TEXT;
	known.body = (ProtobufCBinaryData){hy_buf_len(&body), hy_buf_data(&body)};
	other.type = 99;
	other.body = (ProtobufCBinaryData){3, (uint8_t *)"abc"};
	broken.type = HY__SYNC_TYPE__SYNC_TYPE_TEXT;
	broken.body = (ProtobufCBinaryData){1, (uint8_t *)"\xff"};
	Hy__SyncEntry *entries[] = {&known, &other, &broken};
	Hy__SyncResponse response = HY__SYNC_RESPONSE__INIT;
	response.n_entries = HY_COUNT_OF(entries);
	response.entries = entries;
	print(&response.base, sync_inner, &arena, &out);
	hy_buf_append(&out, "", 1);
	assert_string_equal((const char *)hy_buf_data(&out),
		"{\"entries\":[{\"kind\":\"SYNC_KIND_MESSAGE\",\"type\":10,"
		"\"body\":{\"from\":7,\"timeMs\":\"1700000000000\",\"text\":\"hello\"}},"
		"{\"type\":99,\"body\":\"YWJj\"},{\"type\":10,\"body\":\"/w==\"}]}");
	hy_buf_fini(&body);
	hy_buf_fini(&out);
	hy_arena_fini(&arena);
}

static void test_string_of_our_own(void **state)
{
	struct hy_arena arena;
	struct hy_buf out = {0};
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	Test__EveryType m = TEST__EVERY_TYPE__INIT;
	m.a_string = (char *)"a\377b\x7f";
	assert_true(
		hy_bytes_equal(print(&m.base, NULL, &arena, &out), hy_bytes_str("{\"aString\":\"a\\ufffdb\\u007f\"}")));
	hy_buf_fini(&out);
	hy_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		{"depth has a limit before cJSON sees the text", test_depth, NULL, NULL, NULL},
		{"the number of values has a limit", test_many_values, NULL, NULL, NULL},
		{"a full arena refuses, wherever it is full", test_full_arena, NULL, NULL, NULL},
		{"a message in a bytes field is printed as what it is", test_inner, NULL, NULL, NULL},
		{"what is no UTF-8 is replaced in print", test_string_of_our_own, NULL, NULL, NULL},
	};
	struct CMUnitTest tests[HY_COUNT_OF(json_cases) + HY_COUNT_OF(others)];
	for (size_t i = 0; i < HY_COUNT_OF(json_cases); i++)
		tests[i] = (struct CMUnitTest){
			json_cases[i].label, test_json, NULL, NULL, (void *)(uintptr_t)&json_cases[i]};
	memcpy(tests + HY_COUNT_OF(json_cases), others, sizeof(others));
	return _cmocka_run_group_tests("pb_json", tests, HY_COUNT_OF(tests), NULL, NULL);
}
