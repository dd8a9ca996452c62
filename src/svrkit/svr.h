/**
 * svr.h - one server: its loops, what runs on them, and how a call gets from one to another.
 *
 * A server has N loops. Keys are hashed to loops (base/key.h); whatever belongs to a key is touched by its loop alone
 * (idea 5). A service is a struct of handlers and a `self`; per-loop state is an array in `self`, indexed by
 * svr_loop_index(). Several servers can live in one process: nothing here is global.
 *
 * Start: svr_create, kt and the services are made and added, svr_start. Stop: whoever listens stops, svr_stop (waits
 * until every coroutine has returned, cancelling them after a grace time), the services go, svr_destroy.
 */
#ifndef SVR_H
#define SVR_H

#include "base/arena.h"
#include "base/key.h"
#include "env/env.h"
#include "monitor/mon.h"
#include "svrkit/co.h"

struct svr;
struct svr_loop;

struct svr_config {
	unsigned loops; /* 1 to 64 */
};

#define SVR_LOOPS_MAX 64

/** [blocks] From an actor, as start, stop and destroy. Loops are created, not started. */
int svr_create(struct env *env, const struct svr_config *config, struct svr **ret_svr);
int svr_start(struct svr *svr);
/**
 * [blocks] Ends all loops; coroutines still at work after `grace_us` are cancelled and waited for. Inboxes of loops
 * live until svr_destroy(), but nobody looks into them.
 */
void svr_stop(struct svr *svr, uint64_t grace_us);
void svr_destroy(struct svr *svr);

struct env *svr_env(const struct svr *svr);
/**
 * Strip i is loop i's; the SVR_ACTOR_STRIPS after the loops' are for actors (svr_loop_count() + 0: the committer, + 1:
 * the mover, + SVR_ACTOR_STRIP_MONITOR: what src/main looks at once a second).
 */
struct mon *svr_mon(const struct svr *svr);
#define SVR_ACTOR_STRIPS 8
#define SVR_ACTOR_STRIP_MONITOR 7
unsigned svr_loop_count(const struct svr *svr);
struct svr_loop *svr_loop_at(struct svr *svr, unsigned index);
/** The loop that owns a key. */
unsigned svr_loop_of_key(const struct svr *svr, const struct hy_key *key);

struct svr *svr_of_loop(const struct svr_loop *loop);
unsigned svr_loop_index(const struct svr_loop *loop);
struct env_loop *svr_loop_env(const struct svr_loop *loop);
static inline uint64_t svr_now_us(const struct svr_loop *loop)
{
	return env_loop_now_us(svr_loop_env(loop));
}

/**
 * Work at the end of each turn, in the order of registration: the place to write out what a turn gathered (X2).
 * Before svr_start, or on the loop itself. The struct belongs to the caller.
 */
struct svr_turn_hook {
	void (*fn)(struct svr_turn_hook *hook);
	struct svr_turn_hook *next;
};
void svr_loop_on_turn_end(struct svr_loop *loop, struct svr_turn_hook *hook);
/**
 * Runs what is ready now, not only at the turn's end: for whoever has just spawned a few requests. The fewer coroutines
 * live at once, the more of them stay in the processor's cache. On the loop, in no coroutine.
 */
void svr_loop_run(struct svr_loop *loop);
/**
 * Once, while the server stops, when no coroutine is left: the place to close sockets and cancel timers. Registered as
 * above; called in the order of registration. Nothing may be spawned any more.
 */
void svr_loop_on_stop(struct svr_loop *loop, struct svr_turn_hook *hook);
/**
 * Something without a coroutine is on its way to this loop (a message from an actor that owns memory): svr_stop() waits
 * until it was released as often as held. On the loop.
 */
void svr_loop_hold(struct svr_loop *loop);
void svr_loop_release(struct svr_loop *loop);

/**
 * Posts to another loop of this server, gathered: one wake-up per receiver and turn. From `from`'s thread. Order is
 * kept.
 */
