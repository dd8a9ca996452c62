/* One server: its loops, their turns, posting between them, and an end that loses nothing. */
#include "svrkit/svr_impl.h"

#include <stdio.h>

#include "base/mem.h"

/** Goes of coroutines in one turn; then sockets and timers are looked at again. */
#define TURN_GOES 2048
/** How long svr_stop() lets the loops work before it looks again. */
#define STOP_LOOK_US 2000

static void run_hooks(struct svr_turn_hook *hook)
{
	while (hook) {
		struct svr_turn_hook *next = hook->next;

		hook->fn(hook);
		hook = next;
	}
}

static void flush_posts(struct svr_loop *loop)
{
	while (loop->post_mask) {
		unsigned to = (unsigned)__builtin_ctzll(loop->post_mask);
		struct svr_post_list list = loop->post[to];

		loop->post_mask &= loop->post_mask - 1;
		loop->post[to] = (struct svr_post_list){NULL, NULL};
		env_inbox_post_list(env_loop_inbox(loop->svr->loops[to].env), list.first, list.last);
	}
}

static void on_again(struct env_msg *msg)
{
	hy_container_of(msg, struct svr_loop, again)->again_posted = false;
}

void svr_loop_again(struct svr_loop *loop)
{
	if (loop->again_posted)
		return;
	loop->again_posted = true;
	svr_post(loop, loop->index, &loop->again);
}

void svr_loop_run(struct svr_loop *loop)
{
	loop->goes = co_run(loop, loop->goes);
}

static void turn_end(void *arg)
{
	struct svr_loop *loop = arg;

	/* A hook may make a coroutine ready, which gives the hooks something to write out again. */
	do {
		svr_loop_run(loop);
		run_hooks(loop->turn_hooks);
	} while (loop->goes > 0 && co_any_ready(&loop->co));
	loop->goes = env_buggify(loop->svr->env, "svr: a short turn") ? 3 : TURN_GOES;
	if (co_any_ready(&loop->co))
		svr_loop_again(loop);
	flush_posts(loop);
	if (loop->ending) {
		env_loop_stop(loop->env);
		/* The last touch: who waits for this answer frees what the hooks use. */
		env_inbox_post(loop->stop.reply_to, &loop->stop.msg);
	}
}

void svr_post(struct svr_loop *from, unsigned to, struct env_msg *msg)
{
	struct svr_post_list *list = &from->post[to];

	assert(to < from->svr->loop_count);
	msg->next = NULL;
	if (list->first)
		list->last->next = msg;
	else
		list->first = msg;
	list->last = msg;
	from->post_mask |= 1ull << to;
}

static void append_hook(struct svr_turn_hook **list, struct svr_turn_hook *hook)
{
	while (*list)
		list = &(*list)->next;
	hook->next = NULL;
	*list = hook;
}

void svr_loop_on_turn_end(struct svr_loop *loop, struct svr_turn_hook *hook)
{
	append_hook(&loop->turn_hooks, hook);
}

void svr_loop_on_stop(struct svr_loop *loop, struct svr_turn_hook *hook)
{
	append_hook(&loop->stop_hooks, hook);
}

void svr_loop_hold(struct svr_loop *loop)
{
	loop->held++;
}

