/* Machines and their processes: start, clean end, kill, power cut. */
#include <stdio.h>

#include "env/sim/sim_int.h"
#include "env/sim/sim_machine.h"

struct sim_machine *sim_machine_create(struct sim *s, const char *name, const char *ip)
{
	struct sim_heap *before = sim_heap_enter(&s->heap);
	struct sim_machine *m = hy_zalloc(sizeof *m);
	char text[64];
	snprintf(m->name, sizeof m->name, "%s", name);
	snprintf(text, sizeof text, strchr(ip, ':') ? "[%s]:0" : "%s:0", ip);
	int rc = env_addr_parse(text, &m->addr);
	assert(rc == 0);
	m->sim = s;
	m->id = s->machine_count++;
	m->next_port = 20000;
	hy_link_init(&m->link);
	hy_link_init(&m->listeners);
	hy_list_push_back(&s->machines, &m->link);
	m->disk = sim_disk_new(m);
	bool *cuts = hy_zalloc((size_t)s->machine_count * s->machine_count * sizeof *cuts);
	for (uint32_t i = 0; i < m->id; i++)
		memcpy(cuts + (size_t)i * s->machine_count, s->cuts + (size_t)i * m->id, m->id * sizeof *cuts);
	hy_free(s->cuts);
	s->cuts = cuts;
	sim_heap_enter(before);
	return m;
}

struct start {
	struct env *env;
	void (*main_fn)(struct env *env, void *arg);
	void *arg;
};

static void main_run(void *arg)
{
	struct start start = *(struct start *)arg;
	hy_free(arg);
	start.main_fn(start.env, start.arg);
}

void sim_machine_start(struct sim_machine *m, void (*main_fn)(struct env *env, void *arg), void *arg)
{
	assert(!m->env);
	struct sim *s = m->sim;
	struct sim_heap *before = sim_heap_enter(&s->heap);
	if (!m->powered) {
		m->powered = true;
		sim_clock_boot(m);
		sim_net_powered(m);
	}
	struct env *env = hy_zalloc(sizeof *env);
	*env = (struct env){.machine = m, .sim = s, .alive = true, .log_level = ENV_LOG_DEBUG};
	env->fd_lowest = SIM_FD_FIRST;
	env->heap.process = env;
	env->cpu_count = (unsigned)sim_range(s, 1, 4);
	hy_link_init(&env->actors);
	hy_link_init(&env->loops);
	hy_link_init(&env->files);
	hy_link_init(&env->listeners);
	hy_link_init(&env->terminate_waiters);
	m->env = env;
	struct start *start = hy_alloc(sizeof *start);
	*start = (struct start){env, main_fn, arg};
	env->main = sim_actor_new(env, "main", main_run, start);
	sim_actor_wake(env->main);
	sim_heap_enter(before);
}

static size_t left_behind(const struct env *env)
{
	size_t left = env->heap.count + env->fd_count;
	const struct hy_link *lists[] = {&env->actors, &env->loops, &env->files, &env->listeners};
	for (size_t i = 0; i < HY_COUNT_OF(lists); i++)
		for (const struct hy_link *l = lists[i]->next; l != lists[i]; l = l->next)
			left++;
	const struct env_actor *a;
	hy_list_each (a, &env->actors, struct env_actor, link)
		left -= a->joined || a == env->main; /* joined: only an old event holds it */
	const struct env_loop *loop;
	hy_list_each (loop, &env->loops, struct env_loop, link)
		left -= loop->joined;
	return left;
}

/* Nothing of the process runs after this; what it had goes in the order in which things point to each other. */
static void process_end(struct env *env, bool power_cut)
{
	struct sim_machine *m = env->machine;
	struct sim_heap *before = sim_heap_enter(&m->sim->heap);
	env->alive = false;
	m->env = NULL;
	sim_net_process_gone(env, power_cut);
	sim_disk_process_gone(env);
	sim_actors_abandon(env);
	sim_loops_abandon(env);
	sim_heap_drop(&env->heap);
	hy_free(env->fds);
	env->fds = NULL;
	sim_heap_enter(before);
}

void sim_process_returned(struct env *env)
{
	env->machine->left_behind = left_behind(env);
	process_end(env, false);
}

static void tell_deaths(struct sim_machine *m, bool power_cut)
{
	struct sim_heap *before = sim_heap_enter(NULL);
	for (struct sim_death *d = m->deaths; d; d = d->next)
		d->fn(d->arg, power_cut);
	sim_heap_enter(before);
}

