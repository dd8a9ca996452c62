#include "kt/sdb.h"

/*
 * Keys that leave in one turn, at most: some, and a multiple of those that the turn may have brought, so that eviction
 * keeps up however busy the loop is. What is left gets a turn of its own.
 */
#define LEAVE 256
#define LEAVE_PER_VISIT 4
/* Keys looked at in vain before the others are left in peace: the coldest were not moved yet. */
#define LOOKS_IN_VAIN 64

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

static void let_go(struct sdb_shard *s, struct sdb_entry *e, uint64_t moved_pos)
{
	struct sdb *sdb = s->sdb;
	if (e->users || e->pending) {
		env_mark(sdb->env, "kt: eviction during a read or write");
	} else if (e->last_pos <= moved_pos) {
		env_mark(sdb->env, "kt: eviction");
		mon_add(svr_mon(sdb->kt.svr), s->index, MON_kt_evictions, 1);
		sdb_entry_destroy(s, e);
	} else if (e->loaded) {
		shed(s, e, moved_pos);
	}
}

void sdb_evict(struct sdb_shard *s)
{
	struct sdb *sdb = s->sdb;
	unsigned left = LEAVE + LEAVE_PER_VISIT * s->visits, in_vain = 0;
	s->visits = 0;
	if (s->memory <= sdb->shard_budget)
		return;
	uint64_t moved_pos = sdb_moved(sdb);
	struct sdb_entry *e;
	hy_list_each (e, &s->lru, struct sdb_entry, lru) {
		uint64_t before = s->memory;
		let_go(s, e, moved_pos);
		if (s->memory <= sdb->shard_budget)
			return;
		if (s->memory == before && ++in_vain == LOOKS_IN_VAIN)
			break;
		if (--left == 0) {
			sdb_evict_soon(s);
			return;
		}
	}
	if (s->memory > sdb->shard_budget + sdb->move_bytes / sdb->shard_count) {
		sdb_set(&sdb->pressure, true);
		sdb_mover_wake(sdb);
	}
}

static void on_again(struct env_msg *msg)
{
	struct sdb_shard *s = hy_container_of(msg, struct sdb_shard, again);
	__atomic_store_n(&s->again_posted, false, __ATOMIC_RELEASE); /* the turn's end does the rest */
}

void sdb_evict_soon(struct sdb_shard *s)
{
	if (__atomic_exchange_n(&s->again_posted, true, __ATOMIC_ACQ_REL))
		return;
	s->again.fn = on_again;
	env_inbox_post(env_loop_inbox(svr_loop_env(s->loop)), &s->again);
}
