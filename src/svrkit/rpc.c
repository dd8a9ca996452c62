/* Services, their methods, and the one function that calls them wherever they are. */
#include <sys/socket.h>

#include "base/mem.h"
#include "svrkit/rpc_impl.h"

#define LOG_LINES_PER_SECOND 50

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static void on_loop_stop(struct svr_turn_hook *hook)
{
	struct rpc_loop *rl = hy_container_of(hook, struct rpc_loop, stop_hook);

	rpc_client_close(rl->client);
	rpc_server_close(rl->server);
}

struct rpc *rpc_create(struct svr *svr)
{
	struct rpc *rpc = hy_zalloc(sizeof(*rpc));

	rpc->svr = svr;
	hy_map_init(&rpc->by_cmd);
	hy_map_init(&rpc->by_path);
	for (unsigned i = 0; i < svr->loop_count; i++) {
		struct rpc_loop *rl = hy_zalloc(sizeof(*rl));

		rl->loop = &svr->loops[i];
		rl->rpc = rpc;
		rl->loop->rpc = rl;
		rl->server = rpc_server_create(rl);
		rl->client = rpc_client_create(rl);
		rl->stop_hook.fn = on_loop_stop;
		svr_loop_on_stop(rl->loop, &rl->stop_hook);
	}
	return rpc;
}

void rpc_destroy(struct rpc *rpc)
{
	for (unsigned i = 0; i < rpc->svr->loop_count; i++) {
		struct rpc_loop *rl = rpc->svr->loops[i].rpc;

		rpc_server_destroy(rl->server);
		rpc_client_destroy(rl->client);
		hy_free(rl);
	}
	for (unsigned i = 0; i < rpc->listener_count; i++)
		env_listener_close(rpc->listeners[i]);
	hy_map_fini(&rpc->by_cmd);
	hy_map_fini(&rpc->by_path);
	while (rpc->faces) {
		struct rpc_face *face = rpc->faces;

		rpc->faces = face->next;
		hy_free(face);
	}
	hy_free(rpc);
}

void rpc_start(struct rpc *rpc)
{
	rpc->started = true;
}

void rpc_loop_stopping(struct svr_loop *loop)
{
	rpc_server_stopping(loop->rpc->server);
}

/** In the order of RPC_SLOT_...; the first of them. */
static unsigned define_counters(struct mon *mon, const struct rpc_method *method, bool remote)
{
	const char *name = method->name;
	unsigned slot = mon_define(mon, remote ? "rpc_out_calls" : "rpc_calls", name,
		remote ? "calls made to another process, by method" : "calls served, by method", MON_KIND_COUNTER, 1);
	mon_define(mon, remote ? "rpc_out_errors" : "rpc_errors", name,
		remote ? "those that failed, by status" : "calls served that failed, by method and status",
		MON_KIND_STATUSES, HY_STATUS_COUNT);
	mon_define(mon, remote ? "rpc_out_latency" : "rpc_latency", name,
		remote ? "how long a call to another process took" : "how long a call took, from handler to answer",
		MON_KIND_HISTOGRAM, RPC_LATENCY_SLOTS);
	return slot;
}

static struct rpc_entry *add_entry(struct svr *svr, const struct rpc_service *service, bool remote)
{
	struct rpc *rpc = svr->rpc;

	assert(!rpc->started && service->id >= 1 && service->id <= RPC_SERVICE_ID_MAX);
	struct rpc_entry *entry = &rpc->entries[service->id];
	assert(!entry->service);
	entry->service = service;
	for (unsigned i = 0; i < service->method_count; i++) {
		const struct rpc_method *method = &service->methods[i];
		unsigned slot = define_counters(svr->mon, method, remote);

		if (i == 0)
			entry->slot = slot;
		assert(slot == entry->slot + i * RPC_SLOTS);
		if (!method->cmd)
			continue;
		struct rpc_face *face = hy_zalloc(sizeof(*face));
		face->method = method;
		face->next = rpc->faces;
		rpc->faces = face;
		hy_map_insert(&rpc->by_cmd, &face->by_cmd, hy_hash(&method->cmd, sizeof(method->cmd), 0));
		if (method->path)
			hy_map_insert(&rpc->by_path, &face->by_path, hy_hash(method->path, strlen(method->path), 0));
	}
	return entry;
}

void rpc_add_service(struct svr *svr, const struct rpc_service *service, const void *handlers, void *self)
{
	struct rpc_entry *entry = add_entry(svr, service, false);

	entry->handlers = handlers;
	entry->self = self;
}

static bool same_addr(const struct env_addr *a, const struct env_addr *b)
{
	char text_a[128], text_b[128];

	return strcmp(env_addr_text(a, text_a, sizeof(text_a)), env_addr_text(b, text_b, sizeof(text_b))) == 0;
}

