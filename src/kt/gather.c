/* A loop's share of what the mover writes: its dirty keys, each whole, in the order in which they became dirty (S9). */
#include "base/planted.h"
#include "kt/sdb.h"

/* A portion ends after the key that passes one of these: a loop is held for a few milliseconds. */
#define PORTION_BYTES (1u << 20)
#define PORTION_KEYS 1024
/* The heads of a key that was only replayed so far must be read first. */
#define LOAD_TIMEOUT_US (30ull * 1000 * 1000)

/*
 * What a portion holds: PUT place value, DELETE place, DELETE_LOG key-length key space from to (both versions
 * included). The mover expands the latter, which may be many.
 */
enum { OP_PUT = 1, OP_DELETE_LOG = 2, OP_DELETE = 3 };

static void put_op(struct hy_buf *ops, uint8_t op)
{
	hy_buf_append(ops, &op, 1);
}

static void put_row(struct sdb_portion *p, const struct place_name *place, const struct hy_buf *value)
{
	put_op(&p->ops, OP_PUT);
	hy_buf_put_bytes(&p->ops, place_bytes(place));
	hy_buf_put_bytes(&p->ops, hy_buf_bytes(value));
	p->rows++;
}

static void gather_log(struct sdb_portion *p, struct sdb_table *t)
{
	const struct hy_key *key = &t->entry->key;
	struct hy_buf *value = &p->shard->scratch;
	uint64_t gone = HY_MIN(t->seen.trimmed, t->disk_version);
	if (gone > t->disk_trimmed) {
		put_op(&p->ops, OP_DELETE_LOG);
		hy_buf_put_bytes(&p->ops, hy_key_bytes(key));
		put_op(&p->ops, t->space->id);
		hy_buf_put_varint(&p->ops, t->disk_trimmed + 1);
		hy_buf_put_varint(&p->ops, gone);
	}
	for (uint64_t v = HY_MAX(t->disk_version, t->seen.trimmed) + 1; v <= t->seen.version; v++) {
		const struct sdb_row *r = sdb_log_row(t, v);
		struct place_name place;
		place_log_row(&place, key, t->space->id, v);
		hy_buf_clear(value);
		place_put_log_value(value, r->total, sdb_row_value(r));
		put_row(p, &place, value);
	}
	t->disk_version = t->seen.version;
	t->disk_trimmed = t->seen.trimmed;
}

static void gather_map(struct sdb_portion *p, struct sdb_table *t)
{
	struct hy_buf *value = &p->shard->scratch;
	for (struct hy_link *at = t->map.by_version.prev; at != &t->map.by_version; at = at->prev) {
		struct sdb_row *r = hy_container_of(at, struct sdb_row, map.by_version);
		struct place_name place;
		if (r->version <= t->disk_version)
			break;
		r->map.on_disk = true;
		place_map_row(&place, &t->entry->key, t->space->id, sdb_row_name(r));
		hy_buf_clear(value);
		place_put_map_value(value, r->version, r->kind == KT_EFFECT_DELETE, sdb_row_value(r));
		put_row(p, &place, value);
	}
	struct sdb_row *r;
	hy_list_each (r, &t->map.buried, struct sdb_row, map.by_version) {
		struct place_name place;
		if (!r->map.on_disk || PLANTED(deleted_row_stays_on_disk))
			continue;
		place_map_row(&place, &t->entry->key, t->space->id, sdb_row_name(r));
		put_op(&p->ops, OP_DELETE);
		hy_buf_put_bytes(&p->ops, place_bytes(&place));
	}
	sdb_map_handed_out(p->shard, t);
	t->disk_version = t->seen.version;
}

static void gather_window(struct sdb_portion *p, struct sdb_table *t)
{
	struct hy_buf *value = &p->shard->scratch;
	for (struct hy_link *at = t->window.by_age.prev; at != &t->window.by_age; at = at->prev) {
		const struct sdb_row *r = hy_container_of(at, struct sdb_row, window.by_age);
		struct place_name place;
		if (r->pos <= t->entry->gathered_pos)
			break;
		place_window_row(&place, &t->entry->key, t->space->id, sdb_row_name(r));
		hy_buf_clear(value);
		place_put_window_value(value, r->version, sdb_row_value(r));
		put_row(p, &place, value);
		t->window.disk_newest_ms = HY_MAX(t->window.disk_newest_ms, hy_get_be64(r->bytes));
	}
}

