/*
 * What the services do. Register's name (anybody may call it): "hold" waits until the test releases it, "sleep N" for N
 * ms, "fail" is refused with a time to come back; the ticket answered is the name, of "where" the call's address.
 * Lookup answers the caller's UIN. Sync answers the snapshot, or a long one to "big", or one text message to "text".
 * SignOut closes the links of the caller's device.
 */
#include "access/access_world.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S 30 /* for what must happen */

bool __real_env_addr_is_loopback(const struct env_addr *addr);
bool __wrap_env_addr_is_loopback(const struct env_addr *addr);
bool __wrap_env_addr_is_loopback(const struct env_addr *addr)
{
	return __real_env_addr_is_loopback(addr) && addr->ip[3] != 9 && addr->ip[3] != 8;
}

static const char *secret;
static unsigned secret_seen;

/** Also where nobody wrote, and what is poisoned. */
__attribute__((no_sanitize("address"), no_sanitize("thread"))) static bool holds(
	const char *p, size_t len, const char *s)
{
	for (size_t i = 0; i < len; i++) {
		size_t j = 0;
		while (s[j] && i + j < len && p[i + j] == s[j])
			j++;
		if (!s[j])
			return true;
	}
	return false;
}

void __real_hy_free(void *p);
void __wrap_hy_free(void *p);
void __wrap_hy_free(void *p)
{
	const char *s = __atomic_load_n(&secret, __ATOMIC_ACQUIRE);
	if (s && holds(p, malloc_usable_size(p), s))
		__atomic_fetch_add(&secret_seen, 1, __ATOMIC_RELAXED);
	__real_hy_free(p);
}

unsigned world_watch_secret(const char *text)
{
	__atomic_store_n(&secret, text, __ATOMIC_RELEASE);
	return __atomic_exchange_n(&secret_seen, 0, __ATOMIC_RELAXED);
}

/* ---- services ---------------------------------------------------------------------------------------------------- */

static int hold(struct access_world *w, struct call *call)
{
	int status = HY_OK;
	__atomic_fetch_add(&w->held, 1, __ATOMIC_RELAXED);
	while (status == HY_OK && !__atomic_load_n(&w->release, __ATOMIC_RELAXED) &&
		svr_now_us(call->loop) < call->deadline_us)
		status = co_sleep_until(call->loop, svr_now_us(call->loop) + 1000);
	__atomic_fetch_sub(&w->held, 1, __ATOMIC_RELAXED);
	return status;
}

static void look_at_loop(struct access_world *w, struct call *call)
{
	struct hy_key key = hy_key_user(call->who.uin);
	__atomic_fetch_add(&w->served, 1, __ATOMIC_RELAXED);
	if (svr_loop_of_key(w->base.svr, &key) != svr_loop_index(call->loop))
		__atomic_fetch_add(&w->wrong_loop, 1, __ATOMIC_RELAXED);
}

static int on_register(
	void *self, struct call *call, const Hy__RegisterRequest *request, Hy__RegisterResponse *response)
{
	struct access_world *w = self;
	const char *say = strcmp(request->name, "where") == 0 ? call->address : request->name;
	__atomic_fetch_add(&w->served, 1, __ATOMIC_RELAXED);
	response->ticket.len = say ? strlen(say) : 0;
	response->ticket.data = say ? hy_arena_memdup(call->arena, say, response->ticket.len) : NULL;
	if (strcmp(request->name, "fail") == 0)
		return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 250, "the shelf is full");
	if (strncmp(request->name, "hold", 4) == 0)
		return hold(w, call);
	if (strncmp(request->name, "sleep ", 6) == 0)
		return co_sleep_until(call->loop, svr_now_us(call->loop) + strtoul(request->name + 6, NULL, 10) * 1000);
	return HY_OK;
}

static int on_sign_in(void *self, struct call *call, const Hy__SignInRequest *request, Hy__SignInResponse *response)
{
	return HY_OK;
}

static int on_sign_out(void *self, struct call *call, const Hy__SignOutRequest *request, Hy__SignOutResponse *response)
{
	Hy__LinkCloseDeviceRequest close = HY__LINK_CLOSE_DEVICE_REQUEST__INIT;
	Hy__LinkCloseDeviceResponse closed = HY__LINK_CLOSE_DEVICE_RESPONSE__INIT;
	close.uin = call->who.uin;
	close.device = (char *)(uintptr_t)call->who.device;
	return link_close_device(call, &close, &closed);
}

