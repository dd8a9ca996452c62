#include "base/mem.h"
#include "base/planted.h"
#include "kt/sdb.h"

/* What an allocation costs beside the bytes asked for. */
#define ALLOC_COST 16
/* Most keys' logs have one or two rows in memory. */
#define RING_FIRST 2

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static size_t row_size(const struct sdb_row *r)
{
	return sizeof *r + r->name_len + r->value_len + ALLOC_COST;
}

struct sdb_row *sdb_row_create(struct sdb_shard *s, struct sdb_table *t, const struct kt_effect *e, uint64_t pos)
{
	struct sdb_row *r = hy_alloc(sizeof *r + e->name.len + e->value.len);
	r->next = NULL;
	r->table = t;
	r->version = e->version;
	r->pos = pos;
	r->value_len = (uint32_t)e->value.len;
	r->name_len = (uint8_t)e->name.len;
	r->kind = (uint8_t)e->kind;
	if (e->name.len)
		memcpy(r->bytes, e->name.data, e->name.len);
	if (e->value.len)
		memcpy(r->bytes + e->name.len, e->value.data, e->value.len);

	switch (e->kind) {
	case KT_EFFECT_APPEND:
	case KT_EFFECT_TRIM:
		r->total = e->total;
		break;
	case KT_EFFECT_PUT:
	case KT_EFFECT_DELETE:
		r->map.older = NULL;
		r->map.buried = r->map.on_disk = false;
		hy_link_init(&r->map.by_version);
		break;
	case KT_EFFECT_WINDOW:
		hy_link_init(&r->window.by_age);
		break;
	}
	s->memory += row_size(r);
	return r;
}

