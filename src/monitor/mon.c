#include "monitor/mon.h"

#include "base/base.h"
#include "base/mem.h"

#define CACHE_LINE 64u

/* Strips stand on cache lines of their own, so that loops never write to a line of another. */
struct strip {
	uint64_t values[MON_COUNT];
} __attribute__((aligned(CACHE_LINE)));

struct mon {
	unsigned strip_count;
	struct strip *strips; /* the first aligned place in memory */
	void *memory;
};

struct mon *mon_create(unsigned strips)
{
	assert(strips > 0);
	struct mon *m = hy_zalloc(sizeof *m);
	m->strip_count = strips;
	m->memory = hy_zalloc(strips * sizeof(struct strip) + CACHE_LINE);
	m->strips = (struct strip *)(((uintptr_t)m->memory + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
	return m;
}

void mon_destroy(struct mon *m)
{
	if (!m)
		return;
	hy_free(m->memory);
	hy_free(m);
}

static uint64_t *slot(struct mon *m, unsigned strip, enum mon_id id)
{
	assert(strip < m->strip_count && id < MON_COUNT);
	return &m->strips[strip].values[id];
}

/* A strip has one writer, so a load and a store do for an addition: no locked instruction. */
void mon_add(struct mon *m, unsigned strip, enum mon_id id, uint64_t n)
{
	uint64_t *v = slot(m, strip, id);
	__atomic_store_n(v, __atomic_load_n(v, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

void mon_set(struct mon *m, unsigned strip, enum mon_id id, uint64_t value)
{
	__atomic_store_n(slot(m, strip, id), value, __ATOMIC_RELAXED);
}

uint64_t mon_get(const struct mon *m, enum mon_id id)
{
	uint64_t sum = 0;
	assert(id < MON_COUNT);
	for (unsigned i = 0; i < m->strip_count; i++)
		sum += __atomic_load_n(&m->strips[i].values[id], __ATOMIC_RELAXED);
	return sum;
}

static const struct {
	const char *name, *text;
} ids[MON_COUNT] = {
#define X(name, text) {#name, text},
	MON_MAP(X)
#undef X
};

const char *mon_name(enum mon_id id)
{
	return id < MON_COUNT ? ids[id].name : "?";
}

const char *mon_text(enum mon_id id)
{
	return id < MON_COUNT ? ids[id].text : "?";
}
