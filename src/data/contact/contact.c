#include "data/contact/contact_internal.h"

#include "account.pb-c.h"
#include "base/mem.h"
#include "contacts.pb-c.h"
#include "profile.pb-c.h"

#define ROWS_DEFAULT 10000u
#define LIST_MAX 1000u

static int no_memory(struct call *call)
{
	return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

uint64_t contact_next_generation(struct call *call, const Hy__ContactRow *row)
{
	uint64_t now_ms = env_wall_ms(svr_env(svr_of_loop(call->loop)));
	uint64_t seen = HY_MAX(row->mine ? row->mine->generation : 0, row->theirs ? row->theirs->lapsed : 0);

	return HY_MAX(now_ms, seen + 1);
}

bool contact_owner_is_there(struct call *call, const struct hy_key *key, const struct kt_row *row)
{
	if (row->version == 0)
		return false;
	Hy__ProfileRow *profile = (Hy__ProfileRow *)row_unpack(call, key, row, &hy__profile_row__descriptor);
	return !profile || !profile->card || !profile->card->gone;
}

Hy__ContactRow *contact_unpack(struct call *call, const struct hy_key *key, const struct kt_row *row)
{
	Hy__ContactRow *made = NULL;

	if (row->version != 0)
		made = (Hy__ContactRow *)row_unpack(call, key, row, &hy__contact_row__descriptor);
	if (!made) {
		made = hy_arena_alloc(call->arena, sizeof *made);
		if (made)
			hy__contact_row__init(made);
	}
	return made;
}

/* ---- what is asked of a row -------------------------------------------------------------------------------------- */

static uint32_t settings_of(
	struct call *call, const struct hy_key *key, const struct kt_row *row, uint32_t *ret_may_ask)
{
	uint32_t may_write = 0;

	*ret_may_ask = 0;
	if (row->version != 0 && !spaces_settings_read(row->value, &may_write, ret_may_ask))
		row_damaged(call, key, row, "settings");
	return may_write;
}

static bool permitted(const struct contact *contact, const struct spaces_contact *row, uint32_t may_write)
{
	if (row->blocked || may_write == HY__WHO__WHO_NOBODY)
		return false;
	if (spaces_relation(&row->mine, &row->theirs) == HY__RELATION__RELATION_CONTACT)
		return true;
	return may_write == HY__WHO__WHO_ANYONE ||
	       (may_write == HY__WHO__WHO_DEFAULT && contact->config.strangers_may_write);
}

static int permit(
	void *self, struct call *call, const Hy__ContactPermitRequest *request, Hy__ContactPermitResponse *response)
{
	struct contact *contact = self;
	struct hy_key key = hy_key_user(request->uin);
	struct contact_name name;
	struct kt_place places[] = {
		{SPACES_CONTACT, contact_name_of(request->from, &name)},
		{SPACES_ACCOUNT, hy_bytes_str(SPACES_SETTINGS)},
		{SPACES_ACCOUNT, hy_bytes_str(SPACES_OWNER)},
	};
	/* only an account that is there has a row that admits somebody, unless strangers are let in by default */
	bool open = contact->config.strangers_may_write;
	struct spaces_contact row = {.blocked = false};
	struct kt_row rows[HY_COUNT_OF(places)];
	uint32_t may_ask;

	response->allowed = request->from == request->uin;
	if (response->allowed)
		return HY_OK;
	int rc = kt_read_rows(contact->kt, call, &key, places, open ? 3 : 2, KT_STRONG, rows);
	if (rc != HY_OK)
		return rc;
	if (rows[0].version != 0 && !spaces_contact_read(rows[0].value, &row)) {
		row_damaged(call, &key, &rows[0], "row of a contact");
		return HY_OK;
	}
	response->allowed = permitted(contact, &row, settings_of(call, &key, &rows[1], &may_ask)) &&
			    (!open || contact_owner_is_there(call, &key, &rows[2]));
	return HY_OK;
}

static int may_ask(
	void *self, struct call *call, const Hy__ContactMayAskRequest *request, Hy__ContactMayAskResponse *response)
{
	struct contact *contact = self;
	struct hy_key key = hy_key_user(request->uin);
	struct contact_name name;
	struct kt_place places[] = {
		{SPACES_CONTACT, contact_name_of(request->from, &name)},
		{SPACES_ACCOUNT, hy_bytes_str(SPACES_SETTINGS)},
		{SPACES_ACCOUNT, hy_bytes_str(SPACES_OWNER)},
	};
	struct kt_row rows[HY_COUNT_OF(places)];
	bool room = true;
	uint32_t who;

	int rc = kt_read_rows(contact->kt, call, &key, places, HY_COUNT_OF(places), KT_STRONG, rows);
	if (rc != HY_OK)
		return rc;
	if (!contact_owner_is_there(call, &key, &rows[2]))
		return call_fail(call, HY_NOT_FOUND, "there is no such user");
	(void)settings_of(call, &key, &rows[1], &who);
	if (who == HY__WHO__WHO_NOBODY || who == HY__WHO__WHO_CONTACTS)
		return call_fail(call, HY_PERMISSION_DENIED, "this user takes no requests");
	if (rows[0].version == 0)
		rc = contact_has_room(contact, call, &key, contact->config.rows, &room);
	if (!room)
		return rc != HY_OK ? rc
				   : call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 3600000,
					     "this user's list of contacts is full");
	return HY_OK;
}

