/* request.c - one request, from its bytes to the bytes of its answer, whichever link it came by. */
#include "access/http.h"
#include "access/link.h"
#include "auth.rpc.h"
#include "base/mem.h"
#include "base/planted.h"
#include "head.pb-c.h"
#include "session.rpc.h"
#include "svrkit/pb.h"
#include "sync.rpc.h"

#define IDLE_REQUESTS_MAX 256
#define BUSY_RETRY_MS 1000

struct request {
	struct hy_link in_idle;
	struct access_loop *home;
	struct conn *conn;
	const struct rpc_method *method;
	struct request_origin origin;
	struct conn_address *open_from; /* of an open method: whose count it is in */
	struct hy_arena arena;
	const ProtobufCMessage *message;
	const Hy__RequestHead *head;
	ProtobufCMessage *response;
	struct svr_passport who; /* once verified; lives in the arena or the connection */
	char address[CONN_PEER_TEXT_MAX];
};

static bool is_method(const struct rpc_method *m, const struct rpc_service *service, const char *name)
{
	return m->service == service && strcmp(m->name, name) == 0;
}

static bool is_identify(const struct request *r)
{
	return r->origin.format == REQUEST_MARS && is_method(r->method, &auth_service, "Auth.Identify");
}

/** Passwords and tickets do not stay in memory. Methods that need no ticket take a password, and answer with a ticket.
 */
static bool is_secret(const struct request *r)
{
	return r->method->open || !r->head || r->head->ticket.len > 0 ||
	       is_method(r->method, &auth_service, "Auth.ChangePassword");
}

static bool is_sync(const struct request *r)
{
	return is_method(r->method, &sync_service, "Sync.Sync");
}

/* ---- answering --------------------------------------------------------------------------------------------------- */

/** Field 1 of every answer is its head (W2). */
static Hy__ResponseHead **head_of(ProtobufCMessage *response)
{
	const ProtobufCFieldDescriptor *f = &response->descriptor->fields[0];
	assert(f->id == 1 && f->descriptor == &hy__response_head__descriptor);
	return (Hy__ResponseHead **)(void *)((char *)response + f->offset);
}

static void answer(struct conn *c, const struct request_origin *origin, ProtobufCMessage *response, int status,
	const char *message, uint32_t retry_after_ms, uint64_t trace, struct hy_arena *arena)
{
	if (!c->sock.loop)
		return;
	Hy__ResponseHead head = HY__RESPONSE_HEAD__INIT;
	head.code = (uint32_t)status;
	if (status != HY_OK)
		head.message = (char *)(uintptr_t)(message ? message : hy_status_text(status));
	head.retry_after_ms = retry_after_ms;
	head.trace = trace;
	head.server_ms = env_wall_ms(svr_env(c->home->access->svr));
	*head_of(response) = &head;
	if (origin->format == REQUEST_MARS)
		link_answer(c, origin, response);
	else
		http_answer(c, origin, response, arena);
}

void request_refuse(struct conn *c, const struct request_origin *origin, int status, const char *message)
{
	struct hy_arena arena;
	hy_arena_init(&arena, 64 << 10);
	Hy__HeadOnly only = HY__HEAD_ONLY__INIT;
	uint64_t trace = env_rand64(svr_env(c->home->access->svr));
	answer(c, origin, &only.base, status, message, status == HY_RESOURCE_EXHAUSTED ? BUSY_RETRY_MS : 0, trace,
		&arena);
	hy_arena_fini(&arena);
}

/* ---- who asks ---------------------------------------------------------------------------------------------------- */

static uint32_t ticket_uin(const struct request *r)
{
	const ProtobufCBinaryData *t = &r->head->ticket;
	return t->len == ACCESS_TICKET_SIZE ? hy_get_be32(t->data) : 0;
}

/** A request on a signed-in link needs no ticket; if it has one, it must be the link's own to count as the link's user.
 */
static bool link_vouches(const struct request *r)
{
	const struct conn *c = r->conn;
	const ProtobufCBinaryData *t = &r->head->ticket;
	return c->uin != 0 && (t->len == 0 || conn_has_ticket(c, t->data, t->len));
}

static int verify(struct call *call, struct request *r)
{
	Hy__SessionVerifyRequest request = HY__SESSION_VERIFY_REQUEST__INIT;
	Hy__SessionVerifyResponse response = HY__SESSION_VERIFY_RESPONSE__INIT;
	request.uin = ticket_uin(r);
	request.ticket = r->head->ticket;
	int status = session_verify(call, &request, &response);
	if (status != HY_OK)
		return status;
	r->who = (struct svr_passport){request.uin, response.device, response.name};
	call->who = r->who;
	return HY_OK;
}

