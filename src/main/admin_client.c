/* admin_client.c - see admin_client.h. */
#include "main/admin_client.h"

#include <stdio.h>

#include "admin.rpc.h"
#include "base/mem.h"
#include "data/spaces.h"
#include "env/real/facts.h"
#include "env/real/real.h"
#include "main/admin.h"
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
	uint64_t limit_us;
	bool local;  /* this process answers */
	bool silent; /* when there is no server */
	int status;
};

/** The socket, or the folder that it is in, is another user's. */
static bool is_forbidden(const char *dir)
{
	char path[256];
	snprintf(path, sizeof path, "%s/admin.sock", dir);
	return env_facts_forbidden(path);
}

static void tell(const struct asking *a, const struct call *call)
{
	bool nobody = !a->local && (a->status == HY_UNAVAILABLE || a->status == HY_DEADLINE_EXCEEDED);
	if (nobody && is_forbidden(a->dir))
		fprintf(stderr, "%s: %s is another user's: give the command as the user that the server runs as\n",
			a->who, a->dir);
	else if (nobody && !a->silent)
		fprintf(stderr,
			"%s: no server answers for the data folder %s; is it running? (--data names another folder)\n",
			a->who, a->dir);
	else if (!nobody && a->status != HY_OK)
		fprintf(stderr, "%s: %s\n", a->who, call->message ? call->message : hy_status_text(a->status));
}

static void ask(void *arg)
{
	struct asking *a = arg;
	struct hy_arena arena;
	hy_arena_init(&arena, ANSWER_MAX);
	struct call call = {.loop = a->loop, .arena = &arena, .deadline_us = svr_now_us(a->loop) + a->limit_us};
	a->status = a->fn(&call, a->arg);
	tell(a, &call);
	hy_arena_fini(&arena);
	env_inbox_post(a->done, &a->end);
}

static void begin(struct env_msg *msg)
{
	struct asking *a = hy_container_of(msg, struct asking, begin);
	co_spawn(a->loop, ask, a);
}

/** On the first loop of a server whose parts are there. */
static void run(struct asking *a, struct env *env, struct svr *svr)
{
	a->begin.fn = begin;
	a->loop = svr_loop_at(svr, 0);
	a->done = env_inbox_create(env);
	if (svr_start(svr) == HY_OK) {
		env_inbox_post(env_loop_inbox(svr_loop_env(a->loop)), &a->begin);
		env_inbox_take(a->done, UINT64_MAX);
		svr_stop(svr, 0);
	}
	env_inbox_destroy(a->done);
}

static struct env *quiet_env(void)
{
	struct env *env = env_real_create();
	env_real_end_by_signals();
	env_log_set_level(env, ENV_LOG_ERROR); /* what fails is said once, by tell() */
	return env;
}

static int ask_server(struct asking *asking)
{
	char path[256];
	struct env_addr addr;
	struct svr *svr;
	snprintf(path, sizeof path, "unix:%s/admin.sock", asking->dir);
	if (env_addr_parse(path, &addr) < 0) {
		fprintf(stderr, "%s: the data folder's path is too long for a socket: %s\n", asking->who, asking->dir);
		return HY_INVALID_ARGUMENT;
	}
	struct env *env = quiet_env();
	if (svr_create(env, &(struct svr_config){.loops = 1}, &svr) == HY_OK) {
		rpc_add_remote(svr, &admin_service, &addr);
		run(asking, env, svr);
		svr_destroy(svr);
	}
	env_real_destroy(env);
	return asking->status;
}

int admin_client_run_for(
	const char *who, const char *dir, uint64_t limit_us, int (*fn)(struct call *call, void *arg), void *arg)
{
	struct asking asking = {
		.fn = fn, .arg = arg, .who = who, .dir = dir, .limit_us = limit_us, .status = HY_INTERNAL};
	return ask_server(&asking);
}

int admin_client_run(const char *who, const char *dir, int (*fn)(struct call *call, void *arg), void *arg)
{
	return admin_client_run_for(who, dir, ASK_DEADLINE_US, fn, arg);
}

/** The Admin service in this process. */
static int look(struct asking *asking)
{
	struct env *env = quiet_env();
	struct svr *svr;
	struct kt *kt;
	char *why = NULL;
	if (svr_create(env, &(struct svr_config){.loops = 1}, &svr) == HY_OK) {
		struct kt_config config = {.spaces = spaces_table, .dir = asking->dir, .read_only = true};
		asking->status = kt_open_sdb(svr, &config, &kt, &why);
		if (asking->status == HY_OK) {
			struct admin *admin = admin_create(svr, kt, NULL);
			run(asking, env, svr);
			admin_destroy(admin);
			kt_close(kt);
		} else {
			fprintf(stderr, "%s: no server answers, and %s\n", asking->who, why);
			hy_free(why);
		}
		svr_destroy(svr);
	}
	env_real_destroy(env);
	return asking->status;
}

int admin_client_look(const char *who, const char *dir, int (*fn)(struct call *call, void *arg), void *arg)
{
	struct asking asking = {.fn = fn,
		.arg = arg,
		.who = who,
		.dir = dir,
		.limit_us = ASK_DEADLINE_US,
		.silent = true,
		.status = HY_INTERNAL};
	int status = ask_server(&asking);
	if ((status != HY_UNAVAILABLE && status != HY_DEADLINE_EXCEEDED) || is_forbidden(dir))
		return status;
	asking.local = true;
	return look(&asking);
}
