#include "base/map.h"

#include "base/mem.h"

#define BUCKETS_FIRST 8u
/* With each insert. More than one, so that the move is over long before the next doubling. */
#define BUCKETS_MOVED 4u

/*
 * The caller may have used the hash's low bits to choose between maps (a loop, a shard), so they are mixed again. Same
 * hash, same place, so all nodes with one hash are in one chain.
 */
static size_t place(uint64_t hash)
{
	return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 24);
}

/*
 * While a bucket of the old array has not been moved, all that belongs there lives there: the new array's two are
 * empty.
 */
static struct hy_map_node **chain_of(const struct hy_map *m, uint64_t hash)
{
	size_t at = place(hash);
	if (m->old && (at & m->old_mask) >= m->moved)
		return &m->old[at & m->old_mask];
	return &m->buckets[at & m->mask];
}

void hy_map_init(struct hy_map *m)
{
	*m = (struct hy_map){0};
}

void hy_map_fini(struct hy_map *m)
{
	hy_free(m->buckets);
	hy_free(m->old);
	*m = (struct hy_map){0};
}

static void move_some(struct hy_map *m)
{
	if (!m->old)
		return;
	/* What the next calls will move. */
	for (size_t i = m->moved + BUCKETS_MOVED; i < m->moved + 2 * BUCKETS_MOVED && i <= m->old_mask; i++)
		__builtin_prefetch(m->old[i]);
	for (unsigned i = 0; i < BUCKETS_MOVED && m->moved <= m->old_mask; i++, m->moved++) {
		struct hy_map_node **low = &m->buckets[m->moved], **high = &m->buckets[m->moved + m->old_mask + 1];
		for (struct hy_map_node *n = m->old[m->moved], *next; n; n = next) {
			next = n->next;
			struct hy_map_node ***tail = place(n->hash) & (m->old_mask + 1) ? &high : &low;
			n->next = NULL;
			**tail = n;
			*tail = &n->next;
		}
		m->old[m->moved] = NULL;
	}
	if (m->moved > m->old_mask) {
		hy_free(m->old);
		m->old = NULL;
	}
}

static void grow_if_full(struct hy_map *m)
{
	if (!m->buckets) {
		m->buckets = hy_zalloc(BUCKETS_FIRST * sizeof *m->buckets);
		m->mask = BUCKETS_FIRST - 1;
	} else if (m->count > m->mask && !m->old) {
		m->old = m->buckets;
		m->old_mask = m->mask;
		m->moved = 0;
		m->mask = m->mask * 2 + 1;
		m->buckets = hy_zalloc((m->mask + 1) * sizeof *m->buckets);
	}
}

void hy_map_insert(struct hy_map *m, struct hy_map_node *n, uint64_t hash)
{
	grow_if_full(m);
	move_some(m);
	struct hy_map_node **chain = chain_of(m, hash);
	n->hash = hash;
	n->next = *chain;
	*chain = n;
	m->count++;
}

void hy_map_remove(struct hy_map *m, struct hy_map_node *n)
{
	assert(m->buckets);
	struct hy_map_node **at = chain_of(m, n->hash);
	while (*at && *at != n)
		at = &(*at)->next;
	assert(*at == n);
	*at = n->next;
	n->next = NULL;
	m->count--;
}

static struct hy_map_node *same_hash(struct hy_map_node *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hy_map_node *hy_map_first(const struct hy_map *m, uint64_t hash)
{
	return m->buckets ? same_hash(*chain_of(m, hash), hash) : NULL;
}

struct hy_map_node *hy_map_next(const struct hy_map_node *n)
{
	return same_hash(n->next, n->hash);
}

void hy_map_prefetch(const struct hy_map *m, uint64_t hash)
{
	if (m->buckets)
		__builtin_prefetch(chain_of(m, hash));
}

void hy_map_prefetch_node(const struct hy_map *m, uint64_t hash)
{
	if (m->buckets)
		__builtin_prefetch(*chain_of(m, hash));
}

static bool each_in(struct hy_map_node *n, bool (*fn)(void *arg, struct hy_map_node *n), void *arg)
{
	for (struct hy_map_node *next; n; n = next) {
		next = n->next;
		if (!fn(arg, n))
			return false;
	}
	return true;
}

void hy_map_each(struct hy_map *m, bool (*fn)(void *arg, struct hy_map_node *n), void *arg)
{
	for (size_t i = m->moved; m->old && i <= m->old_mask; i++)
		if (!each_in(m->old[i], fn, arg))
			return;
	for (size_t i = 0; m->buckets && i <= m->mask; i++)
		if (!each_in(m->buckets[i], fn, arg))
			return;
}
