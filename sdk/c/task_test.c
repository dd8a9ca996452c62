/*
 * task_test.c - how requests are repeated: a client against a server that does as it is told, in simulated time. The
 * server knows only the short link; long links it hangs up on. Who looks somebody up gets no answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth.pb-c.h"
#include "base/buf.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "hongyan_loop.h"

#define SEC 1000000ull
#define ASKED_MAX 64u

/** What the server does with one request after another; the last step is for all that follow. */
struct step {
	enum { NO_MORE, ANSWER, HANG_UP, SAY_NOTHING } what;
	uint32_t code, retry_after_ms;
};

static const struct test_case {
	const char *label, *server;
	struct step steps[5];
	int status;
	unsigned asked_least, asked_most;
	uint64_t least_s, most_s;
	const char *trouble; /* how the last one that is told begins; NULL: none is */
} cases[] = {
	{"an answer ends it", "10.0.0.1:7600", {{ANSWER, 0, 0}}, HONGYAN_OK, 1, 1, 0, 2},
	{"a refusal ends it", "10.0.0.1:7600", {{ANSWER, HONGYAN_ALREADY_EXISTS, 0}}, HONGYAN_ALREADY_EXISTS, 1, 1, 0,
		2},
	{"a link that breaks: again", "10.0.0.1:7600", {{HANG_UP}, {HANG_UP}, {ANSWER, 0, 0}}, HONGYAN_OK, 3, 3, 0, 8,
		"10.0.0.1:7600 has ended the connection"},
	{"silence: again after the time-out", "10.0.0.1:7600", {{SAY_NOTHING}, {ANSWER, 0, 0}}, HONGYAN_OK, 2, 2, 12,
		16, "10.0.0.1:7600 takes connections and does not answer"},
	{"unavailable: again", "10.0.0.1:7600", {{ANSWER, HONGYAN_UNAVAILABLE, 0}, {ANSWER, 0, 0}}, HONGYAN_OK, 2, 2, 0,
		4, "10.0.0.1:7600 answers: "},
	{"not before the time the server says", "10.0.0.1:7600",
		{{ANSWER, HONGYAN_RESOURCE_EXHAUSTED, 20000}, {ANSWER, 0, 0}}, HONGYAN_OK, 2, 2, 20, 22,
		"10.0.0.1:7600 answers: "},
	{"a time to come back that is too late is the answer", "10.0.0.1:7600",
		{{ANSWER, HONGYAN_RESOURCE_EXHAUSTED, 90000}}, HONGYAN_RESOURCE_EXHAUSTED, 1, 1, 0, 2},
	{"a limit without a time is the answer", "10.0.0.1:7600", {{ANSWER, HONGYAN_RESOURCE_EXHAUSTED, 0}},
		HONGYAN_RESOURCE_EXHAUSTED, 1, 1, 0, 2},
	{"never an answer: a minute", "10.0.0.1:7600", {{SAY_NOTHING}}, HONGYAN_DEADLINE_EXCEEDED, 3, 6, 60, 61,
		"10.0.0.1:7600 takes connections and does not answer"},
	{"unavailable for ever: a minute", "10.0.0.1:7600", {{ANSWER, HONGYAN_UNAVAILABLE, 0}},
		HONGYAN_DEADLINE_EXCEEDED, 4, 40, 60, 61, "10.0.0.1:7600 answers: "},
	{"nobody there: a minute", "10.0.0.9:7600", {{ANSWER, 0, 0}}, HONGYAN_DEADLINE_EXCEEDED, 0, 0, 60, 61,
		"cannot reach 10.0.0.9:7600: "},
	{"the second address", "10.0.0.9:7600,10.0.0.1:7600", {{ANSWER, 0, 0}}, HONGYAN_OK, 1, 1, 0, 4},
	{"the fifth address", "10.0.0.5:1,10.0.0.6:1,10.0.0.7:1,10.0.0.8:1,10.0.0.1:7600", {{ANSWER, 0, 0}}, HONGYAN_OK,
		1, 1, 0, 40, "cannot reach 10.0.0."},
};

struct asked {
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	uint64_t made_ms;
};

struct world {
	const struct test_case *c;
	struct sim *sim;
	/* the server */
	struct env_loop *server_loop;
	struct env_sock listening;
	struct asked asked[ASKED_MAX];
	unsigned asked_count;
	/* the client */
	struct hongyan *client;
	int status; /* -1: not done */
	bool leaves;
	int looked_up, out; /* of who leaves, status; -1: not done */
	uint64_t done_us;
	uint32_t uin;
	char trouble[320];
	uint64_t retry_ms;
};

