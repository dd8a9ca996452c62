/* What access takes in at the most: requests in work, output that nobody reads, connections and their buffers. */
#include "access/access_world.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BOUND_TEST(text, fn)               \
	{                                  \
		text, fn, NULL, NULL, NULL \
	}

/* ---- requests in work -------------------------------------------------------------------------------------------- */

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

/* ---- output ------------------------------------------------------------------------------------------------------ */

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
	assert_true(world_await_rest(&w, 0, &w.served) < 100); /* what the kernel holds, and one more */
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
	assert_push(fd, HY__SYNC_KIND__SYNC_KIND_MESSAGE);
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
static size_t flood_with_heartbeats(struct access_world *w, int fd)
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
		world_turn(w, 0);
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
	assert_true(flood_with_heartbeats(&w, fd) > 0);
	world_run(&w.base, 0, look_at_stranger, &held);
	assert_in_range(held, 16384, 96 << 10);
	uint8_t bytes[8];
	uint64_t began_us = env_mono_us(w.base.env);
	while (world_count(&w, MON_links_dropped_slow) == 0) { /* a few bytes now and then do not help */
		assert_true(env_mono_us(w.base.env) - began_us < 30000000);
		(void)!recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		usleep(20000);
	}
	close(fd);
	access_world_close(&w);
}

/* ---- strangers --------------------------------------------------------------------------------------------------- */

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

/** What waits for the sweep waits for longer than any client of these tests. */
static void put_off_sweep(struct world *base, struct call *call, void *arg)
{
	struct access_world *w = hy_container_of(base, struct access_world, base);
	env_timer_set(svr_loop_env(call->loop), &w->access->loops[0].sweep, svr_now_us(call->loop) + 3600000000ull);
}

static void test_burst(void **state)
{
	struct access_world w;
	struct world_task task;
	int fd[700];
	open_default(&w, 1);
	world_run(&w.base, 0, put_off_sweep, NULL);
	world_begin(&w.base, &task, 0, block_loop, NULL);
	for (size_t i = 0; i < HY_COUNT_OF(fd); i++)
		fd[i] = client_open(&w);
	for (size_t i = 0; i < HY_COUNT_OF(fd); i++)
		client_heartbeat(fd[i]);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOUND_TEST("so many requests of one link are in work; the rest is read later", test_request_bound),
		BOUND_TEST("so many requests of one loop are in work; the rest is refused", test_loop_bound),
		BOUND_TEST("one request without a ticket is in work for a link; the rest is read later",
			test_open_per_link),
		BOUND_TEST("a call says where it comes from, unless it is this machine", test_where),
		BOUND_TEST("so many requests without a ticket are in work for an address; the rest is refused",
			test_open_per_address),
		BOUND_TEST("a slow reader's requests wait and its hints are dropped, until it reads", test_slow_reader),
		BOUND_TEST("a reader that takes no byte for long ends", test_dead_reader),
		BOUND_TEST("a link with too much output ends", test_output_bound),
		BOUND_TEST("who has not signed in and does not read is held to little memory, and not for long",
			test_deaf_stranger),
		BOUND_TEST("strangers' buffers take too much: the oldest that holds any goes", test_strangers_bytes),
		BOUND_TEST("one stranger too many: the one not heard of for longest goes", test_strangers_in_all),
		BOUND_TEST("one stranger too many from an address: its oldest goes", test_strangers_by_address),
		BOUND_TEST("a burst of connections does not wait", test_burst),
		BOUND_TEST("without free files connections wait at the door", test_too_many_files),
	};
	return cmocka_run_group_tests_name("access_bounds", tests, NULL, NULL);
}
