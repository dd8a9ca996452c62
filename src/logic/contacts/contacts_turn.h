/**
 * contacts_turn.h - whose turn it is to change what a user has of a peer (rule R7).
 *
 * Before a change is written the peer's loop may have to be asked, and that takes as long as it takes: a later request
 * would pass. So the changes of one user about one peer have turns, in the order in which they came to the user's loop.
 *
 * Threads: one table per loop, its loop's alone. Whoever has a turn or waits for one is a request in work, so there is
 * never more here than of those.
 */
#ifndef LOGIC_CONTACTS_TURN_H
#define LOGIC_CONTACTS_TURN_H

#include "base/map.h"
#include "svrkit/svr.h"

struct turns {
	struct hy_map map; /* of struct turn: pairs with somebody at work */
	uint64_t seed;
};

/** On the stack of whoever comes. All 0: not come yet. */
struct turn_place {
	struct hy_link link;
	struct co_wait wait;
	struct turn *turn; /* not NULL: it has the turn */
};

void turns_init(struct turns *turns, uint64_t seed);
/** When nobody is at work any more. */
void turns_fini(struct turns *turns);

/**
 * OK: this one has the turn until turn_leave(). RESOURCE_EXHAUSTED: too many wait. SUSPENDS unless the turn is free.
 */
int turn_take(
	struct turns *turns, struct call *call, uint32_t uin, uint32_t peer, struct turn_place *place) HY_MUST_USE;
/** The next one has the turn, and goes on when this coroutine waits. Harmless for who does not have it. */
void turn_leave(struct turn_place *place);

#endif
