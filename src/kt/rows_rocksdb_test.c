#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "env/real/real.h"
#include "kt/rows_world.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void test_case(void **state)
{
	const struct rows_case *c = *state;
	char dir[] = "/tmp/hongyan-rows-XXXXXX";
	assert_non_null(mkdtemp(dir));
	struct env *env = env_real_create();
	const char *wrong = c->run(env, dir);
	env_real_destroy(env);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (wrong)
		fail_msg("not true: %s", wrong);
}

int main(void)
{
	struct CMUnitTest tests[32];
	size_t n = 0;
	for (const struct rows_case *c = rows_cases; c->label; c++)
		tests[n++] = (struct CMUnitTest){c->label, test_case, NULL, NULL, (void *)(uintptr_t)c};
	return _cmocka_run_group_tests("kt/rows", tests, n, NULL, NULL);
}
