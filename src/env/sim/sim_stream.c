/*
 * Byte streams: bytes wait at the sender, travel as segments cut at drawn places, one at a time, and wait at the
 * receiver.
 */
#include "env/sim/sim_int.h"

enum { RTO_MIN_S = 5, RTO_MAX_S = 60 };

/* ---- connections ----------------------------------------------------------------------------------------------- */

struct sim_conn *sim_conn_new(struct sim *s, bool local)
{
	struct sim_heap *before = sim_heap_enter(&s->heap);
	struct sim_conn *c = hy_zalloc(sizeof *c);
	c->sim = s;
	c->local = local;
	c->send_max = 4096 + sim_tail(s, 256 << 10);
	c->recv_max = 4096 + sim_tail(s, 256 << 10);
	for (int i = 0; i < 2; i++) {
		c->end[i].conn = c;
		c->end[i].fd = -1;
	}
	hy_link_init(&c->link);
	hy_list_push_back(&s->conns, &c->link);
	sim_heap_enter(before);
	return c;
}

void sim_conn_push(struct sim_conn *c, uint64_t at, enum sim_event_kind kind, sim_event_fn *fn, void *p, uint64_t a)
{
	c->events++;
	sim_push(c->sim, at, kind, fn, p, a, NULL);
}

void sim_conn_check(struct sim_conn *c)
{
	if (c->events > 0 || !c->end[0].closed || !c->end[1].closed)
		return;
	hy_list_remove(&c->link);
	for (int i = 0; i < 2; i++) {
		hy_buf_fini(&c->end[i].in);
		hy_buf_fini(&c->end[i].out);
	}
	hy_free(c);
}

void sim_conn_event_done(struct sim_conn *c)
{
	c->events--;
	sim_conn_check(c);
}

uint64_t sim_net_delay(struct sim *s, const struct sim_conn *c)
{
	if (c->local)
		return sim_range(s, 5, 40);
	uint64_t us = sim_range(s, 40, 400);
	if (sim_chance(s, s->faults.net_slow))
		us += sim_tail(s, 4 * SEC_US);
	return us;
}

/* ---- events of an end ------------------------------------------------------------------------------------------ */

void sim_end_notify(struct sim_end *e, unsigned events)
{
	if (!e->loop)
		return;
	e->events |= events;
	sim_loop_ready_add(e->loop, e);
}

static size_t room(const struct sim_end *e)
{
	size_t used = hy_buf_len(&e->out) + e->unacked;
	return used < e->conn->send_max ? e->conn->send_max - used : 0;
}

void sim_end_report(struct sim_end *e)
{
	unsigned events = 0;
	if (hy_buf_len(&e->in) > 0 || e->in_end || e->dead)
		events |= ENV_READABLE;
	if (!e->connecting && (room(e) > 0 || e->dead))
		events |= ENV_WRITABLE;
	if (events)
		sim_end_notify(e, events);
}

void sim_end_fail(struct sim_end *e, int err)
{
	if (e->dead)
		return;
	e->dead = true;
	e->connecting = false;
	e->rto_number++;
	hy_buf_clear(&e->out);
	if (err == ECONNRESET && sim_chance(e->conn->sim, 500))
		hy_buf_clear(&e->in);
	if (e->closed)
		return;
	e->err = err;
	sim_end_notify(e, ENV_READABLE | ENV_WRITABLE);
}

/* ---- what may pass --------------------------------------------------------------------------------------------- */

static bool may_pass(struct sim_end *from)
{
	const struct sim_end *to = sim_peer(from);
	if (from->conn->local)
		return true;
	return !from->silent && to->machine->powered && !sim_blocked(from->conn->sim, from->machine, to->machine);
}

static void rto_fires(struct sim *s, void *p, uint64_t number)
{
	struct sim_end *e = p;
	(void)s;
	if (number == e->rto_number && !e->dead) {
		e->rto_armed = false;
		if (may_pass(e) && may_pass(sim_peer(e)))
			sim_end_healed(e);
		else
			sim_end_fail(e, ETIMEDOUT);
	}
	sim_conn_event_done(e->conn);
}

