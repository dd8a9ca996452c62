/* What is not in memory comes from RocksDB: from its cache on the loop, else through the pool. The gate is held
 * meanwhile. */
#include <stdlib.h>

#include "base/mem.h"
#include "kt/sdb.h"

/* The same key is told of once in this time. */
#define ALARM_US (60ull * 1000 * 1000)

/** What came from RocksDB breaks its own rules. */
static int broken(struct sdb_visit *v, const char *what)
{
	struct sdb_shard *s = v->shard;
	uint64_t now = svr_now_us(v->call->loop);
	bool told = hy_key_equal(&s->damaged, &v->entry->key) && now - s->damaged_us < ALARM_US;
	char text[128];
	if (told)
		return call_fail(v->call, HY_DATA_LOSS, "stored data of this key are damaged");
	s->damaged = v->entry->key;
	s->damaged_us = now;
	hy_key_text(&v->entry->key, text, sizeof text);
	env_log(v->shard->sdb->env, ENV_LOG_ERROR, "kt", v->call->trace, "%s of %s cannot be read", what, text);
	return call_fail(v->call, HY_DATA_LOSS, "stored data of this key are damaged");
}

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

struct sdb_scan *sdb_scan_create(struct sdb *sdb)
{
	struct sdb_scan *scan = hy_zalloc(sizeof *scan);
	scan->sdb = sdb;
	scan->max_rows = UINT32_MAX;
	scan->max_bytes = UINT64_MAX;
	return scan;
}

void sdb_scan_destroy(struct sdb_scan *scan)
{
	if (!scan)
		return;
	hy_buf_fini(&scan->out);
	hy_free(scan);
}

static bool scan_row(void *arg, struct hy_bytes name, struct hy_bytes value)
{
	struct sdb_scan *scan = arg;
	hy_buf_put_bytes(&scan->out, name);
	hy_buf_put_bytes(&scan->out, value);
	scan->count++;
	scan->bytes += name.len + value.len;
	return scan->count < scan->max_rows && scan->bytes < scan->max_bytes;
}

static void scan_run(struct svr_job *job)
{
	struct sdb_scan *scan = hy_container_of(job, struct sdb_scan, job);
	scan->status = rows_scan(scan->sdb->rows, place_bytes(&scan->from), place_bytes(&scan->to), scan_row, scan);
}

/** Rows looked up by the pool. */
struct gets {
	struct svr_job job;
	struct sdb *sdb;
	size_t count;
	struct {
		struct place_name name;
		struct hy_buf out;
		int status;
	} rows[KT_PLACES_MAX];
};

static void gets_destroy(struct gets *gets)
{
	for (size_t i = 0; i < gets->count; i++)
		hy_buf_fini(&gets->rows[i].out);
	hy_free(gets);
}

static void scan_done(struct svr_job *job)
{
	sdb_scan_destroy(hy_container_of(job, struct sdb_scan, job));
}

static void gets_run(struct svr_job *job)
{
	struct gets *gets = hy_container_of(job, struct gets, job);
	for (size_t i = 0; i < gets->count; i++)
		gets->rows[i].status = rows_get(gets->sdb->rows, place_bytes(&gets->rows[i].name), &gets->rows[i].out);
}

static void gets_done(struct svr_job *job)
{
	gets_destroy(hy_container_of(job, struct gets, job));
}

static int run_job(struct sdb *sdb, struct call *call, struct svr_job *job)
{
	mon_add(svr_mon(sdb->kt.svr), svr_loop_index(call->loop), MON_kt_cold_reads, 1);
	return svr_pool_call(sdb->pool, call, job);
}

int sdb_scan_run(struct sdb *sdb, struct call *call, struct sdb_scan **scan)
{
	(*scan)->job.run = scan_run;
	(*scan)->job.done = scan_done;
	int status = run_job(sdb, call, &(*scan)->job);
	if (status) {
		*scan = NULL;
		return status;
	}
	if ((*scan)->status) {
		status = call_fail(call, HY_UNAVAILABLE, "reading from the disk failed");
		sdb_scan_destroy(hy_take(*scan));
	}
	return status;
}

