/*
 * The network: the fault model. This file: addresses, listening, connecting, cuts; sim_stream.c: the streams.
 *
 * May happen between machines: a segment is late, by a long tail (`net_slow`: up to seconds); the stream is cut into
 * segments at any byte; reads and writes are short (`net_short`); the sender's buffer is full, since the receiver is
 * slow or silent; a connection is reset at a write (`net_reset`), and bytes that were taken but not yet read by the
 * other side are lost; it goes silent in one or both directions and nobody is told (`net_half_open`), so that the
 * sender learns by a time-out after 5 to 60 s and the receiver never; an attempt to connect is refused (`net_refuse`),
 * or answered so late that the client has given up while the server holds the connection (`net_dup_connect`); one
 * direction between two machines is cut: what was sent waits, and arrives when it is healed in time; a connection
 * attempt then times out after 3 to 130 s. A process that is killed has its connections closed by its kernel (an end if
 * it had read all, else a reset), or, with `net_half_open`, silently; at a power cut nothing is said, and a reset comes
 * only when the peer sends something to the machine after it is back.
 * Within one machine (loopback, Unix sockets): delays, cutting into segments and short calls, and resets by a dying
 * process alone. Never: bytes out of order, doubled, changed or missing in the middle; a reset without one of these
 * reasons; a connection to another machine than the address says. The product must survive it, since phones lose their
 * network without a word many times a day, and a server that waits for a word fills up with dead links; and since an
 * answer that does not come says nothing about whether the request was carried out.
 */
#include <sys/socket.h>

#include "env/sim/sim_int.h"

/* ---- addresses ------------------------------------------------------------------------------------------------- */

static bool addr_is_any(const struct env_addr *a)
{
	static const uint8_t zero[16];
	return a->family != AF_UNIX && memcmp(a->ip, zero, sizeof zero) == 0;
}

static bool same_host(const struct env_addr *a, const struct env_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, a->family == AF_INET ? 4 : 16) == 0;
}

static struct sim_machine *machine_at(struct sim_machine *here, const struct env_addr *addr)
{
	if (env_addr_is_loopback(addr) || same_host(addr, &here->addr))
		return here;
	struct sim_machine *m;
	hy_list_each (m, &here->sim->machines, struct sim_machine, link)
		if (same_host(addr, &m->addr))
			return m;
	return NULL;
}

/* "Any" of IPv6 takes IPv4 too. */
static bool listener_takes(const struct env_listener *l, const struct env_addr *addr)
{
	if (l->addr.family == AF_UNIX || addr->family == AF_UNIX)
		return l->addr.family == addr->family && strcmp(l->addr.path, addr->path) == 0;
	if (l->addr.port != addr->port)
		return false;
	return same_host(&l->addr, addr) ||
	       (addr_is_any(&l->addr) && (l->addr.family == AF_INET6 || addr->family == AF_INET));
}

static struct env_listener *listener_for(struct sim_machine *m, const struct env_addr *addr)
{
	struct env_listener *l;
	hy_list_each (l, &m->listeners, struct env_listener, machine_link)
		if (listener_takes(l, addr))
			return l;
	return NULL;
}

bool sim_blocked(const struct sim *s, const struct sim_machine *from, const struct sim_machine *to)
{
	return from != to && s->cuts[(size_t)from->id * s->machine_count + to->id];
}

/* ---- descriptors ----------------------------------------------------------------------------------------------- */

int sim_fd_take(struct env *env, struct sim_end *e)
{
	unsigned fd = env->fd_lowest;
	while (fd < env->fd_cap && env->fds[fd])
		fd++;
	if (fd >= SIM_FD_MAX)
		return -EMFILE;
	if (fd >= env->fd_cap) {
		struct sim_heap *before = sim_heap_enter(&env->sim->heap);
		unsigned cap = env->fd_cap ? 2 * env->fd_cap : 32;
		env->fds = hy_realloc(env->fds, cap * sizeof(struct sim_end *));
		memset(env->fds + env->fd_cap, 0, (cap - env->fd_cap) * sizeof(struct sim_end *));
		env->fd_cap = cap;
		sim_heap_enter(before);
	}
	env->fds[fd] = e;
	env->fd_lowest = fd + 1;
	env->fd_count++;
	e->fd = (int)fd;
	return 0;
}

void sim_fd_release(struct sim_end *e)
{
	if (e->fd < 0)
		return;
	e->env->fds[e->fd] = NULL;
	e->env->fd_lowest = HY_MIN(e->env->fd_lowest, (unsigned)e->fd);
	e->env->fd_count--;
	e->fd = -1;
}

struct sim_end *sim_end_of(const struct env_sock *sock)
{
	assert(sock->loop && sock->fd >= SIM_FD_FIRST);
	struct sim_end *e = sock->loop->env->fds[sock->fd];
	assert(e && e->sock == sock);
	return e;
}

