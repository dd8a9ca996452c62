#include "base/mem.h"
#include "base/planted.h"
#include "kt/answer.h"
#include "kt/record.h"
#include "kt/sdb.h"

#define RETRY_QUEUE_MS 50
#define RETRY_MEMORY_MS 100
#define RETRY_FULL_MS 1000

/* ---- may it be written at all (S8) ----------------------------------------------------------------------------- */

static int refuse(struct sdb_shard *s, struct call *call, const char *mark, uint32_t retry_after_ms, const char *why)
{
	env_mark(s->sdb->env, mark);
	mon_add(svr_mon(s->sdb->kt.svr), s->index, MON_kt_writes_refused, 1);
	return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, retry_after_ms, "%s", why);
}

static int check_failed(struct sdb_shard *s, struct call *call)
{
	struct sdb *sdb = s->sdb;
	if (!s->failed && !sdb_get(&sdb->failed) && !kt_log_failed(sdb->log))
		return HY_OK;
	mon_add(svr_mon(sdb->kt.svr), s->index, MON_kt_writes_failed, 1);
	return call_fail(call, HY_UNAVAILABLE, "%s",
		sdb->read_only ? "the store was opened to look only"
			       : "the store has failed; it takes no writes until it is started again");
}

static int admit(struct sdb_shard *s, struct call *call, size_t bytes, bool reserve)
{
	struct sdb *sdb = s->sdb;
	int status = check_failed(s, call);
	if (status)
		return status;
	size_t waiting = s->open ? hy_buf_len(&s->open->log.records) : 0;
	if (waiting + bytes > KT_LOG_WRITE_MAX / 2 || !kt_log_has_room(sdb->log, waiting + bytes))
		return refuse(
			s, call, "kt: write refused, queue full", RETRY_QUEUE_MS, "too many writes wait for the disk");
	/* Trims go on into a reserve: they are what frees space. So does what must get through. */
	uint64_t memory_limit = sdb->shard_budget + sdb->shard_excess + (reserve ? sdb->shard_excess / 4 : 0);
	if (s->memory >= memory_limit + s->replayed)
		return refuse(s, call, "kt: write refused, memory full", RETRY_MEMORY_MS,
			"the disk cannot keep up with writes");
	uint64_t limit = sdb->log_limit + (reserve ? sdb->log_limit / 4 : 0);
	if (s->log_bytes >= limit)
		return refuse(
			s, call, "kt: write refused, log full", RETRY_FULL_MS, "the disk cannot keep up with writes");
	if (!reserve && (sdb_get(&sdb->disk_low) || kt_log_nearly_full(sdb->log)))
		return refuse(s, call, "kt: write refused, disk low", RETRY_FULL_MS, "the disk is nearly full");
	return HY_OK;
}

/* ---- what the judge looks at, brought into memory ---------------------------------------------------------------- */

/** Totals at trim marks that had to be read from RocksDB. */
struct view {
	struct sdb_shard *shard;
	struct sdb_entry *entry;
	struct {
		const struct kt_space *space;
		uint64_t version, total;
	} totals[KT_OPS_MAX];
	size_t total_count;
};

static int prepare_trim(struct sdb_visit *v, const struct kt_space *space, const struct kt_op *op, struct view *view)
{
	struct sdb_table *t = sdb_table_find(v->entry, space);
	uint64_t upto = op->version + (PLANTED(trim_one_too_far) ? 1 : 0);
	if (!t || upto <= t->now.trimmed || upto >= t->now.version || sdb_log_row(t, upto))
		return HY_OK;
	uint64_t total;
	struct hy_buf value = {0};
	int status = sdb_load_log_row(v, space, upto, &total, &value);
	hy_buf_fini(&value);
	if (status)
		return status;
	view->totals[view->total_count].space = space;
	view->totals[view->total_count].version = upto;
	view->totals[view->total_count++].total = total;
	return HY_OK;
}

static int prepare(struct sdb_visit *v, const struct kt_op *ops, size_t count, struct view *view)
{
	const struct kt *kt = &v->shard->sdb->kt;
	int status = sdb_load(v);
	for (size_t i = 0; i < count && !status; i++) {
		const struct kt_space *space = kt->by_id[ops[i].space];
		bool versions_only = ops[i].kind == KT_EXPECT_VERSION || ops[i].kind == KT_EXPECT_NOT_EMPTY;
		if (space->shape == KT_MAP && !versions_only)
			status = sdb_load_map(v, space);
		else if (ops[i].kind == KT_INSERT)
			status = sdb_load_window_row(v, space, ops[i].name);
		else if (ops[i].kind == KT_TRIM)
			status = prepare_trim(v, space, &ops[i], view);
	}
	return status;
}

static struct kt_judged view_table(void *arg, const struct kt_space *space)
{
	const struct sdb_table *t = sdb_table_find(((struct view *)arg)->entry, space);
	return t ? t->now : (struct kt_judged){0};
}

static bool view_row(void *arg, const struct kt_space *space, struct hy_bytes name, struct kt_row *ret_row)
{
	struct view *view = arg;
	const struct sdb_table *t = sdb_table_find(view->entry, space);
	if (!t)
		return false;
	const struct sdb_row *r = space->shape == KT_MAP ? sdb_map_row(t, name) : sdb_window_row(view->shard, t, name);
	if (r && r->pos == SDB_PENDING) {
		env_mark(view->shard->sdb->env, "kt: retry meets a pending row");
		if (PLANTED(duplicate_check_not_atomic))
			return false;
	}
	if (r)
		*ret_row = (struct kt_row){.name = sdb_row_name(r),
			.value = sdb_row_value(r),
			.version = r->version,
			.deleted = r->kind == KT_EFFECT_DELETE};
	return r != NULL;
}

