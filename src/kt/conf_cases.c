/* The scenarios of the conformance suite for a store that runs, each a sentence about kt.h. */
#include "base/mem.h"
#include "kt/conf.h"

/* ---- logs -------------------------------------------------------------------------------------------------------- */

static void append_and_read(struct conf *c, struct call *call)
{
	struct kt_result r;
	struct kt_rows rows;
	struct kt_head head;
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(B("one")), OP_APPEND(B("two"))), &r), HY_OK);
	CHECK_EQ(c, r.versions[0], 1);
	CHECK_EQ(c, r.versions[1], 2);
	CHECK_EQ(c, r.failed_op, -1);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(B(""))), &r), HY_OK);
	CHECK_EQ(c, r.versions[0], 3);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, 1, ALL, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 2);
	CHECK_EQ(c, rows.version, 3);
	CHECK_EQ(c, rows.rows[0].version, 2);
	CHECK(c, hy_bytes_equal(rows.rows[0].value, B("two")));
	CHECK_EQ(c, rows.rows[1].value.len, 0);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, head.version, 3);
	CHECK_EQ(c, head.rows, 3);
	CHECK_EQ(c, head.bytes, 6);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_OTHER_LOG, &head), HY_OK);
	CHECK_EQ(c, head.version + head.rows + head.bytes, 0);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, 4, ALL, &rows), HY_OUT_OF_RANGE);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_OTHER_LOG, 0, ALL, &rows), HY_OK);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_OTHER_LOG, 1, ALL, &rows), HY_OUT_OF_RANGE);
}

static void trim_keeps_the_version(struct conf *c, struct call *call)
{
	struct kt_rows rows;
	struct kt_head head;
	struct kt_result r;
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(B("12")), OP_APPEND(B("345")), OP_APPEND(B("6789"))), &r),
		HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_TRIM(2)), &r), HY_OK);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, 1, ALL, &rows), HY_OUT_OF_RANGE);
	CHECK_EQ(c, rows.trimmed, 2);
	CHECK_EQ(c, rows.version, 3);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, 2, ALL, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 1);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, head.rows, 1);
	CHECK_EQ(c, head.bytes, 4);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_TRIM(1)), &r), HY_OK); /* backwards: nothing */
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_TRIM(UINT64_MAX)), &r), HY_OK);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, 3, ALL, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 0);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, 0, ALL, &rows), HY_OUT_OF_RANGE);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, head.version, 3);
	CHECK_EQ(c, head.bytes, 0);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(B("x"))), &r), HY_OK);
	CHECK_EQ(c, r.versions[0], 4);
}

static void trim_at_the_bound(struct conf *c, struct call *call)
{
	struct kt_op append = OP_APPEND(B("12345"));
	struct kt_result r;
	append.max_rows = 3;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(c, conf_write(c, call, ann(), &append, 1, &r), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), &append, 1, &r), HY_RESOURCE_EXHAUSTED);
	CHECK_EQ(c, r.stored.version, 3);
	struct kt_op both[] = {OP_TRIM(1), append};
	CHECK_EQ(c, conf_write(c, call, ann(), both, 2, &r), HY_OK);
	CHECK_EQ(c, r.versions[1], 4);
	append.max_rows = 0;
	append.max_bytes = 19;
	CHECK_EQ(c, conf_write(c, call, ann(), &append, 1, &r), HY_RESOURCE_EXHAUSTED);
	append.max_bytes = 20;
	CHECK_EQ(c, conf_write(c, call, ann(), &append, 1, &r), HY_OK);
	/* A trim of what the same write appends. */
	struct kt_op own[] = {OP_APPEND(B("abc")), OP_APPEND(B("de")), OP_TRIM(6)};
	CHECK_EQ(c, conf_write(c, call, ann(), own, 3, &r), HY_OK);
	struct kt_head head;
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, head.rows, 1);
	CHECK_EQ(c, head.bytes, 2);
}

