#include "logic/delivery/delivery.h"

#include "base/map.h"
#include "base/mem.h"
#include "contact.rpc.h"
#include "delivery.rpc.h"
#include "link.rpc.h"
#include "logic/delivery/line.h"
#include "message.rpc.h"
#include "session.rpc.h"

/** An inbox that could not be relieved is not tried again at every message. */
#define RELIEF_PAUSE_US (10ull * 1000 * 1000)
/** Reliefs remembered per loop; beyond that messages near a bound are just stored. */
#define RELIEFS_MAX 1024u

struct delivery {
	struct svr *svr;
	uint64_t seed;
	struct hy_map reliefs[SVR_LOOPS_MAX]; /* of struct relief */
	struct lines lines[SVR_LOOPS_MAX];
};

/** A user whose inbox is being relieved, or was lately. Its loop's alone. */
struct relief {
	struct hy_map_node node;
	struct svr_loop *loop;
	uint32_t uin;
	uint64_t trace, again_us; /* not before; UINT64_MAX: at work */
};

static uint64_t hash_uin(const struct delivery *delivery, uint32_t uin)
{
	return hy_hash(&uin, sizeof uin, delivery->seed);
}

static struct relief *find_relief(struct delivery *delivery, struct hy_map *map, uint32_t uin)
{
	for (struct hy_map_node *n = hy_map_first(map, hash_uin(delivery, uin)); n; n = hy_map_next(n)) {
		struct relief *r = hy_container_of(n, struct relief, node);
		if (r->uin == uin)
			return r;
	}
	return NULL;
}

static int relieve(struct call *call, uint32_t uin)
{
	Hy__SessionRelieveRequest request = HY__SESSION_RELIEVE_REQUEST__INIT;
	Hy__SessionRelieveResponse response = HY__SESSION_RELIEVE_RESPONSE__INIT;

	request.uin = uin;
	return session_relieve(call, &request, &response);
}

static void relieve_in_background(void *arg)
{
	struct relief *r = arg;
	struct hy_arena arena;
	struct call call = {
		.loop = r->loop,
		.arena = &arena,
		.trace = r->trace,
		.deadline_us = svr_now_us(r->loop) + SVR_DEADLINE_DEFAULT_MS * 1000ull,
		.priority = 7,
	};

	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	int rc = relieve(&call, r->uin);
	if (rc != HY_OK)
		call_log(&call, ENV_LOG_WARN, "delivery", "the inbox of user %u could not be relieved: %s", r->uin,
			hy_status_name(rc));
	hy_arena_fini(&arena);
	r->again_us = svr_now_us(r->loop) + RELIEF_PAUSE_US;
}

struct prune {
	struct hy_map *map;
	uint64_t now_us;
};

static bool prune_one(void *arg, struct hy_map_node *n)
{
	struct prune *p = arg;
	struct relief *r = hy_container_of(n, struct relief, node);

	if (r->again_us <= p->now_us) {
		hy_map_remove(p->map, n);
		hy_free(r);
	}
	return true;
}

/** Starts one unless one runs or has just run. */
static void start_relief(struct delivery *delivery, struct call *call, uint32_t uin)
{
	struct hy_map *map = &delivery->reliefs[svr_loop_index(call->loop)];
	uint64_t now_us = svr_now_us(call->loop);
	struct relief *r = find_relief(delivery, map, uin);

	if (r && r->again_us > now_us)
		return;
	if (!r) {
		if (map->count >= RELIEFS_MAX) {
			struct prune p = {map, now_us};
			hy_map_each(map, prune_one, &p);
			if (map->count >= RELIEFS_MAX)
				return;
		}
		r = hy_zalloc(sizeof *r);
		r->loop = call->loop;
		r->uin = uin;
		hy_map_insert(map, &r->node, hash_uin(delivery, uin));
	}
	r->trace = call->trace;
	r->again_us = UINT64_MAX;
	co_spawn(call->loop, relieve_in_background, r);
}

static void hint(struct call *call, uint32_t uin)
{
	Hy__LinkHintRequest request = HY__LINK_HINT_REQUEST__INIT;
	Hy__LinkHintResponse response = HY__LINK_HINT_RESPONSE__INIT;

	request.uin = uin;
	int rc = link_hint(call, &request, &response);
	if (rc != HY_OK) /* a hint may be lost (R6) */
		call_log(call, ENV_LOG_DEBUG, "delivery", "user %u was not hinted at: %s", uin, hy_status_name(rc));
}

/** Says nothing into the refusal. */
static void hint_full(struct call *call, uint32_t uin)
{
	struct call own = *call;

	hint(&own, uin);
}

/**
 * Only if the recipient lets the sender, as the recipient's row says just before (rule R1); a repeat of what was let in
 * earlier is answered as ever. Nothing waits between the two but the key's gate, which keeps their order. SUSPENDS.
 */
static int append_permitted(
	struct call *call, const Hy__MessageAppendRequest *request, Hy__MessageAppendResponse *appended)
{
	Hy__ContactPermitRequest ask = HY__CONTACT_PERMIT_REQUEST__INIT;
	Hy__ContactPermitResponse answer = HY__CONTACT_PERMIT_RESPONSE__INIT;
	Hy__MessageAppendRequest append = *request;