/** As sdb_scan_run(); each row has a status of its own: HY_OK or HY_NOT_FOUND. */
static int run_gets(struct sdb_visit *v, struct gets **gets)
{
	sdb_visit_hold(v);
	(*gets)->sdb = v->shard->sdb;
	(*gets)->job.run = gets_run;
	(*gets)->job.done = gets_done;
	int status = run_job(v->shard->sdb, v->call, &(*gets)->job);
	if (status) {
		*gets = NULL;
		return status;
	}
	for (size_t i = 0; i < (*gets)->count && !status; i++) {
		if ((*gets)->rows[i].status && (*gets)->rows[i].status != HY_NOT_FOUND)
			status = call_fail(v->call, HY_UNAVAILABLE, "reading from the disk failed");
	}
	if (status)
		gets_destroy(hy_take(*gets));
	return status;
}

/** HY_OK (the value is appended to `out`), HY_NOT_FOUND, or why it could not be read. */
static int get(struct sdb_visit *v, const struct place_name *name, struct hy_buf *out)
{
	struct sdb *sdb = v->shard->sdb;
	int status = rows_get_cached(sdb->rows, place_bytes(name), out);
	if (status != HY_UNAVAILABLE)
		return status;
	struct gets *gets = hy_zalloc(sizeof *gets);
	gets->count = 1;
	gets->rows[0].name = *name;
	status = run_gets(v, &gets);
	if (status)
		return status;
	status = gets->rows[0].status;
	if (!status)
		hy_buf_append(out, hy_buf_data(&gets->rows[0].out), hy_buf_len(&gets->rows[0].out));
	gets_destroy(gets);
	return status;
}

/* ---- heads ----------------------------------------------------------------------------------------------------- */

/** False: rows between what RocksDB has and what the log had are missing. */
static bool merge_log(struct sdb_shard *s, struct sdb_table *t, const struct place_table *p)
{
	if (p->version >= t->seen.version) {
		if (t->log.count)
			env_mark(s->sdb->env, "kt: death between batch and moved position");
		t->seen.version = p->version;
		t->seen.total = p->total;
		sdb_log_drop(s, t, UINT64_MAX);
	}
	if (p->trimmed > t->seen.trimmed) {
		t->seen.trimmed = p->trimmed;
		t->seen.trimmed_total = p->trimmed_total;
	}
	sdb_log_drop(s, t, t->seen.trimmed);
	t->disk_version = p->version;
	t->disk_trimmed = p->trimmed;
	uint64_t below = t->log.count ? t->log.first - 1 : t->seen.version;
	return t->seen.trimmed <= t->seen.version && t->seen.trimmed_total <= t->seen.total &&
	       below <= HY_MAX(p->version, t->seen.trimmed);
}

static bool merge_map_head(struct sdb_shard *s, struct sdb_table *t, const struct place_table *p)
{
	/* RocksDB has the key as of one moment, so up to its version it is right, whatever the log had. */
	sdb_map_drop(s, t, p->version);
	bool as_then = t->seen.version <= p->version && t->seen.trimmed <= p->trimmed;
	t->seen.version = HY_MAX(t->seen.version, p->version);
	t->seen.trimmed = HY_MAX(t->seen.trimmed, p->trimmed);
	t->disk_version = t->map.base = p->version;
	t->map.counted = place_get_map_counts(p->counts, &t->map.rows, &t->map.tombstones) && as_then;
	t->map.bytes = p->total;
	if (t->space->unfollowed) {
		t->seen.trimmed = t->seen.version;
		t->map.tombstones = 0; /* of a time in which somebody followed */
	}
	if (p->version == 0)
		sdb_map_become_whole(s, t);
	return p->version >= t->map.gap_end && t->seen.trimmed <= t->seen.version;
}

static bool merge_table(struct sdb_shard *s, struct sdb_table *t, const struct place_table *p)
{
	bool good = true;
	switch (t->space->shape) {
	case KT_LOG:
		good = merge_log(s, t, p);
		break;
	case KT_MAP:
		good = merge_map_head(s, t, p);
		break;
	case KT_WINDOW:
		t->window.split_ms = t->window.disk_newest_ms = p->newest_ms;
		break;
	}
	t->now = t->seen;
	return good;
}

