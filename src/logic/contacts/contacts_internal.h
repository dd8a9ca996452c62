/**
 * contacts_internal.h - what the files of the Contacts service share.
 */
#ifndef LOGIC_CONTACTS_INTERNAL_H
#define LOGIC_CONTACTS_INTERNAL_H

#include "base/map.h"
#include "contacts.rpc.h"
#include "logic/contacts/contacts.h"
#include "logic/contacts/contacts_turn.h"

struct contacts {
	struct svr *svr;
	uint64_t seed;
	struct hy_map settling[SVR_LOOPS_MAX]; /* of struct settling */
	struct turns turns[SVR_LOOPS_MAX];
};

static inline void contacts_count(struct call *call, enum mon_id id)
{
	mon_add(svr_mon(svr_of_loop(call->loop)), svr_loop_index(call->loop), id, 1);
}

/** Hints at the user's links; may be lost (R6). SUSPENDS when they are on another loop. */
void contacts_hint(struct call *call, uint32_t uin);
/**
 * Tells a peer of this user's half and card, if there is an intent to; takes what the peer has; settles the intent. On
 * the user's loop. SUSPENDS.
 */
int contacts_tell(struct call *call, uint32_t uin, uint32_t peer) HY_MUST_USE;
/** Tells the user's card to all with whom there is, or is asked for, something; settles the intent. SUSPENDS. */
int contacts_tell_card(struct call *call, uint32_t uin, uint64_t intent) HY_MUST_USE;

/* In contacts_settle.c. */
int contacts_handle_settle(
	void *self, struct call *call, const Hy__ContactsSettleRequest *request, Hy__ContactsSettleResponse *response);
/** When nobody is at work any more. */
void contacts_settle_fini(struct contacts *contacts);

#endif
