/*
 * Loops and inboxes. A loop takes turns: one is scheduled, after a drawn delay, when there is a message, a socket event
 * or a timer that is due. Within a turn: the messages that were there when it began, then socket events in drawn order,
 * then timers, then turn_end. What comes in during a turn waits for the next one, as with epoll.
 */
#include <stdio.h>

#include "env/sim/sim_int.h"

/* ---- turns ----------------------------------------------------------------------------------------------------- */

static void loop_free_if_unused(struct env_loop *loop)
{
	if (!loop->joined || loop->events > 0)
		return;
	hy_list_remove(&loop->link);
	hy_free(loop);
}

static void run_messages(struct env_loop *loop)
{
	struct env_msg *msg = loop->inbox.first;
	loop->inbox.first = loop->inbox.last = NULL;
	while (msg) {
		struct env_msg *next = msg->next;
		msg->fn(msg);
		msg = next;
	}
}

static void run_sockets(struct env_loop *loop)
{
	struct sim *s = loop->env->sim;
	struct sim_ready *now = &loop->ready[1];
	struct sim_ready gathered = loop->ready[0];
	loop->ready[0] = *now;
	*now = gathered;
	for (size_t i = 0; i < now->count; i++)
		now->ends[i]->ready_list = 2;
	while (now->count > 0) {
		struct sim_end *end = now->ends[now->count == 1 ? 0 : sim_range(s, 0, now->count - 1)];
		sim_loop_ready_remove(loop, end);
		unsigned events = end->events;
		end->events = 0;
		end->sock->on_event(end->sock, events);
	}
}

static void run_timers(struct env_loop *loop)
{
	uint64_t order = timers_order(&loop->timers);
	struct env_timer *timer;
	while ((timer = timers_pop(&loop->timers, loop->now_us, order)))
		timer->fn(timer);
}

static void loop_turn(struct sim *s, void *p, uint64_t number);

/* What comes in during a turn is looked at when it ends. */
static bool may_turn(const struct env_loop *loop)
{
	return loop->started && !loop->ended && !loop->in_turn;
}

static void turn_at(struct env_loop *loop, uint64_t at)
{
	if (loop->turn_at <= at)
		return;
	loop->turn_at = at;
	loop->events++;
	sim_push(loop->env->sim, at, SIM_EV_TURN, loop_turn, loop, ++loop->turn_number, loop->env);
}

static void turn_for_timers(struct env_loop *loop)
{
	uint64_t next = timers_next_us(&loop->timers);
	if (next == UINT64_MAX || loop->poked || !may_turn(loop))
		return;
	struct sim *s = loop->env->sim;
	uint64_t due = sim_time_of_mono(loop->env->machine, next);
	if (due == UINT64_MAX || HY_MAX(due, s->now) >= loop->turn_at)
		return;
	due = HY_MAX(due, s->now) + sim_wake_delay(s);
	due += sim_pause(s, &loop->pause_checked_s);
	turn_at(loop, due);
}

void sim_loop_poke(struct env_loop *loop)
{
	if (loop->poked || !may_turn(loop))
		return;
	loop->poked = true;
	struct sim *s = loop->env->sim;
	uint64_t at = s->now + sim_wake_delay(s);
	at += sim_pause(s, &loop->pause_checked_s);
	turn_at(loop, at);
}

static void turn_next(struct env_loop *loop)
{
	loop->poked = false;
	if (loop->inbox.first || loop->ready[0].count > 0)
		sim_loop_poke(loop);
	else
		turn_for_timers(loop);
}

