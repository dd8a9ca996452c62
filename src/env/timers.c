#include "env/timers.h"

#include "base/mem.h"

static bool entry_before(const struct timers_entry *a, const struct timers_entry *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void entry_place(struct timers *t, uint32_t i, const struct timers_entry *e)
{
	t->entries[i] = *e;
	e->timer->slot = i + 1;
}

static void sift_up(struct timers *t, uint32_t i, struct timers_entry e)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 2;
		if (!entry_before(&e, &t->entries[parent]))
			break;
		entry_place(t, i, &t->entries[parent]);
		i = parent;
	}
	entry_place(t, i, &e);
}

static void sift_down(struct timers *t, uint32_t i, struct timers_entry e)
{
	for (;;) {
		uint64_t child = 2 * (uint64_t)i + 1;
		if (child >= t->count)
			break;
		if (child + 1 < t->count && entry_before(&t->entries[child + 1], &t->entries[child]))
			child++;
		if (!entry_before(&t->entries[child], &e))
			break;
		entry_place(t, i, &t->entries[child]);
		i = (uint32_t)child;
	}
	entry_place(t, i, &e);
}

static void sift(struct timers *t, uint32_t i, struct timers_entry e)
{
	if (i > 0 && entry_before(&e, &t->entries[(i - 1) / 2]))
		sift_up(t, i, e);
	else
		sift_down(t, i, e);
}

void timers_fini(struct timers *t)
{
	hy_free(t->entries);
	*t = (struct timers){0};
}

void timers_set(struct timers *t, struct env_timer *timer, uint64_t at_us)
{
	uint32_t i;
	if (timer->slot) {
		i = timer->slot - 1;
		assert(i < t->count && t->entries[i].timer == timer);
	} else {
		assert(t->count < UINT32_MAX / 2);
		if (t->count == t->cap) {
			t->cap = t->cap ? 2 * t->cap : 16;
			t->entries = hy_realloc(t->entries, (size_t)t->cap * sizeof *t->entries);
		}
		i = t->count++;
	}
	timer->at_us = at_us;
	sift(t, i, (struct timers_entry){at_us, ++t->order, timer});
}

void timers_cancel(struct timers *t, struct env_timer *timer)
{
	if (!timer->slot)
		return;
	uint32_t i = timer->slot - 1;
	assert(i < t->count && t->entries[i].timer == timer);
	timer->slot = 0;
	uint32_t last = --t->count;
	if (i != last)
		sift(t, i, t->entries[last]);
}

struct env_timer *timers_pop(struct timers *t, uint64_t now_us, uint64_t order)
{
	if (t->count == 0 || t->entries[0].at_us > now_us || t->entries[0].order > order)
		return NULL;
	struct env_timer *timer = t->entries[0].timer;
	timers_cancel(t, timer);
	return timer;
}
