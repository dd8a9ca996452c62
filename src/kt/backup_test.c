#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "env/real/real.h"
#include "kt/conf.h"

#define KEYS 20
#define PICTURE_MAX (256u << 10)

/* Of the running test, for the steps, which have no argument of their own. */
static struct fixture {
	struct env *env;
	struct conf conf;
	char dir[64], data[80], backup[80], other[80];
	unsigned writes; /* of each key */
	uint64_t epoch;
	int status;
	char why[300];
	struct kt_backup_report report;
} * f;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int setup(void **state)
{
	static struct env *env;
	if (!env)
		env = env_real_create();
	f = calloc(1, sizeof *f);
	f->env = env;
	snprintf(f->dir, sizeof f->dir, "/tmp/kt-backup-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->data, sizeof f->data, "%s/data", f->dir);
	snprintf(f->backup, sizeof f->backup, "%s/backup", f->dir);
	snprintf(f->other, sizeof f->other, "%s/other", f->dir);
	f->conf = (struct conf){.env = env, .open = conf_open_sdb, .loops = 2};
	f->conf.config = (struct kt_config){.spaces = conf_spaces,
		.dir = f->data,
		.disk_reserve_bytes = 1 << 20,
		.segment_bytes = 64 << 10,
		.idle_move_ms = 50};
	return 0;
}

static int teardown(void **state)
{
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/** All names below a folder, with modes, sizes, times and contents. free() it. */
static char *picture(const char *dir)
{
	char command[512], *text = calloc(1, PICTURE_MAX);
	snprintf(command, sizeof command,
		"cd %s && find . -printf '%%p %%m %%s %%T@\\n' | sort && find . -type f -exec sha256sum {} + | sort",
		dir);
	FILE *p = popen(command, "r");
	assert_non_null(p);
	assert_true(fread(text, 1, PICTURE_MAX - 1, p) > 100);
	assert_int_equal(pclose(p), 0);
	return text;
}

static void HY_PRINTF(1, 2) shell(const char *command, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, command);
	vsnprintf(text, sizeof text, command, ap);
	va_end(ap);
	assert_int_equal(system(text), 0);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static void write_keys(struct conf *c, struct call *call)
{
	uint8_t value[1000];
	memset(value, 'v', sizeof value);
	for (uint32_t i = 0; i < KEYS * 10; i++) {
		struct hy_key key = hy_key_user(i % KEYS);
		CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_APPEND(hy_bytes(value, sizeof value))), NULL), HY_OK);
	}
	f->writes += 10;
	f->epoch = kt_epoch(c->kt);
}

static void read_keys(struct conf *c, struct call *call)
{
	for (uint32_t i = 0; i < KEYS; i++) {
		struct hy_key key = hy_key_user(i);
		struct kt_rows rows;
		CHECK_EQ(c, conf_changes(c, call, &key, CONF_LOG, 0, (struct kt_limits){0}, &rows), HY_OK);
		CHECK_EQ(c, rows.count, f->writes);
		CHECK_EQ(c, rows.version, f->writes);
	}
}

static void read_only(struct conf *c, struct call *call)
{
	struct hy_key key = hy_key_user(1);
	struct hy_key *keys;
	size_t count;
	bool more;
	read_keys(c, call);
	CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_APPEND(B("x"))), NULL), HY_UNAVAILABLE);
	CHECK_EQ(c, kt_list_keys(c->kt, call, NULL, 100, &keys, &count, &more), HY_OK);
	CHECK_EQ(c, count, KEYS);
	conf_sleep_ms(call, 150);
}

static void read_with_a_new_epoch(struct conf *c, struct call *call)
{
	read_keys(c, call);
	CHECK(c, kt_epoch(c->kt) != f->epoch);
}

static void back_up(struct conf *c, struct call *call)
{
	char *why;
	f->status = kt_backup(c->kt, call, f->backup, &f->report, &why);
	snprintf(f->why, sizeof f->why, "%s", why ? why : "");
	hy_free(why);
}

static void write_and_back_up(struct conf *c, struct call *call)
{
	write_keys(c, call);
	back_up(c, call);
	CHECK_EQ(c, f->status, HY_OK);
	CHECK(c, f->report.position > 0 && f->report.files > 3 && f->report.bytes > 1000);
}

static void back_up_late(struct conf *c, struct call *call)
{
	write_keys(c, call);
	call->deadline_us = svr_now_us(call->loop) + 1;
	back_up(c, call);
	call->deadline_us = UINT64_MAX;
}

static void back_up_in_parallel(struct conf *c, struct call *call, unsigned index)
{
	struct kt_backup_report report;
	char *why, dir[100];
	snprintf(dir, sizeof dir, "%s-%u", f->backup, index);
	int status = kt_backup(c->kt, call, dir, &report, &why);
	CHECK(c, status == HY_OK || status == HY_ABORTED);
	f->status += status == HY_OK;
	hy_free(why);
}

