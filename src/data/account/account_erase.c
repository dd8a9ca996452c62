/* The end of an account, and of its tombstones. */
#include "data/account/account_internal.h"

/* ---- the end of an account --------------------------------------------------------------------------------------- */

/** The gauge may not know of anybody yet: the first round over all users tells it. */
static void count_deletion(struct call *call)
{
	struct mon *mon = svr_mon(svr_of_loop(call->loop));
	unsigned strip = svr_loop_index(call->loop);

	mon_add(mon, strip, MON_deleted, 1);
	if (mon_get(mon, MON_users) > 0)
		mon_add(mon, strip, MON_users, UINT64_MAX); /* less one */
}

/**
 * The first write: nobody signs in any more, all tickets have ended, what the user told is forgotten; and that
 * contacts are to be told, and that there is more to do. What else there is goes behind it, by as many writes as it
 * takes: a repeat goes on there.
 */
static int erase_person(struct account *account, struct call *call, const struct hy_key *key,
	const Hy__ProfileRow *profile, uint64_t version, const Hy__AccountEraseRequest *request)
{
	Hy__ProfileRow empty = HY__PROFILE_ROW__INIT;
	Hy__AccountCard card = HY__ACCOUNT_CARD__INIT, earlier;
	Hy__IntentRow intent = HY__INTENT_ROW__INIT, erasure = HY__INTENT_ROW__INIT;
	uint8_t intent_name[SPACES_PEER_NAME_SIZE];
	struct hy_bytes owner = hy_bytes_str(SPACES_OWNER);
	struct kt_result result;

	account_card_of(profile, request->uin, &earlier);
	card.gone = true;
	card.version = account_card_version(call, &earlier);
	empty.card = &card;
	intent.made_ms = erasure.made_ms = env_wall_ms(svr_env(svr_of_loop(call->loop)));
	erasure.name = profile->name;
	erasure.free_name = request->free_name;
	spaces_peer_name(intent_name, 0);
	struct kt_op ops[] = {
		{.kind = KT_EXPECT_ROW, .space = SPACES_ACCOUNT, .name = owner, .version = version, .reserve = true},
		{.kind = KT_PUT, .space = SPACES_ACCOUNT, .name = owner},
		{.kind = KT_PUT, .space = SPACES_INTENT, .name = hy_bytes(intent_name, sizeof intent_name)},
		{.kind = KT_PUT, .space = SPACES_INTENT, .name = hy_bytes_str(SPACES_ERASURE)},
		{.kind = KT_DELETE, .space = SPACES_CREDENTIAL, .name = owner},
		{.kind = KT_DELETE, .space = SPACES_CREDENTIAL, .name = hy_bytes_str(SPACES_GONE)},
		{.kind = KT_DELETE, .space = SPACES_ACCOUNT, .name = hy_bytes_str(SPACES_SETTINGS)},
	};
	int rc = row_pack(call, &empty.base, &ops[1].value);
	if (rc == HY_OK)
		rc = row_pack(call, &intent.base, &ops[2].value);
	if (rc == HY_OK)
		rc = row_pack(call, &erasure.base, &ops[3].value);
	if (rc == HY_OK)
		rc = kt_write(account->kt, call, key, ops, HY_COUNT_OF(ops), &result);
	if (rc == HY_OK)
		count_deletion(call);
	return rc;
}

/** All rows of a space but the owner's, KT_OPS_MAX at a time. SUSPENDS. */
static int erase_rows(struct account *account, struct call *call, const struct hy_key *key, uint8_t space)
{
	struct hy_bytes after = hy_bytes("", 0);
	struct kt_limits limits = {.max_rows = KT_OPS_MAX};
	struct kt_op ops[KT_OPS_MAX];
	struct kt_rows rows = {.more = true};
	struct kt_result result;
	int rc = HY_OK;

	while (rc == HY_OK && rows.more) {
		rc = kt_read_range(account->kt, call, key, space, after, KT_STRONG, limits, &rows);
		if (rc != HY_OK || rows.count == 0)
			return rc;
		size_t count = 0;
		for (size_t i = 0; i < rows.count; i++)
			if (!hy_bytes_equal(rows.rows[i].name, hy_bytes_str(SPACES_OWNER)))
				ops[count++] = (struct kt_op){
					.kind = KT_DELETE, .space = space, .name = rows.rows[i].name, .reserve = true};
		after = rows.rows[rows.count - 1].name;
		if (count > 0)
			rc = kt_write(account->kt, call, key, ops, count, &result);
	}
	return rc;
}

