/* conn_loop.c - what each loop does for its connections: accepts them, resumes them, sweeps out the dead, ends them. */
#include <sys/socket.h>

#include "access/conn.h"
#include "access/websocket.h"
#include "base/mem.h"

#define SWEEP_MAX_US (5u * 1000 * 1000)
#define SWEEP_MIN_US (250u * 1000) /* also when connections are accepted again after there were too many files */
#define ACCEPT_PORTION 256
#define DRAIN_S 2

/* ---- what waits for the next turn -------------------------------------------------------------------------------- */

static void resume_next_turn(struct access_loop *l)
{
	if (l->resume_posted)
		return;
	l->resume_posted = true;
	svr_post(l->loop, l->index, &l->resume_msg);
}

void conn_resume(struct conn *c)
{
	if (!c->sock.loop || hy_link_linked(&c->in_resume) ||
		(hy_buf_len(&c->in) == 0 && !c->readable && !c->message_waits))
		return;
	hy_list_push_back(&c->home->resume, &c->in_resume);
	resume_next_turn(c->home);
}

static void accept_again(struct access_loop *l)
{
	l->accept_waits = false;
	if (l->stopping)
		return;
	for (unsigned i = 0; i < l->access->listener_count; i++)
		conn_accept_ready(&l->listeners[i].sock, ENV_READABLE);
}

static void on_resume(struct env_msg *msg)
{
	struct access_loop *l = hy_container_of(msg, struct access_loop, resume_msg);
	l->resume_posted = false;
	struct hy_link ready; /* who resumes again waits for the next turn */
	hy_list_take_all(&l->resume, &ready);
	while (!hy_list_empty(&ready)) {
		struct conn *c = hy_list_first(&ready, struct conn, in_resume);
		hy_list_remove(&c->in_resume);
		conn_read(c);
	}
	if (l->accept_waits)
		accept_again(l);
}

static void on_turn_end(struct svr_turn_hook *hook)
{
	struct access_loop *l = hy_container_of(hook, struct access_loop, hook);
	while (!hy_list_empty(&l->dirty)) {
		struct conn *c = hy_list_first(&l->dirty, struct conn, in_output);
		hy_list_remove(&c->in_output);
		bool was_waiting = conn_must_wait(c);
		if (conn_flush(c) && was_waiting && !conn_must_wait(c))
			conn_resume(c);
	}
	strangers_settle(l);
}

/* ---- accepting --------------------------------------------------------------------------------------------------- */

static struct conn *conn_create(struct access_loop *l)
{
	struct conn *c = hy_zalloc(sizeof *c);
	c->home = l;
	c->sock.on_event = conn_on_event;
	c->move_to = CONN_STAYS;
	c->active_us = svr_now_us(l->loop);
	hy_link_init(&c->in_list);
	hy_link_init(&c->in_output);
	hy_link_init(&c->in_resume);
	hy_link_init(&c->in_address);
	hy_link_init(&c->in_user);
	return c;
}

/** Out of files: not before the next sweep, which comes soon (X2). */
static void accept_pause(struct access_loop *l, int error)
{
	if (!l->accept_paused)
		env_log(svr_env(l->access->svr), ENV_LOG_WARN, "access", 0, "cannot accept connections for now: %s",
			strerror(-error));
	l->accept_paused = true;
	env_timer_set(svr_loop_env(l->loop), &l->sweep, svr_now_us(l->loop) + SWEEP_MIN_US);
}

void conn_accept_ready(struct env_sock *listening, unsigned events)
{
	const struct access_listening *on = hy_container_of(listening, struct access_listening, sock);
	struct access_loop *l = on->home;
	for (int i = 0; i < ACCEPT_PORTION; i++) {
		struct conn *c = conn_create(l);
		struct env_addr addr;
		int rc = env_accept(listening, &c->sock, &addr);
		if (rc < 0) {
			hy_free(c);
			if (rc == -EAGAIN)
				l->accept_paused = false;
			else
				accept_pause(l, rc);
			return;
		}
		c->peer = conn_peer_of(&l->access->config, &addr);
		c->door = on->door;
		c->local = c->peer.loopback;
		l->conn_count++;
		conn_count_kind(c, 1);
		strangers_enter(l, c);
	}
	l->accept_waits = true;
	resume_next_turn(l);
}

