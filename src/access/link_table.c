/* link_table.c - which links a user has, on the user's own loop; and the Link service, by which the logic layer reaches
 * them. */
#include "access/conn.h"
#include "access/link.h"
#include "link.rpc.h"

static uint64_t hash_of(const struct access_loop *l, uint32_t uin)
{
	return hy_hash(&uin, sizeof uin, l->access->hash_seed);
}

void link_table_add(struct conn *c)
{
	assert(c->uin != 0);
	hy_map_insert(&c->home->users, &c->in_users, hash_of(c->home, c->uin));
	c->listed = true;
}

void link_table_remove(struct conn *c)
{
	if (!c->listed)
		return;
	c->listed = false;
	hy_map_remove(&c->home->users, &c->in_users);
}

/** Rule R6: one hint at most is on its way per link. */
static int on_hint(void *self, struct call *call, const Hy__LinkHintRequest *request, Hy__LinkHintResponse *response)
{
	struct access *a = self;
	struct access_loop *l = &a->loops[svr_loop_index(call->loop)];
	for (struct hy_map_node *n = hy_map_first(&l->users, hash_of(l, request->uin)); n; n = hy_map_next(n)) {
		struct conn *c = hy_container_of(n, struct conn, in_users);
		if (c->uin == request->uin && !c->hint_in_flight)
			link_push_hint(c);
	}
	return HY_OK;
}

void link_table_sync_begins(struct access_loop *l, uint32_t uin, const char *device)
{
	for (struct hy_map_node *n = hy_map_first(&l->users, hash_of(l, uin)); n; n = hy_map_next(n)) {
		struct conn *c = hy_container_of(n, struct conn, in_users);
		if (c->uin == uin && strcmp(c->device, device) == 0)
			link_sync_begins(c);
	}
}

static int on_close_device(
	void *self, struct call *call, const Hy__LinkCloseDeviceRequest *request, Hy__LinkCloseDeviceResponse *response)
{
	struct access *a = self;
	struct access_loop *l = &a->loops[svr_loop_index(call->loop)];
	struct hy_map_node *n = hy_map_first(&l->users, hash_of(l, request->uin));
	while (n) {
		struct conn *c = hy_container_of(n, struct conn, in_users);
		n = hy_map_next(n); /* closing takes it out of the table */
		if (c->uin != request->uin || (request->device[0] && strcmp(c->device, request->device) != 0))
			continue;
		link_table_remove(c);
		conn_close_softly(c);
		response->closed++;
	}
	return HY_OK;
}

const struct link_handlers link_table_handlers = {.hint = on_hint, .close_device = on_close_device};