static int on_identify(
	void *self, struct call *call, const Hy__IdentifyRequest *request, Hy__IdentifyResponse *response)
{
	look_at_loop(self, call);
	response->uin = call->who.uin;
	response->heartbeat_s = 270;
	return HY_OK;
}

static int on_lookup(void *self, struct call *call, const Hy__LookupRequest *request, Hy__LookupResponse *response)
{
	struct access_world *w = self;
	__atomic_fetch_add(&w->served, 1, __ATOMIC_RELAXED);
	response->uin = call->who.uin;
	return strcmp(request->name, "hold") == 0 ? hold(w, call) : HY_OK;
}

static int on_verify(
	void *self, struct call *call, const Hy__SessionVerifyRequest *request, Hy__SessionVerifyResponse *response)
{
	struct access_world *w = self;
	uint8_t good[ACCESS_TICKET_SIZE];
	unsigned device = request->ticket.len == sizeof good ? request->ticket.data[4] % 10u : 0;
	world_ticket(request->uin, device, good);
	if (request->ticket.len != sizeof good || memcmp(request->ticket.data, good, sizeof good) != 0 ||
		__atomic_load_n(&w->revoked, __ATOMIC_RELAXED) & 1u << device)
		return HY_UNAUTHENTICATED;
	response->device = hy_arena_printf(call->arena, "d%u", device);
	response->name = hy_arena_printf(call->arena, "user-%u", request->uin);
	return HY_OK;
}

static void answer_text(struct call *call, Hy__SyncResponse *response)
{
	Hy__TextMessage *text = hy_arena_alloc(call->arena, sizeof *text);
	Hy__SyncEntry *entry = hy_arena_alloc(call->arena, sizeof *entry);
	hy__text_message__init(text);
	hy__sync_entry__init(entry);
	text->text = (char *)(uintptr_t) "a letter";
	entry->kind = HY__SYNC_KIND__SYNC_KIND_MESSAGE;
	entry->type = HY__SYNC_TYPE__SYNC_TYPE_TEXT;
	entry->body.data = hy_arena_alloc(call->arena, 64);
	entry->body.len = hy__text_message__pack(text, entry->body.data);
	response->entries = hy_arena_memdup(call->arena, &entry, sizeof entry);
	response->n_entries = 1;
}

static int on_sync(void *self, struct call *call, const Hy__SyncRequest *request, Hy__SyncResponse *response)
{
	struct hy_bytes snapshot = hy_bytes(request->snapshot.data, request->snapshot.len);
	look_at_loop(self, call);
	response->snapshot = request->snapshot;
	if (hy_bytes_equal(snapshot, hy_bytes_str("text")))
		answer_text(call, response);
	if (hy_bytes_equal(snapshot, hy_bytes_str("big"))) {
		response->snapshot.data = hy_arena_alloc(call->arena, BIG_SYNC);
		response->snapshot.len = BIG_SYNC;
	}
	return HY_OK;
}

/* ---- the world --------------------------------------------------------------------------------------------------- */

static const struct auth_handlers auth = {.register_ = on_register,
	.sign_in = on_sign_in,
	.sign_out = on_sign_out,
	.identify = on_identify,
	.lookup = on_lookup};
static const struct sync_handlers sync_handlers = {.sync = on_sync};
/* The others are not called from here. */
static const struct session_handlers session = {.verify = on_verify};

static void fill_ready(void *arg, struct access_page_answer *answer)
{
	answer->status = 503;
	hy_buf_printf(&answer->body, "not yet\n");
}

static void fill_figures(void *arg, struct access_page_answer *answer)
{
	answer->type = "text/figures";
	answer->headers = "Cache-Control: max-age=7\r\n";
	for (unsigned i = 0; i < 1000; i++)
		hy_buf_printf(&answer->body, "%03u\n", i);
}

static const struct access_page pages[] = {
	{"/ready", ACCESS_PUBLIC | ACCESS_OPERATOR, fill_ready, NULL},
	{"/figures", ACCESS_OPERATOR, fill_figures, NULL},
};

void access_world_open(struct access_world *w, unsigned loops, const struct access_config *config)
{
	struct env_addr any = {.family = AF_INET};
	memset(w, 0, sizeof *w);
	world_open(&w->base, loops);
	rpc_add_service(w->base.svr, &auth_service, &auth, w);
	rpc_add_service(w->base.svr, &sync_service, &sync_handlers, w);
	rpc_add_service(w->base.svr, &session_service, &session, w);
	assert_int_equal(access_create(w->base.svr, config, &w->access), HY_OK);
	assert_int_equal(access_listen(w->access, &any, &w->addr), 0);
	assert_int_equal(access_listen_operator(w->access, &any, &w->operator_addr), 0);
	for (unsigned i = 0; i < HY_COUNT_OF(pages); i++)
		access_add_page(w->access, &pages[i]);
	assert_int_equal(svr_start(w->base.svr), HY_OK);
}