static void pages(struct conf *c, struct call *call)
{
	char value[100];
	struct kt_rows rows;
	memset(value, 'v', sizeof value);
	for (int i = 0; i < 25; i++)
		CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(hy_bytes(value, sizeof value))), NULL), HY_OK);
	uint64_t since = 0;
	for (int page = 0; page < 3; page++) {
		CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, since, (struct kt_limits){.max_rows = 10}, &rows),
			HY_OK);
		CHECK_EQ(c, rows.count, page < 2 ? 10 : 5);
		CHECK_EQ(c, rows.more, page < 2);
		since = rows.version;
	}
	CHECK_EQ(c, since, 25);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, 0, (struct kt_limits){.max_bytes = 1}, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 1); /* one at least */
	CHECK(c, rows.more);
	CHECK_EQ(c, rows.version, 1);
}

/* ---- maps -------------------------------------------------------------------------------------------------------- */

static void maps(struct conf *c, struct call *call)
{
	struct kt_result r;
	struct kt_row row;
	struct kt_rows rows;
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_INSERT(B("bob"), B("1")), OP_PUT(B("al"), B("2"))), &r), HY_OK);
	CHECK_EQ(c, r.versions[1], 2);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_INSERT(B("bob"), B("3"))), &r), HY_ALREADY_EXISTS);
	CHECK_EQ(c, r.failed_op, 0);
	CHECK_EQ(c, r.stored.version, 1);
	CHECK(c, hy_bytes_equal(r.stored.value, B("1")));
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_DELETE(B("bob")), OP_DELETE(B("nobody"))), &r), HY_OK);
	CHECK_EQ(c, r.versions[0], 3);
	CHECK_EQ(c, r.versions[1], 0);
	CHECK_EQ(c, conf_row(c, call, ann(), CONF_MAP, B("bob"), &row), HY_NOT_FOUND);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_MAP, 2, ALL, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 1);
	CHECK(c, rows.rows[0].deleted);
	CHECK_EQ(c, conf_range(c, call, ann(), CONF_MAP, B(""), ALL, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 1);
	CHECK(c, hy_bytes_equal(rows.rows[0].name, B("al")));
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_INSERT(B("bob"), B("4"))), &r), HY_OK);
	CHECK_EQ(c, conf_row(c, call, ann(), CONF_MAP, B("bob"), &row), HY_OK);
	CHECK_EQ(c, row.version, 4);
}

static void trim_tombstones(struct conf *c, struct call *call)
{
	struct kt_head head;
	struct kt_rows rows;
	struct kt_result r;
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_PUT(B("a"), B("1")), OP_PUT(B("b"), B("22"))), NULL), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_DELETE(B("a")), OP_PUT(B("c"), B("333"))), NULL), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_DELETE(B("c"))), NULL), HY_OK);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_MAP, &head), HY_OK);
	CHECK_EQ(c, head.tombstones, 2);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_TRIM_MAP(4)), &r), HY_OK);
	CHECK_EQ(c, r.versions[0], 0);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_MAP, 3, ALL, &rows), HY_OUT_OF_RANGE);
	CHECK_EQ(c, rows.trimmed, 4);
	CHECK_EQ(c, rows.version, 5);
	/* Who has nothing misses nothing, nor does who has read on from there. */
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_MAP, 0, ((struct kt_limits){.max_rows = 1}), &rows), HY_OK);
	CHECK(c, rows.count == 1 && rows.more && rows.version == 2 && rows.trimmed == 4);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_MAP, 2, ALL, &rows), HY_OUT_OF_RANGE);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_MAP, 2, ((struct kt_limits){.began_at = 3}), &rows),
		HY_OUT_OF_RANGE);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_MAP, 2, ((struct kt_limits){.began_at = 4}), &rows), HY_OK);
	CHECK_EQ(c, rows.count, 1);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_MAP, 4, ALL, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 1);
	CHECK(c, rows.rows[0].deleted);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_MAP, &head), HY_OK);
	CHECK_EQ(c, head.version, 5);
	CHECK_EQ(c, head.trimmed, 4);
	CHECK_EQ(c, head.rows, 1);
	CHECK_EQ(c, head.bytes, 2);
	CHECK_EQ(c, head.tombstones, 1);
	/* A row that the same write deletes, and one that comes back. */
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_DELETE(B("b")), OP_TRIM_MAP(6), OP_INSERT(B("a"), B("4"))), &r),
		HY_OK);
	CHECK_EQ(c, r.versions[2], 7);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_TRIM_MAP(UINT64_MAX)), &r), HY_OK);
	CHECK_EQ(c, conf_range(c, call, ann(), CONF_MAP, B(""), ALL, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 1);
	CHECK_EQ(c, rows.trimmed, 7);
	CHECK_EQ(c, rows.rows[0].version, 7);
}

