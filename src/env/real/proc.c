#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "env/real/real.h"
#include "env/real/internal.h"

uint64_t env_cpu_us(struct env *env)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t env_raise_file_limit(struct env *env)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	struct rlimit wanted = {limit.rlim_max, limit.rlim_max};
	return setrlimit(RLIMIT_NOFILE, &wanted) == 0 ? wanted.rlim_cur : limit.rlim_cur;
}

void env_no_core_dumps(struct env *env)
{
	struct rlimit none = {0, 0};
	/* a core_pattern that is a pipe takes no heed of the limit */
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		env_log(env, ENV_LOG_WARN, "env", 0, "core dumps stay on: %s", strerror(errno));
}

unsigned env_cpu_count(struct env *env)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	long n = sysconf(_SC_NPROCESSORS_ONLN); /* more than 1,024 processors do not fit the set */
	return n > 0 ? (unsigned)n : 1;
}

void env_wait_terminate(struct env *env)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	int signal_number;
	while (sigwait(&set, &signal_number) != 0)
		;
}

void env_real_end_by_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
