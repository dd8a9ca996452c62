/* mon.c - see mon.h. Readers are in mon_view.c. */
#include "monitor/mon.h"

#include <stdio.h>

#include "base/mem.h"
#include "env/env.h"
#include "monitor/mon_file.h"

#define CACHE_LINE 64u
#define NAMED (MON_COUNT + MON_HISTOGRAM_COUNT)

/** Memory that once was the strips': an actor may still be in the middle of an add. */
struct old_memory {
	struct old_memory *next;
	void *memory;
};

struct mon_rest {
	struct mon_file_entry *entries;
	unsigned entry_count, entry_room;
	unsigned slots;  /* given out so far; mon->slot_count of them have memory */
	uint8_t *memory; /* as mon_file.h says, at a cache line's beginning */
	size_t memory_bytes;
	void *allocated; /* the same, as it came from hy_zalloc(), or NULL */
	struct env_shared *shared;
	struct old_memory *old;
};

static const struct {
	const char *name, *text;
} ids[NAMED] = {
#define X(name, text) {#name, text},
	MON_MAP(X) MON_GAUGE_MAP(X) MON_HISTOGRAM_MAP(X)
#undef X
};

#define X(name, text) +1
enum { COUNTERS = 0 MON_MAP(X) };
#undef X

const char *mon_name(enum mon_id id)
{
	return id < MON_COUNT ? ids[id].name : "?";
}

