/* client.c - the client as a whole: made, signed in, ended. */
#include <stdio.h>

#include "base/mem.h"
#include "base/status.h"
#include "hongyan_loop.h"
#include "internal.h"

#define REQUEST_TIMEOUT_DEFAULT_MS 12000u /* Mars's first-packet time-out on Wi-Fi */
#define BACKOFF_MAX_DEFAULT_MS 60000u
#define BACKOFF_LEAST_US (20u * 1000)

/* clang-format off */
#define X(name, value, text) _Static_assert((int)HONGYAN_##name == (int)HY_##name, "one set of codes");
HY_STATUS_MAP(X)
#undef X
/* clang-format on */

const char *hongyan_status_text(int status)
{
	return hy_status_text(status);
}

/* ---- made -------------------------------------------------------------------------------------------------------- */

bool client_check(const struct hongyan_config *config)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = config->device ? strspn(config->device, allowed) : 0;
	return len > 0 && len < sizeof((struct hongyan *)NULL)->device && config->device[len] == '\0' && config->server;
}

struct hongyan *client_create(struct env_loop *loop, const struct hongyan_config *config)
{
	struct hongyan *h = hy_zalloc(sizeof *h);
	h->loop = loop;
	h->env = env_loop_env(loop);
	h->events = config->events;
	h->arg = config->arg;
	snprintf(h->device, sizeof h->device, "%s", config->device);
	if (config->device_name)
		snprintf(h->device_name, sizeof h->device_name, "%s", config->device_name);
	h->short_links_only = config->short_links_only;
	h->request_timeout_us =
		1000 * (config->request_timeout_ms ? config->request_timeout_ms : REQUEST_TIMEOUT_DEFAULT_MS);
	h->backoff_max_us = 1000 * (config->backoff_max_ms ? config->backoff_max_ms : BACKOFF_MAX_DEFAULT_MS);
	h->heartbeat_s = config->heartbeat_s;
	heartbeat_init(&h->heartbeat);
	if (config->learnt)
		heartbeat_import(&h->heartbeat, config->learnt);
	hy_link_init(&h->tasks);
	hy_link_init(&h->conversations);
	h->sync_number = env_rand64(h->env);
	return h;
}

int hongyan_create_on_loop(struct env_loop *loop, const struct hongyan_config *config, struct hongyan **ret_client)
{
	if (!client_check(config))
		return HONGYAN_INVALID_ARGUMENT;
	struct hongyan *h = client_create(loop, config);
	const char *at = config->server;
	while (*at && h->addr_count < ADDRS_MAX) {
		char one[160];
		size_t len = strcspn(at, ",");
		snprintf(one, sizeof one, "%.*s", (int)HY_MIN(len, sizeof one - 1), at);
		if (env_addr_parse(one, &h->addrs[h->addr_count]) != 0)
			break;
		h->addr_count++;
		at += len + (at[len] == ',');
	}
	if (*at || h->addr_count == 0) {
		client_free(h);
		return HONGYAN_INVALID_ARGUMENT;
	}
	*ret_client = h;
	return HONGYAN_OK;
}

void client_end(struct hongyan *h)
{
	struct task *t;
	h->events = (struct hongyan_events){0};
	h->own_look_up = NULL;
	long_link_stop(h);
	sync_stop(h);
	outbox_clear(h);
	hy_list_each (t, &h->tasks, struct task, in_tasks)
		task_cancel(t);
}

void client_free(struct hongyan *h)
{
	hy_buf_fini_wiped(&h->ticket);
	hy_buf_fini(&h->snapshot);
	hy_buf_fini(&h->next_snapshot);
	hy_free(h);
}

void hongyan_destroy(struct hongyan *h)
{
	if (!h)
		return;
	if (h->own) {
		h->own_destroy(h);
		return;
	}
	client_end(h);
	client_free(h);
}

static void run_call(struct env_msg *msg)
{
	struct call *c = hy_container_of(msg, struct call, msg);
	c->fn(c);
}

void client_call(struct hongyan *h, struct call *c)
{
	c->client = h;
	c->msg.fn = run_call;
	if (h->own)
		env_inbox_post(env_loop_inbox(h->loop), &c->msg);
	else
		c->fn(c);
}

uint64_t client_backoff_us(struct hongyan *h, uint64_t base_us, unsigned n, uint64_t max_us)
{
	uint64_t us = HY_MIN(base_us << HY_MIN(n, 16u), max_us);
	uint64_t jitter = env_rand64(h->env);
	return HY_MAX(jitter % (us + 1), HY_MIN(us, BACKOFF_LEAST_US));
}