/** As call->who, on that user's loop: so many at once. */
static int call_as_user(struct call *call, struct request *r)
{
	struct access_loop *l = &r->home->access->loops[svr_loop_index(call->loop)];
	struct link_user *u = link_table_request_begins(l, call->who.uin);
	if (!u) {
		ACCESS_COUNT(l, requests_refused, 1);
		return call_fail_retry(
			call, HY_RESOURCE_EXHAUSTED, BUSY_RETRY_MS, "too many of your requests are in work at once");
	}
	int status = rpc_call(call, r->method, r->message, r->response);
	link_table_request_ends(l, u);
	return status;
}

/** On the user's loop: the check and the work, so that the short link hops once. */
static int verify_and_call(struct call *call, void *arg)
{
	struct request *r = arg;
	int status = verify(call, r);
	if (status != HY_OK)
		return status;
	if (is_sync(r) && !PLANTED(lost_notify))
		link_table_sync_begins(&r->home->access->loops[svr_loop_index(call->loop)], r->who.uin, r->who.device);
	return call_as_user(call, r);
}

/** Plain bytes from another machine carry no password and no ticket unless the operator allows it (W5). */
static bool plain_forbidden(const struct request *r)
{
	const struct conn *c = r->conn;
	return !c->home->access->config.allow_plain && !c->local;
}

static int execute(struct call *call, struct request *r)
{
	struct svr *svr = r->home->access->svr;
	if (plain_forbidden(r))
		return call_fail(call, HY_FAILED_PRECONDITION,
			"this server takes no sign-in over an unencrypted connection; its operator can allow it with "
			"--allow-plain");
	if (r->method->open)
		return rpc_call(call, r->method, r->message, r->response);
	if (link_vouches(r)) {
		call->who = (struct svr_passport){r->conn->uin, r->conn->device, r->conn->name};
		return call_as_user(call, r);
	}
	uint32_t uin = ticket_uin(r);
	if (uin == 0)
		return call_fail(call, HY_UNAUTHENTICATED, "sign in first");
	struct hy_key key = hy_key_user(uin);
	return svr_hop(call, svr_loop_of_key(svr, &key), verify_and_call, r);
}

/* ---- a link says whose it is ------------------------------------------------------------------------------------- */

/**
 * On the user's own loop. Between the last look at the ticket and the entry into the table of links nothing suspends,
 * so that a revocation finds either no ticket or the link.
 */
static int identify(struct call *call, struct request *r)
{
	struct conn *c = r->conn;
	if (plain_forbidden(r))
		return call_fail(call, HY_FAILED_PRECONDITION,
			"this server takes no sign-in over an unencrypted connection; its operator can allow it with "
			"--allow-plain");
	int status = verify(call, r);
	if (status == HY_OK)
		status = rpc_call(call, r->method, r->message, r->response);
	if (status == HY_OK)
		status = verify(call, r);
	if (status != HY_OK || !c->sock.loop || c->closing)
		return status;
	conn_sign_in(c, &r->who, r->head->ticket.data);
	return HY_OK;
}

/* ---- the request's life ------------------------------------------------------------------------------------------ */

static struct request *request_take(struct access_loop *l)
{
	struct request *r = hy_list_first(&l->idle_requests, struct request, in_idle);
	if (r) {
		hy_list_remove(&r->in_idle);
		l->idle_request_count--;
		return r;
	}
	r = hy_zalloc(sizeof *r);
	hy_link_init(&r->in_idle);
	hy_arena_init(&r->arena, HY_ARENA_LIMIT_DEFAULT);
	r->home = l;
	return r;
}

static void request_put(struct request *r)
{
	struct access_loop *l = r->home;
	if (is_secret(r))
		hy_arena_wipe(&r->arena);
	else
		hy_arena_reset(&r->arena);
	r->conn = NULL;
	r->message = NULL;
	r->response = NULL;
	r->head = NULL;
	r->open_from = NULL;
	r->who = (struct svr_passport){0};
	if (l->idle_request_count >= IDLE_REQUESTS_MAX) {
		hy_arena_fini(&r->arena);
		hy_free(r);
		return;
	}
	l->idle_request_count++;
	hy_list_push_front(&l->idle_requests, &r->in_idle);
}

void request_loop_fini(struct access_loop *l)
{
	struct request *r;
	hy_list_each (r, &l->idle_requests, struct request, in_idle) {
		hy_list_remove(&r->in_idle);
		hy_arena_fini(&r->arena);
		hy_free(r);
	}
}

/** A proxy's own is nobody's: all who come by it would be one. */
static const char *address_of(struct request *r)
{
	const struct conn_peer *peer = r->conn->peer.proxy ? &r->origin.client : &r->conn->peer;
	return conn_peer_text(peer, r->address);
}