static void nobody_follows(struct conf *c, struct call *call)
{
	struct kt_head head;
	struct kt_rows rows;
	struct kt_result r;
	struct kt_op put = {.kind = KT_PUT, .space = CONF_UNFOLLOWED, .name = B("a"), .value = B("1")};
	const struct kt_op delete = {.kind = KT_DELETE, .space = CONF_UNFOLLOWED, .name = B("a")};
	const struct kt_op none = {.kind = KT_EXPECT_ROW, .space = CONF_UNFOLLOWED, .name = B("a")};
	const struct kt_op trim = {.kind = KT_TRIM, .space = CONF_UNFOLLOWED, .version = 1};
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_UNFOLLOWED, 0, ALL, &rows), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), &put, 1, &r), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), &delete, 1, &r), HY_OK);
	CHECK_EQ(c, r.versions[0], 2);
	CHECK_EQ(c, conf_write(c, call, ann(), &delete, 1, &r), HY_OK);
	CHECK_EQ(c, r.versions[0], 0);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(none, put, trim, put, delete, put), &r), HY_OK);
	CHECK_EQ(c, r.versions[5], 6);
	put.name = B("b");
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(put, delete), &r), HY_OK);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_UNFOLLOWED, &head), HY_OK);
	CHECK_EQ(c, head.version, 8);
	CHECK_EQ(c, head.trimmed, 8);
	CHECK_EQ(c, head.rows, 1);
	CHECK_EQ(c, head.tombstones, 0);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_UNFOLLOWED, 8, ALL, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 0);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_UNFOLLOWED, 7, ALL, &rows), HY_OUT_OF_RANGE);
	CHECK_EQ(c, rows.version, 8);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_UNFOLLOWED, 9, ALL, &rows), HY_OUT_OF_RANGE);
	CHECK_EQ(c, conf_range(c, call, ann(), CONF_UNFOLLOWED, B(""), ALL, &rows), HY_OK);
	CHECK_EQ(c, rows.count, 1);
	CHECK(c, hy_bytes_equal(rows.rows[0].name, B("b")));
}

static void several_rows(struct conf *c, struct call *call)
{
	struct kt_row rows[KT_PLACES_MAX];
	const struct kt_place al = {CONF_MAP, B("al")}, bob = {CONF_MAP, B("bob")}, other = {CONF_OTHER_MAP, B("al")};
	const struct kt_place bad[] = {{CONF_LOG, B("12345678")}, {9, B("al")}, {CONF_MAP, B("")}};
	const struct kt_place many[KT_PLACES_MAX + 1] = {al, al, al, al, al};
	CHECK_EQ(c, conf_rows(c, call, ann(), PLACES(al, other), rows), HY_OK);
	CHECK_EQ(c, rows[0].version + rows[1].version, 0);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_PUT(B("al"), B("1")), OP_PUT(B("bob"), B("22"))), NULL), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_DELETE(B("al"))), NULL), HY_OK);
	CHECK_EQ(c, conf_rows(c, call, ann(), PLACES(al, bob, other, bob), rows), HY_OK);
	CHECK_EQ(c, rows[0].version, 0); /* a tombstone is no row */
	CHECK_EQ(c, rows[1].version, 2);
	CHECK_EQ(c, rows[2].version, 0);
	CHECK_EQ(c, rows[3].version, 2);
	CHECK(c, hy_bytes_equal(rows[3].name, B("bob")) && hy_bytes_equal(rows[3].value, B("22")));
	for (size_t i = 0; i < HY_COUNT_OF(bad); i++)
		CHECK_EQ(c, conf_rows(c, call, ann(), &bad[i], 1, rows), HY_INVALID_ARGUMENT);
	CHECK_EQ(c, conf_rows(c, call, ann(), bad, 0, rows), HY_INVALID_ARGUMENT);
	CHECK_EQ(c, conf_rows(c, call, ann(), many, KT_PLACES_MAX + 1, rows), HY_INVALID_ARGUMENT);
}