/* ---- listening ------------------------------------------------------------------------------------------------- */

static bool addr_in_use(const struct sim_machine *m, const struct env_addr *addr)
{
	struct env_listener *l;
	hy_list_each (l, &m->listeners, struct env_listener, machine_link) {
		if (listener_takes(l, addr) ||
			(addr_is_any(addr) && l->addr.family != AF_UNIX && l->addr.port == addr->port))
			return true;
	}
	return false;
}

int env_listen(struct env *env, const struct env_addr *addr, struct env_listener **ret_listener)
{
	struct sim_machine *m = env->machine;
	struct env_addr bound = *addr;
	if (addr->family != AF_UNIX && !addr_is_any(addr) && machine_at(m, addr) != m)
		return -EADDRNOTAVAIL;
	if (addr->family != AF_UNIX && addr->port == 0)
		do
			bound.port = m->next_port++;
		while (addr_in_use(m, &bound));
	if (addr_in_use(m, &bound))
		return -EADDRINUSE;
	struct sim_heap *before = sim_heap_enter(&env->sim->heap);
	struct env_listener *l = hy_zalloc(sizeof *l);
	l->backlog = hy_alloc(SIM_BACKLOG_MAX * sizeof(struct sim_end *));
	sim_heap_enter(before);
	l->env = env;
	l->addr = bound;
	hy_link_init(&l->link);
	hy_link_init(&l->machine_link);
	hy_link_init(&l->ends);
	hy_list_push_back(&env->listeners, &l->link);
	hy_list_push_back(&m->listeners, &l->machine_link);
	*ret_listener = l;
	return 0;
}

void env_listener_addr(const struct env_listener *l, struct env_addr *ret_addr)
{
	*ret_addr = l->addr;
}

/* One of the loops, whichever the kernel takes. */
static void listener_notify(struct env_listener *l)
{
	if (l->end_count == 0 || l->backlog_count == 0)
		return;
	uint64_t skip = l->end_count == 1 ? 0 : sim_range(l->env->sim, 0, l->end_count - 1);
	struct hy_link *at = l->ends.next;
	for (; skip > 0; skip--)
		at = at->next;
	sim_end_notify(hy_container_of(at, struct sim_end, listener_link), ENV_READABLE);
}

int env_listener_attach(struct env_listener *l, struct env_loop *loop, struct env_sock *sock)
{
	struct sim_heap *before = sim_heap_enter(&l->env->sim->heap);
	struct sim_end *e = hy_zalloc(sizeof *e);
	*e = (struct sim_end){.listener = l, .machine = l->env->machine, .env = l->env, .loop = loop, .sock = sock};
	int rc = sim_fd_take(l->env, e);
	if (rc == 0) {
		hy_link_init(&e->listener_link);
		hy_list_push_back(&l->ends, &e->listener_link);
		l->end_count++;
		loop->sock_count++;
		sock->loop = loop;
		sock->fd = e->fd;
		listener_notify(l);
	} else {
		hy_free(e);
	}
	sim_heap_enter(before);
	return rc;
}

static void listening_end_close(struct sim_end *e)
{
	struct env_listener *l = e->listener;
	sim_loop_ready_remove(e->loop, e);
	e->loop->sock_count--;
	sim_fd_release(e);
	hy_list_remove(&e->listener_link);
	l->end_count--;
	hy_free(e);
	listener_notify(l); /* what it was woken for is another's now */
}

static void listener_free(struct env_listener *l)
{
	hy_list_remove(&l->machine_link);
	hy_list_remove(&l->link);
	for (size_t i = 0; i < l->backlog_count; i++) {
		sim_send_reset(l->backlog[i]);
		sim_end_close(l->backlog[i]);
	}
	hy_free(l->backlog);
	hy_free(l);
}

void env_listener_close(struct env_listener *l)
{
	if (!l)
		return;
	assert(l->end_count == 0);
	listener_free(l);
}

int env_accept(struct env_sock *listening, struct env_sock *sock, struct env_addr *ret_peer)
{
	struct env_listener *l = sim_end_of(listening)->listener;
	struct env *env = l->env;
	assert(sock->on_event);
	if (l->backlog_count == 0)
		return -EAGAIN;
	if (sim_buggify(env->sim, "env: accept finds no file free"))
		return -EMFILE;
	struct sim_end *e = l->backlog[0];
	int rc = sim_fd_take(env, e);
	if (rc != 0)
		return rc;
	memmove(l->backlog, l->backlog + 1, --l->backlog_count * sizeof(struct sim_end *));
	sock->fd = e->fd;
	rc = env_sock_attach(sock, listening->loop);
	if (ret_peer)
		*ret_peer = sim_peer(e)->addr;
	return rc;
}

