/* standalone_test.c - clients with a loop of their own, on a thread or driven, while nobody answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <poll.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "hongyan.h"

#define NOBODY "127.0.0.1:1"

struct seen {
	atomic_int states, done, status;
};

static void on_state(void *arg, enum hongyan_state state)
{
	struct seen *s = arg;
	atomic_fetch_add(&s->states, 1);
}

static void on_done(void *arg, int status, const char *why)
{
	struct seen *s = arg;
	atomic_store(&s->status, status);
	atomic_fetch_add(&s->done, 1);
}

static struct hongyan *client(struct seen *seen, const char *server)
{
	struct hongyan_config config = {.server = server, .device = "d", .events = {.on_state = on_state}, .arg = seen};
	struct hongyan *h;
	assert_int_equal(hongyan_create(&config, &h), HONGYAN_OK);
	return h;
}

static void test_thread(void **state)
{
	struct seen seen[3] = {0};
	struct hongyan *h[3];
	for (int i = 0; i < 3; i++) {
		h[i] = client(&seen[i], NOBODY);
		assert_int_equal(hongyan_start_thread(h[i]), HONGYAN_OK);
		hongyan_lookup(h[i], "bob", NULL, NULL);
		hongyan_set_remark(h[i], 7, "Bob", on_done, &seen[i]);
	}
	for (int i = 0; i < 3; i++) {
		while (atomic_load(&seen[i].done) == 0)
			poll(NULL, 0, 1);
		assert_int_equal(atomic_load(&seen[i].status), HONGYAN_UNAUTHENTICATED);
		hongyan_resume(h[i], 42, "ticket", 6, NULL, 0);
		while (hongyan_state(h[i]) != HONGYAN_CONNECTING)
			poll(NULL, 0, 1);
		assert_int_equal(hongyan_uin(h[i]), 42);
		assert_true(atomic_load(&seen[i].states) >= 1);
	}
	for (int i = 0; i < 3; i++) {
		uint8_t id[HONGYAN_CLIENT_ID_SIZE];
		uint64_t made_ms;
		hongyan_new_client_id(h[i], id, &made_ms);
		assert_int_equal(hongyan_send_text(h[i], 7, "never sent", id, made_ms), HONGYAN_OK);
		hongyan_set_network(h[i], "wifi:test");
		hongyan_sync_now(h[i]);
		hongyan_destroy(h[i]); /* with all that under way */
	}
}

static void test_driven(void **state)
{
	struct seen seen = {0};
	struct hongyan *h = client(&seen, NOBODY);
	struct pollfd fd = {.fd = hongyan_fd(h), .events = POLLIN};
	hongyan_turn(h, 0);
	while (poll(&fd, 1, 0) == 1)
		hongyan_turn(h, 0);
	hongyan_set_remark(h, 7, "Bob", on_done, &seen);
	assert_int_equal(atomic_load(&seen.done), 0); /* never from inside a call */
	while (atomic_load(&seen.done) == 0) {
		assert_int_equal(poll(&fd, 1, 1000), 1); /* the request, then its timer */
		hongyan_turn(h, 0);
	}
	hongyan_resume(h, 42, "ticket", 6, NULL, 0);
	while (hongyan_state(h) != HONGYAN_CONNECTING)
		hongyan_turn(h, 100);
	hongyan_turn(h, 0);
	hongyan_destroy(h);
}

static void test_names(void **state)
{
	static const char *const servers[] = {
		"localhost:1", "localhost", "no-such-name.invalid,localhost:1", "[::1]:1,127.0.0.1"};
	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
		struct seen seen = {0};
		struct hongyan *h = client(&seen, servers[i]);
		hongyan_resume(h, 42, "ticket", 6, NULL, 0);
		for (size_t turns = 0; turns < 5 * i; turns++)
			hongyan_turn(h, 5);
		hongyan_destroy(h); /* look-ups may be under way */
	}
}

static void test_refused(void **state)
{
	static const char *const servers[] = {
		"", ",", ":7600", "host:", "host:0", "host:99999", "host:x", "[::1", "a,b,c,d,e,f,g,h,i"};
	struct hongyan *h;
	struct hongyan_config config = {.device = "d"};
	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
		config.server = servers[i];
		assert_int_equal(hongyan_create(&config, &h), HONGYAN_INVALID_ARGUMENT);
	}
	config.server = NOBODY;
	config.device = "not a name";
	assert_int_equal(hongyan_create(&config, &h), HONGYAN_INVALID_ARGUMENT);
	hongyan_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{.name = "three clients on threads of their own, ended in mid-work", .test_func = test_thread},
		{.name = "a client driven by poll()", .test_func = test_driven},
		{.name = "names are looked up in the background", .test_func = test_names},
		{.name = "what is no server and no device is refused", .test_func = test_refused},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
