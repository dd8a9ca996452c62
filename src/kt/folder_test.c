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
#include "kt/place.h"
#include "kt/rows.h"

#define KEYS 20
/* As idle_move_ms: the log alone has what is written, however slow the machine is. */
#define NEVER_MS (1000ull * 1000 * 1000)

struct fixture {
	struct env *env;
	struct conf conf;
	char dir[64], data[80];
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int setup(void **state)
{
	static struct env *env;
	struct fixture *f = calloc(1, sizeof *f);
	if (!env)
		env = env_real_create();
	f->env = env;
	snprintf(f->dir, sizeof f->dir, "/tmp/kt-folder-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->data, sizeof f->data, "%s/data", f->dir);
	f->conf = (struct conf){.env = env, .open = conf_open_sdb, .loops = 2};
	f->conf.config = (struct kt_config){.spaces = conf_spaces,
		.dir = f->data,
		.disk_reserve_bytes = 1 << 20,
		.segment_bytes = 64 << 10,
		.idle_move_ms = 50};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void path_of(const struct fixture *f, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", f->data, name);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static void write_keys(struct conf *c, struct call *call)
{
	static const uint8_t value[1000];
	for (uint32_t i = 0; i < KEYS * 10; i++) {
		struct hy_key key = hy_key_user(i % KEYS);
		CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_APPEND(hy_bytes(value, sizeof value))), NULL), HY_OK);
	}
}

static void read_keys(struct conf *c, struct call *call)
{
	for (uint32_t i = 0; i < KEYS; i++) {
		struct hy_key key = hy_key_user(i);
		struct kt_rows rows;
		CHECK_EQ(c, conf_changes(c, call, &key, CONF_LOG, 0, (struct kt_limits){0}, &rows), HY_OK);
		CHECK_EQ(c, rows.count, 10);
		CHECK_EQ(c, rows.version, 10);
	}
}

static uint64_t epoch_seen, rows_seen;

static void see_what_is_left(struct conf *c, struct call *call)
{
	epoch_seen = kt_epoch(c->kt);
	rows_seen = 0;
	for (uint32_t i = 0; i < KEYS; i++) {
		struct hy_key key = hy_key_user(i);
		struct kt_rows rows;
		CHECK_EQ(c, conf_changes(c, call, &key, CONF_LOG, 0, (struct kt_limits){0}, &rows), HY_OK);
		rows_seen += rows.count;
	}
}

static void open_another(struct conf *c, struct call *call)
{
	struct kt *other;
	char *why = NULL;
	CHECK_EQ(c, kt_open_sdb(c->svr, &c->config, &other, &why), HY_FAILED_PRECONDITION);
	CHECK(c, strstr(why, "another server") != NULL);
	hy_free(why);
}

static void test_an_older_format_becomes_the_present_one(void **state)
{
	struct fixture *f = *state;
	char path[256], text[256] = "";
	assert_true(conf_run_step(&f->conf, write_keys));
	path_of(f, "FORMAT", path);
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fwrite("hongyan 1", 1, 9, file), 9);
	fclose(file);
	assert_true(conf_run_step(&f->conf, read_keys));
	file = fopen(path, "r");
	assert_non_null(fgets(text, sizeof text, file));
	fclose(file);
	assert_string_equal(text, "hongyan 2\n");
	assert_true(conf_run_step(&f->conf, read_keys));
}

/** Why the store does not open. */
static void assert_refused(struct fixture *f, const char *code, const char *why)
{
	f->conf.failure[0] = '\0';
	assert_false(conf_run_step(&f->conf, read_keys));
	if (!strstr(f->conf.failure, code) || !strstr(f->conf.failure, why))
		print_error("%s\n", f->conf.failure);
	assert_non_null(strstr(f->conf.failure, code));
	assert_non_null(strstr(f->conf.failure, why));
	f->conf.failure[0] = '\0';
}

static void assert_step(struct fixture *f, conf_step *step)
{
	if (!conf_run_step(&f->conf, step))
		print_error("%s\n", f->conf.failure);
	assert_string_equal(f->conf.failure, "");
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void test_nothing_on_disk_depends_on_the_number_of_loops(void **state)
{
	struct fixture *f = *state;
	static const unsigned loops[] = {1, 5, 2, 3};
	assert_step(f, write_keys);
	for (size_t i = 0; i < HY_COUNT_OF(loops); i++) {
		f->conf.loops = loops[i];
		assert_step(f, read_keys);
	}
}

static void test_one_server_at_a_time(void **state)
{
	assert_step(*state, open_another);
}

static int is_others_too(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (st->st_mode & 077)
		print_error("%s is others' too\n", path);
	return (st->st_mode & 077) != 0;
}

static void test_folder_and_files_are_their_owners_alone(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"", "log", "rows", "FORMAT", "LOCK"};
	assert_step(f, write_keys);
	assert_int_equal(nftw(f->data, is_others_too, 16, FTW_PHYS), 0); /* RocksDB's too */
	for (size_t i = 0; i < HY_COUNT_OF(names); i++) {
		char path[256];
		struct stat st;
		path_of(f, names[i], path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, S_ISDIR(st.st_mode) ? 0700 : 0600);
	}
}

