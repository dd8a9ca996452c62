/* The server's door: what strangers send, in raw bytes, and the bounds of a connection. */
#include <stdio.h>

#include "svrkit/run_test.h"

#include "svrkit/echo_test.h"

/** The other end of a connection, on a loop of a server of its own, driven by one coroutine. */
struct raw {
	struct env_sock sock;
	struct svr_loop *loop;
	struct co_wait *waiter;
	struct hy_buf in;
	bool ended;
};

static void raw_event(struct env_sock *sock, unsigned events)
{
	struct raw *raw = hy_container_of(sock, struct raw, sock);

	if (raw->waiter)
		co_wake(raw->waiter, HY_OK);
}

static void raw_wait(struct raw *raw)
{
	struct co_wait wait;

	co_wait_init(&wait, raw->loop);
	raw->waiter = &wait;
	co_wait(&wait, svr_now_us(raw->loop) + 50000);
	raw->waiter = NULL;
}

static void raw_open(struct world *w, struct raw *raw, struct svr_loop *loop, const struct env_addr *addr)
{
	*raw = (struct raw){.loop = loop, .sock.on_event = raw_event};
	CHECK(w, env_connect(loop->env, addr, &raw->sock) == 0);
	raw_wait(raw);
	CHECK(w, env_sock_error(&raw->sock) == 0);
}

static void raw_close(struct raw *raw)
{
	env_sock_close(&raw->sock);
	hy_buf_fini(&raw->in);
}

static void raw_send(struct raw *raw, struct hy_bytes bytes)
{
	while (bytes.len) {
		struct iovec iov = {(void *)bytes.data, bytes.len};
		ssize_t n = env_sendv(&raw->sock, &iov, 1);

		if (n < 0 && n != -EAGAIN)
			return;
		if (n < (ssize_t)bytes.len)
			raw_wait(raw);
		bytes.data += HY_MAX(n, 0);
		bytes.len -= (size_t)HY_MAX(n, 0);
	}
}

/** Until one more frame is whole, or the connection ends: false. The frame is valid until the next call. */
static bool raw_frame(struct raw *raw, struct rpc_frame *ret_frame)
{
	for (unsigned waits = 0; waits < 200; waits++) {
		int64_t length = rpc_frame_length(hy_buf_bytes(&raw->in));

		if (length > 0 && (size_t)length <= hy_buf_len(&raw->in)) {
			bool good = rpc_frame_decode(hy_bytes(hy_buf_data(&raw->in), (size_t)length), ret_frame);

			hy_buf_consume(&raw->in, (size_t)length);
			return good;
		}
		ssize_t n = env_recv(&raw->sock, hy_buf_reserve(&raw->in, 65536), 65536);
		if (n == -EAGAIN) {
			raw_wait(raw);
		} else if (n <= 0) {
			raw->ended = true;
			return false;
		} else {
			hy_buf_commit(&raw->in, (size_t)n);
		}
	}
	return false;
}

static void put_frame(struct hy_buf *out, const struct rpc_frame *f)
{
	uint8_t *p = hy_buf_reserve(out, rpc_frame_head_size(f) + f->body.len);
	size_t head = rpc_frame_encode_head(f, p);

	if (f->body.len)
		memcpy(p + head, f->body.data, f->body.len);
	hy_buf_commit(out, head + f->body.len);
}

static void put_call(struct hy_buf *out, uint64_t call_id, struct hy_bytes body, uint32_t time_ms)
{
	struct rpc_frame f = {.kind = RPC_FRAME_CALL,
		.service = 60,
		.method = 1,
		.time_ms = time_ms,
		.call_id = call_id,
		.body = body};

	put_frame(out, &f);
}

/* Field 2, bytes, "sleep" and "hello". */
static const struct hy_bytes sleep_body = {(const uint8_t *)"\x12\x05sleep", 7};
static const struct hy_bytes hello_body = {(const uint8_t *)"\x12\x05hello", 7};

struct door {
	struct world client;
	struct svr *server;
	struct env_addr addr;
	struct echo echo;
};

static void at_the_door(void (*fn)(struct world *w, struct call *call, void *arg))
{
	struct svr_config config = {.loops = 1};
	struct door door = {0};

	world_open(&door.client, 1);
	assert_int_equal(svr_create(door.client.env, &config, &door.server), HY_OK);
	echo_add(door.server, &door.echo);
	assert_int_equal(env_addr_parse("127.0.0.1:0", &door.addr), 0);
	assert_int_equal(rpc_listen(door.server, &door.addr), HY_OK);
	rpc_server_addr(door.server, 0, &door.addr);
	assert_int_equal(svr_start(door.server), HY_OK);
	assert_int_equal(svr_start(door.client.svr), HY_OK);
	world_run(&door.client, 0, fn, &door);
	svr_stop(door.server, 0);
	svr_destroy(door.server);
	world_close(&door.client);
}

