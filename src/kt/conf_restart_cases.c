/* The scenarios of the conformance suite that go over restarts, each a sentence about kt.h. */
#include "base/mem.h"
#include "kt/conf.h"

/* ---- restarts ---------------------------------------------------------------------------------------------------- */

static void write_some(struct conf *c, struct call *call)
{
	CHECK_EQ(c,
		conf_write(c, call, ann(), OPS(OP_APPEND(B("one")), OP_APPEND(B("two")), OP_APPEND(B("three"))), NULL),
		HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_TRIM(3)), NULL), HY_OK);
	CHECK_EQ(c,
		conf_write(
			c, call, ann(), OPS(OP_PUT(B("a"), B("1")), OP_PUT(B("b"), B("2")), OP_DELETE(B("a"))), NULL),
		HY_OK);
	c->state = hy_zalloc(sizeof(uint64_t));
	uint64_t epoch = kt_epoch(c->kt);
	memcpy(c->state, &epoch, sizeof epoch);
}

static void see_them(struct conf *c, struct call *call)
{
	struct kt_head head;
	struct kt_rows rows;
	struct kt_result r;
	CHECK(c, memcmp(c->state, &(uint64_t){kt_epoch(c->kt)}, sizeof(uint64_t)) == 0);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, head.version, 3);
	CHECK_EQ(c, head.trimmed, 3);
	CHECK_EQ(c, head.bytes, 0);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, 2, ALL, &rows), HY_OUT_OF_RANGE);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_MAP, 0, ALL, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 2);
	CHECK(c, rows.rows[1].deleted);
	CHECK_EQ(c, rows.version, 3);
	const struct kt_op version = {.kind = KT_EXPECT_VERSION, .space = CONF_LOG, .version = 3};
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(version), &r), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_INSERT(B("b"), B("x"))), &r), HY_ALREADY_EXISTS);
}

static void move_all(struct conf *c, struct call *call)
{
	conf_wait_moved(c, call);
}

struct order {
	struct conf *c;
	struct hy_key key;
	struct conf_name name;
	uint64_t versions[2];
	unsigned left;
	struct co_wait wait;
};

struct order_writer {
	struct order *order;
	unsigned index;
};

/** The first must look for its duplicate row in RocksDB; the second needs nothing from there but the head. */
static void ordered_write(void *arg)
{
	struct order_writer *w = arg;
	struct order *o = w->order;
	struct hy_arena arena;
	struct kt_result r;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	struct call call = {.arena = &arena, .deadline_us = UINT64_MAX};
	call.loop = svr_loop_at(o->c->svr, svr_loop_of_key(o->c->svr, &o->key));
	const struct kt_op ops[] = {OP_APPEND(B("x")), OP_WINDOW(NAME(o->name), B("h"))};
	if (kt_write(o->c->kt, &call, &o->key, ops, w->index == 0 ? 2 : 1, &r) == HY_OK)
		o->versions[w->index] = r.versions[0];
	hy_arena_fini(&arena);
	if (--o->left == 0)
		co_wake(&o->wait, HY_OK);
}

static int write_in_order(struct call *callee, void *arg)
{
	struct order *o = arg;
	struct order_writer writers[2] = {{o, 0}, {o, 1}};
	o->left = 2;
	co_wait_init(&o->wait, callee->loop);
	co_spawn(callee->loop, ordered_write, &writers[0]);
	co_spawn(callee->loop, ordered_write, &writers[1]);
	return co_wait_uncancelled(&o->wait);
}

static void write_cold_keys(struct conf *c, struct call *call)
{
	uint64_t now = env_wall_ms(c->env);
	c->state = hy_memdup(&now, sizeof now);
	for (uint32_t uin = 1; uin <= 20; uin++) {
		struct hy_key key = hy_key_user(uin);
		struct conf_name name = conf_window_name(now, 0);
		CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_WINDOW(NAME(name), B("h")), OP_APPEND(B("x"))), NULL),
			HY_OK);
	}
}

