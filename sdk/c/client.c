/* client.c - the client as a whole: made, signed in, ended. */
#include <stdio.h>

#include "auth.pb-c.h"
#include "base/mem.h"
#include "internal.h"

#define REQUEST_TIMEOUT_DEFAULT_MS 12000u /* Mars's first-packet time-out on Wi-Fi */
#define BACKOFF_MAX_DEFAULT_MS 60000u
#define AUTH_TRIES 5

int hongyan_create(struct env_loop *loop, const struct hongyan_config *config, struct hongyan **ret_client)
{
	size_t device_len = strlen(config->device);
	struct hongyan *h;
	if (device_len == 0 || device_len >= sizeof h->device)
		return HY_INVALID_ARGUMENT;
	h = hy_zalloc(sizeof *h);
	h->loop = loop;
	h->env = env_loop_env(loop);
	h->server = *config->server;
	h->events = config->events;
	h->arg = config->arg;
	memcpy(h->device, config->device, device_len + 1);
	if (config->device_name)
		snprintf(h->device_name, sizeof h->device_name, "%s", config->device_name);
	h->short_links_only = config->short_links_only;
	h->heartbeat_s = config->heartbeat_s;
	h->request_timeout_us =
		1000 * (config->request_timeout_ms ? config->request_timeout_ms : REQUEST_TIMEOUT_DEFAULT_MS);
	h->backoff_max_us = 1000 * (config->backoff_max_ms ? config->backoff_max_ms : BACKOFF_MAX_DEFAULT_MS);
	hy_link_init(&h->tasks);
	hy_link_init(&h->conversations);
	h->sync_number = env_rand64(h->env);
	*ret_client = h;
	return HY_OK;
}

void hongyan_destroy(struct hongyan *h)
{
	if (!h)
		return;
	long_link_stop(h);
	sync_stop(h);
	outbox_clear(h);
	struct task *t;
	hy_list_each (t, &h->tasks, struct task, in_tasks)
		task_cancel(t);
	hy_buf_fini(&h->ticket);
	hy_buf_fini(&h->snapshot);
	hy_buf_fini(&h->next_snapshot);
	hy_free(h);
}

uint64_t client_backoff_us(struct hongyan *h, uint64_t base_us, unsigned n, uint64_t max_us)
{
	uint64_t us = HY_MIN(base_us << HY_MIN(n, 16u), max_us);
	uint64_t jitter = env_rand64(h->env);
	return us / 2 + jitter % (us / 2 + 1);
}

enum hongyan_state hongyan_state(const struct hongyan *h)
{
	if (hy_buf_len(&h->ticket) == 0)
		return HONGYAN_OFFLINE;
	return h->link.state == LONG_LINK_READY ? HONGYAN_ONLINE : HONGYAN_CONNECTING;
}

uint32_t hongyan_uin(const struct hongyan *h)
{
	return h->uin;
}

void client_tell_state(struct hongyan *h)
{
	enum hongyan_state now = hongyan_state(h);
	if (now == h->told)
		return;
	h->told = now;
	if (h->events.on_state)
		h->events.on_state(h->arg, now);
}

/* ---- signed in, signed out --------------------------------------------------------------------------------------- */

static void go_online(struct hongyan *h, uint32_t uin, const void *ticket, size_t len)
{
	h->uin = uin;
	hy_buf_clear(&h->ticket);
	hy_buf_append(&h->ticket, ticket, len);
	long_link_start(h);
	client_tell_state(h);
	sync_now(h);
	outbox_start(h);
}

static void go_offline(struct hongyan *h)
{
	hy_buf_clear(&h->ticket);
	long_link_stop(h);
	sync_stop(h);
	outbox_stop(h);
	client_tell_state(h);
}

void client_signed_out(struct hongyan *h, const char *why)
{
	if (hy_buf_len(&h->ticket) == 0)
		return;
	go_offline(h);
	if (h->events.on_signed_out)
		h->events.on_signed_out(h->arg, why);
}

void hongyan_resume(struct hongyan *h, uint32_t uin, const void *ticket, size_t ticket_len, const void *snapshot,
	size_t snapshot_len)
{
	hy_buf_clear(&h->snapshot);
	if (snapshot_len)
		hy_buf_append(&h->snapshot, snapshot, snapshot_len);
	go_online(h, uin, ticket, ticket_len);
}

/* ---- register, sign in, sign out, look up ------------------------------------------------------------------------ */

/** Registration and sign-in answer alike. */
static void on_entered(struct task *t, int status, const char *why, uint32_t uin, const ProtobufCBinaryData *ticket)
{
	struct hongyan *h = t->client;
	hongyan_signed_in_fn *done = (hongyan_signed_in_fn *)t->user_done;
	void *arg = t->user_arg;
	if (status == HY_OK) {
		hy_buf_clear(&h->snapshot);
		go_online(h, uin, ticket->data, ticket->len);
	}
	done(arg, status, status == HY_OK ? NULL : why, uin, hy_buf_data(&h->ticket), hy_buf_len(&h->ticket));
}

