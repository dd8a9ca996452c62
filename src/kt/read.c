/* Reading: memory and RocksDB merged. Only what is durable is seen (S3); after a wait everything is looked at anew. */
#include "base/mem.h"
#include "base/planted.h"
#include "kt/answer.h"
#include "kt/sdb.h"

/** Up to where readers see. */
static uint64_t visible_version(const struct sdb_table *t)
{
	return PLANTED(visible_before_durable) ? t->now.version : t->seen.version;
}

static int begin(struct sdb_visit *v, struct kt *kt, struct call *call, const struct hy_key *key)
{
	int status = sdb_visit_begin(v, sdb_of(kt), call, key);
	if (status)
		return status;
	status = sdb_load(v);
	if (status)
		sdb_visit_end(v);
	return status;
}

/* ---- one row --------------------------------------------------------------------------------------------------- */

static int copy_row(struct call *call, const struct sdb_row *r, struct kt_row *ret_row)
{
	if (!r || r->kind == KT_EFFECT_DELETE)
		return HY_NOT_FOUND;
	struct kt_row row = {.name = sdb_row_name(r), .value = sdb_row_value(r), .version = r->version};
	return kt_answer_copy(call->arena, &row, ret_row);
}

static int read_log_row(struct sdb_visit *v, struct sdb_table *t, struct hy_bytes name, struct kt_row *ret_row)
{
	struct kt_row row = {.name = name, .version = hy_get_be64(name.data)};
	struct hy_buf value = {0};
	int status = HY_OK;
	if (row.version <= t->seen.trimmed || row.version > visible_version(t))
		return HY_NOT_FOUND;
	const struct sdb_row *r = sdb_log_row(t, row.version);
	if (r) {
		row.value = sdb_row_value(r);
	} else {
		uint64_t total;
		status = sdb_load_log_row(v, t->space, row.version, &total, &value);
		row.value = hy_buf_bytes(&value);
		if (row.version <= t->seen.trimmed)
			status = HY_NOT_FOUND; /* trimmed while it was read */
	}
	if (!status)
		status = kt_answer_copy(v->call->arena, &row, ret_row);
	hy_buf_fini(&value);
	return status;
}

static int read_window_row(struct sdb_visit *v, struct sdb_table *t, struct hy_bytes name, struct kt_row *ret_row)
{
	int status = sdb_load_window_row(v, t->space, name);
	if (status)
		return status;
	const struct sdb_row *r = sdb_window_row(v->shard, t, name);
	bool hidden = r && r->pos == SDB_PENDING && !PLANTED(visible_before_durable);
	if (hidden || hy_get_be64(name.data) <= sdb_get(&v->shard->sdb->floor_ms))
		return HY_NOT_FOUND;
	return copy_row(v->call, r, ret_row);
}

int sdb_read_row(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	struct hy_bytes name, struct kt_row *ret_row)
{
	struct sdb_visit v;
	int status = begin(&v, kt, call, key);
	if (status)
		return status;
	struct sdb_table *t = sdb_table_find(v.entry, space);
	if (!t) {
		status = HY_NOT_FOUND;
	} else if (space->shape == KT_LOG) {
		status = read_log_row(&v, t, name, ret_row);
	} else if (space->shape == KT_WINDOW) {
		status = read_window_row(&v, t, name, ret_row);
	} else {
		status = sdb_load_map_rows(&v, &(struct kt_place){space->id, name}, 1);
		if (!status)
			status = copy_row(call, sdb_map_visible(sdb_map_row(t, name)), ret_row);
	}
	sdb_visit_end(&v);
	return status;
}

int sdb_read_rows(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_place *places,
	size_t count, struct kt_row *ret_rows)
{
	struct sdb_visit v;
	int status = begin(&v, kt, call, key);
	if (status)
		return status;
	status = sdb_load_map_rows(&v, places, count);
	for (size_t i = 0; i < count && !status; i++) {
		const struct sdb_table *t = sdb_table_find(v.entry, kt->by_id[places[i].space]);
		ret_rows[i] = (struct kt_row){0};
		status = t ? copy_row(call, sdb_map_visible(sdb_map_row(t, places[i].name)), &ret_rows[i]) : HY_OK;
		if (status == HY_NOT_FOUND)
			status = HY_OK;
	}
	sdb_visit_end(&v);
	return status;
}