void open_default(struct access_world *w, unsigned loops)
{
	struct access_config config = access_world_config();
	access_world_open(w, loops, &config);
}

void access_world_stop(struct access_world *w, uint64_t grace_us)
{
	access_stop(w->access, grace_us);
	w->access_stopped = true;
}

void access_world_close(struct access_world *w)
{
	__atomic_store_n(&w->release, true, __ATOMIC_RELAXED);
	if (!w->access_stopped)
		access_world_stop(w, 5000000);
	svr_stop(w->base.svr, 1000000);
	for (unsigned i = 0; i < w->access->loop_count; i++) {
		assert_int_equal(w->access->loops[i].conn_count, 0);
		assert_int_equal(w->access->loops[i].requests, 0);
		assert_int_equal(w->access->loops[i].users_online, 0);
		assert_int_equal(w->access->loops[i].websocket_count, 0);
		for (unsigned kind = 0; kind < CONN_KIND_COUNT; kind++)
			assert_int_equal(w->access->loops[i].kind_count[kind], 0);
		assert_int_equal(w->access->loops[i].anonymous_count, 0);
		assert_int_equal(w->access->loops[i].anonymous_bytes, 0);
	}
	access_destroy(w->access);
	world_close(&w->base);
	assert_int_equal(w->wrong_loop, 0);
}

static void call_hint(struct world *base, struct call *call, void *arg)
{
	Hy__LinkHintRequest request = HY__LINK_HINT_REQUEST__INIT;
	Hy__LinkHintResponse response = HY__LINK_HINT_RESPONSE__INIT;
	const uint32_t *uin_and_kinds = arg;
	request.uin = uin_and_kinds[0];
	request.kinds = uin_and_kinds[1];
	CHECK(base, link_hint(call, &request, &response) == HY_OK);
}

void world_hint(struct access_world *w, uint32_t uin)
{
	world_hint_kinds(w, uin, 0);
}

void world_hint_kinds(struct access_world *w, uint32_t uin, uint32_t kinds)
{
	uint32_t uin_and_kinds[] = {uin, kinds};
	world_run(&w->base, 0, call_hint, uin_and_kinds);
}

struct closing {
	uint32_t uin;
	const char *device, *keep_device;
	unsigned closed;
};

static void call_close(struct world *base, struct call *call, void *arg)
{
	struct closing *closing = arg;
	Hy__LinkCloseDeviceRequest request = HY__LINK_CLOSE_DEVICE_REQUEST__INIT;
	Hy__LinkCloseDeviceResponse response = HY__LINK_CLOSE_DEVICE_RESPONSE__INIT;
	request.uin = closing->uin;
	request.device = (char *)(uintptr_t)closing->device;
	request.keep_device = (char *)(uintptr_t)closing->keep_device;
	CHECK(base, link_close_device(call, &request, &response) == HY_OK);
	closing->closed = response.closed;
}

unsigned world_close_device(struct access_world *w, uint32_t uin, const char *device)
{
	struct closing closing = {uin, device, "", 0};
	world_run(&w->base, 0, call_close, &closing);
	return closing.closed;
}

unsigned world_close_others(struct access_world *w, uint32_t uin, const char *keep_device)
{
	struct closing closing = {uin, "", keep_device, 0};
	world_run(&w->base, 0, call_close, &closing);
	return closing.closed;
}

struct asking {
	uint32_t uin;
	char *text;
	size_t size;
};

static void call_online(struct world *base, struct call *call, void *arg)
{
	struct asking *asking = arg;
	Hy__LinkOnlineRequest request = HY__LINK_ONLINE_REQUEST__INIT;
	Hy__LinkOnlineResponse response = HY__LINK_ONLINE_RESPONSE__INIT;
	size_t len = 0;
	request.uin = asking->uin;
	asking->text[0] = '\0';
	CHECK(base, link_online(call, &request, &response) == HY_OK);
	for (size_t i = 0; i < response.n_devices && len < asking->size; i++)
		len += (size_t)snprintf(asking->text + len, asking->size - len, "%s ", response.devices[i]);
}

void world_online(struct access_world *w, uint32_t uin, char *text, size_t size)
{
	struct asking asking = {uin, text, size};
	world_run(&w->base, 0, call_online, &asking);
}