static bool merge_head(struct sdb_shard *s, struct sdb_entry *e, struct hy_bytes head)
{
	uint32_t merged = 0;
	while (head.len) {
		struct place_table p;
		if (!place_get_table(&head, &p) || !s->sdb->kt.by_id[p.space])
			return false;
		if (!merge_table(s, sdb_table_get(s, e, s->sdb->kt.by_id[p.space]), &p))
			return false;
		merged |= 1u << p.space;
	}
	const struct place_table none = {0};
	for (struct sdb_table *t = e->tables; t; t = t->next) {
		if (!(merged & 1u << t->space->id) && !merge_table(s, t, &none))
			return false;
	}
	return true;
}

int sdb_load(struct sdb_visit *v)
{
	struct sdb_entry *e = v->entry;
	if (e->loaded)
		return HY_OK;
	struct place_name name;
	place_head(&name, &e->key);
	struct hy_buf head = {0};
	int status = get(v, &name, &head);
	if (!status || status == HY_NOT_FOUND) {
		if (!status) {
			env_mark(v->shard->sdb->env, "kt: cold load");
			mon_add(svr_mon(v->shard->sdb->kt.svr), v->shard->index, MON_kt_cold_loads, 1);
		}
		status = HY_OK;
		/* Another may have come through without waiting while this one did. */
		if (!e->loaded) {
			if (merge_head(v->shard, e, hy_buf_bytes(&head)))
				e->loaded = true;
			else
				status = broken(v, "the head");
		}
	}
	hy_buf_fini(&head);
	return status;
}

/* ---- maps ------------------------------------------------------------------------------------------------------ */

/** The next row of a scan of a map. False: malformed. */
static bool next_map_row(struct hy_bytes *in, struct kt_effect *ret)
{
	struct hy_bytes place, value;
	bool deleted;
	if (!hy_get_bytes(in, &place) || !hy_get_bytes(in, &value) || !place_get_map_name(place, &ret->name) ||
		!place_get_map_value(value, &ret->version, &deleted, &ret->value))
		return false;
	ret->kind = deleted ? KT_EFFECT_DELETE : KT_EFFECT_PUT;
	return true;
}

static int by_version(const void *a, const void *b)
{
	const struct kt_effect *x = a, *y = b;
	return (x->version > y->version) - (x->version < y->version);
}

static bool merge_map(struct sdb_shard *s, struct sdb_table *t, const struct sdb_scan *scan)
{
	struct kt_effect *rows = hy_alloc((scan->count + 1) * sizeof *rows);
	struct hy_bytes in = hy_buf_bytes(&scan->out);
	bool good = true;
	for (uint32_t i = 0; i < scan->count && good; i++)
		good = next_map_row(&in, &rows[i]);
	if (good) {
		sdb_map_drop(s, t, t->map.base); /* what was read row by row comes again, in order */
		qsort(rows, scan->count, sizeof *rows, by_version);
		struct hy_link *at = t->map.by_version.next;
		for (uint32_t i = 0; i < scan->count; i++)
			sdb_map_merge(s, t, &rows[i], &at);
		sdb_map_become_whole(s, t);
	}
	hy_free(rows);
	return good;
}

int sdb_load_map(struct sdb_visit *v, const struct kt_space *space)
{
	struct sdb_table *t = sdb_table_find(v->entry, space);
	if (!t || t->map.whole)
		return HY_OK;
	sdb_visit_hold(v);
	struct sdb_scan *scan = sdb_scan_create(v->shard->sdb);
	place_map_row(&scan->from, &v->entry->key, space->id, (struct hy_bytes){0});
	place_map_end(&scan->to, &v->entry->key, space->id);
	int status = sdb_scan_run(v->shard->sdb, v->call, &scan);
	if (status)
		return status;
	if (!t->map.whole && !merge_map(v->shard, t, scan))
		status = broken(v, space->name);
	sdb_scan_destroy(scan);
	return status;
}

/** A row that was looked up by itself. False: malformed. */
static bool add_map_row(struct sdb_shard *s, struct sdb_table *t, struct hy_bytes name, struct hy_bytes stored)
{
	struct kt_effect e = {.space = t->space, .name = name};
	bool deleted;
	if (!place_get_map_value(stored, &e.version, &deleted, &e.value))
		return false;
	e.kind = deleted ? KT_EFFECT_DELETE : KT_EFFECT_PUT;
	if (!t->map.whole && !sdb_map_row(t, name))
		sdb_map_add_read(s, t, &e);
	return true;
}