/* ---- many rows of a log ------------------------------------------------------------------------------------------ */

/** Adds what a scan brought, from *next on. False: stop, the answer is full or the rows have a gap (*ret_status). */
static bool add_scanned(
	struct sdb_table *t, const struct sdb_scan *scan, struct kt_answer *answer, uint64_t *next, int *ret_status)
{
	struct hy_bytes in = hy_buf_bytes(&scan->out), place, stored;
	for (uint32_t i = 0; i < scan->count; i++) {
		struct kt_row row = {0};
		uint64_t total;
		*ret_status = HY_DATA_LOSS;
		if (!hy_get_bytes(&in, &place) || !hy_get_bytes(&in, &stored) || place.len < 8 ||
			!place_get_log_value(stored, &total, &row.value))
			return false;
		row.name = hy_bytes(place.data + place.len - 8, 8);
		row.version = hy_get_be64(row.name.data);
		if (row.version > *next)
			return false;
		*ret_status = HY_OK;
		if (row.version < *next)
			continue; /* trimmed while it was read */
		if (!kt_answer_add(answer, &row))
			return false;
		(*next)++;
	}
	return true;
}

/** From *next up to the split, or until the answer is full (false), or an error. */
static bool add_from_disk(struct sdb_visit *v, struct sdb_table *t, struct kt_answer *answer, bool strict,
	uint64_t *next, int *ret_status)
{
	while (*next <= HY_MIN(sdb_log_split(t), visible_version(t))) {
		uint64_t first = *next;
		sdb_visit_hold(v);
		struct sdb_scan *scan = sdb_scan_create(v->shard->sdb);
		place_log_row(&scan->from, &v->entry->key, t->space->id, first);
		place_log_row(&scan->to, &v->entry->key, t->space->id, sdb_log_split(t) + 1);
		scan->max_rows = answer->limits.max_rows - (uint32_t)answer->rows->count + 1;
		scan->max_bytes = answer->limits.max_bytes;
		*ret_status = sdb_scan_run(v->shard->sdb, v->call, &scan);
		if (*ret_status)
			return false;
		bool go_on = true;
		if (t->seen.trimmed >= first) {
			env_mark(v->shard->sdb->env, "kt: trim during a read");
			*next = t->seen.trimmed + 1;
			if (strict)
				*ret_status = HY_OUT_OF_RANGE;
			go_on = !strict;
		}
		go_on = go_on && add_scanned(t, scan, answer, next, ret_status);
		/* Rows that must be there and are not. */
		if (go_on && *next == first) {
			*ret_status = HY_DATA_LOSS;
			go_on = false;
		}
		sdb_scan_destroy(scan);
		if (!go_on)
			return false;
	}
	return true;
}

/** Rows above `since`, which is at or above the trim mark. `strict`: a trim meanwhile is HY_OUT_OF_RANGE, never a gap
 * (S4). */
static int read_log(struct sdb_visit *v, struct sdb_table *t, uint64_t since, bool strict, struct kt_answer *answer)
{
	uint64_t next = since + 1;
	int status = HY_OK;
	if (add_from_disk(v, t, answer, strict, &next, &status)) {
		for (; next <= visible_version(t); next++) {
			const struct sdb_row *r = sdb_log_row(t, next);
			uint8_t name[8];
			hy_put_be64(name, next);
			struct kt_row row = {.name = hy_bytes(name, 8), .value = sdb_row_value(r), .version = next};
			if (!kt_answer_add(answer, &row))
				break;
		}
	}
	if (status == HY_DATA_LOSS) {
		env_log(v->shard->sdb->env, ENV_LOG_ERROR, "kt", v->call->trace, "row %llu of a log cannot be read",
			(unsigned long long)next);
		return call_fail(v->call, status, "stored data of this key are damaged");
	}
	return status ? status : answer->status;
}

/* ---- many rows of a map ------------------------------------------------------------------------------------------ */

