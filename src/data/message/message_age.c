/* How old entries are: the first one's age, and inboxes that nobody has fetched for too long (rule R5). */
#include "base/mem.h"
#include "data/message/message_internal.h"

/** A user whose oldest entries nobody has fetched. Its loop's alone. */
struct overdue {
	struct hy_map_node node;
	uint32_t uin;
};

static struct hy_map *map_of(struct message *message, const struct call *call)
{
	return &message->overdue[svr_loop_index(call->loop)];
}

static uint64_t hash_uin(const struct message *message, uint32_t uin)
{
	return hy_hash(&uin, sizeof uin, message->seed);
}

static struct overdue *find(const struct message *message, const struct hy_map *map, uint32_t uin)
{
	for (struct hy_map_node *n = hy_map_first(map, hash_uin(message, uin)); n; n = hy_map_next(n)) {
		struct overdue *o = hy_container_of(n, struct overdue, node);
		if (o->uin == uin)
			return o;
	}
	return NULL;
}

bool message_is_overdue(struct message *message, const struct call *call, uint32_t uin)
{
	const struct hy_map *map = map_of(message, call);
	return map->count > 0 && find(message, map, uin);
}

void message_fetched(struct message *message, const struct call *call, uint32_t uin)
{
	struct hy_map *map = map_of(message, call);
	struct overdue *o = map->count > 0 ? find(message, map, uin) : NULL;

	if (!o)
		return;
	hy_map_remove(map, &o->node);
	hy_free(o);
}

int message_handle_set_overdue(void *self, struct call *call, const Hy__MessageSetOverdueRequest *request,
	Hy__MessageSetOverdueResponse *response)
{
	struct message *message = self;
	struct hy_map *map = map_of(message, call);

	if (!request->overdue) {
		message_fetched(message, call, request->uin);
		return HY_OK;
	}
	if (find(message, map, request->uin))
		return HY_OK;
	struct overdue *o = hy_zalloc(sizeof *o);
	o->uin = request->uin;
	hy_map_insert(map, &o->node, hash_uin(message, request->uin));
	call_log(call, ENV_LOG_INFO, "data",
		"nobody has fetched the messages of user %u for too long: no more are taken", request->uin);
	return HY_OK;
}

int message_oldest(struct message *message, struct call *call, const struct hy_key *key, const struct kt_head *head,
	uint64_t after, uint64_t *ret_ms)
{
	struct kt_limits limits = {.max_rows = 1};
	struct spaces_inbox inbox;
	struct kt_rows rows;

	*ret_ms = 0;
	after = HY_MAX(after, head->trimmed);
	if (after >= head->version)
		return HY_OK;
	int rc = kt_read_changes(message->kt, call, key, SPACES_INBOX, after, KT_STRONG, limits, &rows);
	if (rc == HY_OUT_OF_RANGE) /* trimmed meanwhile: what is there now is younger */
		return HY_OK;
	if (rc == HY_OK && rows.count > 0 && spaces_inbox_read(rows.rows[0].value, &inbox))
		*ret_ms = inbox.time_ms;
	return rc;
}

static bool free_one(void *arg, struct hy_map_node *n)
{
	hy_map_remove(arg, n);
	hy_free(hy_container_of(n, struct overdue, node));
	return true;
}

void message_age_fini(struct message *message)
{
	for (unsigned i = 0; i < message->loop_count; i++) {
		hy_map_each(&message->overdue[i], free_one, &message->overdue[i]);
		hy_map_fini(&message->overdue[i]);
	}
}
