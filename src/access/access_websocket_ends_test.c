/* How links by WebSocket end, and what is taken in of them at the most. */
#include "access/websocket_world.h"

#include <sys/socket.h>
#include <unistd.h>

#define WEBSOCKET_TEST(text, fn)           \
	{                                  \
		text, fn, NULL, NULL, NULL \
	}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void test_bad_frames(void **state)
{
	static const uint8_t other[MARS_HEAD] = {0, 0, 0, 19};
	static const uint8_t noop_twice[2 * MARS_HEAD] = {[3] = 20, [11] = 6, [23] = 20, [31] = 6};
	static const uint8_t cut[MARS_HEAD] = {[3] = 20, [11] = 101, [19] = 9};
	static const uint8_t with_body[MARS_HEAD + 200] = {[3] = 20, [11] = 6, [19] = 200};
	static const struct {
		uint8_t first;
		const void *payload;
		size_t len;
		unsigned code;
	} cases[] = {
		{FIN | TEXT, "hello", 5, 1003},
		{TEXT, "", 0, 1003},
		{FIN | BINARY, "", 0, 1002}, /* no frame */
		{FIN | BINARY, "hello", 5, 1002},
		{FIN | BINARY, other, sizeof other, 1002},
		{FIN | BINARY, noop_twice, sizeof noop_twice, 1002},
		{FIN | BINARY, noop_twice, MARS_HEAD + 1, 1002},
		{FIN | BINARY, cut, sizeof cut, 1002},
		{FIN | BINARY, with_body, sizeof with_body, 1002},
		{FIN | CONTINUED, "", 0, 1002}, /* of nothing */
		{FIN | 3, "", 0, 1002},
		{FIN | 11, "", 0, 1002},
		{FIN | 0x40 | BINARY, noop_twice, MARS_HEAD, 1002}, /* an extension */
		{PING, "", 0, 1002},                                /* in fragments */
		{FIN | CLOSE, "\3", 1, 1002},
		{FIN | CLOSE, "\3\xed", 2, 1002}, /* 1005 is not to be sent */
		{FIN | CLOSE, "\0\0", 2, 1002},
		{FIN | CLOSE, "\3\xe8\xff", 3, 1007},
		{FIN | CLOSE, "\3\xe8", 2, 1000},
		{FIN | CLOSE, "\x0f\xa1ok", 4, 4001},
		{FIN | CLOSE, "", 0, 0},
	};
	struct access_world w;
	open_default(&w, 1);
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		int fd = ws_open(&w);
		ws_heartbeat(fd);
		ws_send(fd, cases[i].first, cases[i].payload, cases[i].len);
		ws_assert_closed(fd, cases[i].code);
	}
	assert_int_equal(world_count(&w, MON_websocket_errors), 18);
	access_world_close(&w);
}

static void test_other_bad_bytes(void **state)
{
	static const uint8_t unmasked[] = {FIN | PING, 0}, long_ping[] = {FIN | PING, 0x80 | 126, 0, 126, 0, 0, 0, 0};
	static const uint8_t longer_than_needed[] = {FIN | BINARY, 0x80 | 126, 0, 5, 0, 0, 0, 0, 0};
	static const struct hy_bytes all[] = {{unmasked, sizeof unmasked}, {long_ping, sizeof long_ping},
		{longer_than_needed, sizeof longer_than_needed}};
	struct access_world w;
	open_default(&w, 1);
	for (size_t i = 0; i < HY_COUNT_OF(all); i++) {
		int fd = ws_open(&w);
		client_send(fd, all[i]);
		ws_assert_closed(fd, 1002);
	}
	int fd = ws_open(&w); /* a message in the middle of another */
	ws_send(fd, BINARY, "", 0);
	ws_send(fd, FIN | BINARY, "", 0);
	ws_assert_closed(fd, 1002);
	access_world_close(&w);
}

static void test_closed_behind_answers(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 2);
	int held = ws_open(&w), idle = ws_open(&w), left = ws_open(&w);
	ws_identify(held, 42, 1);
	ws_identify(idle, 42, 1);
	ws_identify(left, 42, 2);
	put_lookup(&b, 1, "hold", NULL);
	ws_flush(held, &b);
	put_lookup(&b, 2, "hold", NULL);
	ws_flush(left, &b);
	assert_true(world_await(&w, &w.held, 2));
	assert_int_equal(world_close_device(&w, 42, "d1"), 2);
	ws_assert_closed(idle, 1000);
	ws_send(left, FIN | CLOSE, "\3\xe8", 2); /* this one goes by itself */
	assert_true(client_silent(left));
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	ws_assert_answer(held, 105, 1, HY_OK);
	ws_assert_closed(held, 1000);
	ws_assert_answer(left, 105, 2, HY_OK);
	ws_assert_closed(left, 1000);
	access_world_close(&w);
}

static void test_server_ends(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 2);
	int idle = ws_open(&w), user = ws_open(&w);
	ws_heartbeat(idle);
	ws_identify(user, 42, 1);
	put_register(&b, 1, "sleep 200");
	ws_flush(user, &b);
	assert_true(world_await(&w, &w.served, 2)); /* Identify was the first */
	access_world_stop(&w, 5000000);
	ws_assert_closed(idle, 1001);
	ws_assert_answer(user, 101, 1, HY_OK);
	ws_assert_closed(user, 1001);
	access_world_close(&w);
}

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