uint64_t world_count(const struct access_world *w, enum mon_id id)
{
	return mon_get(svr_mon(w->base.svr), id);
}

uint32_t world_uin_on(const struct access_world *w, unsigned loop, unsigned nth)
{
	for (uint32_t uin = 1;; uin++) {
		struct hy_key key = hy_key_user(uin);
		if (svr_loop_of_key(w->base.svr, &key) == loop && nth-- == 0)
			return uin;
	}
}

const uint8_t *world_ticket(uint32_t uin, unsigned device, uint8_t ticket[ACCESS_TICKET_SIZE])
{
	memset(ticket, (int)(uin % 251), ACCESS_TICKET_SIZE);
	hy_put_be32(ticket, uin);
	ticket[4] = (uint8_t)device;
	return ticket;
}

static bool await(struct access_world *w, bool (*reached)(struct access_world *w, const void *what, uint64_t least),
	const void *what, uint64_t least)
{
	uint64_t until_us = env_mono_us(w->base.env) + PATIENCE_S * 1000000ull;
	while (!reached(w, what, least)) {
		if (env_mono_us(w->base.env) > until_us)
			return false;
		env_sleep_us(w->base.env, 1000);
	}
	return true;
}

static bool value_reached(struct access_world *w, const void *what, uint64_t least)
{
	return __atomic_load_n((const unsigned *)what, __ATOMIC_RELAXED) >= least;
}

bool world_await(struct access_world *w, const unsigned *value, unsigned least)
{
	return await(w, value_reached, value, least);
}

static bool count_reached(struct access_world *w, const void *what, uint64_t least)
{
	return world_count(w, *(const enum mon_id *)what) >= least;
}

bool world_await_count(struct access_world *w, enum mon_id id, uint64_t least)
{
	return await(w, count_reached, &id, least);
}

static void nothing(struct world *base, struct call *call, void *arg) {}

void world_turn(struct access_world *w, unsigned loop)
{
	world_run(&w->base, loop, nothing, NULL);
}

unsigned world_await_rest(struct access_world *w, unsigned loop, const unsigned *value)
{
	unsigned before = 0, now;
	for (int still = 0; still < 5; still = now == before ? still + 1 : 0, before = now) {
		env_sleep_us(w->base.env, 50000);
		world_turn(w, loop);
		now = __atomic_load_n(value, __ATOMIC_RELAXED);
	}
	return before;
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

int client_open_from(struct access_world *w, const char *address)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(w->addr.port), .sin_addr.s_addr = htonl(0x7f000001)};
	struct sockaddr_in from = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = PATIENCE_S}, sizeof(struct timeval));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = PATIENCE_S}, sizeof(struct timeval));
	return fd;
}

int client_open(struct access_world *w)
{
	return client_open_from(w, "127.0.0.1");
}

void client_send(int fd, struct hy_bytes bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
		assert_true(n > 0);
		bytes = hy_bytes(bytes.data + n, bytes.len - (size_t)n);
	}
}

bool client_receive(int fd, void *p, size_t len)
{
	return recv(fd, p, len, MSG_WAITALL) == (ssize_t)len;
}

bool client_silent(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 50) == 0;
}

