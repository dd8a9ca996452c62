/* The event heap, the generator, the trace, marks and log lines: what every other file of the simulation stands on. */
#include <stdio.h>

#include "env/sim/sim_int.h"
#include "env/sim/sim_machine.h"

/* ---- randomness: xoshiro256**, seeded by splitmix64 ------------------------------------------------------------ */

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static void rng_seed(struct sim *s, uint64_t seed)
{
	for (size_t i = 0; i < HY_COUNT_OF(s->rng); i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15u;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		s->rng[i] = z ^ z >> 31;
	}
}

uint64_t sim_rand(struct sim *s)
{
	uint64_t *x = s->rng, result = rotl(x[1] * 5, 7) * 9, t = x[1] << 17;
	x[2] ^= x[0];
	x[3] ^= x[1];
	x[1] ^= x[2];
	x[0] ^= x[3];
	x[2] ^= t;
	x[3] = rotl(x[3], 45);
	return result;
}

uint64_t sim_range(struct sim *s, uint64_t lo, uint64_t hi)
{
	assert(lo <= hi);
	uint64_t span = hi - lo + 1; /* 0: all 64 bits */
	uint64_t r = sim_rand(s);
	return span ? lo + (uint64_t)(((unsigned __int128)r * span) >> 64) : r;
}

bool sim_chance(struct sim *s, unsigned per_mille)
{
	return per_mille && sim_range(s, 0, 999) < per_mille;
}

uint64_t sim_tail(struct sim *s, uint64_t max)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(max | 1);
	uint64_t shift = sim_range(s, 0, bits);
	uint64_t top = shift >= bits ? max : 1ull << shift;
	return sim_range(s, 1, HY_MAX(1u, HY_MIN(top, max)));
}

uint64_t sim_wake_delay(struct sim *s)
{
	uint64_t r = sim_rand(s);
	if ((r & 31) != 0)
		return 1 + (r >> 5) % 30;
	return 1 + (r >> 5) % 2000;
}

/* ---- trace ----------------------------------------------------------------------------------------------------- */

void sim_trace(struct sim *s, uint64_t a, uint64_t b)
{
	s->trace = (s->trace ^ a) * 0x9fb21c651e98df25u;
	s->trace = (rotl(s->trace, 29) ^ b) * 0x9fb21c651e98df25u;
}