/* ---- connecting ------------------------------------------------------------------------------------------------ */

static void connect_times_out(struct sim_end *client)
{
	struct sim *s = client->conn->sim;
	uint64_t after = sim_range(s, 3 * SEC_US, 130 * SEC_US);
	sim_conn_push(client->conn, s->now + after, SIM_EV_SYN_ANSWER, sim_syn_answer, client, ETIMEDOUT);
}

void sim_syn_answer(struct sim *s, void *p, uint64_t err)
{
	struct sim_end *client = p;
	(void)s;
	if (client->closed) {
		if (err == 0)
			sim_send_reset(client);
	} else if (err) {
		sim_end_fail(client, (int)err);
	} else if (sim_peer(client)->silent || sim_blocked(s, sim_peer(client)->machine, client->machine)) {
		connect_times_out(client);
	} else if (client->connecting) {
		client->connecting = false;
		sim_end_notify(client, ENV_WRITABLE);
		sim_flow(sim_peer(client), 0);
	}
	sim_conn_event_done(client->conn);
}

/* The server's end comes to life before the client knows. */
static void establish(struct sim *s, struct sim_end *client, struct env_listener *l)
{
	struct sim_end *server = sim_peer(client);
	server->env = l->env;
	server->closed = false;
	l->backlog[l->backlog_count++] = server;
	listener_notify(l);
	struct sim_conn *c = client->conn;
	uint64_t after = sim_net_delay(s, c);
	if (!c->local && sim_chance(s, s->faults.net_dup_connect))
		after += sim_tail(s, 30 * SEC_US);
	sim_conn_push(c, s->now + after, SIM_EV_SYN_ANSWER, sim_syn_answer, client, 0);
	if (!c->local && sim_chance(s, s->faults.net_half_open)) {
		uint64_t directions = sim_range(s, 1, 3);
		uint64_t from_us = sim_tail(s, 30 * SEC_US);
		sim_conn_push(c, s->now + from_us, SIM_EV_SILENCE, sim_silence, client, directions);
	}
}

static void syn_arrives(struct sim *s, void *p, uint64_t a)
{
	struct sim_end *client = p, *server = sim_peer(client);
	struct sim_conn *c = client->conn;
	(void)a;
	struct sim_machine *to = server->machine;
	bool given_up = client->closed && !(s->faults.net_dup_connect && sim_chance(s, 500));
	if (given_up) {
		sim_conn_event_done(c);
		return;
	}
	if (!to || !to->powered || sim_blocked(s, client->machine, to)) {
		connect_times_out(client);
		sim_conn_event_done(c);
		return;
	}
	struct env_listener *l = listener_for(to, &server->addr);
	bool refused = !l || (!c->local && sim_chance(s, s->faults.net_refuse));
	if (refused) {
		uint64_t after = sim_net_delay(s, c);
		sim_conn_push(c, s->now + after, SIM_EV_SYN_ANSWER, sim_syn_answer, client, ECONNREFUSED);
	} else if (l->backlog_count == SIM_BACKLOG_MAX) {
		connect_times_out(client);
	} else {
		establish(s, client, l);
	}
	sim_conn_event_done(c);
}

static struct env_addr client_addr(struct sim_machine *m, const struct env_addr *target, bool local)
{
	if (target->family == AF_UNIX)
		return (struct env_addr){.family = AF_UNIX};
	struct env_addr a = local ? *target : m->addr;
	a.port = (uint16_t)sim_range(m->sim, 32768, 60999);
	return a;
}

int env_connect(struct env_loop *loop, const struct env_addr *addr, struct env_sock *sock)
{
	struct env *env = loop->env;
	struct sim *s = env->sim;
	assert(sock->on_event);
	struct sim_machine *to = addr->family == AF_UNIX ? env->machine : machine_at(env->machine, addr);
	if (addr->family == AF_UNIX && !listener_for(to, addr))
		return -ECONNREFUSED;
	bool local = to == env->machine;
	struct sim_conn *c = sim_conn_new(s, local);
	struct sim_end *client = &c->end[0], *server = &c->end[1];
	client->machine = env->machine;
	client->env = env;
	client->addr = client_addr(env->machine, addr, local);
	client->connecting = true;
	server->machine = to;
	server->addr = *addr;
	server->closed = true; /* until the other side has taken it */
	int rc = sim_fd_take(env, client);
	if (rc != 0) {
		client->closed = true;
		sim_conn_check(c);
		return rc;
	}
	sock->fd = client->fd;
	rc = env_sock_attach(sock, loop);
	uint64_t after = sim_net_delay(s, c);
	sim_conn_push(c, s->now + after, SIM_EV_SYN, syn_arrives, client, 0);
	return rc;
}

