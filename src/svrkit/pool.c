/* Actors for what blocks. A job owns all that its run() touches, so whoever waits for it may leave at any time. */
#include "base/mem.h"
#include "svrkit/svr_impl.h"

/** What people are told to wait when the queue is full. */
#define FULL_RETRY_MS 500

struct svr_pool {
	struct svr *svr;
	struct env_inbox *queue;
	unsigned queue_max, thread_count;
	unsigned waiting; /* atomic: jobs in the queue */
	struct env_actor **actors;
	struct svr_job *quit; /* one for each actor */
};

static void on_done(struct env_msg *msg)
{
	struct svr_job *job = hy_container_of(msg, struct svr_job, msg);

	svr_loop_release(job->loop);
	if (!job->waiter) {
		job->done(job);
	} else if (!job->waiter->woken) {
		co_wake(job->waiter, HY_OK);
	} else {
		/* Its deadline struck in this very turn: it finds the job here when it goes on. */
		job->waiter = NULL;
	}
}

static void actor_main(void *arg)
{
	struct svr_pool *pool = arg;

	for (;;) {
		struct svr_job *job = hy_container_of(env_inbox_take(pool->queue, UINT64_MAX), struct svr_job, msg);

		if (!job->run)
			return;
		__atomic_fetch_sub(&pool->waiting, 1, __ATOMIC_RELAXED);
		job->run(job);
		job->msg.fn = on_done;
		env_inbox_post(env_loop_inbox(job->loop->env), &job->msg);
	}
}

int svr_pool_create(struct svr *svr, const char *name, unsigned threads, unsigned queue_max, struct svr_pool **ret_pool)
{
	assert(threads > 0 && queue_max > 0);
	struct svr_pool *pool = hy_zalloc(sizeof(*pool));

	pool->svr = svr;
	pool->queue = env_inbox_create(svr->env);
	pool->queue_max = queue_max;
	pool->actors = hy_zalloc(threads * sizeof(struct env_actor *));
	pool->quit = hy_zalloc(threads * sizeof(struct svr_job));
	while (pool->thread_count < threads) {
		if (env_actor_start(svr->env, name, actor_main, pool, &pool->actors[pool->thread_count]) != 0) {
			svr_pool_destroy(pool);
			return HY_RESOURCE_EXHAUSTED;
		}
		pool->thread_count++;
	}
	*ret_pool = pool;
	return HY_OK;
}

void svr_pool_destroy(struct svr_pool *pool)
{
	for (unsigned i = 0; i < pool->thread_count; i++)
		env_inbox_post(pool->queue, &pool->quit[i].msg);
	for (unsigned i = 0; i < pool->thread_count; i++)
		env_actor_join(pool->actors[i]);
	env_inbox_destroy(pool->queue);
	hy_free(pool->actors);
	hy_free(pool->quit);
	hy_free(pool);
}

int svr_pool_submit(struct svr_pool *pool, struct svr_loop *loop, struct svr_job *job)
{
	assert(job->run && job->done);
	if (__atomic_fetch_add(&pool->waiting, 1, __ATOMIC_RELAXED) >= pool->queue_max) {
		__atomic_fetch_sub(&pool->waiting, 1, __ATOMIC_RELAXED);
		svr_count(loop, MON_pool_refused, 1);
		return HY_RESOURCE_EXHAUSTED;
	}
	job->loop = loop;
	job->pool = pool;
	svr_loop_hold(loop);
	svr_count(loop, MON_pool_jobs, 1);
	env_inbox_post(pool->queue, &job->msg);
	return HY_OK;
}

int svr_pool_call(struct svr_pool *pool, struct call *call, struct svr_job *job)
{
	struct co_wait wait;

	co_wait_init(&wait, call->loop);
	job->waiter = &wait;
	int status = svr_pool_submit(pool, call->loop, job);
	if (status != HY_OK) {
		job->waiter = NULL;
		job->done(job);
		return call_fail_retry(call, status, FULL_RETRY_MS, "too much work waits");
	}
	status = co_wait(&wait, call->deadline_us);
	if (status != HY_OK && !job->waiter)
		job->done(job);
	else
		job->waiter = NULL;
	return status;
}
