/* MAP: an array sorted by name, with older rows behind those that are on their way. */
#include "base/mem.h"
#include "base/planted.h"
#include "kt/sdb.h"

static void destroy_chain(struct sdb_shard *s, struct sdb_row *r)
{
	while (r) {
		struct sdb_row *older = r->map.older;
		sdb_row_destroy(s, r);
		r = older;
	}
}

void sdb_map_fini(struct sdb_shard *s, struct sdb_table *t)
{
	for (uint32_t i = 0; i < t->map.count; i++)
		destroy_chain(s, t->map.slots[i]);
	s->memory -= t->map.cap * sizeof *t->map.slots;
	hy_free(t->map.slots);
}

/* ---- by name --------------------------------------------------------------------------------------------------- */

uint32_t sdb_map_lower_bound(const struct sdb_table *t, struct hy_bytes name)
{
	uint32_t lo = 0, hi = t->map.count;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (hy_bytes_compare(sdb_row_name(t->map.slots[mid]), name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct sdb_row *sdb_map_row(const struct sdb_table *t, struct hy_bytes name)
{
	uint32_t i = sdb_map_lower_bound(t, name);
	return i < t->map.count && hy_bytes_equal(sdb_row_name(t->map.slots[i]), name) ? t->map.slots[i] : NULL;
}

struct sdb_row *sdb_map_visible(struct sdb_row *r)
{
	while (r && r->pos == SDB_PENDING && !PLANTED(visible_before_durable))
		r = r->map.older;
	return r;
}

size_t sdb_map_names(const struct sdb_table *t, uint64_t trimmed)
{
	if (t->map.count < KT_MAP_NAMES_MAX)
		return t->map.count;
	if (trimmed == t->seen.trimmed && t->map.rows + t->map.tombstones >= KT_MAP_NAMES_MAX)
		return t->map.rows + t->map.tombstones;
	size_t names = 0;
	for (uint32_t i = 0; i < t->map.count; i++) {
		const struct sdb_row *r = t->map.slots[i];
		names += r->kind != KT_EFFECT_DELETE || r->version > trimmed;
	}
	return names;
}

void sdb_map_put(struct sdb_shard *s, struct sdb_table *t, struct sdb_row *r)
{
	uint32_t i = sdb_map_lower_bound(t, sdb_row_name(r));
	if (i < t->map.count && hy_bytes_equal(sdb_row_name(t->map.slots[i]), sdb_row_name(r))) {
		r->map.older = t->map.slots[i];
		t->map.slots[i] = r;
		return;
	}
	if (t->map.count == t->map.cap) {
		uint32_t cap = t->map.cap ? t->map.cap * 2 : 4;
		t->map.slots = hy_realloc(t->map.slots, cap * sizeof(*t->map.slots));
		s->memory += (cap - t->map.cap) * sizeof(*t->map.slots);
		t->map.cap = cap;
	}
	memmove(&t->map.slots[i + 1], &t->map.slots[i], (t->map.count - i) * sizeof(*t->map.slots));
	t->map.slots[i] = r;
	t->map.count++;
}

/* ---- durable rows ---------------------------------------------------------------------------------------------- */

/** Of a map that is not whole the numbers are what its head said. */
static void count(struct sdb_table *t, const struct sdb_row *r, int64_t sign)
{
	if (!t->map.whole || r->map.buried)
		return;
	if (r->kind == KT_EFFECT_DELETE) {
		t->map.tombstones += (uint64_t)sign;
		return;
	}
	t->map.rows += (uint64_t)sign;
	t->map.bytes += (uint64_t)(sign * (int64_t)r->value_len);
}

static void forget(struct sdb_shard *s, struct sdb_table *t, struct sdb_row *r)
{
	count(t, r, -1);
	hy_list_remove(&r->map.by_version);
	sdb_row_destroy(s, r);
}

/** The row that `r` supersedes goes; `r` takes its place among the durable ones, before `at`, or among the buried. */
static void settle(struct sdb_shard *s, struct sdb_table *t, struct sdb_row *r, struct hy_link *at)
{
	struct sdb_row *older = hy_take(r->map.older);
	if (older) {
		assert(!older->map.older && older->pos != SDB_PENDING);
		r->map.on_disk |= older->map.on_disk;
		if (at == &older->map.by_version)
			at = at->next;
		forget(s, t, older);
	}
	r->map.buried = r->kind == KT_EFFECT_DELETE && r->version <= t->seen.trimmed;
	count(t, r, 1);
	hy_list_insert_before(r->map.buried ? &t->map.buried : at, &r->map.by_version);
}

/** Buried, and nobody needs it: readers look into memory alone, and RocksDB has, or will have, nothing of its name. */
static bool may_leave(const struct sdb_table *t, const struct sdb_row *r)
{
	return t->map.whole && r->map.buried && !r->map.on_disk;
}

/** A durable row leaves; what supersedes it may be on its way. */
static void take_out(struct sdb_shard *s, struct sdb_table *t, struct sdb_row *r)
{
	uint32_t i = sdb_map_lower_bound(t, sdb_row_name(r));
	struct sdb_row *newer = t->map.slots[i];
	if (newer == r) {
		t->map.count--;
		memmove(&t->map.slots[i], &t->map.slots[i + 1], (t->map.count - i) * sizeof(*t->map.slots));
	} else {
		while (newer->map.older != r)
			newer = newer->map.older;
		newer->map.older = NULL;
	}
	forget(s, t, r);
}

/** All that may leave, in one go. */
static void sweep(struct sdb_shard *s, struct sdb_table *t)
{
	uint32_t kept = 0;
	if (hy_list_empty(&t->map.buried))
		return;
	for (uint32_t i = 0; i < t->map.count; i++) {
		struct sdb_row *newest = t->map.slots[i], **at = &newest;
		while ((*at)->map.older)
			at = &(*at)->map.older;
		if ((*at)->pos != SDB_PENDING && may_leave(t, *at))
			forget(s, t, hy_take(*at));
		if (newest)
			t->map.slots[kept++] = newest;
	}
	t->map.count = kept;
}

void sdb_map_commit(struct sdb_shard *s, struct sdb_table *t, struct sdb_row *r)
{
	t->seen.version = r->version;
	if (t->space->unfollowed)
		t->seen.trimmed = r->version;
	/* Of a map that is not whole nobody knows what RocksDB has of this name. */
	r->map.on_disk = !t->map.whole;
	settle(s, t, r, &t->map.by_version);
	if (may_leave(t, r))
		take_out(s, t, r);
}

void sdb_map_bury(struct sdb_shard *s, struct sdb_table *t)
{
	struct hy_link *at = t->map.by_version.next;
	while (at != &t->map.by_version) {
		struct sdb_row *r = hy_container_of(at, struct sdb_row, map.by_version);
		at = at->next;
		if (r->version > t->seen.trimmed)
			break;
		if (r->kind != KT_EFFECT_DELETE)
			continue;
		count(t, r, -1);
		r->map.buried = true;
		hy_list_remove(&r->map.by_version);
		hy_list_push_back(&t->map.buried, &r->map.by_version);
	}
	sweep(s, t);
}

void sdb_map_handed_out(struct sdb_shard *s, struct sdb_table *t)
{
	struct sdb_row *r;
	hy_list_each (r, &t->map.buried, struct sdb_row, map.by_version)
		r->map.on_disk = false;
	sweep(s, t);
}

/* ---- from RocksDB ---------------------------------------------------------------------------------------------- */

void sdb_map_drop(struct sdb_shard *s, struct sdb_table *t, uint64_t version)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < t->map.count; i++) {
		struct sdb_row *r = t->map.slots[i];
		assert(!r->map.older && r->pos != SDB_PENDING);
		if (r->version > version)
			t->map.slots[kept++] = r;
		else
			forget(s, t, r);
	}
	t->map.count = kept;
}

static struct sdb_row *add(struct sdb_shard *s, struct sdb_table *t, const struct kt_effect *e, struct hy_link *at)
{
	struct sdb_row *r = sdb_row_create(s, t, e, 0);
	r->map.on_disk = true;
	sdb_map_put(s, t, r);
	settle(s, t, r, at);
	return r;
}

void sdb_map_add_read(struct sdb_shard *s, struct sdb_table *t, const struct kt_effect *e)
{
	/* Below all that came later; among each other these have no order, and go before the map becomes whole. */
	add(s, t, e, t->map.by_version.next);
}

void sdb_map_merge(struct sdb_shard *s, struct sdb_table *t, const struct kt_effect *e, struct hy_link **at)
{
	struct sdb_row *old = sdb_map_row(t, e->name);
	if (old && old->version >= e->version)
		return;
	while (*at != &t->map.by_version && hy_container_of(*at, struct sdb_row, map.by_version)->version < e->version)
		*at = (*at)->next;
	if (old && *at == &old->map.by_version)
		*at = (*at)->next;
	add(s, t, e, *at);
}

void sdb_map_become_whole(struct sdb_shard *s, struct sdb_table *t)
{
	t->map.whole = true;
	t->map.rows = t->map.bytes = t->map.tombstones = 0;
	for (uint32_t i = 0; i < t->map.count; i++)
		count(t, t->map.slots[i], 1);
	sweep(s, t);
}