uint64_t sim_trace_hash(const struct sim *s)
{
	/* with the generator's state: a draw more or less shows even when nothing else differs yet */
	uint64_t h = (s->trace ^ s->rng[0]) * 0x9fb21c651e98df25u;
	return h ^ h >> 32;
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static bool event_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void sim_push(
	struct sim *s, uint64_t at, enum sim_event_kind kind, sim_event_fn *fn, void *p, uint64_t a, struct env *owner)
{
	if (s->event_len == s->event_cap) {
		s->event_cap *= 2;
		s->events = hy_realloc(s->events, s->event_cap * sizeof *s->events);
	}
	struct sim_event e = {HY_MAX(at, s->now), s->event_seq++, fn, p, a, owner, kind};
	size_t i = s->event_len++;
	for (; i > 0 && event_before(&e, &s->events[(i - 1) / 4]); i = (i - 1) / 4)
		s->events[i] = s->events[(i - 1) / 4];
	s->events[i] = e;
}

static struct sim_event event_pop(struct sim *s)
{
	struct sim_event top = s->events[0], e = s->events[--s->event_len];
	size_t i = 0;
	for (;;) {
		size_t first = 4 * i + 1, best = first;
		if (first >= s->event_len)
			break;
		for (size_t c = first + 1; c < first + 4 && c < s->event_len; c++)
			if (event_before(&s->events[c], &s->events[best]))
				best = c;
		if (!event_before(&s->events[best], &e))
			break;
		s->events[i] = s->events[best];
		i = best;
	}
	s->events[i] = e;
	return top;
}

struct call_after {
	void (*fn)(void *arg);
	void *arg;
};

static void call_after_run(struct sim *s, void *p, uint64_t a)
{
	(void)a;
	struct call_after call = *(struct call_after *)p;
	hy_free(p);
	sim_heap_enter(NULL);
	call.fn(call.arg);
	sim_heap_enter(&s->heap);
}

void sim_after(struct sim *s, uint64_t us, void (*fn)(void *arg), void *arg)
{
	struct sim_heap *before = sim_heap_enter(&s->heap);
	struct call_after *call = hy_alloc(sizeof *call);
	*call = (struct call_after){fn, arg};
	sim_push(s, s->now + us, SIM_EV_CALL, call_after_run, call, 0, NULL);
	sim_heap_enter(before);
}

/* The next event that somebody still waits for: those of dead processes are dropped. */
static bool event_next(struct sim *s)
{
	while (s->event_len > 0 && s->events[0].owner && !s->events[0].owner->alive)
		event_pop(s);
	return s->event_len > 0;
}

static void event_step(struct sim *s)
{
	struct sim_event e = event_pop(s);
	s->now = e.at;
	s->event_count++;
	sim_trace(s, e.at, (uint64_t)e.kind << 32 | (e.owner ? e.owner->machine->id + 1 : 0));
	sim_heap_enter(&s->heap);
	e.fn(s, e.p, e.a);
	sim_heap_enter(NULL);
}

bool sim_run(struct sim *s, uint64_t until_us, bool (*stop)(void *arg), void *arg)
{
	assert(!s->running);
	fiber_init_thread(&s->fiber);
	struct sim_heap *before = sim_heap_enter(NULL);
	bool in_time = true;
	while (!(stop && stop(arg)) && event_next(s)) {
		if (s->events[0].at > until_us) {
			s->now = HY_MAX(s->now, until_us);
			in_time = false;
			break;
		}
		event_step(s);
	}
	sim_heap_enter(before);
	return in_time;
}

uint64_t sim_now_us(const struct sim *s)
{
	return s->now;
}

uint64_t sim_events(const struct sim *s)
{
	return s->event_count;
}

/* ---- faults ---------------------------------------------------------------------------------------------------- */

/* Off in two runs of three: with everything on, nothing gets done and nothing is tested. */
static unsigned draw_rate(struct sim *s, unsigned max)
{
	if (!sim_chance(s, 333))
		return 0;
	return (unsigned)sim_tail(s, max);
}

void sim_draw_faults(struct sim *s)
{
	struct sim_faults *f = &s->faults;
	f->net_slow = draw_rate(s, 200);
	f->net_reset = draw_rate(s, 20);
	f->net_half_open = draw_rate(s, 200);
	f->net_refuse = draw_rate(s, 200);
	f->net_short = draw_rate(s, 500);
	f->net_dup_connect = draw_rate(s, 200);
	f->disk_slow = draw_rate(s, 50);
	f->disk_sync_eio = draw_rate(s, 10);
	f->disk_enospc = draw_rate(s, 10);
	f->clock_jump = draw_rate(s, 100);
	f->clock_drift_ppm = draw_rate(s, 500);
	f->pause = draw_rate(s, 50);
	f->buggify = draw_rate(s, 500);
}

struct sim_faults *sim_faults(struct sim *s)
{
	return &s->faults;
}

/* ---- marks and buggify ----------------------------------------------------------------------------------------- */

/* There are some dozens; the same name has one address nearly always. */
static struct sim_mark *mark_find(struct sim_marks *marks, const char *name)
{
	for (size_t i = 0; i < marks->count; i++)
		if (marks->items[i].name == name)
			return &marks->items[i];
	for (size_t i = 0; i < marks->count; i++)
		if (strcmp(marks->items[i].name, name) == 0)
			return &marks->items[i];
	if (marks->count == marks->cap) {
		marks->cap *= 2;
		marks->items = hy_realloc(marks->items, marks->cap * sizeof *marks->items);
	}
	marks->items[marks->count] = (struct sim_mark){.name = name};
	return &marks->items[marks->count++];
}

void env_mark(struct env *env, const char *name)
{
	mark_find(&env->sim->marks, name)->count++;
}

void sim_marks_each(const struct sim *s, void (*fn)(void *arg, const char *name, uint64_t count), void *arg)
{
	for (size_t i = 0; i < s->marks.count; i++)
		fn(arg, s->marks.items[i].name, s->marks.items[i].count);
}

bool sim_buggify(struct sim *s, const char *name)
{
	if (s->faults.buggify == 0)
		return false;
	struct sim_mark *site = mark_find(&s->sites, name);
	if (!site->drawn) {
		site->drawn = true;
		site->active = sim_chance(s, s->faults.buggify);
	}
	return site->active && sim_chance(s, 250);
}

bool env_buggify(struct env *env, const char *name)
{
	return sim_buggify(env->sim, name);
}

/* ---- log lines ------------------------------------------------------------------------------------------------- */

static void escape_controls(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void env_log(struct env *env, enum env_log_level level, const char *room, uint64_t trace, const char *fmt, ...)
{
	struct sim *s = env->sim;
	if (!s->log_fn || level < env->log_level)
		return;
	char line[1024];
	int head = trace ? snprintf(line, sizeof line, "%s [%016llx] ", room, (unsigned long long)trace)
			 : snprintf(line, sizeof line, "%s ", room);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line + head, sizeof line - (size_t)head, fmt, ap);
	va_end(ap);
	escape_controls(line);
	struct sim_heap *before = sim_heap_enter(NULL);
	s->log_fn(s->log_arg, s->now, env->machine->name, level, line);
	sim_heap_enter(before);
}

void env_log_set_level(struct env *env, enum env_log_level level)
{
	env->log_level = level;
}

uint64_t env_log_dropped(struct env *env)
{
	(void)env;
	return 0;
}

void sim_on_log(struct sim *s,
	void (*fn)(void *arg, uint64_t now_us, const char *machine, enum env_log_level level, const char *line),
	void *arg)
{
	s->log_fn = fn;
	s->log_arg = arg;
}

/* ---- making and ending it -------------------------------------------------------------------------------------- */

static void marks_init(struct sim_marks *marks)
{
	marks->cap = 32;
	marks->items = hy_alloc(marks->cap * sizeof *marks->items);
}

struct sim *sim_create(uint64_t seed)
{
	struct sim_heap *before = sim_heap_enter(NULL);
	struct sim *s = hy_zalloc(sizeof *s);
	sim_heap_enter(&s->heap);
	rng_seed(s, seed);
	s->now = 1000 * SEC_US; /* far from 0, so that what takes 0 for "never" and what subtracts shows */
	s->trace = seed;
	s->event_cap = 256;
	s->events = hy_alloc(s->event_cap * sizeof *s->events);
	hy_link_init(&s->machines);
	hy_link_init(&s->conns);
	marks_init(&s->marks);
	marks_init(&s->sites);
	s->stacks = fiber_stacks_create();
	sim_heap_enter(before);
	return s;
}

void sim_destroy(struct sim *s)
{
	if (!s)
		return;
	assert(!s->running);
	struct sim_heap *before = sim_heap_enter(NULL);
	struct sim_machine *m;
	hy_list_each (m, &s->machines, struct sim_machine, link)
		sim_machine_discard(m);
	sim_heap_enter(&s->heap);
	fiber_stacks_destroy(s->stacks);
	sim_heap_enter(NULL);
	sim_heap_drop(&s->heap);
	hy_free(s);
	sim_heap_enter(before);
}
