#include <stdio.h>

#include "base/mem.h"
#include "kt/rows_world.h"

#define CHECK(truth)                   \
	do {                           \
		if (!(truth))          \
			return #truth; \
	} while (0)

static struct hy_bytes str(const char *s)
{
	return hy_bytes_str(s);
}

static bool drop_old(void *arg, struct hy_bytes name)
{
	return name.len > 0 && name.data[0] == 'w';
}

static int open_at(struct env *env, const char *dir, struct rows **ret_rows)
{
	struct rows_config config = {
		.dir = dir, .cache_bytes = 8u << 20, .write_buffer_bytes = 1u << 20, .expired = drop_old};
	char *why = NULL;
	int status = rows_open(env, &config, ret_rows, &why);
	hy_free(why);
	return status;
}

static int put(struct rows *r, const char *name, const char *value)
{
	struct rows_batch *b = rows_batch_create(r);
	rows_batch_put(b, str(name), str(value));
	return rows_batch_write(r, b);
}

static bool is(struct rows *r, const char *name, const char *value)
{
	struct hy_buf out = {0};
	hy_buf_append(&out, ">", 1);
	int status = rows_get(r, str(name), &out);
	bool same = value ? status == HY_OK && hy_buf_len(&out) == 1 + strlen(value) &&
				    memcmp(hy_buf_data(&out) + 1, value, strlen(value)) == 0
			  : status == HY_NOT_FOUND && hy_buf_len(&out) == 1;
	hy_buf_fini(&out);
	return same;
}

/* The names that a scan gives, each followed by '='  and its value and ';'. */
struct scanned {
	struct hy_buf text;
	int left;
};

static bool note(void *arg, struct hy_bytes name, struct hy_bytes value)
{
	struct scanned *s = arg;
	hy_buf_printf(&s->text, "%.*s=%.*s;", (int)name.len, name.data, (int)value.len, value.data);
	return --s->left > 0;
}

static bool scan_is(struct rows *r, const char *from, const char *to, int limit, const char *want)
{
	struct scanned s = {.left = limit};
	int status = rows_scan(r, str(from), str(to), note, &s);
	bool same = status == HY_OK && hy_bytes_equal(hy_buf_bytes(&s.text), str(want));
	hy_buf_fini(&s.text);
	return same;
}

static const char *put_and_get(struct env *env, const char *dir)
{
	struct rows *r;
	CHECK(open_at(env, dir, &r) == HY_OK);
	CHECK(is(r, "a", NULL));
	CHECK(put(r, "a", "1") == HY_OK && put(r, "empty", "") == HY_OK);
	CHECK(is(r, "a", "1") && is(r, "empty", ""));
	CHECK(put(r, "a", "2") == HY_OK);
	CHECK(is(r, "a", "2"));
	CHECK(rows_flush(r) == HY_OK);
	CHECK(is(r, "a", "2") && is(r, "b", NULL));
	rows_close(r);
	return NULL;
}

static const char *batches(struct env *env, const char *dir)
{
	struct rows *r;
	CHECK(open_at(env, dir, &r) == HY_OK);
	CHECK(put(r, "gone", "x") == HY_OK);
	struct rows_batch *b = rows_batch_create(r);
	CHECK(rows_batch_bytes(b) == 0);
	rows_batch_put(b, str("one"), str("1"));
	rows_batch_put(b, str("one"), str("2"));
	rows_batch_delete(b, str("gone"));
	rows_batch_delete(b, str("never"));
	rows_batch_put(b, str("back"), str("1"));
	rows_batch_delete(b, str("back"));
	CHECK(rows_batch_bytes(b) > 0);
	CHECK(is(r, "one", NULL) && is(r, "gone", "x"));
	CHECK(rows_batch_write(r, b) == HY_OK);
	CHECK(is(r, "one", "2") && is(r, "gone", NULL) && is(r, "back", NULL));
	rows_close(r);
	return NULL;
}

static const char *scans(struct env *env, const char *dir)
{
	struct rows *r;
	CHECK(open_at(env, dir, &r) == HY_OK);
	CHECK(scan_is(r, "", "", 9, ""));
	const char *names[] = {"b", "a", "ab", "c", "d"};
	for (size_t i = 0; i < HY_COUNT_OF(names); i++) {
		CHECK(put(r, names[i], "v") == HY_OK);
		if (i == 2)
			CHECK(rows_flush(r) == HY_OK);
	}
	struct rows_batch *b = rows_batch_create(r);
	rows_batch_delete(b, str("b"));
	rows_batch_put(b, str("a"), str("w"));
	CHECK(rows_batch_write(r, b) == HY_OK);
	CHECK(scan_is(r, "", "", 9, "a=w;ab=v;c=v;d=v;"));
	CHECK(scan_is(r, "ab", "d", 9, "ab=v;c=v;"));
	CHECK(scan_is(r, "aa", "", 9, "ab=v;c=v;d=v;"));
	CHECK(scan_is(r, "a", "z", 2, "a=w;ab=v;"));
	CHECK(scan_is(r, "d", "a", 9, ""));
	CHECK(scan_is(r, "x", "", 9, ""));
	rows_close(r);
	return NULL;
}

