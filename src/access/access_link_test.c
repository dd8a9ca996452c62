/* Long links over real sockets: frames, bounds, signing in, hints. */
#include "access/access_world.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINK_TEST(text, fn)                \
	{                                  \
		text, fn, NULL, NULL, NULL \
	}

static void open_default(struct access_world *w, unsigned loops)
{
	struct access_config config = access_world_config();
	access_world_open(w, loops, &config);
}

static void assert_answer(int fd, uint32_t cmd, uint32_t seq, int code)
{
	struct frame f;
	assert_true(frame_get(fd, &f));
	assert_int_equal(f.cmd, cmd);
	assert_int_equal(f.seq, seq);
	assert_int_equal(frame_code(&f), code);
}

static void assert_push(int fd)
{
	struct frame f;
	assert_true(frame_get(fd, &f));
	assert_int_equal(f.cmd, MARS_CMD_PUSH);
	assert_int_equal(f.seq, MARS_SEQ_PUSH);
	Hy__PushHint *hint = hy__push_hint__unpack(NULL, f.len, f.body);
	assert_true(hint && hint->kinds & 1u << HY__SYNC_KIND__SYNC_KIND_MESSAGE);
	hy__push_hint__free_unpacked(hint, NULL);
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

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

/** Any number of these may be in work for one link. */
static void put_hold(struct hy_buf *b, uint32_t seq)
{
	uint8_t ticket[ACCESS_TICKET_SIZE];
	put_lookup(b, seq, "hold", world_ticket(42, 1, ticket));
}

static void test_request_bound(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	config.limits.link_requests_max = 2;
	access_world_open(&w, 1, &config);
	int fd = client_open(&w);
	for (uint32_t i = 1; i <= 5; i++)
		put_hold(&b, i);
	put_noop(&b);
	client_flush(fd, &b);
	assert_true(world_await(&w, &w.held, 2));
	assert_true(client_silent(fd)); /* not even the heartbeat behind them */
	assert_int_equal(__atomic_load_n(&w.served, __ATOMIC_RELAXED), 2);
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 6; i++) {
		struct frame f;
		assert_true(frame_get(fd, &f));
	}
	close(fd);
	access_world_close(&w);
}

static void test_loop_bound(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	config.limits.requests_max = 2;
	access_world_open(&w, 1, &config);
	int fd = client_open(&w);
	put_hold(&b, 1);
	put_hold(&b, 2);
	put_hold(&b, 3);
	client_flush(fd, &b);
	assert_answer(fd, 105, 3, HY_RESOURCE_EXHAUSTED);
	assert_int_equal(world_count(&w, MON_requests_refused), 1);
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	struct frame f;
	assert_true(frame_get(fd, &f) && frame_get(fd, &f));
	close(fd);
	access_world_close(&w);
}

static void test_open_per_link(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = client_open(&w);
	client_identify(fd, 42, 1);
	put_lookup(&b, 1, "x", NULL);
	for (uint32_t i = 2; i <= 4; i++)
		put_register(&b, i, "hold");
	client_flush(fd, &b);
	assert_answer(fd, 105, 1, HY_OK);
	assert_true(world_await(&w, &w.held, 1));
	assert_true(client_silent(fd));
	assert_int_equal(__atomic_load_n(&w.held, __ATOMIC_RELAXED), 1);
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	for (uint32_t i = 2; i <= 4; i++)
		assert_answer(fd, 101, i, HY_OK);
	close(fd);
	access_world_close(&w);
}

static void test_where(void **state)
{
	static const char *const addresses[] = {FAR_ADDRESS, FARTHER_ADDRESS, "127.0.0.1", "127.0.0.2"};
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	struct frame f;
	config.allow_plain = true;
	access_world_open(&w, 2, &config);
	for (unsigned i = 0; i < HY_COUNT_OF(addresses); i++) {
		int fd = client_open_from(&w, addresses[i]);
		put_register(&b, 1, "where");
		client_flush(fd, &b);
		assert_true(frame_get(fd, &f));
		Hy__RegisterResponse *response = hy__register_response__unpack(NULL, f.len, f.body);
		assert_non_null(response);
		assert_int_equal(response->ticket.len, i < 2 ? strlen(addresses[i]) : 0);
		if (i < 2)
			assert_memory_equal(response->ticket.data, addresses[i], response->ticket.len);
		hy__register_response__free_unpacked(response, NULL);
		close(fd);
	}
	access_world_close(&w);
}

