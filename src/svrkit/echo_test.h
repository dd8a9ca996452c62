/**
 * echo_test.h - the Echo service as the tests of RPC serve it. What a handler does, the payload's first word says:
 *
 *	"fail ..."     RESOURCE_EXHAUSTED, with a sentence and a time to come back
 *	"missing ..."  NOT_FOUND, with the payload all the same
 *	"who"          the payload becomes the passport and the trace, as text
 *	"sleep"        until the deadline or a cancellation
 *	else           the payload comes back
 */
#ifndef ECHO_TEST_H
#define ECHO_TEST_H

#include "echo.rpc.h"
#include "svrkit/rpc_impl.h"
#include "svrkit/svr_impl.h"

struct echo {
	unsigned entered, cancelled, wrong_loop; /* atomic */
};

static inline bool echo_begins(const Hy__EchoRequest *request, const char *word)
{
	size_t len = strlen(word);

	return request->payload.len >= len && memcmp(request->payload.data, word, len) == 0;
}

static inline int echo_work(
	struct echo *echo, struct call *call, const Hy__EchoRequest *request, Hy__EchoResponse *response)
{
	__atomic_fetch_add(&echo->entered, 1, __ATOMIC_RELAXED);
	response->payload.data = hy_arena_memdup(call->arena, request->payload.data, request->payload.len);
	response->payload.len = request->payload.len;
	if (echo_begins(request, "fail"))
		return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 250, "the shelf is full");
	if (echo_begins(request, "missing"))
		return HY_NOT_FOUND;
	if (echo_begins(request, "who")) {
		char *text = hy_arena_printf(call->arena, "%u %s %s %llu", call->who.uin,
			call->who.device ? call->who.device : "-", call->who.name ? call->who.name : "-",
			(unsigned long long)call->trace);

		response->payload.data = (uint8_t *)text;
		response->payload.len = strlen(text);
	}
	if (echo_begins(request, "sleep")) {
		struct co_wait wait;

		co_wait_init(&wait, call->loop);
		int status = co_wait(&wait, call->deadline_us);
		if (status == HY_CANCELLED)
			__atomic_fetch_add(&echo->cancelled, 1, __ATOMIC_RELAXED);
		return status;
	}
	return HY_OK;
}

static inline int echo_here(void *self, struct call *call, const Hy__EchoRequest *request, Hy__EchoResponse *response)
{
	return echo_work(self, call, request, response);
}

static inline int echo_routed(void *self, struct call *call, const Hy__EchoRequest *request, Hy__EchoResponse *response)
{
	struct echo *echo = self;
	struct hy_key key = hy_key_user(request->uin);

	if (svr_loop_of_key(svr_of_loop(call->loop), &key) != svr_loop_index(call->loop))
		__atomic_fetch_add(&echo->wrong_loop, 1, __ATOMIC_RELAXED);
	return echo_work(echo, call, request, response);
}

static inline void echo_add(struct svr *svr, struct echo *echo)
{
	static const struct echo_handlers handlers = {.echo = echo_routed, .echo_here = echo_here};

	rpc_add_service(svr, &echo_service, &handlers, echo);
}

/** Calls Echo and hands out the answer's payload. SUSPENDS. */
static inline int echo_call(struct call *call, uint32_t uin, struct hy_bytes payload, struct hy_bytes *ret_payload)
{
	Hy__EchoRequest request = HY__ECHO_REQUEST__INIT;
	Hy__EchoResponse response = HY__ECHO_RESPONSE__INIT;

	request.uin = uin;
	request.payload.data = (uint8_t *)payload.data;
	request.payload.len = payload.len;
	int status = uin ? echo_echo(call, &request, &response) : echo_echo_here(call, &request, &response);
	*ret_payload = hy_bytes(response.payload.data, response.payload.len);
	return status;
}

/** A UIN that lives on this loop of a server with so many. */
static inline uint32_t echo_uin_on(const struct svr *svr, unsigned loop)
{
	for (uint32_t uin = 1;; uin++) {
		struct hy_key key = hy_key_user(uin);

		if (svr_loop_of_key(svr, &key) == loop)
			return uin;
	}
}

#endif