static void loop_turn(struct sim *s, void *p, uint64_t number)
{
	struct env_loop *loop = p;
	loop->events--;
	if (loop->ended || number != loop->turn_number) {
		loop_free_if_unused(loop);
		return;
	}
	loop->turn_at = UINT64_MAX;
	loop->now_us = sim_mono(loop->env->machine);
	loop->in_turn = true;
	s->loop = loop;
	s->running = loop->env;
	struct sim_heap *before = sim_heap_enter(&loop->env->heap);
	run_messages(loop);
	run_sockets(loop);
	run_timers(loop);
	if (loop->config.turn_end)
		loop->config.turn_end(loop->config.arg);
	sim_heap_enter(before);
	s->loop = NULL;
	s->running = NULL;
	loop->in_turn = false;
	if (loop->stopping) {
		loop->ended = true;
		if (loop->joiner)
			sim_actor_wake(loop->joiner);
		return;
	}
	turn_next(loop);
}

/* ---- sockets that have something to tell ----------------------------------------------------------------------- */

void sim_loop_ready_add(struct env_loop *loop, struct sim_end *end)
{
	if (end->ready_list)
		return;
	struct sim_ready *r = &loop->ready[0];
	if (r->count == r->cap) {
		struct sim_heap *before = sim_heap_enter(&loop->env->sim->heap);
		r->cap = r->cap ? 2 * r->cap : 16;
		r->ends = hy_realloc(r->ends, r->cap * sizeof(struct sim_end *));
		sim_heap_enter(before);
	}
	end->ready_list = 1;
	end->ready_index = (uint32_t)r->count;
	r->ends[r->count++] = end;
	sim_loop_poke(loop);
}

void sim_loop_ready_remove(struct env_loop *loop, struct sim_end *end)
{
	if (!end->ready_list)
		return;
	struct sim_ready *r = &loop->ready[end->ready_list - 1];
	assert(r->ends[end->ready_index] == end);
	struct sim_end *last = r->ends[--r->count];
	r->ends[end->ready_index] = last;
	last->ready_index = end->ready_index;
	end->ready_list = 0;
}

/* ---- loops ----------------------------------------------------------------------------------------------------- */

static void inbox_init(struct env_inbox *in, struct env *env, struct env_loop *loop)
{
	*in = (struct env_inbox){.env = env, .loop = loop};
	hy_link_init(&in->waiters);
}

int env_loop_create(struct env *env, const struct env_loop_config *config, struct env_loop **ret_loop)
{
	struct sim_heap *before = sim_heap_enter(&env->sim->heap);
	struct env_loop *loop = hy_zalloc(sizeof *loop);
	sim_heap_enter(before);
	loop->env = env;
	loop->config = *config;
	snprintf(loop->name, sizeof loop->name, "%s", config->name);
	inbox_init(&loop->inbox, env, loop);
	loop->now_us = sim_mono(env->machine);
	loop->turn_at = UINT64_MAX;
	loop->pause_checked_s = env->sim->now / SEC_US;
	hy_link_init(&loop->link);
	hy_list_push_back(&env->loops, &loop->link);
	*ret_loop = loop;
	return 0;
}

int env_loop_start(struct env_loop *loop)
{
	assert(!loop->started);
	loop->started = true;
	turn_next(loop);
	return 0;
}

static bool on_loop(const struct env_loop *loop)
{
	return loop->env->sim->loop == loop ||
	       ((!loop->started || loop->ended) && loop->env->sim->running == loop->env);
}

void env_loop_stop(struct env_loop *loop)
{
	assert(on_loop(loop));
	loop->stopping = true;
}

static void loop_release(struct env_loop *loop)
{
	timers_fini(&loop->timers);
	hy_free(loop->ready[0].ends);
	hy_free(loop->ready[1].ends);
}

void env_loop_join(struct env_loop *loop)
{
	struct env_actor *me = sim_actor_here(loop->env);
	assert(!loop->joiner);
	if (loop->started && !loop->ended) {
		loop->joiner = me;
		sim_actor_wait(me);
	}
	assert(loop->sock_count == 0 && loop->timers.count == 0);
	loop_release(loop);
	loop->ended = loop->joined = true;
	loop_free_if_unused(loop);
}

