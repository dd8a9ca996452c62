/* Long links over real sockets: frames, what is refused, ends. */
#include "access/access_world.h"

#include <sys/socket.h>
#include <unistd.h>

#define LINK_TEST(text, fn)                \
	{                                  \
		text, fn, NULL, NULL, NULL \
	}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

static void test_keep_alive(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	uint8_t got[2 * MARS_HEAD];
	open_default(&w, 1);
	int fd = client_open(&w);
	frame_put_bytes(&b, 0x01020304, MARS_CMD_SIGNALLING, MARS_SEQ_SIGNALLING, hy_bytes(NULL, 0));
	frame_put_bytes(&b, 0x01020304, MARS_CMD_NOOP, MARS_SEQ_NOOP, hy_bytes(NULL, 0));
	frame_put_bytes(&b, 0, MARS_CMD_NOOP, 7, hy_bytes(NULL, 0));
	client_send(fd, hy_buf_bytes(&b));
	assert_true(client_receive(fd, got, sizeof got));
	assert_memory_equal(got, hy_buf_data(&b) + MARS_HEAD, sizeof got); /* the heartbeats' own bytes, and no more */
	assert_true(client_silent(fd));
	hy_buf_fini(&b);
	close(fd);
	access_world_close(&w);
}

/** Three frames, one of them with options in its head; the answers' seqs are 1, 2 and the heartbeat's. */
static void put_three(struct hy_buf *b)
{
	struct hy_buf with_options = {0};
	put_register(b, 1, "ann");
	put_register(&with_options, 2, "bob");
	hy_put_be32(hy_buf_data(&with_options), MARS_HEAD + 3);
	hy_buf_append(b, hy_buf_data(&with_options), MARS_HEAD);
	hy_buf_append(b, "opt", 3);
	hy_buf_append(b, hy_buf_data(&with_options) + MARS_HEAD, hy_buf_len(&with_options) - MARS_HEAD);
	hy_buf_fini(&with_options);
	put_noop(b);
}

static void assert_three(int fd)
{
	unsigned seen = 0; /* requests are answered as they are done, heartbeats at once */
	for (int i = 0; i < 3; i++) {
		struct frame f;
		assert_true(frame_get(fd, &f));
		assert_true(f.cmd == MARS_CMD_NOOP || frame_code(&f) == HY_OK);
		seen |= 1u << (f.seq & 7);
	}
	assert_int_equal(seen, 1u << 1 | 1u << 2 | 1u << 7);
}

static void test_cuts(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = client_open(&w);
	put_three(&b);
	for (size_t cut = 0; cut <= hy_buf_len(&b); cut++) {
		client_send(fd, hy_bytes(hy_buf_data(&b), cut));
		usleep(300);
		client_send(fd, hy_bytes(hy_buf_data(&b) + cut, hy_buf_len(&b) - cut));
		assert_three(fd);
	}
	for (size_t i = 0; i < hy_buf_len(&b); i++)
		client_send(fd, hy_bytes(hy_buf_data(&b) + i, 1));
	assert_three(fd);
	hy_buf_fini(&b);
	close(fd);
	access_world_close(&w);
}

static void test_many_in_one_write(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	struct frame f;
	bool seen[500] = {0};
	open_default(&w, 1);
	int fd = client_open(&w);
	for (uint32_t i = 0; i < HY_COUNT_OF(seen); i++)
		put_register(&b, i, i % 10 == 0 ? "sleep 2" : "quick");
	client_flush(fd, &b);
	for (size_t i = 0; i < HY_COUNT_OF(seen); i++) {
		assert_true(frame_get(fd, &f));
		assert_true(f.seq < HY_COUNT_OF(seen) && !seen[f.seq]);
		seen[f.seq] = true;
	}
	assert_true(client_silent(fd));
	close(fd);
	access_world_close(&w);
}