static void fill_a_map(struct conf *c, struct call *call, unsigned index)
{
	for (uint32_t i = 0; i < KT_MAP_NAMES_MAX / 50 && !c->failure[0]; i += KT_OPS_MAX) {
		uint8_t names[KT_OPS_MAX][8];
		struct kt_op ops[KT_OPS_MAX];
		for (uint32_t n = 0; n < KT_OPS_MAX; n++) {
			hy_put_be64(names[n], (uint64_t)index << 32 | (i + n));
			ops[n] = (struct kt_op)OP_PUT(hy_bytes(names[n], 8), B("x"));
		}
		CHECK_EQ(c, conf_write(c, call, ann(), ops, KT_OPS_MAX, NULL), HY_OK);
	}
}

static void full_map(struct conf *c, struct call *call)
{
	uint8_t first[8] = {0};
	conf_parallel(c, call, 50, fill_a_map);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_PUT(B("more"), B("x"))), NULL), HY_RESOURCE_EXHAUSTED);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_DELETE(hy_bytes(first, 8))), NULL), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_INSERT(B("more"), B("x"))), NULL), HY_RESOURCE_EXHAUSTED);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_INSERT(hy_bytes(first, 8), B("again"))), NULL), HY_OK);
	/* Tombstones that were trimmed make room. */
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_DELETE(hy_bytes(first, 8))), NULL), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_PUT(B("more"), B("x"))), NULL), HY_RESOURCE_EXHAUSTED);
	CHECK_EQ(c, conf_write_lazily(c, call, ann(), OPS(OP_TRIM_MAP(UINT64_MAX))), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_PUT(B("more"), B("x"))), NULL), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_PUT(B("too many"), B("x"))), NULL), HY_RESOURCE_EXHAUSTED);
}

static void all_or_nothing(struct conf *c, struct call *call)
{
	struct kt_result r;
	struct kt_head head;
	struct kt_op version = {.kind = KT_EXPECT_VERSION, .space = CONF_LOG, .version = 1};
	struct kt_op not_empty = {.kind = KT_EXPECT_NOT_EMPTY, .space = CONF_MAP};
	struct kt_op row = {.kind = KT_EXPECT_ROW, .space = CONF_MAP, .name = B("a"), .version = 7};
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(B("x")), not_empty), &r), HY_NOT_FOUND);
	CHECK_EQ(c, r.failed_op, 1);
	CHECK_EQ(c, r.versions[0], 0);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, head.version, 0);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(version, OP_APPEND(B("x"))), &r), HY_ABORTED);
	version.version = 0;
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(version, OP_APPEND(B("x")), OP_PUT(B("a"), B("A"))), &r), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_DELETE(B("a")), row), &r), HY_ABORTED);
	CHECK_EQ(c, r.failed_op, 1);
	CHECK_EQ(c, r.stored.version, 0); /* by then the same write had deleted it */
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(row), &r), HY_ABORTED);
	CHECK_EQ(c, r.stored.version, 1);
	CHECK(c, hy_bytes_equal(r.stored.value, B("A")));
	row.version = 1;
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(row, not_empty), &r), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_INSERT(B("z"), B("1")), OP_INSERT(B("z"), B("2"))), &r),
		HY_ALREADY_EXISTS);
	CHECK(c, hy_bytes_equal(r.stored.value, B("1")));
	CHECK_EQ(c, conf_row(c, call, ann(), CONF_MAP, B("z"), NULL), HY_NOT_FOUND);
	/* A refusal carries no row but its own operation's, and a row that is not there is none. */
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_PUT(B("z"), B("1"))), &r), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_DELETE(B("z"))), &r), HY_OK);
	row.name = B("none");
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_INSERT(B("z"), B("2")), row), &r), HY_ABORTED);
	CHECK_EQ(c, r.failed_op, 1);
	CHECK_EQ(c, r.stored.name.len + r.stored.value.len + r.stored.version + r.stored.deleted, 0);
}

