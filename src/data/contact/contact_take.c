/* What others tell, and what has been told to them (rule R9). */
#include "base/planted.h"
#include "contacts.pb-c.h"
#include "data/contact/contact_internal.h"

static void mark(struct call *call, const char *name)
{
	env_mark(svr_env(svr_of_loop(call->loop)), name);
}

/* ---- taking ------------------------------------------------------------------------------------------------------ */

enum take_place { PLACE_ROW, PLACE_OWNER, PLACE_INTENT, PLACE_COUNT };

/** What is newer goes into the row; `card` is room for it. False: nothing is. */
static bool take_newer(struct call *call, const Hy__ContactTakeHalfRequest *request, bool both_changed,
	Hy__AccountCard *card, Hy__ContactRow *row)
{
	uint64_t old = row->theirs ? row->theirs->generation : 0;
	bool newer = false;

	if (request->half && (request->half->generation > old ||
				     (PLANTED(older_generation_wins) && request->half->generation != old))) {
		if (both_changed)
			mark(call, "contacts: both changed at once");
		row->theirs = request->half;
		newer = true;
	} else if (request->half && request->half->generation < old) {
		mark(call, "contacts: an older half was dropped");
		call_count(call, MON_contact_halves_stale, 1);
	}
	if (request->card && (!row->card || request->card->version > row->card->version)) {
		*card = *request->card; /* it is the caller's, who may tell it to many */
		if (card->gone && row->card)
			card->name = row->card->name; /* of who is gone, what is left */
		row->card = card;
		newer = true;
	}
	return newer;
}

static int write_taken(struct contact *contact, struct call *call, const struct hy_key *key,
	const struct kt_place *places, const struct kt_row *rows, const Hy__ContactRow *row)
{
	struct kt_op ops[] = {
		{.kind = KT_EXPECT_ROW,
			.space = SPACES_ACCOUNT,
			.name = places[PLACE_OWNER].name,
			.version = rows[PLACE_OWNER].version},
		{.kind = KT_EXPECT_ROW,
			.space = SPACES_CONTACT,
			.name = places[PLACE_ROW].name,
			.version = rows[PLACE_ROW].version},
		{.kind = KT_PUT, .space = SPACES_CONTACT, .name = places[PLACE_ROW].name},
	};
	struct kt_result result;

	int rc = row_pack(call, &row->base, &ops[2].value);
	return rc == HY_OK ? kt_write(contact->kt, call, key, ops, HY_COUNT_OF(ops), &result) : rc;
}

/** ABORTED: somebody else was faster. SUSPENDS. */
static int take_once(struct contact *contact, struct call *call, const Hy__ContactTakeHalfRequest *request,
	Hy__ContactTakeHalfResponse *response)
{
	struct hy_key key = hy_key_user(request->uin);
	struct contact_name name;
	struct hy_bytes peer = contact_name_of(request->peer, &name);
	struct kt_place places[] = {
		[PLACE_ROW] = {SPACES_CONTACT, peer},
		[PLACE_OWNER] = {SPACES_ACCOUNT, hy_bytes_str(SPACES_OWNER)},
		[PLACE_INTENT] = {SPACES_INTENT, peer},
	};
	struct kt_row rows[PLACE_COUNT];
	Hy__AccountCard card;

	int rc = kt_read_rows(contact->kt, call, &key, places, PLACE_COUNT, KT_STRONG, rows);
	if (rc != HY_OK)
		return rc;
	if (!contact_owner_is_there(call, &key, &rows[PLACE_OWNER]))
		return call_fail(call, HY_NOT_FOUND, "there is no such user");
	if (rows[PLACE_ROW].version == 0 && (request->card_only || request->known_only))
		return HY_OK;
	Hy__ContactRow *row = contact_unpack(call, &key, &rows[PLACE_ROW]);
	if (!row)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	bool newer = take_newer(call, request, rows[PLACE_INTENT].version != 0, &card, row);
	if (newer)
		rc = write_taken(contact, call, &key, places, rows, row);
	if (rc != HY_OK)
		return rc;
	response->generation = row->theirs ? row->theirs->generation : 0;
	response->changed = newer && !row->blocked;
	response->own = row->mine;
	response->known = true;
	return HY_OK;
}

int contact_handle_take_half(
	void *self, struct call *call, const Hy__ContactTakeHalfRequest *request, Hy__ContactTakeHalfResponse *response)
{
	Hy__ContactTakeHalfRequest take = *request;
	int rc = HY_ABORTED;

	if (request->peer == 0 || request->peer == request->uin)
		return call_fail(call, HY_INVALID_ARGUMENT, "a half is somebody else's");
	if (take.card_only)
		take.half = NULL;
	for (unsigned attempt = 0; attempt < CONTACT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = take_once(self, call, &take, response);
	if (rc == HY_ABORTED)
		return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 1000, "too many changes of one contact at once");
	return rc;
}

/* ---- what was told ----------------------------------------------------------------------------------------------- */

