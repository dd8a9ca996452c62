/* For operators: which keys there are, in memory of all loops and in RocksDB. */
#include "base/mem.h"
#include "kt/sdb.h"

struct list {
	struct sdb *sdb;
	const struct hy_key *after;
	struct hy_key *keys;
	size_t count, cap;
};

static void add(struct list *list, const struct hy_key *key)
{
	if (list->after && kt_key_compare(key, list->after) <= 0)
		return;
	if (list->count == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 256;
		list->keys = hy_realloc(list->keys, list->cap * sizeof(*list->keys));
	}
	list->keys[list->count++] = *key;
}

static bool add_entry(void *arg, struct hy_map_node *n)
{
	const struct sdb_entry *e = hy_container_of(n, struct sdb_entry, node);
	if (e->last_pos > 0) /* others are in RocksDB, or nowhere */
		add(arg, &e->key);
	return true;
}

static int list_shard(struct call *callee, void *arg)
{
	struct list *list = arg;
	hy_map_each(&list->sdb->shards[svr_loop_index(callee->loop)].entries, add_entry, list);
	return HY_OK;
}

static int list_disk(struct call *call, struct list *list, size_t limit)
{
	struct sdb_scan *scan = sdb_scan_create(list->sdb);
	static const struct hy_key none;
	place_head(&scan->from, list->after ? list->after : &none);
	if (list->after)
		scan->from.bytes[scan->from.len++] = 0;
	scan->to.bytes[0] = 'h' + 1;
	scan->to.len = 1;
	scan->max_rows = (uint32_t)limit + 1;
	int status = sdb_scan_run(list->sdb, call, &scan);
	if (status)
		return status;
	struct hy_bytes in = hy_buf_bytes(&scan->out), place, value;
	for (uint32_t i = 0; i < scan->count; i++) {
		struct hy_key key;
		if (hy_get_bytes(&in, &place) && hy_get_bytes(&in, &value) && place_get_key(place, &key))
			add(list, &key);
	}
	sdb_scan_destroy(scan);
	return HY_OK;
}

int sdb_list_keys(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit, struct hy_key **ret_keys,
	size_t *ret_count, bool *ret_more)
{
	struct list list = {.sdb = sdb_of(kt), .after = after};
	int status = HY_OK;
	/* Memory first: what leaves it meanwhile is in RocksDB by then. */
	for (unsigned i = 0; i < svr_loop_count(kt->svr) && !status; i++)
		status = svr_hop(call, i, list_shard, &list);
	if (!status)
		status = list_disk(call, &list, limit);
	if (!status) {
		*ret_count = kt_keys_finish(list.keys, list.count, limit, ret_more);
		*ret_keys = hy_arena_alloc(call->arena, *ret_count * sizeof(**ret_keys));
		if (!*ret_keys)
			status = HY_RESOURCE_EXHAUSTED;
		else if (*ret_count)
			memcpy(*ret_keys, list.keys, *ret_count * sizeof(**ret_keys));
	}
	hy_free(list.keys);
	return status;
}