static void test_version(void **state)
{
	struct access_world w;
	struct hy_buf b = {0}, body = {0};
	struct frame f;
	open_default(&w, 1);
	int fd = client_open(&w);
	put_register(&body, 0, "hold");
	hy_buf_consume(&body, MARS_HEAD);
	frame_put_bytes(&b, 1111, 101, 1, hy_buf_bytes(&body));
	frame_put_bytes(&b, 2222, MARS_CMD_NOOP, 2, hy_bytes(NULL, 0));
	client_flush(fd, &b);
	assert_true(frame_get(fd, &f));
	assert_int_equal(f.version, 2222);
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	assert_true(frame_get(fd, &f));
	assert_int_equal(f.seq, 1);
	assert_int_equal(f.version, 1111);
	hy_buf_fini(&body);
	close(fd);
	access_world_close(&w);
}

static void test_refusals(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	struct frame f;
	open_default(&w, 1);
	int fd = client_open(&w);
	frame_put_bytes(&b, 200, 9999, 1, hy_bytes(NULL, 0));                      /* no such method */
	frame_put_bytes(&b, 200, 101, 2, hy_bytes("\x0a\xff", 2));                 /* malformed */
	frame_put_bytes(&b, 200, 101, 3, hy_bytes(NULL, 0));                       /* without a head */
	frame_put_bytes(&b, 200, 101, 4, hy_bytes(memset(f.body, 0, 5000), 5000)); /* over the method's limit */
	client_flush(fd, &b);
	assert_answer(fd, 9999, 1, HY_UNIMPLEMENTED);
	assert_answer(fd, 101, 2, HY_INVALID_ARGUMENT);
	assert_answer(fd, 101, 3, HY_INVALID_ARGUMENT);
	assert_answer(fd, 101, 4, HY_INVALID_ARGUMENT);
	put_lookup(&b, 5, "x", NULL);
	put_register(&b, 6, "fail");
	client_flush(fd, &b);
	assert_answer(fd, 105, 5, HY_UNAUTHENTICATED);
	assert_true(frame_get(fd, &f));
	Hy__RegisterResponse *response = hy__register_response__unpack(NULL, f.len, f.body);
	assert_int_equal(response->head->code, HY_RESOURCE_EXHAUSTED);
	assert_int_equal(response->head->retry_after_ms, 250);
	assert_string_equal(response->head->message, "the shelf is full");
	assert_int_not_equal(response->head->trace, 0);
	hy__register_response__free_unpacked(response, NULL);
	client_heartbeat(fd);
	close(fd);
	access_world_close(&w);
}