	if (!request->own) {
		ask.uin = request->uin;
		ask.from = request->sender;
		int rc = contact_permit(call, &ask, &answer);
		if (rc != HY_OK)
			return rc;
		append.only_repeat = !answer.allowed;
	}
	int rc = message_append(call, &append, appended);
	if (rc == HY_PERMISSION_DENIED)
		call_count(call, MON_messages_not_permitted, 1);
	return rc;
}

static bool is_full(int rc, const Hy__MessageAppendResponse *appended)
{
	return rc == HY_RESOURCE_EXHAUSTED && appended->nearly_full;
}

/**
 * It has the turn, and the inbox was full when it was at `version`. It gets in only if nobody who came later did in the
 * meantime. Own copies get in anyhow: they may not be refused, and nobody relies on their order. SUSPENDS.
 */
static int append_in_turn(struct call *call, const Hy__MessageAppendRequest *request, struct line_place *place,
	uint64_t version, Hy__MessageAppendResponse *appended)
{
	Hy__MessageAppendRequest append = *request;
	struct line *line = place->line;

	version = HY_MAX(version, line->version);
	append.make_room = true;
	append.expected_version = request->own ? 0 : version;
	int rc = relieve(call, append.uin);
	if (rc == HY_OK && !request->own && place->number < line->got_in)
		return HY_ABORTED;
	if (rc == HY_OK)
		rc = append_permitted(call, &append, appended);
	if (rc == HY_OK && appended->version == version + 1) {
		line->version = appended->version;
		line->got_in = HY_MAX(line->got_in, place->number);
	}
	return rc;
}

/** The inbox is full: room is made, and it is tried once more. SUSPENDS. */
static int append_again(struct lines *lines, struct call *call, const Hy__MessageAppendRequest *request,
	struct line_place *place, Hy__MessageAppendResponse *appended)
{
	uint64_t version = appended->version;

	int rc = line_join(lines, call, request->uin, place);
	if (rc != HY_OK)
		return rc;
	call->message = NULL;
	call->retry_after_ms = 0;
	hy__message_append_response__init(appended);
	rc = append_in_turn(call, request, place, version, appended);
	line_leave(place);
	if (rc == HY_ABORTED)
		return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 1000, "the recipient's inbox is full");
	return rc;
}

/** Whoever comes later is judged later (R7). SUSPENDS. */
static int append_in_order(struct delivery *delivery, struct call *call, const Hy__MessageAppendRequest *request,
	Hy__MessageAppendResponse *appended)
{
	struct lines *lines = &delivery->lines[svr_loop_index(call->loop)];
	struct line_place place;

	line_come(lines, &place);
	if (line_is_there(lines, request->uin)) {
		int rc = line_join(lines, call, request->uin, &place);
		if (rc != HY_OK)
			return rc;
		line_leave(&place); /* the next one runs when this one waits: for its write */
	}
	int rc = append_permitted(call, request, appended);
	return is_full(rc, appended) ? append_again(lines, call, request, &place, appended) : rc;
}

static int deliver(void *self, struct call *call, const Hy__DeliverRequest *request, Hy__DeliverResponse *response)
{
	struct delivery *delivery = self;
	Hy__MessageAppendRequest append;
	Hy__MessageAppendResponse appended = HY__MESSAGE_APPEND_RESPONSE__INIT;

	if (!request->append)
		return call_fail(call, HY_INVALID_ARGUMENT, "there is no message");
	append = *request->append;
	append.uin = request->uin;
	int rc = append_in_order(delivery, call, &append, &appended);
	/* devices that have fetched all bring that only with their next sync: it would make room for those who come
	 * later */
	if (is_full(rc, &appended))
		hint_full(call, request->uin);
	if (rc != HY_OK)
		return rc;
	response->version = appended.version;
	response->repeated_send = appended.repeated_send;
	/* also for a repeat: the first attempt may have ended just before its hint */
	hint(call, request->uin);
	if (appended.nearly_full)
		start_relief(delivery, call, request->uin);
	return HY_OK;
}

static const struct delivery_handlers handlers = {.deliver = deliver};

int delivery_create(struct svr *svr, struct delivery **ret_delivery)
{
	struct delivery *delivery = hy_zalloc(sizeof *delivery);

	delivery->svr = svr;
	delivery->seed = env_rand64(svr_env(svr));
	for (unsigned i = 0; i < svr_loop_count(svr); i++) {
		hy_map_init(&delivery->reliefs[i]);
		lines_init(&delivery->lines[i], delivery->seed);
	}
	rpc_add_service(svr, &delivery_service, &handlers, delivery);
	*ret_delivery = delivery;
	return HY_OK;
}

void delivery_destroy(struct delivery *delivery)
{
	if (!delivery)
		return;
	for (unsigned i = 0; i < svr_loop_count(delivery->svr); i++) {
		struct prune p = {&delivery->reliefs[i], UINT64_MAX};
		hy_map_each(p.map, prune_one, &p);
		hy_map_fini(p.map);
		lines_fini(&delivery->lines[i]);
	}
	hy_free(delivery);
}
