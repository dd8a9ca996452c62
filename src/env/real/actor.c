#include <stdio.h>
#include <time.h>

#include "env/real/internal.h"

struct env_actor {
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
};

int thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *arg), void *arg)
{
	int r = pthread_create(ret_thread, NULL, fn, arg);
	if (r != 0)
		return -r;
	char cut[16];
	snprintf(cut, sizeof cut, "%.15s", name);
	pthread_setname_np(*ret_thread, cut);
	return 0;
}

static void *actor_run(void *arg)
{
	struct env_actor *actor = arg;
	actor->fn(actor->arg);
	return NULL;
}

int env_actor_start(struct env *env, const char *name, void (*fn)(void *arg), void *arg, struct env_actor **ret_actor)
{
	struct env_actor *actor = hy_alloc(sizeof *actor);
	*actor = (struct env_actor){.fn = fn, .arg = arg};
	int r = thread_start(&actor->thread, name, actor_run, actor);
	if (r != 0) {
		hy_free(actor);
		return r;
	}
	*ret_actor = actor;
	return 0;
}

void env_actor_join(struct env_actor *actor)
{
	int r = pthread_join(actor->thread, NULL);
	assert(r == 0);
	hy_free(actor);
}

void env_sleep_us(struct env *env, uint64_t us)
{
	struct timespec left = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}
