/*
 * The plan of faults, beside what sim_draw_faults() draws: machines are killed and lose their power at random instants,
 * again while they recover, the server is asked to end, networks are cut (both ways, one way), the disk fills up.
 * Swarm-style: most kinds are off in most runs; with everything on, nothing gets done and nothing is tested.
 */
#include "world.h"

static const unsigned per_mille[KIND_COUNT] = {
	[KIND_kill] = 500,
	[KIND_power_cut] = 400,
	[KIND_clean_stop] = 300,
	[KIND_again] = 500,
	[KIND_cut] = 350,
	[KIND_disk_full] = 150,
	[KIND_client_death] = 500,
	[KIND_raw] = 600,
	[KIND_sign_out] = 300,
	[KIND_contacts] = 500,
	[KIND_sweep] = 500,
};

bool world_has(const struct world *w, enum world_kind kind)
{
	return (w->kinds & ~w->options.off & 1u << kind) != 0;
}

void plan_draw(struct world *w)
{
	for (unsigned i = 0; i < KIND_COUNT; i++)
		if (per_mille[i] && world_chance(w, per_mille[i]))
			w->kinds |= 1u << i;
	w->plan_pause_us = world_range(w, SEC, 20 * SEC);
	w->disk_bytes = world_range(w, 64 << 20, 1 << 30);
	sim_draw_faults(w->sim);
	struct sim_faults *f = sim_faults(w->sim);
	/* what is told late is what contacts are about */
	if (world_has(w, KIND_contacts) && f->buggify == 0 && world_chance(w, 400))
		f->buggify = (unsigned)world_range(w, 100, 700);
	unsigned *const rates[] = {&f->net_slow, &f->net_reset, &f->net_half_open, &f->net_refuse, &f->net_short,
		&f->net_dup_connect, &f->disk_slow, &f->disk_sync_eio, &f->disk_enospc, &f->clock_jump,
		&f->clock_drift_ppm, &f->pause, &f->buggify};
	for (unsigned i = 0; i < HY_COUNT_OF(rates); i++)
		if (w->options.off & 1u << i)
			*rates[i] = 0;
	w->drawn = *f;
	/* a failed sync ends the store until somebody restarts it: seldom enough to get on */
	f->disk_sync_eio = (f->disk_sync_eio + 1) / 2;
}

/* ---- machines -------------------------------------------------------------------------------------------- */

static void server_dies(struct world *w, bool power_cut)
{
	world_say(w, "the server %s", power_cut ? "loses its power" : "is killed");
	w->server = NULL;
	w->ending = false;
	if (power_cut) {
		sim_machine_power_cut(w->server_machine);
		w->power_cuts++;
	} else {
		sim_machine_kill(w->server_machine);
		w->kills++;
	}
	bool soon = world_chance(w, 700);
	w->start_at = sim_now_us(w->sim) + world_range(w, 0, soon ? SEC / 2 : 8 * SEC);
}

static bool draw_power_cut(struct world *w)
{
	bool kill = world_has(w, KIND_kill), cut = world_has(w, KIND_power_cut);
	bool drawn = world_chance(w, 500);
	return kill && cut ? drawn : cut;
}

/** Shortly after a death: while it recovers, or just after. */
static void dies_again(void *arg)
{
	struct world *w = arg;
	if (w->phase != PHASE_FAULTS)
		return;
	if (!sim_machine_running(w->server_machine))
		server_machine_start(w);
	server_dies(w, draw_power_cut(w));
	if (world_chance(w, 300)) {
		uint64_t when = world_range(w, 0, SEC);
		sim_after(w->sim, when, dies_again, w);
	}
}

static void strike(void *arg)
{
	struct world *w = arg;
	if (w->phase == PHASE_FAULTS && w->server)
		server_dies(w, draw_power_cut(w));
}

void plan_strike(struct world *w)
{
	bool may = world_has(w, KIND_kill) || world_has(w, KIND_power_cut);
	if (!may || w->phase != PHASE_FAULTS || !world_chance(w, 50))
		return;
	uint64_t when = world_range(w, 1, 5000);
	sim_after(w->sim, when, strike, w);
}

static void client_dies(struct world *w, struct client *c, bool power_cut)
{
	if (power_cut)
		sim_machine_power_cut(c->machine);
	else
		sim_machine_kill(c->machine);
	c->start_at = sim_now_us(w->sim) + world_range(w, 0, 10 * SEC);
}

static void strike_both(void *arg)
{
	struct client *c = arg;
	struct world *w = c->world;
	if (w->phase == PHASE_FAULTS && world_has(w, KIND_client_death) && sim_machine_running(c->machine)) {
		world_say(w, "client %u is killed, and", c->index);
		client_dies(w, c, false);
	}
	strike(w);
}