static size_t view_names(void *arg, const struct kt_space *space, uint64_t trimmed)
{
	const struct sdb_table *t = sdb_table_find(((struct view *)arg)->entry, space);
	return t ? sdb_map_names(t, trimmed) : 0;
}

static uint64_t view_total_at(void *arg, const struct kt_space *space, uint64_t version)
{
	struct view *view = arg;
	const struct sdb_table *t = sdb_table_find(view->entry, space);
	const struct sdb_row *r = sdb_log_row(t, version);
	if (r)
		return r->total;
	if (version == t->now.version)
		return t->now.total;
	for (size_t i = 0; i < view->total_count; i++) {
		if (view->totals[i].space == space && view->totals[i].version == version)
			return view->totals[i].total;
	}
	assert(!"the total at a trim mark was prepared");
	return 0;
}

/* ---- judging and taking ------------------------------------------------------------------------------------------ */

/* What a key takes beside the rows that are written, about: it stays until it was moved. */
#define KEY_COST 512

static void take(struct sdb_shard *s, struct sdb_entry *e, const struct kt_effect *effects, size_t count)
{
	struct sdb_flight *f = sdb_flight_open(s);
	uint64_t before = s->memory;
	if (!e->pending && !hy_link_linked(&e->dirty))
		s->written += KEY_COST;
	kt_record_encode(&e->key, effects, count, &f->log.records);
	for (size_t i = 0; i < count; i++) {
		struct sdb_table *t = sdb_table_get(s, e, effects[i].space);
		struct sdb_row *r = sdb_row_create(s, t, &effects[i], SDB_PENDING);
		sdb_row_add(s, r);
		*f->last = r;
		f->last = &r->next;
	}
	s->written += s->memory - before;
	e->pending += (uint32_t)count;
	e->flight = f;
}

static int judge(
	struct sdb_visit *v, struct view *view, const struct kt_op *ops, size_t count, struct kt_result *ret_result)
{
	struct sdb *sdb = v->shard->sdb;
	struct kt_view judged = {
		.table = view_table,
		.row = view_row,
		.names = view_names,
		.total_at = view_total_at,
		.arg = view,
		.floor_ms = sdb_get(&sdb->floor_ms),
	};
	judged.wall_ms = env_wall_ms(sdb->env);
	struct kt_effect effects[KT_OPS_MAX];
	size_t effect_count;
	int status = kt_judge(&sdb->kt, &judged, ops, count, effects, &effect_count, ret_result);
	if (status) {
		int copied = kt_answer_copy(v->call->arena, &ret_result->stored, &ret_result->stored);
		return copied ? copied : status;
	}
	if (effect_count)
		take(v->shard, v->entry, effects, effect_count);
	return HY_OK;
}

static size_t bytes_of(const struct kt_op *ops, size_t count)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += ops[i].name.len + ops[i].value.len + 64;
	return bytes;
}

static bool uses_reserve(const struct kt_op *ops, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (ops[i].reserve)
			return true;
	}
	return false;
}

/** An ID that is new is nearly always looked for where nothing is in the cache. */
static void prefetch_inserts(struct sdb_shard *s, const struct hy_key *key, const struct kt_op *ops, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct kt_space *space = s->sdb->kt.by_id[ops[i].space];
		if (ops[i].kind == KT_INSERT && space->shape == KT_WINDOW)
			hy_map_prefetch(
				&s->window_rows, sdb_window_hash(s, space, sdb_entry_hash(s, key), ops[i].name));
	}
}

int sdb_write(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count,
	bool lazily, struct kt_result *ret_result)
{
	struct sdb *sdb = sdb_of(kt);
	struct sdb_shard *s = sdb_shard_of(sdb, key);
	const bool reserve = lazily || uses_reserve(ops, count);
	const size_t bytes = bytes_of(ops, count);
	prefetch_inserts(s, key, ops, count);
	int status = admit(s, call, bytes, reserve);
	if (status)
		return status;
	struct sdb_visit v;
	status = sdb_visit_begin(&v, sdb, call, key);
	if (status)
		return status;
	struct view view = {.shard = s, .entry = v.entry};
	status = prepare(&v, ops, count, &view);
	/* Again: many may have waited at one gate, and nothing waits between here and the taking. */
	if (!status)
		status = admit(s, call, bytes, reserve);
	if (status) {
		sdb_visit_end(&v);
		return status;
	}
	status = judge(&v, &view, ops, count, ret_result);
	/* Whatever the answer, it may rest on what is on its way (S1). */
	struct sdb_flight *flight = v.entry->pending ? v.entry->flight : NULL;
	if (PLANTED(answer_rests_on_pending) && status)
		flight = NULL;
	sdb_visit_end(&v);
	if (!flight || lazily)
		return status;

	int waited = sdb_flight_wait(s, flight, call);
	enum mon_id counter = waited ? MON_kt_writes_failed : MON_kt_writes;
	if (waited || !status)
		mon_add(svr_mon(kt->svr), s->index, counter, 1);
	if (waited == HY_UNAVAILABLE)
		return call_fail(
			call, waited, "writing to the disk failed; whether the write was made shows after a restart");
	return waited ? waited : status;
}
