/**
 * co.h - coroutines: straight-line code that waits without holding a thread (rule X1).
 *
 * A coroutine lives and dies on its loop and ends by returning. It runs until it waits; those that are woken go on in
 * the order in which they were woken (one FIFO a loop; rule R7 rests on it). After a wait nothing read before is
 * certain.
 *
 * Threads: everything here on the loop's own thread.
 */
#ifndef CO_H
#define CO_H

#include "base/list.h"
#include "env/env.h"

struct svr_loop;
struct co;

/**
 * Starts `fn(arg)`: it joins the end of the FIFO and first runs in this turn. Never refused (X1); ends the process
 * without memory.
 */
struct co *co_spawn(struct svr_loop *loop, void (*fn)(void *arg), void *arg);
/** The coroutine that runs now on this loop, or NULL. */
struct co *co_running(const struct svr_loop *loop);
/** Its present wait, and every later one, ends with HY_CANCELLED; it still has to return by itself. */
void co_cancel(struct co *co);
bool co_cancelled(const struct co *co);
/** Coroutines alive on this loop. */
size_t co_count(const struct svr_loop *loop);

/**
 * One wait, on the waiting coroutine's stack:
 *
 *	struct co_wait w;
 *	co_wait_init(&w, loop);
 *	hand &w to whoever will call co_wake(&w, status)
 *	status = co_wait(&w, deadline_us);
 *
 * When co_wait() ends with HY_DEADLINE_EXCEEDED or HY_CANCELLED nobody may wake it any more: take &w back first.
 */
struct co_wait {
	struct svr_loop *loop;
	struct co *co;
	uint64_t deadline_us;
	struct hy_link by_deadline; /* in the loop's list of waits, earliest deadline first */
	struct env_timer timer;     /* only for a deadline that is far out of order */
	int status;
	bool woken, waiting, cancellable;
};

void co_wait_init(struct co_wait *w, struct svr_loop *loop);
/** SUSPENDS unless it was woken already. The status given to co_wake(), HY_DEADLINE_EXCEEDED or HY_CANCELLED.
 *  UINT64_MAX: no deadline. */
int co_wait(struct co_wait *w, uint64_t deadline_us);
/**
 * As co_wait() without deadline, not ended by cancellation: for a callee that is sure to come back (X1, hops).
 * SUSPENDS.
 */
int co_wait_uncancelled(struct co_wait *w);
/** From the same loop. The first call counts. */
void co_wake(struct co_wait *w, int status);
/** SUSPENDS; with a time in the past it lets all others that are ready run first. HY_OK, or HY_CANCELLED. */
int co_sleep_until(struct svr_loop *loop, uint64_t at_us);

#endif