const char *mon_text(enum mon_id id)
{
	return id < MON_COUNT ? ids[id].text : "?";
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static size_t round_up(size_t n)
{
	return (n + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

static struct mon_file_header *header_of(const struct mon_rest *r)
{
	return (struct mon_file_header *)(void *)r->memory;
}

static struct mon_file_header plan(const struct mon *m)
{
	const struct mon_rest *r = m->rest;
	struct mon_file_header h = {.magic = MON_FILE_MAGIC,
		.layout = MON_FILE_LAYOUT,
		.header_bytes = round_up(sizeof h),
		.entry_bytes = sizeof(struct mon_file_entry),
		.entry_count = r->entry_count,
		.strip_count = m->strip_count,
		.slot_count = r->slots,
		.program = "hongyan"};
	h.strips_at = round_up(h.header_bytes + (size_t)h.entry_count * h.entry_bytes);
	h.strip_bytes = round_up(r->slots * sizeof(uint64_t));
	h.file_bytes = h.strips_at + h.strip_count * h.strip_bytes;
	return h;
}

/** Copies what there is to `to`, and lets the strips go there. What an actor adds meanwhile may be lost. */
static void move_to(struct mon *m, const struct mon_file_header *h, uint8_t *to)
{
	struct mon_rest *r = m->rest;
	memcpy(to, h, sizeof *h);
	memcpy(to + h->header_bytes, r->entries, r->entry_count * sizeof *r->entries);
	for (unsigned i = 0; i < m->strip_count; i++) {
		uint64_t *strip = (uint64_t *)(void *)(to + h->strips_at + i * h->strip_bytes);
		for (unsigned slot = 0; slot < m->slot_count; slot++)
			strip[slot] = __atomic_load_n(&m->strips[i][slot], __ATOMIC_RELAXED);
		__atomic_store_n(&m->strips[i], strip, __ATOMIC_RELEASE);
	}
	m->slot_count = r->slots;
	r->memory = to;
	r->memory_bytes = h->file_bytes;
	if (r->allocated) {
		struct old_memory *old = hy_alloc(sizeof *old);
		*old = (struct old_memory){r->old, r->allocated};
		r->old = old;
		r->allocated = NULL;
	}
}

void mon_settle(struct mon *m)
{
	struct mon_rest *r = m->rest;
	if (r->memory && m->slot_count == r->slots)
		return;
	assert(!r->shared); /* publish when all is defined */
	struct mon_file_header h = plan(m);
	uint8_t *memory = hy_zalloc(h.file_bytes + CACHE_LINE);
	move_to(m, &h, (uint8_t *)(((uintptr_t)memory + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1)));
	r->allocated = memory;
}

int mon_publish(struct mon *m, struct env *env, const char *path, const char *version)
{
	struct mon_rest *r = m->rest;
	struct mon_file_header h = plan(m);
	assert(!r->shared);
	snprintf(h.version, sizeof h.version, "%s", version);
	h.process = env_process_id(env);
	h.started_ms = h.beat_ms = env_wall_ms(env);
	int rc = env_shared_create(env, path, h.file_bytes, &r->shared);
	if (rc < 0)
		return rc;
	move_to(m, &h, env_shared_data(r->shared));
	return env_shared_show(r->shared); /* after an error the memory is as good as any */
}

void mon_beat(struct mon *m, uint64_t wall_ms)
{
	__atomic_store_n(&header_of(m->rest)->beat_ms, wall_ms, __ATOMIC_RELAXED);
}

void mon_ended(struct mon *m, uint64_t wall_ms)
{
	mon_beat(m, wall_ms);
	__atomic_store_n(&header_of(m->rest)->ended_ms, wall_ms, __ATOMIC_RELAXED);
}

struct hy_bytes mon_memory(const struct mon *m)
{
	return hy_bytes(m->rest->memory, m->rest->memory_bytes);
}

/* ---- definitions ------------------------------------------------------------------------------------------------- */

unsigned mon_define(
	struct mon *m, const char *name, const char *label, const char *help, enum mon_kind kind, unsigned slots)
{
	struct mon_rest *r = m->rest;
	assert(slots > 0 && slots <= UINT16_MAX);
	if (r->entry_count == r->entry_room) {
		r->entry_room = r->entry_room * 2 + NAMED;
		r->entries = hy_realloc(r->entries, r->entry_room * sizeof *r->entries);
	}
	struct mon_file_entry *e = &r->entries[r->entry_count++];
	*e = (struct mon_file_entry){.slot = r->slots, .slot_count = (uint16_t)slots, .kind = kind};
	snprintf(e->name, sizeof e->name, "%s", name);
	snprintf(e->label, sizeof e->label, "%s", label);
	snprintf(e->help, sizeof e->help, "%s", help);
	r->slots += slots;
	return e->slot;
}

struct mon *mon_create(unsigned strips)
{
	assert(strips > 0);
	struct mon *m = hy_zalloc(sizeof *m);
	m->strip_count = strips;
	m->strips = hy_zalloc(strips * sizeof *m->strips);
	m->rest = hy_zalloc(sizeof *m->rest);
	for (unsigned i = 0; i < MON_COUNT; i++)
		mon_define(m, ids[i].name, "", ids[i].text, i < COUNTERS ? MON_KIND_COUNTER : MON_KIND_GAUGE, 1);
	for (unsigned i = MON_COUNT; i < NAMED; i++)
		mon_define(m, ids[i].name, "", ids[i].text, MON_KIND_HISTOGRAM, MON_HISTOGRAM_SLOTS);
	mon_settle(m);
	return m;
}

void mon_destroy(struct mon *m)
{
	if (!m)
		return;
	struct mon_rest *r = m->rest;
	while (r->old) {
		struct old_memory *old = r->old;
		r->old = old->next;
		hy_free(old->memory);
		hy_free(old);
	}
	env_shared_destroy(r->shared);
	hy_free(r->allocated);
	hy_free(r->entries);
	hy_free(r);
	hy_free(m->strips);
	hy_free(m);
}

/* ---- reading here ------------------------------------------------------------------------------------------------ */

uint64_t mon_get_slot(const struct mon *m, unsigned slot)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < m->strip_count; i++)
		sum += __atomic_load_n(mon_slot(m, i, slot), __ATOMIC_RELAXED);
	return sum;
}

uint64_t mon_get(const struct mon *m, enum mon_id id)
{
	assert(id < MON_COUNT);
	return mon_get_slot(m, id);
}

void mon_set_sum(struct mon *m, unsigned strip, enum mon_id id, uint64_t sum)
{
	uint64_t own = __atomic_load_n(mon_slot(m, strip, id), __ATOMIC_RELAXED);
	mon_set(m, strip, id, own + sum - mon_get(m, id));
}
