/**
 * engine_mem.c - the engine `mem`: everything in memory and durable at once. For tests, and as the reference that shows
 * in few lines what kt.h means: a table is one array of rows sorted by name.
 */
#include "base/map.h"
#include "base/mem.h"
#include "kt/answer.h"
#include "kt/engine.h"
#include "kt/judge.h"

struct mem_row {
	struct kt_row row; /* name and value stand behind the struct */
	uint64_t total;    /* LOG: as in struct kt_effect */
	uint8_t bytes[];
};

struct mem_table {
	struct kt_judged now;
	struct mem_row **rows; /* by name; LOG: names are big-endian versions */
	size_t count, cap;
};

struct mem_key {
	struct hy_map_node node;
	struct hy_key key;
	struct mem_table tables[KT_SPACE_ID_MAX + 1];
};

struct mem_shard {
	struct hy_map keys;
};

struct mem_engine {
	struct kt kt;
	uint64_t window_ms;
	struct mem_shard *shards; /* one per loop */
};

static struct mem_engine *engine_of(struct kt *kt)
{
	return hy_container_of(kt, struct mem_engine, kt);
}

static struct mem_key *find_key(struct kt *kt, const struct hy_key *key, bool create)
{
	struct hy_map *keys = &engine_of(kt)->shards[svr_loop_of_key(kt->svr, key)].keys;
	uint64_t hash = hy_key_hash(key);
	for (struct hy_map_node *n = hy_map_first(keys, hash); n; n = hy_map_next(n)) {
		struct mem_key *k = hy_container_of(n, struct mem_key, node);
		if (hy_key_equal(&k->key, key))
			return k;
	}
	if (!create)
		return NULL;
	struct mem_key *k = hy_zalloc(sizeof *k);
	k->key = *key;
	hy_map_insert(keys, &k->node, hash);
	return k;
}

