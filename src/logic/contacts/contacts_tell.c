/*
 * The second step of a change (rule R9): the other one's row gets its copy.
 *
 * Halves and cards go both ways at each step, and each side takes only what is newer. What was told was read before it
 * was told: so the card is looked at again afterwards, since its own teller may have found no row at the peer yet.
 */
#include "account.rpc.h"
#include "base/planted.h"
#include "contact.rpc.h"
#include "link.rpc.h"
#include "logic/contacts/contacts_internal.h"
#include "sync.pb-c.h"

#define ROUNDS_MAX 4u
#define CARDS_PAGE 64u
#define LATE_MAX_US 3000000u

void contacts_hint(struct call *call, uint32_t uin)
{
	Hy__LinkHintRequest request = HY__LINK_HINT_REQUEST__INIT;
	Hy__LinkHintResponse response = HY__LINK_HINT_RESPONSE__INIT;
	struct call hint = *call; /* what it says goes into no answer */

	request.uin = uin;
	request.kinds = 1u << HY__SYNC_KIND__SYNC_KIND_CONTACT;
	int rc = link_hint(&hint, &request, &response);
	if (rc != HY_OK)
		call_log(call, ENV_LOG_DEBUG, "contacts", "user %u was not hinted at: %s", uin, hy_status_name(rc));
}

static int read_card(struct call *call, uint32_t uin, Hy__AccountCard **ret_card)
{
	Hy__AccountGetCardRequest request = HY__ACCOUNT_GET_CARD_REQUEST__INIT;
	Hy__AccountGetCardResponse response = HY__ACCOUNT_GET_CARD_RESPONSE__INIT;

	request.uin = uin;
	int rc = account_get_card(call, &request, &response);
	*ret_card = response.card;
	return rc;
}

enum give_to { GIVE_ANY, GIVE_KNOWN, GIVE_CARD };

/** `half` and `card` may be NULL. The taker's devices are hinted at. SUSPENDS. */
static int give(struct call *call, uint32_t to, uint32_t from, Hy__ContactHalf *half, Hy__AccountCard *card,
	enum give_to what, Hy__ContactTakeHalfResponse *ret_taken)
{
	Hy__ContactTakeHalfRequest request = HY__CONTACT_TAKE_HALF_REQUEST__INIT;

	hy__contact_take_half_response__init(ret_taken);
	request.uin = to;
	request.peer = from;
	request.half = half;
	request.card = card;
	request.card_only = what == GIVE_CARD;
	request.known_only = what == GIVE_KNOWN;
	int rc = contact_take_half(call, &request, ret_taken);
	if (rc == HY_OK && ret_taken->changed)
		contacts_hint(call, to);
	return rc;
}

static int settle(
	struct call *call, uint32_t uin, uint32_t peer, uint64_t intent, uint64_t generation, bool *ret_raised)
{
	Hy__ContactSettleRequest request = HY__CONTACT_SETTLE_REQUEST__INIT;
	Hy__ContactSettleResponse response = HY__CONTACT_SETTLE_RESPONSE__INIT;

	request.uin = uin;
	request.peer = peer;
	request.row_version = intent;
	request.generation = generation;
	int rc = contact_settle(call, &request, &response);
	*ret_raised = rc == HY_OK && response.raised;
	return rc;
}

/** In the simulation now and then: what was read is old when it arrives. SUSPENDS. */
static int tarry(struct call *call)
{
	struct env *env = svr_env(svr_of_loop(call->loop));

	if (!env_buggify(env, "contacts: told late"))
		return HY_OK;
	uint64_t late_us = env_rand64(env) % LATE_MAX_US;
	return co_sleep_until(call->loop, svr_now_us(call->loop) + late_us);
}

/** What the peer has to tell, in turn: its half if it is newer, and how it looks now. SUSPENDS. */
static int take_in_turn(struct call *call, uint32_t uin, uint32_t peer, Hy__ContactHalf *half)
{
	Hy__ContactTakeHalfResponse taken;
	Hy__AccountCard *card;

	int rc = read_card(call, peer, &card);
	if (rc == HY_OK)
		rc = give(call, uin, peer, half, card, half ? GIVE_ANY : GIVE_CARD, &taken);
	/* nobody is there to be heard, or to hear: this user's account may be gone */
	return rc == HY_NOT_FOUND ? HY_OK : rc;
}

/** The peer has had the wish and let it lapse: it is not asked again, should it have forgotten both since. */
static bool has_lapsed(const Hy__ContactRow *row)
{
	return row->mine->wishes && row->theirs && row->theirs->lapsed >= row->mine->generation;
}

