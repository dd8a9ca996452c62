#include <sys/eventfd.h>

#include "env/real/internal.h"

/*
 * A sender signals while it holds the lock. Nobody can take its message before it lets go, so an owner that has taken
 * the last message may destroy the inbox: no sender is still about to touch it.
 */

void inbox_init(struct env_inbox *in, int wake_fd)
{
	*in = (struct env_inbox){.wake_fd = wake_fd};
	in->end = &in->first;
	pthread_mutex_init(&in->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&in->arrived, &attr);
	pthread_condattr_destroy(&attr);
}

void inbox_fini(struct env_inbox *in)
{
	pthread_mutex_lock(&in->lock); /* until the last sender is out */
	pthread_mutex_unlock(&in->lock);
	pthread_cond_destroy(&in->arrived);
	pthread_mutex_destroy(&in->lock);
}

struct env_inbox *env_inbox_create(struct env *env)
{
	struct env_inbox *in = hy_alloc(sizeof *in);
	inbox_init(in, -1);
	return in;
}

void env_inbox_destroy(struct env_inbox *in)
{
	assert(in->wake_fd < 0); /* a loop's inbox goes with the loop */
	inbox_fini(in);
	hy_free(in);
}

static void signal_actor(struct env_inbox *in)
{
	if (in->waiting == 0 || in->waking)
		return;
	in->waking = true;
	pthread_cond_signal(&in->arrived);
}

static void signal_loop(struct env_inbox *in)
{
	if (!in->asleep)
		return;
	in->asleep = false;
	uint64_t one = 1;
	ssize_t n = RETRY(write(in->wake_fd, &one, sizeof one));
	assert(n == sizeof one);
}

void env_inbox_post_list(struct env_inbox *in, struct env_msg *first, struct env_msg *last)
{
	last->next = NULL;
	pthread_mutex_lock(&in->lock);
	*in->end = first;
	in->end = &last->next;
	if (in->wake_fd >= 0)
		signal_loop(in);
	else
		signal_actor(in);
	pthread_mutex_unlock(&in->lock);
}

static struct env_msg *pop_one(struct env_inbox *in)
{
	struct env_msg *msg = in->first;
	in->first = msg->next;
	if (!in->first)
		in->end = &in->first;
	msg->next = NULL;
	return msg;
}

static struct env_msg *pop_all(struct env_inbox *in)
{
	struct env_msg *first = in->first;
	in->first = NULL;
	in->end = &in->first;
	return first;
}

/* Returns with the lock held; false when the deadline passed. */
static bool wait_for_message(struct env_inbox *in, uint64_t deadline_us)
{
	assert(in->wake_fd < 0);
	struct timespec until = {(time_t)(deadline_us / 1000000), (long)(deadline_us % 1000000) * 1000};
	bool expired = deadline_us == 0;
	pthread_mutex_lock(&in->lock);
	while (!in->first && !expired) {
		in->waiting++;
		if (deadline_us == UINT64_MAX)
			pthread_cond_wait(&in->arrived, &in->lock);
		else
			expired = pthread_cond_timedwait(&in->arrived, &in->lock, &until) == ETIMEDOUT;
		in->waiting--;
		in->waking = false;
	}
	return in->first != NULL;
}

struct env_msg *env_inbox_take(struct env_inbox *in, uint64_t deadline_us)
{
	struct env_msg *msg = NULL;
	if (wait_for_message(in, deadline_us)) {
		msg = pop_one(in);
		if (in->first)
			signal_actor(in); /* a sender of many woke one of us: the next is ours to wake */
	}
	pthread_mutex_unlock(&in->lock);
	return msg;
}

struct env_msg *env_inbox_take_all(struct env_inbox *in, uint64_t deadline_us)
{
	struct env_msg *first = wait_for_message(in, deadline_us) ? pop_all(in) : NULL;
	pthread_mutex_unlock(&in->lock);
	return first;
}

bool inbox_sleep(struct env_inbox *in)
{
	pthread_mutex_lock(&in->lock);
	in->asleep = in->first == NULL;
	bool may_sleep = in->asleep;
	pthread_mutex_unlock(&in->lock);
	return may_sleep;
}

struct env_msg *inbox_wake(struct env_inbox *in)
{
	pthread_mutex_lock(&in->lock);
	in->asleep = false;
	struct env_msg *first = pop_all(in);
	pthread_mutex_unlock(&in->lock);
	return first;
}