void rpc_add_remote(struct svr *svr, const struct rpc_service *service, const struct env_addr *addr)
{
	struct rpc *rpc = svr->rpc;
	unsigned i = 0;

	/* Services at one address share its connections. */
	while (i < rpc->remote_count && !same_addr(&rpc->remotes[i].addr, addr))
		i++;
	if (i == rpc->remote_count) {
		assert(i < RPC_REMOTES_MAX);
		rpc->remotes[i] = (struct rpc_remote){.index = i, .addr = *addr};
		rpc->remote_count++;
	}
	add_entry(svr, service, true)->remote = &rpc->remotes[i];
}

const struct rpc_method *rpc_method_by_cmd(const struct svr *svr, uint32_t cmd)
{
	uint64_t hash = hy_hash(&cmd, sizeof(cmd), 0);

	for (struct hy_map_node *n = hy_map_first(&svr->rpc->by_cmd, hash); n; n = hy_map_next(n)) {
		const struct rpc_method *method = hy_container_of(n, struct rpc_face, by_cmd)->method;

		if (method->cmd == cmd)
			return method;
	}
	return NULL;
}

const struct rpc_method *rpc_method_by_path(const struct svr *svr, const char *path, size_t len)
{
	uint64_t hash = hy_hash(path, len, 0);

	for (struct hy_map_node *n = hy_map_first(&svr->rpc->by_path, hash); n; n = hy_map_next(n)) {
		const struct rpc_method *method = hy_container_of(n, struct rpc_face, by_path)->method;

		if (hy_bytes_equal(hy_bytes_str(method->path), hy_bytes(path, len)))
			return method;
	}
	return NULL;
}

