/*
 * For rounds over the whole store: keys with the heads of their tables. RocksDB is scanned by the pool; memory is asked
 * for what is not there yet, and then for what it knows better. Nothing is brought into memory but what is missing of
 * keys that a replay has left there half known.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "kt/sdb.h"

/* ---- what RocksDB has: a job of the pool ------------------------------------------------------------------------- */

struct heads_job {
	struct svr_job job;
	struct sdb *sdb;
	struct place_name from;
	struct kt_listed *listed;
	uint32_t *uncounted; /* of each key: spaces of maps whose head does not say what is in them */
	size_t count, limit;
	int status;
};

static struct heads_job *job_create(struct sdb *sdb, const struct hy_key *after, size_t limit)
{
	static const struct hy_key none;
	struct heads_job *job = hy_zalloc(sizeof *job);
	job->sdb = sdb;
	job->limit = limit;
	job->listed = hy_alloc(limit * sizeof *job->listed);
	job->uncounted = hy_alloc(limit * sizeof *job->uncounted);
	place_head(&job->from, after ? after : &none);
	if (after)
		job->from.bytes[job->from.len++] = 0;
	return job;
}

static void job_destroy(struct heads_job *job)
{
	hy_free(job->listed);
	hy_free(job->uncounted);
	hy_free(job);
}

static void add_table(struct heads_job *job, const struct place_table *p)
{
	const struct kt_space *space = job->sdb->kt.by_id[p->space];
	struct kt_head *head = &job->listed[job->count].heads[p->space];
	if (!space || space->shape == KT_WINDOW)
		return;
	*head = (struct kt_head){.version = p->version, .trimmed = p->trimmed};
	if (space->shape == KT_LOG) {
		head->rows = p->version - p->trimmed;
		head->bytes = p->total - p->trimmed_total;
		return;
	}
	head->bytes = p->total;
	if (!place_get_map_counts(p->counts, &head->rows, &head->tombstones))
		job->uncounted[job->count] |= 1u << p->space;
	if (space->unfollowed) {
		head->trimmed = head->version;
		head->tombstones = 0;
	}
}

/** A key whose head cannot be understood is listed with what could be: one bad row never ends a round. */
static bool add_key(void *arg, struct hy_bytes place, struct hy_bytes value)
{
	struct heads_job *job = arg;
	struct place_table table;
	struct kt_listed *listed = &job->listed[job->count];
	*listed = (struct kt_listed){0};
	job->uncounted[job->count] = 0;
	if (!place_get_key(place, &listed->key))
		return true;
	while (value.len && place_get_table(&value, &table))
		add_table(job, &table);
	return ++job->count < job->limit;
}

static bool count_row(void *arg, struct hy_bytes place, struct hy_bytes stored)
{
	struct kt_head *head = arg;
	uint64_t version;
	bool deleted;
	struct hy_bytes value;
	if (!place_get_map_value(stored, &version, &deleted, &value))
		return true;
	head->rows += !deleted;
	head->tombstones += deleted && version > head->trimmed;
	head->bytes += value.len;
	return true;
}

static int count_map(struct heads_job *job, const struct hy_key *key, uint8_t space, struct kt_head *head)
{
	struct place_name from, to;
	head->rows = head->tombstones = head->bytes = 0;
	place_map_row(&from, key, space, (struct hy_bytes){0});
	place_map_end(&to, key, space);
	return rows_scan(job->sdb->rows, place_bytes(&from), place_bytes(&to), count_row, head);
}

static void job_run(struct svr_job *svr_job)
{
	struct heads_job *job = hy_container_of(svr_job, struct heads_job, job);
	const uint8_t end = 'h' + 1;
	job->status = rows_scan(job->sdb->rows, place_bytes(&job->from), hy_bytes(&end, 1), add_key, job);
	for (size_t i = 0; i < job->count; i++) {
		for (uint8_t space = 1; space <= KT_SPACE_ID_MAX && !job->status; space++) {
			struct kt_listed *listed = &job->listed[i];
			if (job->uncounted[i] & 1u << space)
				job->status = count_map(job, &listed->key, space, &listed->heads[space]);
		}
	}
}

