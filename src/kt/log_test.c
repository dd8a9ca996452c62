#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kt/log_batch.h"
#include "kt/log_index.h"
#include "kt/log_world.h"

/* ---- damage: forty batches of 1,000 bytes in four segments, killed, harmed, opened again ------------------------- */

#define LEN 984u /* of a record: a batch is then 64 + 8 + 984 = 1,056 bytes, and eleven fill a segment */
#define BATCH 1056u
#define PER_SEGMENT 11u
#define AT(n) (LOG_SEGMENT_HEAD + (((n)-1) % PER_SEGMENT) * BATCH) /* offset of batch n in its segment */
#define SEG1 "log-0000000000000001"
#define SEG2 "log-0000000000000002"
#define SEG3 "log-0000000000000003"
#define SEG4 "log-0000000000000004"
#define SEG9 "log-0000000000000009"

static const struct damage_case {
	const char *label;
	const char *flip, *flip2, *cut, *remove, *copy, *to;
	uint64_t flip_at, flip2_at, cut_at;
	uint64_t from, epoch;
	int want;
	uint64_t last, torn;    /* OK */
	uint64_t segment, lost; /* DATA_LOSS */
	uint64_t kept;          /* then a repair keeps up to here */
} damage_cases[] = {
	{"without damage everything is replayed", .last = 40},
	{"what the store behind has is not replayed", .from = 25, .last = 40},
	{"all of it may be in the store behind", .from = 40, .last = 40},
	{"a byte of the last batch's payload: torn, cut", .flip = SEG4, .flip_at = AT(40) + 100, .last = 39,
		.torn = BATCH},
	{"a byte of the last batch's header: torn, cut", .flip = SEG4, .flip_at = AT(40) + 1, .last = 39,
		.torn = BATCH},
	{"a byte of the last batch but one: refused", .flip = SEG4, .flip_at = AT(39) + 100, .want = HY_DATA_LOSS,
		.segment = 4, .lost = 1, .kept = 38},
	{"a length in the middle: refused", .flip = SEG4, .flip_at = AT(36) + 40, .want = HY_DATA_LOSS, .segment = 4,
		.lost = 4, .kept = 35},
	{"a byte in a full segment: refused", .flip = SEG2, .flip_at = AT(15) + 500, .want = HY_DATA_LOSS, .segment = 2,
		.lost = 25, .kept = 14},
	{"a full segment's last batch: refused", .flip = SEG3, .flip_at = AT(33) + 500, .want = HY_DATA_LOSS,
		.segment = 3, .lost = 7, .kept = 32},
	{"both last batches: nothing whole stands behind, cut", .flip = SEG4, .flip_at = AT(39) + 9, .flip2 = SEG4,
		.flip2_at = AT(40) + 9, .last = 38, .torn = 2 * BATCH},
	{"a segment's header: refused", .flip = SEG2, .flip_at = 30, .want = HY_DATA_LOSS, .segment = 2, .lost = 29,
		.kept = 11},
	{"the rest of a segment's header block: refused", .flip = SEG2, .flip_at = 4000, .want = HY_DATA_LOSS,
		.segment = 2, .lost = 29, .kept = 11},
	{"the newest segment's header: refused", .flip = SEG4, .flip_at = 17, .want = HY_DATA_LOSS, .segment = 4,
		.lost = 7, .kept = 33},
	{"harm in what the store behind has does not matter", .flip = SEG1, .flip_at = 20, .from = 11, .last = 40},
	{"harm at what the store behind has, in a segment that is needed", .flip = SEG2, .flip_at = AT(13) + 100,
		.from = 15, .last = 40},
	{"a length is harmed there", .flip = SEG2, .flip_at = AT(13) + 40, .from = 15, .last = 40},
	{"twice, and the last that the store behind has", .flip = SEG2, .flip_at = AT(12) + 1, .flip2 = SEG2,
		.flip2_at = AT(15) + 100, .from = 15, .last = 40},
	{"the same in the newest segment", .flip = SEG4, .flip_at = AT(36) + 100, .from = 38, .last = 40},
	{"harm at what the store behind has and at the next: refused", .flip = SEG2, .flip_at = AT(15) + 9,
		.flip2 = SEG2, .flip2_at = AT(16) + 9, .from = 15, .want = HY_DATA_LOSS, .segment = 2, .lost = 24,
		.kept = 15},
	{"the same in the newest segment: refused", .flip = SEG4, .flip_at = AT(35) + 9, .flip2 = SEG4,
		.flip2_at = AT(36) + 9, .from = 35, .want = HY_DATA_LOSS, .segment = 4, .lost = 4, .kept = 35},
	{"the last batch, which the store behind has", .flip = SEG4, .flip_at = AT(40) + 100, .from = 40, .last = 40,
		.torn = BATCH},
	{"the last two, of which the store behind has one", .flip = SEG4, .flip_at = AT(39) + 9, .flip2 = SEG4,
		.flip2_at = AT(40) + 9, .from = 39, .last = 39, .torn = 2 * BATCH},
	{"a full segment cut short: refused", .cut = SEG2, .cut_at = AT(22) + 5, .want = HY_DATA_LOSS, .segment = 2,
		.lost = 18, .kept = 21},
	{"the newest segment without a byte: refused", .cut = SEG4, .cut_at = 0, .want = HY_DATA_LOSS, .segment = 4,
		.kept = 33},
	{"the newest segment cut behind its header", .cut = SEG4, .cut_at = LOG_SEGMENT_HEAD, .last = 33},
	{"a segment is missing: refused", .remove = SEG3, .want = HY_DATA_LOSS, .segment = 3, .lost = 7, .kept = 22},
	{"the oldest is missing and needed: refused", .remove = SEG1, .want = HY_DATA_LOSS, .segment = 1, .lost = 29},
	{"the oldest is missing and not needed", .remove = SEG1, .from = 11, .last = 40},
	{"the oldest is missing, one batch of it needed: refused", .remove = SEG1, .from = 10, .want = HY_DATA_LOSS,
		.segment = 1, .lost = 29, .kept = 10},
	{"the newest is missing and the store behind had some of it: refused", .remove = SEG4, .from = 35,
		.want = HY_DATA_LOSS, .segment = 3, .kept = 35},
	{"an old segment under a new name: refused", .copy = SEG2, .to = SEG9, .want = HY_DATA_LOSS, .segment = 9,
		.kept = 40},
	{"a new segment under an old name", .copy = SEG4, .to = SEG1, .from = 11, .last = 40},
	{"a segment of another number in a segment's place: refused", .copy = SEG3, .to = SEG2, .want = HY_DATA_LOSS,
		.segment = 2, .lost = 18, .kept = 11},
	{"another store's log: refused", .epoch = 99, .want = HY_DATA_LOSS, .segment = 4},
};

