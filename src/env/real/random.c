#include <sys/random.h>

#include "env/real/internal.h"

void env_random(struct env *env, void *p, size_t len)
{
	char *at = p;
	while (len > 0) {
		ssize_t n = RETRY(getrandom(at, len, 0));
		assert(n > 0); /* with flags 0 it waits until the kernel can */
		at += n;
		len -= (size_t)n;
	}
}

/* SplitMix64: one atomic addition and a mix, so that any thread may draw without a lock. */
uint64_t env_rand64(struct env *env)
{
	const uint64_t step = 0x9e3779b97f4a7c15;
	uint64_t z = atomic_fetch_add_explicit(&env->rand_state, step, memory_order_relaxed) + step;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}
