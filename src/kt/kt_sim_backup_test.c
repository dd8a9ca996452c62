/*
 * Copies of a store at work, in the simulated world: writers and trims on a few keys, the mover among them, backups at
 * any moment, deaths of each kind, also in the midst of a backup or a restore. A book outside of the machine notes when
 * each write was begun and when it was answered, and holds what was restored to it:
 *	- all that was answered before the backup began is there;
 *	- it is a state that the store really had: whatever was answered before something that is there was begun, is
 *there;
 *	- versions have no gap, values are what was written, and writes go on.
 * Usage: kt_sim_backup_test [first seed [number of seeds]].
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "env/sim/sim.h"
#include "kt/conf.h"

#define KEYS 6
#define WRITERS 8
#define WRITES 6000
#define LIFE_US (600ull * 1000 * 1000)

struct write {
	unsigned key;
	uint64_t version, began, answered; /* 0: not known, not yet */
	bool there;
};

struct book {
	struct sim *sim;
	struct sim_machine *machine;
	uint64_t seed;
	struct write writes[WRITES + 1];
	uint32_t count;
	uint64_t ordinal;
	uint64_t backup_began; /* ordinal */
	int backup_status;     /* -1: not answered */
	uint64_t epoch, copied_epoch;
	bool writing;
	unsigned stage;
	unsigned lives, dies_in; /* the life that a death is meant for */
	int restore_status;
	bool ended;
	char failure[512], backup_dir[32], restore_dir[32];
};

static struct book *the_book; /* steps of conf.h have no argument of their own */
static uint64_t first_seed = 1, seed_count = 25;

static struct hy_key key_of(unsigned i)
{
	return hy_key_user(100 + i);
}

/* ---- the store at work ------------------------------------------------------------------------------------------- */

static void write_one(struct conf *c, struct call *call)
{
	struct book *b = the_book;
	if (b->count == WRITES) {
		b->writing = false;
		return;
	}
	uint32_t number = ++b->count;
	struct write *w = &b->writes[number];
	uint8_t value[1500] = {0};
	struct kt_result r;
	*w = (struct write){.key = (unsigned)sim_range(b->sim, 0, KEYS - 1), .began = ++b->ordinal};
	struct hy_key key = key_of(w->key);
	size_t len = 4 + number * 131 % 1400;
	hy_put_be32(value, number);
	struct conf_name name = conf_window_name(env_wall_ms(c->env), number);
	int status = conf_write(c, call, &key,
		OPS(OP_APPEND(hy_bytes(value, len)), OP_PUT(B("newest"), hy_bytes(value, 4)),
			OP_WINDOW(NAME(name), B("x"))),
		&r);
	if (status == HY_OK) {
		w->version = r.versions[0];
		w->answered = ++b->ordinal;
	}
	bool trims = w->version > 8 && sim_chance(b->sim, 150);
	if (trims)
		(void)conf_write_lazily(c, call, &key, OPS(OP_TRIM(w->version - 8)));
}

static void make_backup(struct conf *c, struct call *call)
{
	struct book *b = the_book;
	struct kt_backup_report report;
	char *why;
	uint64_t pause_ms = sim_range(b->sim, 0, 2000);
	conf_sleep_ms(call, pause_ms);
	b->backup_began = ++b->ordinal;
	int status = kt_backup(c->kt, call, b->backup_dir, &report, &why);
	b->backup_status = status;
	hy_free(why);
	CHECK(c, status != HY_OK || (report.files > 0 && report.bytes > 0));
	CHECK(c, status == HY_OK || status == HY_RESOURCE_EXHAUSTED || status == HY_UNAVAILABLE ||
			 status == HY_CANCELLED);
	uint64_t after_ms = sim_range(b->sim, 0, 500);
	conf_sleep_ms(call, after_ms);
	b->writing = false;
}

static void worker(struct conf *c, struct call *call, unsigned index)
{
	struct book *b = the_book;
	if (index == WRITERS) {
		make_backup(c, call);
		return;
	}
	while (b->writing) {
		write_one(c, call);
		uint64_t pause_ms = sim_range(b->sim, 0, 5);
		conf_sleep_ms(call, pause_ms);
	}
}

static void work(struct conf *c, struct call *call)
{
	the_book->writing = true;
	the_book->epoch = kt_epoch(c->kt);
	conf_parallel(c, call, WRITERS + 1, worker);
}

/* ---- what was restored ------------------------------------------------------------------------------------------- */

static void see_row(struct conf *c, unsigned key, const struct kt_row *row)
{
	struct book *b = the_book;
	CHECK(c, row->value.len >= 4);
	uint32_t number = hy_get_be32(row->value.data);
	CHECK(c, number > 0 && number <= b->count);
	CHECK_EQ(c, b->writes[number].key, key);
	CHECK(c, !b->writes[number].version || b->writes[number].version == row->version);
	b->writes[number].there = true;
}

