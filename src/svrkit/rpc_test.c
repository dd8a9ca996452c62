/* One service, called by the same stubs wherever it is: on this loop, on another one, over TCP, over a Unix socket. */
#include <stdio.h>

#include "svrkit/run_test.h"

#include "svrkit/echo_test.h"

enum place { HERE, OTHER_LOOP, TCP, UNIX_SOCKET, PLACES };

struct echo_world {
	struct world client;
	struct svr *server; /* NULL: the service is in the client's server */
	struct env_addr addr;
	struct echo echo;
	enum place place;
	uint32_t uin; /* to be called from the client's loop 0 */
};

static bool is_remote(const struct echo_world *ew)
{
	return ew->place >= TCP;
}

static void server_open(struct echo_world *ew)
{
	struct svr_config config = {.loops = 2};

	assert_int_equal(svr_create(ew->client.env, &config, &ew->server), HY_OK);
	echo_add(ew->server, &ew->echo);
	assert_int_equal(rpc_listen(ew->server, &ew->addr), HY_OK);
	rpc_server_addr(ew->server, 0, &ew->addr);
	assert_int_equal(svr_start(ew->server), HY_OK);
}

static void server_close(struct echo_world *ew)
{
	svr_stop(ew->server, 200000);
	svr_destroy(ew->server);
	ew->server = NULL;
}

static void echo_world_open(struct echo_world *ew, enum place place)
{
	memset(ew, 0, sizeof(*ew));
	ew->place = place;
	world_open(&ew->client, 2);
	if (place == UNIX_SOCKET) {
		char text[64];
		uint64_t random = env_rand64(ew->client.env);

		snprintf(text, sizeof(text), "unix:/tmp/rpc_test.%llx", (unsigned long long)random);
		assert_int_equal(env_addr_parse(text, &ew->addr), 0);
	} else {
		assert_int_equal(env_addr_parse("127.0.0.1:0", &ew->addr), 0);
	}
	if (is_remote(ew)) {
		server_open(ew);
		rpc_add_remote(ew->client.svr, &echo_service, &ew->addr);
	} else {
		echo_add(ew->client.svr, &ew->echo);
	}
	ew->uin = echo_uin_on(ew->client.svr, place != HERE);
	assert_int_equal(svr_start(ew->client.svr), HY_OK);
}

static void echo_world_close(struct echo_world *ew)
{
	svr_stop(ew->client.svr, 1000000);
	if (ew->server)
		server_close(ew);
	world_close(&ew->client);
	assert_int_equal(ew->echo.wrong_loop, 0);
}

static void everywhere(void (*fn)(struct world *w, struct call *call, void *arg))
{
	for (enum place place = HERE; place < PLACES; place++) {
		struct echo_world ew;

		echo_world_open(&ew, place);
		world_run(&ew.client, 0, fn, &ew);
		echo_world_close(&ew);
	}
}

/* ---- one table for all places ------------------------------------------------------------------------------------ */

struct echo_case {
	const char *payload;
	size_t filled; /* the payload is this many bytes, the text first */
	unsigned deadline_ms;
	bool here; /* EchoHere, which has no route */
	int status;
	const char *answer; /* NULL: the payload */
	const char *message;
	uint32_t retry_after_ms;
};

static const struct echo_case cases[] = {
	{.payload = ""},
	{.payload = "hello"},
	{.payload = "hello", .here = true},
	{.payload = "300 bytes", .filled = 300},
	{.payload = "a megabyte", .filled = 1u << 20},
	{.payload = "200 KiB", .filled = 200u << 10},
	{.payload = "fail", .status = HY_RESOURCE_EXHAUSTED, .message = "the shelf is full", .retry_after_ms = 250},
	{.payload = "missing, with an answer", .status = HY_NOT_FOUND},
	{.payload = "who", .answer = "4711 phone ann 7"},
	{.payload = "sleep", .deadline_ms = 30, .status = HY_DEADLINE_EXCEEDED, .answer = ""},
	{.payload = "sleep", .deadline_ms = 30, .here = true, .status = HY_DEADLINE_EXCEEDED, .answer = ""},
	{.payload = "after all that", .here = true},
};

