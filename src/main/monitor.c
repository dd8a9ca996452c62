/*
 * monitor.c - see monitor.h. What a loop alone may look at, each loop sets once a second on its strip; what blocks or
 * is the process's, an actor sets on a strip of its own, so that a loop that hangs is seen.
 */
#include "main/monitor.h"

#include <stdio.h>

#include "base/mem.h"
#include "main/commands.h"
#include "monitor/mon_file.h"
#include "monitor/mon_prom.h"

#define SECOND_US 1000000u
#define DISK_RESERVE_DEFAULT (256u << 20) /* as the store's (kt_config) */
/** Counting open files takes its time on older kernels. */
#define FILES_EVERY 10u

struct loop_watch {
	struct monitor *monitor;
	struct svr_loop *loop;
	struct env_timer timer;
	struct svr_turn_hook stop;
	/* atomic: read by the actor. due 0: the loop has ended, or has not begun */
	uint64_t due_us, late_us;
};

struct monitor {
	struct monitor_config config;
	struct env *env;
	struct mon *mon;
	unsigned strip; /* the actor's */
	struct env_inbox *inbox;
	struct env_msg end;
	struct env_actor *actor;
	uint64_t reserve; /* as the store takes it */
	bool ready;       /* atomic, as all below */
	bool failed, disk_low;
	unsigned loop_count;
	struct loop_watch loops[];
};

#define SET(m, id, value) mon_set((m)->mon, (m)->strip, MON_##id, value)

/* ---- each loop --------------------------------------------------------------------------------------------------- */

static void set_due(struct loop_watch *w, uint64_t due_us)
{
	__atomic_store_n(&w->due_us, due_us, __ATOMIC_RELAXED);
}

static void on_second(struct env_timer *timer)
{
	struct loop_watch *w = hy_container_of(timer, struct loop_watch, timer);
	struct monitor *m = w->monitor;
	unsigned index = svr_loop_index(w->loop);
	struct access_counts counts;
	uint64_t now = svr_now_us(w->loop), due = w->due_us;
	access_count(m->config.access, index, &counts);
	mon_set(m->mon, index, MON_users_online, counts.users_online);
	mon_set(m->mon, index, MON_links, counts.links);
	mon_set(m->mon, index, MON_websockets, counts.websockets);
	mon_set(m->mon, index, MON_http_connections, counts.http_connections);
	mon_set(m->mon, index, MON_requests_in_work, counts.requests);
	mon_set(m->mon, index, MON_coroutines, co_count(w->loop));
	__atomic_store_n(&w->late_us, now - HY_MIN(now, due), __ATOMIC_RELAXED);
	set_due(w, now + SECOND_US);
	env_timer_set(svr_loop_env(w->loop), timer, w->due_us);
}

static void on_stop(struct svr_turn_hook *hook)
{
	struct loop_watch *w = hy_container_of(hook, struct loop_watch, stop);
	env_timer_cancel(svr_loop_env(w->loop), &w->timer);
	set_due(w, 0);
}

static void watch_loops(struct monitor *m)
{
	for (unsigned i = 0; i < m->loop_count; i++) {
		struct loop_watch *w = &m->loops[i];
		w->monitor = m;
		w->loop = svr_loop_at(m->config.svr, i);
		w->timer.fn = on_second;
		w->stop.fn = on_stop;
		svr_loop_on_stop(w->loop, &w->stop);
		set_due(w, env_mono_us(m->env) + SECOND_US);
		env_timer_set(svr_loop_env(w->loop), &w->timer, w->due_us);
	}
}

/* ---- the actor --------------------------------------------------------------------------------------------------- */

static uint64_t worst_lag(struct monitor *m)
{
	uint64_t now = env_mono_us(m->env), worst = 0;
	for (unsigned i = 0; i < m->loop_count; i++) {
		uint64_t due = __atomic_load_n(&m->loops[i].due_us, __ATOMIC_RELAXED);
		uint64_t late = __atomic_load_n(&m->loops[i].late_us, __ATOMIC_RELAXED);
		uint64_t hangs = due && now > due ? now - due : 0;
		worst = HY_MAX(worst, HY_MAX(late, hangs));
	}
	return worst;
}

static void look_at_store(struct monitor *m)
{
	struct kt_stats s;
	kt_stats(m->config.kt, &s);
	SET(m, kt_memory_bytes, s.memory_bytes);
	SET(m, kt_memory_budget, s.memory_budget);
	SET(m, kt_log_bytes, s.log_bytes);
	SET(m, kt_log_limit, s.log_limit);
	SET(m, kt_durable_pos, s.durable_pos);
	SET(m, kt_moved_pos, s.moved_pos);
	SET(m, kt_persisted_pos, s.persisted_pos);
	SET(m, kt_failed, s.failed);
	__atomic_store_n(&m->failed, s.failed, __ATOMIC_RELAXED);
}

