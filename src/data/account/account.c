#include "data/account/account_internal.h"

#include "base/mem.h"
#include "sync.pb-c.h"

/* ---- users --------------------------------------------------------------------------------------------------- */

int account_read_name(struct account *account, struct call *call, const struct hy_key *key, char **ret_name)
{
	struct kt_row row;

	int rc = kt_read_row(account->kt, call, key, SPACES_ACCOUNT, hy_bytes_str(SPACES_OWNER), KT_STRONG, &row);
	if (rc != HY_OK)
		return rc;
	Hy__ProfileRow *profile = (Hy__ProfileRow *)row_unpack(call, key, &row, &hy__profile_row__descriptor);
	*ret_name = profile ? profile->name : (char *)(uintptr_t) "";
	return HY_OK;
}

static int create_user(void *self, struct call *call, const Hy__AccountCreateUserRequest *request,
	Hy__AccountCreateUserResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_user(request->uin);
	struct account_registration registration = account_registration_of(request->name, request->client_id);
	Hy__ProfileRow profile = HY__PROFILE_ROW__INIT, *stored;
	Hy__CredentialRow credential = HY__CREDENTIAL_ROW__INIT;
	Hy__AccountCard card;
	struct kt_op ops[2] = {
		{.kind = KT_INSERT, .space = SPACES_ACCOUNT, .name = hy_bytes_str(SPACES_OWNER)},
		{.kind = KT_INSERT, .space = SPACES_CREDENTIAL, .name = hy_bytes_str(SPACES_OWNER)},
	};
	struct kt_result result;

	profile.name = request->name;
	profile.registration = account_registration_binary(&registration);
	profile.created_ms = request->created_ms;
	account_first_card(&profile, request->uin, &card);
	credential.password_hash = request->password_hash;
	int rc = row_pack(call, &profile.base, &ops[0].value);
	if (rc == HY_OK)
		rc = row_pack(call, &credential.base, &ops[1].value);
	if (rc == HY_OK)
		rc = kt_write(account->kt, call, &key, ops, HY_COUNT_OF(ops), &result);
	if (rc != HY_ALREADY_EXISTS || result.failed_op != 0)
		return rc;
	stored = (Hy__ProfileRow *)row_unpack(call, &key, &result.stored, &hy__profile_row__descriptor);
	bool same = stored && strcmp(stored->name, request->name) == 0 &&
		    account_is_registration(stored->registration, stored->client_id, request->name, request->client_id);
	return same ? HY_OK : HY_ALREADY_EXISTS;
}

/* ---- synced rows --------------------------------------------------------------------------------------------- */

static int profile_body(
	struct call *call, const struct hy_key *key, uint32_t uin, const struct kt_row *row, struct hy_bytes *ret_body)
{
	Hy__Profile profile = HY__PROFILE__INIT;
	Hy__AccountCard card;
	Hy__ProfileRow *stored = (Hy__ProfileRow *)row_unpack(call, key, row, &hy__profile_row__descriptor);

	if (!stored)
		return HY_DATA_LOSS;
	account_card_of(stored, uin, &card);
	profile.uin = uin;
	profile.name = card.name;
	profile.created_ms = stored->created_ms;
	profile.nickname = card.nickname;
	profile.signature = card.signature;
	profile.region = card.region;
	profile.avatar_colour = card.avatar_colour;
	return row_pack(call, &profile.base, ret_body);
}

/** Deleted: the defaults. */
static int settings_body(
	struct call *call, const struct hy_key *key, const struct kt_row *row, struct hy_bytes *ret_body)
{
	Hy__Settings settings = HY__SETTINGS__INIT;

	if (!row->deleted) {
		Hy__SettingsRow *stored = (Hy__SettingsRow *)row_unpack(call, key, row, &hy__settings_row__descriptor);
		if (!stored)
			return HY_DATA_LOSS;
		settings.may_write = (Hy__Who)stored->may_write;
		settings.may_ask = (Hy__Who)stored->may_ask;
	}
	return row_pack(call, &settings.base, ret_body);
}

static int device_body(struct call *call, const struct hy_key *key, const struct kt_row *row, struct hy_bytes *ret_body)
{
	Hy__Device device = HY__DEVICE__INIT;
	char name[SPACES_DEVICE_MAX + 1];

	if (!spaces_device_of(SPACES_DEVICE, row->name, name)) {
		row_damaged(call, key, row, "name of an account row");
		return HY_DATA_LOSS;
	}
	device.device = name;
	if (!row->deleted) {
		Hy__DeviceRow *stored = (Hy__DeviceRow *)row_unpack(call, key, row, &hy__device_row__descriptor);
		if (!stored)
			return HY_DATA_LOSS;
		device.name = stored->name;
		device.signed_in_ms = stored->signed_in_ms;
	}
	return row_pack(call, &device.base, ret_body);
}