static void test_too_long(void **state)
{
	struct access_world w;
	static uint8_t zeros[MARS_FRAME_MAX];
	uint8_t head[MARS_HEAD];
	open_default(&w, 1);
	int fd = ws_open(&w);
	ws_send(fd, FIN | BINARY, zeros, 8192 + MARS_HEAD_MAX + 1); /* by its head alone */
	ws_assert_closed(fd, 1009);
	fd = ws_open(&w);
	mars_write_head(head, 200, 105, 7, 8192);
	ws_send(fd, BINARY, head, sizeof head);
	ws_send(fd, CONTINUED, zeros, 8192);
	ws_send(fd, CONTINUED, zeros, MARS_HEAD_MAX - MARS_HEAD + 1);
	ws_assert_answer(fd, 105, 7, HY_INVALID_ARGUMENT); /* the method takes less; said at once */
	ws_assert_closed(fd, 1002);                        /* more than it said */
	fd = ws_open(&w);
	ws_send(fd, BINARY, head, 10);
	ws_send(fd, CONTINUED, zeros, 8192 + MARS_HEAD_MAX - 9);
	ws_assert_closed(fd, 1009);
	fd = ws_open(&w);
	mars_write_head(head, 200, 105, 7, 5000); /* and more than that in the same frame */
	memcpy(zeros, head, sizeof head);
	ws_send(fd, FIN | BINARY, zeros, 8000);
	memset(zeros, 0, sizeof head);
	ws_assert_answer(fd, 105, 7, HY_INVALID_ARGUMENT);
	ws_assert_closed(fd, 1002);
	fd = ws_open(&w);
	ws_identify(fd, 42, 1);
	mars_write_head(head, 200, 105, 7, 500000);
	ws_send(fd, BINARY, head, sizeof head);
	ws_assert_answer(fd, 105, 7, HY_INVALID_ARGUMENT);
	ws_send(fd, CONTINUED, zeros, 400000);
	ws_send(fd, FIN | CONTINUED, zeros, 100000);
	ws_heartbeat(fd); /* the rest was thrown away */
	ws_send(fd, BINARY, head, sizeof head);
	ws_assert_answer(fd, 105, 7, HY_INVALID_ARGUMENT);
	ws_send(fd, FIN | CONTINUED, zeros, 100000); /* less than it said */
	ws_assert_closed(fd, 1002);
	access_world_close(&w);
}

static void test_many_fragments(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = ws_open(&w);
	ws_put(&b, BINARY, "", 0);
	for (int i = 0; i < 1024; i++)
		ws_put(&b, CONTINUED, "", 0);
	client_flush(fd, &b);
	ws_assert_closed(fd, 1008);
	access_world_close(&w);
}

static void look_at_stranger(struct world *base, struct call *call, void *arg)
{
	struct access_world *w = hy_container_of(base, struct access_world, base);
	*(size_t *)arg = w->access->loops[0].anonymous_bytes;
}

static void test_ping_flood(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	size_t held = 0, sent = 0;
	config.limits.stalled_s = 2;
	access_world_open(&w, 1, &config);
	int fd = ws_open(&w);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
	for (int i = 0; i < 100000; i++)
		ws_put(&b, FIN | PING, "0123456789012345678901234567890123456789", 40);
	for (int still = 0; still < 10;) {
		ssize_t n = send(fd, hy_buf_data(&b) + sent % hy_buf_len(&b), hy_buf_len(&b) - sent % hy_buf_len(&b),
			MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		still = n > 0 ? 0 : still + 1;
		usleep(n > 0 ? 100 : 20000);
		world_turn(&w, 0);
		assert_true(sent < 100u << 20); /* it stops reading */
	}
	world_run(&w.base, 0, look_at_stranger, &held);
	assert_in_range(held, 16384, 96 << 10);
	assert_true(world_await_count(&w, MON_links_dropped_slow, 1));
	hy_buf_fini(&b);
	close(fd);
	access_world_close(&w);
}

static void test_slow_reader(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	struct frame f;
	config.limits.link_requests_max = 1;
	config.limits.output_pause_bytes = 64 << 10;
	access_world_open(&w, 1, &config);
	int fd = ws_open(&w);
	ws_identify(fd, 42, 1);
	for (uint32_t i = 1; i <= 100; i++)
		put_sync(&b, i, "big");
	ws_flush(fd, &b);
	assert_true(world_await_rest(&w, 0, &w.served) < 100);
	world_hint(&w, 42);
	assert_int_equal(world_count(&w, MON_hints_dropped), 1);
	for (uint32_t i = 1; i <= 100; i++) {
		ws_frame_get(fd, &f);
		assert_int_equal(f.seq, i);
		assert_true(f.len > BIG_SYNC);
	}
	ws_heartbeat(fd);
	close(fd);
	access_world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WEBSOCKET_TEST("bad frames, and close frames, are answered with their code", test_bad_frames),
		WEBSOCKET_TEST("bytes that are no frame of a client", test_other_bad_bytes),
		WEBSOCKET_TEST("the close frame comes behind the answers", test_closed_behind_answers),
		WEBSOCKET_TEST("a server that ends says so", test_server_ends),
		WEBSOCKET_TEST("messages that are too long", test_too_long),
		WEBSOCKET_TEST("too many fragments", test_many_fragments),
		WEBSOCKET_TEST("who pings and does not read is held to little memory", test_ping_flood),
		WEBSOCKET_TEST("a slow reader's requests wait", test_slow_reader),
	};
	return cmocka_run_group_tests_name("access_websocket_ends", tests, NULL, NULL);
}