void svr_post(struct svr_loop *from, unsigned to, struct env_msg *msg);

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/** The user on whose behalf a call is made, verified where it came in (W6). uin 0: nobody. */
struct svr_passport {
	uint32_t uin;
	const char *device; /* NULL when uin is 0; lives as long as the call */
	const char *name;
};

#define SVR_DEADLINE_DEFAULT_MS 10000

/**
 * One request in work, or a sub-call of it. On the stack of the coroutine that works on it.
 * Whoever takes a request in fills a zeroed call: loop, arena, deadline, trace, who, priority.
 */
struct call {
	struct svr_loop *loop; /* where this code runs now */
	/* of the outermost request: answers are built here. Borrowed by a hop until it returns */
	struct hy_arena *arena;
	uint64_t deadline_us; /* monotonic */
	uint64_t trace;
	struct svr_passport who;
	/**
	 * Where the request came from, for limits: an IPv4 address, or an IPv6 network of 64 bits, as text; also when
	 * nobody is signed in. NULL: this machine, or unknown. Lives as long as the call.
	 */
	const char *address;
	uint8_t priority;
	/* what goes into the answer's head beside the status */
	const char *message; /* NULL: the status's own text */
	uint32_t retry_after_ms;
};

/** Notes a sentence for the caller and returns `status`. */
int call_fail(struct call *call, int status, const char *fmt, ...) HY_PRINTF(3, 4);
/** As above, with a time to come back. */
int call_fail_retry(struct call *call, int status, uint32_t retry_after_ms, const char *fmt, ...) HY_PRINTF(4, 5);
/** Why a call was refused, as its caller is told; for lines in the log. */
const char *call_why(const struct call *call, int status);
#define call_log(call, level, room, ...) \
	env_log(svr_env(svr_of_loop((call)->loop)), level, room, (call)->trace, __VA_ARGS__)
static inline void call_count(const struct call *call, enum mon_id id, uint64_t n)
{
	mon_add(svr_mon(svr_of_loop(call->loop)), svr_loop_index(call->loop), id, n);
}

/**
 * Runs fn(callee, arg) in a coroutine on another loop and waits until it has returned, whatever happens (X1): `arg` and
 * the arena are lent to it. On the same loop: a plain call. `callee` has the caller's deadline, trace, passport.
 * SUSPENDS. Hops from one loop to another start in the order in which they were made.
 */
int svr_hop(struct call *call, unsigned loop_index, int (*fn)(struct call *callee, void *arg), void *arg);

/* ---- the pool: for what blocks (disk reads, password hashing) ---------------------------------------------------- */

struct svr_pool;

/** Owned by whoever submits until then; by the pool while it runs; then done() has it. */
struct svr_job {
	struct env_msg msg;
	/* on a pool actor: may block; touches nothing but the job and thread-safe things */
	void (*run)(struct svr_job *job);
	void (*done)(struct svr_job *job); /* on the loop that submitted it; frees it */
	struct svr_loop *loop;
	struct svr_pool *pool;
	struct co_wait *waiter; /* svr_pool_call()'s */
};

/** [blocks] `threads` actors; at most `queue_max` jobs waiting. Made before svr_start, destroyed after svr_stop. */
int svr_pool_create(
	struct svr *svr, const char *name, unsigned threads, unsigned queue_max, struct svr_pool **ret_pool);
void svr_pool_destroy(struct svr_pool *pool);
/** HY_RESOURCE_EXHAUSTED when the queue is full (the job stays the caller's). Does not suspend. */
int svr_pool_submit(struct svr_pool *pool, struct svr_loop *loop, struct svr_job *job);
/**
 * Submits and waits. HY_OK: it has run and is the caller's again. Else the job is, or will be, freed by job->done().
 * SUSPENDS.
 */
int svr_pool_call(struct svr_pool *pool, struct call *call, struct svr_job *job);

#endif