static void write_in_order_when_cold(struct conf *c, struct call *call)
{
	uint64_t then;
	memcpy(&then, c->state, sizeof then);
	for (uint32_t uin = 1; uin <= 20; uin++) {
		struct order o = {.c = c, .key = hy_key_user(uin), .name = conf_window_name(then - 7, uin)};
		CHECK_EQ(c, svr_hop(call, svr_loop_of_key(c->svr, &o.key), write_in_order, &o), HY_OK);
		CHECK_EQ(c, o.versions[0], 2);
		CHECK_EQ(c, o.versions[1], 3);
	}
}

/* ---- read, then written (R7) ------------------------------------------------------------------------------------- */

#define ORDERED 6

struct reader {
	struct order *order;
	unsigned index;
	uint64_t version;
};

/** As a message is sent: what the recipient's rows say, then the entry. Every other one needs no row from RocksDB. */
static void read_then_write(void *arg)
{
	struct reader *w = arg;
	struct order *o = w->order;
	struct hy_arena arena;
	struct kt_result r;
	struct kt_row rows[2];
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	struct call call = {.arena = &arena, .deadline_us = UINT64_MAX};
	call.loop = svr_loop_at(o->c->svr, svr_loop_of_key(o->c->svr, &o->key));
	uint8_t space = w->index % 2 ? CONF_OTHER_MAP : CONF_MAP;
	const struct kt_place places[] = {{space, B("contact")}, {space, B("settings")}};
	const struct kt_op op = OP_APPEND(B("text"));
	int status = kt_read_rows(o->c->kt, &call, &o->key, places, 2, KT_STRONG, rows);
	bool good = status == HY_OK && rows[1].version == 0 && rows[0].version == (w->index % 2 ? 0 : 1);
	if (good && kt_write(o->c->kt, &call, &o->key, &op, 1, &r) == HY_OK)
		w->version = r.versions[0];
	hy_arena_fini(&arena);
	if (--o->left == 0)
		co_wake(&o->wait, HY_OK);
}

static int read_and_write_in_order(struct call *callee, void *arg)
{
	struct order *o = arg;
	struct reader readers[ORDERED];
	o->left = ORDERED;
	co_wait_init(&o->wait, callee->loop);
	for (unsigned i = 0; i < ORDERED; i++) {
		readers[i] = (struct reader){o, i, 0};
		co_spawn(callee->loop, read_then_write, &readers[i]);
	}
	int status = co_wait_uncancelled(&o->wait);
	for (unsigned i = 0; i < ORDERED; i++) {
		if (readers[i].version != o->versions[0] + i + 1)
			status = HY_INTERNAL;
	}
	o->versions[0] += ORDERED;
	return status;
}

static void write_contacts(struct conf *c, struct call *call)
{
	for (uint32_t uin = 1; uin <= 20; uin++) {
		struct hy_key key = hy_key_user(uin);
		CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_PUT(B("contact"), B("may write"))), NULL), HY_OK);
	}
}

static void read_then_write_in_order(struct conf *c, struct call *call)
{
	for (uint32_t uin = 1; uin <= 20; uin++) {
		struct order o = {.c = c, .key = hy_key_user(uin)};
		for (int i = 0; i < 2; i++) /* cold, then warm */
			CHECK_EQ(c, svr_hop(call, svr_loop_of_key(c->svr, &o.key), read_and_write_in_order, &o), HY_OK);
	}
}

/** Rows of a map that is in RocksDB, and of one that the log brought, one by one and then all. */
static void see_several_rows(struct conf *c, struct call *call)
{
	struct kt_row rows[3];
	struct kt_rows all;
	const struct kt_place a = {CONF_MAP, B("a")}, b = {CONF_MAP, B("b")}, none = {CONF_MAP, B("none")};
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(c, conf_rows(c, call, ann(), PLACES(b, a, none), rows), HY_OK);
		CHECK_EQ(c, rows[0].version, 2);
		CHECK(c, hy_bytes_equal(rows[0].value, B("2")));
		CHECK_EQ(c, rows[1].version + rows[2].version, 0);
		CHECK_EQ(c, conf_row(c, call, ann(), CONF_MAP, B("b"), NULL), HY_OK);
	}
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_MAP, 0, ALL, &all), HY_OK);
	CHECK_EQ(c, all.count, 2);
	CHECK_EQ(c, all.rows[0].version, 2);
	CHECK_EQ(c, all.rows[1].version, 3);
	CHECK_EQ(c, conf_rows(c, call, ann(), PLACES(b, a, none), rows), HY_OK);
	CHECK_EQ(c, rows[0].version, 2);
}