static void test_open_per_address(void **state)
{
	static const char *const addresses[] = {FAR_ADDRESS, FARTHER_ADDRESS, "127.0.0.1", "127.0.0.2"};
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	struct frame f;
	int fd[9];
	unsigned held = 0;
	config.allow_plain = true;
	config.limits.open_per_address_max = 2;
	config.limits.open_loopback_max = 4; /* of all its addresses */
	access_world_open(&w, 1, &config);
	for (unsigned i = 0; i < 8; i++) {
		fd[i] = client_open_from(&w, addresses[i / 2]);
		if (i < 2)
			client_identify(fd[i], 42, 1); /* to be known does not help */
		put_register(&b, 1, "hold");
		client_flush(fd[i], &b);
		assert_true(world_await(&w, &w.held, ++held));
	}
	for (unsigned i = 0; i < 4; i++) {
		fd[8] = client_open_from(&w, addresses[i]);
		put_register(&b, 1, "x");
		client_flush(fd[8], &b);
		assert_true(frame_get(fd[8], &f));
		Hy__RegisterResponse *response = hy__register_response__unpack(NULL, f.len, f.body);
		assert_int_equal(response->head->code, HY_RESOURCE_EXHAUSTED);
		assert_int_equal(response->head->retry_after_ms, 1000);
		hy__register_response__free_unpacked(response, NULL);
		put_lookup(&b, 2, "x", NULL);
		client_flush(fd[8], &b);
		assert_answer(fd[8], 105, 2, HY_UNAUTHENTICATED); /* the rest is served */
		close(fd[8]);
	}
	assert_int_equal(world_count(&w, MON_requests_refused), 4);
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 8; i++) {
		assert_answer(fd[i], 101, 1, HY_OK);
		put_register(&b, 2, "x");
		client_flush(fd[i], &b);
		assert_answer(fd[i], 101, 2, HY_OK);
		close(fd[i]);
	}
	access_world_close(&w);
}

static void deafen(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
}

/** Each answer is 200 KiB, more than a client that does not read lets the kernel take in the long run. */
static void put_syncs(struct hy_buf *b, unsigned n)
{
	for (uint32_t i = 1; i <= n; i++)
		put_sync(b, i, "big");
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
	int fd = client_open(&w);
	client_identify(fd, 42, 1);
	put_syncs(&b, 200);
	client_flush(fd, &b);
	unsigned before = 0, served;
	for (int still = 0; still < 5; still = served == before ? still + 1 : 0, before = served) {
		usleep(50000);
		served = __atomic_load_n(&w.served, __ATOMIC_RELAXED);
	}
	assert_true(before < 100); /* what the kernel holds, and one more */
	for (uint64_t i = 1; i <= 3; i++) {
		world_hint(&w, 42);
		assert_int_equal(world_count(&w, MON_hints_dropped), i);
	}
	for (uint32_t i = 1; i <= 200; i++) { /* it reads again, and everything comes */
		assert_true(frame_get(fd, &f));
		assert_int_equal(f.seq, i);
		assert_true(f.len > BIG_SYNC);
	}
	world_hint(&w, 42);
	assert_push(fd);
	close(fd);
	access_world_close(&w);
}

static void test_dead_reader(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	config.limits.link_requests_max = 1;
	config.limits.stalled_s = 1;
	access_world_open(&w, 1, &config);
	int fd = client_open(&w);
	deafen(fd);
	client_identify(fd, 42, 1);
	put_syncs(&b, 200);
	client_flush(fd, &b);
	assert_true(world_await_count(&w, MON_links_dropped_slow, 1));
	assert_int_equal(world_count(&w, MON_links_closed), 1);
	close(fd);
	access_world_close(&w);
}

static void test_output_bound(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	config.limits.output_max_bytes = 256 << 10;
	access_world_open(&w, 1, &config);
	int fd = client_open(&w);
	deafen(fd);
	client_identify(fd, 42, 1);
	put_syncs(&b, 60);
	client_flush(fd, &b);
	assert_true(world_await_count(&w, MON_links_dropped_slow, 1));
	close(fd);
	access_world_close(&w);
}