static void harm(const struct damage_case *c, const char *dir)
{
	if (c->flip)
		file_flip(dir, c->flip, c->flip_at);
	if (c->flip2)
		file_flip(dir, c->flip2, c->flip2_at);
	if (c->cut)
		file_cut(dir, c->cut, c->cut_at);
	if (c->remove)
		file_remove(dir, c->remove);
	if (c->copy)
		file_copy(dir, c->copy, c->to);
}

static void test_damage(void **state)
{
	const struct damage_case *c = *state;
	struct world w;
	world_init(&w);
	assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
	world_write(&w, 1, 40, LEN);
	world_copy(&w);
	world_close(&w);
	harm(c, w.copy);
	if (c->epoch)
		w.config.epoch = c->epoch;
	uint64_t last = c->last;
	assert_int_equal(world_open(&w, w.copy, c->from), c->want);
	if (c->want == HY_DATA_LOSS) {
		assert_int_equal(w.report.damaged_segment, c->segment);
		assert_int_equal(w.report.lost_batches, c->lost);
		assert_int_equal(w.report.lost_bytes, c->lost * BATCH);
		w.config.repair = true;
		last = c->kept;
		assert_int_equal(world_open(&w, w.copy, c->from), HY_OK);
		assert_int_equal(w.report.lost_batches, c->lost);
		w.config.repair = false;
	} else {
		assert_int_equal(w.report.torn_bytes, c->torn);
	}
	assert_int_equal(w.report.last_pos, HY_MAX(last, c->from));
	assert_true(replayed_is(&w.seen, c->from + 1, HY_MAX(last, c->from)));
	assert_false(w.report.clean);
	/* And it goes on from there. */
	world_write(&w, last + 1, last + 30, LEN);
	uint64_t end = w.report.last_pos + 30;
	assert_int_equal(world_open(&w, w.copy, c->from), HY_OK);
	assert_true(w.report.clean);
	assert_int_equal(w.report.last_pos, end);
	assert_int_equal(w.seen.count, end - c->from);
	assert_int_equal(w.seen.numbers[w.seen.count - 1], last + 30);
	world_fini(&w);
}

