/* Intents that a crash, or a failure, has left: driven again (rule R9). */
#include "base/mem.h"
#include "contact.rpc.h"
#include "logic/contacts/contacts_internal.h"

/** A user whose intents could not be settled is not tried again at every sync. */
#define PAUSE_US (10ull * 1000 * 1000)
#define DEADLINE_US (60ull * 1000 * 1000)
/** Remembered per loop; beyond that intents wait for a later sync. */
#define SETTLING_MAX 1024u
#define INTENTS_PAGE 256u

/** A user who is being settled, or was lately. Its loop's alone. */
struct settling {
	struct hy_map_node node;
	struct svr_loop *loop;
	uint32_t uin;
	uint64_t trace, again_us; /* not before; UINT64_MAX: at work */
};

/** SUSPENDS. */
static int settle_one(struct call *call, uint32_t uin, const Hy__ContactIntent *intent)
{
	env_mark(svr_env(svr_of_loop(call->loop)), "contacts: intent driven again");
	contacts_count(call, MON_contact_intents_again);
	return intent->peer == 0 ? contacts_tell_card(call, uin, intent->row_version)
				 : contacts_tell(call, uin, intent->peer);
}

/** Each is tried once; *ret_left of them stay. SUSPENDS. */
static int settle_all(struct call *call, uint32_t uin, uint32_t *ret_left)
{
	Hy__ContactIntentsRequest request = HY__CONTACT_INTENTS_REQUEST__INIT;
	Hy__ContactIntentsResponse page = HY__CONTACT_INTENTS_RESPONSE__INIT;

	*ret_left = 0;
	request.uin = uin;
	request.limit = INTENTS_PAGE;
	do {
		hy__contact_intents_response__init(&page);
		int rc = contact_intents(call, &request, &page);
		if (rc != HY_OK)
			return rc;
		for (size_t i = 0; i < page.n_intents; i++) {
			const Hy__ContactIntent *intent = page.intents[i];
			request.after = intent->peer;
			rc = settle_one(call, uin, intent);
			*ret_left += rc != HY_OK;
			if (rc == HY_DEADLINE_EXCEEDED || rc == HY_CANCELLED)
				return rc;
			if (rc != HY_OK)
				call_log(call, ENV_LOG_WARN, "contacts",
					"user %u: what user %u is to be told waits for another time: %s", uin,
					intent->peer, hy_status_name(rc));
		}
	} while (page.more && page.n_intents > 0);
	return HY_OK;
}

/* ---- in the background ------------------------------------------------------------------------------------------- */

static void settle_in_background(void *arg)
{
	struct settling *s = arg;
	struct hy_arena arena;
	struct call call = {
		.loop = s->loop,
		.arena = &arena,
		.trace = s->trace,
		.deadline_us = svr_now_us(s->loop) + DEADLINE_US,
		.priority = 5,
	};
	uint32_t left;

	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	int rc = settle_all(&call, s->uin, &left);
	if (rc != HY_OK)
		call_log(&call, ENV_LOG_WARN, "contacts", "user %u: not all contacts could be told: %s", s->uin,
			hy_status_name(rc));
	hy_arena_fini(&arena);
	s->again_us = rc != HY_OK || left > 0 ? svr_now_us(s->loop) + PAUSE_US : 0;
}

static uint64_t hash_uin(const struct contacts *contacts, uint32_t uin)
{
	return hy_hash(&uin, sizeof uin, contacts->seed);
}

static struct settling *find_settling(const struct contacts *contacts, const struct hy_map *map, uint32_t uin)
{
	for (struct hy_map_node *n = hy_map_first(map, hash_uin(contacts, uin)); n; n = hy_map_next(n)) {
		struct settling *s = hy_container_of(n, struct settling, node);
		if (s->uin == uin)
			return s;
	}
	return NULL;
}

struct prune {
	struct hy_map *map;
	uint64_t now_us;
};

static bool prune_one(void *arg, struct hy_map_node *n)
{
	struct prune *p = arg;
	struct settling *s = hy_container_of(n, struct settling, node);

	if (s->again_us <= p->now_us) {
		hy_map_remove(p->map, n);
		hy_free(s);
	}
	return true;
}

/** NULL: too many are at work. */
static struct settling *add_settling(struct contacts *contacts, struct call *call, struct hy_map *map, uint32_t uin)
{
	if (map->count >= SETTLING_MAX) {
		struct prune p = {map, svr_now_us(call->loop)};
		hy_map_each(map, prune_one, &p);
		if (map->count >= SETTLING_MAX)
			return NULL;
	}
	struct settling *s = hy_zalloc(sizeof *s);
	s->loop = call->loop;
	s->uin = uin;
	hy_map_insert(map, &s->node, hash_uin(contacts, uin));
	return s;
}

/** Starts one unless one runs, or has failed just now. */
static void start_settling(struct contacts *contacts, struct call *call, uint32_t uin)
{
	struct hy_map *map = &contacts->settling[svr_loop_index(call->loop)];
	struct settling *s = find_settling(contacts, map, uin);

	if (s && s->again_us > svr_now_us(call->loop))
		return;
	if (!s)
		s = add_settling(contacts, call, map, uin);
	if (!s)
		return;
	s->trace = call->trace;
	s->again_us = UINT64_MAX;
	co_spawn(call->loop, settle_in_background, s);
}

int contacts_handle_settle(
	void *self, struct call *call, const Hy__ContactsSettleRequest *request, Hy__ContactsSettleResponse *response)
{
	if (!request->background)
		return settle_all(call, request->uin, &response->left);
	start_settling(self, call, request->uin);
	return HY_OK;
}

void contacts_settle_fini(struct contacts *contacts)
{
	for (unsigned i = 0; i < svr_loop_count(contacts->svr); i++) {
		struct prune p = {&contacts->settling[i], UINT64_MAX};
		hy_map_each(p.map, prune_one, &p);
		hy_map_fini(p.map);
	}
}
