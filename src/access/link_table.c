/* link_table.c - which links a user has, on the user's own loop; and the Link service, by which the logic layer reaches
 * them. */
#include "access/conn.h"
#include "access/link.h"
#include "base/mem.h"
#include "link.rpc.h"

/** Somebody who has a link or a request in work on this loop. */
struct link_user {
	struct hy_map_node node;
	uint32_t uin;
	unsigned requests;    /* in work */
	struct hy_link links; /* in order of their signing in */
};

static uint64_t hash_of(const struct access_loop *l, uint32_t uin)
{
	return hy_hash(&uin, sizeof uin, l->access->hash_seed);
}

static struct link_user *user_find(const struct access_loop *l, uint32_t uin)
{
	for (struct hy_map_node *n = hy_map_first(&l->users, hash_of(l, uin)); n; n = hy_map_next(n)) {
		struct link_user *u = hy_container_of(n, struct link_user, node);
		if (u->uin == uin)
			return u;
	}
	return NULL;
}

static struct link_user *user_of(struct access_loop *l, uint32_t uin)
{
	struct link_user *u = user_find(l, uin);
	if (u)
		return u;
	u = hy_zalloc(sizeof *u);
	u->uin = uin;
	hy_link_init(&u->links);
	hy_map_insert(&l->users, &u->node, hash_of(l, uin));
	return u;
}

static void user_check(struct access_loop *l, struct link_user *u)
{
	if (u->requests > 0 || !hy_list_empty(&u->links))
		return;
	hy_map_remove(&l->users, &u->node);
	hy_free(u);
}

static bool is_device(const struct conn *c, const char *device)
{
	return strcmp(c->device, device) == 0;
}

/** The latest one has its place, whatever the older ones still do. */
static void bound_device(struct access_loop *l, struct link_user *u, const char *device)
{
	struct conn *c, *oldest = NULL;
	unsigned count = 0;
	hy_list_each (c, &u->links, struct conn, in_user) {
		if (!is_device(c, device))
			continue;
		oldest = oldest ? oldest : c;
		count++;
	}
	if (count <= l->access->config.limits.links_per_device)
		return;
	ACCESS_COUNT(l, links_refused, 1);
	link_table_remove(oldest);
	conn_close_softly(oldest);
}

void link_table_add(struct conn *c)
{
	assert(c->uin != 0 && !c->user);
	c->user = user_of(c->home, c->uin);
	if (hy_list_empty(&c->user->links))
		c->home->users_online++;
	hy_list_push_back(&c->user->links, &c->in_user);
	bound_device(c->home, c->user, c->device);
}

void link_table_remove(struct conn *c)
{
	struct link_user *u = hy_take(c->user);
	if (!u)
		return;
	hy_list_remove(&c->in_user);
	if (hy_list_empty(&u->links))
		c->home->users_online--;
	user_check(c->home, u);
}

struct link_user *link_table_request_begins(struct access_loop *l, uint32_t uin)
{
	struct link_user *u = user_of(l, uin);
	if (u->requests >= l->access->config.limits.user_requests_max) {
		user_check(l, u);
		return NULL;
	}
	u->requests++;
	return u;
}

void link_table_request_ends(struct access_loop *l, struct link_user *u)
{
	u->requests--;
	user_check(l, u);
}

/** Rule R6: one hint at most is on its way per link. */
static int on_hint(void *self, struct call *call, const Hy__LinkHintRequest *request, Hy__LinkHintResponse *response)
{
	struct access *a = self;
	struct access_loop *l = &a->loops[svr_loop_index(call->loop)];
	struct link_user *u = user_find(l, request->uin);
	struct conn *c;
	if (!u)
		return HY_OK;
	hy_list_each (c, &u->links, struct conn, in_user)
		if (!c->hint_in_flight)
			link_push_hint(c, request->kinds);
	return HY_OK;
}

void link_table_sync_begins(struct access_loop *l, uint32_t uin, const char *device)
{
	struct link_user *u = user_find(l, uin);
	struct conn *c;
	if (!u)
		return;
	hy_list_each (c, &u->links, struct conn, in_user)
		if (is_device(c, device))
			link_sync_begins(c);
}

static int on_close_device(
	void *self, struct call *call, const Hy__LinkCloseDeviceRequest *request, Hy__LinkCloseDeviceResponse *response)
{
	struct access *a = self;
	struct access_loop *l = &a->loops[svr_loop_index(call->loop)];
	struct link_user *u = user_find(l, request->uin);
	if (!u)
		return HY_OK;
	u->requests++; /* it stays until the walk is done */
	struct conn *c;
	hy_list_each (c, &u->links, struct conn, in_user) {
		if (request->device[0] ? !is_device(c, request->device)
				       : request->keep_device[0] && is_device(c, request->keep_device))
			continue;
		link_table_remove(c);
		conn_close_softly(c);
		response->closed++;
	}
	link_table_request_ends(l, u);
	return HY_OK;
}

static bool is_listed(const Hy__LinkOnlineResponse *response, const char *device)
{
	for (size_t i = 0; i < response->n_devices; i++)
		if (strcmp(response->devices[i], device) == 0)
			return true;
	return false;
}

static int on_online(
	void *self, struct call *call, const Hy__LinkOnlineRequest *request, Hy__LinkOnlineResponse *response)
{
	struct access *a = self;
	struct access_loop *l = &a->loops[svr_loop_index(call->loop)];
	struct link_user *u = user_find(l, request->uin);
	size_t count = 0;
	struct conn *c;
	if (!u)
		return HY_OK;
	hy_list_each (c, &u->links, struct conn, in_user)
		count++;
	response->devices = hy_arena_alloc(call->arena, count * sizeof *response->devices);
	if (!response->devices)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	hy_list_each (c, &u->links, struct conn, in_user) {
		if (is_listed(response, c->device))
			continue;
		char *device = hy_arena_strndup(call->arena, c->device, strlen(c->device));
		if (!device)
			return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
		response->devices[response->n_devices++] = device;
	}
	return HY_OK;
}

const struct link_handlers link_table_handlers = {
	.hint = on_hint, .close_device = on_close_device, .online = on_online};