static void job_done(struct svr_job *svr_job)
{
	job_destroy(hy_container_of(svr_job, struct heads_job, job));
}

/** SUSPENDS. HY_OK: *ret_job is the caller's. */
static int list_disk(
	struct sdb *sdb, struct call *call, const struct hy_key *after, size_t limit, struct heads_job **ret_job)
{
	struct heads_job *job = job_create(sdb, after, limit);
	job->job.run = job_run;
	job->job.done = job_done;
	int status = svr_pool_call(sdb->pool, call, &job->job);
	if (status)
		return status;
	if (job->status) {
		job_destroy(job);
		return call_fail(call, HY_UNAVAILABLE, "reading from the disk failed");
	}
	*ret_job = job;
	return HY_OK;
}

/* ---- keys that RocksDB may not have yet -------------------------------------------------------------------------- */

struct fresh {
	struct sdb *sdb;
	const struct hy_key *after;
	struct hy_key *keys; /* the lowest `limit` of them, and some more */
	size_t count, cap, limit;
	struct hy_key bound; /* none above it is wanted; length 0: not known yet */
	bool more;
};

static void add_fresh(struct fresh *f, const struct hy_key *key)
{
	if (f->after && kt_key_compare(key, f->after) <= 0)
		return;
	if (f->bound.len && kt_key_compare(key, &f->bound) > 0) {
		f->more = true;
		return;
	}
	if (f->count == f->cap) {
		f->count = kt_keys_finish(f->keys, f->count, f->limit, &f->more);
		if (f->count == f->limit)
			f->bound = f->keys[f->count - 1];
	}
	f->keys[f->count++] = *key;
}

static bool add_entry(void *arg, struct hy_map_node *n)
{
	struct fresh *f = arg;
	const struct sdb_entry *e = hy_container_of(n, struct sdb_entry, node);
	if (e->last_pos > sdb_moved(f->sdb))
		add_fresh(f, &e->key);
	return true;
}