static void run_case(struct echo_world *ew, struct call *call, const struct echo_case *c)
{
	struct world *w = &ew->client;
	struct hy_bytes payload = hy_bytes_str(c->payload), answer;
	struct call sub = *call;
	uint8_t *filled = NULL;

	if (c->filled) {
		filled = hy_alloc(c->filled);
		memset(filled, 'x', c->filled);
		memcpy(filled, payload.data, payload.len);
		payload = hy_bytes(filled, c->filled);
	}
	sub.who = (struct svr_passport){4711, "phone", "ann"};
	if (c->deadline_ms)
		sub.deadline_us = svr_now_us(call->loop) + c->deadline_ms * 1000;
	int status = echo_call(&sub, c->here ? 0 : ew->uin, payload, &answer);
	CHECK(w, status == c->status);
	if (c->status != HY_DEADLINE_EXCEEDED)
		CHECK(w, hy_bytes_equal(answer, c->answer ? hy_bytes_str(c->answer) : payload));
	CHECK(w, sub.retry_after_ms == c->retry_after_ms);
	CHECK(w, !c->message || (sub.message && strcmp(sub.message, c->message) == 0));
	if (w->failed_line)
		print_error("place %d, payload \"%s\": status %d\n", ew->place, c->payload, status);
	hy_free(filled);
}

static void run_cases(struct world *w, struct call *call, void *arg)
{
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++)
		run_case(arg, call, &cases[i]);
}

