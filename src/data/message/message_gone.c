/* The end of an account: its inbox is emptied, and stays empty. */
#include "base/mem.h"
#include "data/message/message_internal.h"

/** Longer than any request is in work: later ones are stopped by the ticket, and others' by the contact's row. */
#define GONE_MS (3600ull * 1000)

/** A user whose inbox was erased. Its loop's alone. */
struct gone {
	struct hy_map_node node;
	struct hy_link link; /* oldest first */
	uint32_t uin;
	uint64_t at_ms;
};

static uint64_t hash_uin(const struct message *message, uint32_t uin)
{
	return hy_hash(&uin, sizeof uin, message->seed);
}

static struct gone *find(const struct message *message, const struct message_gone *table, uint32_t uin)
{
	for (struct hy_map_node *n = hy_map_first(&table->map, hash_uin(message, uin)); n; n = hy_map_next(n)) {
		struct gone *g = hy_container_of(n, struct gone, node);
		if (g->uin == uin)
			return g;
	}
	return NULL;
}

bool message_is_gone(struct message *message, const struct call *call, uint32_t uin)
{
	const struct message_gone *table = &message->gone[svr_loop_index(call->loop)];
	return table->map.count > 0 && find(message, table, uin);
}

static void forget_first(struct message_gone *table, uint64_t before_ms)
{
	struct gone *g = hy_list_first(&table->oldest, struct gone, link);

	while (g && g->at_ms < before_ms) {
		hy_list_remove(&g->link);
		hy_map_remove(&table->map, &g->node);
		hy_free(g);
		g = hy_list_first(&table->oldest, struct gone, link);
	}
}

static void note(struct message *message, const struct call *call, uint32_t uin)
{
	struct message_gone *table = &message->gone[svr_loop_index(call->loop)];
	uint64_t now_ms = svr_now_us(call->loop) / 1000;

	forget_first(table, now_ms > GONE_MS ? now_ms - GONE_MS : 0);
	struct gone *g = find(message, table, uin);
	if (g) {
		hy_list_remove(&g->link);
	} else {
		g = hy_zalloc(sizeof *g);
		hy_link_init(&g->link);
		g->uin = uin;
		hy_map_insert(&table->map, &g->node, hash_uin(message, uin));
	}
	g->at_ms = now_ms;
	hy_list_push_back(&table->oldest, &g->link);
}

/** Nothing is appended any more from here; what is on its way is judged before the trim. */
int message_handle_erase(
	void *self, struct call *call, const Hy__MessageEraseRequest *request, Hy__MessageEraseResponse *response)
{
	struct message *message = self;
	struct hy_key key = hy_key_user(request->uin);
	struct kt_op op = {.kind = KT_TRIM, .space = SPACES_INBOX, .version = UINT64_MAX, .reserve = true};
	struct kt_result result;

	message_fetched(message, call, request->uin);
	note(message, call, request->uin);
	return kt_write(message->kt, call, &key, &op, 1, &result);
}

void message_gone_init(struct message *message)
{
	for (unsigned i = 0; i < message->loop_count; i++) {
		hy_map_init(&message->gone[i].map);
		hy_link_init(&message->gone[i].oldest);
	}
}

void message_gone_fini(struct message *message)
{
	for (unsigned i = 0; i < message->loop_count; i++) {
		forget_first(&message->gone[i], UINT64_MAX);
		hy_map_fini(&message->gone[i].map);
	}
}
