#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "env/real/real.h"
#include "monitor/mon_file.h"
#include "monitor/mon_prom.h"

struct folder {
	struct env *env;
	char dir[64], path[96];
};

static int set_up(void **state)
{
	struct folder *f = hy_zalloc(sizeof *f);
	snprintf(f->dir, sizeof f->dir, "/tmp/mon-view-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/" MON_FILE_NAME, f->dir);
	f->env = env_real_create();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *f = *state;
	env_unlink(f->env, f->path);
	assert_int_equal(rmdir(f->dir), 0);
	env_real_destroy(f->env);
	hy_free(f);
	return 0;
}

static struct mon *publish(const struct folder *f)
{
	struct mon *m = mon_create(3);
	mon_add(m, 1, MON_hops, 4); /* before there is a file */
	unsigned slot = mon_define(m, "rpc_calls", "A.B", "calls", MON_KIND_COUNTER, 1);
	mon_define(m, "rpc_errors", "A.B", "errors", MON_KIND_STATUSES, HY_STATUS_COUNT);
	mon_define(m, "rpc_latency", "A.B", "times", MON_KIND_HISTOGRAM, 25);
	assert_int_equal(mon_publish(m, f->env, f->path, "9.9"), 0);
	mon_slot_add(mon_slot(m, 0, slot), 3);
	return m;
}

static void load(const struct folder *f, struct mon_view *v)
{
	char *why = NULL;
	int status = mon_view_load(v, f->env, f->dir, &why);
	if (status != HY_OK)
		fail_msg("%s", why);
}

static uint64_t value_of(const struct mon_view *v, const char *name, const char *label)
{
	struct mon_value value;
	assert_true(mon_view_find(v, name, label, &value));
	return mon_view_sum(v, &value, 0);
}

static void test_a_reader_sees_what_is_written_as_it_is_written(void **state)
{
	const struct folder *f = *state;
	struct mon *m = publish(f);
	struct mon_view v;
	for (unsigned i = 1; i < 4; i++) {
		mon_add(m, i % 3, MON_hops, 1);
		mon_set(m, 2, MON_links, 10 * i);
		mon_beat(m, 1000 * i);
		load(f, &v);
		assert_int_equal(value_of(&v, "hops", NULL), 4 + i);
		assert_int_equal(value_of(&v, "links", NULL), 10 * i);
		assert_int_equal(value_of(&v, "rpc_calls", "A.B"), 3);
		assert_int_equal(v.beat_ms, 1000 * i);
		assert_true(v.alive);
		assert_string_equal(v.version, "9.9");
		assert_int_equal(v.process, getpid());
		mon_view_fini(&v);
	}
	mon_ended(m, 5000);
	mon_destroy(m);
	load(f, &v);
	assert_false(v.alive);
	assert_int_equal(v.ended_ms, 5000);
	assert_int_equal(value_of(&v, "hops", NULL), 7);
	mon_view_fini(&v);
}

static void test_a_process_that_was_killed_leaves_its_last_values(void **state)
{
	const struct folder *f = *state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct mon *m = publish(f);
		mon_add(m, 0, MON_hops, 38);
		kill(getpid(), SIGKILL);
	}
	waitpid(child, NULL, 0);
	struct mon_view v;
	load(f, &v);
	assert_false(v.alive);
	assert_int_equal(v.ended_ms, 0);
	assert_int_equal(v.process, child);
	assert_int_equal(value_of(&v, "hops", NULL), 42);
	mon_view_fini(&v);
}

static void test_a_new_file_takes_the_place_of_an_older_one(void **state)
{
	const struct folder *f = *state;
	struct mon *older = publish(f), *newer = publish(f);
	struct mon_view v;
	mon_add(older, 0, MON_hops, 100);
	mon_destroy(older);
	load(f, &v);
	assert_true(v.alive);
	assert_int_equal(value_of(&v, "hops", NULL), 4);
	mon_view_fini(&v);
	mon_destroy(newer);
}

static void test_no_file_no_view(void **state)
{
	const struct folder *f = *state;
	struct mon_view v;
	char *why = NULL;
	assert_int_equal(mon_view_load(&v, f->env, f->dir, &why), HY_NOT_FOUND);
	assert_non_null(strstr(why, "no server has run"));
	hy_free(why);
}