static void bad_arguments(struct conf *c, struct call *call)
{
	static const uint8_t big[KT_VALUE_MAX + 1];
	const struct kt_op bad[] = {
		{.kind = KT_APPEND, .space = 9},
		{.kind = KT_APPEND, .space = 200},
		{.kind = KT_APPEND, .space = CONF_MAP},
		{.kind = KT_TRIM, .space = CONF_WINDOW, .version = 1},
		{.kind = KT_PUT, .space = CONF_LOG, .name = B("x")},
		{.kind = KT_PUT, .space = CONF_MAP},
		{.kind = KT_INSERT, .space = CONF_WINDOW, .name = B("short")},
		{.kind = KT_PUT, .space = CONF_MAP, .name = hy_bytes(big, KT_NAME_MAX + 1)},
		{.kind = KT_APPEND, .space = CONF_LOG, .value = hy_bytes(big, KT_VALUE_MAX + 1)},
		{.kind = 77, .space = CONF_LOG},
	};
	struct kt_rows rows;
	for (size_t i = 0; i < HY_COUNT_OF(bad); i++)
		CHECK_EQ(c, conf_write(c, call, ann(), &bad[i], 1, NULL), HY_INVALID_ARGUMENT);
	CHECK_EQ(c, conf_write(c, call, ann(), bad, 0, NULL), HY_INVALID_ARGUMENT);
	CHECK_EQ(c, conf_changes(c, call, ann(), CONF_WINDOW, 0, ALL, &rows), HY_INVALID_ARGUMENT);
	CHECK_EQ(c, conf_row(c, call, ann(), CONF_LOG, B("seven"), NULL), HY_INVALID_ARGUMENT);
}

/* ---- windows ----------------------------------------------------------------------------------------------------- */

static void windows(struct conf *c, struct call *call)
{
	uint64_t now = env_wall_ms(c->env);
	struct conf_name name = conf_window_name(now, 1);
	struct conf_name ahead = conf_window_name(now + KT_WINDOW_AHEAD_MS + 60000, 1);
	struct conf_name old = conf_window_name(now - 60ull * 24 * 3600 * 1000, 1);
	struct kt_result r;
	struct kt_row row;
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_WINDOW(NAME(name), B("hash")), OP_APPEND(B("text"))), &r), HY_OK);
	CHECK_EQ(c, r.versions[0], 1);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_WINDOW(NAME(name), B("other")), OP_APPEND(B("text"))), &r),
		HY_ALREADY_EXISTS);
	CHECK_EQ(c, r.stored.version, 1);
	CHECK(c, hy_bytes_equal(r.stored.value, B("hash")));
	CHECK_EQ(c, conf_row(c, call, ann(), CONF_WINDOW, NAME(name), &row), HY_OK);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_WINDOW(NAME(ahead), B("h"))), &r), HY_OUT_OF_RANGE);
	for (int i = 0; i < 100 && kt_floor_ms(c->kt) == 0; i++)
		conf_sleep_ms(call, 50);
	CHECK(c, kt_floor_ms(c->kt) >= now - 9ull * 24 * 3600 * 1000);
	CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_WINDOW(NAME(old), B("h"))), &r), HY_OUT_OF_RANGE);
	struct hy_key other = hy_key_name("ann", 3);
	CHECK_EQ(c, conf_write(c, call, &other, OPS(OP_WINDOW(NAME(name), B("h"))), &r), HY_OK);
	CHECK_EQ(c, r.versions[0], 0);
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

struct retries {
	struct conf_name name;
	unsigned ok[32], exists[32];
};

