#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "env/real/real.h"
#include "base/mem.h"
#include "kt/rows.h"
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

static long log_size(const char *dir)
{
	char path[128];
	struct stat st;
	snprintf(path, sizeof path, "%s/LOG", dir);
	assert_int_equal(stat(path, &st), 0);
	return (long)st.st_size;
}

/** Its messages could not be written on a full disk, and then it aborts the process. */
static void test_no_lines(void **state)
{
	char dir[] = "/tmp/hongyan-rows-XXXXXX", *why = NULL, path[128];
	assert_non_null(mkdtemp(dir));
	struct env *env = env_real_create();
	struct rows *r;
	const struct rows_config config = {.dir = dir, .write_buffer_bytes = 1u << 20};
	assert_int_equal(rows_open(env, &config, &r, &why), HY_OK);
	long before = log_size(dir);
	struct rows_batch *b = rows_batch_create(r);
	rows_batch_put(b, hy_bytes_str("a"), hy_bytes_str("1"));
	assert_int_equal(rows_batch_write(r, b), HY_OK);
	/* A flush that fails is worth a line to it. */
	snprintf(path, sizeof path, "%s-away", dir);
	assert_int_equal(rename(dir, path), 0);
	assert_int_not_equal(rows_flush(r), HY_OK);
	assert_int_equal(rename(path, dir), 0);
	assert_int_equal(log_size(dir), before);
	rows_close(r);
	env_real_destroy(env);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	struct CMUnitTest tests[32];
	size_t n = 0;
	for (const struct rows_case *c = rows_cases; c->label; c++)
		tests[n++] = (struct CMUnitTest){c->label, test_case, NULL, NULL, (void *)(uintptr_t)c};
	tests[n++] =
		(struct CMUnitTest){"it writes no lines of its own while it works", test_no_lines, NULL, NULL, NULL};
	return _cmocka_run_group_tests("kt/rows", tests, n, NULL, NULL);
}
