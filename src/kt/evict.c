#include "kt/sdb.h"

/* Keys looked at in one turn, at most: a loop is not held for longer than that takes. */
#define LOOKS 64

/** Rows of a key that stays, from the oldest on, as far as RocksDB has them. A map is in memory whole or not at all. */
static void shed(struct sdb_shard *s, struct sdb_entry *e, uint64_t moved_pos)
{
	for (struct sdb_table *t = e->tables; t; t = t->next) {
		if (t->space->shape == KT_LOG) {
			const struct sdb_row *r;
			while (s->memory > s->sdb->shard_budget && t->log.count && (r = sdb_log_row(t, t->log.first)) &&
				r->pos <= moved_pos)
				sdb_log_drop(s, t, r->version);
		} else if (t->space->shape == KT_WINDOW) {
			struct sdb_row *r;
			while (s->memory > s->sdb->shard_budget &&
				(r = hy_list_first(&t->window.by_age, struct sdb_row, window.by_age)) &&
				r->pos <= moved_pos) {
				t->window.split_ms = HY_MAX(t->window.split_ms, hy_get_be64(r->bytes));
				sdb_window_drop_first(s, t);
			}
		}
	}
}

void sdb_evict(struct sdb_shard *s)
{
	struct sdb *sdb = s->sdb;
	if (s->memory <= sdb->shard_budget)
		return;
	uint64_t moved_pos = sdb_get(&sdb->moved_pos);
	unsigned looks = 0;
	struct sdb_entry *e;
	hy_list_each (e, &s->lru, struct sdb_entry, lru) {
		if (s->memory <= sdb->shard_budget)
			return;
		if (++looks > LOOKS)
			break;
		if (e->users || e->pending) {
			env_mark(sdb->env, "kt: eviction during a read or write");
			continue;
		}
		if (e->last_pos <= moved_pos) {
			env_mark(sdb->env, "kt: eviction");
			mon_add(svr_mon(sdb->kt.svr), s->index, MON_kt_evictions, 1);
			sdb_entry_destroy(s, e);
		} else if (e->loaded) {
			shed(s, e, moved_pos);
		}
	}
	if (s->memory > sdb->shard_budget)
		sdb_set(&sdb->pressure, true);
}