void plan_strike_between(struct client *c)
{
	struct world *w = c->world;
	bool may = world_has(w, KIND_kill) || world_has(w, KIND_power_cut);
	if (!may || w->phase != PHASE_FAULTS || !world_chance(w, 100))
		return;
	bool both = world_chance(w, 600);
	uint64_t when = world_chance(w, 700) ? world_range(w, 1, 10000) : world_range(w, 10000, 2 * SEC);
	if (both)
		sim_after(w->sim, when, strike_both, c);
	else
		sim_after(w->sim, when, strike, w);
}

static void do_death(struct world *w)
{
	if (!world_has(w, KIND_kill) && !world_has(w, KIND_power_cut))
		return;
	server_dies(w, draw_power_cut(w));
	if (world_has(w, KIND_again) && world_chance(w, 500)) {
		uint64_t when = (w->start_at - sim_now_us(w->sim)) + world_range(w, 0, SEC);
		sim_after(w->sim, when, dies_again, w);
	}
}

static void do_clean_stop(struct world *w)
{
	if (!world_has(w, KIND_clean_stop) || !w->server)
		return;
	world_say(w, "the server is asked to end");
	sim_machine_terminate(w->server_machine);
}

static void do_client_death(struct world *w)
{
	struct client *c = &w->clients[world_range(w, 0, w->client_count - 1)];
	if (!world_has(w, KIND_client_death) || !sim_machine_running(c->machine))
		return;
	uint64_t how = world_range(w, 0, 2);
	world_say(w, "client %u %s", c->index,
		how == 0   ? "is killed"
		: how == 1 ? "loses its power"
			   : "is asked to end");
	if (how == 2) {
		sim_machine_terminate(c->machine);
		return;
	}
	client_dies(w, c, how == 1);
}

/* ---- networks -------------------------------------------------------------------------------------------- */

static void cut(struct world *w, struct client *c, bool up, bool down, bool on)
{
	if (up)
		sim_cut(w->sim, c->machine, w->server_machine, on);
	if (down)
		sim_cut(w->sim, w->server_machine, c->machine, on);
}

static void heal_networks(void *arg)
{
	struct world *w = arg;
	for (unsigned i = 0; i < w->client_count; i++)
		cut(w, &w->clients[i], true, true, false);
}

static void do_cut(struct world *w)
{
	if (!world_has(w, KIND_cut))
		return;
	uint64_t which = world_range(w, 0, w->client_count), ways = world_range(w, 1, 3);
	for (unsigned i = 0; i < w->client_count; i++)
		if (i == which || which == w->client_count)
			cut(w, &w->clients[i], ways & 1, ways & 2, true);
	world_say(w, "networks are cut: client %u, ways %u", (unsigned)which, (unsigned)ways);
	uint64_t length = world_range(w, SEC / 10, 30 * SEC);
	sim_after(w->sim, length, heal_networks, w);
}

static void do_reset(struct world *w)
{
	struct client *c = &w->clients[world_range(w, 0, w->client_count - 1)];
	if (world_has(w, KIND_cut))
		sim_reset_links(w->sim, w->server_machine, c->machine);
}

/* ---- disk ------------------------------------------------------------------------------------------------ */

static void disk_room(void *arg)
{
	struct world *w = arg;
	w->disk_small = false;
	sim_machine_set_disk(w->server_machine, w->disk_bytes);
}

static void do_disk_full(struct world *w)
{
	if (!world_has(w, KIND_disk_full) || w->disk_small)
		return;
	w->disk_small = true;
	uint64_t bytes = world_range(w, 0, 2 << 20);
	world_say(w, "the disk has %llu bytes", (unsigned long long)bytes);
	sim_machine_set_disk(w->server_machine, bytes);
	uint64_t length = world_range(w, SEC, 20 * SEC);
	sim_after(w->sim, length, disk_room, w);
}

static void (*const deeds[])(struct world *w) = {
	do_death, do_death, do_death, do_clean_stop, do_client_death, do_client_death, do_cut, do_reset, do_disk_full};

static void step(void *arg)
{
	struct world *w = arg;
	if (w->phase != PHASE_FAULTS)
		return;
	uint64_t which = world_range(w, 0, HY_COUNT_OF(deeds) - 1);
	deeds[which](w);
	uint64_t pause = world_range(w, 1, w->plan_pause_us);
	sim_after(w->sim, pause, step, w);
}

void plan_start(struct world *w)
{
	uint64_t pause = world_range(w, SEC, w->plan_pause_us + SEC);
	sim_after(w->sim, pause, step, w);
}

void plan_heal(struct world *w)
{
	*sim_faults(w->sim) =
		(struct sim_faults){.net_short = sim_faults(w->sim)->net_short, .buggify = sim_faults(w->sim)->buggify};
	heal_networks(w);
	disk_room(w);
}