void svr_loop_release(struct svr_loop *loop)
{
	assert(loop->held > 0);
	loop->held--;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int loop_create(struct svr *svr, unsigned index)
{
	struct svr_loop *loop = &svr->loops[index];
	char name[16];

	snprintf(name, sizeof(name), "loop-%u", index);
	struct env_loop_config config = {.name = name, .turn_end = turn_end, .arg = loop};
	if (env_loop_create(svr->env, &config, &loop->env) != 0)
		return HY_RESOURCE_EXHAUSTED;
	loop->svr = svr;
	loop->index = index;
	loop->again.fn = on_again;
	loop->goes = TURN_GOES;
	co_sched_init(&loop->co);
	return HY_OK;
}

int svr_create(struct env *env, const struct svr_config *config, struct svr **ret_svr)
{
	assert(config->loops >= 1 && config->loops <= SVR_LOOPS_MAX);
	struct svr *svr = hy_zalloc(sizeof(*svr));

	svr->env = env;
	svr->mon = mon_create(config->loops + SVR_ACTOR_STRIPS);
	svr->loops = hy_zalloc(config->loops * sizeof(*svr->loops));
	while (svr->loop_count < config->loops) {
		if (loop_create(svr, svr->loop_count) != HY_OK) {
			svr_destroy(svr);
			return HY_RESOURCE_EXHAUSTED;
		}
		svr->loop_count++;
	}
	svr->rpc = rpc_create(svr);
	*ret_svr = svr;
	return HY_OK;
}

int svr_start(struct svr *svr)
{
	assert(!svr->started);
	mon_settle(svr->mon);
	rpc_start(svr->rpc);
	svr->started = true;
	for (unsigned i = 0; i < svr->loop_count; i++) {
		struct svr_loop *loop = &svr->loops[i];

		/* What was spawned and posted before now runs in the first turn. */
		loop->again_posted = true;
		env_inbox_post(env_loop_inbox(loop->env), &loop->again);
		if (env_loop_start(loop->env) != 0)
			return HY_RESOURCE_EXHAUSTED;
		svr->running++;
	}
	return HY_OK;
}

static void on_stop_msg(struct env_msg *msg)
{
	struct svr_stop_msg *stop = hy_container_of(msg, struct svr_stop_msg, msg);
	struct svr_loop *loop = stop->loop;

	if (!loop->stopping) {
		loop->stopping = true;
		rpc_loop_stopping(loop);
	}
	switch (stop->phase) {
	case SVR_STOP_LOOK:
		break;
	case SVR_STOP_CANCEL:
		co_cancel_all(loop);
		break;
	case SVR_STOP_CLOSE:
		run_hooks(hy_take(loop->stop_hooks));
		break;
	case SVR_STOP_END:
		env_timer_cancel(loop->env, &loop->co.timer);
		loop->ending = true;
		return;
	}
	stop->idle = loop->co.count == 0 && loop->held == 0;
	stop->spawned = loop->co.spawned;
	env_inbox_post(stop->reply_to, msg);
}

/** Asks every loop and waits for all answers. True when all were idle; *ret_spawned: coroutines ever, summed. */
static bool ask_loops(struct svr *svr, struct env_inbox *replies, enum svr_stop_phase phase, uint64_t *ret_spawned)
{
	bool idle = true;

	*ret_spawned = 0;
	for (unsigned i = 0; i < svr->running; i++) {
		struct svr_loop *loop = &svr->loops[i];

		loop->stop =
			(struct svr_stop_msg){.msg.fn = on_stop_msg, .loop = loop, .reply_to = replies, .phase = phase};
		env_inbox_post(env_loop_inbox(loop->env), &loop->stop.msg);
	}
	for (unsigned i = 0; i < svr->running; i++) {
		struct env_msg *msg = env_inbox_take(replies, UINT64_MAX);
		struct svr_stop_msg *stop = hy_container_of(msg, struct svr_stop_msg, msg);

		idle &= stop->idle;
		*ret_spawned += stop->spawned;
	}
	return idle;
}

/**
 * Until every loop was found idle twice with nothing spawned between: then there was a moment, between the two rounds,
 * at which all were idle together (whoever has a hop on its way has a coroutine that waits for it).
 */
static void wait_idle(struct svr *svr, struct env_inbox *replies, uint64_t cancel_at_us)
{
	uint64_t before = 0, spawned;
	bool was_idle = false;

	for (;;) {
		bool cancel = env_mono_us(svr->env) >= cancel_at_us;
		bool idle = ask_loops(svr, replies, cancel ? SVR_STOP_CANCEL : SVR_STOP_LOOK, &spawned);

		if (idle && was_idle && spawned == before)
			return;
		if (!idle)
			env_sleep_us(svr->env, STOP_LOOK_US);
		was_idle = idle;
		before = spawned;
	}
}

void svr_stop(struct svr *svr, uint64_t grace_us)
{
	assert(svr->started && !svr->ended);
	struct env_inbox *replies = env_inbox_create(svr->env);
	uint64_t cancel_at_us = env_mono_us(svr->env) + grace_us;
	uint64_t spawned;

	wait_idle(svr, replies, cancel_at_us);
	ask_loops(svr, replies, SVR_STOP_CLOSE, &spawned);
	wait_idle(svr, replies, cancel_at_us);
	ask_loops(svr, replies, SVR_STOP_END, &spawned);
	svr->ended = true;
	env_inbox_destroy(replies);
}

void svr_destroy(struct svr *svr)
{
	/* The env ends only loops that were started. */
	if (!svr->started && svr->rpc)
		svr_start(svr);
	if (svr->started && !svr->ended)
		svr_stop(svr, 0);
	for (unsigned i = 0; i < svr->loop_count; i++) {
		env_loop_join(svr->loops[i].env);
		co_sched_fini(&svr->loops[i].co);
	}
	if (svr->rpc)
		rpc_destroy(svr->rpc);
	mon_destroy(svr->mon);
	hy_free(svr->loops);
	hy_free(svr);
}

/* ---- what it is made of ------------------------------------------------------------------------------------------ */

struct env *svr_env(const struct svr *svr)
{
	return svr->env;
}

struct mon *svr_mon(const struct svr *svr)
{
	return svr->mon;
}

unsigned svr_loop_count(const struct svr *svr)
{
	return svr->loop_count;
}

struct svr_loop *svr_loop_at(struct svr *svr, unsigned index)
{
	assert(index < svr->loop_count);
	return &svr->loops[index];
}

unsigned svr_loop_of_key(const struct svr *svr, const struct hy_key *key)
{
	return svr->loop_count == 1 ? 0 : (unsigned)(hy_key_hash(key) % svr->loop_count);
}

struct svr *svr_of_loop(const struct svr_loop *loop)
{
	return loop->svr;
}

unsigned svr_loop_index(const struct svr_loop *loop)
{
	return loop->index;
}

struct env_loop *svr_loop_env(const struct svr_loop *loop)
{
	return loop->env;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static int fail(struct call *call, int status, uint32_t retry_after_ms, const char *fmt, va_list ap) HY_PRINTF(4, 0);
static int fail(struct call *call, int status, uint32_t retry_after_ms, const char *fmt, va_list ap)
{
	call->message = hy_arena_vprintf(call->arena, fmt, ap);
	call->retry_after_ms = retry_after_ms;
	return status;
}

const char *call_why(const struct call *call, int status)
{
	return call->message ? call->message : hy_status_text(status);
}

int call_fail(struct call *call, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	status = fail(call, status, 0, fmt, ap);
	va_end(ap);
	return status;
}

int call_fail_retry(struct call *call, int status, uint32_t retry_after_ms, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	status = fail(call, status, retry_after_ms, fmt, ap);
	va_end(ap);
	return status;
}
