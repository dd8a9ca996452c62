/* What the plug-in makes of echo.proto and of a client-facing service: tables, thunks, stubs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth.rpc.h"
#include "echo.rpc.h"
#include "send.rpc.h"

/* Stands where svrkit's is in a server: notes what a stub asks for. */
static struct {
	struct call *call;
	const struct rpc_method *method;
	const void *request;
	void *response;
} asked;

int rpc_call(struct call *call, const struct rpc_method *method, const void *request, void *response)
{
	asked.call = call;
	asked.method = method;
	asked.request = request;
	asked.response = response;
	return HY_NOT_FOUND;
}

static void test_internal_method(void **state)
{
	assert_string_equal(echo_service.name, "Echo");
	assert_int_equal(echo_service.id, 60);
	assert_int_equal(echo_service.method_count, 2);
	const struct rpc_method *m = &echo_service.methods[0];
	assert_ptr_equal(m->service, &echo_service);
	assert_string_equal(m->name, "Echo.Echo");
	assert_int_equal(m->index, 0);
	assert_int_equal(m->route, RPC_ROUTE_USER);
	assert_int_equal(m->route_offset, offsetof(Hy__EchoRequest, uin));
	assert_true(m->order_offset == SIZE_MAX);
	assert_true(m->idempotent && !m->open);
	assert_int_equal(m->cmd, 0);
	assert_null(m->path);
	assert_int_equal(m->body_limit, 16384);
	assert_int_equal(m->deadline_ms, SVR_DEADLINE_DEFAULT_MS);
	assert_ptr_equal(m->request, &hy__echo_request__descriptor);
	assert_ptr_equal(m->response, &hy__echo_response__descriptor);

	m = &echo_service.methods[1];
	assert_string_equal(m->name, "Echo.EchoHere");
	assert_int_equal(m->index, 1);
	assert_int_equal(m->route, RPC_ROUTE_ANY);
	assert_int_equal(m->priority, 3);
	assert_int_equal(m->body_limit, 1048576);
	assert_int_equal(m->deadline_ms, 2000);
	assert_false(m->idempotent);
}

static void test_client_facing_methods(void **state)
{
	const struct rpc_method *m = &send_service.methods[0];
	assert_int_equal(m->cmd, 121);
	assert_string_equal(m->path, "/cgi-bin/send-text");
	assert_int_equal(m->route, RPC_ROUTE_SELF);
	assert_int_equal(m->order_offset, offsetof(Hy__SendTextRequest, to));

	m = &auth_service.methods[0];
	assert_string_equal(m->path, "/cgi-bin/register");
	assert_true(m->open);
	assert_int_equal(m->body_limit, 4096);
}

static int echo_handler(void *self, struct call *call, const Hy__EchoRequest *request, Hy__EchoResponse *response)
{
	assert_ptr_equal(self, &asked);
	response->payload = request->payload;
	return HY_ABORTED;
}

static int echo_here_handler(void *self, struct call *call, const Hy__EchoRequest *request, Hy__EchoResponse *response)
{
	return HY_DATA_LOSS;
}

static void test_invoke(void **state)
{
	const struct echo_handlers handlers = {.echo = echo_handler, .echo_here = echo_here_handler};
	Hy__EchoRequest request = HY__ECHO_REQUEST__INIT;
	Hy__EchoResponse response = HY__ECHO_RESPONSE__INIT;
	request.payload = (ProtobufCBinaryData){3, (uint8_t *)"abc"};
	const struct rpc_method *methods = echo_service.methods;
	assert_int_equal(methods[0].invoke(&handlers, &asked, NULL, &request, &response), HY_ABORTED);
	assert_int_equal(response.payload.len, 3);
	assert_int_equal(methods[1].invoke(&handlers, &asked, NULL, &request, &response), HY_DATA_LOSS);
}

static void test_stub(void **state)
{
	struct call call = {0};
	Hy__EchoRequest request = HY__ECHO_REQUEST__INIT;
	Hy__EchoResponse response = HY__ECHO_RESPONSE__INIT;
	assert_int_equal(echo_echo_here(&call, &request, &response), HY_NOT_FOUND);
	assert_ptr_equal(asked.call, &call);
	assert_ptr_equal(asked.method, &echo_service.methods[1]);
	assert_ptr_equal(asked.request, &request);
	assert_ptr_equal(asked.response, &response);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"an internal method's options are in its table", test_internal_method, NULL, NULL, NULL},
		{"a client-facing method has number, path and order", test_client_facing_methods, NULL, NULL, NULL},
		{"invoke calls the handler of the method", test_invoke, NULL, NULL, NULL},
		{"a stub calls rpc_call() with its method", test_stub, NULL, NULL, NULL},
	};
	return cmocka_run_group_tests_name("rpc_tables", tests, NULL, NULL);
}