/* ---- the server -------------------------------------------------------------------------------------------------- */

struct conn {
	struct env_sock sock;
	struct world *world;
	struct hy_buf in;
};

static void answer(struct conn *c, const struct step *step)
{
	Hy__RegisterResponse response = HY__REGISTER_RESPONSE__INIT;
	Hy__ResponseHead head = HY__RESPONSE_HEAD__INIT;
	uint8_t packed[128];
	char text[256];
	head.code = step->code;
	head.retry_after_ms = step->retry_after_ms;
	response.head = &head;
	response.uin = 42;
	response.ticket = (ProtobufCBinaryData){6, (uint8_t *)(uintptr_t) "ticket"};
	size_t len = hy__register_response__pack(&response, packed);
	int head_len = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
	struct iovec iov[2] = {{text, (size_t)head_len}, {packed, len}};
	env_sendv(&c->sock, iov, 2);
}

static void on_request(struct conn *c, const uint8_t *body, size_t len)
{
	struct world *w = c->world;
	Hy__RegisterRequest *request = hy__register_request__unpack(NULL, len, body);
	const struct step *step = w->c->steps;
	for (unsigned i = 0; i < w->asked_count && step[1].what != NO_MORE; i++)
		step++;
	if (w->asked_count < ASKED_MAX && request && request->head->client_id.len == HONGYAN_CLIENT_ID_SIZE) {
		struct asked *a = &w->asked[w->asked_count];
		memcpy(a->client_id, request->head->client_id.data, sizeof a->client_id);
		a->made_ms = request->head->made_ms;
	}
	hy__register_request__free_unpacked(request, NULL);
	w->asked_count++;
	if (step->what == ANSWER)
		answer(c, step);
	else if (step->what == HANG_UP)
		env_sock_close(&c->sock);
}

static void on_conn_event(struct env_sock *sock, unsigned events)
{
	struct conn *c = hy_container_of(sock, struct conn, sock);
	ssize_t n;
	while ((n = env_recv(sock, hy_buf_reserve(&c->in, 4096), 4096)) > 0)
		hy_buf_commit(&c->in, (size_t)n);
	if (n != -EAGAIN || (hy_buf_len(&c->in) > 0 && hy_buf_data(&c->in)[0] != 'P')) {
		env_sock_close(sock);
		return;
	}
	*hy_buf_reserve(&c->in, 1) = '\0'; /* a head is text; a body's zeros are behind it */
	char *text = (char *)hy_buf_data(&c->in);
	char *length = text ? strstr(text, "Content-Length: ") : NULL,
	     *body = length ? strstr(length, "\r\n\r\n") : NULL;
	if (!body)
		return;
	size_t want = strtoul(length + 16, NULL, 10), have = hy_buf_len(&c->in) - (size_t)(body + 4 - text);
	if (have < want || strstr(text, "/lookup "))
		return;
	on_request(c, (uint8_t *)body + 4, want);
	hy_buf_clear(&c->in);
}

static void on_accept(struct env_sock *sock, unsigned events)
{
	struct world *w = hy_container_of(sock, struct world, listening);
	for (;;) {
		struct conn *c = hy_zalloc(sizeof *c);
		struct env_addr peer;
		c->world = w;
		c->sock.on_event = on_conn_event;
		if (env_accept(sock, &c->sock, &peer) != 0) {
			hy_free(c);
			return;
		}
	}
}

static void must(bool fine)
{
	if (!fine)
		abort(); /* cmocka cannot jump out of a fiber */
}

static void server_main(struct env *env, void *arg)
{
	struct world *w = arg;
	struct env_addr addr;
	struct env_listener *listener;
	must(env_addr_parse("10.0.0.1:7600", &addr) == 0);
	must(env_loop_create(env, &(struct env_loop_config){.name = "server"}, &w->server_loop) == 0);
	must(env_listen(env, &addr, &listener) == 0);
	w->listening = (struct env_sock){.on_event = on_accept};
	must(env_listener_attach(listener, w->server_loop, &w->listening) == 0);
	must(env_loop_start(w->server_loop) == 0);
	env_wait_terminate(env);
}

/* ---- the client -------------------------------------------------------------------------------------------------- */