/** The peer has a half that this user has never made, as far as it remembers. SUSPENDS. */
static int raise_half(struct contact *contact, struct call *call, const struct hy_key *key, struct hy_bytes peer,
	const struct kt_row *stored, const struct kt_row *owner, uint64_t generation)
{
	Hy__IntentRow intent = HY__INTENT_ROW__INIT;
	struct kt_op ops[] = {
		{.kind = KT_EXPECT_ROW, .space = SPACES_CONTACT, .name = peer, .version = stored->version},
		{.kind = KT_PUT, .space = SPACES_CONTACT, .name = peer},
		{.kind = KT_PUT, .space = SPACES_INTENT, .name = peer},
		{.kind = KT_EXPECT_ROW,
			.space = SPACES_ACCOUNT,
			.name = hy_bytes_str(SPACES_OWNER),
			.version = owner->version},
	};
	struct kt_result result;
	Hy__ContactRow *row = contact_unpack(call, key, stored);

	if (!row || !row->mine)
		return HY_OK;
	row->mine->generation = HY_MAX(contact_next_generation(call, row), generation + 1);
	intent.made_ms = env_wall_ms(svr_env(svr_of_loop(call->loop)));
	int rc = row_pack(call, &row->base, &ops[1].value);
	if (rc == HY_OK)
		rc = row_pack(call, &intent.base, &ops[2].value);
	if (rc == HY_OK)
		rc = kt_write(contact->kt, call, key, ops, HY_COUNT_OF(ops), &result);
	if (rc == HY_OK)
		mark(call, "contacts: a half was raised above what the peer has");
	return rc;
}

int contact_handle_settle(
	void *self, struct call *call, const Hy__ContactSettleRequest *request, Hy__ContactSettleResponse *response)
{
	struct contact *contact = self;
	struct hy_key key = hy_key_user(request->uin);
	struct contact_name name;
	struct hy_bytes peer = contact_name_of(request->peer, &name);
	struct kt_place places[] = {
		{SPACES_CONTACT, peer}, {SPACES_INTENT, peer}, {SPACES_ACCOUNT, hy_bytes_str(SPACES_OWNER)}};
	struct kt_op ops[] = {
		{.kind = KT_EXPECT_ROW, .space = SPACES_INTENT, .name = peer, .version = request->row_version},
		{.kind = KT_DELETE, .space = SPACES_INTENT, .name = peer, .reserve = true},
	};
	struct kt_row rows[HY_COUNT_OF(places)];
	struct spaces_contact row = {.blocked = false};

	int rc = kt_read_rows(contact->kt, call, &key, places, HY_COUNT_OF(places), KT_STRONG, rows);
	if (rc != HY_OK || rows[1].version != request->row_version || request->row_version == 0)
		return rc;
	if (rows[0].version != 0 && spaces_contact_read(rows[0].value, &row) && row.mine.generation != 0 &&
		request->generation > row.mine.generation && contact_owner_is_there(call, &key, &rows[2])) {
		/* what is newer of a deleted account's is how its deletion ended it: that stays */
		rc = raise_half(contact, call, &key, peer, &rows[0], &rows[2], request->generation);
		response->raised = rc == HY_OK;
	} else {
		/* what is lost of it is told once more, and changes nothing */
		rc = kt_write_lazily(contact->kt, call, &key, ops, HY_COUNT_OF(ops));
	}
	return rc == HY_ABORTED ? HY_OK : rc;
}

/* ---- the end of an account --------------------------------------------------------------------------------------- */

#define ERASE_WRITES_MAX 64u /* a call */

/** All rows about peers in a map, as far as a call goes. *ret_more: some are left. SUSPENDS. */
static int erase_map(
	struct contact *contact, struct call *call, const struct hy_key *key, uint8_t space, bool *ret_more)
{
	struct kt_limits limits = {.max_rows = KT_OPS_MAX};
	struct kt_op ops[KT_OPS_MAX];
	struct kt_result result;
	struct kt_rows rows;

	for (unsigned i = 0; i < ERASE_WRITES_MAX; i++) {
		int rc = kt_read_range(contact->kt, call, key, space, hy_bytes("", 0), KT_STRONG, limits, &rows);
		size_t count = 0;
		for (size_t k = 0; rc == HY_OK && k < rows.count; k++)
			if (!hy_bytes_equal(rows.rows[k].name, hy_bytes_str(SPACES_ERASURE))) /* the last one */
				ops[count++] = (struct kt_op){
					.kind = KT_DELETE, .space = space, .name = rows.rows[k].name, .reserve = true};
		*ret_more = count > 0;
		if (!*ret_more)
			return rc;
		rc = kt_write(contact->kt, call, key, ops, count, &result);
		if (rc != HY_OK)
			return rc;
	}
	return HY_OK;
}

int contact_handle_erase(
	void *self, struct call *call, const Hy__ContactEraseRequest *request, Hy__ContactEraseResponse *response)
{
	struct contact *contact = self;
	struct hy_key key = hy_key_user(request->uin);
	/* nobody follows this table any more */
	struct kt_op trim = {.kind = KT_TRIM, .space = SPACES_CONTACT, .version = UINT64_MAX, .reserve = true};
	bool more;

	int rc = erase_map(contact, call, &key, SPACES_CONTACT, &more);
	if (rc == HY_OK && !more)
		rc = erase_map(contact, call, &key, SPACES_INTENT, &more);
	response->more = rc == HY_OK && more;
	if (rc == HY_OK && !more)
		rc = kt_write_lazily(contact->kt, call, &key, &trim, 1);
	return rc;
}