/** Sends as long as the server reads. Returns how many bytes it did not read, of all that there are. */
static size_t flood_with_heartbeats(int fd)
{
	static uint8_t bytes[24 << 20];
	size_t sent = 0;
	for (size_t i = 0; i + MARS_HEAD <= sizeof bytes; i += MARS_HEAD)
		mars_write_head(bytes + i, MARS_VERSION, MARS_CMD_NOOP, MARS_SEQ_NOOP, 0);
	for (int still = 0; still < 10 && sent < sizeof bytes;) {
		ssize_t n = send(fd, bytes + sent, sizeof bytes - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		still = n > 0 ? 0 : still + 1;
		usleep(n > 0 ? 100 : 20000);
	}
	return sizeof bytes - sent;
}

static struct conn *only_stranger(struct access_world *w)
{
	return hy_list_first(&w->access->loops[0].anonymous, struct conn, in_list);
}

static void look_at_stranger(struct world *base, struct call *call, void *arg)
{
	struct access_world *w = hy_container_of(base, struct access_world, base);
	struct conn *c = only_stranger(w);
	*(size_t *)arg = c->in.cap + c->out.cap;
	CHECK(base, w->access->loops[0].anonymous_bytes == c->in.cap + c->out.cap);
}

static void test_deaf_stranger(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	size_t held = 0;
	config.limits.stalled_s = 2;
	access_world_open(&w, 1, &config);
	int fd = client_open(&w);
	deafen(fd);
	assert_true(flood_with_heartbeats(fd) > 0);
	world_run(&w.base, 0, look_at_stranger, &held);
	assert_in_range(held, 16384, 96 << 10);
	uint8_t bytes[8];
	uint64_t began_us = env_mono_us(w.base.env);
	while (world_count(&w, MON_links_dropped_slow) == 0) { /* a few bytes now and then do not help */
		assert_true(env_mono_us(w.base.env) - began_us < 8000000);
		(void)!recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		usleep(20000);
	}
	close(fd);
	access_world_close(&w);
}

static void test_strangers_bytes(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	int fd[4];
	config.limits.anonymous_buffers_max = 24 << 10;
	access_world_open(&w, 1, &config);
	int idle = client_open(&w), user = client_open(&w);
	client_heartbeat(idle);
	client_identify(user, 42, 1);
	put_noop(&b);
	for (int i = 0; i < 4; i++) { /* each leaves most of a body in the input, or what HTTP keeps */
		static const char zeros[3900];
		fd[i] = client_open(&w);
		if (i % 2)
			client_send(fd[i], hy_bytes_str("POST /cgi-bin/sync HTTP/1.1\r\nContent-Length: 4000\r\n\r\n"));
		else
			client_send(fd[i], hy_bytes("\0\0\0\x14\0\0\0\0\0\0\0\x6f\0\0\0\1\0\0\x0f\xa0", 20));
		client_send(fd[i], hy_bytes(zeros, sizeof zeros));
		client_heartbeat(user);
		usleep(20000);
	}
	assert_true(client_ended(fd[0])); /* there is room for three */
	assert_int_equal(world_count(&w, MON_links_refused), 1);
	for (int i = 1; i < 4; i++)
		assert_true(client_silent(fd[i]));
	client_heartbeat(idle); /* who holds nothing stays, however old */
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	hy_buf_fini(&b);
	close(idle);
	close(user);
	access_world_close(&w);
}

static void test_strangers_in_all(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	int fd[6];
	config.limits.anonymous_max = 3;
	access_world_open(&w, 1, &config);
	for (int i = 0; i < 3; i++) {
		fd[i] = client_open(&w);
		client_heartbeat(fd[i]);
	}
	client_identify(fd[0], 42, 1); /* no stranger any more */
	fd[3] = client_open(&w);
	client_heartbeat(fd[3]);
	client_heartbeat(fd[1]); /* now 2 is the one not heard of for longest */
	fd[4] = client_open(&w);
	client_heartbeat(fd[4]);
	assert_true(client_ended(fd[2]));
	assert_int_equal(world_count(&w, MON_links_refused), 1);
	fd[5] = client_open(&w); /* says nothing, and goes when its turn comes */
	assert_true(client_ended(fd[3]));
	client_heartbeat(fd[0]);
	client_heartbeat(fd[1]);
	client_heartbeat(fd[4]);
	for (int i = 0; i < 6; i++)
		close(fd[i]);
	access_world_close(&w);
}

static void test_strangers_by_address(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	int far[3], near[4], farther;
	config.limits.anonymous_per_address_max = 2;
	access_world_open(&w, 1, &config);
	for (int i = 0; i < 4; i++)
		client_heartbeat(near[i] = client_open(&w));
	client_heartbeat(farther = client_open_from(&w, FARTHER_ADDRESS));
	for (int i = 0; i < 3; i++)
		client_heartbeat(far[i] = client_open_from(&w, FAR_ADDRESS));
	assert_true(client_ended(far[0]));
	client_heartbeat(far[1]);
	client_heartbeat(far[2]);
	client_heartbeat(farther);
	for (int i = 0; i < 4; i++) {
		client_heartbeat(near[i]); /* this machine's own are not counted by address */
		close(near[i]);
	}
	for (int i = 0; i < 3; i++)
		close(far[i]);
	close(farther);
	access_world_close(&w);
}

static void block_loop(struct world *w, struct call *call, void *arg)
{
	env_sleep_us(w->env, 200000);
}

static void test_burst(void **state)
{
	struct access_world w;
	struct world_task task;
	int fd[700];
	open_default(&w, 1);
	world_begin(&w.base, &task, 0, block_loop, NULL);
	uint64_t began_us = env_mono_us(w.base.env);
	for (size_t i = 0; i < HY_COUNT_OF(fd); i++)
		fd[i] = client_open(&w);
	for (size_t i = 0; i < HY_COUNT_OF(fd); i++)
		client_heartbeat(fd[i]);
	assert_true(env_mono_us(w.base.env) - began_us < 3000000); /* not at the next sweep */
	world_wait(&w.base, 1);
	for (size_t i = 0; i < HY_COUNT_OF(fd); i++)
		close(fd[i]);
	access_world_close(&w);
}

static void test_too_many_files(void **state)
{
	struct access_world w;
	struct rlimit before;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	open_default(&w, 1);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), next_free = dup(fd);
	close(next_free);
	getrlimit(RLIMIT_NOFILE, &before);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next_free, before.rlim_max});
	to.sin_port = htons(w.addr.port);
	int connected = connect(fd, (struct sockaddr *)&to, sizeof to);
	usleep(600000); /* it is tried again, more than once */
	bool silent = client_silent(fd);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(connected, 0);
	assert_true(silent);
	uint64_t began_us = env_mono_us(w.base.env);
	client_heartbeat(fd);
	assert_true(env_mono_us(w.base.env) - began_us < 2000000);
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
	struct CMUnitTest tests[HY_COUNT_OF(garbage) + 24] = {
		LINK_TEST("heartbeats are answered with their own bytes, signalling with none", test_keep_alive),
		LINK_TEST("frames cut at every byte; options in a head are skipped", test_cuts),
		LINK_TEST("many frames in one write are each answered once", test_many_in_one_write),
		LINK_TEST("an answer has the version of its request's frame", test_version),
		LINK_TEST("what is refused is answered, and the link goes on", test_refusals),
		LINK_TEST("what is no frame ends the link, after the answers of what is in work",
			test_garbage_behind_work),
		LINK_TEST("a body over its method's limit is refused before it comes, and skipped", test_long_body),
		LINK_TEST("so many requests of one link are in work; the rest is read later", test_request_bound),
		LINK_TEST("so many requests of one loop are in work; the rest is refused", test_loop_bound),
		LINK_TEST("one request without a ticket is in work for a link; the rest is read later",
			test_open_per_link),
		LINK_TEST("a call says where it comes from, unless it is this machine", test_where),
		LINK_TEST("so many requests without a ticket are in work for an address; the rest is refused",
			test_open_per_address),
		LINK_TEST("a slow reader's requests wait and its hints are dropped, until it reads", test_slow_reader),
		LINK_TEST("a reader that takes no byte for long ends", test_dead_reader),
		LINK_TEST("a link with too much output ends", test_output_bound),
		LINK_TEST("who has not signed in and does not read is held to little memory, and not for long",
			test_deaf_stranger),
		LINK_TEST("strangers' buffers take too much: the oldest that holds any goes", test_strangers_bytes),
		LINK_TEST("one stranger too many: the one not heard of for longest goes", test_strangers_in_all),
		LINK_TEST("one stranger too many from an address: its oldest goes", test_strangers_by_address),
		LINK_TEST("a burst of connections does not wait", test_burst),
		LINK_TEST("without free files connections wait at the door", test_too_many_files),
		LINK_TEST("who has said all it wants to say still gets its answers", test_half_close),
		LINK_TEST("connections cut off with requests in work", test_cut_off),
		LINK_TEST("the end answers what is in work", test_stop),
		LINK_TEST("an end without grace", test_stop_at_once),
	};
	size_t fixed = HY_COUNT_OF(tests) - HY_COUNT_OF(garbage);
	for (size_t i = 0; i < HY_COUNT_OF(garbage); i++)
		tests[fixed + i] = (struct CMUnitTest){garbage[i].label, test_garbage, NULL, NULL, (void *)&garbage[i]};
	return cmocka_run_group_tests_name("access_link", tests, NULL, NULL);
}