/* ---- the tail ---------------------------------------------------------------------------------------------------- */

static void test_every_cut(void **state)
{
	struct world w;
	world_init(&w);
	assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
	world_write(&w, 1, 10, 21);
	const uint64_t batch = log_batch_size(29), two = LOG_SEGMENT_HEAD + 8 * batch;
	for (uint64_t len = 0; len <= 2 * batch; len++) {
		for (int zeros = 0; zeros < 2; zeros++) {
			kt_log_release(w.log, 0);
			world_copy(&w);
			if (zeros)
				file_zero(w.copy, SEG1, two + len, two + 2 * batch);
			else
				file_cut(w.copy, SEG1, two + len);
			struct kt_log *keep = hy_take(w.log);
			assert_int_equal(world_open(&w, w.copy, 0), HY_OK);
			/* Padding that is missing is no loss when it reads as zeros. */
			uint64_t pad = zeros ? batch - LOG_BATCH_HEAD - 29 : 0;
			uint64_t last = len + pad >= 2 * batch ? 10 : len + pad >= batch ? 9 : 8;
			assert_int_equal(w.report.last_pos, last);
			assert_true(replayed_is(&w.seen, 1, last));
			world_close(&w);
			w.log = keep;
		}
	}
	w.config.dir = w.dir;
	world_fini(&w);
}

static void test_clean_stop(void **state)
{
	struct world w;
	world_init(&w);
	for (uint64_t i = 0; i < 5; i++) {
		assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
		assert_int_equal(w.report.clean, i > 0);
		assert_int_equal(w.report.torn_bytes, 0);
		assert_true(replayed_is(&w.seen, 1, i * 3));
		world_write(&w, i * 3 + 1, i * 3 + 3, 100);
	}
	for (int i = 0; i < 5; i++) { /* without a write in between */
		assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
		assert_true(w.report.clean);
		assert_true(replayed_is(&w.seen, 1, 15));
	}
	world_close(&w);
	assert_int_equal(kt_log_remove(w.env, w.dir), HY_OK);
	assert_int_equal(world_open(&w, w.dir, 15), HY_DATA_LOSS);
	w.config.repair = true;
	assert_int_equal(world_open(&w, w.dir, 15), HY_OK);
	assert_int_equal(w.report.last_pos, 15);
	w.config.repair = false;
	world_write(&w, 16, 16, 100);
	world_await(&w, 16);
	world_fini(&w);
}

/* Each start is killed before anything is written: it must not pile up, nor lose the batch that is copied each time. */
static void test_killed_starts(void **state)
{
	struct world w;
	world_init(&w);
	assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
	world_write(&w, 1, 20, LEN);
	for (int i = 0; i < 10; i++) {
		world_copy(&w);
		assert_int_equal(world_open(&w, w.copy, 0), HY_OK);
		assert_true(replayed_is(&w.seen, 1, 20));
		char dir[sizeof w.dir];
		memcpy(dir, w.dir, sizeof dir);
		memcpy(w.dir, w.copy, sizeof dir);
		memcpy(w.copy, dir, sizeof dir);
	}
	world_write(&w, 21, 30, LEN);
	world_copy(&w);
	/* 1..11, 12..19, 20 (copied) and on */
	assert_true(file_exists(w.copy, SEG1) && file_exists(w.copy, SEG2) && !file_exists(w.copy, SEG3));
	assert_int_equal(world_open(&w, w.copy, 0), HY_OK);
	assert_true(replayed_is(&w.seen, 1, 30));
	world_fini(&w);
}

