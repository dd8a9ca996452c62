#include "logic/limit/limit_table.h"

#include "base/mem.h"

#define CACHE_LINE 64u
#define BUCKETS_FIRST 256u

_Static_assert(LIMIT_TABLE_WAYS * sizeof(struct limit_entry) == CACHE_LINE, "a bucket is one cache line");

static void allocate(struct limit_table *t, size_t buckets)
{
	t->buckets = buckets;
	t->memory = hy_zalloc(buckets * CACHE_LINE + CACHE_LINE);
	t->entries = (struct limit_entry *)(((uintptr_t)t->memory + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
}

void limit_table_init(struct limit_table *t, size_t entries_max)
{
	t->buckets_max = 1;
	while (t->buckets_max * LIMIT_TABLE_WAYS < entries_max)
		t->buckets_max *= 2;
	allocate(t, HY_MIN(t->buckets_max, (size_t)BUCKETS_FIRST));
}

void limit_table_fini(struct limit_table *t)
{
	hy_free(t->memory);
}

static struct limit_entry *bucket_of(const struct limit_table *t, uint64_t hash)
{
	return &t->entries[(hash & (t->buckets - 1)) * LIMIT_TABLE_WAYS];
}

static struct limit_entry *find(const struct limit_table *t, uint64_t hash)
{
	struct limit_entry *bucket = bucket_of(t, hash);
	for (unsigned i = 0; i < LIMIT_TABLE_WAYS; i++)
		if (bucket[i].hash == hash && bucket[i].arrival_us != 0)
			return &bucket[i];
	return NULL;
}

/** The entry of a bucket that passes first, or has passed. */
static struct limit_entry *first_to_pass(const struct limit_table *t, uint64_t hash)
{
	struct limit_entry *bucket = bucket_of(t, hash), *first = bucket;
	for (unsigned i = 1; i < LIMIT_TABLE_WAYS; i++)
		if (bucket[i].arrival_us < first->arrival_us)
			first = &bucket[i];
	return first;
}

static void double_it(struct limit_table *t)
{
	struct limit_table old = *t;
	allocate(t, old.buckets * 2);
	for (size_t i = 0; i < old.buckets * LIMIT_TABLE_WAYS; i++)
		if (old.entries[i].arrival_us != 0)
			*first_to_pass(t, old.entries[i].hash) = old.entries[i];
	hy_free(old.memory);
}

static void insert(struct limit_table *t, uint64_t hash, uint64_t arrival_us, uint64_t now_us, bool *ret_dropped)
{
	struct limit_entry *e = first_to_pass(t, hash);
	while (e->arrival_us > now_us && t->buckets < t->buckets_max) {
		double_it(t);
		e = first_to_pass(t, hash);
	}
	*ret_dropped = e->arrival_us > now_us;
	*e = (struct limit_entry){hash, arrival_us};
}

bool limit_table_do(struct limit_table *t, uint64_t hash, const struct hy_rate *rate, uint64_t now_us,
	enum limit_verb verb, uint64_t *ret_wait_us, bool *ret_dropped)
{
	struct limit_entry *e = find(t, hash);
	uint64_t arrival_us = e ? HY_MAX(e->arrival_us, now_us) : now_us;
	uint64_t tolerance_us = (rate->burst - 1) * rate->interval_us;

	*ret_wait_us = 0;
	*ret_dropped = false;
	if (verb == LIMIT_GIVE_BACK) {
		if (e)
			e->arrival_us = arrival_us - HY_MIN(rate->interval_us, arrival_us - now_us);
		return true;
	}
	if (arrival_us - now_us > tolerance_us) {
		*ret_wait_us = arrival_us - now_us - tolerance_us;
		return false;
	}
	if (verb == LIMIT_LOOK)
		return true;
	if (e)
		e->arrival_us = arrival_us + rate->interval_us;
	else
		insert(t, hash, arrival_us + rate->interval_us, now_us, ret_dropped);
	return true;
}
