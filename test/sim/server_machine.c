/* The server's machine: the very server that `hongyan serve` runs, with limits so small that its rare paths are taken
 * all the time. */
#include "base/mem.h"
#include "limit.pb-c.h"
#include "world.h"

#define GRACE_MAX_US (3 * SEC)
/** A clean stop takes its grace time, and some more where a disk is slow. */
#define STOP_MAX_US (60 * SEC)

void server_machine_draw(struct world *w)
{
	struct server_config c = server_config_default();
	int rc = env_addr_parse("*:7600", &c.listen[0]);
	assert(rc == 0);
	c.listen_count = 1;
	c.data_dir = "/data";
	c.disk_threads = (unsigned)world_range(w, 1, 2);
	c.memory_bytes = world_chance(w, 600) ? world_range(w, 4 << 10, 128 << 10) : 8 << 20;
	c.segment_bytes = world_range(w, 8 << 10, 64 << 10);
	c.log_bytes = world_range(w, 64 << 10, 512 << 10);
	c.disk_reserve_bytes = world_range(w, 64 << 10, 1 << 20);
	c.password_memory = 8 << 10;
	c.password_passes = 1;
	c.access.allow_plain = true;
	/* Virtual time is short of the minutes and hours that most rates are made of: those have tests of their own. */
	c.limits = (struct limit_config){.entries_max = 256};
	c.strangers_may_write = !world_has(w, KIND_contacts) || world_chance(w, 100);
	if (world_has(w, KIND_sweep))
		c.sweep = (struct sweep_config){.first_ms = world_range(w, 50, 3000),
			.pause_ms = world_range(w, 500, 20000),
			.step_ms = world_range(w, 1, 50)};
	c.retain_days = world_chance(w, 150) ? 1 : 0;
	bool bounded = world_chance(w, 200);
	uint64_t rows = world_range(w, 8, 60);
	if (rows % 2 == 0) /* in half of the worlds, without a draw of its own */
		c.limits.rates[HY__LIMIT_ACTION__LIMIT_SEND] = (struct hy_rate){.interval_us = SEC / 2, .burst = 3};
	if (bounded && !(w->options.off & 1u << KIND_bounds)) {
		w->bounded = true;
		c.inbox_rows = rows;
	}
	w->admin_on = world_chance(w, 250);
	w->config = c;
}

static bool disk_may_fail(const struct world *w)
{
	return w->drawn.disk_sync_eio || w->drawn.disk_enospc || world_has(w, KIND_disk_full);
}

static void start_failed(struct world *w, int status, const char *why)
{
	world_say(w, "the server does not start: %s: %s", hy_status_name(status), why);
	bool of_disk = status == HY_UNAVAILABLE || status == HY_RESOURCE_EXHAUSTED;
	if (!of_disk || !disk_may_fail(w))
		world_fail(w, "the server does not start, without reason: %s: %s", hy_status_name(status), why);
}

static void server_main(struct env *env, void *arg)
{
	struct world *w = arg;
	struct server *server;
	char *why = NULL;
	int status = server_start(env, &w->config, &server, &why);
	if (status != HY_OK) {
		start_failed(w, status, why ? why : "");
		hy_free(why);
		return;
	}
	w->server = server;
	world_say(w, "the server serves");
	struct admin_run *admin = w->admin_on && !(w->options.off & 1u << KIND_admin) ? admin_run_start(w, env) : NULL;
	env_wait_terminate(env);
	w->server = NULL;
	if (w->phase == PHASE_STOP && world_has(w, KIND_contacts) && !world_failed(w))
		server_rows_check(w, env, server);
	if (admin)
		admin_run_stop(admin);
	bool hurried = world_chance(w, 500);
	server_stop(server, hurried ? world_range(w, 0, SEC / 100) : GRACE_MAX_US);
	w->clean_stops++;
	world_say(w, "the server has stopped");
}

void server_machine_start(struct world *w)
{
	assert(!sim_machine_running(w->server_machine));
	w->server = NULL;
	w->ending = false;
	w->start_at = UINT64_MAX;
	w->config.loops = (unsigned)world_range(w, 2, 4); /* nothing on disk depends on it (S12) */
	world_say(w, "the server is started");
	sim_machine_start(w->server_machine, server_main, w);
}

static void watch_ending(struct world *w)
{
	if (!w->ending) {
		w->ending = true;
		w->ending_since = sim_now_us(w->sim);
	}
	/* a loop that stands still, a disk that is slow: bounded, too */
	if (sim_now_us(w->sim) - w->ending_since > STOP_MAX_US)
		world_fail(w, "the server does not come to its end");
}

static void watch_running(struct world *w)
{
	if (w->ending) {
		watch_ending(w);
		return;
	}
	struct kt_stats stats;
	if (!w->server)
		return;
	kt_stats(server_kt(w->server), &stats);
	if (!stats.failed)
		return;
	world_say(w, "the store has failed: the operator restarts the server");
	if (!disk_may_fail(w))
		world_fail(w, "the store has failed without reason");
	sim_machine_terminate(w->server_machine);
	watch_ending(w);
}

void server_machine_watch(struct world *w)
{
	uint64_t now = sim_now_us(w->sim);
	if (sim_machine_running(w->server_machine)) {
		watch_running(w);
		return;
	}
	if (w->start_at == UINT64_MAX) { /* its main function returned */
		size_t left = sim_machine_left_behind(w->server_machine);
		if (left)
			world_fail(w, "the server has ended and left %zu things behind", left);
		w->start_at = now + world_range(w, 0, 2 * SEC);
	} else if (now >= w->start_at && w->phase != PHASE_STOP) {
		server_machine_start(w);
	}
}