/* ---- sweeping ---------------------------------------------------------------------------------------------------- */

static unsigned idle_max_s(const struct conn *c)
{
	const struct access_limits *limits = &c->home->access->config.limits;
	return c->kind == CONN_HTTP ? limits->http_idle_s : limits->link_idle_s;
}

/** The list is in order of activity: stop at the first that is young enough for all kinds in it. */
static void sweep_idle(struct hy_link *list, unsigned shortest_s, uint64_t now)
{
	struct conn *c;
	hy_list_each (c, list, struct conn, in_list) {
		uint64_t idle_s = (now - HY_MIN(now, c->active_us)) / 1000000;
		if (idle_s < shortest_s)
			return;
		/* A peer that is being written to is sweep_stalled()'s matter. */
		if (c->requests == 0 && conn_output_len(c) == 0 && idle_s >= idle_max_s(c))
			conn_abort(c);
	}
}

static void sweep_stalled(struct access_loop *l, uint64_t now)
{
	struct conn *c;
	hy_list_each (c, &l->stalled, struct conn, in_output) {
		bool drained = conn_output_len(c) == 0;
		uint64_t limit_s = drained ? DRAIN_S : l->access->config.limits.stalled_s;
		if (now - c->stalled_since_us < limit_s * 1000000)
			continue;
		if (!drained)
			ACCESS_COUNT(l, links_dropped_slow, 1);
		conn_abort(c);
	}
}

static void on_sweep(struct env_timer *timer)
{
	struct access_loop *l = hy_container_of(timer, struct access_loop, sweep);
	const struct access_limits *limits = &l->access->config.limits;
	uint64_t now = svr_now_us(l->loop);
	sweep_idle(&l->anonymous, HY_MIN(limits->http_idle_s, limits->link_idle_s), now);
	sweep_idle(&l->signed_in, limits->link_idle_s, now);
	sweep_stalled(l, now);
	env_timer_set(svr_loop_env(l->loop), timer, now + l->sweep_us);
	if (l->accept_paused)
		accept_again(l);
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

void conn_loop_init(struct access_loop *l)
{
	const struct access_limits *limits = &l->access->config.limits;
	hy_link_init(&l->anonymous);
	hy_link_init(&l->signed_in);
	hy_link_init(&l->dirty);
	hy_link_init(&l->stalled);
	hy_link_init(&l->resume);
	hy_link_init(&l->idle_requests);
	hy_map_init(&l->users);
	hy_map_init(&l->addresses);
	l->resume_msg.fn = on_resume;
	l->hook.fn = on_turn_end;
	svr_loop_on_turn_end(l->loop, &l->hook);
	/* Often enough for the shortest limit to be kept within a quarter of itself. */
	uint64_t quarter_us = (uint64_t)HY_MIN(limits->http_idle_s, limits->stalled_s) * 250000;
	l->sweep_us = HY_MAX(SWEEP_MIN_US, HY_MIN(SWEEP_MAX_US, quarter_us));
	l->sweep.fn = on_sweep;
	env_timer_set(svr_loop_env(l->loop), &l->sweep, svr_now_us(l->loop) + l->sweep_us);
}

static void stop_list(struct hy_link *list, bool at_once)
{
	struct conn *c;
	hy_list_each (c, list, struct conn, in_list) {
		bool said_all = c->requests == 0 && conn_output_len(c) == 0 && c->websocket == c->close_sent;
		c->close_code = WEBSOCKET_GOING_AWAY;
		if (at_once || said_all)
			conn_abort(c);
		else
			conn_close_softly(c);
	}
}

void conn_loop_stop(struct access_loop *l, bool at_once)
{
	if (!l->stopping)
		for (unsigned i = 0; i < l->access->listener_count; i++)
			env_sock_close(&l->listeners[i].sock);
	l->stopping = true;
	env_timer_cancel(svr_loop_env(l->loop), &l->sweep);
	stop_list(&l->anonymous, at_once);
	stop_list(&l->signed_in, at_once);
}

void conn_loop_fini(struct access_loop *l)
{
	assert(l->conn_count == 0 && l->users.count == 0 && l->addresses.count == 0);
	hy_map_fini(&l->users);
	hy_map_fini(&l->addresses);
}