/* ---- damage ------------------------------------------------------------------------------------------------------ */

/** A whole small memory as a program of this layout, of this or another version, would leave it. */
static uint8_t *sample(size_t *ret_len)
{
	struct mon *m = mon_create(2);
	struct hy_bytes memory = mon_memory(m);
	uint8_t *copy = hy_memdup(memory.data, memory.len);
	*ret_len = memory.len;
	mon_destroy(m);
	return copy;
}

static void test_a_file_that_is_cut_off_is_refused_at_every_length(void **state)
{
	size_t len;
	uint8_t *whole = sample(&len);
	struct mon_view v;
	const char *why;
	assert_int_equal(mon_view_init(&v, hy_bytes(whole, len), &why), HY_OK);
	for (size_t n = 0; n < len; n += 1 + n / 64) {
		uint8_t *cut = hy_memdup(whole, n);
		assert_int_equal(mon_view_init(&v, hy_bytes(cut, n), &why), HY_INVALID_ARGUMENT);
		hy_free(cut);
	}
	hy_free(whole);
}

#define AT(member) offsetof(struct mon_file_header, member)

static const struct damage_case {
	const char *label;
	size_t offset, size;
	uint64_t value;
	const char *why;
} damage_cases[] = {
	{"another program's file", AT(magic), 1, 'x', "no file of a monitor"},
	{"another layout", AT(layout), 4, 2, "another version"},
	{"a header larger than the file", AT(header_bytes), 4, UINT32_MAX - 7, "damaged"},
	{"a header smaller than it is", AT(header_bytes), 4, 8, "damaged"},
	{"entries without size", AT(entry_bytes), 4, 0, "damaged"},
	{"too many entries", AT(entry_count), 4, UINT32_MAX, "damaged"},
	{"too many strips", AT(strip_count), 4, UINT32_MAX, "damaged"},
	{"more slots than a strip has", AT(slot_count), 4, UINT32_MAX, "damaged"},
	{"fewer slots than the entries take", AT(slot_count), 4, 1, "damaged"},
	{"strips beyond the end", AT(strips_at), 8, UINT64_MAX - 7, "damaged"},
	{"strips not at a number's place", AT(strips_at), 8, 12345, "damaged"},
	{"strips without size", AT(strip_bytes), 8, 0, "damaged"},
	{"a longer file was meant", AT(file_bytes), 8, UINT64_MAX, "damaged"},
	{"control characters in the version", AT(version), 1, 27, "damaged"},
	{"a name without an end", 0, 0, 0, "damaged"},
};

static void test_damage_is_refused(void **state)
{
	const struct damage_case *c = *state;
	size_t len;
	uint8_t *bytes = sample(&len);
	struct mon_view v;
	const char *why;
	struct mon_file_header h;
	memcpy(&h, bytes, sizeof h);
	if (c->size)
		memcpy(bytes + c->offset, &c->value, c->size);
	else
		memset(bytes + h.header_bytes + offsetof(struct mon_file_entry, name), 'n', 40);
	assert_int_equal(mon_view_init(&v, hy_bytes(bytes, len), &why), HY_INVALID_ARGUMENT);
	assert_non_null(strstr(why, c->why));
	hy_free(bytes);
}