/** Ten times the same message, one behind the other, from each of many coroutines. */
static void retry(struct conf *c, struct call *call, unsigned index)
{
	struct retries *s = c->state;
	for (uint64_t i = 0; i < 10; i++) {
		struct conf_name name = s->name;
		struct kt_result r;
		name.bytes[15] = (uint8_t)i;
		int status = conf_write(c, call, ann(), OPS(OP_WINDOW(NAME(name), B("h")), OP_APPEND(B("text"))), &r);
		if (status == HY_OK)
			s->ok[index]++;
		else if (status == HY_ALREADY_EXISTS)
			s->exists[index]++;
		/* Whoever got an answer sees the message. */
		struct kt_rows rows;
		uint64_t version = status == HY_OK ? r.versions[1] : r.stored.version;
		CHECK(c, version > 0);
		CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, version - 1, ALL, &rows), HY_OK);
		CHECK(c, rows.count > 0 && rows.rows[0].version == version);
	}
}

static void retries_in_flight(struct conf *c, struct call *call)
{
	struct retries *s = c->state = hy_zalloc(sizeof *s);
	struct kt_head head;
	unsigned ok = 0, exists = 0;
	s->name = conf_window_name(env_wall_ms(c->env), 0);
	conf_parallel(c, call, 32, retry);
	for (int i = 0; i < 32; i++) {
		ok += s->ok[i];
		exists += s->exists[i];
	}
	CHECK_EQ(c, ok, 10);
	CHECK_EQ(c, exists, 310);
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, head.version, 10);
}

static void follow(struct conf *c, struct call *call, unsigned index)
{
	/* Even ones write, odd ones follow: no gap, no version passed over (S3). */
	uint64_t since = 0;
	for (int i = 0; i < 60 && !c->failure[0]; i++) {
		struct kt_rows rows;
		if (index % 2 == 0) {
			CHECK_EQ(c, conf_write(c, call, ann(), OPS(OP_APPEND(B("a")), OP_APPEND(B("b"))), NULL), HY_OK);
			continue;
		}
		CHECK_EQ(c, conf_changes(c, call, ann(), CONF_LOG, since, ALL, &rows), HY_OK);
		for (size_t n = 0; n < rows.count; n++)
			CHECK_EQ(c, rows.rows[n].version, ++since);
		CHECK_EQ(c, rows.version, since);
		CHECK_EQ(c, since % 2, 0); /* a write shows whole or not at all */
		conf_sleep_ms(call, 1);
	}
}