static void back_up_four_at_once(struct conf *c, struct call *call)
{
	write_keys(c, call);
	f->status = 0;
	conf_parallel(c, call, 4, back_up_in_parallel);
}

/** As kill -9 would leave it, with a batch that was begun. */
static void take_image(struct conf *c, struct call *call)
{
	write_keys(c, call);
	shell("cp -a %s %s", f->data, f->other);
	shell("cd %s/log && /usr/bin/python3 -c \"\n"
	      "import glob\n"
	      "name = sorted(glob.glob('log-*'))[-1]\n"
	      "data = open(name, 'rb').read()\n"
	      "at = (len(data.rstrip(b'\\0')) + 7) // 8 * 8\n"
	      "open(name, 'r+b').write(data[:at] + b'torn' * 50)\n"
	      "\"",
		f->other);
}

static void assert_step(conf_step *step, const char *dir)
{
	f->conf.config.dir = dir;
	f->conf.failure[0] = '\0';
	if (!conf_run_step(&f->conf, step))
		print_error("%s\n", f->conf.failure);
	assert_string_equal(f->conf.failure, "");
}

static void assert_not_opened(const char *dir, const char *words)
{
	f->conf.config.dir = dir;
	f->conf.failure[0] = '\0';
	assert_false(conf_run_step(&f->conf, read_keys));
	if (!strstr(f->conf.failure, words))
		print_error("%s\n", f->conf.failure);
	assert_non_null(strstr(f->conf.failure, words));
}