static void rto_arm(struct sim_end *e)
{
	if (e->rto_armed)
		return;
	struct sim *s = e->conn->sim;
	uint64_t after = sim_range(s, RTO_MIN_S * SEC_US, RTO_MAX_S * SEC_US);
	e->rto_armed = true;
	sim_conn_push(e->conn, s->now + after, SIM_EV_RTO, rto_fires, e, ++e->rto_number);
}

static void reset_arrives(struct sim *s, void *p, uint64_t a)
{
	struct sim_end *e = p;
	(void)s;
	(void)a;
	if (!e->closed && may_pass(sim_peer(e)))
		sim_end_fail(e, ECONNRESET);
	sim_conn_event_done(e->conn);
}

void sim_send_reset(struct sim_end *e)
{
	struct sim_end *peer = sim_peer(e);
	e->dead = true;
	hy_buf_clear(&e->out);
	if (peer->closed || peer->dead || !may_pass(e))
		return;
	struct sim *s = e->conn->sim;
	uint64_t after = sim_net_delay(s, e->conn);
	sim_conn_push(e->conn, s->now + after, SIM_EV_RESET, reset_arrives, peer, 0);
}

void sim_silence(struct sim *s, void *p, uint64_t directions)
{
	struct sim_end *client = p;
	(void)s;
	client->silent |= (directions & 1) != 0;
	sim_peer(client)->silent |= (directions & 2) != 0;
	sim_conn_event_done(client->conn);
}

/* ---- segments -------------------------------------------------------------------------------------------------- */

static size_t segment_length(struct sim_end *from, const struct sim_end *to)
{
	struct sim *s = from->conn->sim;
	size_t have = hy_buf_len(&to->in);
	size_t window = have < from->conn->recv_max ? from->conn->recv_max - have : 0;
	size_t len = HY_MIN(hy_buf_len(&from->out), window);
	if (len > 1 && sim_chance(s, 300))
		len = sim_range(s, 1, len);
	return len;
}

/* The other side has it: room for more, if that side can say so. */
static void segment_acknowledged(struct sim_end *from, size_t len)
{
	if (!may_pass(sim_peer(from))) {
		from->unacked += len;
		rto_arm(from);
		return;
	}
	if (from->want_write && room(from) * 3 >= from->conn->send_max) {
		from->want_write = false;
		sim_end_notify(from, ENV_WRITABLE);
	}
}

static void end_of_stream(struct sim_end *from)
{
	from->end_sent = true;
	sim_peer(from)->in_end = true;
	sim_end_notify(sim_peer(from), ENV_READABLE);
}

static void deliver(struct sim_end *from)
{
	struct sim *s = from->conn->sim;
	struct sim_end *to = sim_peer(from);
	size_t len = segment_length(from, to);
	sim_trace(s, len, hy_buf_len(&from->out));
	if (len > 0) {
		hy_buf_append(&to->in, hy_buf_data(&from->out), len);
		hy_buf_consume(&from->out, len);
		sim_end_notify(to, ENV_READABLE);
		segment_acknowledged(from, len);
	}
	if (hy_buf_len(&from->out) == 0 && from->end_due && !from->end_sent && (len == 0 || sim_chance(s, 500)))
		end_of_stream(from);
}

static void segment_arrives(struct sim *s, void *p, uint64_t a)
{
	struct sim_end *from = p, *to = sim_peer(from);
	(void)s;
	(void)a;
	from->flowing = false;
	if (from->dead) {
		sim_conn_event_done(from->conn);
		return;
	}
	if (!may_pass(from)) {
		rto_arm(from);
	} else if (to->closed || to->dead) {
		if (hy_buf_len(&from->out) == 0)
			from->end_sent = true;
		else if (may_pass(to))
			sim_end_fail(from, ECONNRESET);
		else
			rto_arm(from);
	} else {
		deliver(from);
		sim_flow(from, 0);
	}
	sim_conn_event_done(from->conn);
}

