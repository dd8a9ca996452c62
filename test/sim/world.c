/* A run: drawn, begun, put through its faults, healed, brought to an end. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define WATCH_US (SEC / 5)
/** Liveness: after the faults everything settles within this time; a burst in good times, by hints alone, within the
 * second. */
#define HEAL_MAX_US (400 * SEC)
#define BURST_US (4 * SEC)
#define BURST_MAX_US (40 * SEC)
#define STOP_MAX_US (60 * SEC)
/** A run has some 10,000; what spins has more. */
#define EVENTS_MAX 2000000ull
#define PACE_US (SEC / 50)
#define PACE_EVENTS_MAX 5000u

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;
	if (world_failed(w))
		return;
	va_start(ap, fmt);
	vsnprintf(w->failure, sizeof w->failure, fmt, ap);
	va_end(ap);
	world_say(w, "FAILED: %s", w->failure);
}

void world_say(struct world *w, const char *fmt, ...)
{
	va_list ap;
	if (!w->options.log)
		return;
	printf("%12.6f ", (double)sim_now_us(w->sim) / SEC);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

uint64_t world_range(struct world *w, uint64_t lo, uint64_t hi)
{
	return sim_range(w->sim, lo, hi);
}

bool world_chance(struct world *w, unsigned per_mille)
{
	return sim_chance(w->sim, per_mille);
}

/* ---- drawing --------------------------------------------------------------------------------------------- */

static enum device_kind draw_kind(struct world *w, bool first_of_user)
{
	uint64_t n = world_range(w, 0, 9);
	bool raw = world_has(w, KIND_raw) && !first_of_user;
	return raw && n < 6 ? DEVICE_RAW : n == 9 ? DEVICE_SHORT : DEVICE_LONG;
}

static void draw_device(struct world *w, unsigned user, bool first_of_user)
{
	static const uint64_t timeouts[] = {2000, 5000, 12000};
	struct device *d = &w->devices[w->device_count];
	*d = (struct device){.world = w, .index = w->device_count++, .user = user};
	snprintf(d->name, sizeof d->name, "device%u", d->index);
	d->client = (unsigned)world_range(w, 0, w->client_count - 1);
	d->kind = draw_kind(w, first_of_user);
	/* the longest leave hints alone to bring what is new */
	d->heartbeat_s = world_chance(w, 500) ? 200 : (unsigned)world_range(w, 3, 60);
	d->request_timeout_ms = timeouts[world_range(w, 0, HY_COUNT_OF(timeouts) - 1)];
	d->backoff_max_ms = world_range(w, 1000, 10000);
	d->pause_us = world_range(w, SEC, 12 * SEC);
}

static void draw_people(struct world *w)
{
	w->client_count = (unsigned)world_range(w, 3, CLIENTS_MAX);
	w->user_count = (unsigned)world_range(w, 2, USERS_MAX - 2);
	w->texts_wanted = (unsigned)world_range(w, 30, 150);
	if (world_has(w, KIND_contacts)) { /* so that pairs meet often */
		w->user_count = world_chance(w, 700) ? 2 : world_chance(w, 700) ? 3 : w->user_count;
		w->texts_wanted /= w->long_texts ? 1 : 3;
		w->changes_wanted = (unsigned)world_range(w, 3, 100);
	}
	w->long_texts = world_chance(w, 100);
	for (unsigned u = 0; u < w->user_count; u++) {
		snprintf(w->users[u].name, sizeof w->users[u].name, "user%u", u);
		uint64_t devices = world_chance(w, 400) ? world_range(w, 2, 3) : 1;
		for (unsigned k = 0; k < devices; k++)
			draw_device(w, u, k == 0);
	}
	for (unsigned i = 0; i < w->client_count; i++) {
		char name[24], ip[24];
		snprintf(name, sizeof name, "client%u", i);
		snprintf(ip, sizeof ip, "10.0.0.%u", i + 2);
		struct client *c = &w->clients[i];
		*c = (struct client){.world = w, .index = i};
		c->machine = sim_machine_create(w->sim, name, ip);
		c->start_at = sim_now_us(w->sim) + world_range(w, 0, 2 * SEC);
	}
}

static void on_log(void *arg, uint64_t now_us, const char *machine, enum env_log_level level, const char *line)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	(void)arg;
	printf("%12.6f   %s %s %s\n", (double)now_us / SEC, machine, levels[level], line);
}

static void world_init(struct world *w, uint64_t seed, const struct world_options *options)
{
	w->seed = seed;
	w->options = *options;
	w->sim = sim_create(seed);
	if (options->server_log)
		sim_on_log(w->sim, on_log, w);
	w->server_machine = sim_machine_create(w->sim, "server", "10.0.0.1");
	plan_draw(w);
	server_machine_draw(w);
	draw_people(w);
	sim_machine_set_disk(w->server_machine, w->disk_bytes);
	w->faults_until = sim_now_us(w->sim) + world_range(w, 20 * SEC, 120 * SEC);
}

/* ---- running --------------------------------------------------------------------------------------------- */

static void watch(void *arg)
{
	struct world *w = arg;
	server_machine_watch(w);
	client_machines_watch(w);
	if (w->phase != PHASE_STOP)
		sim_after(w->sim, WATCH_US, watch, w);
}

/** An actor or a loop that is woken again and again for nothing takes a whole core in the real world. */
static void watch_pace(struct world *w)
{
	uint64_t now = sim_now_us(w->sim), events = sim_events(w->sim);
	if (now - w->pace_since >= PACE_US) {
		w->pace_since = now;
		w->pace_events = events;
	} else if (events - w->pace_events > PACE_EVENTS_MAX) {
		world_fail(w, "something spins");
	}
}

