/* Actors: fibers on the simulator's thread. Whoever blocks goes back to the event heap, and comes on by an event. */
#include <stdio.h>

#include "env/sim/sim_int.h"

static void actor_fiber(void *arg)
{
	struct env_actor *a = arg;
	a->fn(a->arg);
	a->done = true;
	fiber_exit_to(&a->fiber, &a->env->sim->fiber);
}

struct env_actor *sim_actor_new(struct env *env, const char *name, void (*fn)(void *arg), void *arg)
{
	struct sim *s = env->sim;
	struct sim_heap *before = sim_heap_enter(&s->heap);
	struct env_actor *a = hy_zalloc(sizeof *a);
	*a = (struct env_actor){.env = env, .fn = fn, .arg = arg, .pause_checked_s = s->now / SEC_US};
	snprintf(a->name, sizeof a->name, "%s", name);
	hy_link_init(&a->link);
	hy_link_init(&a->waiter);
	hy_list_push_back(&env->actors, &a->link);
	a->stack = fiber_stack_get(s->stacks);
	assert(a->stack);
	fiber_init(&a->fiber, a->stack, FIBER_STACK_SIZE, actor_fiber, a);
	sim_heap_enter(before);
	return a;
}

static void stack_give_back(struct env_actor *a)
{
	if (!a->stack)
		return;
	fiber_fini(&a->fiber);
	fiber_stack_put(a->env->sim->stacks, hy_take(a->stack));
}

static void actor_free_if_unused(struct env_actor *a)
{
	if (!a->joined || a->events > 0)
		return;
	hy_list_remove(&a->link);
	hy_free(a);
}

static void actor_ended(struct env_actor *a)
{
	if (a == a->env->main) {
		sim_process_returned(a->env);
		return;
	}
	stack_give_back(a);
	if (a->joiner)
		sim_actor_wake(a->joiner);
}

static void actor_resume(struct sim *s, void *p, uint64_t wait_number)
{
	struct env_actor *a = p;
	a->events--;
	if (a->done || a->wait_number != wait_number) {
		actor_free_if_unused(a);
		return;
	}
	a->wait_number++;
	s->actor = a;
	s->running = a->env;
	struct sim_heap *before = sim_heap_enter(&a->env->heap);
	fiber_switch(&s->fiber, &a->fiber);
	sim_heap_enter(before);
	s->actor = NULL;
	s->running = NULL;
	if (a->done)
		actor_ended(a);
}

struct env_actor *sim_actor_here(struct env *env)
{
	struct env_actor *a = env->sim->actor;
	assert(a && a->env == env && "a call that blocks, from a loop");
	return a;
}

void sim_actor_wait(struct env_actor *a)
{
	fiber_switch(&a->fiber, &a->env->sim->fiber);
}

void sim_actor_wake_at(struct env_actor *a, uint64_t at)
{
	a->events++;
	sim_push(a->env->sim, at, SIM_EV_ACTOR, actor_resume, a, a->wait_number, a->env);
}

void sim_actor_wake(struct env_actor *a)
{
	struct sim *s = a->env->sim;
	uint64_t at = s->now + sim_wake_delay(s);
	at += sim_pause(s, &a->pause_checked_s);
	sim_actor_wake_at(a, at);
}

void sim_block(struct env *env, uint64_t us)
{
	struct env_actor *a = sim_actor_here(env);
	uint64_t at = env->sim->now + us;
	at += sim_pause(env->sim, &a->pause_checked_s);
	sim_actor_wake_at(a, at);
	sim_actor_wait(a);
}

void sim_actors_abandon(struct env *env)
{
	struct env_actor *a;
	hy_list_each (a, &env->actors, struct env_actor, link) {
		hy_list_remove(&a->link);
		stack_give_back(a);
		hy_free(a);
	}
}

/* ---- env.h ----------------------------------------------------------------------------------------------------- */

int env_actor_start(struct env *env, const char *name, void (*fn)(void *arg), void *arg, struct env_actor **ret_actor)
{
	struct env_actor *a = sim_actor_new(env, name, fn, arg);
	sim_actor_wake(a);
	*ret_actor = a;
	return 0;
}

void env_actor_join(struct env_actor *actor)
{
	struct env_actor *me = sim_actor_here(actor->env);
	assert(!actor->joiner && me != actor);
	if (!actor->done) {
		actor->joiner = me;
		sim_actor_wait(me);
	}
	assert(actor->done);
	actor->joined = true;
	actor_free_if_unused(actor);
}

void env_sleep_us(struct env *env, uint64_t us)
{
	uint64_t wake_mono = sim_mono(env->machine) + us;
	uint64_t at = sim_time_of_mono(env->machine, wake_mono);
	at += sim_wake_delay(env->sim);
	sim_block(env, at - env->sim->now);
}