/** *ret_again: there is something newer to tell. SUSPENDS. */
static int tell_once(struct call *call, uint32_t uin, uint32_t peer, bool *ret_again)
{
	Hy__ContactGetRequest request = HY__CONTACT_GET_REQUEST__INIT;
	Hy__ContactGetResponse own = HY__CONTACT_GET_RESPONSE__INIT;
	Hy__ContactTakeHalfResponse taken;
	Hy__AccountCard *card, *card_now;

	*ret_again = false;
	request.uin = uin;
	request.peer = peer;
	int rc = contact_get(call, &request, &own);
	if (own.intent == 0 && !PLANTED(second_write_forgotten))
		return rc == HY_NOT_FOUND ? HY_OK : rc;
	if (rc == HY_NOT_FOUND || (rc == HY_OK && !own.row->mine))
		return settle(call, uin, peer, own.intent, 0, ret_again);
	if (rc == HY_OK)
		rc = read_card(call, uin, &card);
	if (rc == HY_OK)
		rc = tarry(call);
	if (rc != HY_OK)
		return rc;
	rc = give(call, peer, uin, own.row->mine, card, has_lapsed(own.row) ? GIVE_KNOWN : GIVE_ANY, &taken);
	if (rc != HY_OK && rc != HY_NOT_FOUND)
		return rc;
	contacts_count(call, MON_contact_halves_told);
	rc = take_in_turn(call, uin, peer, taken.own);
	if (rc == HY_OK)
		rc = read_card(call, uin, &card_now);
	if (rc != HY_OK)
		return rc;
	*ret_again = card_now->version != card->version;
	return *ret_again ? HY_OK : settle(call, uin, peer, own.intent, taken.generation, ret_again);
}

int contacts_tell(struct call *call, uint32_t uin, uint32_t peer)
{
	struct call tell = *call;
	struct hy_arena arena;
	bool again = true;
	int rc = HY_OK;

	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	tell.arena = &arena;
	for (unsigned round = 0; round < ROUNDS_MAX && rc == HY_OK && again; round++)
		rc = tell_once(&tell, uin, peer, &again);
	hy_arena_fini(&arena);
	return rc == HY_OK && again ? HY_ABORTED : rc;
}

/* ---- the card ---------------------------------------------------------------------------------------------------- */

/** One page; goes on behind *after. *ret_left: of them could not be told. SUSPENDS. */
static int tell_card_page(
	struct call *call, uint32_t uin, Hy__AccountCard *card, uint32_t *after, bool *ret_more, unsigned *ret_left)
{
	Hy__ContactListRequest request = HY__CONTACT_LIST_REQUEST__INIT;
	Hy__ContactListResponse list = HY__CONTACT_LIST_RESPONSE__INIT;
	Hy__ContactTakeHalfResponse taken;

	request.uin = uin;
	request.after = *after;
	request.limit = CARDS_PAGE;
	int rc = contact_list(call, &request, &list);
	if (rc != HY_OK)
		return rc;
	*ret_more = list.more;
	for (size_t i = 0; i < list.n_contacts; i++) {
		const Hy__ContactListed *c = list.contacts[i];
		*after = c->peer;
		if (c->relation == HY__RELATION__RELATION_NONE)
			continue;
		rc = give(call, c->peer, uin, NULL, card, GIVE_CARD, &taken);
		if (rc == HY_DEADLINE_EXCEEDED || rc == HY_CANCELLED)
			return rc;
		if (rc == HY_OK)
			contacts_count(call, MON_contact_cards_told);
		else if (rc != HY_NOT_FOUND)
			++*ret_left;
	}
	/* rows that cannot be read are left out of a page, and the page may have no others */
	if (list.n_contacts == 0)
		*ret_more = false;
	return HY_OK;
}

int contacts_tell_card(struct call *call, uint32_t uin, uint64_t intent)
{
	struct call tell = *call;
	Hy__AccountCard *card;
	struct hy_arena arena;
	uint32_t after = 0;
	unsigned left = 0;
	bool more = true;

	int rc = read_card(call, uin, &card);
	if (rc == HY_OK)
		rc = tarry(call);
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	tell.arena = &arena;
	while (rc == HY_OK && more) {
		rc = tell_card_page(&tell, uin, card, &after, &more, &left);
		hy_arena_reset(&arena);
	}
	hy_arena_fini(&arena);
	if (rc != HY_OK)
		return rc;
	return left > 0 ? HY_UNAVAILABLE : settle(call, uin, 0, intent, 0, &more);
}