/** The body that clients get for a row: what is stored is not what is told. */
static int change_body(
	struct call *call, const struct hy_key *key, uint32_t uin, const struct kt_row *row, Hy__AccountChange *change)
{
	struct hy_bytes body;
	int rc;

	if (hy_bytes_equal(row->name, hy_bytes_str(SPACES_OWNER)) && !row->deleted) {
		rc = profile_body(call, key, uin, row, &body);
		change->type = HY__SYNC_TYPE__SYNC_TYPE_PROFILE;
	} else if (hy_bytes_equal(row->name, hy_bytes_str(SPACES_SETTINGS))) {
		rc = settings_body(call, key, row, &body);
		change->type = HY__SYNC_TYPE__SYNC_TYPE_SETTINGS;
	} else {
		rc = device_body(call, key, row, &body);
		change->type = HY__SYNC_TYPE__SYNC_TYPE_DEVICE;
	}
	if (rc != HY_OK)
		return rc;
	change->body = row_binary(body);
	change->version = row->version;
	change->deleted = row->deleted;
	return HY_OK;
}

static int changes(
	void *self, struct call *call, const Hy__AccountChangesRequest *request, Hy__AccountChangesResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_user(request->uin);
	struct kt_limits limits = {.max_bytes = request->max_bytes, .began_at = request->began_at};
	struct kt_rows rows;
	struct kt_head head;

	int rc = kt_read_changes(account->kt, call, &key, SPACES_ACCOUNT, request->since, KT_STRONG, limits, &rows);
	if (rc == HY_OUT_OF_RANGE)
		return row_why_out_of_range(account->kt, call, &key, SPACES_ACCOUNT, request->since, &head);
	if (rc != HY_OK)
		return rc;
	Hy__AccountChange *made = hy_arena_alloc(call->arena, rows.count * sizeof *made);
	response->changes = hy_arena_alloc(call->arena, rows.count * sizeof *response->changes);
	if (!made || !response->changes)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	size_t n = 0;
	for (size_t i = 0; i < rows.count; i++) {
		hy__account_change__init(&made[n]);
		rc = change_body(call, &key, request->uin, &rows.rows[i], &made[n]);
		if (rc == HY_DATA_LOSS)
			continue; /* R8 */
		if (rc != HY_OK)
			return rc;
		response->changes[n] = &made[n];
		n++;
	}
	response->n_changes = n;
	response->version = rows.version;
	response->trimmed = rows.trimmed;
	response->more = rows.more;
	return HY_OK;
}

/* -------------------------------------------------------------------------------------------------------------- */

static const struct account_handlers handlers = {
	.resolve_name = account_handle_resolve_name,
	.claim_name = account_handle_claim_name,
	.create_user = create_user,
	.get_credential = account_handle_get_credential,
	.put_ticket = account_handle_put_ticket,
	.drop_ticket = account_handle_drop_ticket,
	.check_ticket = account_handle_check_ticket,
	.list_devices = account_handle_list_devices,
	.put_position = account_handle_put_position,
	.changes = changes,
	.get_card = account_handle_get_card,
	.put_profile = account_handle_put_profile,
	.put_settings = account_handle_put_settings,
	.put_password = account_handle_put_password,
	.put_disabled = account_handle_put_disabled,
	.drop_tickets = account_handle_drop_tickets,
	.erase = account_handle_erase,
	.release_name = account_handle_release_name,
	.put_invitation = account_handle_put_invitation,
	.use_invitation = account_handle_use_invitation,
	.list_users = account_handle_list_users,
	.forget = account_handle_forget,
	.drop_user = account_handle_drop_user,
	.get_erasure = account_handle_get_erasure,
	.erased = account_handle_erased,
};

int account_create(struct svr *svr, struct kt *kt, struct account **ret_account)
{
	struct account *account = hy_zalloc(sizeof *account);

	account->kt = kt;
	rpc_add_service(svr, &account_service, &handlers, account);
	*ret_account = account;
	return HY_OK;
}

void account_destroy(struct account *account)
{
	hy_free(account);
}