/** What was handed to the mover is in RocksDB only when its round has ended; until then all keys are looked at. */
static int list_fresh(struct call *callee, void *arg)
{
	struct fresh *f = arg;
	struct sdb_shard *s = &f->sdb->shards[svr_loop_index(callee->loop)];
	struct sdb_entry *e;
	if (__atomic_load_n(&f->sdb->handing_out, __ATOMIC_ACQUIRE)) {
		hy_map_each(&s->entries, add_entry, f);
		return HY_OK;
	}
	hy_list_each (e, &s->dirty, struct sdb_entry, dirty)
		add_fresh(f, &e->key);
	return HY_OK;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

struct heads_list {
	struct sdb *sdb;
	struct kt_listed *listed;
	bool *fresh; /* of each key: RocksDB may not have had all of it when it was scanned */
	size_t count, limit;
	bool more;
};

/** The lowest of both, each key once. */
static void merge(struct heads_list *list, const struct heads_job *job, const struct fresh *f)
{
	size_t d = 0, m = 0;
	while (list->count < list->limit && (d < job->count || m < f->count)) {
		int order = d == job->count ? 1 : m == f->count ? -1 : kt_key_compare(&job->listed[d].key, &f->keys[m]);
		struct kt_listed *to = &list->listed[list->count];
		list->fresh[list->count++] = order >= 0;
		if (order <= 0)
			*to = job->listed[d];
		else
			*to = (struct kt_listed){.key = f->keys[m]};
		d += order <= 0;
		m += order >= 0;
	}
	list->more = f->more || d < job->count || m < f->count;
}

/** Nobody knows what is in the map: not memory, which has only the changes of a replay, nor RocksDB, without them. */
static bool is_unknown(const struct sdb_table *t, const struct kt_listed *listed)
{
	const struct kt_head *of_disk = &listed->heads[t->space->id];
	return t->space->shape == KT_MAP && !t->map.whole && !t->map.counted &&
	       (t->seen.version != of_disk->version || t->seen.trimmed != of_disk->trimmed);
}

/** Of a key that was only replayed so far memory knows but a part: the rest is read, as the mover would soon. */
static int complete(struct sdb *sdb, struct call *call, const struct kt_listed *listed)
{
	struct sdb_visit v;
	int status = sdb_visit_begin(&v, sdb, call, &listed->key);
	if (status)
		return status;
	status = sdb_load(&v);
	for (struct sdb_table *t = v.entry->tables; t && !status; t = t->next) {
		if (is_unknown(t, listed))
			status = sdb_load_map(&v, t->space);
	}
	sdb_visit_end(&v);
	return status;
}

/** NULL: RocksDB had all of it, or it cannot be read. */
static const struct sdb_entry *find_complete(
	struct sdb *sdb, struct call *call, const struct kt_listed *listed, bool fresh)
{
	struct sdb_shard *s = sdb_shard_of(sdb, &listed->key);
	uint64_t hash = sdb_entry_hash(s, &listed->key);
	const struct sdb_entry *e = sdb_entry_find(s, &listed->key, hash);
	bool unknown = e ? !e->loaded : fresh; /* gone, but only since the scan */
	for (const struct sdb_table *t = e ? e->tables : NULL; t; t = t->next)
		unknown = unknown || is_unknown(t, listed);
	if (!unknown)
		return e;
	return complete(sdb, call, listed) == HY_OK ? sdb_entry_find(s, &listed->key, hash) : NULL;
}

static void look_at_tables(const struct sdb_entry *e, struct kt_listed *listed)
{
	for (const struct sdb_table *t = e->tables; t; t = t->next) {
		struct kt_head *head = &listed->heads[t->space->id], of_disk = *head;
		sdb_table_head(t, head);
		if (t->space->shape == KT_MAP && !t->map.whole && !t->map.counted) {
			head->rows = of_disk.rows;
			head->bytes = of_disk.bytes;
			head->tombstones = of_disk.tombstones;
		}
	}
}

static int look_at_memory(struct call *callee, void *arg)
{
	struct heads_list *list = arg;
	for (size_t i = 0; i < list->count; i++) {
		struct kt_listed *listed = &list->listed[i];
		if (svr_loop_of_key(list->sdb->kt.svr, &listed->key) != svr_loop_index(callee->loop))
			continue;
		const struct sdb_entry *e = find_complete(list->sdb, callee, listed, list->fresh[i]);
		if (e)
			look_at_tables(e, listed);
	}
	return HY_OK;
}

static int on_all_loops(struct call *call, int (*fn)(struct call *callee, void *arg), void *arg)
{
	int status = HY_OK;
	for (unsigned i = 0; i < svr_loop_count(svr_of_loop(call->loop)) && !status; i++)
		status = svr_hop(call, i, fn, arg);
	return status;
}

int sdb_list_heads(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit,
	struct kt_listed **ret_list, size_t *ret_count, bool *ret_more)
{
	struct sdb *sdb = sdb_of(kt);
	struct fresh fresh = {.sdb = sdb, .after = after, .limit = limit, .cap = 2 * limit};
	struct heads_list list = {.sdb = sdb, .limit = limit};
	struct heads_job *job = NULL;
	list.listed = hy_arena_alloc(call->arena, limit * sizeof *list.listed);
	list.fresh = hy_arena_alloc(call->arena, limit * sizeof *list.fresh);
	if (!list.listed || !list.fresh)
		return HY_RESOURCE_EXHAUSTED;
	fresh.keys = hy_alloc(fresh.cap * sizeof *fresh.keys);
	/* Memory first: what leaves it meanwhile is in RocksDB by then. */
	int status = on_all_loops(call, list_fresh, &fresh);
	if (!status)
		status = list_disk(sdb, call, after, limit + 1, &job);
	if (!status) {
		fresh.count = kt_keys_finish(fresh.keys, fresh.count, limit, &fresh.more);
		merge(&list, job, &fresh);
		job_destroy(job);
		status = on_all_loops(call, look_at_memory, &list);
	}
	hy_free(fresh.keys);
	if (status)
		return status;
	mon_add(svr_mon(kt->svr), svr_loop_index(call->loop), MON_kt_heads_listed, list.count);
	*ret_list = list.listed;
	*ret_count = list.count;
	*ret_more = list.more;
	return HY_OK;
}