/** NOT_FOUND: no deletion goes on. SUSPENDS. */
static int read_erasure(struct account *account, struct call *call, const struct hy_key *key, Hy__IntentRow **ret_row)
{
	struct kt_row row;

	int rc = kt_read_row(account->kt, call, key, SPACES_INTENT, hy_bytes_str(SPACES_ERASURE), KT_STRONG, &row);
	if (rc != HY_OK)
		return rc;
	*ret_row = (Hy__IntentRow *)row_unpack(call, key, &row, &hy__intent_row__descriptor);
	return *ret_row ? HY_OK : call_fail(call, HY_DATA_LOSS, "the note of a deletion is damaged");
}

static int erase_once(struct account *account, struct call *call, const struct hy_key *key,
	const Hy__AccountEraseRequest *request, Hy__AccountEraseResponse *response)
{
	Hy__ProfileRow *profile;
	Hy__IntentRow *erasure;
	uint64_t version;

	int rc = account_read_profile(account, call, key, &profile, &version);
	if (rc != HY_OK)
		return rc;
	if (!account_profile_is_gone(profile)) {
		response->name = profile->name;
		response->free_name = request->free_name;
		return erase_person(account, call, key, profile, version, request);
	}
	rc = read_erasure(account, call, key, &erasure);
	if (rc == HY_OK) {
		response->name = erasure->name;
		response->free_name = erasure->free_name;
	}
	return rc == HY_NOT_FOUND || rc == HY_DATA_LOSS ? HY_OK : rc;
}

int account_handle_erase(
	void *self, struct call *call, const Hy__AccountEraseRequest *request, Hy__AccountEraseResponse *response)
{
	struct hy_key key = hy_key_user(request->uin);
	static const uint8_t spaces[] = {SPACES_CREDENTIAL, SPACES_POSITION, SPACES_ACCOUNT};
	int rc = HY_ABORTED;

	for (unsigned attempt = 0; attempt < ACCOUNT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = erase_once(self, call, &key, request, response);
	for (size_t i = 0; i < HY_COUNT_OF(spaces) && rc == HY_OK; i++)
		rc = erase_rows(self, call, &key, spaces[i]);
	return rc == HY_ABORTED ? account_too_many_at_once(call) : rc;
}

int account_handle_get_erasure(void *self, struct call *call, const Hy__AccountGetErasureRequest *request,
	Hy__AccountGetErasureResponse *response)
{
	struct hy_key key = hy_key_user(request->uin);
	Hy__IntentRow *erasure;

	int rc = read_erasure(self, call, &key, &erasure);
	if (rc != HY_OK)
		return rc;
	response->name = erasure->name;
	response->free_name = erasure->free_name;
	response->begun_ms = erasure->made_ms;
	return HY_OK;
}

int account_handle_erased(
	void *self, struct call *call, const Hy__AccountErasedRequest *request, Hy__AccountErasedResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_user(request->uin);
	struct kt_op op = {.kind = KT_DELETE,
		.space = SPACES_INTENT,
		.name = hy_bytes_str(SPACES_ERASURE),
		.reserve = true};
	struct kt_result result;

	return kt_write(account->kt, call, &key, &op, 1, &result);
}

/* -------------------------------------------------------------------------------------------------------------- */

int account_handle_forget(
	void *self, struct call *call, const Hy__AccountForgetRequest *request, Hy__AccountForgetResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_user(request->uin);
	const struct kt_op ops[] = {
		{.kind = KT_TRIM, .space = SPACES_ACCOUNT, .version = request->account, .reserve = true},
		{.kind = KT_TRIM, .space = SPACES_CONTACT, .version = request->contacts},
	};

	return kt_write_lazily(account->kt, call, &key, ops, HY_COUNT_OF(ops));
}