/**
 * While this waits nothing else of the key's cold maps changes, neither here (whoever writes brings the map first, and
 * the gate is held) nor in RocksDB (what the mover may bring there memory has): so all rows are of one moment.
 */
static int wait_for_map_rows(struct sdb_visit *v, struct gets *gets, const struct kt_place *const wanted[KT_PLACES_MAX])
{
	int status = run_gets(v, &gets);
	if (status)
		return status;
	for (size_t i = 0; i < gets->count && !status; i++) {
		const struct kt_space *space = v->shard->sdb->kt.by_id[wanted[i]->space];
		struct sdb_table *t = sdb_table_find(v->entry, space);
		if (!gets->rows[i].status &&
			!add_map_row(v->shard, t, wanted[i]->name, hy_buf_bytes(&gets->rows[i].out)))
			status = broken(v, space->name);
	}
	gets_destroy(gets);
	return status;
}

int sdb_load_map_rows(struct sdb_visit *v, const struct kt_place *places, size_t count)
{
	const struct kt_place *wanted[KT_PLACES_MAX];
	struct gets *gets = NULL;
	int status = HY_OK;
	struct hy_buf out = {0};
	for (size_t i = 0; i < count && !status; i++) {
		const struct kt_space *space = v->shard->sdb->kt.by_id[places[i].space];
		struct sdb_table *t = sdb_table_find(v->entry, space);
		if (!t || t->map.whole || sdb_map_row(t, places[i].name))
			continue;
		struct place_name place;
		place_map_row(&place, &v->entry->key, space->id, places[i].name);
		hy_buf_clear(&out);
		mon_add(svr_mon(v->shard->sdb->kt.svr), v->shard->index, MON_kt_rows_looked_up, 1);
		int found = rows_get_cached(v->shard->sdb->rows, place_bytes(&place), &out);
		if (found == HY_UNAVAILABLE) {
			gets = gets ? gets : hy_zalloc(sizeof *gets);
			wanted[gets->count] = &places[i];
			gets->rows[gets->count++].name = place;
		} else if (!found && !add_map_row(v->shard, t, places[i].name, hy_buf_bytes(&out))) {
			status = broken(v, space->name);
		}
	}
	hy_buf_fini(&out);
	if (gets && !status)
		return wait_for_map_rows(v, gets, wanted);
	if (gets)
		gets_destroy(gets);
	return status;
}

/* ---- single rows ------------------------------------------------------------------------------------------------- */

int sdb_load_window_row(struct sdb_visit *v, const struct kt_space *space, struct hy_bytes name)
{
	struct sdb_table *t = sdb_table_find(v->entry, space);
	uint64_t made_ms = hy_get_be64(name.data);
	if (!t || made_ms > t->window.split_ms || made_ms <= sdb_get(&v->shard->sdb->floor_ms) ||
		sdb_window_row(v->shard, t, name))
		return HY_OK;
	struct place_name place;
	place_window_row(&place, &v->entry->key, space->id, name);
	struct hy_buf out = {0};
	int status = get(v, &place, &out);
	if (!status) {
		struct kt_effect e = {.kind = KT_EFFECT_WINDOW, .space = space, .name = name};
		if (place_get_window_value(hy_buf_bytes(&out), &e.version, &e.value))
			sdb_window_merge(v->shard, t, &e);
		else
			status = broken(v, space->name);
	}
	hy_buf_fini(&out);
	return status == HY_NOT_FOUND ? HY_OK : status;
}

int sdb_load_log_row(
	struct sdb_visit *v, const struct kt_space *space, uint64_t version, uint64_t *ret_total, struct hy_buf *out)
{
	struct place_name place;
	place_log_row(&place, &v->entry->key, space->id, version);
	struct hy_buf stored = {0};
	int status = get(v, &place, &stored);
	struct hy_bytes value;
	const struct sdb_table *t = sdb_table_find(v->entry, space);
	if (!status && place_get_log_value(hy_buf_bytes(&stored), ret_total, &value))
		hy_buf_append(out, value.data, value.len);
	else if (status == HY_NOT_FOUND && t && version <= t->seen.trimmed)
		env_mark(v->shard->sdb->env, "kt: row trimmed while it was read");
	else if (!status || status == HY_NOT_FOUND)
		status = broken(v, space->name);
	hy_buf_fini(&stored);
	return status;
}