/** Entries have grown, and there is a kind that nobody here knows. */
static void test_another_version_of_the_same_layout_is_read(void **state)
{
	enum { ENTRY = 256, STRIPS_AT = 160 + 2 * ENTRY };
	uint8_t *bytes = hy_zalloc(STRIPS_AT + 64);
	struct mon_file_header h = {.magic = MON_FILE_MAGIC,
		.layout = MON_FILE_LAYOUT,
		.header_bytes = 160,
		.entry_bytes = ENTRY,
		.entry_count = 2,
		.strip_count = 1,
		.slot_count = 8,
		.strips_at = STRIPS_AT,
		.strip_bytes = 64,
		.file_bytes = STRIPS_AT + 64,
		.version = "77.0"};
	struct mon_file_entry strange = {.slot = 0, .slot_count = 2, .kind = 99, .name = "strange"};
	struct mon_file_entry known = {.slot = 2, .slot_count = 1, .kind = MON_KIND_COUNTER, .name = "of_tomorrow"};
	uint64_t value = 17;
	memcpy(bytes, &h, sizeof h);
	memcpy(bytes + 160, &strange, sizeof strange);
	memcpy(bytes + 160 + ENTRY, &known, sizeof known);
	memcpy(bytes + STRIPS_AT + 16, &value, 8);
	struct mon_view v;
	const char *why;
	struct hy_buf out = {0};
	assert_int_equal(mon_view_init(&v, hy_bytes(bytes, STRIPS_AT + 64), &why), HY_OK);
	assert_int_equal(value_of(&v, "of_tomorrow", NULL), 17);
	mon_prom(&v, &out);
	hy_buf_append(&out, "", 1);
	assert_non_null(strstr((char *)hy_buf_data(&out), "hongyan_of_tomorrow_total 17\n"));
	assert_null(strstr((char *)hy_buf_data(&out), "strange"));
	hy_buf_fini(&out);
	hy_free(bytes);
}

/* ---- Prometheus -------------------------------------------------------------------------------------------------- */

static void test_a_histogram_is_cumulative_in_seconds(void **state)
{
	struct mon *m = mon_create(2);
	mon_time(m, 0, MON_sync_lag, 0);
	mon_time(m, 1, MON_sync_lag, 3);
	mon_time(m, 1, MON_sync_lag, 3);
	struct mon_view v;
	const char *why;
	struct hy_buf out = {0};
	assert_int_equal(mon_view_init(&v, mon_memory(m), &why), HY_OK);
	mon_prom(&v, &out);
	hy_buf_append(&out, "", 1);
	const char *text = (char *)hy_buf_data(&out);
	static const char *const lines[] = {"# TYPE hongyan_sync_lag_seconds histogram\n",
		"\nhongyan_sync_lag_seconds_bucket{le=\"0.000001\"} 1\n",
		"\nhongyan_sync_lag_seconds_bucket{le=\"0.000004\"} 3\n",
		"\nhongyan_sync_lag_seconds_bucket{le=\"+Inf\"} 3\n", "\nhongyan_sync_lag_seconds_sum 0.000006\n",
		"\nhongyan_sync_lag_seconds_count 3\n"};
	for (unsigned i = 0; i < HY_COUNT_OF(lines); i++)
		if (!strstr(text, lines[i]))
			fail_msg("not there: %s", lines[i]);
	hy_buf_fini(&out);
	mon_destroy(m);
}

static void test_quantiles_are_the_upper_ends_of_buckets(void **state)
{
	uint64_t buckets[24] = {0};
	assert_int_equal(mon_quantile_us(buckets, 24, 0.5), 0);
	buckets[3] = 98;
	buckets[10] = 2;
	assert_int_equal(mon_quantile_us(buckets, 24, 0.5), 8);
	assert_int_equal(mon_quantile_us(buckets, 24, 0.99), 1024);
	assert_int_equal(mon_bucket(0, 25), 0);
	assert_int_equal(mon_bucket(7, 25), 3);
	assert_int_equal(mon_bucket(UINT64_MAX, 25), 23);
}

int main(void)
{
	struct CMUnitTest tests[32] = {
		cmocka_unit_test_setup_teardown(test_a_reader_sees_what_is_written_as_it_is_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_process_that_was_killed_leaves_its_last_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_new_file_takes_the_place_of_an_older_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_file_no_view, set_up, tear_down),
		cmocka_unit_test(test_a_file_that_is_cut_off_is_refused_at_every_length),
		cmocka_unit_test(test_another_version_of_the_same_layout_is_read),
		cmocka_unit_test(test_a_histogram_is_cumulative_in_seconds),
		cmocka_unit_test(test_quantiles_are_the_upper_ends_of_buckets),
	};
	unsigned count = 8;
	for (unsigned i = 0; i < HY_COUNT_OF(damage_cases); i++)
		tests[count++] = (struct CMUnitTest){.name = damage_cases[i].label,
			.test_func = test_damage_is_refused,
			.initial_state = (void *)(uintptr_t)&damage_cases[i]};
	return _cmocka_run_group_tests("mon_view", tests, count, NULL, NULL);
}