static bool run_stops(void *arg)
{
	struct world *w = arg;
	watch_pace(w);
	if (sim_events(w->sim) > EVENTS_MAX)
		world_fail(w, "it does not come to an end");
	return world_failed(w);
}

static void run_until(struct world *w, uint64_t until_us)
{
	if (!world_failed(w))
		sim_run(w->sim, until_us, run_stops, w);
}

static bool all_running(const struct world *w)
{
	bool all = w->server != NULL;
	for (unsigned i = 0; i < w->client_count; i++)
		all &= sim_machine_running(w->clients[i].machine);
	return all;
}

/** Looks once a virtual second. */
static void run_until_settled(struct world *w, uint64_t within_us, const char *when)
{
	char what[400] = "a machine is not up";
	uint64_t until = sim_now_us(w->sim) + within_us;
	while (!world_failed(w)) {
		if (all_running(w) && book_settled(w, what, sizeof what)) {
			return;
		}
		if (sim_now_us(w->sim) >= until) {
			world_fail(w, "%s, %u s later: %s", when, (unsigned)(within_us / SEC), what);
			return;
		}
		run_until(w, sim_now_us(w->sim) + SEC);
	}
}

/**
 * A device may hold a link that died without a word, until its next heartbeat tells. Begun anew, all links are what
 * they seem to be.
 */
static void restart_clients(struct world *w)
{
	if (world_failed(w))
		return;
	w->restarted_us = sim_now_us(w->sim);
	for (unsigned i = 0; i < w->client_count; i++)
		sim_machine_terminate(w->clients[i].machine);
	run_until(w, w->restarted_us + 15 * SEC);
	run_until_settled(w, HEAL_MAX_US, "after all clients began anew");
	if (world_has(w, KIND_contacts))
		contact_book_begin_anew(w);
}

static bool all_off(void *arg)
{
	struct world *w = arg;
	bool off = !sim_machine_running(w->server_machine);
	for (unsigned i = 0; i < w->client_count; i++)
		off &= !sim_machine_running(w->clients[i].machine);
	return off || run_stops(w);
}

static void stop_all(struct world *w)
{
	w->phase = PHASE_STOP;
	w->ending = true;
	w->ending_since = sim_now_us(w->sim);
	if (world_failed(w))
		return;
	bool server_first = world_chance(w, 500);
	if (!server_first)
		for (unsigned i = 0; i < w->client_count; i++)
			sim_machine_terminate(w->clients[i].machine);
	sim_machine_terminate(w->server_machine);
	for (unsigned i = 0; i < w->client_count; i++)
		sim_machine_terminate(w->clients[i].machine);
	sim_run(w->sim, sim_now_us(w->sim) + STOP_MAX_US, all_off, w);
	if (!all_off(w))
		world_fail(w, "not all machines come to their end");
	size_t left = sim_machine_left_behind(w->server_machine);
	if (left)
		world_fail(w, "the server has ended and left %zu things behind", left);
	for (unsigned i = 0; i < w->client_count; i++)
		if (sim_machine_left_behind(w->clients[i].machine))
			world_fail(w, "client %u has ended and left %zu things behind", i,
				sim_machine_left_behind(w->clients[i].machine));
}

/** Who may write to whom is known now. */
static void write_to_all(struct world *w)
{
	restart_clients(w);
	world_say(w, "letters from everybody to everybody");
	w->phase = PHASE_LETTERS;
	run_until(w, sim_now_us(w->sim) + BURST_US);
	run_until_settled(w, w->bounded ? 3 * BURST_MAX_US : BURST_MAX_US, "after the letters");
}

static void live(struct world *w)
{
	server_machine_start(w);
	watch(w);
	plan_start(w);
	run_until(w, w->faults_until);
	world_say(w, "all faults end");
	w->phase = PHASE_HEAL;
	plan_heal(w);
	run_until_settled(w, HEAL_MAX_US, "after the faults");
	restart_clients(w);
	world_say(w, "a burst in good times");
	w->phase = PHASE_BURST;
	run_until(w, sim_now_us(w->sim) + BURST_US);
	w->phase = PHASE_HEAL;
	/* whose inbox is full has his senders come back a minute later */
	w->prompt = true;
	run_until_settled(w, w->bounded ? 3 * BURST_MAX_US : BURST_MAX_US, "after a burst in good times");
	w->prompt = false;
	if (world_has(w, KIND_contacts))
		write_to_all(w);
	if (!world_failed(w))
		book_check_order(w);
	world_say(w, "all end");
	stop_all(w);
}

void world_run(uint64_t seed, const struct world_options *options,
	void (*mark)(void *arg, const char *name, uint64_t count), void *arg, struct world_result *ret_result)
{
	struct world *w = hy_zalloc(sizeof *w);
	world_init(w, seed, options);
	uint64_t begun = sim_now_us(w->sim);
	live(w);
	*ret_result = (struct world_result){.hash = sim_trace_hash(w->sim),
		.events = sim_events(w->sim),
		.virtual_us = sim_now_us(w->sim) - begun,
		.kills = w->kills,
		.power_cuts = w->power_cuts,
		.clean_stops = w->clean_stops,
		.texts = w->text_count,
		.answered = w->answered,
		.refused = w->refused,
		.received = w->received,
		.changes = w->change_count,
		.changed = w->changed,
		.changes_refused = w->changes_refused};
	memcpy(ret_result->failure, w->failure, sizeof w->failure);
	sim_marks_each(w->sim, mark, arg);
	sim_destroy(w->sim);
	hy_free(w);
}
