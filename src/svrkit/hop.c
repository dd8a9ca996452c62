/*
 * A hop: a function runs in a coroutine of another loop while its caller waits.
 *
 * The hop lives on the caller's stack. The caller therefore leaves only when no message that lies in it is under way
 * any more: its own, and the cancellation's if there was one.
 */
#include "svrkit/svr_impl.h"

struct hop {
	struct env_msg msg, cancel_msg;
	struct svr_loop *from, *to;
	struct call callee;
	int (*fn)(struct call *callee, void *arg);
	void *arg;
	int status;
	/* the caller's side */
	struct co_wait wait;
	unsigned under_way;
	/* the callee's side */
	struct co *co; /* NULL once it has returned */
	bool cancelled_before;
};

static void came_back(struct hop *hop)
{
	if (--hop->under_way == 0) {
		/* A cancellation from now on finds nobody to be told. */
		hop->wait.co->on_cancel = NULL;
		co_wake(&hop->wait, hop->status);
	}
}

static void on_return(struct env_msg *msg)
{
	came_back(hy_container_of(msg, struct hop, msg));
}

static void callee_main(void *arg)
{
	struct hop *hop = arg;

	hop->status = hop->fn(&hop->callee, hop->arg);
	hop->co = NULL;
	hop->msg.fn = on_return;
	svr_post(hop->to, hop->from->index, &hop->msg);
}

static void on_arrival(struct env_msg *msg)
{
	struct hop *hop = hy_container_of(msg, struct hop, msg);

	hop->co = co_spawn(hop->to, callee_main, hop);
	hop->co->cancelled = hop->cancelled_before;
}

static void on_cancel_return(struct env_msg *msg)
{
	came_back(hy_container_of(msg, struct hop, cancel_msg));
}

static void on_cancel_arrival(struct env_msg *msg)
{
	struct hop *hop = hy_container_of(msg, struct hop, cancel_msg);

	if (hop->co)
		co_cancel(hop->co);
	msg->fn = on_cancel_return;
	svr_post(hop->to, hop->from->index, msg);
}

static void on_cancel(void *arg)
{
	struct hop *hop = arg;

	hop->under_way++;
	hop->cancel_msg.fn = on_cancel_arrival;
	svr_post(hop->from, hop->to->index, &hop->cancel_msg);
}

static int hop_away(struct call *call, struct svr_loop *to, int (*fn)(struct call *callee, void *arg), void *arg)
{
	struct co *co = call->loop->co.running;
	struct hop hop;

	assert(co && co->loop == call->loop);
	hop.from = call->loop;
	hop.to = to;
	hop.callee = *call;
	hop.callee.loop = to;
	hop.callee.message = NULL;
	hop.callee.retry_after_ms = 0;
	hop.fn = fn;
	hop.arg = arg;
	hop.co = NULL;
	hop.cancelled_before = co->cancelled;
	hop.under_way = 1;
	co_wait_init(&hop.wait, hop.from);
	hop.msg.fn = on_arrival;
	co->on_cancel = on_cancel;
	co->on_cancel_arg = &hop;
	svr_post(hop.from, to->index, &hop.msg);
	svr_count(hop.from, MON_hops, 1);
	env_mark(hop.from->svr->env, "svrkit: hop");
	co_wait_uncancelled(&hop.wait);
	call->message = hop.callee.message;
	call->retry_after_ms = hop.callee.retry_after_ms;
	return hop.status;
}

int svr_hop(struct call *call, unsigned loop_index, int (*fn)(struct call *callee, void *arg), void *arg)
{
	struct svr_loop *to = svr_loop_at(call->loop->svr, loop_index);

	if (to != call->loop)
		return hop_away(call, to, fn, arg);
	struct call callee = *call;
	callee.message = NULL;
	callee.retry_after_ms = 0;
	int status = fn(&callee, arg);
	call->message = callee.message;
	call->retry_after_ms = callee.retry_after_ms;
	return status;
}
