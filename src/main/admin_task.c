/* admin_task.c - see admin_task.h. */
#include "main/admin_task.h"

#include "base/mem.h"
#include "svrkit/pb.h"

#define PATIENCE_US (3600ull * 1000 * 1000) /* as the data services have with the disk */
#define ANSWER_US (200u * 1000)             /* before the caller's time ends: so that it is told */

struct task {
	admin_task_fn *fn;
	void *self;
	struct hy_arena arena;
	struct call call;
	ProtobufCMessage *request, *response;
	int status;
	struct co_wait *waiter; /* NULL: nobody waits any more */
};

static void task_free(struct task *task)
{
	hy_arena_wipe(&task->arena); /* a request may have a password */
	hy_arena_fini(&task->arena);
	hy_free(task);
}

static void task_run(void *arg)
{
	struct task *task = arg;

	task->status = task->fn(task->self, &task->call, task->request, task->response);
	if (task->waiter)
		co_wake(task->waiter, HY_OK);
	else
		task_free(task);
}

/** NULL: over the arena's cap. */
static struct task *task_create(struct call *call, admin_task_fn *fn, void *self, const ProtobufCMessage *request,
	const ProtobufCMessage *response)
{
	struct task *task = hy_zalloc(sizeof *task);

	task->fn = fn;
	task->self = self;
	hy_arena_init(&task->arena, HY_ARENA_LIMIT_DEFAULT);
	task->call = (struct call){.loop = call->loop,
		.arena = &task->arena,
		.deadline_us = svr_now_us(call->loop) + PATIENCE_US,
		.trace = call->trace ? call->trace : env_rand64(svr_env(svr_of_loop(call->loop))),
		.priority = call->priority};
	task->request = pb_copy(request, &task->arena);
	task->response = pb_copy(response, &task->arena);
	if (task->request && task->response)
		return task;
	task_free(task);
	return NULL;
}

/** What the task says, into the caller's memory. */
static int task_take(struct task *task, struct call *call, ProtobufCMessage *response)
{
	ProtobufCMessage *copy = pb_copy(task->response, call->arena);

	if (!copy)
		return HY_RESOURCE_EXHAUSTED;
	memcpy(response, copy, response->descriptor->sizeof_message);
	call->message = NULL;
	if (task->call.message)
		call->message = hy_arena_strndup(call->arena, task->call.message, strlen(task->call.message));
	call->retry_after_ms = task->call.retry_after_ms;
	return task->status;
}

int admin_task(struct call *call, admin_task_fn *fn, void *self, const ProtobufCMessage *request,
	ProtobufCMessage *response)
{
	struct task *task = task_create(call, fn, self, request, response);
	struct co_wait wait;

	if (!task)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	co_wait_init(&wait, call->loop);
	task->waiter = &wait;
	co_spawn(call->loop, task_run, task);
	int status = co_wait(&wait, call->deadline_us - HY_MIN(call->deadline_us, (uint64_t)ANSWER_US));
	if (status == HY_OK) {
		status = task_take(task, call, response);
		task_free(task);
		return status;
	}
	task->waiter = NULL;
	/* neither of these two is what no server answers */
	return call_fail(call, HY_FAILED_PRECONDITION,
		"this takes long, and goes on: audit.log will have a line when it is done");
}
