/* The frame's decoder and encoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "svrkit/rpc_frame.h"

static size_t encode(const struct rpc_frame *f, uint8_t *out)
{
	size_t n = rpc_frame_encode_head(f, out);

	assert_int_equal(n, rpc_frame_head_size(f));
	if (f->body.len)
		memcpy(out + n, f->body.data, f->body.len);
	return n + f->body.len;
}

static const struct rpc_frame a_call = {
	.kind = RPC_FRAME_CALL,
	.priority = 3,
	.service = 60,
	.method = 1,
	.time_ms = 2000,
	.call_id = 0x1122334455667788,
	.trace = 0x99aabbccddeeff00,
	.uin = 42,
	.device = {(const uint8_t *)"phone", 5},
	.name = {(const uint8_t *)"ann", 3},
	.body = {(const uint8_t *)"hello", 5},
};

static void assert_same(const struct rpc_frame *a, const struct rpc_frame *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->priority, b->priority);
	assert_int_equal(a->service, b->service);
	assert_int_equal(a->method, b->method);
	assert_int_equal(a->time_ms, b->time_ms);
	assert_true(a->call_id == b->call_id && a->trace == b->trace);
	assert_int_equal(a->uin, b->uin);
	assert_true(hy_bytes_equal(a->device, b->device) && hy_bytes_equal(a->name, b->name));
	assert_true(hy_bytes_equal(a->message, b->message) && hy_bytes_equal(a->body, b->body));
}

static void what_is_encoded_is_decoded(void **state)
{
	const struct rpc_frame frames[] = {
		a_call,
		{.kind = RPC_FRAME_CALL},
		{.kind = RPC_FRAME_ANSWER,
			.service = 8,
			.time_ms = 500,
			.call_id = 9,
			.message = hy_bytes_str("full"),
			.body = hy_bytes_str("x")},
		{.kind = RPC_FRAME_ANSWER, .call_id = UINT64_MAX, .body = hy_bytes("a\0b", 3)},
		{.kind = RPC_FRAME_CANCEL, .call_id = 7, .trace = 5},
	};

	for (size_t i = 0; i < HY_COUNT_OF(frames); i++) {
		uint8_t wire[256];
		size_t len = encode(&frames[i], wire);
		struct rpc_frame f;

		assert_int_equal(rpc_frame_length(hy_bytes(wire, sizeof(wire))), len);
		assert_true(rpc_frame_decode(hy_bytes(wire, len), &f));
		assert_same(&f, &frames[i]);
	}
}

/** One byte, or two, of a good frame are changed. */
struct damage {
	const char *what;
	uint8_t kind;
	size_t at;
	uint16_t value;
	bool two;
};

static void damaged_frames_are_refused(void **state)
{
	const struct damage table[] = {
		{"kind 0", RPC_FRAME_CALL, 4, 0, false},
		{"kind 4", RPC_FRAME_CALL, 4, 4, false},
		{"head below 64", RPC_FRAME_CALL, 6, 63, true},
		{"head past the end", RPC_FRAME_CALL, 6, 78, true},
		{"head eats the device", RPC_FRAME_CALL, 6, 75, true},
		{"length past the maximum", RPC_FRAME_CALL, 2, 0x0041, true},
		{"length below the head", RPC_FRAME_CALL, 0, 63, true},
		{"length is not the input's", RPC_FRAME_CALL, 0, 76, true},
		{"device past the end", RPC_FRAME_CALL, 36, 14, false},
		{"name past the end", RPC_FRAME_CALL, 37, 9, false},
		{"device 255", RPC_FRAME_CALL, 36, 255, false},
		{"a NUL in the device", RPC_FRAME_CALL, 65, 0, false},
		{"a NUL in the name", RPC_FRAME_CALL, 70, 0, false},
		{"message past the end", RPC_FRAME_ANSWER, 38, 14, true},
		{"message 65535", RPC_FRAME_ANSWER, 38, 0xffff, true},
		{"a cancel with a body", RPC_FRAME_CANCEL, 64, 'x', false},
	};

	for (size_t i = 0; i < HY_COUNT_OF(table); i++) {
		const struct damage *d = &table[i];
		struct rpc_frame f = a_call;
		uint8_t wire[256];
		size_t len = encode(&f, wire);

		wire[4] = d->kind;
		wire[d->at] = (uint8_t)d->value;
		if (d->two)
			wire[d->at + 1] = (uint8_t)(d->value >> 8);
		uint8_t *exact = hy_memdup(wire, len);
		if (rpc_frame_decode(hy_bytes(exact, len), &f))
			fail_msg("taken: %s", d->what);
		hy_free(exact);
	}
}

static void a_longer_head_is_skipped(void **state)
{
	uint8_t wire[256], longer[256];
	size_t len = encode(&a_call, wire);
	struct rpc_frame f;

	memcpy(longer, wire, RPC_FRAME_HEAD);
	memset(longer + RPC_FRAME_HEAD, 0xee, 8);
	memcpy(longer + RPC_FRAME_HEAD + 8, wire + RPC_FRAME_HEAD, len - RPC_FRAME_HEAD);
	longer[0] = (uint8_t)(len + 8);
	longer[6] = RPC_FRAME_HEAD + 8;
	assert_true(rpc_frame_decode(hy_bytes(longer, len + 8), &f));
	assert_same(&f, &a_call);
}

static void every_cut_frame_asks_for_more_or_is_refused(void **state)
{
	uint8_t wire[256];
	size_t len = encode(&a_call, wire);
	struct rpc_frame f;

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = hy_memdup(wire, cut);

		assert_int_equal(rpc_frame_length(hy_bytes(exact, cut)), cut < 8 ? 0 : (int64_t)len);
		assert_false(rpc_frame_decode(hy_bytes(exact, cut), &f));
		hy_free(exact);
	}
}

static void the_bytes_are_those_of_the_table(void **state)
{
	uint8_t wire[256];
	size_t len = encode(&a_call, wire);
	static const uint8_t expected[] = {77, 0, 0, 0, 1, 3, 64, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 60,
		0, 1, 0, 0xd0, 7, 0, 0, 0, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 42, 0, 0, 0, 5, 3, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'p', 'h', 'o', 'n', 'e', 'a', 'n', 'n',
		'h', 'e', 'l', 'l', 'o'};

	assert_int_equal(len, sizeof(expected));
	assert_memory_equal(wire, expected, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_is_decoded),
		cmocka_unit_test(damaged_frames_are_refused),
		cmocka_unit_test(a_longer_head_is_skipped),
		cmocka_unit_test(every_cut_frame_asks_for_more_or_is_refused),
		cmocka_unit_test(the_bytes_are_those_of_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