static void see_key(struct conf *c, struct call *call, unsigned index)
{
	struct book *b = the_book;
	struct hy_key key = key_of(index);
	struct kt_head head;
	struct kt_rows rows;
	CHECK_EQ(c, conf_head(c, call, &key, CONF_LOG, &head), HY_OK);
	for (uint32_t i = 1; i <= b->count; i++)
		b->writes[i].there = b->writes[i].there || (b->writes[i].key == index && b->writes[i].version &&
								   b->writes[i].version <= head.trimmed);
	uint64_t at = head.trimmed;
	do {
		CHECK_EQ(c, conf_changes(c, call, &key, CONF_LOG, at, (struct kt_limits){0}, &rows), HY_OK);
		for (size_t i = 0; i < rows.count; i++) {
			CHECK_EQ(c, rows.rows[i].version, ++at);
			see_row(c, index, &rows.rows[i]);
		}
	} while (rows.more);
	CHECK_EQ(c, at, head.version);
	struct kt_row newest;
	int status = conf_row(c, call, &key, CONF_MAP, B("newest"), &newest);
	CHECK_EQ(c, status, head.version ? HY_OK : HY_NOT_FOUND);
	/* Both rows of one write: neither is there without the other. */
	if (head.version > head.trimmed)
		CHECK(c, hy_bytes_equal(newest.value, hy_bytes(rows.rows[rows.count - 1].value.data, 4)));
}

static void hold_to_the_book(struct conf *c, struct call *call)
{
	struct book *b = the_book;
	uint64_t newest = 0;
	for (uint32_t i = 1; i <= b->count; i++)
		b->writes[i].there = false;
	for (unsigned i = 0; i < KEYS && !c->failure[0]; i++)
		see_key(c, call, i);
	for (uint32_t i = 1; i <= b->count; i++) {
		if (b->writes[i].there)
			newest = HY_MAX(newest, b->writes[i].began);
	}
	for (uint32_t i = 1; i <= b->count; i++) {
		const struct write *w = &b->writes[i];
		bool must = w->answered && (w->answered < b->backup_began || w->answered < newest);
		CHECK(c, !must || w->there);
	}
}

static void see_the_copy(struct conf *c, struct call *call)
{
	the_book->copied_epoch = kt_epoch(c->kt);
	hold_to_the_book(c, call);
}

static void see_it_and_write(struct conf *c, struct call *call)
{
	struct kt_head head;
	struct kt_result r;
	struct hy_key key = key_of(0);
	hold_to_the_book(c, call);
	CHECK(c, kt_epoch(c->kt) != the_book->epoch);
	CHECK_EQ(c, conf_head(c, call, &key, CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_APPEND(B("\0\0\0\1"))), &r), HY_OK);
	CHECK_EQ(c, r.versions[0], head.version + 1);
}

static void open_again(struct conf *c, struct call *call)
{
	CHECK_EQ(c, kt_epoch(c->kt), the_book->epoch);
}

/* ---- lives ------------------------------------------------------------------------------------------------------- */

enum { WORK, LOOK, RESTORE, SERVE_RESTORED, SERVE_OLD };

static void machine_main(struct env *env, void *arg)
{
	static conf_step *const steps[] = {
		[WORK] = work, [LOOK] = see_the_copy, [SERVE_RESTORED] = see_it_and_write, [SERVE_OLD] = open_again};
	struct book *b = arg;
	struct conf c = {.env = env, .loops = 1 + b->count % 2, .open = conf_open_sdb};
	const char *dir = b->stage == LOOK ? b->backup_dir : b->stage == SERVE_RESTORED ? b->restore_dir : "/data";
	c.config = (struct kt_config){.spaces = conf_spaces,
		.dir = dir,
		.disk_reserve_bytes = 1 << 20,
		.memory_bytes = 256 << 10,
		.segment_bytes = 64 << 10,
		.log_bytes = 4 << 20,
		.idle_move_ms = 20,
		.read_only = b->stage == LOOK};
	if (b->stage == RESTORE) {
		char *why;
		b->restore_status = kt_restore(env, b->backup_dir, b->restore_dir, &why);
		if (b->restore_status != HY_OK)
			snprintf(b->failure, sizeof b->failure, "%s", why);
		hy_free(why);
	} else {
		(void)conf_run_step(&c, steps[b->stage]);
		snprintf(b->failure, sizeof b->failure, "%s", c.failure);
	}
	b->ended = true;
}

static bool off(void *arg)
{
	return !sim_machine_running(((struct book *)arg)->machine);
}

static void live(struct book *b, unsigned stage)
{
	b->stage = stage;
	b->lives++;
	b->failure[0] = '\0';
	b->ended = false;
	sim_machine_start(b->machine, machine_main, b);
	(void)sim_run(b->sim, sim_now_us(b->sim) + LIFE_US, off, b);
}