static void a_call_has_the_same_result_wherever_the_service_is(void **state)
{
	everywhere(run_cases);
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

struct one_of_many {
	struct echo_world *ew;
	struct svr_loop *loop;
	unsigned number, *left;
};

static void one_of_many_main(void *arg)
{
	struct one_of_many *one = arg;
	struct hy_arena arena;
	struct hy_bytes answer;
	char text[32];

	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	for (unsigned i = 0; i < 5; i++) {
		struct call call = {
			.loop = one->loop, .arena = &arena, .deadline_us = svr_now_us(one->loop) + 20000000};
		int len = snprintf(text, sizeof(text), "call %u.%u", one->number, i);
		int status = echo_call(&call, one->number + 1, hy_bytes(text, (size_t)len), &answer);

		CHECK(&one->ew->client, status == HY_OK && hy_bytes_equal(answer, hy_bytes(text, (size_t)len)));
		hy_arena_reset(&arena);
	}
	hy_arena_fini(&arena);
	(*one->left)--;
}

static void run_many(struct world *w, struct call *call, void *arg)
{
	enum { MANY = FEWER(1000, 200) };
	struct one_of_many *many = hy_alloc(MANY * sizeof(*many));
	unsigned left = MANY;

	for (unsigned i = 0; i < MANY; i++) {
		many[i] = (struct one_of_many){arg, call->loop, i, &left};
		co_spawn(call->loop, one_of_many_main, &many[i]);
	}
	while (left)
		co_sleep_until(call->loop, svr_now_us(call->loop) + 1000);
	hy_free(many);
}

static void a_thousand_calls_at_once_have_each_its_own_answer(void **state)
{
	everywhere(run_many);
}

/* ---- cancellation ------------------------------------------------------------------------------------------------ */

struct cancelled {
	struct call *call;
	uint32_t uin;
	int status;
	bool ended;
};

static void cancelled_main(void *arg)
{
	struct cancelled *c = arg;
	struct call call = *c->call;
	struct hy_bytes answer;

	c->status = echo_call(&call, c->uin, hy_bytes_str("sleep"), &answer);
	c->ended = true;
}

static void wait_for(struct call *call, const unsigned *counter, unsigned value)
{
	while (__atomic_load_n(counter, __ATOMIC_RELAXED) < value)
		co_sleep_until(call->loop, svr_now_us(call->loop) + 500);
}

static void run_cancel(struct world *w, struct call *call, void *arg)
{
	struct echo_world *ew = arg;
	struct cancelled c = {call, ew->uin, HY_OK, false};
	struct co *co = co_spawn(call->loop, cancelled_main, &c);

	wait_for(call, &ew->echo.entered, 1);
	co_cancel(co);
	while (!c.ended)
		co_sleep_until(call->loop, svr_now_us(call->loop) + 500);
	CHECK(w, c.status == HY_CANCELLED);
	wait_for(call, &ew->echo.cancelled, 1);
}

static void a_cancellation_reaches_the_handler_wherever_it_is(void **state)
{
	everywhere(run_cancel);
}

/* ---- counters ---------------------------------------------------------------------------------------------------- */

static void check_stats(void *arg, const struct rpc_stats *stats)
{
	struct echo_world *ew = arg;
	uint64_t latency = 0;

	for (unsigned i = 0; i < RPC_LATENCY_BUCKETS; i++)
		latency += stats->latency[i];
	CHECK(&ew->client, stats->calls == latency);
	CHECK(&ew->client, stats->remote == is_remote(ew));
	if (strcmp(stats->method->name, "Echo.Echo") == 0) {
		CHECK(&ew->client, stats->calls == 9);
		CHECK(&ew->client, stats->errors[HY_RESOURCE_EXHAUSTED] == 1 && stats->errors[HY_NOT_FOUND] == 1);
		CHECK(&ew->client, stats->errors[HY_DEADLINE_EXCEEDED] == 1 && stats->errors[HY_OK] == 0);
		/* It slept 30 ms by a clock that may be a long turn old on a busy machine: at least 2^11 us. */
		uint64_t slow = 0;
		for (unsigned i = 12; i < RPC_LATENCY_BUCKETS; i++)
			slow += stats->latency[i];
		CHECK(&ew->client, slow >= 1);
	}
}

static void every_method_is_counted_with_its_errors_and_latencies(void **state)
{
	for (enum place place = HERE; place < PLACES; place++) {
		struct echo_world ew;

		echo_world_open(&ew, place);
		world_run(&ew.client, 0, run_cases, &ew);
		rpc_stats_each(ew.client.svr, check_stats, &ew);
		echo_world_close(&ew);
	}
}

/* ---- what a method's options say ---- */

static int call_as(struct call *call, const struct rpc_method *method, const char *payload, size_t *ret_len)
{
	Hy__EchoRequest request = HY__ECHO_REQUEST__INIT;
	Hy__EchoResponse response = HY__ECHO_RESPONSE__INIT;

	request.payload.data = (uint8_t *)payload;
	request.payload.len = strlen(payload);
	int status = rpc_call(call, method, &request, &response);
	*ret_len = response.payload.len;
	return status;
}

static void run_options(struct world *w, struct call *call, void *arg)
{
	static const char long_name[] = "a name of forty bytes, one byte too many";
	struct rpc_method method = echo_service.methods[1];
	size_t len;

	/* Callers go on without it: only when it is out of order, not when it says no. */
	method.on_failure = 1;
	CHECK(w, call_as(call, &method, "fail", &len) == HY_OK && len == 0);
	CHECK(w, call_as(call, &method, "missing", &len) == HY_NOT_FOUND && len == 7);
	method.on_failure = 0;
	method.route = RPC_ROUTE_SELF;
	CHECK(w, call_as(call, &method, "hello", &len) == HY_UNAUTHENTICATED);
	call->who = (struct svr_passport){42, "phone", "ann"};
	CHECK(w, call_as(call, &method, "hello", &len) == HY_OK && len == 5);
	method.route = RPC_ROUTE_NAME;
	method.route_offset = offsetof(Hy__EchoRequest, payload.data);
	CHECK(w, call_as(call, &method, "ann", &len) == HY_OK && len == 3);
	CHECK(w, call_as(call, &method, long_name, &len) == HY_INVALID_ARGUMENT);
	CHECK(w, call_as(call, &method, long_name + 1, &len) == HY_OK && len == sizeof(long_name) - 2);
}

static void a_method_is_called_as_its_options_say(void **state)
{
	struct echo_world ew;

	echo_world_open(&ew, OTHER_LOOP);
	world_run(&ew.client, 0, run_options, &ew);
	echo_world_close(&ew);
}

/* ---- a server that goes away ------------------------------------------------------------------------------------- */

static void call_ok(struct world *w, struct call *call, void *arg)
{
	struct echo_world *ew = arg;
	struct hy_bytes answer;

	CHECK(w, echo_call(call, ew->uin, hy_bytes_str("x"), &answer) == HY_OK);
	CHECK(w, echo_call(call, 0, hy_bytes_str("x"), &answer) == HY_OK);
}

static void call_unavailable(struct world *w, struct call *call, void *arg)
{
	struct echo_world *ew = arg;
	struct hy_bytes answer;
	uint64_t begin = svr_now_us(call->loop);

	for (unsigned i = 0; i < 5; i++) {
		CHECK(w, echo_call(call, ew->uin, hy_bytes_str("x"), &answer) == HY_UNAVAILABLE);
		CHECK(w, call->message != NULL);
	}
	CHECK(w, svr_now_us(call->loop) - begin < 5000000);
}

/** Until it answers again. */
static void call_until_ok(struct world *w, struct call *call, void *arg)
{
	struct echo_world *ew = arg;
	struct hy_bytes answer;

	while (echo_call(call, ew->uin, hy_bytes_str("x"), &answer) != HY_OK)
		CHECK(w, co_sleep_until(call->loop, svr_now_us(call->loop) + 20000) == HY_OK);
}

static void a_client_finds_its_server_again_after_it_was_away(void **state)
{
	for (enum place place = TCP; place < PLACES; place++) {
		struct echo_world ew;

		echo_world_open(&ew, place);
		world_run(&ew.client, 0, call_ok, &ew);
		server_close(&ew);
		world_run(&ew.client, 0, call_unavailable, &ew);
		server_open(&ew);
		world_run(&ew.client, 0, call_until_ok, &ew);
		world_run(&ew.client, 0, call_ok, &ew);
		echo_world_close(&ew);
	}
}

/* ---- what is refused at the door --------------------------------------------------------------------------------- */

static void call_unknown(struct world *w, struct call *call, void *arg)
{
	struct hy_bytes answer;

	CHECK(w, echo_call(call, 1, hy_bytes_str("x"), &answer) == HY_UNIMPLEMENTED);
}

static void a_service_that_nobody_added_is_unimplemented(void **state)
{
	struct world w;

	world_open(&w, 1);
	assert_null(rpc_method_by_cmd(w.svr, 101));
	assert_null(rpc_method_by_path(w.svr, "/cgi-bin/sync", 13));
	assert_int_equal(svr_start(w.svr), HY_OK);
	world_run(&w, 0, call_unknown, NULL);
	world_close(&w);
}

static void only_loopback_and_unix_sockets_are_listened_on(void **state)
{
	struct world w;
	struct env_addr addr;

	world_open(&w, 1);
	assert_int_equal(env_addr_parse("10.1.2.3:7600", &addr), 0);
	assert_int_equal(rpc_listen(w.svr, &addr), HY_INVALID_ARGUMENT);
	assert_int_equal(env_addr_parse("*:7600", &addr), 0);
	assert_int_equal(rpc_listen(w.svr, &addr), HY_INVALID_ARGUMENT);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_has_the_same_result_wherever_the_service_is),
		cmocka_unit_test(a_thousand_calls_at_once_have_each_its_own_answer),
		cmocka_unit_test(a_cancellation_reaches_the_handler_wherever_it_is),
		cmocka_unit_test(every_method_is_counted_with_its_errors_and_latencies),
		cmocka_unit_test(a_method_is_called_as_its_options_say),
		cmocka_unit_test(a_client_finds_its_server_again_after_it_was_away),
		cmocka_unit_test(a_service_that_nobody_added_is_unimplemented),
		cmocka_unit_test(only_loopback_and_unix_sockets_are_listened_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