static void gather_head(struct sdb_portion *p, const struct sdb_entry *e)
{
	struct hy_buf *value = &p->shard->scratch;
	hy_buf_clear(value);
	for (const struct sdb_table *t = e->tables; t; t = t->next) {
		struct place_table head = {
			.space = t->space->id,
			.version = t->seen.version,
			.trimmed = t->seen.trimmed,
			.total = t->seen.total,
			.trimmed_total = t->seen.trimmed_total,
		};
		if (t->space->shape == KT_WINDOW)
			head.newest_ms = t->window.disk_newest_ms;
		if (t->space->shape == KT_MAP && (t->map.whole || t->map.counted)) {
			head.total = t->map.bytes;
			head.counts = place_map_counts(t->map.rows, t->map.tombstones);
		}
		place_put_table(value, &head);
	}
	struct place_name place;
	place_head(&place, &e->key);
	put_row(p, &place, value);
}

static void gather_entry(struct sdb_portion *p, struct sdb_entry *e)
{
	for (struct sdb_table *t = e->tables; t; t = t->next) {
		if (t->space->shape == KT_LOG)
			gather_log(p, t);
		else if (t->space->shape == KT_MAP)
			gather_map(p, t);
		else
			gather_window(p, t);
	}
	gather_head(p, e);
	e->gathered_pos = e->last_pos;
	hy_list_remove(&e->dirty);
}

static void reply(struct sdb_portion *p)
{
	env_inbox_post(p->reply_to, &p->msg);
}

static struct sdb_entry *first_wanted(const struct sdb_portion *p)
{
	struct sdb_entry *e = hy_list_first(&p->shard->dirty, struct sdb_entry, dirty);
	return e && e->dirty_pos <= p->target ? e : NULL;
}

/** Until the portion is full, all is gathered, or a key is met whose heads must be read first. That key, or NULL. */
static struct sdb_entry *gather_loaded(struct sdb_portion *p)
{
	struct sdb_entry *e;
	unsigned keys = 0;
	p->more = false;
	while ((e = first_wanted(p))) {
		if (hy_buf_len(&p->ops) >= PORTION_BYTES || keys++ >= PORTION_KEYS) {
			p->more = true;
			return NULL;
		}
		if (!e->loaded)
			return e;
		gather_entry(p, e);
	}
	return NULL;
}

/** In a coroutine: after a replay. */
static void gather_cold(void *arg)
{
	struct sdb_portion *p = arg;
	struct sdb_entry *e;
	for (unsigned keys = 0; p->status == HY_OK && (e = gather_loaded(p)); keys++) {
		if (keys >= PORTION_KEYS) {
			p->more = true;
			break;
		}
		struct hy_arena arena;
		hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
		struct call call = {.loop = p->shard->loop, .arena = &arena};
		call.deadline_us = svr_now_us(call.loop) + LOAD_TIMEOUT_US;
		struct hy_key key = e->key;
		struct sdb_visit v;
		p->status = sdb_visit_begin(&v, p->shard->sdb, &call, &key);
		if (!p->status) {
			p->status = sdb_load(&v);
			sdb_visit_end(&v);
		}
		hy_arena_fini(&arena);
	}
	reply(p);
}

void sdb_gather(struct env_msg *msg)
{
	struct sdb_portion *p = hy_container_of(msg, struct sdb_portion, msg);
	p->status = HY_OK;
	p->rows = 0;
	hy_buf_clear(&p->ops);
	if (p->shard->stopping) {
		p->status = HY_CANCELLED;
		reply(p);
	} else if (gather_loaded(p)) {
		co_spawn(p->shard->loop, gather_cold, p);
	} else {
		reply(p);
	}
}

/* ---- the mover's side -------------------------------------------------------------------------------------------- */

static bool apply_delete(struct hy_bytes *in, struct rows_batch *batch)
{
	struct hy_bytes bytes;
	struct hy_key key = {0};
	uint64_t from, to;
	if (!hy_get_bytes(in, &bytes) || bytes.len > HY_KEY_MAX || in->len < 1)
		return false;
	key.len = (uint8_t)bytes.len;
	memcpy(key.bytes, bytes.data, bytes.len);
	uint8_t space = in->data[0];
	in->data++;
	in->len--;
	if (!hy_get_varint(in, &from) || !hy_get_varint(in, &to))
		return false;
	for (uint64_t v = from; v <= to; v++) {
		struct place_name place;
		place_log_row(&place, &key, space, v);
		rows_batch_delete(batch, place_bytes(&place));
	}
	return true;
}

bool sdb_portion_apply(const struct sdb_portion *p, struct rows_batch *batch)
{
	struct hy_bytes in = hy_buf_bytes(&p->ops), name, value;
	while (in.len) {
		uint8_t op = in.data[0];
		in.data++;
		in.len--;
		if (op == OP_DELETE_LOG) {
			if (!apply_delete(&in, batch))
				return false;
			continue;
		}
		if (!hy_get_bytes(&in, &name))
			return false;
		if (op == OP_DELETE)
			rows_batch_delete(batch, name);
		else if (op == OP_PUT && hy_get_bytes(&in, &value))
			rows_batch_put(batch, name, value);
		else
			return false;
	}
	return true;
}
