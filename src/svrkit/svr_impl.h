/**
 * svr_impl.h - what the files of svrkit share with each other, and nobody else sees.
 */
#ifndef SVR_IMPL_H
#define SVR_IMPL_H

#include "env/fiber.h"
#include "svrkit/svr.h"

struct rpc;
struct rpc_loop;

/* ---- coroutines of one loop (co.c) ------------------------------------------------------------------------------- */

/** At the top of its own stack, so that a spawn allocates nothing. */
struct co {
	struct fiber fiber;
	void *stack;
	struct svr_loop *loop;
	struct co *next;      /* in the FIFO */
	struct hy_link all;   /* in the loop's list of living coroutines */
	struct co_wait *wait; /* the present one, if it can be cancelled */
	void (*fn)(void *arg);
	void *arg;
	/** Set while it waits for something that is itself to be told of a cancellation (a hop). */
	void (*on_cancel)(void *arg);
	void *on_cancel_arg;
	bool cancelled, done;
};

struct co_sched {
	struct fiber thread;
	struct fiber_stacks *stacks;
	struct co *running;
	struct co *ready_first, *ready_last;
	uint64_t clock_us; /* as the running one has last read it since it was switched to; 0: it has not */
	struct hy_link all;
	size_t count;
	uint64_t spawned; /* ever */
	/**
	 * Waits with deadlines, earliest first. The timer is never moved later when a wait ends: it looks again when it
	 * fires.
	 */
	struct hy_link deadlines;
	struct env_timer timer;
};

void co_sched_init(struct co_sched *s);
void co_sched_fini(struct co_sched *s);
/** Runs what is ready, at most `limit` goes. Returns how many are left of the limit. */
unsigned co_run(struct svr_loop *loop, unsigned limit);
void co_cancel_all(struct svr_loop *loop);
static inline bool co_any_ready(const struct co_sched *s)
{
	return s->ready_first != NULL;
}

/* ---- loops (svr.c) ----------------------------------------------------------------------------------------------- */

struct svr_post_list {
	struct env_msg *first, *last;
};

/** What svr_stop() asks a loop, and its answer. */
enum svr_stop_phase { SVR_STOP_LOOK, SVR_STOP_CANCEL, SVR_STOP_CLOSE, SVR_STOP_END };

struct svr_stop_msg {
	struct env_msg msg;
	struct svr_loop *loop;
	struct env_inbox *reply_to;
	enum svr_stop_phase phase;
	bool idle;
	uint64_t spawned;
};

struct svr_loop {
	struct svr *svr;
	unsigned index;
	struct env_loop *env;
	struct co_sched co;
	struct svr_turn_hook *turn_hooks, *stop_hooks;
	uint64_t post_mask; /* receivers with a list that is not empty */
	struct svr_post_list post[SVR_LOOPS_MAX];
	unsigned goes;        /* of coroutines, left in this turn */
	struct env_msg again; /* to itself: there is more to run */
	bool again_posted, stopping, ending;
	unsigned held;
	struct svr_stop_msg stop;
	struct rpc_loop *rpc;
};

struct svr {
	struct env *env;
	struct mon *mon;
	unsigned loop_count, running; /* running: loops that were started */
	bool started, ended;
	struct rpc *rpc;
	struct svr_loop *loops;
};

static inline void svr_count(struct svr_loop *loop, enum mon_id id, uint64_t n)
{
	mon_add(loop->svr->mon, loop->index, id, n);
}

/** There will be one more turn after this one. */
void svr_loop_again(struct svr_loop *loop);

/* ---- rpc.c ------------------------------------------------------------------------------------------------------- */

struct rpc *rpc_create(struct svr *svr);
/** After the last turn of all loops. */
void rpc_destroy(struct rpc *rpc);
/** svr_start() is about to start the loops. */
void rpc_start(struct rpc *rpc);
/** svr_stop() has begun: take nothing new in. On the loop. */
void rpc_loop_stopping(struct svr_loop *loop);

#endif
