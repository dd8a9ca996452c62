/* strangers.c - connections that have not signed in, counted in all and per address (W4). HTTP's never leave the count.
 */
#include "access/conn.h"
#include "access/websocket.h"
#include "base/mem.h"

/** One address; all of this machine's are one. */
struct conn_address {
	struct hy_map_node node;
	struct conn_peer peer;
	unsigned opens;       /* requests of open methods in work, of strangers or not */
	unsigned count;       /* of conns */
	struct hy_link conns; /* strangers', oldest first */
};

static struct conn_address *address_of(struct access_loop *l, const struct conn_peer *peer)
{
	uint64_t hash = conn_peer_hash(peer, l->access->hash_seed);
	for (struct hy_map_node *n = hy_map_first(&l->addresses, hash); n; n = hy_map_next(n)) {
		struct conn_address *a = hy_container_of(n, struct conn_address, node);
		if (conn_peer_same(&a->peer, peer))
			return a;
	}
	struct conn_address *a = hy_zalloc(sizeof *a);
	a->peer = *peer;
	hy_link_init(&a->conns);
	hy_map_insert(&l->addresses, &a->node, hash);
	return a;
}

static void address_check(struct access_loop *l, struct conn_address *a)
{
	if (a->count > 0 || a->opens > 0)
		return;
	hy_map_remove(&l->addresses, &a->node);
	hy_free(a);
}

static void address_leave(struct conn *c)
{
	struct conn_address *a = hy_take(c->address);
	if (!a)
		return;
	hy_list_remove(&c->in_address);
	a->count--;
	address_check(c->home, a);
}

static void address_enter(struct access_loop *l, struct conn *c)
{
	struct conn_address *a = address_of(l, &c->peer);
	c->address = a;
	a->count++;
	hy_list_push_back(&a->conns, &c->in_address);
	if (!c->peer.loopback && !c->peer.proxy && a->count > l->access->config.limits.anonymous_per_address_max) {
		ACCESS_COUNT(l, links_refused, 1);
		conn_abort(hy_list_first(&a->conns, struct conn, in_address));
	}
}

void strangers_enter(struct access_loop *l, struct conn *c)
{
	if (l->anonymous_count >= l->access->config.limits.anonymous_max) {
		ACCESS_COUNT(l, links_refused, 1);
		conn_abort(hy_list_first(&l->anonymous, struct conn, in_list));
	}
	c->anonymous = true;
	l->anonymous_count++;
	hy_list_push_back(&l->anonymous, &c->in_list);
	strangers_weigh(c);
	address_enter(l, c);
}

void strangers_leave(struct conn *c)
{
	if (!c->anonymous)
		return;
	c->anonymous = false;
	c->home->anonymous_count--;
	c->home->anonymous_bytes -= c->counted_bytes;
	c->counted_bytes = 0;
	hy_list_remove(&c->in_list);
	address_leave(c);
}

struct conn_address *strangers_open_begins(struct access_loop *l, const struct conn_peer *peer)
{
	const struct access_limits *limits = &l->access->config.limits;
	struct conn_address *a = address_of(l, peer);
	if (a->opens >= (peer->loopback || peer->proxy ? limits->open_loopback_max : limits->open_per_address_max)) {
		address_check(l, a);
		return NULL;
	}
	a->opens++;
	return a;
}

void strangers_open_ends(struct access_loop *l, struct conn_address *a)
{
	a->opens--;
	address_check(l, a);
}

void strangers_weigh(struct conn *c)
{
	if (!c->anonymous)
		return;
	size_t bytes = c->in.cap + c->out.cap + http_state_bytes(c->http) + websocket_bytes(c->ws);
	c->home->anonymous_bytes += bytes - c->counted_bytes;
	c->counted_bytes = (uint32_t)bytes;
}

void strangers_settle(struct access_loop *l)
{
	struct conn *c;
	if (l->anonymous_bytes <= l->access->config.limits.anonymous_buffers_max)
		return;
	hy_list_each (c, &l->anonymous, struct conn, in_list) {
		if (c->counted_bytes == 0)
			continue;
		ACCESS_COUNT(l, links_refused, 1);
		conn_abort(c);
		if (l->anonymous_bytes <= l->access->config.limits.anonymous_buffers_max)
			return;
	}
}