static void look_at_disk(struct monitor *m)
{
	uint64_t free_bytes;
	if (env_disk_free(m->env, m->config.dir, &free_bytes) < 0)
		return;
	SET(m, disk_free_bytes, free_bytes);
	__atomic_store_n(&m->disk_low, free_bytes < m->reserve, __ATOMIC_RELAXED);
}

static void look(struct monitor *m, unsigned round)
{
	look_at_store(m);
	look_at_disk(m);
	SET(m, loop_lag_us, worst_lag(m));
	SET(m, log_lines_dropped, env_log_dropped(m->env));
	SET(m, process_cpu_us, env_cpu_us(m->env));
	SET(m, process_memory_bytes, env_memory_bytes(m->env));
	if (round % FILES_EVERY == 0)
		SET(m, process_files, env_files_open(m->env));
	mon_beat(m->mon, env_wall_ms(m->env));
}

static void act(void *arg)
{
	struct monitor *m = arg;
	for (unsigned round = 0;; round++) {
		look(m, round);
		if (env_inbox_take(m->inbox, env_mono_us(m->env) + SECOND_US))
			return;
	}
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static void fill_health(void *arg, struct access_page_answer *answer)
{
	hy_buf_printf(&answer->body, "ok\n");
}

static const char *not_ready_because(const struct monitor *m)
{
	if (!__atomic_load_n(&m->ready, __ATOMIC_RELAXED))
		return "the server is starting";
	if (__atomic_load_n(&m->failed, __ATOMIC_RELAXED))
		return "the commit log has failed: no writes until the server is restarted";
	if (__atomic_load_n(&m->disk_low, __ATOMIC_RELAXED))
		return "less disk than the reserve is free: messages are refused";
	return NULL;
}

static void fill_readiness(void *arg, struct access_page_answer *answer)
{
	const char *why = not_ready_because(arg);
	if (why)
		answer->status = 503;
	hy_buf_printf(&answer->body, "%s\n", why ? why : "ready");
}

static void fill_metrics(void *arg, struct access_page_answer *answer)
{
	const struct monitor *m = arg;
	struct mon_view view;
	const char *why;
	int status = mon_view_init(&view, mon_memory(m->mon), &why);
	assert(status == HY_OK); /* it is our own */
	answer->type = MON_PROM_TYPE;
	mon_prom(&view, &answer->body);
}

static void add_pages(struct monitor *m)
{
	const struct access_page pages[] = {
		{"/healthz", ACCESS_PUBLIC | ACCESS_OPERATOR, fill_health, m},
		{"/readyz", ACCESS_PUBLIC | ACCESS_OPERATOR, fill_readiness, m},
		{"/metrics", ACCESS_OPERATOR, fill_metrics, m},
	};
	for (unsigned i = 0; i < HY_COUNT_OF(pages); i++)
		access_add_page(m->config.access, &pages[i]);
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

static void publish(struct monitor *m)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/" MON_FILE_NAME, m->config.dir);
	int rc = mon_publish(m->mon, m->env, path, HONGYAN_VERSION);
	if (rc < 0)
		env_log(m->env, ENV_LOG_WARN, "monitor", 0,
			"%s cannot be made, so `hongyan mon` has nothing to show: %s", path, strerror(-rc));
}

int monitor_create(const struct monitor_config *config, struct monitor **ret_monitor)
{
	unsigned loops = svr_loop_count(config->svr);
	struct monitor *m = hy_zalloc(sizeof *m + loops * sizeof *m->loops);
	m->config = *config;
	m->env = svr_env(config->svr);
	m->mon = svr_mon(config->svr);
	m->strip = loops + SVR_ACTOR_STRIP_MONITOR;
	m->loop_count = loops;
	m->reserve = config->disk_reserve_bytes ? config->disk_reserve_bytes : DISK_RESERVE_DEFAULT;
	m->inbox = env_inbox_create(m->env);
	*ret_monitor = m;
	add_pages(m);
	watch_loops(m);
	publish(m);
	SET(m, disk_reserve_bytes, m->reserve);
	SET(m, process_files_max, env_files_max(m->env));
	return env_actor_start(m->env, "monitor", act, m, &m->actor) < 0 ? HY_RESOURCE_EXHAUSTED : HY_OK;
}

void monitor_ready(struct monitor *m)
{
	__atomic_store_n(&m->ready, true, __ATOMIC_RELAXED);
}

void monitor_destroy(struct monitor *m)
{
	if (!m)
		return;
	if (m->actor) {
		env_inbox_post(m->inbox, &m->end);
		env_actor_join(m->actor);
		look(m, 0);
	}
	mon_ended(m->mon, env_wall_ms(m->env));
	env_inbox_destroy(m->inbox);
	hy_free(m);
}