/* ---- segments ---------------------------------------------------------------------------------------------------- */

static void test_recycled(void **state)
{
	struct world w;
	world_init(&w);
	uint64_t from = 0;
	assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
	for (uint64_t n = 1; n <= 400; n += 10) {
		world_write(&w, n, n + 9, 300 + n % 7 * 100);
		if (n + 9 > 30) {
			from = n + 9 - 30;
			kt_log_release(w.log, from);
		}
		world_copy(&w);
		struct kt_log *keep = hy_take(w.log);
		assert_int_equal(world_open(&w, w.copy, from), HY_OK);
		assert_true(replayed_is(&w.seen, from + 1, n + 9));
		assert_int_equal(w.report.torn_bytes, 0);
		world_close(&w);
		w.log = keep;
	}
	assert_false(file_exists(w.dir, SEG1));
	world_fini(&w);
}

static void test_large_writes(void **state)
{
	struct world w;
	world_init(&w);
	assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
	world_write(&w, 1, 1, 100);
	world_write(&w, 2, 2, 100000);
	world_write(&w, 3, 5, 100);
	world_write(&w, 6, 7, 16u << 10);
	world_write(&w, 8, 9, 5u << 20);
	world_await(&w, 9);
	assert_true(kt_log_bytes_after(w.log, 7) >= 10u << 20);
	assert_true(kt_log_bytes_after(w.log, 8) >= 5u << 20);
	assert_true(kt_log_bytes_after(w.log, 8) < 7u << 20);
	assert_int_equal(kt_log_bytes_after(w.log, 9), 0);
	assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
	assert_true(replayed_is(&w.seen, 1, 9));
	assert_true(kt_log_bytes_after(w.log, 7) >= 10u << 20);
	world_fini(&w);
}