static void assert_restore(const char *from, const char *to, int status, const char *words)
{
	char *why;
	int got = kt_restore(f->env, from, to, &why);
	if (got != status || !strstr(why ? why : "", words))
		print_error("%d: %s\n", got, why ? why : "");
	assert_int_equal(got, status);
	assert_non_null(strstr(why ? why : "", words));
	hy_free(why);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void test_what_is_restored_is_what_was_backed_up(void **state)
{
	assert_step(write_keys, f->data);
	shell("echo hush >%s/secret", f->data);
	assert_step(write_and_back_up, f->data);
	char *before = picture(f->backup);
	assert_restore(f->backup, f->other, HY_OK, "");
	shell("grep -q hush %s/secret", f->other);
	shell("test -z \"$(find %s -perm /077)\"", f->dir);
	shell("test ! -e %s/checkpoint -a ! -e %s.part -a ! -e %s/RESTORING -a ! -e %s/BACKUP", f->data, f->backup,
		f->other, f->other);
	assert_step(read_with_a_new_epoch, f->other);
	assert_step(read_keys, f->data);
	char *after = picture(f->backup);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

/** Hard links and renames end at a file system's edge. */
static void test_a_backup_to_another_disk(void **state)
{
	struct stat here, there;
	if (stat("/dev/shm", &there) || stat(f->dir, &here) || here.st_dev == there.st_dev || access("/dev/shm", W_OK))
		return; /* this machine has one file system alone */
	snprintf(f->backup, sizeof f->backup, "/dev/shm/kt-backup-%d", (int)getpid());
	assert_step(write_and_back_up, f->data);
	assert_restore(f->backup, f->other, HY_OK, "");
	assert_step(read_with_a_new_epoch, f->other);
	nftw(f->backup, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void test_a_look_changes_nothing_on_disk(void **state)
{
	assert_step(write_and_back_up, f->data);
	f->conf.config.read_only = true;
	const char *const folders[] = {f->data, f->backup};
	for (size_t i = 0; i < HY_COUNT_OF(folders); i++) {
		char *before = picture(folders[i]);
		assert_step(read_only, folders[i]);
		char *after = picture(folders[i]);
		assert_string_equal(before, after);
		free(before);
		free(after);
	}
	assert_not_opened(f->other, "no data folder");
}

static void test_a_look_at_what_a_kill_left_changes_nothing(void **state)
{
	assert_step(take_image, f->data);
	char *before = picture(f->other);
	f->conf.config.read_only = true;
	assert_step(read_only, f->other);
	char *after = picture(f->other);
	assert_string_equal(before, after);
	free(before);
	free(after);
	f->conf.config.read_only = false;
	assert_step(read_keys, f->other);
}

static void test_a_backup_is_not_served_from(void **state)
{
	assert_step(write_and_back_up, f->data);
	assert_not_opened(f->backup, "hongyan restore");
	shell("test ! -e %s/LOCK", f->backup);
}

static void test_a_backup_that_cannot_be_made_leaves_nothing(void **state)
{
	assert_step(write_keys, f->data);
	shell("mkdir %s", f->backup);
	assert_step(back_up, f->data);
	assert_int_equal(f->status, HY_ALREADY_EXISTS);
	assert_non_null(strstr(f->why, "there already"));
	shell("rmdir %s; mkdir %s.part; mkdir %s.part/log; touch %s.part/log/letter", f->backup, f->backup, f->backup,
		f->backup);
	assert_step(back_up, f->data);
	assert_int_equal(f->status, HY_ALREADY_EXISTS);
	shell("test -e %s.part/log/letter", f->backup);
	shell("touch %s.part/LOCK", f->backup); /* of a backup that was killed */
	assert_step(back_up, f->data);
	assert_int_equal(f->status, HY_OK);
	shell("test ! -e %s.part -a ! -e %s/log/letter -a ! -e %s/LOCK", f->backup, f->backup, f->backup);
	snprintf(f->backup, sizeof f->backup, "%s/nowhere/backup", f->dir);
	assert_step(back_up, f->data);
	assert_int_equal(f->status, HY_NOT_FOUND);
	assert_non_null(strstr(f->why, "/nowhere does not exist"));
	f->conf.config.disk_reserve_bytes = 1ull << 60;
	snprintf(f->backup, sizeof f->backup, "%s/full", f->dir);
	assert_step(back_up, f->data);
	assert_int_equal(f->status, HY_RESOURCE_EXHAUSTED);
	f->conf.config.disk_reserve_bytes = 1 << 20;
	snprintf(f->backup, sizeof f->backup, "%s/late", f->dir);
	assert_step(back_up_late, f->data);
	assert_int_equal(f->status, HY_DEADLINE_EXCEEDED);
	shell("test \"$(ls %s)\" = \"$(printf 'backup\\ndata')\" || test -e %s/late/BACKUP", f->dir, f->dir);
	assert_step(read_keys, f->data);
}

static void test_one_backup_at_a_time(void **state)
{
	assert_step(back_up_four_at_once, f->data);
	assert_true(f->status >= 1);
	assert_step(back_up, f->data);
	assert_int_equal(f->status, HY_OK);
}

static void test_a_restore_that_cannot_be_made_leaves_no_data_folder(void **state)
{
	assert_step(write_and_back_up, f->data);
	assert_restore(f->data, f->other, HY_FAILED_PRECONDITION, "no backup");
	assert_restore(f->backup, f->data, HY_FAILED_PRECONDITION, "not empty");
	shell("mkdir %s && touch %s/letter", f->other, f->other);
	assert_restore(f->backup, f->other, HY_FAILED_PRECONDITION, "not empty");
	shell("rm %s/letter; cp -a %s %s3", f->other, f->backup, f->backup);
	char cut[100];
	snprintf(cut, sizeof cut, "%s3", f->backup);
	shell("cd %s && head -n -2 BACKUP >b && tail -n 1 BACKUP >>b && mv b BACKUP", cut);
	assert_restore(cut, f->other, HY_FAILED_PRECONDITION, "not whole");
	shell("cd %s && sed -i '$d' BACKUP", cut);
	assert_restore(cut, f->other, HY_FAILED_PRECONDITION, "not whole");
	shell("rm -rf %s; cp -a %s %s2; cd %s2/log && truncate -s -8 $(ls | tail -1)", cut, f->backup, f->backup,
		f->backup);
	char broken[100];
	snprintf(broken, sizeof broken, "%s2", f->backup);
	assert_restore(broken, f->other, HY_FAILED_PRECONDITION, "take another copy");
	shell("rm %s/rows/*.sst", broken);
	shell("test -z \"$(ls %s)\"", f->other);
	shell("echo 'hongyan 3' >%s/FORMAT", broken);
	assert_restore(broken, f->other, HY_FAILED_PRECONDITION, "newer program");
	assert_restore(f->backup, f->other, HY_OK, ""); /* into an empty folder */
	assert_step(read_with_a_new_epoch, f->other);
}

static void test_a_restore_that_was_killed_is_no_data_folder_and_is_done_again(void **state)
{
	assert_step(write_and_back_up, f->data);
	shell("mkdir -p %s/log %s/rows && touch %s/RESTORING %s/LOCK && cp %s/rows/* %s/rows/", f->other, f->other,
		f->other, f->other, f->backup, f->other);
	assert_not_opened(f->other, "did not end");
	assert_restore(f->backup, f->other, HY_OK, "");
	assert_step(read_with_a_new_epoch, f->other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_restored_is_what_was_backed_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_backup_to_another_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_look_changes_nothing_on_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_look_at_what_a_kill_left_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_backup_is_not_served_from, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_backup_that_cannot_be_made_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_backup_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_restore_that_cannot_be_made_leaves_no_data_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_restore_that_was_killed_is_no_data_folder_and_is_done_again, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
