#include "account.rpc.h"
#include "base/mem.h"
#include "contact.rpc.h"
#include "logic/contacts/contacts_internal.h"
#include "logic/limit_calls.h"

#define CLIENT_ID_SIZE 16u
/** Of what is left of a request's time, the part in which the other one is told before the answer. */
#define TELL_SHARE 2u

/** OK: it is this request's turn to change what the user has of the peer, until turn_leave(). SUSPENDS. */
static int begin(struct contacts *contacts, struct call *call, const Hy__RequestHead *head, uint32_t peer,
	struct turn_place *place)
{
	if (call->who.uin == 0)
		return call_fail(call, HY_UNAUTHENTICATED, "sign in first");
	if (!head || head->client_id.len != CLIENT_ID_SIZE)
		return call_fail(call, HY_INVALID_ARGUMENT, "a change of a contact needs a client ID of %u bytes",
			CLIENT_ID_SIZE);
	if (peer == 0 || peer == call->who.uin)
		return call_fail(call, HY_INVALID_ARGUMENT, "a contact is somebody else");
	/* before any wait, which a later one could pass (R7) */
	int rc = turn_take(&contacts->turns[svr_loop_index(call->loop)], call, call->who.uin, peer, place);
	return rc == HY_OK ? limit_user(call, HY__LIMIT_ACTION__LIMIT_CHANGE) : rc;
}

static int check_text(struct call *call, const char *what, const char *text, unsigned max)
{
	return strlen(text) <= max ? HY_OK
				   : call_fail(call, HY_INVALID_ARGUMENT, "a %s has at most %u bytes", what, max);
}

static int refused(struct call *call, uint32_t peer, int rc)
{
	contacts_count(call, MON_contacts_refused);
	if (rc != HY_RESOURCE_EXHAUSTED) /* limits speak for themselves, by samples: a flood is not logged */
		call_log(call, ENV_LOG_INFO, "contacts", "user %u, about user %u: refused: %s: %s", call->who.uin, peer,
			hy_status_name(rc), call_why(call, rc));
	return rc;
}

/** The user's own row is durable: the answer is OK whatever becomes of this, since there is an intent. SUSPENDS. */
static void tell(struct call *call, uint32_t peer)
{
	struct call tell = *call;
	uint64_t now_us = svr_now_us(call->loop);

	tell.deadline_us = now_us + (call->deadline_us > now_us ? call->deadline_us - now_us : 0) / TELL_SHARE;
	int rc = contacts_tell(&tell, call->who.uin, peer);
	if (rc != HY_OK)
		call_log(call, ENV_LOG_WARN, "contacts",
			"user %u was not told what user %u changed, and will be later: %s", peer, call->who.uin,
			hy_status_name(rc));
	contacts_hint(call, call->who.uin);
}

static Hy__ContactSetWishRequest wish_of(
	struct call *call, const Hy__RequestHead *head, uint32_t peer, bool wishes, Hy__ContactPrecondition only_if)
{
	Hy__ContactSetWishRequest wish = HY__CONTACT_SET_WISH_REQUEST__INIT;

	wish.uin = call->who.uin;
	wish.peer = peer;
	wish.wishes = wishes;
	wish.only_if = only_if;
	wish.client_id = head->client_id;
	wish.made_ms = head->made_ms;
	return wish;
}

/** Once it is written the next one has the turn: what the other one is told is what the row says by then. SUSPENDS. */
static int set_wish(
	struct call *call, const Hy__ContactSetWishRequest *wish, struct turn_place *place, Hy__Relation *ret_relation)
{
	Hy__ContactSetWishResponse answer = HY__CONTACT_SET_WISH_RESPONSE__INIT;

