/* Registrations: how they are known again, and the end of one that did not get its name. */
#include <sodium.h>

#include "data/account/account_internal.h"

struct account_registration account_registration_of(const char *name, ProtobufCBinaryData client_id)
{
	static const char purpose[] = "registration";
	struct account_registration r;
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, sizeof r.hash);
	crypto_generichash_update(&state, (const uint8_t *)purpose, sizeof purpose);
	crypto_generichash_update(&state, (const uint8_t *)name, strlen(name) + 1);
	crypto_generichash_update(&state, client_id.data, client_id.len);
	crypto_generichash_final(&state, r.hash, sizeof r.hash);
	sodium_memzero(&state, sizeof state);
	return r;
}

bool account_is_registration(ProtobufCBinaryData stored, ProtobufCBinaryData stored_client_id, const char *name,
	ProtobufCBinaryData client_id)
{
	if (client_id.len == 0)
		return false;
	if (stored.len == 0)
		return hy_bytes_equal(
			hy_bytes(stored_client_id.data, stored_client_id.len), hy_bytes(client_id.data, client_id.len));
	struct account_registration r = account_registration_of(name, client_id);
	return hy_bytes_equal(hy_bytes(stored.data, stored.len), hy_bytes(r.hash, sizeof r.hash));
}

/* ---- the end of one that did not get its name -------------------------------------------------------------------- */

/** FAILED_PRECONDITION: the credential is not as CreateUser left it. SUSPENDS. */
static int read_unused(struct account *account, struct call *call, const struct hy_key *key, uint64_t *ret_version)
{
	struct kt_limits limits = {.max_rows = 2};
	struct kt_rows rows;

	int rc = kt_read_range(account->kt, call, key, SPACES_CREDENTIAL, hy_bytes("", 0), KT_STRONG, limits, &rows);
	if (rc != HY_OK)
		return rc;
	if (rows.count != 1 || !hy_bytes_equal(rows.rows[0].name, hy_bytes_str(SPACES_OWNER)))
		return HY_FAILED_PRECONDITION;
	Hy__CredentialRow *credential =
		(Hy__CredentialRow *)row_unpack(call, key, &rows.rows[0], &hy__credential_row__descriptor);
	if (!credential || credential->generation != 0 || credential->disabled_ms != 0)
		return HY_FAILED_PRECONDITION;
	*ret_version = rows.version;
	return HY_OK;
}

static int drop_once(struct account *account, struct call *call, const Hy__AccountDropUserRequest *request)
{
	struct hy_key key = hy_key_user(request->uin);
	struct hy_bytes owner = hy_bytes_str(SPACES_OWNER);
	uint64_t profile_version, credential_version;
	Hy__ProfileRow *profile;
	struct kt_result result;

	int rc = account_read_profile(account, call, &key, &profile, &profile_version);
	if (rc != HY_OK)
		return rc == HY_NOT_FOUND ? HY_OK : rc;
	if (strcmp(profile->name, request->name) != 0 ||
		!account_is_registration(profile->registration, profile->client_id, request->name, request->client_id))
		return HY_OK;
	rc = read_unused(account, call, &key, &credential_version);
	if (rc != HY_OK)
		return rc;
	const struct kt_op ops[] = {
		{.kind = KT_EXPECT_ROW, .space = SPACES_ACCOUNT, .name = owner, .version = profile_version},
		{.kind = KT_EXPECT_VERSION, .space = SPACES_CREDENTIAL, .version = credential_version},
		{.kind = KT_DELETE, .space = SPACES_ACCOUNT, .name = owner},
		{.kind = KT_DELETE, .space = SPACES_CREDENTIAL, .name = owner},
	};
	rc = kt_write(account->kt, call, &key, ops, HY_COUNT_OF(ops), &result);
	if (rc != HY_OK)
		return rc;
	/* nobody follows the table: its tombstone may go, too */
	struct kt_op trim = {.kind = KT_TRIM, .space = SPACES_ACCOUNT, .version = result.versions[2]};
	rc = kt_write_lazily(account->kt, call, &key, &trim, 1);
	if (rc != HY_OK)
		call_log(call, ENV_LOG_DEBUG, "data", "a tombstone of user %u stays: %s", request->uin,
			hy_status_name(rc));
	return HY_OK;
}

int account_handle_drop_user(
	void *self, struct call *call, const Hy__AccountDropUserRequest *request, Hy__AccountDropUserResponse *response)
{
	int rc = HY_ABORTED;

	for (unsigned attempt = 0; attempt < ACCOUNT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = drop_once(self, call, request);
	return rc == HY_ABORTED ? account_too_many_at_once(call) : rc;
}