int rpc_listen(struct svr *svr, const struct env_addr *addr)
{
	if (!env_addr_is_loopback(addr) && addr->family != AF_UNIX)
		return HY_INVALID_ARGUMENT;
	return rpc_server_listen(svr, addr);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/** Which loop serves this request. */
static int route(struct call *call, const struct rpc_method *method, const void *request, unsigned *ret_loop)
{
	const char *field = (const char *)request + method->route_offset;
	struct hy_key key;

	*ret_loop = call->loop->index;
	switch ((enum rpc_route)method->route) {
	case RPC_ROUTE_ANY:
		return HY_OK;
	case RPC_ROUTE_USER:
		key = hy_key_user(*(const uint32_t *)(const void *)field);
		break;
	case RPC_ROUTE_SELF:
		if (!call->who.uin)
			return call_fail(call, HY_UNAUTHENTICATED, "%s needs somebody who is signed in", method->name);
		key = hy_key_user(call->who.uin);
		break;
	case RPC_ROUTE_NAME: {
		const char *name = *(char *const *)(const void *)field;
		size_t len = strnlen(name, HY_KEY_MAX);

		if (len > HY_KEY_MAX - 1)
			return call_fail(call, HY_INVALID_ARGUMENT, "a name has at most %d bytes", HY_KEY_MAX - 1);
		key = hy_key_name(name, len);
		break;
	}
	default:
		return call_fail(call, HY_INTERNAL, "%s has no valid route", method->name);
	}
	*ret_loop = svr_loop_of_key(call->loop->svr, &key);
	return HY_OK;
}

struct serving {
	const struct rpc_entry *entry;
	const struct rpc_method *method;
	const void *request;
	void *response;
};

/**
 * To read the clock costs more than to count: a call begins where the one before it, of the same coroutine and since it
 * last waited, has ended or begun.
 */
static uint64_t clock_at_begin(struct svr_loop *loop)
{
	if (!loop->co.clock_us || !loop->co.running)
		loop->co.clock_us = env_mono_us(loop->svr->env);
	return loop->co.clock_us;
}

static uint64_t clock_at_end(struct svr_loop *loop)
{
	return loop->co.clock_us = env_mono_us(loop->svr->env);
}

static int run_handler(struct call *call, void *arg)
{
	const struct serving *s = arg;
	uint64_t begin = clock_at_begin(call->loop);
	int status = s->method->invoke(s->entry->handlers, s->entry->self, call, s->request, s->response);
	uint64_t end = clock_at_end(call->loop);

	rpc_count(s->entry, s->method, call->loop, status, end - begin);
	if (status != HY_OK)
		rpc_log_failure(call, s->method, "served here", status);
	return status;
}

/** The caller's time or the method's, whichever is shorter. */
static void bound_deadline(struct call *call, const struct rpc_method *method)
{
	uint64_t latest_us = svr_now_us(call->loop) + method->deadline_ms * 1000ull;

	call->deadline_us = HY_MIN(call->deadline_us, latest_us);
}

int rpc_serve(struct call *call, const struct rpc_entry *entry, const struct rpc_method *method, const void *request,
	void *response)
{
	struct serving serving = {entry, method, request, response};
	unsigned loop;
	int status = route(call, method, request, &loop);

	if (status != HY_OK)
		return status;
	bound_deadline(call, method);
	if (svr_now_us(call->loop) >= call->deadline_us)
		return HY_DEADLINE_EXCEEDED;
	return loop == call->loop->index ? run_handler(call, &serving) : svr_hop(call, loop, run_handler, &serving);
}

static int call_remote(struct call *call, const struct rpc_entry *entry, const struct rpc_method *method,
	const void *request, void *response)
{
	struct env *env = call->loop->svr->env;
	bound_deadline(call, method);
	uint64_t begin = env_mono_us(env);
	int status = rpc_client_call(call, entry->remote, method, request, response);
	uint64_t end = env_mono_us(env);

	rpc_count(entry, method, call->loop, status, end - begin);
	if (status != HY_OK)
		rpc_log_failure(call, method, "called from here", status);
	return status;
}

/** What is the callee's or the way's trouble, not the request's. */
static bool is_outage(int status)
{
	return status == HY_UNAVAILABLE || status == HY_DEADLINE_EXCEEDED || status == HY_RESOURCE_EXHAUSTED ||
	       status == HY_UNIMPLEMENTED || status == HY_INTERNAL;
}

int rpc_call(struct call *call, const struct rpc_method *method, const void *request, void *response)
{
	const struct rpc_entry *entry = &call->loop->svr->rpc->entries[method->service->id];
	struct call sub = *call;
	int status;

	sub.message = NULL;
	sub.retry_after_ms = 0;
	if (!entry->service)
		status = call_fail(&sub, HY_UNIMPLEMENTED, "no service %s is reached from here", method->service->name);
	else if (entry->remote)
		status = call_remote(&sub, entry, method, request, response);
	else
		status = rpc_serve(&sub, entry, method, request, response);
	if (status != HY_OK && method->on_failure != 0 && is_outage(status) &&
		call->deadline_us > svr_now_us(call->loop)) {
		/* The method says that its callers go on without it. */
		protobuf_c_message_init(method->response, response);
		return HY_OK;
	}
	call->message = sub.message;
	call->retry_after_ms = sub.retry_after_ms;
	return status;
}

/* ---- counters and log lines -------------------------------------------------------------------------------------- */

void rpc_count(
	const struct rpc_entry *entry, const struct rpc_method *method, struct svr_loop *loop, int status, uint64_t us)
{
	uint64_t *slots = mon_slot(loop->svr->mon, loop->index, entry->slot + method->index * RPC_SLOTS);
	uint64_t *latency = slots + RPC_SLOT_LATENCY;

	mon_slot_add(&slots[RPC_SLOT_CALLS], 1);
	mon_slot_add(&latency[mon_bucket(us, RPC_LATENCY_SLOTS)], 1);
	mon_slot_add(&latency[RPC_LATENCY_SLOTS - 1], us);
	if (status != HY_OK)
		mon_slot_add(
			&slots[RPC_SLOT_ERRORS + (status > 0 && status < HY_STATUS_COUNT ? status : HY_UNKNOWN)], 1);
}

static void sum_up(const struct svr *svr, uint64_t *sums, unsigned slot, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		sums[i] = mon_get_slot(svr->mon, slot + i);
}

void rpc_stats_each(const struct svr *svr, void (*fn)(void *arg, const struct rpc_stats *stats), void *arg)
{
	for (unsigned id = 0; id <= RPC_SERVICE_ID_MAX; id++) {
		const struct rpc_entry *entry = &svr->rpc->entries[id];
		unsigned methods = entry->service ? entry->service->method_count : 0;

		for (unsigned m = 0; m < methods; m++) {
			struct rpc_stats stats = {.method = &entry->service->methods[m], .remote = entry->remote};
			unsigned slot = entry->slot + m * RPC_SLOTS;

			sum_up(svr, &stats.calls, slot + RPC_SLOT_CALLS, 1);
			sum_up(svr, stats.errors, slot + RPC_SLOT_ERRORS, HY_STATUS_COUNT);
			sum_up(svr, stats.latency, slot + RPC_SLOT_LATENCY, RPC_LATENCY_BUCKETS);
			fn(arg, &stats);
		}
	}
}

static bool is_trouble(int status)
{
	return status == HY_UNAVAILABLE || status == HY_DEADLINE_EXCEEDED || status == HY_INTERNAL ||
	       status == HY_UNKNOWN || status == HY_DATA_LOSS;
}

void rpc_log_failure(struct call *call, const struct rpc_method *method, const char *where, int status)
{
	struct rpc_loop *rl = call->loop->rpc;
	uint64_t now = svr_now_us(call->loop);

	if (now - rl->log_since_us >= 1000000) {
		rl->log_since_us = now;
		rl->log_lines = 0;
	}
	if (rl->log_lines == LOG_LINES_PER_SECOND)
		return;
	rl->log_lines++;
	call_log(call, is_trouble(status) ? ENV_LOG_WARN : ENV_LOG_DEBUG, "svrkit", "%s, %s: %s: %s", method->name,
		where, hy_status_name(status), call->message ? call->message : hy_status_text(status));
}

struct hy_bytes rpc_head_text(const char *text, size_t max)
{
	return text ? hy_bytes(text, strnlen(text, max)) : hy_bytes(NULL, 0);
}