bool client_ended(int fd)
{
	uint8_t byte;
	ssize_t n = recv(fd, &byte, 1, 0);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

void frame_put_bytes(struct hy_buf *b, uint32_t version, uint32_t cmd, uint32_t seq, struct hy_bytes body)
{
	mars_write_head(hy_buf_reserve(b, MARS_HEAD), version, cmd, seq, (uint32_t)body.len);
	hy_buf_commit(b, MARS_HEAD);
	hy_buf_append(b, body.data, body.len);
}

void frame_put(struct hy_buf *b, uint32_t cmd, uint32_t seq, const void *message)
{
	struct hy_buf body = {0};
	pb_pack(message, &body);
	frame_put_bytes(b, MARS_VERSION, cmd, seq, hy_buf_bytes(&body));
	hy_buf_fini(&body);
}

bool frame_get(int fd, struct frame *f)
{
	uint8_t head[MARS_HEAD];
	if (!client_receive(fd, head, sizeof head) || hy_get_be32(head) != MARS_HEAD)
		return false;
	f->version = hy_get_be32(head + 4);
	f->cmd = hy_get_be32(head + 8);
	f->seq = hy_get_be32(head + 12);
	f->len = hy_get_be32(head + 16);
	return f->len <= sizeof f->body && (f->len == 0 || client_receive(fd, f->body, f->len));
}

int frame_code(const struct frame *f)
{
	Hy__HeadOnly *only = hy__head_only__unpack(NULL, f->len, f->body);
	int code = only && only->head ? (int)only->head->code : -1;
	if (only)
		hy__head_only__free_unpacked(only, NULL);
	return code;
}

static Hy__RequestHead head_with(const uint8_t *ticket)
{
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	if (ticket)
		head.ticket = (ProtobufCBinaryData){ACCESS_TICKET_SIZE, (uint8_t *)(uintptr_t)ticket};
	return head;
}

void put_register(struct hy_buf *b, uint32_t seq, const char *name)
{
	Hy__RegisterRequest request = HY__REGISTER_REQUEST__INIT;
	Hy__RequestHead head = head_with(NULL);
	request.head = &head;
	request.name = (char *)(uintptr_t)name;
	frame_put(b, 101, seq, &request);
}

void put_lookup(struct hy_buf *b, uint32_t seq, const char *name, const uint8_t *ticket)
{
	Hy__LookupRequest request = HY__LOOKUP_REQUEST__INIT;
	Hy__RequestHead head = head_with(ticket);
	request.head = &head;
	request.name = (char *)(uintptr_t)name;
	frame_put(b, 105, seq, &request);
}

void put_hold(struct hy_buf *b, uint32_t seq)
{
	uint8_t ticket[ACCESS_TICKET_SIZE];
	put_lookup(b, seq, "hold", world_ticket(42, 1, ticket));
}

void put_identify(struct hy_buf *b, const uint8_t *ticket)
{
	Hy__IdentifyRequest request = HY__IDENTIFY_REQUEST__INIT;
	Hy__RequestHead head = head_with(ticket);
	request.head = &head;
	frame_put(b, 104, MARS_SEQ_IDENTIFY, &request);
}

void put_sync(struct hy_buf *b, uint32_t seq, const char *snapshot)
{
	Hy__SyncRequest request = HY__SYNC_REQUEST__INIT;
	Hy__RequestHead head = head_with(NULL);
	request.head = &head;
	request.snapshot = (ProtobufCBinaryData){strlen(snapshot), (uint8_t *)(uintptr_t)snapshot};
	frame_put(b, 111, seq, &request);
}

void put_noop(struct hy_buf *b)
{
	frame_put_bytes(b, MARS_VERSION, MARS_CMD_NOOP, MARS_SEQ_NOOP, hy_bytes(NULL, 0));
}

void client_flush(int fd, struct hy_buf *b)
{
	client_send(fd, hy_buf_bytes(b));
	hy_buf_fini(b);
}

void client_identify(int fd, uint32_t uin, unsigned device)
{
	struct hy_buf b = {0};
	struct frame f;
	uint8_t ticket[ACCESS_TICKET_SIZE];
	put_identify(&b, world_ticket(uin, device, ticket));
	client_flush(fd, &b);
	assert_true(frame_get(fd, &f));
	assert_int_equal(f.cmd, 104);
	assert_int_equal(f.seq, MARS_SEQ_IDENTIFY);
	assert_int_equal(frame_code(&f), HY_OK);
	Hy__IdentifyResponse *response = hy__identify_response__unpack(NULL, f.len, f.body);
	assert_int_equal(response->uin, uin);
	hy__identify_response__free_unpacked(response, NULL);
}

void client_heartbeat(int fd)
{
	struct hy_buf b = {0};
	struct frame f;
	put_noop(&b);
	client_flush(fd, &b);
	assert_true(frame_get(fd, &f));
	assert_int_equal(f.cmd, MARS_CMD_NOOP);
	assert_int_equal(f.seq, MARS_SEQ_NOOP);
	assert_int_equal(f.len, 0);
}

void assert_answer(int fd, uint32_t cmd, uint32_t seq, int code)
{
	struct frame f;
	assert_true(frame_get(fd, &f));
	assert_int_equal(f.cmd, cmd);
	assert_int_equal(f.seq, seq);
	assert_int_equal(frame_code(&f), code);
}

void assert_push(int fd, Hy__SyncKind kind)
{
	struct frame f;
	assert_true(frame_get(fd, &f));
	assert_int_equal(f.cmd, MARS_CMD_PUSH);
	assert_int_equal(f.seq, MARS_SEQ_PUSH);
	Hy__PushHint *hint = hy__push_hint__unpack(NULL, f.len, f.body);
	assert_true(hint && hint->kinds == 1u << kind);
	hy__push_hint__free_unpacked(hint, NULL);
}