/* ---- socks and loops ------------------------------------------------------------------------------------------- */

int env_sock_attach(struct env_sock *sock, struct env_loop *loop)
{
	struct sim_end *e = loop->env->fds[sock->fd];
	assert(e && !e->loop);
	e->sock = sock;
	e->loop = loop;
	sock->loop = loop;
	loop->sock_count++;
	sim_end_report(e);
	return 0;
}

static void end_off_loop(struct sim_end *e)
{
	if (!e->loop)
		return;
	sim_loop_ready_remove(e->loop, e);
	e->loop->sock_count--;
	e->loop = NULL;
	e->sock = NULL;
	e->events = 0;
}

void env_sock_detach(struct env_sock *sock)
{
	struct sim_end *e = sim_end_of(sock);
	assert(e->conn);
	end_off_loop(e);
	sock->loop = NULL;
}

void env_sock_close(struct env_sock *sock)
{
	bool detached = !sock->loop;
	if (detached && sock->fd < SIM_FD_FIRST) /* closed, or never opened */
		return;
	struct sim_end *e = detached ? sim_heap_here()->process->fds[sock->fd] : sim_end_of(sock);
	assert(e && e->loop == sock->loop);
	sock->loop = NULL;
	sock->fd = -1;
	if (e->listener)
		listening_end_close(e);
	else
		sim_end_close(e);
}

void sim_end_close(struct sim_end *e)
{
	end_off_loop(e);
	sim_fd_release(e);
	e->env = NULL;
	e->closed = true;
	sim_stream_close(e);
	sim_conn_check(e->conn);
}

/* ---- machines that die, cuts ----------------------------------------------------------------------------------- */

static void end_of_dead_process(struct sim *s, struct sim_end *e, bool power_cut)
{
	bool silently = power_cut || (!e->conn->local && sim_chance(s, s->faults.net_half_open));
	if (silently) {
		hy_buf_clear(&e->in);
		hy_buf_clear(&e->out);
		e->dead = true;
		e->silent |= !power_cut;
	} else if (sim_chance(s, 250)) {
		sim_send_reset(e);
	}
	sim_end_close(e);
}

void sim_net_process_gone(struct env *env, bool power_cut)
{
	struct sim *s = env->sim;
	struct env_listener *l;
	hy_list_each (l, &env->listeners, struct env_listener, link) {
		struct sim_end *e;
		l->backlog_count = 0; /* these are among the connections below */
		hy_list_each (e, &l->ends, struct sim_end, listener_link)
			listening_end_close(e);
		listener_free(l);
	}
	struct sim_conn *c;
	hy_list_each (c, &s->conns, struct sim_conn, link) {
		c->events++; /* so that it stays until both ends were looked at */
		for (int i = 0; i < 2; i++)
			if (c->end[i].env == env)
				end_of_dead_process(s, &c->end[i], power_cut);
		sim_conn_event_done(c);
	}
}

static void links_wake(struct sim *s, const struct sim_machine *a, const struct sim_machine *b)
{
	struct sim_conn *c;
	hy_list_each (c, &s->conns, struct sim_conn, link)
		for (int i = 0; i < 2; i++)
			if (c->end[i].machine == a && c->end[!i].machine && (!b || c->end[!i].machine == b)) {
				sim_end_healed(&c->end[i]);
				sim_end_healed(&c->end[!i]);
			}
}

void sim_net_powered(struct sim_machine *m)
{
	links_wake(m->sim, m, NULL);
}

void sim_cut(struct sim *s, struct sim_machine *from, struct sim_machine *to, bool cut)
{
	s->cuts[(size_t)from->id * s->machine_count + to->id] = cut;
	if (cut)
		return;
	struct sim_heap *before = sim_heap_enter(&s->heap);
	links_wake(s, from, to);
	sim_heap_enter(before);
}

static void link_reset(struct sim *s, struct sim_conn *c)
{
	if (c->end[0].connecting)
		return;
	bool seen[2];
	seen[0] = sim_chance(s, 700);
	seen[1] = sim_chance(s, 700);
	for (int i = 0; i < 2; i++) {
		if (seen[i] && !c->end[i].closed)
			sim_end_fail(&c->end[i], ECONNRESET);
		if (!seen[0] && !seen[1])
			c->end[i].silent = true;
	}
}

void sim_reset_links(struct sim *s, struct sim_machine *a, struct sim_machine *b)
{
	struct sim_heap *before = sim_heap_enter(&s->heap);
	struct sim_conn *c;
	hy_list_each (c, &s->conns, struct sim_conn, link) {
		const struct sim_machine *x = c->end[0].machine, *y = c->end[1].machine;
		if ((x == a && y == b) || (x == b && y == a))
			link_reset(s, c);
	}
	sim_heap_enter(before);
}
