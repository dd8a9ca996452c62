#include "base/mem.h"
#include "base/planted.h"
#include "kt/sdb.h"

#define ENTRY_COST (sizeof(struct sdb_entry) + 16 + sizeof(void *))

struct sdb_shard *sdb_shard_of(struct sdb *sdb, const struct hy_key *key)
{
	return &sdb->shards[svr_loop_of_key(sdb->kt.svr, key)];
}

uint64_t sdb_entry_hash(const struct sdb_shard *s, const struct hy_key *key)
{
	return hy_hash(key->bytes, key->len, s->seed);
}

struct sdb_entry *sdb_entry_find(const struct sdb_shard *s, const struct hy_key *key, uint64_t hash)
{
	for (struct hy_map_node *n = hy_map_first(&s->entries, hash); n; n = hy_map_next(n)) {
		struct sdb_entry *e = hy_container_of(n, struct sdb_entry, node);
		if (hy_key_equal(&e->key, key))
			return e;
	}
	return NULL;
}

struct sdb_entry *sdb_entry_get(struct sdb_shard *s, const struct hy_key *key)
{
	uint64_t hash = sdb_entry_hash(s, key);
	struct sdb_entry *e = sdb_entry_find(s, key, hash);
	if (e)
		return e;
	e = hy_zalloc(sizeof *e);
	s->memory += ENTRY_COST;
	e->key = *key;
	hy_link_init(&e->lru);
	hy_link_init(&e->dirty);
	hy_link_init(&e->gate);
	hy_map_insert(&s->entries, &e->node, hash);
	hy_list_push_back(&s->lru, &e->lru);
	return e;
}

void sdb_entry_destroy(struct sdb_shard *s, struct sdb_entry *e)
{
	while (e->tables) {
		struct sdb_table *t = e->tables;
		e->tables = t->next;
		sdb_table_destroy(s, t);
	}
	hy_list_remove(&e->lru);
	hy_list_remove(&e->dirty);
	hy_map_remove(&s->entries, &e->node);
	hy_free(e);
	s->memory -= ENTRY_COST;
}

void sdb_entry_touch_dirty(struct sdb_shard *s, struct sdb_entry *e, uint64_t pos)
{
	e->last_pos = pos;
	if (hy_link_linked(&e->dirty))
		return;
	e->dirty_pos = pos;
	hy_list_push_back(&s->dirty, &e->dirty);
}

/* ---- the gate: first come, first served, as soon as one waits for RocksDB ---------------------------------------- */

struct gate_waiter {
	struct hy_link link;
	struct co_wait wait;
	bool granted;
};

/** The gate passes to the first who waits, or opens. */
static void gate_pass(struct sdb_entry *e)
{
	struct gate_waiter *w = hy_list_first(&e->gate, struct gate_waiter, link);
	if (!w) {
		e->gate_held = false;
		return;
	}
	hy_list_remove(&w->link);
	w->granted = true;
	co_wake(&w->wait, HY_OK);
}

static int gate_wait(struct sdb_visit *v)
{
	struct sdb_entry *e = v->entry;
	struct gate_waiter w = {.granted = false};
	env_mark(v->shard->sdb->env, "kt: gate held");
	hy_link_init(&w.link);
	co_wait_init(&w.wait, v->call->loop);
	hy_list_push_back(&e->gate, &w.link);
	int status = co_wait(&w.wait, v->call->deadline_us);
	hy_list_remove(&w.link);
	if (status && w.granted)
		gate_pass(e);
	v->holding = status == HY_OK;
	return status;
}

int sdb_visit_begin(struct sdb_visit *v, struct sdb *sdb, struct call *call, const struct hy_key *key)
{
	struct sdb_shard *s = sdb_shard_of(sdb, key);
	struct sdb_entry *e = sdb_entry_get(s, key);
	*v = (struct sdb_visit){.shard = s, .entry = e, .call = call};
	hy_list_remove(&e->lru);
	hy_list_push_back(&s->lru, &e->lru);
	e->users++;
	s->visits++;
	if (!e->gate_held || PLANTED(overtaking_on_cold_key))
		return HY_OK;
	int status = gate_wait(v);
	if (status)
		e->users--;
	return status;
}

void sdb_visit_hold(struct sdb_visit *v)
{
	if (v->holding || (PLANTED(overtaking_on_cold_key) && v->entry->gate_held))
		return;
	assert(!v->entry->gate_held);
	v->entry->gate_held = true;
	v->holding = true;
}

void sdb_visit_end(struct sdb_visit *v)
{
	if (v->holding)
		gate_pass(v->entry);
	v->holding = false;
	v->entry->users--;
}