static void test_a_newer_format_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[256];
	assert_step(f, write_keys);
	path_of(f, "FORMAT", path);
	FILE *file = fopen(path, "w");
	fputs("hongyan 3\nepoch 0123456789abcdef\nlog 0123456789abcdef\nsomething new\n", file);
	fclose(file);
	assert_refused(f, "FAILED_PRECONDITION", "newer program");
	file = fopen(path, "w");
	fputs("shopping list\n", file);
	fclose(file);
	assert_refused(f, "DATA_LOSS", "is this a data folder");
	unlink(path);
	assert_refused(f, "DATA_LOSS", "no file FORMAT");
}

/** Segment 3 lies in the middle of what the second start of a store writes. */
static void damage_log(struct fixture *f)
{
	char path[256];
	path_of(f, "log/log-0000000000000003", path);
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	fseek(file, 20000, SEEK_SET);
	fputs("damage", file);
	fclose(file);
}

static void write_and_move_keys(struct conf *c, struct call *call)
{
	write_keys(c, call);
	conf_wait_moved(c, call);
}

static void test_damage_to_what_the_database_has_is_passed_over(void **state)
{
	struct fixture *f = *state;
	assert_step(f, see_what_is_left);
	assert_step(f, write_and_move_keys);
	damage_log(f);
	assert_step(f, read_keys);
}

static void test_damage_in_the_middle_is_refused_until_the_operator_goes_on(void **state)
{
	struct fixture *f = *state;
	f->conf.config.idle_move_ms = NEVER_MS;
	assert_step(f, see_what_is_left);
	uint64_t epoch = epoch_seen;
	assert_step(f, write_keys);
	damage_log(f);
	assert_refused(f, "DATA_LOSS", "--repair");
	f->conf.config.repair = true;
	assert_step(f, see_what_is_left);
	assert_true(epoch_seen != epoch);
	assert_true(rows_seen > 0 && rows_seen < KEYS * 10);
	epoch = epoch_seen;
	uint64_t rows = rows_seen;
	f->conf.config.repair = false;
	assert_step(f, see_what_is_left);
	assert_true(epoch_seen == epoch && rows_seen == rows);
	/* Writes go on; they are there after a start, and after another repair. */
	assert_step(f, write_keys);
	for (int i = 0; i < 4; i++) {
		f->conf.config.repair = i == 2;
		assert_step(f, see_what_is_left);
		assert_int_equal(rows_seen, rows + KEYS * 10);
	}
}

/** Where the head row of a key lies, something else does. */
static void damage_head(struct fixture *f, const struct hy_key *key)
{
	char path[256], *why = NULL;
	struct rows *rows;
	struct place_name place;
	path_of(f, "rows", path);
	struct rows_config config = {.dir = path};
	assert_int_equal(rows_open(f->env, &config, &rows, &why), HY_OK);
	struct rows_batch *batch = rows_batch_create(rows);
	place_head(&place, key);
	rows_batch_put(batch, place_bytes(&place), hy_bytes_str("something else"));
	assert_int_equal(rows_batch_write(rows, batch), HY_OK);
	assert_int_equal(rows_flush(rows), HY_OK);
	rows_close(rows);
}

static uint64_t stuck_seen;

static void wait_until_stuck(struct conf *c, struct call *call)
{
	for (int i = 0; i < 3000 && !stuck_seen; i++) {
		conf_sleep_ms(call, 20);
		stuck_seen = mon_get(svr_mon(c->svr), MON_kt_moves_stuck);
	}
}

static void test_a_key_that_stops_the_mover_raises_an_alarm(void **state)
{
	struct fixture *f = *state;
	struct hy_key key = hy_key_user(1);
	f->conf.config.idle_move_ms = NEVER_MS;
	assert_step(f, write_keys);
	damage_head(f, &key);
	f->conf.config.idle_move_ms = 50;
	assert_step(f, wait_until_stuck);
	assert_true(stuck_seen > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_on_disk_depends_on_the_number_of_loops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_server_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_key_that_stops_the_mover_raises_an_alarm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_and_files_are_their_owners_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_newer_format_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_older_format_becomes_the_present_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage_to_what_the_database_has_is_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_damage_in_the_middle_is_refused_until_the_operator_goes_on, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