static void die(struct sim_machine *m, bool power_cut)
{
	struct sim *s = m->sim;
	sim_trace(s, SIM_EV_KILL, (uint64_t)m->id << 1 | power_cut);
	if (m->env || power_cut)
		tell_deaths(m, power_cut);
	if (m->env)
		process_end(m->env, power_cut);
	if (!power_cut)
		return;
	struct sim_heap *before = sim_heap_enter(&s->heap);
	sim_disk_power_cut(m->disk);
	m->powered = false;
	sim_heap_enter(before);
}

static void die_later(struct sim *s, void *p, uint64_t power_cut)
{
	(void)s;
	die(p, power_cut != 0);
}

/* A process that is running cannot be taken from under its own feet: it dies before anything else runs. */
static void kill_or_later(struct sim_machine *m, bool power_cut)
{
	struct sim *s = m->sim;
	if (s->running && s->running == m->env)
		sim_push(s, s->now, SIM_EV_KILL, die_later, m, power_cut, m->env);
	else
		die(m, power_cut);
}

void sim_machine_kill(struct sim_machine *m)
{
	if (m->env)
		kill_or_later(m, false);
}

void sim_machine_power_cut(struct sim_machine *m)
{
	kill_or_later(m, true);
}

void sim_machine_terminate(struct sim_machine *m)
{
	struct env *env = m->env;
	if (!env)
		return;
	env->terminating = true;
	struct env_actor *a;
	hy_list_each (a, &env->terminate_waiters, struct env_actor, waiter) {
		hy_list_remove(&a->waiter);
		sim_actor_wake(a);
	}
}

void env_wait_terminate(struct env *env)
{
	struct env_actor *a = sim_actor_here(env);
	if (env->terminating)
		return;
	hy_list_push_back(&env->terminate_waiters, &a->waiter);
	sim_actor_wait(a);
}

bool sim_machine_running(const struct sim_machine *m)
{
	return m->env != NULL;
}

size_t sim_machine_left_behind(const struct sim_machine *m)
{
	return m->left_behind;
}

size_t sim_machine_heap_blocks(const struct sim_machine *m)
{
	return m->env ? m->env->heap.count : 0;
}

void sim_machine_set_disk(struct sim_machine *m, uint64_t bytes)
{
	sim_disk_set_size(m->disk, bytes);
}

int sim_machine_damage(struct sim_machine *m, const char *path, uint64_t offset)
{
	struct sim_heap *before = sim_heap_enter(&m->sim->heap);
	int rc = sim_disk_damage(m->disk, path, offset);
	sim_heap_enter(before);
	return rc;
}

void *sim_machine_attachment(
	struct sim_machine *m, const char *name, void *(*create)(void *arg), void (*destroy)(void *p), void *arg)
{
	for (struct sim_attachment *a = m->attachments; a; a = a->next)
		if (strcmp(a->name, name) == 0)
			return a->p;
	struct sim_heap *before = sim_heap_enter(&m->sim->heap);
	struct sim_attachment *a = hy_alloc(sizeof *a);
	*a = (struct sim_attachment){.next = m->attachments, .name = hy_strdup(name), .destroy = destroy};
	m->attachments = a;
	sim_heap_enter(NULL);
	a->p = create(arg);
	sim_heap_enter(before);
	return a->p;
}

struct sim_machine *sim_env_machine(struct env *env)
{
	return env->machine;
}

void sim_machine_on_death(struct sim_machine *m, void (*fn)(void *arg, bool power_cut), void *arg)
{
	struct sim_heap *before = sim_heap_enter(&m->sim->heap);
	struct sim_death *d = hy_alloc(sizeof *d), **end = &m->deaths;
	*d = (struct sim_death){.fn = fn, .arg = arg};
	while (*end)
		end = &(*end)->next;
	*end = d;
	sim_heap_enter(before);
}

struct sim *sim_machine_sim(struct sim_machine *m)
{
	return m->sim;
}

void *sim_outside_begin(void)
{
	return sim_heap_enter(NULL);
}

void sim_outside_end(void *before)
{
	sim_heap_enter(before);
}

void sim_machine_discard(struct sim_machine *m)
{
	if (m->env)
		process_end(m->env, true);
	for (struct sim_attachment *a = m->attachments; a; a = a->next)
		if (a->destroy)
			a->destroy(a->p);
}

/* ---- limits ---------------------------------------------------------------------------------------------------- */

uint64_t env_raise_file_limit(struct env *env)
{
	(void)env;
	return SIM_FD_MAX;
}

void env_no_core_dumps(struct env *env)
{
	(void)env;
}

unsigned env_cpu_count(struct env *env)
{
	return env->cpu_count;
}