static int get(void *self, struct call *call, const Hy__ContactGetRequest *request, Hy__ContactGetResponse *response)
{
	struct contact *contact = self;
	struct hy_key key = hy_key_user(request->uin);
	struct contact_name name;
	struct hy_bytes peer = contact_name_of(request->peer, &name);
	struct kt_place places[] = {{SPACES_CONTACT, peer}, {SPACES_INTENT, peer}};
	struct kt_row rows[HY_COUNT_OF(places)];

	int rc = kt_read_rows(contact->kt, call, &key, places, HY_COUNT_OF(places), KT_STRONG, rows);
	if (rc != HY_OK)
		return rc;
	response->intent = rows[1].version;
	if (rows[0].version == 0)
		return HY_NOT_FOUND;
	response->row = contact_unpack(call, &key, &rows[0]);
	if (!response->row)
		return no_memory(call);
	response->relation = contact_relation_of(response->row);
	response->version = rows[0].version;
	return HY_OK;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static Hy__ContactHalf *listed_half(struct call *call, const struct spaces_half *half)
{
	Hy__ContactHalf *made = hy_arena_alloc(call->arena, sizeof *made);

	if (!made)
		return NULL;
	hy__contact_half__init(made);
	made->generation = half->generation;
	made->wishes = half->wishes;
	made->lapsed = half->lapsed;
	return made;
}

static int list_row(struct call *call, const struct kt_row *row, Hy__ContactListed *listed)
{
	struct spaces_contact contact;

	hy__contact_listed__init(listed);
	if (!spaces_peer_of(row->name, &listed->peer) || !spaces_contact_read(row->value, &contact))
		return HY_DATA_LOSS;
	listed->relation = spaces_relation(&contact.mine, &contact.theirs);
	listed->blocked = contact.blocked;
	listed->mine = listed_half(call, &contact.mine);
	listed->theirs = listed_half(call, &contact.theirs);
	return listed->mine && listed->theirs ? HY_OK : no_memory(call);
}

static int list(void *self, struct call *call, const Hy__ContactListRequest *request, Hy__ContactListResponse *response)
{
	struct contact *contact = self;
	struct hy_key key = hy_key_user(request->uin);
	struct kt_limits limits = {.max_rows = request->limit ? HY_MIN(request->limit, LIST_MAX) : LIST_MAX};
	struct contact_name name;
	struct kt_rows rows;

	int rc = kt_read_range(contact->kt, call, &key, SPACES_CONTACT, contact_name_of(request->after, &name),
		KT_STRONG, limits, &rows);
	if (rc != HY_OK)
		return rc;
	Hy__ContactListed *made = hy_arena_alloc(call->arena, rows.count * sizeof *made);
	response->contacts = hy_arena_alloc(call->arena, rows.count * sizeof *response->contacts);
	if (!made || !response->contacts)
		return no_memory(call);
	for (size_t i = 0; i < rows.count; i++) {
		Hy__ContactListed *listed = &made[response->n_contacts];
		rc = list_row(call, &rows.rows[i], listed);
		if (rc == HY_DATA_LOSS) {
			row_damaged(call, &key, &rows.rows[i], "row of a contact"); /* R8 */
			continue;
		}
		if (rc != HY_OK)
			return rc;
		response->contacts[response->n_contacts++] = listed;
	}
	response->more = rows.more;
	return HY_OK;
}

static int intents(
	void *self, struct call *call, const Hy__ContactIntentsRequest *request, Hy__ContactIntentsResponse *response)
{
	struct contact *contact = self;
	struct hy_key key = hy_key_user(request->uin);
	struct kt_limits limits = {.max_rows = request->limit ? HY_MIN(request->limit, LIST_MAX) : LIST_MAX};
	struct contact_name name;
	struct kt_rows rows;

	struct hy_bytes after = request->after ? contact_name_of(request->after, &name) : hy_bytes("", 0);
	int rc = kt_read_range(contact->kt, call, &key, SPACES_INTENT, after, KT_STRONG, limits, &rows);
	if (rc != HY_OK)
		return rc;
	Hy__ContactIntent *made = hy_arena_alloc(call->arena, rows.count * sizeof *made);
	response->intents = hy_arena_alloc(call->arena, rows.count * sizeof *response->intents);
	if (!made || !response->intents)
		return no_memory(call);
	for (size_t i = 0; i < rows.count; i++) {
		Hy__ContactIntent *intent = &made[response->n_intents];
		hy__contact_intent__init(intent);
		intent->row_version = rows.rows[i].version;
		if (spaces_peer_of(rows.rows[i].name, &intent->peer))
			response->intents[response->n_intents++] = intent;
	}
	response->more = rows.more;
	return HY_OK;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static const struct contact_handlers handlers = {
	.set_wish = contact_handle_set_wish,
	.set_local = contact_handle_set_local,
	.take_half = contact_handle_take_half,
	.may_ask = may_ask,
	.permit = permit,
	.changes = contact_handle_changes,
	.get = get,
	.list = list,
	.intents = intents,
	.settle = contact_handle_settle,
	.erase = contact_handle_erase,
};

int contact_create(struct svr *svr, struct kt *kt, const struct contact_config *config, struct contact **ret_contact)
{
	struct contact *contact = hy_zalloc(sizeof *contact);

	contact->kt = kt;
	contact->config = *config;
	if (contact->config.rows == 0)
		contact->config.rows = ROWS_DEFAULT;
	if (contact->config.block_rows == 0)
		contact->config.block_rows = HY_MAX(contact->config.rows / 10, 1u);
	rpc_add_service(svr, &contact_service, &handlers, contact);
	*ret_contact = contact;
	return HY_OK;
}

void contact_destroy(struct contact *contact)
{
	hy_free(contact);
}
