/*
 * bench-mon: what mon_add() costs, on a monitor's memory that is a file, as a server has it. The yardstick, in the same
 * run, is a plain addition to a number in memory. The last line is one JSON object; "ns_per_op" is ours.
 *
 *	bench-mon [FOLDER]
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "env/real/real.h"
#include "monitor/mon.h"

#define ROUNDS 7u
#define ADDS 20000000u
#define STRIPS 10u

/** Makes the compiler believe that all memory may have changed. */
#define BARRIER() __asm__ volatile("" ::: "memory")

static double best(double a, double b)
{
	return a == 0 || b < a ? b : a;
}

static double ns_each(struct env *env, uint64_t begin_us)
{
	return (double)(env_mono_us(env) - begin_us) * 1e3 / ADDS;
}

static double time_plain(struct env *env, uint64_t *number)
{
	uint64_t begin = env_mono_us(env);
	for (unsigned i = 0; i < ADDS; i++) {
		*number += 1;
		BARRIER();
	}
	return ns_each(env, begin);
}

static double time_add(struct env *env, struct mon *m)
{
	uint64_t begin = env_mono_us(env);
	for (unsigned i = 0; i < ADDS; i++) {
		mon_add(m, 3, MON_hops, 1);
		BARRIER();
	}
	return ns_each(env, begin);
}

/** Another value and strip each time, as code that counts many things does. */
static double time_scattered(struct env *env, struct mon *m)
{
	uint64_t begin = env_mono_us(env);
	for (unsigned i = 0; i < ADDS; i++) {
		mon_add(m, i % STRIPS, (enum mon_id)(i % MON_COUNT), 1);
		BARRIER();
	}
	return ns_each(env, begin);
}

static double time_histogram(struct env *env, struct mon *m)
{
	uint64_t begin = env_mono_us(env);
	for (unsigned i = 0; i < ADDS; i++) {
		mon_time(m, 3, MON_sync_lag, i);
		BARRIER();
	}
	return ns_each(env, begin);
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/bench-mon-XXXXXX", path[256];
	struct env *env = env_real_create();
	struct mon *m = mon_create(STRIPS);
	uint64_t *number = hy_zalloc(sizeof *number);
	double plain = 0, add = 0, scattered = 0, histogram = 0;
	const char *folder = argc > 1 ? argv[1] : mkdtemp(dir);
	if (!folder)
		err(1, "a folder in /tmp");
	snprintf(path, sizeof path, "%s/monitor", folder);
	if (mon_publish(m, env, path, "bench") != 0)
		errx(1, "%s cannot be made", path);
	for (unsigned i = 0; i < ROUNDS; i++) {
		plain = best(plain, time_plain(env, number));
		add = best(add, time_add(env, m));
		scattered = best(scattered, time_scattered(env, m));
		histogram = best(histogram, time_histogram(env, m));
	}
	printf("an add takes %.2f ns, a plain addition %.2f ns; best of %u rounds of %u\n", add, plain, ROUNDS, ADDS);
	printf("{\"name\": \"mon\", \"ns_per_op\": %.2f, \"scattered_ns_per_op\": %.2f, \"histogram_ns_per_op\": %.2f, "
	       "\"yardstick_ns_per_op\": %.2f, \"ratio\": %.2f}\n",
		add, scattered, histogram, plain, add / plain);
	mon_destroy(m);
	unlink(path);
	if (argc < 2)
		rmdir(dir);
	hy_free(number);
	env_real_destroy(env);
	return 0;
}