	int rc = contact_set_wish(call, wish, &answer);
	if (rc != HY_OK)
		return rc;
	turn_leave(place);
	*ret_relation = (Hy__Relation)answer.relation;
	tell(call, wish->peer);
	return HY_OK;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/** The user's row of the other one. *ret_row NULL: there is none. SUSPENDS. */
static int own_row(struct call *call, uint32_t peer, Hy__ContactRow **ret_row)
{
	Hy__ContactGetRequest request = HY__CONTACT_GET_REQUEST__INIT;
	Hy__ContactGetResponse own = HY__CONTACT_GET_RESPONSE__INIT;

	request.uin = call->who.uin;
	request.peer = peer;
	int rc = contact_get(call, &request, &own);
	*ret_row = rc == HY_OK ? own.row : NULL;
	return rc == HY_NOT_FOUND ? HY_OK : rc;
}

/** Whether the other one wishes it already, as far as this user knows: then it is not asked but answered. SUSPENDS. */
static int is_wished(struct call *call, uint32_t peer, bool *ret_wished)
{
	Hy__ContactRow *row;

	int rc = own_row(call, peer, &row);
	*ret_wished = row && row->theirs && row->theirs->wishes;
	return rc;
}

/** Who is asked, and whether it may be. SUSPENDS. */
static int look_at(struct call *call, uint32_t peer, Hy__AccountCard **ret_card)
{
	Hy__ContactMayAskRequest may_request = HY__CONTACT_MAY_ASK_REQUEST__INIT;
	Hy__ContactMayAskResponse may = HY__CONTACT_MAY_ASK_RESPONSE__INIT;
	Hy__AccountGetCardRequest card_request = HY__ACCOUNT_GET_CARD_REQUEST__INIT;
	Hy__AccountGetCardResponse card = HY__ACCOUNT_GET_CARD_RESPONSE__INIT;

	may_request.uin = card_request.uin = peer;
	may_request.from = call->who.uin;
	int rc = contact_may_ask(call, &may_request, &may);
	if (rc == HY_OK)
		rc = account_get_card(call, &card_request, &card);
	*ret_card = card.card;
	return rc;
}

static int ask(struct call *call, const Hy__RequestContactRequest *request, struct turn_place *place,
	Hy__Relation *ret_relation)
{
	Hy__ContactSetWishRequest wish =
		wish_of(call, request->head, request->uin, true, HY__CONTACT_PRECONDITION__CONTACT_ALWAYS);
	bool wished;

	wish.greeting = request->greeting;
	wish.remark = request->remark;
	wish.set_remark = request->remark[0] != '\0';
	int rc = is_wished(call, request->uin, &wished);
	if (rc != HY_OK)
		return rc;
	int why = wished ? HY_OK : limit_user(call, HY__LIMIT_ACTION__LIMIT_ASK);
	if (why == HY_OK && !wished)
		why = look_at(call, request->uin, &wish.peer_card);
	if (why == HY_OK)
		return set_wish(call, &wish, place, ret_relation);
	/* what was done before stays done, though it could not be done now */
	const char *message = call->message;
	uint32_t retry_after_ms = call->retry_after_ms;
	wish.only_if = HY__CONTACT_PRECONDITION__CONTACT_ONLY_REPEAT;
	rc = set_wish(call, &wish, place, ret_relation);
	if (rc != HY_FAILED_PRECONDITION)
		return rc;
	call->message = message;
	call->retry_after_ms = retry_after_ms;
	return why;
}

static int request_contact(
	void *self, struct call *call, const Hy__RequestContactRequest *request, Hy__RequestContactResponse *response)
{
	struct turn_place place = {.turn = NULL};

	int rc = begin(self, call, request->head, request->uin, &place);
	if (rc == HY_OK)
		rc = check_text(call, "greeting", request->greeting, CONTACTS_GREETING_MAX);
	if (rc == HY_OK)
		rc = check_text(call, "remark", request->remark, CONTACTS_REMARK_MAX);
	if (rc == HY_OK)
		rc = ask(call, request, &place, &response->relation);
	turn_leave(&place);
	if (rc != HY_OK)
		return refused(call, request->uin, rc);
	contacts_count(call, MON_contact_requests);
	return HY_OK;
}

/* ---- answering, ending ------------------------------------------------------------------------------------------- */

static int change_wish(struct contacts *contacts, struct call *call, const Hy__RequestHead *head, uint32_t peer,
	bool wishes, Hy__ContactPrecondition only_if, Hy__Relation *ret_relation)
{
	struct turn_place place = {.turn = NULL};

	int rc = begin(contacts, call, head, peer, &place);
	if (rc == HY_OK) {
		Hy__ContactSetWishRequest wish = wish_of(call, head, peer, wishes, only_if);
		rc = set_wish(call, &wish, &place, ret_relation);
	}
	turn_leave(&place);
	if (rc != HY_OK)
		return refused(call, peer, rc);
	contacts_count(call, MON_contact_changes);
	return HY_OK;
}

static int accept_contact(
	void *self, struct call *call, const Hy__AcceptContactRequest *request, Hy__AcceptContactResponse *response)
{
	return change_wish(self, call, request->head, request->uin, true,
		HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_ASKED, &response->relation);
}

static int decline_contact(
	void *self, struct call *call, const Hy__DeclineContactRequest *request, Hy__DeclineContactResponse *response)
{
	return change_wish(self, call, request->head, request->uin, false,
		HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_ASKED, &response->relation);
}

static int delete_contact(
	void *self, struct call *call, const Hy__DeleteContactRequest *request, Hy__DeleteContactResponse *response)
{
	return change_wish(self, call, request->head, request->uin, false,
		HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_MINE, &response->relation);
}

static int restore_contact(
	void *self, struct call *call, const Hy__RestoreContactRequest *request, Hy__RestoreContactResponse *response)
{
	return change_wish(self, call, request->head, request->uin, true,
		HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_KEPT, &response->relation);
}

/* ---- what the other one is not told ------------------------------------------------------------------------------ */

/** SUSPENDS. */
static int set_local(struct call *call, const Hy__RequestHead *head, Hy__ContactSetLocalRequest *local,
	struct turn_place *place, Hy__Relation *ret_relation)
{
	Hy__ContactSetLocalResponse answer = HY__CONTACT_SET_LOCAL_RESPONSE__INIT;

