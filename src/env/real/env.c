#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "env/real/internal.h"
#include "env/real/real.h"

/* A file opened as number 0, 1 or 2 would get what is meant for the operator. */
static void fill_standard_files(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static struct env *env_alloc(void)
{
	struct env *env = hy_zalloc(sizeof *env);
	uint64_t seed;
	env_random(env, &seed, sizeof seed);
	atomic_init(&env->rand_state, seed);
	return env;
}

struct env *env_real_create_guest(void)
{
	return env_alloc();
}

struct env *env_real_create(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fill_standard_files();
	umask(077);

	struct env *env = env_alloc();
	env->log = log_create(env, STDERR_FILENO);
	return env;
}

void env_real_destroy(struct env *env)
{
	if (env->log)
		log_destroy(env->log);
	hy_free(env);
}

uint64_t env_mono_us(struct env *env)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t env_wall_ms(struct env *env)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void env_mark(struct env *env, const char *name) {}

bool env_buggify(struct env *env, const char *name)
{
	return false;
}