static void request_run(void *arg)
{
	struct request *r = arg;
	struct access_loop *l = r->home;
	struct conn *c = r->conn;
	struct call call = {.loop = l->loop,
		.arena = &r->arena,
		.deadline_us = svr_now_us(l->loop) + (uint64_t)r->method->deadline_ms * 1000,
		.trace = r->head->trace ? r->head->trace : env_rand64(svr_env(l->access->svr)),
		.address = address_of(r),
		.priority = r->method->priority};
	int status = is_identify(r) ? identify(&call, r) : execute(&call, r);
	if (PLANTED(lost_notify) && is_sync(r))
		link_sync_begins(c);
	c->out_secret = c->out_secret || (r->method->open && c->sock.loop);
	answer(c, &r->origin, r->response, status, call.message, call.retry_after_ms, call.trace, &r->arena);
	if (r->open_from) {
		strangers_open_ends(l, r->open_from);
		c->open_in_work = c->open_waits = false;
	}
	request_put(r);
	l->requests--;
	conn_request_done(c);
}

/** Unpacks and looks at the head. False: refused, *ret_why says why. */
static bool request_unpack(struct request *r, struct hy_bytes body, const char **ret_why)
{
	const struct rpc_method *m = r->method;
	*ret_why = "the request's bytes are malformed";
	r->message = r->origin.format == REQUEST_HTTP_JSON ? pb_from_json(m->request, body, &r->arena, ret_why)
							   : pb_unpack(m->request, body, &r->arena);
	r->response = hy_arena_alloc(&r->arena, m->response->sizeof_message);
	if (!r->message || !r->response)
		return false;
	protobuf_c_message_init(m->response, r->response);
	const ProtobufCFieldDescriptor *f = &m->request->fields[0];
	assert(f->id == 1 && f->descriptor == &hy__request_head__descriptor);
	r->head = *(Hy__RequestHead *const *)(const void *)((const char *)r->message + f->offset);
	*ret_why = "field 1, the head (JSON: \"head\"), is missing";
	return r->head != NULL;
}

/** A link identifies itself alone and on its user's loop: true when it must go there, or wait for other requests,
 * first. */
static bool identify_elsewhere(struct conn *c, const struct request *r)
{
	struct hy_key key = hy_key_user(ticket_uin(r));
	unsigned loop = svr_loop_of_key(c->home->access->svr, &key);
	if (c->requests > 0) {
		c->paused = true; /* until the last of them has ended */
		return true;
	}
	/* Whoever it was until now: its table of links stays behind, and a link that is in none would outlive its
	 * ticket. */
	if (c->uin != 0 && c->uin != ticket_uin(r))
		conn_sign_out(c);
	if (ticket_uin(r) == 0 || loop == c->home->index)
		return false;
	c->move_to = (uint8_t)loop;
	return true;
}

static void refuse_busy(struct conn *c, const struct request_origin *origin)
{
	ACCESS_COUNT(c->home, requests_refused, 1);
	request_refuse(c, origin, HY_RESOURCE_EXHAUSTED, "the server is busy");
}

/** An open method's is counted for its address. False: too many are. */
static bool open_begins(struct request *r)
{
	if (!r->method->open)
		return true;
	const struct conn_peer *client = &r->origin.client;
	r->open_from = strangers_open_begins(r->home, client->family ? client : &r->conn->peer);
	r->conn->open_in_work = r->open_from != NULL;
	return r->open_from != NULL;
}

static bool request_take_in(
	struct conn *c, const struct rpc_method *method, const struct request_origin *origin, struct hy_bytes body)
{
	struct access_loop *l = c->home;
	if (!method) {
		request_refuse(c, origin, HY_UNIMPLEMENTED, "no such method");
		return true;
	}
	if (body.len > method->body_limit * (origin->format == REQUEST_HTTP_JSON ? 4u : 1u)) {
		request_refuse(c, origin, HY_INVALID_ARGUMENT, "the request is too long");
		return true;
	}
	if (l->requests >= l->access->config.limits.requests_max) {
		refuse_busy(c, origin);
		return true;
	}
	if (method->open && c->open_in_work) {
		c->open_waits = true;
		return false;
	}
	struct request *r = request_take(l);
	const char *why;
	r->conn = c;
	r->method = method;
	r->origin = *origin;
	if (!request_unpack(r, body, &why)) {
		request_refuse(c, origin, HY_INVALID_ARGUMENT, why);
		request_put(r);
		return true;
	}
	if (is_identify(r) && identify_elsewhere(c, r)) {
		request_put(r);
		return false;
	}
	if (!open_begins(r)) {
		refuse_busy(c, origin);
		request_put(r);
		return true;
	}
	if (is_sync(r) && !PLANTED(lost_notify))
		link_sync_begins(c); /* before the sync reads (R6) */
	c->paused = is_identify(r);
	c->requests++;
	l->requests++;
	co_spawn(l->loop, request_run, r);
	return true;
}

bool request_start(
	struct conn *c, const struct rpc_method *method, const struct request_origin *origin, struct hy_bytes body)
{
	if (!request_take_in(c, method, origin, body))
		return false;
	if (body.len > 0) /* whatever it is: a ticket may be in any */
		explicit_bzero((uint8_t *)(uintptr_t)body.data, body.len);
	return true;
}