	local->uin = call->who.uin;
	local->client_id = head->client_id;
	local->made_ms = head->made_ms;
	int rc = contact_set_local(call, local, &answer);
	if (rc != HY_OK)
		return rc;
	turn_leave(place);
	*ret_relation = (Hy__Relation)answer.relation;
	contacts_count(call, MON_contact_changes);
	contacts_hint(call, call->who.uin);
	return HY_OK;
}

/**
 * For the row that a stranger gets who is blocked: that is to look somebody up, and limited as such. SUSPENDS.
 * NOT_FOUND: there is no such user.
 */
static int card_of_blocked(struct call *call, uint32_t peer, Hy__AccountCard **ret_card)
{
	Hy__AccountGetCardRequest request = HY__ACCOUNT_GET_CARD_REQUEST__INIT;
	Hy__AccountGetCardResponse response = HY__ACCOUNT_GET_CARD_RESPONSE__INIT;
	Hy__ContactRow *row;

	request.uin = peer;
	int rc = own_row(call, peer, &row);
	if (rc == HY_OK && !row)
		rc = limit_user(call, HY__LIMIT_ACTION__LIMIT_SEARCH);
	if (rc == HY_OK)
		rc = account_get_card(call, &request, &response);
	if (rc == HY_NOT_FOUND)
		return call_fail(call, rc, "there is no such user");
	*ret_card = response.card;
	return rc;
}

static int block_contact(
	void *self, struct call *call, const Hy__BlockContactRequest *request, Hy__BlockContactResponse *response)
{
	Hy__ContactSetLocalRequest local = HY__CONTACT_SET_LOCAL_REQUEST__INIT;
	struct turn_place place = {.turn = NULL};

	int rc = begin(self, call, request->head, request->uin, &place);
	local.peer = request->uin;
	local.set_blocked = true;
	local.blocked = request->blocked;
	if (rc == HY_OK && request->blocked)
		rc = card_of_blocked(call, request->uin, &local.peer_card);
	if (rc == HY_OK)
		rc = set_local(call, request->head, &local, &place, &response->relation);
	turn_leave(&place);
	return rc == HY_OK ? HY_OK : refused(call, request->uin, rc);
}

static int set_remark(
	void *self, struct call *call, const Hy__SetRemarkRequest *request, Hy__SetRemarkResponse *response)
{
	Hy__ContactSetLocalRequest local = HY__CONTACT_SET_LOCAL_REQUEST__INIT;
	struct turn_place place = {.turn = NULL};

	int rc = begin(self, call, request->head, request->uin, &place);
	if (rc == HY_OK)
		rc = check_text(call, "remark", request->remark, CONTACTS_REMARK_MAX);
	local.peer = request->uin;
	local.set_remark = true;
	local.remark = request->remark;
	if (rc == HY_OK)
		rc = set_local(call, request->head, &local, &place, &response->relation);
	turn_leave(&place);
	return rc == HY_OK ? HY_OK : refused(call, request->uin, rc);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static const struct contacts_handlers handlers = {
	.request_contact = request_contact,
	.accept_contact = accept_contact,
	.decline_contact = decline_contact,
	.delete_contact = delete_contact,
	.restore_contact = restore_contact,
	.block_contact = block_contact,
	.set_remark = set_remark,
	.settle = contacts_handle_settle,
};

int contacts_create(struct svr *svr, struct contacts **ret_contacts)
{
	struct contacts *contacts = hy_zalloc(sizeof *contacts);

	contacts->svr = svr;
	contacts->seed = env_rand64(svr_env(svr));
	for (unsigned i = 0; i < svr_loop_count(svr); i++) {
		hy_map_init(&contacts->settling[i]);
		turns_init(&contacts->turns[i], contacts->seed);
	}
	rpc_add_service(svr, &contacts_service, &handlers, contacts);
	*ret_contacts = contacts;
	return HY_OK;
}

void contacts_destroy(struct contacts *contacts)
{
	if (!contacts)
		return;
	contacts_settle_fini(contacts);
	for (unsigned i = 0; i < svr_loop_count(contacts->svr); i++)
		turns_fini(&contacts->turns[i]);
	hy_free(contacts);
}