void client_draw_id(struct hongyan *h, uint8_t client_id[HONGYAN_CLIENT_ID_SIZE], uint64_t *ret_made_ms)
{
	env_random(h->env, client_id, HONGYAN_CLIENT_ID_SIZE);
	*ret_made_ms = env_wall_ms(h->env);
}

void hongyan_new_client_id(struct hongyan *h, uint8_t ret_client_id[HONGYAN_CLIENT_ID_SIZE], uint64_t *ret_made_ms)
{
	client_draw_id(h, ret_client_id, ret_made_ms);
}

/* ---- signed in, signed out --------------------------------------------------------------------------------------- */

static enum hongyan_state state_of(const struct hongyan *h)
{
	if (hy_buf_len(&h->ticket) == 0)
		return HONGYAN_OFFLINE;
	return h->link.state == LONG_LINK_READY ? HONGYAN_ONLINE : HONGYAN_CONNECTING;
}

enum hongyan_state hongyan_state(const struct hongyan *h)
{
	return (enum hongyan_state)atomic_load(&h->told);
}

uint32_t hongyan_uin(const struct hongyan *h)
{
	return atomic_load(&h->uin);
}

void client_tell_state(struct hongyan *h)
{
	enum hongyan_state now = state_of(h);
	if ((int)now == atomic_load(&h->told))
		return;
	atomic_store(&h->told, (int)now);
	if (h->events.on_state)
		h->events.on_state(h->arg, now);
}

void client_signed_in(struct hongyan *h, uint32_t uin, const void *ticket, size_t len)
{
	if (hy_buf_len(&h->ticket) > 0 && atomic_load(&h->uin) != uin)
		client_go_offline(h);
	sync_stop(h); /* what a pull that is under way brings goes on from another snapshot */
	atomic_store(&h->uin, uin);
	hy_buf_clear(&h->ticket);
	hy_buf_append(&h->ticket, ticket, len);
	h->ticket_number++;
	task_all_other_ticket(h);
	long_link_start(h);
	client_tell_state(h);
	sync_now(h);
	outbox_start(h);
}

void client_go_offline(struct hongyan *h)
{
	hy_buf_clear(&h->ticket);
	h->ticket_number++;
	long_link_stop(h);
	sync_stop(h);
	outbox_stop(h);
	client_tell_state(h);
	task_all_signed_out(h);
}

void client_signed_out(struct hongyan *h, const char *why)
{
	if (hy_buf_len(&h->ticket) == 0)
		return;
	client_go_offline(h);
	if (h->events.on_signed_out)
		h->events.on_signed_out(h->arg, why);
}

struct resume_call {
	struct call call;
	uint32_t uin;
	struct hy_buf ticket, snapshot;
};

static void resume(struct call *call)
{
	struct resume_call *c = hy_container_of(call, struct resume_call, call);
	struct hongyan *h = call->client;
	hy_buf_fini(&h->snapshot);
	h->snapshot = c->snapshot;
	client_signed_in(h, c->uin, hy_buf_data(&c->ticket), hy_buf_len(&c->ticket));
	hy_buf_fini_wiped(&c->ticket);
	hy_free(c);
}

void hongyan_resume(struct hongyan *h, uint32_t uin, const void *ticket, size_t ticket_len, const void *snapshot,
	size_t snapshot_len)
{
	struct resume_call *c = hy_zalloc(sizeof *c);
	c->call.fn = resume;
	c->uin = uin;
	hy_buf_append(&c->ticket, ticket, ticket_len);
	if (snapshot_len)
		hy_buf_append(&c->snapshot, snapshot, snapshot_len);
	client_call(h, &c->call);
}

/* ---- where the device is ----------------------------------------------------------------------------------------- */

void client_try_all_now(struct hongyan *h)
{
	if (hy_buf_len(&h->ticket) > 0)
		long_link_start(h);
	task_all_hurry(h);
	client_tell_state(h);
}

struct network_call {
	struct call call;
	char name[HEARTBEAT_NAME_MAX + 2];
};

static void set_network(struct call *call)
{
	struct network_call *c = hy_container_of(call, struct network_call, call);
	heartbeat_set_network(&call->client->heartbeat, c->name);
	client_try_all_now(call->client);
	hy_free(c);
}

void hongyan_set_network(struct hongyan *h, const char *name)
{
	struct network_call *c = hy_zalloc(sizeof *c);
	c->call.fn = set_network;
	snprintf(c->name, sizeof c->name, "%s", name ? name : "");
	client_call(h, &c->call);
}