/* The timers' memory is of the process's heap, which goes in one stroke; what lies outside of it goes here. */
void sim_loops_abandon(struct env *env)
{
	struct env_loop *loop;
	hy_list_each (loop, &env->loops, struct env_loop, link) {
		if (!loop->joined) {
			hy_free(loop->ready[0].ends);
			hy_free(loop->ready[1].ends);
		}
		hy_list_remove(&loop->link);
		hy_free(loop);
	}
}

struct env_inbox *env_loop_inbox(struct env_loop *loop)
{
	return &loop->inbox;
}

uint64_t env_loop_now_us(const struct env_loop *loop)
{
	return loop->in_turn ? loop->now_us : sim_mono(loop->env->machine);
}

struct env *env_loop_env(const struct env_loop *loop)
{
	return loop->env;
}

void env_timer_set(struct env_loop *loop, struct env_timer *timer, uint64_t at_us)
{
	assert(on_loop(loop));
	timers_set(&loop->timers, timer, at_us);
	turn_for_timers(loop);
}

void env_timer_cancel(struct env_loop *loop, struct env_timer *timer)
{
	assert(on_loop(loop) || !env_timer_is_set(timer));
	timers_cancel(&loop->timers, timer);
}

/* ---- inboxes --------------------------------------------------------------------------------------------------- */

struct env_inbox *env_inbox_create(struct env *env)
{
	struct env_inbox *in = hy_alloc(sizeof *in);
	inbox_init(in, env, NULL);
	return in;
}

void env_inbox_destroy(struct env_inbox *in)
{
	assert(!in || hy_list_empty(&in->waiters));
	hy_free(in);
}

/* Which of them the kernel wakes, nobody knows. */
static void wake_one(struct env_inbox *in)
{
	uint64_t count = 0;
	for (struct hy_link *l = in->waiters.next; l != &in->waiters; l = l->next)
		count++;
	if (count == 0)
		return;
	uint64_t skip = count == 1 ? 0 : sim_range(in->env->sim, 0, count - 1);
	struct hy_link *l = in->waiters.next;
	for (; skip > 0; skip--)
		l = l->next;
	hy_list_remove(l);
	sim_actor_wake(hy_container_of(l, struct env_actor, waiter));
}

void env_inbox_post_list(struct env_inbox *in, struct env_msg *first, struct env_msg *last)
{
	last->next = NULL;
	if (in->last)
		in->last->next = first;
	else
		in->first = first;
	in->last = last;
	if (in->loop)
		sim_loop_poke(in->loop);
	else
		wake_one(in);
}

/* Returns false at the deadline. */
static bool inbox_wait(struct env_inbox *in, uint64_t deadline_us)
{
	struct env *env = in->env;
	struct env_actor *me = sim_actor_here(env);
	while (!in->first) {
		if (deadline_us <= sim_mono(env->machine)) {
			if (deadline_us ==
				0) /* even asking takes time: whoever asks for ever must not stop the world */
				sim_block(env, 1);
			return in->first != NULL;
		}
		hy_list_push_back(&in->waiters, &me->waiter);
		if (deadline_us != UINT64_MAX) {
			uint64_t at = sim_time_of_mono(env->machine, deadline_us);
			if (at != UINT64_MAX)
				sim_actor_wake_at(me, at);
		}
		sim_actor_wait(me);
		hy_list_remove(&me->waiter);
	}
	return true;
}

struct env_msg *env_inbox_take(struct env_inbox *in, uint64_t deadline_us)
{
	if (!inbox_wait(in, deadline_us))
		return NULL;
	struct env_msg *msg = in->first;
	in->first = msg->next;
	if (!in->first)
		in->last = NULL;
	else
		wake_one(in); /* several came while only one was woken */
	msg->next = NULL;
	return msg;
}

struct env_msg *env_inbox_take_all(struct env_inbox *in, uint64_t deadline_us)
{
	if (!inbox_wait(in, deadline_us))
		return NULL;
	struct env_msg *msg = in->first;
	in->first = in->last = NULL;
	return msg;
}
