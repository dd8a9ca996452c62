/*
 * What the log brings at a start goes into the memory tables. Nearly all of its time would be spent waiting for memory:
 * every change is of another key. So it goes by some groups at a time, in steps, each of which asks the processor for
 * what the next step will touch.
 */
#include "kt/record.h"
#include "kt/sdb.h"

#define GROUPS 16

struct step {
	struct kt_group group;
	struct sdb_shard *shard;
	uint64_t hash, window_hash; /* window_hash: of the first row of a window */
	bool window;
};

static void ask_for_buckets(struct sdb *sdb, struct step *step)
{
	struct sdb_shard *s = step->shard = sdb_shard_of(sdb, &step->group.key);
	step->hash = sdb_entry_hash(s, &step->group.key);
	hy_map_prefetch(&s->entries, step->hash);
	step->window = false;
	for (size_t i = 0; i < step->group.count && !step->window; i++) {
		const struct kt_effect *e = &step->group.effects[i];
		if (e->kind != KT_EFFECT_WINDOW)
			continue;
		step->window = true;
		step->window_hash = sdb_window_hash(s, e->space, step->hash, e->name);
		hy_map_prefetch(&s->window_rows, step->window_hash);
	}
}

static void ask_for_nodes(const struct step *step)
{
	hy_map_prefetch_node(&step->shard->entries, step->hash);
	if (step->window)
		hy_map_prefetch_node(&step->shard->window_rows, step->window_hash);
}

static void ask_for_tables(const struct step *step)
{
	const struct sdb_entry *e = sdb_entry_find(step->shard, &step->group.key, step->hash);
	if (e && e->tables) {
		__builtin_prefetch(e->tables);
		__builtin_prefetch((const char *)e->tables + 64);
	}
}

static void apply(const struct step *step, uint64_t pos)
{
	struct sdb_entry *e = sdb_entry_get(step->shard, &step->group.key);
	for (size_t i = 0; i < step->group.count; i++)
		sdb_replay_effect(step->shard, e, &step->group.effects[i], pos);
}

/** All of it is good, or none of it counts: what is applied cannot be taken back. */
static bool is_good(struct sdb *sdb, struct hy_bytes payload)
{
	struct kt_group group;
	while (payload.len) {
		if (!kt_record_decode(sdb->kt.by_id, &payload, &group))
			return false;
	}
	return true;
}

bool sdb_replay(void *arg, uint64_t pos, struct hy_bytes payload)
{
	struct sdb *sdb = arg;
	struct step steps[GROUPS];
	if (!is_good(sdb, payload))
		return false;
	while (payload.len) {
		size_t count = 0;
		while (payload.len && count < GROUPS && kt_record_decode(sdb->kt.by_id, &payload, &steps[count].group))
			ask_for_buckets(sdb, &steps[count++]);
		for (size_t i = 0; i < count; i++)
			ask_for_nodes(&steps[i]);
		for (size_t i = 0; i < count; i++)
			ask_for_tables(&steps[i]);
		for (size_t i = 0; i < count; i++)
			apply(&steps[i], pos);
	}
	return true;
}