/* ---- a space that was followed once ------------------------------------------------------------------------------ */

static void begin_to_follow(struct conf *c, struct call *call)
{
	static const struct kt_space followed[] = {
		{CONF_LOG, KT_LOG, "log", NULL}, {CONF_UNFOLLOWED, KT_MAP, "once followed", NULL}, {0}};
	c->config.spaces = followed; /* from the next step on */
}

static struct kt_op of_unfollowed(enum kt_op_kind kind, const char *name)
{
	struct kt_op op = {.kind = kind, .space = CONF_UNFOLLOWED, .name = B(name)};
	if (kind != KT_DELETE)
		op.value = B("1");
	return op;
}

static void leave_tombstones(struct conf *c, struct call *call)
{
	struct kt_head head;
	CHECK_EQ(c,
		conf_write(c, call, ann(),
			OPS(of_unfollowed(KT_PUT, "a"), of_unfollowed(KT_PUT, "b"), of_unfollowed(KT_PUT, "c")), NULL),
		HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(of_unfollowed(KT_DELETE, "a")), NULL), HY_OK);
	conf_wait_moved(c, call);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_UNFOLLOWED, &head), HY_OK);
	CHECK_EQ(c, head.tombstones, 1);
	CHECK_EQ(c, head.trimmed, 0);
	c->config.spaces = conf_spaces;
}

static void see_no_tombstones(struct conf *c, struct call *call)
{
	const struct kt_place places[] = {{CONF_UNFOLLOWED, B("a")}, {CONF_UNFOLLOWED, B("b")}};
	struct kt_row rows[2];
	struct kt_rows all;
	struct kt_head head;
	struct kt_listed *list;
	size_t count;
	bool more;
	CHECK_EQ(c, kt_list_heads(c->kt, call, NULL, 10, &list, &count, &more), HY_OK);
	CHECK_EQ(c, count, 1);
	CHECK_EQ(c, list[0].heads[CONF_UNFOLLOWED].tombstones, 0);
	CHECK_EQ(c, conf_rows(c, call, ann(), places, 2, rows), HY_OK);
	CHECK_EQ(c, rows[0].version, 0);
	CHECK(c, rows[1].version > 0);
	for (int i = 0; i < 2; i++) { /* as its head says, and whole */
		CHECK_EQ(c, conf_head(c, call, ann(), CONF_UNFOLLOWED, &head), HY_OK);
		CHECK(c, head.rows == 2 && head.bytes == 2 && head.tombstones == 0 && head.trimmed == head.version);
		CHECK_EQ(c, conf_range(c, call, ann(), CONF_UNFOLLOWED, B(""), ALL, &all), HY_OK);
		CHECK_EQ(c, all.count, 2);
	}
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_UNFOLLOWED, head.version - 1, ALL, &all), HY_OUT_OF_RANGE);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(of_unfollowed(KT_INSERT, "a")), NULL), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(of_unfollowed(KT_DELETE, "a")), NULL), HY_OK);
	conf_wait_moved(c, call);
}

const struct conf_scenario conf_restart_cases[] = {
	{"versions, trims and tombstones survive a restart", {write_some, see_them, see_them}},
	{"they survive the move to RocksDB too", {write_some, move_all, see_them, see_them}},
	{"what waits for RocksDB is not overtaken", {write_cold_keys, move_all, write_in_order_when_cold}},
	{"rows are read one by one, from log and RocksDB", {write_some, see_several_rows, move_all, see_several_rows}},
	{"tombstones of a time in which a map was followed are not seen",
		{begin_to_follow, leave_tombstones, see_no_tombstones, see_no_tombstones}},
	{"who reads rows and then writes keeps its place, cold or warm",
		{write_contacts, move_all, read_then_write_in_order}},
	{"a random test agrees with a model over restarts",
		{conf_random_start, conf_random_go_on, conf_random_go_on, conf_random_go_on}},
	{"a random test agrees with a model, in little memory and over restarts",
		{conf_random_start, conf_random_go_on, conf_random_go_on, conf_random_go_on, conf_random_go_on},
		.tiny = true},
	{NULL},
};
