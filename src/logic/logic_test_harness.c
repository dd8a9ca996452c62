#include "logic/logic_test_harness.h"

#include <stdio.h>

#include "data/account/account.h"
#include "data/contact/contact.h"
#include "env/real/real.h"
#include "link.rpc.h"
#include "logic/contacts/contacts.h"
#include "logic/deletion/deletion.h"
#include "logic/delivery/delivery.h"
#include "logic/profile/profile.h"
#include "logic/send/send.h"
#include "svrkit/pb.h"

void harness_failed(struct harness *h, const char *file, int line)
{
	int none = 0;

	if (__atomic_compare_exchange_n(&h->failed_line, &none, line, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		h->failed_file = file;
}

/* ---- links that only take notes ---------------------------------------------------------------------------------- */

static int note_hint(void *self, struct call *call, const Hy__LinkHintRequest *request, Hy__LinkHintResponse *response)
{
	struct harness *h = self;
	uint32_t at = __atomic_fetch_add(&h->hint_count, 1, __ATOMIC_RELAXED);

	if (at < HARNESS_NOTES_MAX)
		__atomic_store_n(&h->hints[at], request->uin, __ATOMIC_RELAXED);
	return HY_OK;
}

static int note_close(
	void *self, struct call *call, const Hy__LinkCloseDeviceRequest *request, Hy__LinkCloseDeviceResponse *response)
{
	struct harness *h = self;

	__atomic_fetch_add(&h->close_count, 1, __ATOMIC_RELAXED);
	if (svr_loop_count(h->svr) == 1)
		snprintf(h->last_closed, sizeof h->last_closed, "%s", request->device);
	__atomic_store_n(&h->last_closed_all, request->device[0] == '\0', __ATOMIC_RELAXED);
	response->closed = 1;
	return HY_OK;
}

/** Phones have links, all others none. */
static int note_online(
	void *self, struct call *call, const Hy__LinkOnlineRequest *request, Hy__LinkOnlineResponse *response)
{
	static char *const phone[] = {(char *)(uintptr_t) "phone"};

	response->devices = (char **)(uintptr_t)phone;
	response->n_devices = 1;
	return HY_OK;
}

unsigned harness_hints(const struct harness *h, uint32_t uin)
{
	uint32_t count = __atomic_load_n(&h->hint_count, __ATOMIC_RELAXED);
	unsigned found = 0;

	for (uint32_t i = 0; i < HY_MIN(count, HARNESS_NOTES_MAX); i++)
		found += __atomic_load_n(&h->hints[i], __ATOMIC_RELAXED) == uin;
	return found;
}

/* ---- storage that does something besides ------------------------------------------------------------------------- */

static struct harness *harness_of(struct kt *kt)
{
	return hy_container_of(kt->engine, struct harness, engine);
}

static int write_besides(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_op *ops,
	size_t count, bool lazily, struct kt_result *ret_result)
{
	struct harness *h = harness_of(kt);
	int status = h->real_engine->write(kt, call, key, ops, count, lazily, ret_result);
	return h->on.wrote ? h->on.wrote(h, call, ops, count, status) : status;
}

static int read_row_besides(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	struct hy_bytes name, struct kt_row *ret_row)
{
	struct harness *h = harness_of(kt);
	int status = h->real_engine->read_row(kt, call, key, space, name, ret_row);
	if (h->on.read)
		h->on.read(h, call, key, space->id);
	return status;
}

static void put_between(struct harness *h)
{
	h->real_engine = h->kt->engine;
	h->engine = *h->real_engine;
	h->engine.write = write_besides;
	h->engine.read_row = read_row_besides;
	h->kt->engine = &h->engine;
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

static void open_services(struct harness *h)
{
	static const struct link_handlers link_notes = {
		.hint = note_hint, .close_device = note_close, .online = note_online};
	static const uint8_t master[LOGIC_KEY_SIZE] = "of a test, and known to everyone";
	const struct harness_config *c = &h->config;

	logic_keys_derive(master, &h->keys);
	struct session_config session = {.keys = &h->keys,
		.retain_days = c->retain_days,
		.write_pause_ms = c->write_pause_ms,
		.users_max = c->users_max};
	struct sync_config sync = {
		.keys = &h->keys, .epoch = kt_epoch(h->kt) + c->epoch_shift, .page_bytes = c->page_bytes};
	struct send_config send = {.keys = &h->keys};
	struct contact_config contact = {.strangers_may_write = !c->contacts_only, .rows = c->contact_rows};
	struct auth_config auth = {.keys = &h->keys,
		.registration = c->registration,
		.hash_threads = 1,
		.hash_queue = c->hash_queue,
		.hash_passes = 1,
		.hash_bytes = 8192,
		.uin_bits = c->uin_bits};
	assert_int_equal(limit_create(h->svr, &c->limits, &h->limit), HY_OK);
	assert_int_equal(account_create(h->svr, h->kt, &h->account), HY_OK);
	assert_int_equal(contact_create(h->svr, h->kt, &contact, &h->contact), HY_OK);
	assert_int_equal(message_create(h->svr, h->kt, &c->message, &h->message), HY_OK);
	assert_int_equal(session_create(h->svr, &session, &h->session), HY_OK);
	assert_int_equal(delivery_create(h->svr, &h->delivery), HY_OK);
	assert_int_equal(sync_create(h->svr, &sync, &h->sync), HY_OK);
	assert_int_equal(send_create(h->svr, &send, &h->send), HY_OK);
	assert_int_equal(contacts_create(h->svr, &h->contacts), HY_OK);
	assert_int_equal(deletion_create(h->svr, &h->deletion), HY_OK);
	assert_int_equal(profile_create(h->svr, &h->profile), HY_OK);
	assert_int_equal(auth_create(h->svr, &auth, &h->auth), HY_OK);
	rpc_add_service(h->svr, &link_service, &link_notes, h);
}

void harness_open(struct harness *h, const struct harness_config *config)
{
	struct svr_config svr = {.loops = config->loops ? config->loops : 1};
	struct kt_config kt = {.spaces = spaces_table, .dir = config->dir};

	memset(h, 0, sizeof *h);
	h->config = *config;
	h->env = env_real_create();
	env_log_set_level(h->env, ENV_LOG_ERROR);
	h->done = env_inbox_create(h->env);
	assert_int_equal(svr_create(h->env, &svr, &h->svr), HY_OK);
	assert_int_equal((config->open ? config->open : kt_open_mem)(h->svr, &kt, &h->kt), HY_OK);
	put_between(h);
	open_services(h);
	assert_int_equal(svr_start(h->svr), HY_OK);
}

void harness_close(struct harness *h)
{
	svr_stop(h->svr, 1000000);
	kt_close(h->kt);
	auth_destroy(h->auth);
	profile_destroy(h->profile);
	deletion_destroy(h->deletion);
	contacts_destroy(h->contacts);
	send_destroy(h->send);
	sync_destroy(h->sync);
	delivery_destroy(h->delivery);
	session_destroy(h->session);
	message_destroy(h->message);
	contact_destroy(h->contact);
	account_destroy(h->account);
	limit_destroy(h->limit);
	svr_destroy(h->svr);
	env_inbox_destroy(h->done);
	env_real_destroy(h->env);
	if (h->failed_line != 0)
		fail_msg("%s:%d: a check failed in a coroutine", h->failed_file, h->failed_line);
}

/* ---- coroutines -------------------------------------------------------------------------------------------------- */

struct task {
	struct env_msg start, end;
	struct harness *h;
	struct svr_loop *loop;
	void (*fn)(struct harness *h, struct call *call);
	void (*fn_many)(struct harness *h, struct call *call, unsigned index);
	unsigned index;
};

static void run_task(void *arg)
{
	struct task *t = arg;
	struct hy_arena arena;
	struct call call = {
		.loop = t->loop,
		.arena = &arena,
		.trace = t->index + 1,
		.deadline_us = svr_now_us(t->loop) + 30ull * 1000 * 1000,
	};

	hy_arena_init(&arena, 256u << 20);
	if (t->fn)
		t->fn(t->h, &call);
	else
		t->fn_many(t->h, &call, t->index);
	hy_arena_fini(&arena);
	env_inbox_post(t->h->done, &t->end);
}

static void start_task(struct env_msg *msg)
{
	struct task *t = hy_container_of(msg, struct task, start);
	co_spawn(t->loop, run_task, t);
}

static void run_tasks(struct harness *h, struct task *tasks, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct task *t = &tasks[i];
		t->h = h;
		t->index = i;
		t->start.fn = start_task;
		t->loop = svr_loop_at(h->svr, i % svr_loop_count(h->svr));
		env_inbox_post(env_loop_inbox(svr_loop_env(t->loop)), &t->start);
	}
	for (unsigned i = 0; i < count; i++)
		(void)env_inbox_take(h->done, UINT64_MAX);
}

void harness_run(struct harness *h, void (*fn)(struct harness *h, struct call *call))
{
	struct task t = {.fn = fn};
	run_tasks(h, &t, 1);
}

void harness_run_many(
	struct harness *h, unsigned count, void (*fn)(struct harness *h, struct call *call, unsigned index))
{
	struct task *tasks = hy_zalloc(count * sizeof *tasks);

	for (unsigned i = 0; i < count; i++)
		tasks[i].fn_many = fn;
	run_tasks(h, tasks, count);
	hy_free(tasks);
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

struct client_id harness_client_id(struct harness *h)
{
	struct client_id id;
	env_random(h->env, id.bytes, sizeof id.bytes);
	return id;
}

Hy__RequestHead harness_head(struct harness *h, const char *device, struct client_id *id)
{
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;

	head.device = (char *)(uintptr_t)device;
	head.client_id = (ProtobufCBinaryData){sizeof id->bytes, id->bytes};
	head.made_ms = env_wall_ms(h->env);
	return head;
}

void harness_as(struct call *call, const struct person *p)
{
	call->who = (struct svr_passport){p->uin, p->device, p->name};
}

int harness_try_register(struct harness *h, struct call *call, const char *name, const char *password,
	const char *device, struct client_id id, Hy__RegisterResponse *response)
{
	Hy__RegisterRequest request = HY__REGISTER_REQUEST__INIT;
	Hy__RequestHead head = harness_head(h, device, &id);

	hy__register_response__init(response);
	request.head = &head;
	request.name = (char *)(uintptr_t)name;
	request.password = (char *)(uintptr_t)password;
	return auth_register(call, &request, response);
}

int harness_try_sign_in(struct harness *h, struct call *call, const char *name, const char *password,
	const char *device, Hy__SignInResponse *response)
{
	Hy__SignInRequest request = HY__SIGN_IN_REQUEST__INIT;
	struct client_id id = harness_client_id(h);
	Hy__RequestHead head = harness_head(h, device, &id);

	hy__sign_in_response__init(response);
	request.head = &head;
	request.name = (char *)(uintptr_t)name;
	request.password = (char *)(uintptr_t)password;
	return auth_sign_in(call, &request, response);
}

static struct person make_person(
	struct harness *h, const char *name, const char *device, uint32_t uin, ProtobufCBinaryData ticket)
{
	struct person p = {.uin = uin, .name = name, .device = device};

	CHECK(h, uin != 0 && ticket.len == TICKET_SIZE);
	if (ticket.len == TICKET_SIZE)
		memcpy(p.ticket, ticket.data, TICKET_SIZE);
	return p;
}

struct person harness_register(struct harness *h, struct call *call, const char *name, const char *device)
{
	Hy__RegisterResponse response;

	CHECK(h, harness_try_register(h, call, name, HARNESS_PASSWORD, device, harness_client_id(h), &response) ==
			 HY_OK);
	return make_person(h, name, device, response.uin, response.ticket);
}

struct person harness_sign_in(struct harness *h, struct call *call, const char *name, const char *device)
{
	Hy__SignInResponse response;

	CHECK(h, harness_try_sign_in(h, call, name, HARNESS_PASSWORD, device, &response) == HY_OK);
	return make_person(h, name, device, response.uin, response.ticket);
}

int harness_send(struct harness *h, struct call *call, const struct person *from, uint32_t to, const char *text,
	struct client_id id, uint64_t made_ms, Hy__SendTextResponse *response)
{
	Hy__SendTextRequest request = HY__SEND_TEXT_REQUEST__INIT;
	Hy__RequestHead head = harness_head(h, from->device, &id);

	hy__send_text_response__init(response);
	harness_as(call, from);
	if (made_ms != 0)
		head.made_ms = made_ms;
	request.head = &head;
	request.to = to;
	request.text = (char *)(uintptr_t)text;
	return send_send_text(call, &request, response);
}

void harness_send_ok(struct harness *h, struct call *call, const struct person *from, uint32_t to, const char *text)
{
	Hy__SendTextResponse response;

	CHECK(h, harness_send(h, call, from, to, text, harness_client_id(h), 0, &response) == HY_OK);
	CHECK(h, response.message_id.len == 16);
}

int harness_sync(struct harness *h, struct call *call, const struct person *p, Hy__SyncResponse *response)
{
	Hy__SyncRequest request = HY__SYNC_REQUEST__INIT;
	struct client_id id = harness_client_id(h);
	Hy__RequestHead head = harness_head(h, p->device, &id);

	hy__sync_response__init(response);
	harness_as(call, p);
	request.head = &head;
	request.snapshot = (ProtobufCBinaryData){p->snapshot_len, (uint8_t *)(uintptr_t)p->snapshot};
	return sync_sync(call, &request, response);
}

void harness_keep(struct harness *h, struct person *p, const Hy__SyncResponse *response)
{
	CHECK(h, response->snapshot.len > 0 && response->snapshot.len <= sizeof p->snapshot);
	p->snapshot_len = HY_MIN(response->snapshot.len, sizeof p->snapshot);
	memcpy(p->snapshot, response->snapshot.data, p->snapshot_len);
}

unsigned harness_sync_all(struct harness *h, struct call *call, struct person *p)
{
	Hy__SyncResponse response;
	unsigned messages = 0, pages = 0;

	do {
		int rc = harness_sync(h, call, p, &response);
		CHECK(h, rc == HY_OK);
		if (rc != HY_OK)
			return messages;
		for (size_t i = 0; i < response.n_entries; i++)
			messages += response.entries[i]->kind == HY__SYNC_KIND__SYNC_KIND_MESSAGE;
		harness_keep(h, p, &response);
	} while (response.more && ++pages < 1000);
	CHECK(h, !response.more);
	return messages;
}

Hy__TextMessage *harness_text(struct call *call, const Hy__SyncEntry *entry)
{
	if (entry->kind != HY__SYNC_KIND__SYNC_KIND_MESSAGE || entry->type != HY__SYNC_TYPE__SYNC_TYPE_TEXT)
		return NULL;
	return (Hy__TextMessage *)pb_unpack(
		&hy__text_message__descriptor, hy_bytes(entry->body.data, entry->body.len), call->arena);
}

bool harness_has_reset(const Hy__SyncResponse *response, Hy__SyncKind kind)
{
	for (size_t i = 0; i < response->n_reset; i++)
		if (response->reset[i] == kind)
			return true;
	return false;
}

struct kt_head harness_inbox(struct harness *h, struct call *call, uint32_t uin)
{
	struct hy_key key = hy_key_user(uin);
	struct kt_head head = {0};

	CHECK(h, kt_read_head(h->kt, call, &key, SPACES_INBOX, KT_STRONG, &head) == HY_OK);
	return head;
}

void harness_once(const struct harness_config *config, void (*fn)(struct harness *h, struct call *call))
{
	struct harness h;

	harness_open(&h, config);
	harness_run(&h, fn);
	harness_close(&h);
}
