/* admin_client.c - see admin_client.h. */
#include "main/admin_client.h"

#include <stdio.h>

#include "admin.rpc.h"
#include "env/real/real.h"
#include "svrkit/rpc.h"

#define ASK_DEADLINE_US (10u * 1000 * 1000)
#define ANSWER_MAX (16u << 20)

struct asking {
	struct env_msg begin, end;
	struct svr_loop *loop;
	struct env_inbox *done;
	int (*fn)(struct call *call, void *arg);
	void *arg;
	const char *who, *dir;
	int status;
};

static void ask(void *arg)
{
	struct asking *a = arg;
	struct hy_arena arena;
	hy_arena_init(&arena, ANSWER_MAX);
	struct call call = {.loop = a->loop, .arena = &arena, .deadline_us = svr_now_us(a->loop) + ASK_DEADLINE_US};
	a->status = a->fn(&call, a->arg);
	if (a->status == HY_UNAVAILABLE || a->status == HY_DEADLINE_EXCEEDED)
		fprintf(stderr,
			"%s: no server answers for the data folder %s; is it running? (--data names another folder)\n",
			a->who, a->dir);
	else if (a->status != HY_OK)
		fprintf(stderr, "%s: %s\n", a->who, call.message ? call.message : hy_status_text(a->status));
	hy_arena_fini(&arena);
	env_inbox_post(a->done, &a->end);
}

static void begin(struct env_msg *msg)
{
	struct asking *a = hy_container_of(msg, struct asking, begin);
	co_spawn(a->loop, ask, a);
}

int admin_client_run(const char *who, const char *dir, int (*fn)(struct call *call, void *arg), void *arg)
{
	char path[256];
	struct env_addr addr;
	struct svr *svr;
	snprintf(path, sizeof path, "unix:%s/admin.sock", dir);
	if (env_addr_parse(path, &addr) < 0) {
		fprintf(stderr, "%s: the data folder's path is too long for a socket: %s\n", who, dir);
		return HY_INVALID_ARGUMENT;
	}
	struct env *env = env_real_create();
	env_real_end_by_signals();
	env_log_set_level(env, ENV_LOG_ERROR); /* what fails is said below, once */
	struct asking asking = {.begin.fn = begin, .fn = fn, .arg = arg, .who = who, .dir = dir, .status = HY_INTERNAL};
	if (svr_create(env, &(struct svr_config){.loops = 1}, &svr) == HY_OK) {
		rpc_add_remote(svr, &admin_service, &addr);
		asking.loop = svr_loop_at(svr, 0);
		asking.done = env_inbox_create(env);
		svr_start(svr);
		env_inbox_post(env_loop_inbox(svr_loop_env(asking.loop)), &asking.begin);
		env_inbox_take(asking.done, UINT64_MAX);
		svr_stop(svr, 0);
		env_inbox_destroy(asking.done);
		svr_destroy(svr);
	}
	env_real_destroy(env);
	return asking.status;
}
