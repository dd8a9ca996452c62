#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "env/real/real.h"
#include "kt/conf.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

struct case_run {
	const struct conf_scenario *scenario;
	int (*open)(struct conf *c, char **ret_why);
	unsigned loops;
	char name[160];
};

struct group {
	struct case_run runs[128];
	struct CMUnitTest tests[128];
	size_t count;
};

static struct env *env;

static void test_scenario(void **state)
{
	const struct case_run *run = *state;
	/* In memory if there is such a folder: what a disk does is the log's and the rows' own tests' matter. */
	char dir[64], data[80];
	snprintf(dir, sizeof dir, "%s/kt-test-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(data, sizeof data, "%s/data", dir);
	struct conf c = {.env = env, .open = run->open, .loops = run->loops, .seed = 20261122};
	c.config = (struct kt_config){
		.spaces = conf_spaces, .dir = data, .disk_reserve_bytes = 1 << 20, .idle_move_ms = 20};
	if (run->scenario->tiny) {
		c.config.memory_bytes = 96 << 10;
		c.config.segment_bytes = 64 << 10;
	}
	bool good = conf_run(&c, run->scenario);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (!good)
		print_error("%s\n", c.failure);
	assert_true(good);
}

/** Adds the scenarios of a list on an engine: 0 is mem, 1 and 2 sdb. */
static void add(struct group *g, unsigned engine, const struct conf_scenario *list)
{
	for (const struct conf_scenario *s = list; s->name; s++) {
		struct case_run *run = &g->runs[g->count];
		run->scenario = s;
		run->open = engine ? conf_open_sdb : conf_open_mem;
		run->loops = engine == 2 ? 3 : 1 + (engine == 0);
		snprintf(run->name, sizeof run->name, "%s, %u loops: %s", engine ? "sdb" : "mem", run->loops, s->name);
		g->tests[g->count++] = (struct CMUnitTest){run->name, test_scenario, NULL, NULL, run};
	}
}

int main(void)
{
	static struct group g;
	env = env_real_create();
	for (unsigned engine = 0; engine < 3; engine++) {
		add(&g, engine, conf_cases);
		if (engine > 0) /* mem keeps nothing */
			add(&g, engine, conf_restart_cases);
	}
	int failed = _cmocka_run_group_tests("kt", g.tests, g.count, NULL, NULL);
	env_real_destroy(env);
	return failed;
}
