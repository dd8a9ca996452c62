/* What an operator has begun, whose connection ends, or whose time does. */
#include "main/admin_task.h"
#include "svrkit/run_test.h"

#include "admin.pb-c.h"

/** One change, on the only loop. */
struct change {
	struct world *world;
	struct co *asker;
	bool cancel;            /* the asker, at work */
	uint64_t asker_us;      /* that the asker has */
	bool begun, done, kept; /* kept: nothing ended its wait before its time */
	int status, answered;
	bool answered_before_done, told;
};

static int work(void *self, struct call *call, const ProtobufCMessage *request, ProtobufCMessage *response)
{
	struct change *c = self;

	c->begun = strcmp(((const Hy__AdminDisableUserRequest *)(const void *)request)->name, "ann") == 0;
	if (c->cancel)
		co_cancel(c->asker);
	c->kept = co_sleep_until(call->loop, svr_now_us(call->loop) + 50000) == HY_OK &&
		  call->deadline_us > svr_now_us(call->loop) + 3000000000ull && call->trace != 0;
	c->done = true;
	((Hy__AdminDeleteUserResponse *)(void *)response)->uin = 42;
	return call_fail(call, c->status, "it is %s", "so");
}

static void ask(struct world *w, struct call *call, void *arg)
{
	struct change *c = arg;
	Hy__AdminDisableUserRequest request = HY__ADMIN_DISABLE_USER_REQUEST__INIT;
	Hy__AdminDeleteUserResponse response = HY__ADMIN_DELETE_USER_RESPONSE__INIT;
	char name[] = "ann";

	request.name = name;
	c->asker = co_running(call->loop);
	if (c->asker_us)
		call->deadline_us = svr_now_us(call->loop) + c->asker_us;
	c->answered = admin_task(call, work, c, &request.base, &response.base);
	c->answered_before_done = !c->done;
	memset(name, 'x', 3);
	c->told = c->done ? response.uin == 42 && strcmp(call->message, "it is so") == 0
			  : response.uin == 0 && strstr(call->message, "goes on");
}

static const struct task_case {
	const char *label;
	bool cancel;
	uint64_t asker_us;
	int status, answered;
	bool before;
} cases[] = {
	{"whoever waits is told how it went", false, 0, HY_OK, HY_OK, false},
	{"and why not", false, 0, HY_NOT_FOUND, HY_NOT_FOUND, false},
	{"a connection that ends cancels nothing", true, 0, HY_OK, HY_FAILED_PRECONDITION, true},
	{"nor does the caller's time", false, 210000, HY_OK, HY_FAILED_PRECONDITION, true},
	{"nor that there is none left", false, 1000, HY_OK, HY_FAILED_PRECONDITION, true},
};

static void test_case(void **state)
{
	const struct task_case *t = *state;
	struct world w;

	world_open(&w, 1);
	assert_int_equal(svr_start(w.svr), HY_OK);
	struct change c = {
		.world = &w, .cancel = t->cancel, .asker_us = t->asker_us, .status = t->status};
	world_run(&w, 0, ask, &c);
	svr_stop(w.svr, 5000000); /* waits for what goes on */
	assert_int_equal(c.answered, t->answered);
	assert_int_equal(c.answered_before_done, t->before);
	assert_true(c.begun && c.done && c.kept && c.told);
	world_close(&w);
}

int main(void)
{
	struct CMUnitTest tests[HY_COUNT_OF(cases)];
	memset(tests, 0, sizeof tests);
	for (unsigned i = 0; i < HY_COUNT_OF(cases); i++)
		tests[i] = (struct CMUnitTest){
			.name = cases[i].label, .test_func = test_case, .initial_state = (void *)(uintptr_t)&cases[i]};
	return _cmocka_run_group_tests("admin_task", tests, HY_COUNT_OF(cases), NULL, NULL);
}
