#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "env/real/real.h"
#include "kt/log_world.h"

/* ---- records ----------------------------------------------------------------------------------------------------- */

void world_put_record(struct hy_buf *out, uint64_t number, size_t len)
{
	assert(len >= 8);
	uint8_t *p = hy_buf_reserve(out, 8 + len);
	hy_put_le64(p, len);
	hy_put_le64(p + 8, number);
	for (size_t i = 8; i < len; i++)
		p[8 + i] = (uint8_t)(number * 31 + i);
	hy_buf_commit(out, 8 + len);
}

bool world_replay(void *arg, uint64_t pos, struct hy_bytes payload)
{
	struct replayed *r = arg;
	r->gap = r->gap || (r->last_pos && pos != r->last_pos + 1);
	r->last_pos = pos;
	while (payload.len > 0) {
		if (payload.len < 16 || hy_get_le64(payload.data) > payload.len - 8)
			return false;
		if (r->count == r->cap) {
			r->cap = HY_MAX(64, 2 * r->cap);
			r->numbers = hy_realloc(r->numbers, r->cap * sizeof *r->numbers);
		}
		r->numbers[r->count++] = hy_get_le64(payload.data + 8);
		size_t len = 8 + hy_get_le64(payload.data);
		payload = hy_bytes(payload.data + len, payload.len - len);
	}
	return true;
}

void replayed_fini(struct replayed *r)
{
	hy_free(r->numbers);
	*r = (struct replayed){0};
}

bool replayed_is(const struct replayed *r, uint64_t first, uint64_t last)
{
	if (r->gap || r->count != last + 1 - first)
		return false;
	for (size_t i = 0; i < r->count; i++) {
		if (r->numbers[i] != first + i)
			return false;
	}
	return true;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void path_of(char path[512], const char *dir, const char *name)
{
	snprintf(path, 512, "%s/%s", dir, name);
}

static FILE *file_open(const char *dir, const char *name, const char *mode)
{
	char path[512];
	path_of(path, dir, name);
	FILE *f = fopen(path, mode);
	assert(f);
	return f;
}

uint64_t file_size(const char *dir, const char *name)
{
	char path[512];
	path_of(path, dir, name);
	struct stat st;
	int rc = stat(path, &st);
	assert(rc == 0);
	return (uint64_t)st.st_size;
}

bool file_exists(const char *dir, const char *name)
{
	char path[512];
	path_of(path, dir, name);
	return access(path, F_OK) == 0;
}

void file_flip(const char *dir, const char *name, uint64_t offset)
{
	FILE *f = file_open(dir, name, "r+");
	fseek(f, (long)offset, SEEK_SET);
	int c = fgetc(f);
	assert(c != EOF);
	fseek(f, (long)offset, SEEK_SET);
	fputc(c ^ 0x40, f);
	fclose(f);
}

void file_cut(const char *dir, const char *name, uint64_t size)
{
	char path[512];
	path_of(path, dir, name);
	int rc = truncate(path, (off_t)size);
	assert(rc == 0);
}

void file_zero(const char *dir, const char *name, uint64_t from, uint64_t to)
{
	FILE *f = file_open(dir, name, "r+");
	fseek(f, (long)from, SEEK_SET);
	for (uint64_t i = from; i < to; i++)
		fputc(0, f);
	fclose(f);
}

static bool copy_if_there(const char *dir, const char *from, const char *to)
{
	char path[512];
	path_of(path, dir, from);
	FILE *in = fopen(path, "r");
	if (!in) /* the committer has just made a spare of it */
		return false;
	FILE *out = file_open(dir, to, "w");
	char buf[16384];
	size_t n;
	while ((n = fread(buf, 1, sizeof buf, in)) > 0)
		fwrite(buf, 1, n, out);
	fclose(in);
	fclose(out);
	return true;
}

void file_copy(const char *dir, const char *from, const char *to)
{
	bool there = copy_if_there(dir, from, to);
	assert(there);
}

void file_remove(const char *dir, const char *name)
{
	char path[512];
	path_of(path, dir, name);
	unlink(path);
}

static void each_file(const char *dir, void (*fn)(const char *dir, const char *name, void *arg), void *arg)
{
	DIR *d = opendir(dir);
	assert(d);
	struct dirent *e;
	while ((e = readdir(d))) {
		if (e->d_name[0] != '.')
			fn(dir, e->d_name, arg);
	}
	closedir(d);
}

static void remove_one(const char *dir, const char *name, void *arg)
{
	file_remove(dir, name);
}

static void copy_one(const char *dir, const char *name, void *arg)
{
	char to[512];
	snprintf(to, sizeof to, "../%s/%s", (const char *)arg, name);
	if (strncmp(name, "log-", 4) == 0)
		copy_if_there(dir, name, to);
}

/* ---- the world --------------------------------------------------------------------------------------------------- */

void world_init(struct world *w)
{
	*w = (struct world){.env = env_real_create()};
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(w->dir, sizeof w->dir, "%s/hongyan-log-XXXXXX", base);
	snprintf(w->copy, sizeof w->copy, "%s/hongyan-copy-XXXXXX", base);
	char *dir = mkdtemp(w->dir), *copy = mkdtemp(w->copy);
	assert(dir && copy);
	w->config = (struct kt_log_config){.epoch = 0x1122334455667788, .segment_bytes = 16u << 10};
	w->answers = env_inbox_create(w->env);
}

void world_fini(struct world *w)
{
	world_close(w);
	replayed_fini(&w->seen);
	each_file(w->dir, remove_one, NULL);
	each_file(w->copy, remove_one, NULL);
	rmdir(w->dir);
	rmdir(w->copy);
	env_inbox_destroy(w->answers);
	env_real_destroy(w->env);
}

int world_open(struct world *w, const char *dir, uint64_t from)
{
	world_close(w);
	replayed_fini(&w->seen);
	w->config.dir = dir;
	return kt_log_open(w->env, &w->config, from, world_replay, &w->seen, &w->log, &w->report);
}

void world_close(struct world *w)
{
	if (w->log)
		kt_log_close(hy_take(w->log));
}

static void never_run(struct env_msg *msg)
{
	abort();
}

void world_write(struct world *w, uint64_t first, uint64_t last, size_t len)
{
	for (uint64_t n = first; n <= last; n++) {
		struct kt_log_write write = {.msg.fn = never_run, .reply_to = w->answers};
		world_put_record(&write.records, n, len);
		kt_log_submit(w->log, &write);
		struct env_msg *msg = env_inbox_take(w->answers, UINT64_MAX);
		assert(msg == &write.msg && write.status == HY_OK);
		hy_buf_fini(&write.records);
	}
}

void world_await(struct world *w, uint64_t pos)
{
	while (kt_log_durable_pos(w->log) < pos)
		env_sleep_us(w->env, 100);
	assert(kt_log_durable_pos(w->log) == pos);
}

void world_copy(struct world *w)
{
	each_file(w->copy, remove_one, NULL);
	each_file(w->dir, copy_one, strrchr(w->copy, '/') + 1);
}