static const struct garbage {
	const char *label, *bytes;
	size_t len;
} garbage[] = {
	{"a TLS greeting ends the connection", "\x16\x03\x01", 3},
	{"a byte that nobody begins with ends the connection", "\xff", 1},
	{"a digit ends the connection", "1", 1},
	{"a head that is too short ends the link", "\0\0\0\x13\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20},
	{"a head that is too long ends the link", "\0\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20},
	{"a stranger's body over 8 KiB ends the link before it comes",
		"\0\0\0\x14\0\0\0\0\0\0\0\x65\0\0\0\1\0\0\x20\x01", 20},
};

static void test_garbage(void **state)
{
	const struct garbage *g = *state;
	struct access_world w;
	open_default(&w, 1);
	int fd = client_open(&w);
	client_send(fd, hy_bytes(g->bytes, g->len));
	assert_true(client_ended(fd));
	assert_int_equal(world_count(&w, MON_frames_bad), 1);
	close(fd);
	access_world_close(&w);
}

static void test_garbage_behind_work(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = client_open(&w);
	put_register(&b, 1, "sleep 30");
	hy_buf_append(&b, "that is no frame, nor any part of one", 37);
	client_flush(fd, &b);
	assert_answer(fd, 101, 1, HY_OK);
	assert_true(client_ended(fd));
	close(fd);
	access_world_close(&w);
}

static void test_long_body(void **state)
{
	static uint8_t bytes[MARS_FRAME_MAX - MARS_HEAD];
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = client_open(&w);
	client_identify(fd, 42, 1);
	for (uint32_t cmd = 111; cmd < 113; cmd++) { /* a sync, then a method that is not there */
		frame_put_bytes(&b, 200, cmd, 7, hy_bytes(bytes, sizeof bytes));
		client_send(fd, hy_bytes(hy_buf_data(&b), MARS_HEAD + 1));
		assert_answer(
			fd, cmd, 7, cmd == 111 ? HY_INVALID_ARGUMENT : HY_UNIMPLEMENTED); /* the body has not come */
		client_send(fd, hy_bytes(hy_buf_data(&b) + MARS_HEAD + 1, hy_buf_len(&b) - MARS_HEAD - 1));
		hy_buf_fini(&b);
		client_heartbeat(fd);
	}
	close(fd);
	access_world_close(&w);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void test_half_close(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = client_open(&w);
	put_hold(&b, 1);
	put_hold(&b, 2);
	hy_buf_append(&b, "\0\0", 2); /* and the beginning of nothing */
	client_flush(fd, &b);
	shutdown(fd, SHUT_WR);
	assert_true(world_await(&w, &w.held, 2));
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	assert_answer(fd, 105, 1, HY_OK);
	assert_answer(fd, 105, 2, HY_OK);
	assert_true(client_ended(fd));
	close(fd);
	access_world_close(&w);
}

static void test_cut_off(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 2);
	for (int i = 0; i < 20; i++) {
		int fd = client_open(&w);
		put_hold(&b, 1);
		put_hold(&b, 2);
		hy_buf_append(&b, "\0\0\0\x14", i % 5);
		client_flush(fd, &b);
		assert_true(world_await(&w, &w.held, 2));
		if (i % 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
		close(fd);
		usleep(1000);
		__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
		while (__atomic_load_n(&w.held, __ATOMIC_RELAXED) > 0)
			usleep(500);
		__atomic_store_n(&w.release, false, __ATOMIC_RELAXED);
	}
	access_world_close(&w);
}

static void test_stop(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 2);
	int idle = client_open(&w), working = client_open(&w);
	client_heartbeat(idle);
	put_register(&b, 1, "sleep 200");
	client_flush(working, &b);
	assert_true(world_await(&w, &w.served, 1));
	access_world_stop(&w, 5000000);
	assert_answer(working, 101, 1, HY_OK); /* what was in work is answered */
	assert_true(client_ended(working));
	assert_true(client_ended(idle));
	close(idle);
	close(working);
	access_world_close(&w);
}

static void test_stop_at_once(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 2);
	int fd = client_open(&w);
	put_register(&b, 1, "hold");
	client_flush(fd, &b);
	assert_true(world_await(&w, &w.held, 1));
	access_world_stop(&w, 0);
	assert_true(client_ended(fd));
	close(fd);
	access_world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LINK_TEST("heartbeats are answered with their own bytes, signalling with none", test_keep_alive),
		LINK_TEST("frames cut at every byte; options in a head are skipped", test_cuts),
		LINK_TEST("many frames in one write are each answered once", test_many_in_one_write),
		LINK_TEST("an answer has the version of its request's frame", test_version),
		LINK_TEST("what is refused is answered, and the link goes on", test_refusals),
		LINK_TEST("what is no frame ends the link, after the answers of what is in work",
			test_garbage_behind_work),
		LINK_TEST("a body over its method's limit is refused before it comes, and skipped", test_long_body),
		LINK_TEST("who has said all it wants to say still gets its answers", test_half_close),
		LINK_TEST("connections cut off with requests in work", test_cut_off),
		LINK_TEST("the end answers what is in work", test_stop),
		LINK_TEST("an end without grace", test_stop_at_once),
	};
	struct CMUnitTest all[HY_COUNT_OF(tests) + HY_COUNT_OF(garbage)];
	memcpy(all, tests, sizeof tests);
	for (size_t i = 0; i < HY_COUNT_OF(garbage); i++)
		all[HY_COUNT_OF(tests) + i] =
			(struct CMUnitTest){garbage[i].label, test_garbage, NULL, NULL, (void *)&garbage[i]};
	return cmocka_run_group_tests_name("access_link", all, NULL, NULL);
}
