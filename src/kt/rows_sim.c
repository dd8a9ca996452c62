/*
 * rows.h for the simulation: what RocksDB may do to us, without RocksDB.
 *
 * May happen: each call but rows_get_cached takes time. At a kill, a power cut, a close or an end without close, of the
 * batches that no flush has covered a prefix is kept: none, some or all. A cached read cannot answer, at any time. A
 * flush fails (`disk_sync_eio`): the store has failed, later writes and flushes do so too until it is opened again; or
 * it finds the disk full (`disk_enospc`) and may succeed later; batches too are refused then, for a while. Expired rows
 * go at any flush, or stay.
 * Never: a batch kept in part, or without those before it; a loss of what a flush has covered; a scan that mixes two
 * states.
 *
 * The rows live with the machine's disk, in the plain heap: struct disk. A process holds a struct rows in its own.
 */
#include <stdio.h>

#include "base/mem.h"
#include "env/sim/sim.h"
#include "env/sim/sim_mem.h"
#include "kt/rows.h"

struct row {
	unsigned refs;
	size_t name_len, value_len;
	bool deleted; /* in a batch: the name goes */
	uint8_t bytes[];
};

/* Sorted by name. */
struct table {
	struct row **rows;
	size_t count, cap;
};

struct batch {
	struct batch *next;
	struct row **ops;
	size_t count, cap;
};

struct disk {
	struct sim *sim;
	struct table durable, now;      /* covered by a flush; with all batches */
	struct batch *unflushed, **end; /* oldest first */
	unsigned generation;            /* rises when batches are lost or kept by chance */
	bool loaded;                    /* it was looked whether it begins with a checkpoint */
};

struct rows {
	struct env *env;
	struct disk *disk;
	bool (*expired)(void *arg, struct hy_bytes name);
	void *arg;
	bool failed;
	uint64_t full_until_us; /* batches are refused: a flush has found the disk full */
};

struct rows_batch {
	struct batch *batch; /* in the process's heap; copied when it is written */
	size_t bytes;
};

/* ---- rows and tables --------------------------------------------------------------------------------------------- */

static struct hy_bytes name_of(const struct row *row)
{
	return hy_bytes(row->bytes, row->name_len);
}

static struct hy_bytes value_of(const struct row *row)
{
	return hy_bytes(row->bytes + row->name_len, row->value_len);
}

static struct row *row_create(struct hy_bytes name, struct hy_bytes value, bool deleted)
{
	struct row *row = hy_alloc(sizeof *row + name.len + value.len);
	*row = (struct row){.refs = 1, .name_len = name.len, .value_len = value.len, .deleted = deleted};
	if (name.len > 0)
		memcpy(row->bytes, name.data, name.len);
	if (value.len > 0)
		memcpy(row->bytes + name.len, value.data, value.len);
	return row;
}

static void row_unref(struct row *row)
{
	if (--row->refs == 0)
		hy_free(row);
}