static void assert_life(struct book *b, unsigned stage)
{
	live(b, stage);
	if (b->failure[0])
		print_error("seed %llu, stage %u: %s\n", (unsigned long long)b->seed, stage, b->failure);
	assert_string_equal(b->failure, "");
	assert_true(b->ended);
}

static void die(void *arg)
{
	struct book *b = arg;
	bool power = sim_chance(b->sim, 500);
	if (b->lives != b->dies_in || !sim_machine_running(b->machine))
		return;
	if (power)
		sim_machine_power_cut(b->machine);
	else
		sim_machine_kill(b->machine);
}

/* ---- cases ------------------------------------------------------------------------------------------------------- */

static void backup_and_restore(struct book *b)
{
	assert_life(b, WORK);
	assert_int_equal(b->backup_status, HY_OK);
	sim_machine_power_cut(b->machine);
	assert_life(b, LOOK);
	assert_true(b->copied_epoch == b->epoch);
	assert_life(b, RESTORE);
	sim_machine_power_cut(b->machine);
	assert_life(b, SERVE_RESTORED);
	assert_life(b, SERVE_OLD);
}

/** A backup that was answered is there; of another, nothing that could be taken for one, or all of it. */
static void die_meanwhile(struct book *b)
{
	uint64_t at_us = sim_range(b->sim, 0, 2500ull * 1000);
	b->dies_in = b->lives + 1;
	sim_after(b->sim, at_us, die, b);
	live(b, WORK);
	sim_machine_power_cut(b->machine);
	live(b, RESTORE);
	assert_true(b->restore_status == HY_OK || b->backup_status != HY_OK);
	if (b->restore_status == HY_OK) {
		assert_life(b, SERVE_RESTORED);
	} else {
		assert_int_equal(b->restore_status, HY_FAILED_PRECONDITION);
	}
	if (b->epoch)
		assert_life(b, SERVE_OLD);
}

static void die_while_restoring(struct book *b)
{
	assert_life(b, WORK);
	uint64_t at_us = sim_range(b->sim, 0, 150ull * 1000);
	b->dies_in = b->lives + 1;
	sim_after(b->sim, at_us, die, b);
	live(b, RESTORE);
	bool done = b->ended && b->restore_status == HY_OK;
	if (!done) {
		b->stage = SERVE_RESTORED; /* it is no data folder, or all of one */
		live(b, RESTORE);
		done = b->restore_status == HY_OK || strstr(b->failure, "not empty");
	}
	assert_true(done);
	assert_life(b, SERVE_RESTORED);
}

static void with_faults_of_the_disk(struct book *b)
{
	sim_faults(b->sim)->disk_slow = 20;
	sim_faults(b->sim)->disk_enospc = (unsigned)sim_range(b->sim, 0, 3);
	sim_faults(b->sim)->disk_sync_eio = (unsigned)sim_range(b->sim, 0, 3);
	live(b, WORK);
	*sim_faults(b->sim) = (struct sim_faults){0};
	if (b->backup_status != HY_OK)
		return;
	assert_life(b, RESTORE);
	assert_life(b, SERVE_RESTORED);
}

struct backup_case {
	const char *name;
	void (*run)(struct book *b);
};

static const struct backup_case cases[] = {
	{"what was answered before a backup began is in it, and it is a state that the store had", backup_and_restore},
	{"a death in the midst of a backup leaves none, or a whole one", die_meanwhile},
	{"a restore that dies leaves no data folder, and is done again", die_while_restoring},
	{"a backup that meets faults of the disk fails, or is a good one", with_faults_of_the_disk},
};

static void run_case(void **state)
{
	const struct backup_case *c = *state;
	for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
		struct book *b = calloc(1, sizeof *b);
		*b = (struct book){.sim = sim_create(seed), .seed = seed, .backup_status = -1, .restore_status = -1};
		snprintf(b->backup_dir, sizeof b->backup_dir, "/backup");
		snprintf(b->restore_dir, sizeof b->restore_dir, "/restored");
		the_book = b;
		*sim_faults(b->sim) = (struct sim_faults){0};
		b->machine = sim_machine_create(b->sim, "store", "10.0.0.1");
		c->run(b);
		sim_destroy(b->sim);
		free(b);
	}
}

int main(int argc, char **argv)
{
	first_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : first_seed;
	seed_count = argc > 2 ? strtoull(argv[2], NULL, 10) : seed_count;
	struct CMUnitTest tests[HY_COUNT_OF(cases)];
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++)
		tests[i] = (struct CMUnitTest){cases[i].name, run_case, NULL, NULL, (void *)(uintptr_t)&cases[i]};
	return _cmocka_run_group_tests("kt, backups in the simulated world", tests, HY_COUNT_OF(cases), NULL, NULL);
}