static void on_looked_up(void *arg, int status, const char *why, const struct hongyan_profile *profile)
{
	struct world *w = arg;
	w->looked_up = status;
	w->done_us = sim_now_us(w->sim);
}

static void on_out(void *arg, int status, const char *why)
{
	((struct world *)arg)->out = status;
}

static void on_registered(void *arg, int status, const char *why, uint32_t uin, const void *ticket, size_t ticket_len)
{
	struct world *w = arg;
	w->status = status;
	w->uin = uin;
	w->done_us = sim_now_us(w->sim);
	if (w->leaves) {
		hongyan_lookup(w->client, "bob", on_looked_up, w);
		hongyan_sign_out(w->client, on_out, w);
	}
}

static void on_trouble(void *arg, const char *why, uint64_t retry_ms)
{
	struct world *w = arg;
	snprintf(w->trouble, sizeof w->trouble, "%s", why);
	w->retry_ms = retry_ms;
}

static void client_main(struct env *env, void *arg)
{
	struct world *w = arg;
	struct env_loop *loop;
	struct hongyan_config config = {.server = w->c->server, .device = "d", .short_links_only = true, .arg = w};
	config.events.on_trouble = on_trouble;
	must(env_loop_create(env, &(struct env_loop_config){.name = "client"}, &loop) == 0);
	must(hongyan_create_on_loop(loop, &config, &w->client) == HONGYAN_OK);
	hongyan_register(w->client, "ann", "a good password", NULL, on_registered, w);
	must(env_loop_start(loop) == 0);
	env_wait_terminate(env);
}

static bool is_done(void *arg)
{
	return ((struct world *)arg)->status >= 0;
}

static void test_case(void **state)
{
	const struct test_case *c = *state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w = {.c = c, .sim = sim_create(seed), .status = -1};
		sim_machine_start(sim_machine_create(w.sim, "server", "10.0.0.1"), server_main, &w);
		sim_machine_start(sim_machine_create(w.sim, "client", "10.0.0.2"), client_main, &w);
		uint64_t began_us = sim_now_us(w.sim);
		sim_run(w.sim, began_us + 300 * SEC, is_done, &w);
		uint64_t took_us = w.done_us - began_us;
		assert_int_equal(w.status, c->status);
		assert_in_range(w.asked_count, c->asked_least, c->asked_most);
		assert_in_range(took_us, c->least_s * SEC, c->most_s * SEC);
		assert_int_equal(w.uin, c->status == HONGYAN_OK ? 42 : 0);
		assert_int_equal(
			strncmp(w.trouble, c->trouble ? c->trouble : "", c->trouble ? strlen(c->trouble) : 1), 0);
		assert_in_range(w.retry_ms, 0, 60000);
		for (unsigned i = 1; i < w.asked_count; i++)
			assert_memory_equal(&w.asked[i], &w.asked[0], sizeof w.asked[0]);
		sim_destroy(w.sim);
	}
}

static bool has_left(void *arg)
{
	const struct world *w = arg;
	return w->looked_up >= 0 && w->out >= 0;
}

static void test_sign_out(void **state)
{
	static const struct test_case c = {"", "10.0.0.1:7600", {{ANSWER, 0, 0}}, HONGYAN_OK, 0, 0, 0, 0, NULL};
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w = {
			.c = &c, .sim = sim_create(seed), .status = -1, .leaves = true, .looked_up = -1, .out = -1};
		sim_machine_start(sim_machine_create(w.sim, "server", "10.0.0.1"), server_main, &w);
		sim_machine_start(sim_machine_create(w.sim, "client", "10.0.0.2"), client_main, &w);
		uint64_t began_us = sim_now_us(w.sim);
		sim_run(w.sim, began_us + 300 * SEC, has_left, &w);
		assert_int_equal(w.out, HONGYAN_OK);
		assert_int_equal(w.looked_up, HONGYAN_UNAUTHENTICATED);
		assert_in_range(w.done_us - began_us, 0, 10 * SEC);
		sim_destroy(w.sim);
	}
}

int main(void)
{
	struct CMUnitTest tests[HY_COUNT_OF(cases) + 1] = {[HY_COUNT_OF(cases)] = cmocka_unit_test(test_sign_out)};
	tests[HY_COUNT_OF(cases)].name = "what has no answer ends with the sign-in under which it was asked";
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++)
		tests[i] = (struct CMUnitTest){
			.name = cases[i].label, .test_func = test_case, .initial_state = (void *)(uintptr_t)&cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