/* First index whose name is at or above `name`. */
static size_t table_seek(const struct table *t, struct hy_bytes name, bool *ret_same)
{
	size_t lo = 0, hi = t->count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (hy_bytes_compare(name_of(t->rows[mid]), name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_same = lo < t->count && hy_bytes_equal(name_of(t->rows[lo]), name);
	return lo;
}

static void table_remove(struct table *t, size_t at)
{
	row_unref(t->rows[at]);
	memmove(t->rows + at, t->rows + at + 1, (--t->count - at) * sizeof *t->rows);
}

static void table_apply(struct table *t, struct row *row)
{
	bool same;
	size_t at = table_seek(t, name_of(row), &same);
	if (row->deleted) {
		if (same)
			table_remove(t, at);
		return;
	}
	row->refs++;
	if (same) {
		row_unref(t->rows[at]);
		t->rows[at] = row;
		return;
	}
	if (t->count == t->cap) {
		t->cap = HY_MAX(64, 2 * t->cap);
		t->rows = hy_realloc(t->rows, t->cap * sizeof *t->rows);
	}
	memmove(t->rows + at + 1, t->rows + at, (t->count++ - at) * sizeof *t->rows);
	t->rows[at] = row;
}

static void table_fini(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		row_unref(t->rows[i]);
	hy_free(t->rows);
	*t = (struct table){0};
}

static void table_copy(struct table *to, const struct table *from)
{
	table_fini(to);
	to->cap = to->count = from->count;
	to->rows = hy_alloc(from->count * sizeof *to->rows + 1);
	for (size_t i = 0; i < from->count; i++) {
		to->rows[i] = from->rows[i];
		to->rows[i]->refs++;
	}
}

/* ---- batches, the disk ------------------------------------------------------------------------------------------- */

static void batch_destroy(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		row_unref(b->ops[i]);
	hy_free(b->ops);
	hy_free(b);
}

static void batch_add(struct batch *b, struct row *row)
{
	if (b->count == b->cap) {
		b->cap = HY_MAX(8, 2 * b->cap);
		b->ops = hy_realloc(b->ops, b->cap * sizeof *b->ops);
	}
	b->ops[b->count++] = row;
}

static size_t unflushed_count(const struct disk *d)
{
	size_t n = 0;
	for (const struct batch *b = d->unflushed; b; b = b->next)
		n++;
	return n;
}

/* The oldest `count` batches are durable. */
static void make_durable(struct disk *d, size_t count)
{
	for (; count > 0; count--) {
		struct batch *b = d->unflushed;
		for (size_t i = 0; i < b->count; i++)
			table_apply(&d->durable, b->ops[i]);
		d->unflushed = b->next;
		batch_destroy(b);
	}
	if (!d->unflushed)
		d->end = &d->unflushed;
}

static void forget_unflushed(struct disk *d)
{
	while (d->unflushed) {
		struct batch *b = d->unflushed;
		d->unflushed = b->next;
		batch_destroy(b);
	}
	d->end = &d->unflushed;
}

/* Whoever had it open is gone. In the plain heap. */
static void keep_a_prefix(struct disk *d)
{
	size_t count = unflushed_count(d);
	d->generation++;
	if (count == 0)
		return;
	make_durable(d, sim_range(d->sim, 0, count));
	forget_unflushed(d);
	table_copy(&d->now, &d->durable);
}

static void disk_death(void *arg, bool power_cut)
{
	struct sim_heap *before = sim_heap_enter(NULL);
	keep_a_prefix(arg);
	sim_heap_enter(before);
}

static void *disk_create(void *arg)
{
	struct disk *d = hy_zalloc(sizeof *d);
	d->sim = arg;
	d->end = &d->unflushed;
	return d;
}

static void disk_destroy(void *p)
{
	struct disk *d = p;
	forget_unflushed(d);
	table_fini(&d->durable);
	table_fini(&d->now);
	hy_free(d);
}

/* ---- rows.h ------------------------------------------------------------------------------------------------------ */

static void take_time(struct rows *r, uint64_t least_us, uint64_t most_us)
{
	uint64_t us = sim_range(r->disk->sim, least_us, most_us);
	env_sleep_us(r->env, us);
}

/*
 * A checkpoint is a file in its folder, so that it can be moved and copied as RocksDB's can: pairs of byte strings.
 * What was never opened before begins with it.
 */
static char *checkpoint_path(const char *dir)
{
	size_t size = strlen(dir) + sizeof "/CHECKPOINT";
	char *path = hy_alloc(size);
	snprintf(path, size, "%s/CHECKPOINT", dir);
	return path;
}

static int load_checkpoint(struct rows *r, const char *dir)
{
	char *path = checkpoint_path(dir), *text;
	size_t len;
	int rc = env_file_read_all(r->env, path, 1u << 30, &text, &len);
	hy_free(path);
	r->disk->loaded = rc == -ENOENT;
	if (rc)
		return r->disk->loaded ? HY_OK : HY_UNAVAILABLE;
	struct hy_bytes in = hy_bytes(text, len), name, value;
	struct sim_heap *before = sim_heap_enter(NULL);
	while (in.len && hy_get_bytes(&in, &name) && hy_get_bytes(&in, &value)) {
		struct row *row = row_create(name, value, false);
		table_apply(&r->disk->durable, row);
		row_unref(row);
	}
	table_copy(&r->disk->now, &r->disk->durable);
	sim_heap_enter(before);
	r->disk->loaded = true;
	hy_free(text);
	return in.len ? HY_UNAVAILABLE : HY_OK;
}

int rows_open(struct env *env, const struct rows_config *config, struct rows **ret_rows, char **ret_why)
{
	struct sim_machine *m = sim_env_machine(env);
	struct hy_buf name = {0};
	hy_buf_printf(&name, "rows %s", config->dir);
	hy_buf_append(&name, "", 1);
	struct sim *sim = sim_machine_sim(m);
	struct disk *d = sim_machine_attachment(m, (const char *)hy_buf_data(&name), disk_create, disk_destroy, sim);
	hy_buf_fini(&name);
	struct sim_heap *before = sim_heap_enter(NULL);
	if (d->generation == 0)
		sim_machine_on_death(m, disk_death, d);
	keep_a_prefix(d); /* of a process that ended without closing */
	sim_heap_enter(before);
	struct rows *r = hy_zalloc(sizeof *r);
	*r = (struct rows){.env = env, .disk = d, .expired = config->expired, .arg = config->arg};
	take_time(r, 1000, 50000);
	int status = !d->loaded ? load_checkpoint(r, config->dir) : HY_OK;
	if (status) {
		*ret_why = hy_strdup("the checkpoint cannot be read");
		hy_free(r);
		return status;
	}
	*ret_rows = r;
	return HY_OK;
}

void rows_close(struct rows *r)
{
	if (!r)
		return;
	struct sim_heap *before = sim_heap_enter(NULL);
	keep_a_prefix(r->disk);
	sim_heap_enter(before);
	hy_free(r);
}

struct rows_batch *rows_batch_create(struct rows *r)
{
	struct rows_batch *b = hy_zalloc(sizeof *b);
	b->batch = hy_zalloc(sizeof *b->batch);
	return b;
}

void rows_batch_put(struct rows_batch *b, struct hy_bytes name, struct hy_bytes value)
{
	batch_add(b->batch, row_create(name, value, false));
	b->bytes += name.len + value.len;
}

void rows_batch_delete(struct rows_batch *b, struct hy_bytes name)
{
	batch_add(b->batch, row_create(name, hy_bytes(NULL, 0), true));
	b->bytes += name.len;
}

size_t rows_batch_bytes(const struct rows_batch *b)
{
	return b->bytes;
}

int rows_batch_write(struct rows *r, struct rows_batch *b)
{
	take_time(r, 20, 3000);
	bool full = env_mono_us(r->env) < r->full_until_us;
	if (!r->failed && !full) {
		struct sim_heap *before = sim_heap_enter(NULL);
		struct disk *d = r->disk;
		struct batch *kept = hy_zalloc(sizeof *kept);
		for (size_t i = 0; i < b->batch->count; i++) {
			const struct row *op = b->batch->ops[i];
			struct row *row = row_create(name_of(op), value_of(op), op->deleted);
			batch_add(kept, row);
			table_apply(&d->now, row);
		}
		*d->end = kept;
		d->end = &kept->next;
		sim_heap_enter(before);
	}
	batch_destroy(b->batch);
	hy_free(b);
	return r->failed ? HY_UNAVAILABLE : full ? HY_RESOURCE_EXHAUSTED : HY_OK;
}

static void drop_expired(struct rows *r)
{
	struct disk *d = r->disk;
	bool same;
	for (size_t i = d->durable.count; i > 0; i--) {
		struct row *row = d->durable.rows[i - 1];
		if (!r->expired(r->arg, name_of(row)) || sim_chance(d->sim, 500))
			continue;
		size_t at = table_seek(&d->now, name_of(row), &same);
		if (same && d->now.rows[at] == row) {
			table_remove(&d->now, at);
			table_remove(&d->durable, i - 1);
		}
	}
}

int rows_flush(struct rows *r)
{
	struct disk *d = r->disk;
	size_t count = unflushed_count(d);
	take_time(r, 500, 50000);
	if (sim_chance(d->sim, sim_faults(d->sim)->disk_enospc)) {
		env_mark(r->env, "rows: disk full");
		uint64_t us = sim_range(d->sim, 0, 5000000);
		r->full_until_us = env_mono_us(r->env) + us;
		return HY_RESOURCE_EXHAUSTED;
	}
	if (r->failed || sim_chance(d->sim, sim_faults(d->sim)->disk_sync_eio)) {
		env_mark(r->env, "rows: failed");
		r->failed = true;
		return HY_UNAVAILABLE;
	}
	struct sim_heap *before = sim_heap_enter(NULL);
	make_durable(d, HY_MIN(count, unflushed_count(d))); /* another flush may have done some of it */
	sim_heap_enter(before);
	if (r->expired)
		drop_expired(r);
	return HY_OK;
}

int rows_checkpoint(struct rows *r, const char *dir)
{
	int status = rows_flush(r);
	if (status)
		return status;
	/* Of what comes meanwhile some, all or nothing is in it. */
	take_time(r, 500, 50000);
	struct sim_heap *before = sim_heap_enter(NULL);
	make_durable(r->disk, sim_range(r->disk->sim, 0, unflushed_count(r->disk)));
	sim_heap_enter(before);
	struct hy_buf out = {0};
	const struct table *durable = &r->disk->durable;
	for (size_t i = 0; i < durable->count; i++) {
		hy_buf_put_bytes(&out, name_of(durable->rows[i]));
		hy_buf_put_bytes(&out, value_of(durable->rows[i]));
	}
	char *path = checkpoint_path(dir);
	int rc = env_mkdir(r->env, dir);
	if (rc == 0)
		rc = env_file_write_all(r->env, path, hy_buf_data(&out), hy_buf_len(&out));
	hy_free(path);
	hy_buf_fini(&out);
	return rc == 0 ? HY_OK : rc == -ENOSPC ? HY_RESOURCE_EXHAUSTED : HY_UNAVAILABLE;
}

static int get(struct rows *r, struct hy_bytes name, struct hy_buf *out)
{
	bool same;
	size_t at = table_seek(&r->disk->now, name, &same);
	if (!same)
		return HY_NOT_FOUND;
	struct hy_bytes value = value_of(r->disk->now.rows[at]);
	hy_buf_append(out, value.data, value.len);
	return HY_OK;
}

int rows_get(struct rows *r, struct hy_bytes name, struct hy_buf *out)
{
	take_time(r, 10, 5000);
	return get(r, name, out);
}

int rows_get_cached(struct rows *r, struct hy_bytes name, struct hy_buf *out)
{
	return sim_chance(r->disk->sim, 300) ? HY_UNAVAILABLE : get(r, name, out);
}

int rows_scan(struct rows *r, struct hy_bytes from, struct hy_bytes to,
	bool (*fn)(void *arg, struct hy_bytes name, struct hy_bytes value), void *arg)
{
	take_time(r, 20, 8000);
	/* A copy in the process's heap: `fn` may wait, and meanwhile rows may change or the process die. */
	struct table t = {0};
	bool same;
	const struct table *now = &r->disk->now;
	for (size_t i = table_seek(now, from, &same); i < now->count; i++) {
		struct row *row = now->rows[i];
		if (to.len > 0 && hy_bytes_compare(name_of(row), to) >= 0)
			break;
		struct row *copy = row_create(name_of(row), value_of(row), false);
		table_apply(&t, copy);
		row_unref(copy);
	}
	bool more = true;
	for (size_t i = 0; more && i < t.count; i++)
		more = fn(arg, name_of(t.rows[i]), value_of(t.rows[i]));
	table_fini(&t);
	return HY_OK;
}

void rows_settle(struct rows *r)
{
	take_time(r, 1000, 50000);
}