void sdb_row_destroy(struct sdb_shard *s, struct sdb_row *r)
{
	s->memory -= row_size(r);
	hy_free(r);
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

struct sdb_table *sdb_table_find(const struct sdb_entry *e, const struct kt_space *space)
{
	struct sdb_table *t = e->tables;
	while (t && t->space != space)
		t = t->next;
	return t;
}

void sdb_table_head(const struct sdb_table *t, struct kt_head *ret_head)
{
	*ret_head = (struct kt_head){.version = t->seen.version, .trimmed = t->seen.trimmed};
	if (t->space->shape == KT_LOG) {
		ret_head->rows = t->seen.version - t->seen.trimmed;
		ret_head->bytes = t->seen.total - t->seen.trimmed_total;
	} else if (t->space->shape == KT_MAP && (t->map.whole || t->map.counted)) {
		ret_head->rows = t->map.rows;
		ret_head->bytes = t->map.bytes;
		ret_head->tombstones = t->map.tombstones;
	}
}

/** Only as much as the shape needs: a cold key is little but its tables. */
static size_t table_size(enum kt_shape shape)
{
	const struct sdb_table *t = NULL;
	size_t common = offsetof(struct sdb_table, log);
	switch (shape) {
	case KT_LOG:
		return common + sizeof t->log;
	case KT_WINDOW:
		return common + sizeof t->window;
	case KT_MAP:
		break;
	}
	return sizeof *t;
}

struct sdb_table *sdb_table_get(struct sdb_shard *s, struct sdb_entry *e, const struct kt_space *space)
{
	struct sdb_table *t = sdb_table_find(e, space);
	if (t)
		return t;
	t = hy_zalloc(table_size(space->shape));
	s->memory += table_size(space->shape) + ALLOC_COST;
	t->entry = e;
	t->space = space;
	t->next = e->tables;
	e->tables = t;
	switch (space->shape) {
	case KT_LOG:
		break;
	case KT_MAP:
		hy_link_init(&t->map.by_version);
		hy_link_init(&t->map.buried);
		t->map.whole = e->loaded; /* the head row does not have it, so RocksDB has nothing of it */
		break;
	case KT_WINDOW:
		hy_link_init(&t->window.by_age);
		break;
	}
	return t;
}

void sdb_table_destroy(struct sdb_shard *s, struct sdb_table *t)
{
	switch (t->space->shape) {
	case KT_LOG:
		for (uint32_t i = 0; i < t->log.count; i++)
			sdb_row_destroy(s, t->log.ring[(t->log.first + i) & (t->log.cap - 1)]);
		s->memory -= t->log.cap * sizeof *t->log.ring;
		hy_free(t->log.ring);
		break;
	case KT_MAP:
		sdb_map_fini(s, t);
		break;
	case KT_WINDOW:
		while (!hy_list_empty(&t->window.by_age))
			sdb_window_drop_first(s, t);
		break;
	}
	s->memory -= table_size(t->space->shape) + ALLOC_COST;
	hy_free(t);
}

/* ---- LOG: a ring indexed by version ---------------------------------------------------------------------------- */

struct sdb_row *sdb_log_row(const struct sdb_table *t, uint64_t version)
{
	if (version < t->log.first || version - t->log.first >= t->log.count)
		return NULL;
	return t->log.ring[version & (t->log.cap - 1)];
}

static void log_push(struct sdb_shard *s, struct sdb_table *t, struct sdb_row *r)
{
	if (t->log.count == t->log.cap) {
		uint32_t cap = t->log.cap ? t->log.cap * 2 : RING_FIRST;
		struct sdb_row **ring = hy_alloc(cap * sizeof *ring);
		for (uint64_t v = t->log.first; v < t->log.first + t->log.count; v++)
			ring[v & (cap - 1)] = t->log.ring[v & (t->log.cap - 1)];
		s->memory += (cap - t->log.cap) * sizeof *ring;
		hy_free(t->log.ring);
		t->log.ring = ring;
		t->log.cap = cap;
	}
	if (t->log.count == 0)
		t->log.first = r->version;
	assert(r->version == t->log.first + t->log.count);
	t->log.ring[r->version & (t->log.cap - 1)] = r;
	t->log.count++;
}

void sdb_log_drop(struct sdb_shard *s, struct sdb_table *t, uint64_t version)
{
	while (t->log.count && t->log.first <= version) {
		sdb_row_destroy(s, t->log.ring[t->log.first & (t->log.cap - 1)]);
		t->log.first++;
		t->log.count--;
	}
	if (t->log.count == 0 && t->log.cap > 64) {
		s->memory -= t->log.cap * sizeof *t->log.ring;
		hy_free(t->log.ring);
		t->log.ring = NULL;
		t->log.cap = 0;
	}
}

/* ---- WINDOW: rows in the shard's hash -------------------------------------------------------------------------- */

uint64_t sdb_window_hash(
	const struct sdb_shard *s, const struct kt_space *space, uint64_t entry_hash, struct hy_bytes name)
{
	return hy_hash(name.data, name.len, entry_hash ^ s->seed ^ space->id);
}

static uint64_t window_hash(const struct sdb_shard *s, const struct sdb_table *t, struct hy_bytes name)
{
	return sdb_window_hash(s, t->space, t->entry->node.hash, name);
}

struct sdb_row *sdb_window_row(struct sdb_shard *s, const struct sdb_table *t, struct hy_bytes name)
{
	uint64_t hash = window_hash(s, t, name);
	for (struct hy_map_node *n = hy_map_first(&s->window_rows, hash); n; n = hy_map_next(n)) {
		struct sdb_row *r = hy_container_of(n, struct sdb_row, window.node);
		if (r->table == t && hy_bytes_equal(sdb_row_name(r), name))
			return r;
	}
	return NULL;
}

void sdb_window_merge(struct sdb_shard *s, struct sdb_table *t, const struct kt_effect *e)
{
	if (sdb_window_row(s, t, e->name))
		return;
	struct sdb_row *r = sdb_row_create(s, t, e, 0);
	hy_map_insert(&s->window_rows, &r->window.node, window_hash(s, t, e->name));
	hy_list_push_front(&t->window.by_age, &r->window.by_age);
}

void sdb_window_drop_first(struct sdb_shard *s, struct sdb_table *t)
{
	struct sdb_row *r = hy_list_first(&t->window.by_age, struct sdb_row, window.by_age);
	hy_list_remove(&r->window.by_age);
	hy_map_remove(&s->window_rows, &r->window.node);
	sdb_row_destroy(s, r);
}

/** What is at or below the floor is refused anyway: a few leave with each row that comes. */
static void window_expire(struct sdb_shard *s, struct sdb_table *t)
{
	uint64_t floor_ms = sdb_get(&s->sdb->floor_ms);
	for (int i = 0; i < 2; i++) {
		struct sdb_row *r = hy_list_first(&t->window.by_age, struct sdb_row, window.by_age);
		if (!r || hy_get_be64(r->bytes) > floor_ms || r->pos > sdb_moved(s->sdb))
			return;
		sdb_window_drop_first(s, t);
	}
}

/* ---- on its way, durable ----------------------------------------------------------------------------------------- */

void sdb_row_add(struct sdb_shard *s, struct sdb_row *r)
{
	struct sdb_table *t = r->table;
	switch ((enum kt_effect_kind)r->kind) {
	case KT_EFFECT_APPEND:
		log_push(s, t, r);
		t->now.version = r->version;
		t->now.total = r->total;
		break;
	case KT_EFFECT_TRIM:
		t->now.trimmed = r->version;
		t->now.trimmed_total = r->total;
		break;
	case KT_EFFECT_PUT:
	case KT_EFFECT_DELETE:
		sdb_map_put(s, t, r);
		t->now.version = r->version;
		if (t->space->unfollowed)
			t->now.trimmed = r->version;
		break;
	case KT_EFFECT_WINDOW:
		hy_map_insert(&s->window_rows, &r->window.node, window_hash(s, t, sdb_row_name(r)));
		break;
	}
}

void sdb_row_commit(struct sdb_shard *s, struct sdb_row *r, uint64_t pos)
{
	struct sdb_table *t = r->table;
	r->pos = pos;
	r->next = NULL;
	sdb_entry_touch_dirty(s, t->entry, pos);
	switch ((enum kt_effect_kind)r->kind) {
	case KT_EFFECT_APPEND:
		t->seen.version = r->version;
		t->seen.total = r->total;
		break;
	case KT_EFFECT_TRIM:
		t->seen.trimmed = r->version;
		t->seen.trimmed_total = r->total;
		if (t->space->shape == KT_LOG)
			sdb_log_drop(s, t, r->version);
		else
			sdb_map_bury(s, t);
		sdb_row_destroy(s, r);
		break;
	case KT_EFFECT_PUT:
	case KT_EFFECT_DELETE:
		sdb_map_commit(s, t, r);
		break;
	case KT_EFFECT_WINDOW:
		hy_list_push_back(&t->window.by_age, &r->window.by_age);
		window_expire(s, t);
		break;
	}
}

/* ---- replay ------------------------------------------------------------------------------------------------------ */

/**
 * Whether the change says something new, judged by the versions replayed so far: those in RocksDB are not known yet, so
 * a first change may have any version, and a trim mark may stand above the table's version until sdb_load() has merged
 * the head row.
 */
static bool replay_is_new(struct sdb_shard *s, struct sdb_table *t, const struct kt_effect *e)
{
	switch (e->kind) {
	case KT_EFFECT_APPEND:
	case KT_EFFECT_PUT:
	case KT_EFFECT_DELETE:
		return e->version > t->seen.version;
	case KT_EFFECT_TRIM:
		return e->version > t->seen.trimmed;
	case KT_EFFECT_WINDOW:
		return !sdb_window_row(s, t, e->name);
	}
	return false;
}

void sdb_replay_effect(struct sdb_shard *s, struct sdb_entry *e, const struct kt_effect *effect, uint64_t pos)
{
	struct sdb_table *t = sdb_table_get(s, e, effect->space);
	if (!replay_is_new(s, t, effect))
		return;
	bool versioned = effect->kind != KT_EFFECT_TRIM && effect->kind != KT_EFFECT_WINDOW;
	if (versioned && t->seen.version > 0 && effect->version != t->seen.version + 1) {
		env_mark(s->sdb->env, "kt: gap in the log");
		if (t->space->shape == KT_LOG)
			sdb_log_drop(s, t, UINT64_MAX);
		else
			t->map.gap_end = effect->version - 1;
	}
	struct sdb_row *r = sdb_row_create(s, t, effect, SDB_PENDING);
	sdb_row_add(s, r);
	sdb_row_commit(s, r, pos);
}