static void followers(struct conf *c, struct call *call)
{
	conf_parallel(c, call, 16, follow);
	struct kt_head head;
	CHECK_EQ(c, conf_head(c, call, ann(), CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, head.version, 8 * 120);
}

static void deadline_passes(struct conf *c, struct call *call)
{
	struct call late = *call;
	late.deadline_us = svr_now_us(call->loop);
	struct hy_key key = *ann();
	for (uint32_t uin = 1; svr_loop_of_key(c->svr, &key) != svr_loop_index(call->loop); uin++)
		key = hy_key_user(uin);
	struct kt_result r;
	struct kt_head head;
	const struct kt_op op = OP_APPEND(B("x"));
	CHECK_EQ(c, conf_head(c, call, &key, CONF_LOG, &head),
		HY_OK); /* in memory: the write need not wait to be queued */
	int status = kt_write(c->kt, &late, &key, &op, 1, &r);
	CHECK(c, status == HY_OK || status == HY_DEADLINE_EXCEEDED);
	CHECK_EQ(c, kt_write(c->kt, call, &key, &op, 1, &r), HY_OK); /* queued behind it */
	CHECK_EQ(c, r.versions[0], 2);
	CHECK_EQ(c, conf_head(c, call, &key, CONF_LOG, &head), HY_OK);
	CHECK_EQ(c, head.version, 2);
}

/* ---- bounds, and lists of keys ----------------------------------------------------------------------------------- */

/** More than the log may hold: whoever is refused comes back when it was told to. */
static void flood(struct conf *c, struct call *call, unsigned index)
{
	uint8_t *value = hy_arena_alloc(call->arena, KT_VALUE_MAX);
	struct hy_key key = hy_key_user(index % 4);
	memset(value, (int)index, KT_VALUE_MAX);
	for (int i = 0; i < 25 && !c->failure[0]; i++) {
		const struct kt_op op = OP_APPEND(hy_bytes(value, KT_VALUE_MAX));
		struct kt_result r;
		int status;
		struct call there = *call;
		while ((status = conf_write(c, &there, &key, &op, 1, &r)) == HY_RESOURCE_EXHAUSTED) {
			CHECK(c, there.retry_after_ms > 0);
			conf_sleep_ms(&there, there.retry_after_ms);
		}
		CHECK_EQ(c, status, HY_OK);
	}
}

static void fill_the_log(struct conf *c, struct call *call)
{
	struct kt_head head;
	struct kt_rows rows;
	struct kt_stats stats;
	conf_parallel(c, call, 16, flood);
	for (uint32_t i = 0; i < 4; i++) {
		struct hy_key key = hy_key_user(i);
		CHECK_EQ(c, conf_head(c, call, &key, CONF_LOG, &head), HY_OK);
		CHECK_EQ(c, head.rows, 100);
		CHECK_EQ(c, head.bytes, 100ull * KT_VALUE_MAX);
		CHECK_EQ(c, conf_changes(c, call, &key, CONF_LOG, 90, (struct kt_limits){.max_bytes = 1 << 20}, &rows),
			HY_OK);
		CHECK_EQ(c, rows.count, 10);
		CHECK_EQ(c, rows.rows[9].value.len, KT_VALUE_MAX);
	}
	kt_stats(c->kt, &stats);
	CHECK(c, stats.log_bytes <= 2 * stats.log_limit);
}

/** Budget and excess, as kt.h says, and one value for each request in work. */
static bool memory_is_bounded(const struct conf *c)
{
	struct kt_stats stats;
	kt_stats(c->kt, &stats);
	uint64_t excess = HY_MAX(stats.memory_budget / 2, 8u << 20);
	return !stats.memory_budget || stats.memory_bytes <= stats.memory_budget + excess + 16 * 2 * KT_VALUE_MAX;
}

/** A key of its own for each row, and nobody comes back to it. */
static void spread(struct conf *c, struct call *call, unsigned index)
{
	enum { KEYS = 100, VALUE = 16 << 10 };
	uint8_t *value = hy_arena_alloc(call->arena, VALUE);
	memset(value, (int)index, VALUE);
	for (uint32_t i = 0; i < KEYS && !c->failure[0]; i++) {
		struct hy_key key = hy_key_user(index * KEYS + i);
		int status;
		struct call there = *call;
		while ((status = conf_write(c, &there, &key,
				OPS(OP_APPEND(hy_bytes(value, VALUE)), OP_PUT(B("a"), B("b"))), NULL)) ==
			HY_RESOURCE_EXHAUSTED)
			conf_sleep_ms(&there, there.retry_after_ms);
		CHECK_EQ(c, status, HY_OK);
		CHECK(c, memory_is_bounded(c));
	}
}

static void many_cold_keys(struct conf *c, struct call *call)
{
	struct kt_head head;
	conf_parallel(c, call, 16, spread);
	for (uint32_t i = 0; i < 1600; i += 7) {
		struct hy_key key = hy_key_user(i);
		CHECK_EQ(c, conf_head(c, call, &key, CONF_LOG, &head), HY_OK);
		CHECK_EQ(c, head.rows, 1);
	}
	CHECK(c, memory_is_bounded(c));
}

static void list_keys(struct conf *c, struct call *call)
{
	struct hy_key *keys;
	size_t count, seen = 0;
	bool more = true;
	struct hy_key after = {0};
	for (uint32_t uin = 1; uin <= 50; uin++) {
		struct hy_key key = hy_key_user(uin);
		CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_PUT(B("p"), B("x"))), NULL), HY_OK);
	}
	CHECK_EQ(c, conf_row(c, call, ann(), CONF_MAP, B("nothing"), NULL), HY_NOT_FOUND);
	while (more) {
		CHECK_EQ(c, kt_list_keys(c->kt, call, seen ? &after : NULL, 7, &keys, &count, &more), HY_OK);
		CHECK(c, count > 0);
		for (size_t i = 0; i < count; i++) {
			struct hy_key want = hy_key_user((uint32_t)++seen);
			CHECK(c, hy_key_equal(&keys[i], &want));
		}
		after = keys[count - 1];
	}
	CHECK_EQ(c, seen, 50);
}

