/**
 * map.h - an intrusive hash map: the caller's struct embeds a hy_map_node and knows its own key.
 *
 * Open hashing with chains; it doubles at a load of 1 and moves a few buckets with each insert, so that no single
 * insert takes long. The caller hashes (hy_hash(), with a seed from the env, so that strangers cannot choose
 * collisions) and compares. Iteration order follows the hashes and the history of inserts, never addresses: the same in
 * every run of a simulation.
 *
 *	for (struct hy_map_node *n = hy_map_first(&m, hash); n; n = hy_map_next(n))
 *		if (equal(hy_container_of(n, struct thing, node), key)) ...
 */
#ifndef HY_MAP_H
#define HY_MAP_H

#include "base/base.h"

struct hy_map_node {
	struct hy_map_node *next;
	uint64_t hash;
};

struct hy_map {
	struct hy_map_node **buckets, **old; /* old: being emptied into buckets */
	size_t mask, old_mask, moved;        /* moved: old buckets below this one are empty */
	size_t count;
};

void hy_map_init(struct hy_map *m);
/** Frees the buckets; the elements are the caller's. */
void hy_map_fini(struct hy_map *m);
void hy_map_insert(struct hy_map *m, struct hy_map_node *n, uint64_t hash);
/** `n` must be in the map. */
void hy_map_remove(struct hy_map *m, struct hy_map_node *n);
/** First node with this very hash, and the next one after `n` with the same hash; NULL at the end. */
struct hy_map_node *hy_map_first(const struct hy_map *m, uint64_t hash);
struct hy_map_node *hy_map_next(const struct hy_map_node *n);
/**
 * For whoever knows ahead what it will look for: brings the hash's bucket into the processor's cache; a little later,
 * the first node there.
 */
void hy_map_prefetch(const struct hy_map *m, uint64_t hash);
void hy_map_prefetch_node(const struct hy_map *m, uint64_t hash);
/**
 * Calls `fn` for every node; `fn` may remove (and free) the node it is given, no other. Stops when `fn` returns false.
 */
void hy_map_each(struct hy_map *m, bool (*fn)(void *arg, struct hy_map_node *n), void *arg);

/** XXH3, 64 bits. */
uint64_t hy_hash(const void *p, size_t len, uint64_t seed);

#endif