static void add_map_range(struct sdb_table *t, struct hy_bytes after, struct kt_answer *answer)
{
	for (uint32_t i = sdb_map_lower_bound(t, after); i < t->map.count; i++) {
		const struct sdb_row *r = sdb_map_visible(t->map.slots[i]);
		if (!r || r->kind == KT_EFFECT_DELETE || hy_bytes_equal(sdb_row_name(r), after))
			continue;
		struct kt_row row = {.name = sdb_row_name(r), .value = sdb_row_value(r), .version = r->version};
		if (!kt_answer_add(answer, &row))
			return;
	}
}

static void add_map_changes(struct sdb_table *t, uint64_t since, struct kt_answer *answer)
{
	struct hy_link *head = &t->map.by_version, *at = head;
	while (at->prev != head && hy_container_of(at->prev, struct sdb_row, map.by_version)->version > since)
		at = at->prev;
	for (; at != head; at = at->next) {
		const struct sdb_row *r = hy_container_of(at, struct sdb_row, map.by_version);
		struct kt_row row = {.name = sdb_row_name(r),
			.value = sdb_row_value(r),
			.version = r->version,
			.deleted = r->kind == KT_EFFECT_DELETE};
		if (!kt_answer_add(answer, &row))
			return;
	}
}

/* ---- the interface ----------------------------------------------------------------------------------------------- */

int sdb_read_range(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	struct hy_bytes after, struct kt_limits limits, struct kt_rows *ret_rows)
{
	struct sdb_visit v;
	struct kt_answer answer;
	kt_answer_init(&answer, call, limits, ret_rows);
	int status = begin(&v, kt, call, key);
	if (status)
		return status;
	struct sdb_table *t = sdb_table_find(v.entry, space);
	if (t && space->shape == KT_LOG) {
		uint64_t since = after.len ? hy_get_be64(after.data) : 0;
		if (since < visible_version(t))
			status = read_log(&v, t, HY_MAX(since, t->seen.trimmed), false, &answer);
	} else if (t) {
		status = sdb_load_map(&v, space);
		if (!status) {
			add_map_range(t, after, &answer);
			status = answer.status;
		}
	}
	if (t) {
		ret_rows->version = visible_version(t);
		ret_rows->trimmed = t->seen.trimmed;
	}
	sdb_visit_end(&v);
	return status;
}

static int changes(struct sdb_visit *v, struct sdb_table *t, uint64_t since, struct kt_answer *answer)
{
	if (kt_misses_trimmed(t->space, since, t->seen.trimmed, answer))
		return HY_OUT_OF_RANGE;
	if (since > visible_version(t))
		return HY_OUT_OF_RANGE;
	if (t->space->shape == KT_LOG)
		return read_log(v, t, since, true, answer);
	if (since == visible_version(t))
		return HY_OK;
	int status = sdb_load_map(v, t->space);
	if (status)
		return status;
	add_map_changes(t, since, answer);
	return answer->status;
}

int sdb_read_changes(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	uint64_t since, struct kt_limits limits, struct kt_rows *ret_rows)
{
	struct sdb_visit v;
	struct kt_answer answer;
	kt_answer_init(&answer, call, limits, ret_rows);
	int status = begin(&v, kt, call, key);
	if (status)
		return status;
	struct sdb_table *t = sdb_table_find(v.entry, space);
	if (t) {
		status = changes(&v, t, since, &answer);
		ret_rows->trimmed = t->seen.trimmed;
		ret_rows->version = visible_version(t);
		if (ret_rows->more)
			ret_rows->version = ret_rows->rows[ret_rows->count - 1].version;
	} else if (since) {
		status = HY_OUT_OF_RANGE;
	}
	sdb_visit_end(&v);
	return status;
}

int sdb_read_head(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	struct kt_head *ret_head)
{
	struct sdb_visit v;
	int status = begin(&v, kt, call, key);
	if (status)
		return status;
	struct sdb_table *t = sdb_table_find(v.entry, space);
	if (t && space->shape == KT_MAP && !t->map.counted)
		status = sdb_load_map(&v, space);
	if (t && !status)
		sdb_table_head(t, ret_head);
	sdb_visit_end(&v);
	return status;
}