/* ---- bad frames -------------------------------------------------------------------------------------------------- */

static void garbage(struct world *w, struct call *call, void *arg)
{
	struct door *door = arg;
	struct rpc_frame answer = {.kind = RPC_FRAME_ANSWER}, f;
	struct hy_buf frame = {0};
	struct raw raw;

	put_frame(&frame, &answer);
	const struct hy_bytes table[] = {
		hy_bytes_str("GET / HTTP/1.1\r\n\r\n"), hy_bytes("\xff\xff\xff\x7f\x01\x00\x40\x00", 8), /* 2 GiB */
		hy_bytes("\x40\x00\x00\x00\x01\x00\x08\x00", 8), /* a head of 8 bytes */
		hy_buf_bytes(&frame),                            /* an answer to nothing */
	};
	for (size_t i = 0; i < HY_COUNT_OF(table); i++) {
		raw_open(w, &raw, call->loop, &door->addr);
		raw_send(&raw, table[i]);
		CHECK(w, !raw_frame(&raw, &f) && raw.ended);
		raw_close(&raw);
	}
	CHECK(w, mon_get(svr_mon(door->server), MON_frames_bad) == HY_COUNT_OF(table));
	hy_buf_fini(&frame);
}

static void a_bad_frame_ends_its_connection_and_is_counted(void **state)
{
	at_the_door(garbage);
}

/* ---- calls that are answered without being served ---------------------------------------------------------------- */

static void refused(struct world *w, struct call *call, void *arg)
{
	static const struct {
		uint16_t service, method;
		struct hy_bytes body;
		uint32_t time_ms;
		int status;
	} table[] = {
		{60, 1, {(const uint8_t *)"\x12\x05hello", 7}, 1000, HY_OK},
		{60, 2, {NULL, 0}, 1000, HY_UNIMPLEMENTED},
		{59, 0, {NULL, 0}, 1000, HY_UNIMPLEMENTED},
		{0, 0, {NULL, 0}, 1000, HY_UNIMPLEMENTED},
		{65535, 65535, {NULL, 0}, 1000, HY_UNIMPLEMENTED},
		{60, 1, {(const uint8_t *)"\x12\x09hello", 7}, 1000, HY_INVALID_ARGUMENT},
		{60, 1, {NULL, 0}, 0, HY_DEADLINE_EXCEEDED},
	};
	struct door *door = arg;
	struct raw raw;

	raw_open(w, &raw, call->loop, &door->addr);
	for (size_t i = 0; i < HY_COUNT_OF(table); i++) {
		struct rpc_frame f = {.kind = RPC_FRAME_CALL,
			.service = table[i].service,
			.method = table[i].method,
			.time_ms = table[i].time_ms,
			.call_id = 1000 + i,
			.trace = 77,
			.body = table[i].body};
		struct hy_buf out = {0};

		put_frame(&out, &f);
		raw_send(&raw, hy_buf_bytes(&out));
		hy_buf_fini(&out);
		CHECK(w, raw_frame(&raw, &f) && f.kind == RPC_FRAME_ANSWER);
		CHECK(w, f.call_id == 1000 + i && f.trace == 77 && f.service == table[i].status);
	}
	CHECK(w, door->echo.entered == 1);
	raw_close(&raw);
}

static void what_cannot_be_served_is_answered_and_the_connection_stays(void **state)
{
	at_the_door(refused);
}

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

static void wait_for(struct call *call, const unsigned *counter, unsigned value)
{
	while (__atomic_load_n(counter, __ATOMIC_RELAXED) < value)
		co_sleep_until(call->loop, svr_now_us(call->loop) + 500);
}

static void sixty_four(struct world *w, struct call *call, void *arg)
{
	struct door *door = arg;
	struct hy_buf out = {0};
	struct rpc_frame f;
	struct raw raw;

	raw_open(w, &raw, call->loop, &door->addr);
	for (uint64_t i = 0; i < 100; i++)
		put_call(&out, i, sleep_body, 300);
	raw_send(&raw, hy_buf_bytes(&out));
	wait_for(call, &door->echo.entered, 64);
	co_sleep_until(call->loop, svr_now_us(call->loop) + 50000);
	CHECK(w, __atomic_load_n(&door->echo.entered, __ATOMIC_RELAXED) == 64);
	/* Each one sleeps for its 300 ms. The others' time has run as well when their turn comes. */
	for (unsigned i = 0; i < 100; i++)
		CHECK(w, raw_frame(&raw, &f) && f.service == HY_DEADLINE_EXCEEDED);
	CHECK(w, __atomic_load_n(&door->echo.entered, __ATOMIC_RELAXED) == 64);
	hy_buf_fini(&out);
	raw_close(&raw);
}