static void test_index(void **state)
{
	struct log_index *x = hy_zalloc(sizeof *x);
	uint64_t *total = hy_alloc(3001 * sizeof *total);
	total[0] = 0;
	for (uint64_t p = 1; p <= 3000; p++) {
		uint64_t bytes = p % 100 == 0 ? 5u << 20 : p * 977 % 40000;
		total[p] = total[p - 1] + bytes;
		log_index_add(x, p, bytes);
	}
	for (uint64_t p = 0; p <= 3000; p++) {
		uint64_t exact = total[3000] - total[p], got = log_index_after(x, p);
		assert_true(got >= exact && got <= exact + LOG_INDEX_STEP);
	}
	hy_free(total);
	hy_free(x);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void mark_run(struct env_msg *msg)
{
	abort();
}

static void test_order_of_answers(void **state)
{
	enum { LOOPS = 3, WRITES = 3000 };
	struct world w;
	world_init(&w);
	assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
	struct env_inbox *loops[LOOPS];
	for (int i = 0; i < LOOPS; i++)
		loops[i] = env_inbox_create(w.env);
	struct kt_log_write *writes = hy_zalloc(WRITES * sizeof *writes);
	assert_true(kt_log_has_room(w.log, 32u << 20));
	assert_false(kt_log_has_room(w.log, (32u << 20) + 1));
	for (int i = 0; i < WRITES; i++) {
		writes[i].msg.fn = mark_run;
		writes[i].reply_to = loops[i % LOOPS];
		world_put_record(&writes[i].records, (uint64_t)i + 1, 8 + (size_t)i % 50);
		kt_log_submit(w.log, &writes[i]);
	}
	for (int loop = 0; loop < LOOPS; loop++) {
		uint64_t pos = 0;
		for (int i = loop; i < WRITES; i += LOOPS) {
			struct env_msg *msg = env_inbox_take(loops[loop], UINT64_MAX);
			assert_ptr_equal(msg, &writes[i].msg);
			assert_int_equal(writes[i].status, HY_OK);
			assert_true(writes[i].pos >= pos && writes[i].pos > 0);
			pos = writes[i].pos;
			hy_buf_fini(&writes[i].records);
		}
	}
	assert_true(kt_log_has_room(w.log, 32u << 20));
	assert_false(kt_log_failed(w.log));
	assert_false(kt_log_nearly_full(w.log));
	assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
	assert_true(replayed_is(&w.seen, 1, WRITES));
	for (int i = 0; i < LOOPS; i++)
		env_inbox_destroy(loops[i]);
	hy_free(writes);
	world_fini(&w);
}

static void test_pinned(void **state)
{
	struct world w;
	struct kt_log_extent extent;
	world_init(&w);
	assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
	world_write(&w, 1, 40, LEN);
	kt_log_pin(w.log);
	kt_log_release(w.log, 40);
	world_write(&w, 41, 60, LEN);
	kt_log_extent(w.log, &extent);
	assert_int_equal(extent.last_pos, 60);
	assert_int_equal(extent.count, 6);
	for (size_t i = 0; i < extent.count; i++) {
		uint64_t last = HY_MIN((i + 1) * PER_SEGMENT, 60);
		assert_int_equal(extent.pieces[i].number, i + 1);
		assert_int_equal(extent.pieces[i].last_pos, last);
		assert_int_equal(extent.pieces[i].end, AT(last) + BATCH);
	}
	hy_free(extent.pieces);
	assert_true(file_exists(w.dir, SEG1));
	kt_log_unpin(w.log);
	world_write(&w, 61, 62, LEN);
	assert_false(file_exists(w.dir, SEG1));
	assert_true(file_exists(w.dir, SEG4));
	world_fini(&w);
}

static void test_read_only(void **state)
{
	struct world w;
	world_init(&w);
	assert_int_equal(world_open(&w, w.dir, 0), HY_OK);
	world_write(&w, 1, 40, LEN);
	world_copy(&w);
	file_flip(w.copy, SEG4, AT(40) + 100);
	w.config.read_only = true;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world_open(&w, w.copy, 0), HY_OK);
		assert_true(replayed_is(&w.seen, 1, 39));
		assert_int_equal(w.report.torn_bytes, BATCH);
		assert_int_equal(kt_log_durable_pos(w.log), 39);
	}
	assert_true(file_exists(w.copy, SEG1) && !file_exists(w.copy, "log-0000000000000005"));
	world_fini(&w);
}

int main(void)
{
	struct CMUnitTest tests[HY_COUNT_OF(damage_cases) + 16];
	size_t n = 0;
	for (size_t i = 0; i < HY_COUNT_OF(damage_cases); i++)
		tests[n++] = (struct CMUnitTest){
			damage_cases[i].label, test_damage, NULL, NULL, (void *)(uintptr_t)&damage_cases[i]};
	const struct CMUnitTest others[] = {
		{"a file cut anywhere in its last two batches loses those alone", test_every_cut, NULL, NULL, NULL},
		{"a clean stop leaves its mark; a log that is gone is missed", test_clean_stop, NULL, NULL, NULL},
		{"starts that are killed neither lose nor pile up anything", test_killed_starts, NULL, NULL, NULL},
		{"old bytes of recycled files never pass", test_recycled, NULL, NULL, NULL},
		{"a write larger than a segment gets one of its own", test_large_writes, NULL, NULL, NULL},
		{"bytes after a position are never too few", test_index, NULL, NULL, NULL},
		{"while it is pinned nothing is given up, and it says what there is to copy", test_pinned, NULL, NULL,
			NULL},
		{"a look at a torn log changes nothing", test_read_only, NULL, NULL, NULL},
		{"each loop gets its answers in its order", test_order_of_answers, NULL, NULL, NULL},
	};
	for (size_t i = 0; i < HY_COUNT_OF(others); i++)
		tests[n++] = others[i];
	return _cmocka_run_group_tests("kt/log", tests, n, NULL, NULL);
}
