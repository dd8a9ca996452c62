/* access.c - the access layer as a whole: created, listening, stopped. */
#include "access/access.h"

#include "access/conn.h"
#include "base/mem.h"
#include "link.rpc.h"

int access_create(struct svr *svr, const struct access_config *config, struct access **ret_access)
{
	struct access *a = hy_zalloc(sizeof *a);
	a->svr = svr;
	a->config = *config;
	a->config.limits.link_idle_s =
		HY_MAX(a->config.limits.link_idle_s, 900u); /* Mars's longest heartbeat is just under 600 s */
	a->hash_seed = env_rand64(svr_env(svr));
	a->loop_count = svr_loop_count(svr);
	a->loops = hy_zalloc(a->loop_count * sizeof *a->loops);
	for (unsigned i = 0; i < a->loop_count; i++) {
		a->loops[i].access = a;
		a->loops[i].index = i;
		a->loops[i].loop = svr_loop_at(svr, i);
		conn_loop_init(&a->loops[i]);
	}
	rpc_add_service(svr, &link_service, &link_table_handlers, a);
	*ret_access = a;
	return HY_OK;
}

static int listen_at(struct access *a, const struct env_addr *addr, enum access_door door, struct env_addr *ret_bound)
{
	assert(a->listener_count < LISTENERS_ALL);
	struct env_listener *listener;
	int rc = env_listen(svr_env(a->svr), addr, &listener);
	if (rc < 0)
		return rc;
	unsigned n = a->listener_count++;
	a->listeners[n] = listener;
	env_listener_addr(listener, ret_bound);
	for (unsigned i = 0; i < a->loop_count; i++) {
		struct access_listening *on = &a->loops[i].listeners[n];
		on->home = &a->loops[i];
		on->door = (uint8_t)door;
		on->sock.on_event = conn_accept_ready;
		rc = env_listener_attach(listener, svr_loop_env(a->loops[i].loop), &on->sock);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int access_listen(struct access *a, const struct env_addr *addr, struct env_addr *ret_bound)
{
	return listen_at(a, addr, ACCESS_PUBLIC, ret_bound);
}

int access_listen_operator(struct access *a, const struct env_addr *addr, struct env_addr *ret_bound)
{
	return listen_at(a, addr, ACCESS_OPERATOR, ret_bound);
}

void access_add_page(struct access *a, const struct access_page *page)
{
	assert(a->page_count < ACCESS_PAGES_MAX);
	a->pages[a->page_count++] = *page;
}

void access_count(const struct access *a, unsigned loop, struct access_counts *ret_counts)
{
	const struct access_loop *l = &a->loops[loop];
	*ret_counts = (struct access_counts){.users_online = l->users_online,
		.links = l->kind_count[CONN_LINK],
		.websockets = l->websocket_count,
		.http_connections = l->kind_count[CONN_HTTP],
		.requests = l->requests};
}

/* ---- stopping: each loop is told, and tells when it has no connection left --------------------------------------- */

#define STOP_LOOK_US 10000

struct stopping {
	struct env_msg msg; /* to the loop, then back */
	struct access_loop *loop;
	struct env_inbox *reply_to;
	struct env_timer timer;
	uint64_t deadline_us;
};

static void look_again(struct env_timer *timer)
{
	struct stopping *s = hy_container_of(timer, struct stopping, timer);
	struct access_loop *l = s->loop;
	uint64_t now = svr_now_us(l->loop);
	bool at_once = now >= s->deadline_us;
	conn_loop_stop(l, at_once);
	if (at_once || (hy_list_empty(&l->anonymous) && hy_list_empty(&l->signed_in)))
		env_inbox_post(s->reply_to, &s->msg);
	else
		env_timer_set(svr_loop_env(l->loop), timer, now + STOP_LOOK_US);
}

static void on_stop(struct env_msg *msg)
{
	struct stopping *s = hy_container_of(msg, struct stopping, msg);
	s->timer.fn = look_again;
	look_again(&s->timer);
}

/** No loop runs, or none accepts any more. */
static void close_listeners(struct access *a)
{
	for (unsigned i = 0; i < a->listener_count; i++) {
		for (unsigned j = 0; j < a->loop_count; j++)
			env_sock_close(&a->loops[j].listeners[i].sock);
		env_listener_close(a->listeners[i]);
	}
	a->listener_count = 0;
}

void access_stop(struct access *a, uint64_t grace_us)
{
	struct env *env = svr_env(a->svr);
	struct env_inbox *replies = env_inbox_create(env);
	struct stopping *all = hy_zalloc(a->loop_count * sizeof *all);
	uint64_t deadline_us = env_mono_us(env) + grace_us;
	for (unsigned i = 0; i < a->loop_count; i++) {
		all[i] = (struct stopping){
			.msg.fn = on_stop, .loop = &a->loops[i], .reply_to = replies, .deadline_us = deadline_us};
		env_inbox_post(env_loop_inbox(svr_loop_env(a->loops[i].loop)), &all[i].msg);
	}
	for (unsigned i = 0; i < a->loop_count; i++)
		env_inbox_take(replies, UINT64_MAX);
	hy_free(all);
	env_inbox_destroy(replies);
	close_listeners(a);
}

void access_destroy(struct access *a)
{
	if (!a)
		return;
	close_listeners(a);
	for (unsigned i = 0; i < a->loop_count; i++) {
		env_timer_cancel(svr_loop_env(a->loops[i].loop), &a->loops[i].sweep);
		request_loop_fini(&a->loops[i]);
		conn_loop_fini(&a->loops[i]);
	}
	hy_free(a->loops);
	hy_free(a);
}
