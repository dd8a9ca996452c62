/*
 * The engine sdb on one simulated machine, through lives of which each has its own harm: a full disk, a byte of the log
 * that is not what it was, a repair. Each case with several seeds, without other faults.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "env/sim/sim.h"
#include "kt/conf.h"

#define SEEDS 20
#define LIFE_US (600ull * 1000 * 1000)

struct world {
	struct sim *sim;
	struct sim_machine *machine;
	unsigned damage_told;
};

struct life {
	conf_step *step;
	bool repair, ended;
	char failure[512];
};

/* ---- lives ----------------------------------------------------------------------------------------------------- */

static void machine_main(struct env *env, void *arg)
{
	struct life *life = arg;
	struct conf c = {.env = env, .loops = 1, .open = conf_open_sdb};
	c.config = (struct kt_config){.spaces = conf_spaces,
		.dir = "/data",
		.disk_reserve_bytes = 1 << 20,
		.repair = life->repair,
		.idle_move_ms = 20};
	(void)conf_run_step(&c, life->step);
	snprintf(life->failure, sizeof life->failure, "%s", c.failure);
	life->ended = true;
}

static bool off(void *arg)
{
	return !sim_machine_running(((struct world *)arg)->machine);
}

/** A start, the step, a clean stop. */
static struct life live(struct world *w, conf_step *step, bool repair)
{
	struct life life = {.step = step, .repair = repair};
	sim_machine_start(w->machine, machine_main, &life);
	(void)sim_run(w->sim, sim_now_us(w->sim) + LIFE_US, off, w);
	if (!life.ended)
		snprintf(life.failure, sizeof life.failure, "it does not end");
	return life;
}

static void assert_life(struct world *w, conf_step *step, bool repair)
{
	struct life life = live(w, step, repair);
	if (life.failure[0])
		print_error("%s\n", life.failure);
	assert_string_equal(life.failure, "");
}

static bool is_refused(struct world *w, conf_step *step)
{
	struct life life = live(w, step, false);
	if (life.failure[0] && !strstr(life.failure, "DATA_LOSS"))
		print_error("%s\n", life.failure);
	assert_true(!life.failure[0] || strstr(life.failure, "DATA_LOSS"));
	return life.failure[0] != '\0';
}

struct lives_case {
	const char *name;
	void (*run)(struct world *w);
};

static void on_line(void *arg, uint64_t now_us, const char *machine, enum env_log_level level, const char *line)
{
	struct world *w = arg;
	w->damage_told += strstr(line, "cannot be read") != NULL;
}

static void run_case(void **state)
{
	const struct lives_case *c = *state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world w = {.sim = sim_create(seed)};
		*sim_faults(w.sim) = (struct sim_faults){0};
		sim_on_log(w.sim, on_line, &w);
		w.machine = sim_machine_create(w.sim, "store", "10.0.0.1");
		c->run(&w);
		sim_destroy(w.sim);
	}
}

/* ---- a full disk ----------------------------------------------------------------------------------------------- */

static void fill_the_disk(struct conf *c, struct call *call)
{
	struct sim_faults *faults = sim_faults(sim_machine_sim(sim_env_machine(c->env)));
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(B("before"))), NULL), HY_OK);
		conf_wait_moved(c, call);
		faults->disk_enospc = 1000;
		conf_sleep_ms(call, 22 * 1000); /* RocksDB is flushed, and finds no room */
		faults->disk_enospc = 0;
		CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(B("after"))), NULL), HY_OK);
		conf_sleep_ms(call, 12 * 1000);
		CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(B("later"))), NULL), HY_OK);
		conf_wait_moved(c, call);
		struct kt_stats stats;
		kt_stats(c->kt, &stats);
		CHECK(c, !stats.failed && stats.moved_pos == stats.durable_pos);
	}
}

static void read_what_was_written(struct conf *c, struct call *call)
{
	struct kt_head head;
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, head.version, 15);
}

static void the_mover_waits(struct world *w)
{
	assert_life(w, fill_the_disk, false);
	assert_life(w, read_what_was_written, false);
}

/* ---- all ------------------------------------------------------------------------------------------------------- */

/* ---- repairs --------------------------------------------------------------------------------------------------- */

static void write_ten(struct conf *c, struct call *call)
{
	static const uint8_t value[100];
	for (int i = 0; i < 10; i++)
		CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(hy_bytes(value, sizeof value))), NULL), HY_OK);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_PUT(B("row"), hy_bytes(value, 50))), NULL), HY_OK);
	conf_wait_moved(c, call);
}

static void look(struct conf *c, struct call *call)
{
	struct kt_head head;
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_MAP, &head), HY_OK);
}

