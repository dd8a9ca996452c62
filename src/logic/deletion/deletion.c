#include "logic/deletion/deletion.h"

#include "account.rpc.h"
#include "base/mem.h"
#include "contact.rpc.h"
#include "deletion.rpc.h"
#include "link.rpc.h"
#include "logic/outcome.h"
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
 * Each contact and each request ends, as the other one sees it. Needs no intents: that a deletion goes on is the intent
 * of all of this. SUSPENDS.
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

struct account_end {
	uint32_t uin;
	bool free_name;
	const char *name; /* "": not known */
};

/**
 * Links are closed behind the write, and also when it is not known whether it is durable: who has the right comes back.
 * Waits as long as the disk does (see Session.Revoke). SUSPENDS.
 */
static int erase_account(struct call *call, struct account_end *end)
{
	Hy__AccountEraseRequest request = HY__ACCOUNT_ERASE_REQUEST__INIT;
	Hy__AccountEraseResponse response = HY__ACCOUNT_ERASE_RESPONSE__INIT;
	Hy__LinkCloseDeviceRequest close = HY__LINK_CLOSE_DEVICE_REQUEST__INIT;
	Hy__LinkCloseDeviceResponse closed = HY__LINK_CLOSE_DEVICE_RESPONSE__INIT;
	struct call own = *call;

	own.deadline_us = UINT64_MAX; /* so that the methods' own count */
	request.uin = close.uin = end->uin;
	request.free_name = end->free_name;
	int rc = account_erase(&own, &request, &response);
	if (rc == HY_OK) {
		end->free_name = end->free_name || response.free_name;
		if (response.name[0] != '\0')
			end->name = response.name;
	}
	if (!may_have_happened(rc))
		return rc;
	int closing = link_close_device(&own, &close, &closed);
	return rc == HY_OK ? closing : rc;
}

static int end_contacts(struct call *call, struct account_end *end)
{
	int rc = tell_contacts(call, end->uin);
	return rc == HY_OK ? erase_contacts(call, end->uin) : rc;
}

static int erase_messages(struct call *call, struct account_end *end)
{
	Hy__MessageEraseRequest request = HY__MESSAGE_ERASE_REQUEST__INIT;
	Hy__MessageEraseResponse response = HY__MESSAGE_ERASE_RESPONSE__INIT;

	request.uin = end->uin;
	return done_before(message_erase(call, &request, &response));
}

/** A name that belongs to somebody else is left as it is. */
static int release_name(struct call *call, struct account_end *end)
{
	Hy__AccountReleaseNameRequest request = HY__ACCOUNT_RELEASE_NAME_REQUEST__INIT;
	Hy__AccountReleaseNameResponse response = HY__ACCOUNT_RELEASE_NAME_RESPONSE__INIT;

	request.uin = end->uin;
	request.name = (char *)(uintptr_t)end->name;
	request.free = end->free_name;
	return end->name[0] != '\0' ? account_release_name(call, &request, &response) : HY_OK;
}

static int finish(struct call *call, struct account_end *end)
{
	Hy__AccountErasedRequest request = HY__ACCOUNT_ERASED_REQUEST__INIT;
	Hy__AccountErasedResponse response = HY__ACCOUNT_ERASED_RESPONSE__INIT;

	request.uin = end->uin;
	return account_erased(call, &request, &response);
}

static const struct step {
	const char *name;
	int (*go)(struct call *call, struct account_end *end);
} steps[] = {
	{"erase the account and close its links", erase_account},
	{"tell its contacts and erase them", end_contacts},
	{"erase its messages", erase_messages},
	{"give up its name", release_name},
	{"forget that it goes on", finish},
};

/** SUSPENDS. */
static int go_through(struct call *call, struct account_end *end)
{
	for (size_t i = 0; i < HY_COUNT_OF(steps); i++) {
		int rc = steps[i].go(call, end);
		if (rc == HY_OK)
			continue;
		if (rc != HY_NOT_FOUND)
			call_log(call, ENV_LOG_WARN, "deletion",
				"deleting user %u stopped where it was to %s, and goes on with the next round: %s",
				end->uin, steps[i].name, hy_status_name(rc));
		return rc;
	}
	return HY_OK;
}

static int handle_delete(
	void *self, struct call *call, const Hy__DeletionDeleteRequest *request, Hy__DeletionDeleteResponse *response)
{
	struct account_end end = {request->uin, request->free_name, request->name};

	int rc = go_through(call, &end);
	if (rc == HY_NOT_FOUND)
		return call_fail(call, rc, "there is no user %u", request->uin);
	if (rc == HY_OK && end.name[0] == '\0')
		return call_fail(call, HY_NOT_FOUND, "user %u was deleted before", request->uin);
	response->name = (char *)(uintptr_t)end.name;
	return rc;
}

static int handle_go_on(
	void *self, struct call *call, const Hy__DeletionGoOnRequest *request, Hy__DeletionGoOnResponse *response)
{
	Hy__AccountGetErasureRequest ask = HY__ACCOUNT_GET_ERASURE_REQUEST__INIT;
	Hy__AccountGetErasureResponse begun = HY__ACCOUNT_GET_ERASURE_RESPONSE__INIT;
	struct account_end end = {.uin = request->uin, .name = ""};

	ask.uin = request->uin;
	int rc = account_get_erasure(call, &ask, &begun);
	if (rc == HY_NOT_FOUND)
		return HY_OK;
	if (rc != HY_OK)
		return rc;
	response->begun = true;
	rc = go_through(call, &end);
	if (rc == HY_OK) {
		env_mark(svr_env(svr_of_loop(call->loop)), "deletion: one that was cut short went on");
		call_log(call, ENV_LOG_INFO, "deletion", "user %u is deleted: what was begun is done", request->uin);
	}
	return rc;
}

/* ------------------------------------------------------------------------------------------------------------------ */

struct deletion {
	struct svr *svr;
};

static const struct deletion_handlers handlers = {
	.delete = handle_delete,
	.go_on = handle_go_on,
};

int deletion_create(struct svr *svr, struct deletion **ret_deletion)
{
	struct deletion *deletion = hy_zalloc(sizeof *deletion);

	deletion->svr = svr;
	rpc_add_service(svr, &deletion_service, &handlers, deletion);
	*ret_deletion = deletion;
	return HY_OK;
}

void deletion_destroy(struct deletion *deletion)
{
	hy_free(deletion);
}