static void list_heads(struct conf *c, struct call *call)
{
	struct kt_listed *list;
	size_t count, seen = 0;
	bool more = true;
	struct hy_key after = {0};
	CHECK_EQ(c, kt_list_heads(c->kt, call, NULL, 0, &list, &count, &more), HY_INVALID_ARGUMENT);
	CHECK_EQ(c, kt_list_heads(c->kt, call, NULL, 1001, &list, &count, &more), HY_INVALID_ARGUMENT);
	CHECK_EQ(c, kt_list_heads(c->kt, call, NULL, 10, &list, &count, &more), HY_OK);
	CHECK_EQ(c, count + more, 0);
	for (uint32_t uin = 1; uin <= 100; uin++) {
		struct hy_key key = hy_key_user(uin);
		CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_PUT(B("p"), B("xyz")), OP_APPEND(B("x"))), NULL), HY_OK);
		CHECK_EQ(c, conf_write(c, call, &key, OPS(OP_DELETE(B("p"))), NULL), HY_OK);
		if (uin == 40)
			conf_wait_moved(c, call);
	}
	for (more = true; more; after = list[count - 1].key) {
		CHECK_EQ(c, kt_list_heads(c->kt, call, seen ? &after : NULL, 9, &list, &count, &more), HY_OK);
		CHECK(c, count > 0);
		for (size_t i = 0; i < count; i++) {
			struct hy_key want = hy_key_user((uint32_t)++seen);
			const struct kt_head *map = &list[i].heads[CONF_MAP], *log = &list[i].heads[CONF_LOG];
			CHECK(c, hy_key_equal(&list[i].key, &want));
			CHECK(c, map->version == 2 && map->rows == 0 && map->bytes == 0 && map->tombstones == 1);
			CHECK(c, log->version == 1 && log->rows == 1 && log->bytes == 1);
			CHECK_EQ(c, list[i].heads[CONF_OTHER_LOG].version, 0);
		}
	}
	CHECK_EQ(c, seen, 100);
}

const struct conf_scenario conf_cases[] = {
	{"appends take versions and changes since v come in order", {append_and_read}},
	{"a table keeps its version when all rows are trimmed", {trim_keeps_the_version}},
	{"bounds of a log count what is there now", {trim_at_the_bound}},
	{"changes come in pages that say how far they go", {pages}},
	{"maps insert, put, delete and keep tombstones", {maps}},
	{"tombstones go by a trim, which keeps the version", {trim_tombstones}},
	{"of a map that nobody follows deleted rows leave nothing but the version", {nobody_follows}},
	{"several rows are read at once, and those that are not there are empty", {several_rows}},
	{"a map takes names up to its bound", {full_map}},
	{"a write is made whole or not at all", {all_or_nothing}},
	{"what makes no sense is refused", {bad_arguments}},
	{"a window refuses repeats, the far future and what is below the floor", {windows}},
	{"retries of writes in flight are recognised, and answered when durable", {retries_in_flight}},
	{"followers see every version once, in order", {followers}},
	{"a write whose caller has left is still made", {deadline_passes}},
	{"keys are listed in order, page by page", {list_keys}},
	{"keys are listed with heads, in order, page by page", {list_heads}},
	{"more is written than the log may hold", {fill_the_log}, .tiny = true},
	{"memory stays within its bound while cold keys are written", {many_cold_keys}, .tiny = true},
	{"a random test agrees with a model", {conf_random_start}},
	{NULL},
};
