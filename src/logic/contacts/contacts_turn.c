#include "logic/contacts/contacts_turn.h"

#include "base/mem.h"

#define WAITING_MAX 256u

struct turn {
	struct hy_map_node node;
	struct turns *turns;
	struct hy_link waiting; /* of struct turn_place, who came first is first */
	uint32_t uin, peer;
	unsigned count; /* of those who wait */
};

static uint64_t hash_pair(const struct turns *turns, uint32_t uin, uint32_t peer)
{
	const uint32_t pair[] = {uin, peer};
	return hy_hash(pair, sizeof pair, turns->seed);
}

void turns_init(struct turns *turns, uint64_t seed)
{
	hy_map_init(&turns->map);
	turns->seed = seed;
}

void turns_fini(struct turns *turns)
{
	assert(turns->map.count == 0);
	hy_map_fini(&turns->map);
}

static struct turn *find(const struct turns *turns, uint32_t uin, uint32_t peer)
{
	for (struct hy_map_node *n = hy_map_first(&turns->map, hash_pair(turns, uin, peer)); n; n = hy_map_next(n)) {
		struct turn *turn = hy_container_of(n, struct turn, node);
		if (turn->uin == uin && turn->peer == peer)
			return turn;
	}
	return NULL;
}

static struct turn *begin(struct turns *turns, uint32_t uin, uint32_t peer)
{
	struct turn *turn = hy_zalloc(sizeof *turn);

	turn->turns = turns;
	turn->uin = uin;
	turn->peer = peer;
	hy_link_init(&turn->waiting);
	hy_map_insert(&turns->map, &turn->node, hash_pair(turns, uin, peer));
	return turn;
}

int turn_take(struct turns *turns, struct call *call, uint32_t uin, uint32_t peer, struct turn_place *place)
{
	struct turn *turn = find(turns, uin, peer);

	if (!turn) {
		place->turn = begin(turns, uin, peer);
		return HY_OK;
	}
	if (turn->count >= WAITING_MAX)
		return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 1000, "too many changes of one contact at once");
	place->turn = NULL;
	hy_link_init(&place->link);
	co_wait_init(&place->wait, call->loop);
	hy_list_push_back(&turn->waiting, &place->link);
	turn->count++;
	int rc = co_wait(&place->wait, call->deadline_us);
	if (rc == HY_OK)
		return HY_OK;
	if (place->turn) { /* it got the turn and lost its patience at once */
		turn_leave(place);
	} else {
		hy_list_remove(&place->link);
		turn->count--;
	}
	return rc;
}

void turn_leave(struct turn_place *place)
{
	struct turn *turn = place->turn;

	if (!turn)
		return;
	place->turn = NULL;
	struct turn_place *next = hy_list_first(&turn->waiting, struct turn_place, link);
	if (!next) {
		hy_map_remove(&turn->turns->map, &turn->node);
		hy_free(turn);
		return;
	}
	hy_list_remove(&next->link);
	turn->count--;
	next->turn = turn;
	co_wake(&next->wait, HY_OK);
}