/** What is written after a repair, and what it stands on. */
static uint64_t log_version, map_version;

static void write_on(struct conf *c, struct call *call)
{
	struct kt_result r;
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(B("text")), OP_PUT(B("other"), B("value"))), &r), HY_OK);
	log_version = r.versions[0];
	map_version = r.versions[1];
}

static void see_it(struct conf *c, struct call *call)
{
	struct kt_rows rows;
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, 0, (struct kt_limits){0}, &rows), HY_OK);
	CHECK_EQ(c, rows.version, log_version);
	CHECK_EQ(c, rows.count, log_version);
	CHECK(c, hy_bytes_equal(rows.rows[rows.count - 1].value, B("text")));
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_MAP, 0, (struct kt_limits){0}, &rows), HY_OK);
	CHECK_EQ(c, rows.version, map_version);
	CHECK_EQ(c, rows.rows[rows.count - 1].version, map_version);
	CHECK_EQ(c, rows.count, map_version > 1 ? 2 : 1);
	conf_wait_moved(c, call);
}

static void writes_go_on_after_a_repair(struct world *w)
{
	assert_life(w, write_ten, false);
	uint64_t at = sim_range(w->sim, 4200, 6800); /* in one of the twenty batches */
	assert_int_equal(sim_machine_damage(w->machine, "/data/log/log-0000000000000001", at), 0);
	assert_life(w, write_on, is_refused(w, look));
	assert_life(w, see_it, false);
	assert_life(w, see_it, true);
	assert_life(w, see_it, false);
}

/** Of a map that nobody follows: row x is put and deleted, then y goes on. */
static void delete_early(struct conf *c, struct call *call)
{
	struct kt_op op = {.kind = KT_PUT, .space = CONF_UNFOLLOWED, .name = B("x"), .value = B("value")};
	CHECK_EQ(c, conf_write(c, call, ann(), &op, 1, NULL), HY_OK);
	conf_wait_moved(c, call);
	op.kind = KT_DELETE;
	CHECK_EQ(c, conf_write(c, call, ann(), &op, 1, NULL), HY_OK);
	op.kind = KT_PUT;
	op.name = B("y");
	for (int i = 0; i < 20; i++)
		CHECK_EQ(c, conf_write(c, call, ann(), &op, 1, NULL), HY_OK);
	conf_wait_moved(c, call);
}

/** Whatever the repair lost, the table is what it was at one of its versions. */
static void see_one_moment(struct conf *c, struct call *call)
{
	const struct kt_place places[] = {{CONF_UNFOLLOWED, B("x")}, {CONF_UNFOLLOWED, B("y")}};
	struct kt_op op = {.kind = KT_PUT, .space = CONF_UNFOLLOWED, .name = B("y"), .value = B("value")};
	struct kt_row rows[2];
	struct kt_rows all;
	struct kt_head head;
	CHECK_EQ(c, conf_rows(c, call, ann(), places, 2, rows), HY_OK);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_UNFOLLOWED, &head), HY_OK);
	CHECK_EQ(c, rows[0].version, head.version == 1 ? 1 : 0);
	CHECK_EQ(c, rows[1].version, head.version > 2 ? head.version : 0);
	CHECK_EQ(c, conf_range(c, call, ann(), CONF_UNFOLLOWED, (struct hy_bytes){0}, (struct kt_limits){0}, &all),
		HY_OK);
	CHECK_EQ(c, all.count, (rows[0].version > 0) + (rows[1].version > 0));
	CHECK_EQ(c, all.count, head.rows);
	if (head.version > 2) /* another y: the rule above holds again */
		CHECK_EQ(c, conf_write(c, call, ann(), &op, 1, NULL), HY_OK);
}

static void deleted_rows_stay_deleted(struct world *w)
{
	assert_life(w, delete_early, false);
	uint64_t at = sim_range(w->sim, 4200, 6400);
	assert_int_equal(sim_machine_damage(w->machine, "/data/log/log-0000000000000001", at), 0);
	assert_life(w, see_one_moment, is_refused(w, look));
	assert_life(w, see_one_moment, false);
	assert_life(w, see_one_moment, true);
}

/* ---- rows that go while they are read -------------------------------------------------------------------------- */

#define TRIMMED_KEYS 100

static void write_three(struct conf *c, struct call *call)
{
	for (unsigned i = 0; i < TRIMMED_KEYS; i++) {
		struct hy_key key = hy_key_user(i);
		for (int k = 0; k < 3; k++)
			CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_APPEND(B("text"))), NULL), HY_OK);
	}
	conf_wait_moved(c, call);
}