static void on_registered(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	const Hy__RegisterResponse *r = (const Hy__RegisterResponse *)response;
	on_entered(t, status, why, r ? r->uin : 0, r ? &r->ticket : NULL);
}

static void on_sign_in(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	const Hy__SignInResponse *r = (const Hy__SignInResponse *)response;
	on_entered(t, status, why, r ? r->uin : 0, r ? &r->ticket : NULL);
}

void hongyan_new_client_id(struct hongyan *h, uint8_t ret_client_id[HONGYAN_CLIENT_ID_SIZE], uint64_t *ret_made_ms)
{
	env_random(h->env, ret_client_id, HONGYAN_CLIENT_ID_SIZE);
	*ret_made_ms = env_wall_ms(h->env);
}

static void head_of_new(struct hongyan *h, Hy__RequestHead *head, uint8_t client_id[HONGYAN_CLIENT_ID_SIZE])
{
	uint64_t made_ms;
	hongyan_new_client_id(h, client_id, &made_ms);
	task_fill_head(h, head, client_id, made_ms);
}

void hongyan_register(struct hongyan *h, const char *name, const char *password, hongyan_signed_in_fn *done, void *arg)
{
	Hy__RegisterRequest request = HY__REGISTER_REQUEST__INIT;
	Hy__RequestHead head;
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	head_of_new(h, &head, client_id);
	request.head = &head;
	request.name = (char *)(uintptr_t)name;
	request.password = (char *)(uintptr_t)password;
	request.device_name = h->device_name;
	struct task *t = task_start(h, &method_register, &request.base, AUTH_TRIES, on_registered);
	t->user_done = (void (*)(void))done;
	t->user_arg = arg;
}

void hongyan_sign_in(struct hongyan *h, const char *name, const char *password, hongyan_signed_in_fn *done, void *arg)
{
	Hy__SignInRequest request = HY__SIGN_IN_REQUEST__INIT;
	Hy__RequestHead head;
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	head_of_new(h, &head, client_id);
	request.head = &head;
	request.name = (char *)(uintptr_t)name;
	request.password = (char *)(uintptr_t)password;
	request.device_name = h->device_name;
	struct task *t = task_start(h, &method_sign_in, &request.base, AUTH_TRIES, on_sign_in);
	t->user_done = (void (*)(void))done;
	t->user_arg = arg;
}

static void on_signed_out(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	void (*done)(void *arg, int status, const char *why) = (void (*)(void *, int, const char *))t->user_done;
	void *arg = t->user_arg;
	if (status == HY_OK)
		go_offline(t->client);
	done(arg, status, status == HY_OK ? NULL : why);
}

void hongyan_sign_out(struct hongyan *h, void (*done)(void *arg, int status, const char *why), void *arg)
{
	Hy__SignOutRequest request = HY__SIGN_OUT_REQUEST__INIT;
	Hy__RequestHead head;
	task_fill_head(h, &head, NULL, 0);
	request.head = &head;
	struct task *t = task_start(h, &method_sign_out, &request.base, AUTH_TRIES, on_signed_out);
	t->user_done = (void (*)(void))done;
	t->user_arg = arg;
}

typedef void looked_up_fn(void *arg, int status, const char *why, const struct hongyan_profile *profile);

static void on_looked_up(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	const Hy__LookupResponse *r = (const Hy__LookupResponse *)response;
	looked_up_fn *done = (looked_up_fn *)t->user_done;
	struct hongyan_profile profile = {0};
	if (status == HY_OK)
		profile = (struct hongyan_profile){.uin = r->uin,
			.name = r->name,
			.nickname = r->nickname,
			.signature = r->signature,
			.region = r->region,
			.avatar_colour = r->avatar_colour};
	done(t->user_arg, status, status == HY_OK ? NULL : why, status == HY_OK ? &profile : NULL);
}

void hongyan_lookup(struct hongyan *h, const char *name, looked_up_fn *done, void *arg)
{
	Hy__LookupRequest request = HY__LOOKUP_REQUEST__INIT;
	Hy__RequestHead head;
	task_fill_head(h, &head, NULL, 0);
	request.head = &head;
	request.name = (char *)(uintptr_t)name;
	struct task *t = task_start(h, &method_lookup, &request.base, AUTH_TRIES, on_looked_up);
	t->user_done = (void (*)(void))done;
	t->user_arg = arg;
}

void hongyan_sync_now(struct hongyan *h)
{
	sync_now(h);
}
