/* admin_erase.c - the end of an account, step by step: see admin_user.h. */
#include "main/admin_user.h"

#include "account.rpc.h"
#include "base/mem.h"
#include "contact.rpc.h"
#include "link.rpc.h"
#include "message.rpc.h"
#include "sync.pb-c.h"

#define PEERS_PAGE 256u

/** What is not there (any more) is what is wanted. */
static int done_before(int rc)
{
	return rc == HY_NOT_FOUND ? HY_OK : rc;
}

/* ---- contacts ---------------------------------------------------------------------------------------------------- */

static int gone_card(struct call *call, uint32_t uin, Hy__AccountCard **ret_card)
{
	Hy__AccountGetCardRequest request = HY__ACCOUNT_GET_CARD_REQUEST__INIT;
	Hy__AccountGetCardResponse response = HY__ACCOUNT_GET_CARD_RESPONSE__INIT;

	request.uin = uin;
	int rc = account_get_card(call, &request, &response);
	*ret_card = response.card;
	return rc == HY_OK && !response.card->gone ? HY_ABORTED : rc;
}

static void hint(struct call *call, uint32_t uin)
{
	Hy__LinkHintRequest request = HY__LINK_HINT_REQUEST__INIT;
	Hy__LinkHintResponse response = HY__LINK_HINT_RESPONSE__INIT;
	struct call own = *call; /* what it says goes into no answer */

	request.uin = uin;
	request.kinds = 1u << HY__SYNC_KIND__SYNC_KIND_CONTACT;
	(void)link_hint(&own, &request, &response);
}

/** A half that wishes for nothing and is newer than what there may be of it; with the card that says why. SUSPENDS. */
static int end_relation(struct call *call, uint32_t uin, const Hy__ContactListed *c, Hy__AccountCard *card)
{
	Hy__ContactHalf half = HY__CONTACT_HALF__INIT;
	Hy__ContactTakeHalfRequest request = HY__CONTACT_TAKE_HALF_REQUEST__INIT;
	Hy__ContactTakeHalfResponse taken = HY__CONTACT_TAKE_HALF_RESPONSE__INIT;

	if (!c->mine && !c->theirs)
		return HY_OK; /* whom only this user knew of */
	half.generation = env_wall_ms(svr_env(svr_of_loop(call->loop)));
	if (c->mine) {
		half.generation = HY_MAX(half.generation, c->mine->generation + 1);
		half.lapsed = c->mine->lapsed;
	}
	if (c->theirs)
		half.lapsed = HY_MAX(half.lapsed, c->theirs->generation);
	request.uin = c->peer;
	request.peer = uin;
	request.half = &half;
	request.card = card;
	int rc = contact_take_half(call, &request, &taken);
	if (rc == HY_OK && taken.generation > half.generation) {
		/* this user's own store was repaired, and lost what the other one has */
		half.generation = taken.generation + 1;
		hy__contact_take_half_response__init(&taken);
		rc = contact_take_half(call, &request, &taken);
	}
	if (rc == HY_OK && taken.changed)
		hint(call, c->peer);
	return done_before(rc);
}

/** One page; *ret_more: there are others behind *after. SUSPENDS. */
static int tell_page(struct call *call, uint32_t uin, Hy__AccountCard *card, uint32_t *after, bool *ret_more)
{
	Hy__ContactListRequest request = HY__CONTACT_LIST_REQUEST__INIT;
	Hy__ContactListResponse page = HY__CONTACT_LIST_RESPONSE__INIT;

	request.uin = uin;
	request.after = *after;
	request.limit = PEERS_PAGE;
	int rc = contact_list(call, &request, &page);
	for (size_t i = 0; i < page.n_contacts && rc == HY_OK; i++) {
		*after = page.contacts[i]->peer;
		rc = end_relation(call, uin, page.contacts[i], card);
	}
	*ret_more = page.more && page.n_contacts > 0;
	return rc;
}

/**
 * Each contact and each request ends, as the other one sees it. Needs no intents: the name that still points here is
 * the intent of all of this. SUSPENDS.
 */