/** Half of them trim, and half read what is trimmed. */
static void trim_or_read(struct conf *c, struct call *call, unsigned index)
{
	struct hy_key key = hy_key_user(index / 2);
	uint8_t name[8];
	struct kt_row row;
	conf_sleep_ms(call, 200 * (index / 2));
	if (index % 2 == 0) {
		CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_TRIM(3)), NULL), HY_OK);
		return;
	}
	hy_put_be64(name, 2);
	int status = conf_row(c, call, &key, CONF_LOG, hy_bytes(name, 8), &row);
	CHECK(c, status == HY_OK || status == HY_NOT_FOUND);
}

static void trim_while_reading(struct conf *c, struct call *call)
{
	sim_faults(sim_machine_sim(sim_env_machine(c->env)))->pause = 1000;
	conf_parallel(c, call, 2 * TRIMMED_KEYS, trim_or_read);
}

static void nobody_is_told_of_damage(struct world *w)
{
	assert_life(w, write_three, false);
	assert_life(w, trim_while_reading, false);
	assert_int_equal(w->damage_told, 0);
}

/* ---- the floor ------------------------------------------------------------------------------------------------- */

#define HOUR_MS (3600ull * 1000)

static void wait_for_floor(struct conf *c, struct call *call)
{
	for (int i = 0; i < 100 && kt_floor_ms(c->kt) == 0; i++)
		conf_sleep_ms(call, 100);
	CHECK(c, env_wall_ms(c->env) - kt_floor_ms(c->kt) < 9 * 24 * HOUR_MS);
}

static void see_it_rise_slowly(struct conf *c, struct call *call)
{
	uint64_t before = kt_floor_ms(c->kt);
	CHECK(c, env_wall_ms(c->env) - before > 30 * 24 * HOUR_MS);
	conf_sleep_ms(call, 30 * 1000);
	CHECK_EQ(c, kt_floor_ms(c->kt), before);
	conf_sleep_ms(call, 270 * 1000);
	CHECK(c, kt_floor_ms(c->kt) >= before + HOUR_MS);
	CHECK(c, kt_floor_ms(c->kt) <= before + 5 * HOUR_MS);
}

static void no_more(void *arg) {}

static void the_floor_rises_slowly(struct world *w)
{
	const uint64_t month_us = 30ull * 24 * 3600 * 1000 * 1000;
	assert_life(w, wait_for_floor, false);
	sim_after(w->sim, month_us, no_more, NULL);
	(void)sim_run(w->sim, sim_now_us(w->sim) + month_us, NULL, NULL);
	assert_life(w, see_it_rise_slowly, false);
}

/* ---- many at one gate ------------------------------------------------------------------------------------------ */

static void put_one_row(struct conf *c, struct call *call)
{
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_PUT(B("row"), B("value"))), NULL), HY_OK);
	conf_wait_moved(c, call);
}

static void put_much(struct conf *c, struct call *call, unsigned index)
{
	static const uint8_t value[64000];
	struct kt_op ops[KT_OPS_MAX];
	char names[KT_OPS_MAX][16];
	for (unsigned i = 0; i < KT_OPS_MAX; i++) {
		snprintf(names[i], sizeof names[i], "%u-%u", index, i);
		ops[i] = (struct kt_op)OP_PUT(B(names[i]), hy_bytes(value, sizeof value));
	}
	int status = conf_write(c, call, ann(), ops, KT_OPS_MAX, NULL);
	CHECK(c, status == HY_OK || status == HY_RESOURCE_EXHAUSTED);
}

/** The map is not in memory, so that all wait behind the one who brings it. */
static void put_all_at_once(struct conf *c, struct call *call)
{
	conf_parallel(c, call, 150, put_much);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_PUT(B("row"), B("value"))), NULL), HY_OK);
}

static void the_gate_opens(struct world *w)
{
	assert_life(w, put_one_row, false);
	assert_life(w, put_all_at_once, false);
}

static const struct lives_case cases[] = {
	{"what is written after a repair stays, also with a second one", writes_go_on_after_a_repair},
	{"a row that was deleted without a trace stays so after a repair", deleted_rows_stay_deleted},
	{"the floor rises by an hour a minute at most, whatever the clock says", the_floor_rises_slowly},
	{"a row that is trimmed while it is read is not taken for damage", nobody_is_told_of_damage},
	{"more wait at a gate than the log takes at once, and some are refused", the_gate_opens},
	{"the mover waits while the disk is full, and the store goes on", the_mover_waits},
};

int main(void)
{
	struct CMUnitTest tests[HY_COUNT_OF(cases)];
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++)
		tests[i] = (struct CMUnitTest){cases[i].name, run_case, NULL, NULL, (void *)(uintptr_t)&cases[i]};
	return _cmocka_run_group_tests("kt, life after life", tests, HY_COUNT_OF(cases), NULL, NULL);
}
