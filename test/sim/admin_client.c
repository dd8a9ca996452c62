/* As `hongyan kt`: a client process of one loop that asks the Admin service over its Unix socket, now and then. */
#include "admin.rpc.h"
#include "base/mem.h"
#include "svrkit/rpc.h"
#include "world.h"

#define ASK_DEADLINE_US (10 * SEC)
#define ANSWER_MAX (16u << 20)

struct admin_run {
	struct world *world;
	struct env *env;
	struct svr *svr;
	struct env_actor *actor;
	struct env_inbox *inbox;         /* the actor's */
	struct env_msg ask, asked, stop; /* to the loop; back; from whoever stops it */
};

static const char *const spaces[] = {"account", "inbox", "credential", "position", "name"};

/** What the store says in bad times; in good ones it answers. */
static void judge(struct admin_run *a, const char *what, int status)
{
	struct world *w = a->world;
	bool excused = status == HY_UNAVAILABLE || status == HY_DEADLINE_EXCEEDED || status == HY_CANCELLED ||
		       status == HY_RESOURCE_EXHAUSTED;
	if (status != HY_OK && !excused)
		world_fail(w, "administration: %s: %s", what, hy_status_name(status));
	w->admin_calls++;
}

static void list_rows(struct admin_run *a, struct call *call, const char *key)
{
	Hy__AdminRowsRequest request = HY__ADMIN_ROWS_REQUEST__INIT;
	Hy__AdminRowsResponse response = HY__ADMIN_ROWS_RESPONSE__INIT;
	bool of_space = world_chance(a->world, 500);
	uint64_t space = world_range(a->world, 0, HY_COUNT_OF(spaces) - 1);
	request.key = (char *)(uintptr_t)key;
	if (of_space)
		request.space = (char *)(uintptr_t)spaces[space];
	request.limit = (uint32_t)world_range(a->world, 1, 50);
	int status = admin_rows(call, &request, &response);
	judge(a, "rows", status);
	if (status == HY_OK && response.n_rows)
		env_mark(a->env, "sim: administration saw rows");
}

static void ask(void *arg)
{
	struct admin_run *a = arg;
	struct svr_loop *loop = svr_loop_at(a->svr, 0);
	struct hy_arena arena;
	hy_arena_init(&arena, ANSWER_MAX);
	struct call call = {.loop = loop, .arena = &arena, .deadline_us = svr_now_us(loop) + ASK_DEADLINE_US};
	Hy__AdminKeysRequest request = HY__ADMIN_KEYS_REQUEST__INIT;
	Hy__AdminKeysResponse response = HY__ADMIN_KEYS_RESPONSE__INIT;
	request.after = (char *)(uintptr_t) "";
	request.limit = (uint32_t)world_range(a->world, 1, 20);
	int status = admin_keys(&call, &request, &response);
	judge(a, "keys", status);
	if (status == HY_OK && response.n_keys) {
		uint64_t which = world_range(a->world, 0, response.n_keys - 1);
		list_rows(a, &call, response.keys[which]);
	}
	hy_arena_fini(&arena);
	env_inbox_post(a->inbox, &a->asked);
}

static void begin(struct env_msg *msg)
{
	struct admin_run *a = hy_container_of(msg, struct admin_run, ask);
	co_spawn(svr_loop_at(a->svr, 0), ask, a);
}

static void admin_main(void *arg)
{
	struct admin_run *a = arg;
	bool stopping = false;
	while (!stopping) {
		uint64_t pause = world_range(a->world, SEC / 2, 8 * SEC);
		uint64_t now = env_mono_us(a->env);
		if (env_inbox_take(a->inbox, now + pause) == &a->stop)
			return;
		env_inbox_post(env_loop_inbox(svr_loop_env(svr_loop_at(a->svr, 0))), &a->ask);
		struct env_msg *m;
		while ((m = env_inbox_take(a->inbox, UINT64_MAX)) != &a->asked)
			stopping |= m == &a->stop;
	}
}

struct admin_run *admin_run_start(struct world *w, struct env *env)
{
	struct admin_run *a = hy_zalloc(sizeof *a);
	struct env_addr addr;
	*a = (struct admin_run){.world = w, .env = env, .ask.fn = begin};
	int rc = env_addr_parse("unix:/data/admin.sock", &addr);
	if (rc == 0)
		rc = svr_create(env, &(struct svr_config){.loops = 1}, &a->svr);
	assert(rc == 0);
	rpc_add_remote(a->svr, &admin_service, &addr);
	a->inbox = env_inbox_create(env);
	rc = svr_start(a->svr);
	assert(rc == 0);
	rc = env_actor_start(env, "admin", admin_main, a, &a->actor);
	assert(rc == 0);
	return a;
}

void admin_run_stop(struct admin_run *a)
{
	env_inbox_post(a->inbox, &a->stop);
	env_actor_join(a->actor);
	svr_stop(a->svr, 0);
	env_inbox_destroy(a->inbox);
	svr_destroy(a->svr);
	hy_free(a);
}