/** Index of the first row with a name at or above `name`. */
static size_t lower_bound(const struct mem_table *t, struct hy_bytes name)
{
	size_t lo = 0, hi = t->count;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (hy_bytes_compare(t->rows[mid]->row.name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct mem_row *find_row(const struct mem_table *t, struct hy_bytes name)
{
	size_t i = lower_bound(t, name);
	return i < t->count && hy_bytes_equal(t->rows[i]->row.name, name) ? t->rows[i] : NULL;
}

static void put_row(struct mem_table *t, const struct kt_row *row, uint64_t total)
{
	struct mem_row *r = hy_alloc(sizeof *r + row->name.len + row->value.len);
	r->row = *row;
	r->total = total;
	r->row.name.data = r->bytes;
	r->row.value.data = r->bytes + row->name.len;
	memcpy(r->bytes, row->name.data, row->name.len);
	if (row->value.len)
		memcpy(r->bytes + row->name.len, row->value.data, row->value.len);

	size_t i = lower_bound(t, row->name);
	if (i < t->count && hy_bytes_equal(t->rows[i]->row.name, row->name)) {
		hy_free(t->rows[i]);
		t->rows[i] = r;
		return;
	}
	if (t->count == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 8;
		t->rows = hy_realloc(t->rows, t->cap * sizeof(*t->rows));
	}
	memmove(&t->rows[i + 1], &t->rows[i], (t->count - i) * sizeof(*t->rows));
	t->rows[i] = r;
	t->count++;
}

static void drop_first(struct mem_table *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hy_free(t->rows[i]);
	t->count -= n;
	if (t->count)
		memmove(t->rows, t->rows + n, t->count * sizeof(*t->rows));
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static struct kt_judged view_table(void *arg, const struct kt_space *space)
{
	return ((struct mem_key *)arg)->tables[space->id].now;
}

static bool view_row(void *arg, const struct kt_space *space, struct hy_bytes name, struct kt_row *ret_row)
{
	const struct mem_row *r = find_row(&((struct mem_key *)arg)->tables[space->id], name);
	if (r)
		*ret_row = r->row;
	return r != NULL;
}

static size_t view_names(void *arg, const struct kt_space *space, uint64_t trimmed)
{
	const struct mem_table *t = &((struct mem_key *)arg)->tables[space->id];
	size_t names = t->count;
	for (size_t i = 0; i < t->count && t->count >= KT_MAP_NAMES_MAX; i++)
		names -= t->rows[i]->row.deleted && t->rows[i]->row.version <= trimmed;
	return names;
}

static uint64_t view_total_at(void *arg, const struct kt_space *space, uint64_t version)
{
	uint8_t name[8];
	hy_put_be64(name, version);
	return find_row(&((struct mem_key *)arg)->tables[space->id], hy_bytes(name, 8))->total;
}

/** MAP. */
static void drop_tombstones(struct mem_table *t)
{
	size_t kept = 0;
	for (size_t i = 0; i < t->count; i++) {
		if (t->rows[i]->row.deleted && t->rows[i]->row.version <= t->now.trimmed)
			hy_free(t->rows[i]);
		else
			t->rows[kept++] = t->rows[i];
	}
	t->count = kept;
}

static void apply(struct mem_key *k, const struct kt_effect *e)
{
	struct mem_table *t = &k->tables[e->space->id];
	struct kt_row row = {.name = e->name, .value = e->value, .version = e->version};
	uint8_t name[8];
	hy_put_be64(name, e->version);

	switch (e->kind) {
	case KT_EFFECT_APPEND:
		row.name = hy_bytes(name, 8);
		put_row(t, &row, e->total);
		t->now.version = e->version;
		t->now.total = e->total;
		break;
	case KT_EFFECT_TRIM:
		if (e->space->shape == KT_LOG)
			drop_first(t, e->version - t->now.trimmed);
		t->now.trimmed = e->version;
		t->now.trimmed_total = e->total;
		if (e->space->shape == KT_MAP)
			drop_tombstones(t);
		break;
	case KT_EFFECT_PUT:
	case KT_EFFECT_DELETE:
		row.deleted = e->kind == KT_EFFECT_DELETE;
		put_row(t, &row, 0);
		t->now.version = e->version;
		if (e->space->unfollowed) {
			t->now.trimmed = e->version;
			drop_tombstones(t);
		}
		break;
	case KT_EFFECT_WINDOW:
		put_row(t, &row, 0);
		break;
	}
}

static uint64_t mem_floor_ms(const struct kt *kt)
{
	const struct mem_engine *m = hy_container_of(kt, struct mem_engine, kt);
	uint64_t now = env_wall_ms(svr_env(kt->svr));
	return now > m->window_ms ? now - m->window_ms : 0;
}

static int mem_write(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count,
	bool lazily, struct kt_result *ret_result)
{
	struct mem_key *k = find_key(kt, key, true);
	uint64_t wall_ms = env_wall_ms(svr_env(kt->svr));
	struct kt_view view = {view_table, view_row, view_names, view_total_at, k, mem_floor_ms(kt), wall_ms};
	struct kt_effect effects[KT_OPS_MAX];
	size_t effect_count;
	int status = kt_judge(kt, &view, ops, count, effects, &effect_count, ret_result);
	if (status) {
		int copied = kt_answer_copy(call->arena, &ret_result->stored, &ret_result->stored);
		return copied ? copied : status;
	}
	for (size_t i = 0; i < effect_count; i++)
		apply(k, &effects[i]);
	mon_add(svr_mon(kt->svr), svr_loop_index(call->loop), MON_kt_writes, 1);
	return HY_OK;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static struct mem_table *find_table(struct kt *kt, const struct hy_key *key, const struct kt_space *space)
{
	struct mem_key *k = find_key(kt, key, false);
	return k ? &k->tables[space->id] : NULL;
}

static int mem_read_row(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	struct hy_bytes name, struct kt_row *ret_row)
{
	struct mem_table *t = find_table(kt, key, space);
	struct mem_row *r = t ? find_row(t, name) : NULL;
	if (!r || r->row.deleted || (space->shape == KT_WINDOW && hy_get_be64(name.data) <= mem_floor_ms(kt)))
		return HY_NOT_FOUND;
	return kt_answer_copy(call->arena, &r->row, ret_row);
}

static int mem_read_rows(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_place *places,
	size_t count, struct kt_row *ret_rows)
{
	struct mem_key *k = find_key(kt, key, false);
	int status = HY_OK;
	for (size_t i = 0; i < count && !status; i++) {
		const struct mem_row *r = k ? find_row(&k->tables[places[i].space], places[i].name) : NULL;
		ret_rows[i] = (struct kt_row){0};
		if (r && !r->row.deleted)
			status = kt_answer_copy(call->arena, &r->row, &ret_rows[i]);
	}
	return status;
}

static int mem_read_range(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	struct hy_bytes after, struct kt_limits limits, struct kt_rows *ret_rows)
{
	struct kt_answer answer;
	kt_answer_init(&answer, call, limits, ret_rows);
	struct mem_table *t = find_table(kt, key, space);
	if (!t)
		return HY_OK;
	ret_rows->version = t->now.version;
	ret_rows->trimmed = t->now.trimmed;
	for (size_t i = lower_bound(t, after); i < t->count; i++) {
		const struct kt_row *row = &t->rows[i]->row;
		if (row->deleted || hy_bytes_equal(row->name, after))
			continue;
		if (!kt_answer_add(&answer, row))
			break;
	}
	return answer.status;
}

/** The row with the lowest version above `since`, or NULL. */
static const struct kt_row *next_change(const struct mem_table *t, uint64_t since)
{
	const struct kt_row *best = NULL;
	for (size_t i = 0; i < t->count; i++) {
		const struct kt_row *row = &t->rows[i]->row;
		if (row->version > since && (!best || row->version < best->version))
			best = row;
	}
	return best;
}

static int mem_read_changes(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	uint64_t since, struct kt_limits limits, struct kt_rows *ret_rows)
{
	struct kt_answer answer;
	kt_answer_init(&answer, call, limits, ret_rows);
	struct mem_table *t = find_table(kt, key, space);
	if (!t)
		return since ? HY_OUT_OF_RANGE : HY_OK;
	ret_rows->version = t->now.version;
	ret_rows->trimmed = t->now.trimmed;
	if (kt_misses_trimmed(space, since, t->now.trimmed, &answer) || since > t->now.version)
		return HY_OUT_OF_RANGE;
	uint64_t last = since;
	for (const struct kt_row *row; (row = next_change(t, last)) && kt_answer_add(&answer, row);)
		last = row->version;
	if (ret_rows->more)
		ret_rows->version = last;
	return answer.status;
}

static int mem_read_head(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	struct kt_head *ret_head)
{
	const struct mem_table *t = find_table(kt, key, space);
	if (!t)
		return HY_OK;
	*ret_head = (struct kt_head){.version = t->now.version, .trimmed = t->now.trimmed};
	if (space->shape == KT_WINDOW)
		return HY_OK;
	for (size_t i = 0; i < t->count; i++) {
		ret_head->rows += t->rows[i]->row.deleted ? 0 : 1;
		ret_head->tombstones += t->rows[i]->row.deleted ? 1 : 0;
		ret_head->bytes += t->rows[i]->row.value.len;
	}
	return HY_OK;
}

struct list_work {
	struct mem_engine *engine;
	const struct hy_key *after;
	struct hy_key *keys;
	size_t count, cap;
};

static bool list_one(void *arg, struct hy_map_node *n)
{
	struct list_work *w = arg;
	const struct mem_key *k = hy_container_of(n, struct mem_key, node);
	size_t rows = 0;
	for (unsigned i = 0; i <= KT_SPACE_ID_MAX; i++)
		rows += k->tables[i].count + k->tables[i].now.version;
	if (rows == 0 || (w->after && kt_key_compare(&k->key, w->after) <= 0))
		return true;
	if (w->count == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		w->keys = hy_realloc(w->keys, w->cap * sizeof(*w->keys));
	}
	w->keys[w->count++] = k->key;
	return true;
}

static int list_shard(struct call *callee, void *arg)
{
	struct list_work *w = arg;
	hy_map_each(&w->engine->shards[svr_loop_index(callee->loop)].keys, list_one, w);
	return HY_OK;
}

static int mem_list_keys(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit,
	struct hy_key **ret_keys, size_t *ret_count, bool *ret_more)
{
	struct list_work w = {.engine = engine_of(kt), .after = after};
	int status = HY_OK;
	for (unsigned i = 0; i < svr_loop_count(kt->svr) && !status; i++)
		status = svr_hop(call, i, list_shard, &w);
	if (!status) {
		*ret_count = kt_keys_finish(w.keys, w.count, limit, ret_more);
		*ret_keys = hy_arena_memdup(call->arena, w.keys, *ret_count * sizeof(**ret_keys));
		if (!*ret_keys)
			status = HY_RESOURCE_EXHAUSTED;
	}
	hy_free(w.keys);
	return status;
}

struct heads_work {
	struct kt *kt;
	struct kt_listed *listed;
	size_t count;
};

static int fill_heads(struct call *callee, void *arg)
{
	struct heads_work *w = arg;
	for (size_t i = 0; i < w->count; i++) {
		struct kt_listed *listed = &w->listed[i];
		if (svr_loop_of_key(w->kt->svr, &listed->key) != svr_loop_index(callee->loop))
			continue;
		for (const struct kt_space *space = w->kt->spaces; space->id; space++)
			(void)mem_read_head(w->kt, callee, &listed->key, space, &listed->heads[space->id]);
	}
	return HY_OK;
}

static int mem_list_heads(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit,
	struct kt_listed **ret_list, size_t *ret_count, bool *ret_more)
{
	struct hy_key *keys;
	struct heads_work w = {.kt = kt};
	int status = mem_list_keys(kt, call, after, limit, &keys, &w.count, ret_more);
	if (status)
		return status;
	w.listed = hy_arena_zalloc(call->arena, (w.count + 1) * sizeof *w.listed);
	if (!w.listed)
		return HY_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < w.count; i++)
		w.listed[i].key = keys[i];
	for (unsigned i = 0; i < svr_loop_count(kt->svr) && !status; i++)
		status = svr_hop(call, i, fill_heads, &w);
	*ret_list = w.listed;
	*ret_count = w.count;
	return status;
}

static void mem_stats(const struct kt *kt, struct kt_stats *ret_stats) {}

static bool free_key(void *arg, struct hy_map_node *n)
{
	struct mem_key *k = hy_container_of(n, struct mem_key, node);
	hy_map_remove(arg, n);
	for (unsigned i = 0; i <= KT_SPACE_ID_MAX; i++) {
		drop_first(&k->tables[i], k->tables[i].count);
		hy_free(k->tables[i].rows);
	}
	hy_free(k);
	return true;
}

static void mem_close(struct kt *kt)
{
	struct mem_engine *m = engine_of(kt);
	for (unsigned i = 0; i < svr_loop_count(kt->svr); i++) {
		hy_map_each(&m->shards[i].keys, free_key, &m->shards[i].keys);
		hy_map_fini(&m->shards[i].keys);
	}
	hy_free(m->shards);
	hy_free(m);
}

static const struct kt_engine mem_engine = {
	.write = mem_write,
	.read_row = mem_read_row,
	.read_rows = mem_read_rows,
	.read_range = mem_read_range,
	.read_changes = mem_read_changes,
	.read_head = mem_read_head,
	.list_keys = mem_list_keys,
	.list_heads = mem_list_heads,
	.floor_ms = mem_floor_ms,
	.stats = mem_stats,
	.close = mem_close,
};

int kt_open_mem(struct svr *svr, const struct kt_config *config, struct kt **ret_kt)
{
	struct mem_engine *m = hy_zalloc(sizeof *m);
	kt_init(&m->kt, &mem_engine, svr, config);
	env_random(svr_env(svr), &m->kt.epoch, sizeof m->kt.epoch);
	m->window_ms = kt_window_ms(config);
	m->shards = hy_zalloc(svr_loop_count(svr) * sizeof(*m->shards));
	for (unsigned i = 0; i < svr_loop_count(svr); i++)
		hy_map_init(&m->shards[i].keys);
	*ret_kt = &m->kt;
	return HY_OK;
}