static int tell_contacts(struct call *call, uint32_t uin)
{
	struct call tell = *call;
	Hy__AccountCard *card;
	struct hy_arena arena;
	uint32_t after = 0;
	bool more = true;

	int rc = gone_card(call, uin, &card);
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT); /* a page's alone: there may be thousands */
	tell.arena = &arena;
	while (rc == HY_OK && more) {
		rc = tell_page(&tell, uin, card, &after, &more);
		hy_arena_reset(&arena);
	}
	hy_arena_fini(&arena);
	return rc;
}

static int erase_contacts(struct call *call, uint32_t uin)
{
	Hy__ContactEraseRequest request = HY__CONTACT_ERASE_REQUEST__INIT;
	Hy__ContactEraseResponse response = HY__CONTACT_ERASE_RESPONSE__INIT;
	int rc;

	request.uin = uin;
	do {
		hy__contact_erase_response__init(&response);
		rc = done_before(contact_erase(call, &request, &response));
	} while (rc == HY_OK && response.more);
	return rc;
}

/* ---- the steps --------------------------------------------------------------------------------------------------- */

static int erase_account(struct call *call, uint32_t uin)
{
	Hy__AccountEraseRequest request = HY__ACCOUNT_ERASE_REQUEST__INIT;
	Hy__AccountEraseResponse response = HY__ACCOUNT_ERASE_RESPONSE__INIT;

	request.uin = uin;
	return done_before(account_erase(call, &request, &response));
}

static int erase_messages(struct call *call, uint32_t uin)
{
	Hy__MessageEraseRequest request = HY__MESSAGE_ERASE_REQUEST__INIT;
	Hy__MessageEraseResponse response = HY__MESSAGE_ERASE_RESPONSE__INIT;

	request.uin = uin;
	return done_before(message_erase(call, &request, &response));
}

static int disable(struct call *call, uint32_t uin)
{
	return done_before(admin_user_put_disabled(call, uin, true));
}

static const struct step {
	const char *name;
	int (*go)(struct call *call, uint32_t uin);
} steps[] = {
	{"end its tickets and links", disable},
	{"erase the account", erase_account},
	{"tell its contacts", tell_contacts}, /* before the list of whom to tell goes */
	{"erase its contacts", erase_contacts},
	{"erase its messages", erase_messages},
};

/** Also of an account that is gone; UIN 0: all was done before. */
static int find(struct call *call, const char *name, uint32_t *ret_uin)
{
	Hy__AccountResolveNameRequest request = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;
	Hy__AccountResolveNameResponse response = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;

	request.name = (char *)(uintptr_t)name;
	request.released = true;
	int rc = account_resolve_name(call, &request, &response);
	if (rc == HY_NOT_FOUND)
		return call_fail(call, rc, "nobody has the name %s", name);
	*ret_uin = response.uin;
	return rc;
}

int admin_user_erase(struct call *call, const char *name, bool free_name, uint32_t *ret_uin)
{
	Hy__AccountReleaseNameRequest release = HY__ACCOUNT_RELEASE_NAME_REQUEST__INIT;
	Hy__AccountReleaseNameResponse released = HY__ACCOUNT_RELEASE_NAME_RESPONSE__INIT;

	int rc = find(call, name, ret_uin);
	if (rc != HY_OK)
		return rc;
	if (*ret_uin == 0)
		return call_fail(call, HY_NOT_FOUND, "%s was deleted before; the name is kept from all", name);
	for (size_t i = 0; i < HY_COUNT_OF(steps); i++) {
		rc = steps[i].go(call, *ret_uin);
		if (rc == HY_OK)
			continue;
		call_log(call, ENV_LOG_WARN, "admin", "deleting user %u stopped where it was to %s: %s", *ret_uin,
			steps[i].name, hy_status_name(rc));
		return rc;
	}
	release.name = (char *)(uintptr_t)name;
	release.uin = *ret_uin;
	release.free = free_name;
	return account_release_name(call, &release, &released);
}