static const char *flushed(struct env *env, const char *dir)
{
	struct rows *r;
	CHECK(open_at(env, dir, &r) == HY_OK);
	CHECK(put(r, "a", "1") == HY_OK && put(r, "b", "1") == HY_OK);
	CHECK(rows_flush(r) == HY_OK);
	CHECK(rows_flush(r) == HY_OK);
	rows_close(r);
	CHECK(open_at(env, dir, &r) == HY_OK);
	CHECK(is(r, "a", "1") && is(r, "b", "1"));
	CHECK(scan_is(r, "", "", 9, "a=1;b=1;"));
	rows_close(r);
	return NULL;
}

static const char *cached(struct env *env, const char *dir)
{
	struct rows *r;
	CHECK(open_at(env, dir, &r) == HY_OK);
	CHECK(put(r, "a", "1") == HY_OK);
	for (int i = 0; i < 20; i++) {
		struct hy_buf out = {0};
		int status = rows_get_cached(r, str("a"), &out);
		bool right = status == HY_OK ? hy_bytes_equal(hy_buf_bytes(&out), str("1"))
					     : status == HY_UNAVAILABLE && hy_buf_len(&out) == 0;
		hy_buf_fini(&out);
		CHECK(right);
		status = rows_get_cached(r, str("none"), &out);
		CHECK(status == HY_NOT_FOUND || status == HY_UNAVAILABLE);
		hy_buf_fini(&out);
	}
	rows_close(r);
	return NULL;
}

/* What is expired may be there or not; what is not, must. */
static const char *expiry(struct env *env, const char *dir)
{
	struct rows *r;
	CHECK(open_at(env, dir, &r) == HY_OK);
	for (int i = 0; i < 10; i++) {
		char name[16], old[16];
		snprintf(name, sizeof name, "v%d", i);
		snprintf(old, sizeof old, "w%d", i);
		CHECK(put(r, name, "1") == HY_OK && put(r, old, "1") == HY_OK);
		CHECK(rows_flush(r) == HY_OK);
	}
	rows_settle(r);
	CHECK(scan_is(r, "v", "w", 99, "v0=1;v1=1;v2=1;v3=1;v4=1;v5=1;v6=1;v7=1;v8=1;v9=1;"));
	CHECK(is(r, "w5", "1") || is(r, "w5", NULL));
	rows_close(r);
	return NULL;
}

static const char *checkpoints(struct env *env, const char *dir)
{
	struct rows *r, *copy;
	char path[256];
	snprintf(path, sizeof path, "%s/checkpoint", dir);
	CHECK(env_mkdir(env, dir) == 0);
	CHECK(open_at(env, dir, &r) == HY_OK);
	CHECK(put(r, "a", "1") == HY_OK && rows_flush(r) == HY_OK && put(r, "b", "") == HY_OK);
	CHECK(rows_checkpoint(r, path) == HY_OK);
	CHECK(put(r, "a", "2") == HY_OK && rows_flush(r) == HY_OK);
	CHECK(open_at(env, path, &copy) == HY_OK);
	CHECK(scan_is(copy, "", "", 9, "a=1;b=;"));
	CHECK(put(copy, "c", "3") == HY_OK && rows_flush(copy) == HY_OK);
	rows_close(copy);
	CHECK(scan_is(r, "", "", 9, "a=2;b=;"));
	rows_close(r);
	CHECK(open_at(env, path, &copy) == HY_OK);
	CHECK(scan_is(copy, "", "", 9, "a=1;b=;c=3;"));
	rows_close(copy);
	return NULL;
}

const struct rows_case rows_cases[] = {
	{"what was put is got, the latest of it", put_and_get},
	{"a batch is seen whole, in its order, once written", batches},
	{"scans are sorted, bounded, and merge what is flushed and what is not", scans},
	{"what was flushed is there after closing", flushed},
	{"a cached read says what is, or that it cannot", cached},
	{"expired rows may go, others stay", expiry},
	{"a checkpoint has what was written before it, and goes its own way", checkpoints},
	{NULL, NULL},
};