static void a_connection_has_sixty_four_calls_in_work_at_most(void **state)
{
	at_the_door(sixty_four);
}

static void unread(struct world *w, struct call *call, void *arg)
{
	enum { CALLS = 200, SIZE = 100000 };
	struct door *door = arg;
	struct hy_buf out = {0}, body = {0};
	struct rpc_frame f;
	struct raw raw;

	hy_buf_put_varint(&body, 2 << 3 | 2);
	hy_buf_put_varint(&body, SIZE);
	memset(hy_buf_reserve(&body, SIZE), 'x', SIZE);
	hy_buf_commit(&body, SIZE);
	raw_open(w, &raw, call->loop, &door->addr);
	for (uint64_t i = 0; i < CALLS; i++) {
		hy_buf_clear(&out);
		put_call(&out, i, hy_buf_bytes(&body), 10000);
		struct iovec iov = {hy_buf_data(&out), hy_buf_len(&out)};
		/* Nobody reads the answers: at some point the server takes no more. */
		ssize_t n = env_sendv(&raw.sock, &iov, 1);
		if (n < (ssize_t)iov.iov_len)
			break;
		co_sleep_until(call->loop, svr_now_us(call->loop) + 500);
	}
	CHECK(w, __atomic_load_n(&door->echo.entered, __ATOMIC_RELAXED) < CALLS);
	unsigned answers = 0, entered = __atomic_load_n(&door->echo.entered, __ATOMIC_RELAXED);
	while (answers < entered && raw_frame(&raw, &f)) {
		CHECK(w, f.body.len > SIZE);
		answers++;
	}
	CHECK(w, answers == entered);
	hy_buf_fini(&out);
	hy_buf_fini(&body);
	raw_close(&raw);
}

static void of_somebody_who_does_not_read_nothing_more_is_taken(void **state)
{
	at_the_door(unread);
}

/* ---- cancel frames, and connections that end --------------------------------------------------------------------- */

static void cancel_frame(struct world *w, struct call *call, void *arg)
{
	struct door *door = arg;
	struct rpc_frame cancel = {.kind = RPC_FRAME_CANCEL, .call_id = 5}, f;
	struct hy_buf out = {0};
	struct raw raw;

	raw_open(w, &raw, call->loop, &door->addr);
	put_call(&out, 5, sleep_body, 10000);
	put_call(&out, 6, sleep_body, 10000);
	put_frame(&out, &cancel);
	raw_send(&raw, hy_buf_bytes(&out));
	CHECK(w, raw_frame(&raw, &f) && f.call_id == 5 && f.service == HY_CANCELLED);
	raw_close(&raw);
	/* The other one is cancelled because nobody is left who wants its answer. */
	wait_for(call, &door->echo.cancelled, 1);
	hy_buf_fini(&out);
}

static void a_cancel_frame_and_the_end_of_a_connection_cancel_calls(void **state)
{
	at_the_door(cancel_frame);
}

static void byte_by_byte(struct world *w, struct call *call, void *arg)
{
	struct door *door = arg;
	struct hy_buf out = {0};
	struct rpc_frame f;
	struct raw raw;

	raw_open(w, &raw, call->loop, &door->addr);
	put_call(&out, 1, hello_body, 10000);
	put_call(&out, 2, hello_body, 10000);
	for (size_t i = 0; i < hy_buf_len(&out); i++) {
		raw_send(&raw, hy_bytes(hy_buf_data(&out) + i, 1));
		co_sleep_until(call->loop, svr_now_us(call->loop) + 200);
	}
	for (uint64_t i = 1; i <= 2; i++)
		CHECK(w, raw_frame(&raw, &f) && f.call_id == i && f.service == HY_OK && f.body.len == 7);
	hy_buf_fini(&out);
	raw_close(&raw);
}

static void frames_may_come_byte_by_byte(void **state)
{
	at_the_door(byte_by_byte);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_frame_ends_its_connection_and_is_counted),
		cmocka_unit_test(what_cannot_be_served_is_answered_and_the_connection_stays),
		cmocka_unit_test(a_connection_has_sixty_four_calls_in_work_at_most),
		cmocka_unit_test(of_somebody_who_does_not_read_nothing_more_is_taken),
		cmocka_unit_test(a_cancel_frame_and_the_end_of_a_connection_cancel_calls),
		cmocka_unit_test(frames_may_come_byte_by_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