void sim_flow(struct sim_end *e, uint64_t extra_us)
{
	struct sim_end *to = sim_peer(e);
	struct sim *s = e->conn->sim;
	size_t waiting = hy_buf_len(&e->out);
	if (e->flowing || e->dead || e->connecting || to->connecting || (waiting == 0 && (!e->end_due || e->end_sent)))
		return;
	if (!may_pass(e)) {
		rto_arm(e);
		return;
	}
	if (waiting > 0 && !to->closed && !to->dead && hy_buf_len(&to->in) >= e->conn->recv_max)
		return; /* its next read lets it flow again */
	e->flowing = true;
	uint64_t after = sim_net_delay(s, e->conn) + extra_us;
	sim_conn_push(e->conn, s->now + after, SIM_EV_SEGMENT, segment_arrives, e, 0);
}

/* Retransmission has backed off: it goes on some time later. */
void sim_end_healed(struct sim_end *e)
{
	if (e->dead || e->connecting || !may_pass(e))
		return;
	if (may_pass(sim_peer(e))) {
		e->rto_number++;
		e->rto_armed = false;
		e->unacked = 0;
		if (e->want_write) {
			e->want_write = false;
			sim_end_notify(e, ENV_WRITABLE);
		}
	}
	uint64_t backed_off = sim_tail(e->conn->sim, 3 * SEC_US);
	sim_flow(e, backed_off);
}

/* What was read by nobody makes it a reset, as kernels do. */
void sim_stream_close(struct sim_end *e)
{
	bool unread = hy_buf_len(&e->in) > 0;
	hy_buf_clear(&e->in);
	if (e->dead)
		return;
	if (unread) {
		sim_send_reset(e);
	} else if (!e->connecting) {
		e->end_due = true;
		sim_flow(e, 0);
	}
}

/* ---- env.h ----------------------------------------------------------------------------------------------------- */

static int take_error(struct sim_end *e)
{
	int err = e->err;
	e->err = 0;
	return -err;
}

int env_sock_error(struct env_sock *sock)
{
	return take_error(sim_end_of(sock));
}

ssize_t env_recv(struct env_sock *sock, void *p, size_t len)
{
	struct sim_end *e = sim_end_of(sock);
	struct sim *s = e->conn->sim;
	size_t n = HY_MIN(hy_buf_len(&e->in), len);
	if (n == 0) {
		if (len == 0)
			return 0;
		if (e->err)
			return take_error(e);
		return e->in_end || e->dead ? 0 : -EAGAIN;
	}
	if (n > 1 && sim_chance(s, s->faults.net_short))
		n = sim_range(s, 1, n);
	memcpy(p, hy_buf_data(&e->in), n);
	hy_buf_consume(&e->in, n);
	sim_flow(sim_peer(e), 0);
	return (ssize_t)n;
}

static size_t total(const struct iovec *iov, int count)
{
	size_t len = 0;
	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	return len;
}

static void append(struct sim_end *e, const struct iovec *iov, size_t len)
{
	struct sim_heap *before = sim_heap_enter(&e->conn->sim->heap);
	for (; len > 0; iov++) {
		size_t n = HY_MIN(len, iov->iov_len);
		hy_buf_append(&e->out, iov->iov_base, n);
		len -= n;
	}
	sim_heap_enter(before);
}

ssize_t env_sendv(struct env_sock *sock, const struct iovec *iov, int count)
{
	struct sim_end *e = sim_end_of(sock);
	struct sim *s = e->conn->sim;
	if (e->err)
		return take_error(e);
	if (e->dead)
		return -EPIPE;
	size_t len = total(iov, count), n = e->connecting ? 0 : HY_MIN(len, room(e));
	if (n == 0 && len > 0) {
		e->want_write = true;
		return -EAGAIN;
	}
	if (!e->conn->local && sim_chance(s, s->faults.net_reset)) {
		sim_send_reset(e);
		return -ECONNRESET;
	}
	if (n > 1 && sim_chance(s, s->faults.net_short))
		n = sim_range(s, 1, n);
	if (n < len)
		e->want_write = true;
	append(e, iov, n);
	sim_flow(e, 0);
	return (ssize_t)n;
}
