/* Names: whom they belong to; and invitations, which are names of another kind. */
#include "data/account/account_internal.h"

#define INVITATION_USES_MAX 1000u

static int unpack_name(struct call *call, const struct hy_key *key, const struct kt_row *row, Hy__NameRow **ret_name)
{
	*ret_name = (Hy__NameRow *)row_unpack(call, key, row, &hy__name_row__descriptor);
	return *ret_name ? HY_OK : call_fail(call, HY_DATA_LOSS, "the account name's record is damaged");
}

/** With the row's version. SUSPENDS. */
static int read_name(struct account *account, struct call *call, const struct hy_key *key, Hy__NameRow **ret_name,
	uint64_t *ret_version)
{
	struct kt_row row;

	int rc = kt_read_row(account->kt, call, key, SPACES_NAME, hy_bytes_str(SPACES_OWNER), KT_STRONG, &row);
	if (rc != HY_OK)
		return rc;
	*ret_version = row.version;
	return unpack_name(call, key, &row, ret_name);
}

int account_handle_resolve_name(void *self, struct call *call, const Hy__AccountResolveNameRequest *request,
	Hy__AccountResolveNameResponse *response)
{
	struct hy_key key = hy_key_name(request->name, strlen(request->name));
	Hy__NameRow *name;
	uint64_t version;

	int rc = read_name(self, call, &key, &name, &version);
	if (rc != HY_OK)
		return rc;
	if (name->released)
		return request->released ? HY_OK : HY_NOT_FOUND;
	response->uin = name->uin;
	response->same_client =
		account_is_registration(name->registration, name->client_id, request->name, request->client_id);
	return HY_OK;
}

int account_handle_claim_name(void *self, struct call *call, const Hy__AccountClaimNameRequest *request,
	Hy__AccountClaimNameResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_name(request->name, strlen(request->name));
	struct account_registration registration = account_registration_of(request->name, request->client_id);
	Hy__NameRow row = HY__NAME_ROW__INIT, *stored;
	struct kt_op op = {.kind = KT_INSERT, .space = SPACES_NAME, .name = hy_bytes_str(SPACES_OWNER)};
	struct kt_result result;

	row.uin = request->uin;
	row.registration = account_registration_binary(&registration);
	int rc = row_pack(call, &row.base, &op.value);
	if (rc != HY_OK)
		return rc;
	rc = kt_write(account->kt, call, &key, &op, 1, &result);
	if (rc == HY_OK) {
		response->uin = request->uin;
		return HY_OK;
	}
	if (rc == HY_ALREADY_EXISTS) {
		rc = unpack_name(call, &key, &result.stored, &stored);
		if (rc == HY_OK)
			response->uin = stored->released ? 0 : stored->uin;
	}
	return rc;
}

/** Somebody else's name, or none, is left as it is: the account that asks has released it before. */
static int release_once(struct account *account, struct call *call, const Hy__AccountReleaseNameRequest *request)
{
	struct hy_key key = hy_key_name(request->name, strlen(request->name));
	struct kt_result result;
	Hy__NameRow *name;
	uint64_t version;

	int rc = read_name(account, call, &key, &name, &version);
	if (rc == HY_NOT_FOUND)
		return HY_OK;
	bool theirs = name->uin == request->uin || (request->uin == 0 && name->released);
	if (rc != HY_OK || !theirs || (name->released && !request->free))
		return rc;
	struct kt_op ops[] = {
		{.kind = KT_EXPECT_ROW,
			.space = SPACES_NAME,
			.name = hy_bytes_str(SPACES_OWNER),
			.version = version,
			.reserve = true},
		{.kind = request->free ? KT_DELETE : KT_PUT, .space = SPACES_NAME, .name = hy_bytes_str(SPACES_OWNER)},
	};
	name->released = true;
	name->client_id = name->registration = (ProtobufCBinaryData){0, NULL};
	if (!request->free)
		rc = row_pack(call, &name->base, &ops[1].value);
	return rc == HY_OK ? kt_write(account->kt, call, &key, ops, HY_COUNT_OF(ops), &result) : rc;
}

int account_handle_release_name(void *self, struct call *call, const Hy__AccountReleaseNameRequest *request,
	Hy__AccountReleaseNameResponse *response)
{
	int rc = HY_ABORTED;

	for (unsigned attempt = 0; attempt < ACCOUNT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = release_once(self, call, request);
	return rc;
}

/* ---- invitations ----------------------------------------------------------------------------------------------- */

static int check_code(struct call *call, const char *code)
{
	if (code[0] != '+' || code[1] == '\0')
		return call_fail(call, HY_INVALID_ARGUMENT, "a '+' stands before an invitation's code");
	return HY_OK;
}

int account_handle_put_invitation(void *self, struct call *call, const Hy__AccountPutInvitationRequest *request,
	Hy__AccountPutInvitationResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_name(request->code, strlen(request->code));
	Hy__InvitationRow row = HY__INVITATION_ROW__INIT;
	struct kt_op op = {.kind = KT_INSERT, .space = SPACES_NAME, .name = hy_bytes_str(SPACES_INVITATION)};
	struct kt_result result;

	int rc = check_code(call, request->code);
	if (rc != HY_OK)
		return rc;
	if (request->uses == 0 || request->uses > INVITATION_USES_MAX)
		return call_fail(
			call, HY_INVALID_ARGUMENT, "an invitation is good for 1 to %u accounts", INVITATION_USES_MAX);
	row.expires_ms = request->expires_ms;
	row.uses = request->uses;
	rc = row_pack(call, &row.base, &op.value);
	return rc == HY_OK ? kt_write(account->kt, call, &key, &op, 1, &result) : rc;
}

/** ALREADY_EXISTS: this registration has used it. NOT_FOUND: it may not. */
static int check_use(struct call *call, const Hy__InvitationRow *invitation, ProtobufCBinaryData registration)
{
	for (size_t i = 0; i < invitation->n_used_by; i++)
		if (hy_bytes_equal(hy_bytes(invitation->used_by[i].data, invitation->used_by[i].len),
			    hy_bytes(registration.data, registration.len)))
			return HY_ALREADY_EXISTS;
	if (invitation->n_used_by >= invitation->uses ||
		invitation->expires_ms <= env_wall_ms(svr_env(svr_of_loop(call->loop))))
		return HY_NOT_FOUND;
	return HY_OK;
}

static int add_use(
	struct call *call, Hy__InvitationRow *invitation, ProtobufCBinaryData registration, struct hy_bytes *ret_value)
{
	size_t count = invitation->n_used_by;

	ProtobufCBinaryData *used_by = hy_arena_alloc(call->arena, (count + 1) * sizeof *used_by);
	if (!used_by)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	if (count > 0)
		memcpy(used_by, invitation->used_by, count * sizeof *used_by);
	used_by[count] = registration;
	invitation->used_by = used_by;
	invitation->n_used_by = count + 1;
	return row_pack(call, &invitation->base, ret_value);
}

static int use_once(struct account *account, struct call *call, const Hy__AccountUseInvitationRequest *request)
{
	struct hy_key key = hy_key_name(request->code, strlen(request->code));
	struct account_registration registration = account_registration_of(request->name, request->client_id);
	struct hy_bytes name = hy_bytes_str(SPACES_INVITATION);
	struct kt_result result;
	struct kt_row row;

	int rc = kt_read_row(account->kt, call, &key, SPACES_NAME, name, KT_STRONG, &row);
	if (rc != HY_OK)
		return rc;
	Hy__InvitationRow *invitation =
		(Hy__InvitationRow *)row_unpack(call, &key, &row, &hy__invitation_row__descriptor);
	if (!invitation)
		return HY_NOT_FOUND;
	rc = check_use(call, invitation, account_registration_binary(&registration));
	if (rc != HY_OK || request->look)
		return rc == HY_ALREADY_EXISTS ? HY_OK : rc;
	struct kt_op ops[] = {
		{.kind = KT_EXPECT_ROW, .space = SPACES_NAME, .name = name, .version = row.version},
		{.kind = KT_PUT, .space = SPACES_NAME, .name = name},
	};
	rc = add_use(call, invitation, account_registration_binary(&registration), &ops[1].value);
	return rc == HY_OK ? kt_write(account->kt, call, &key, ops, HY_COUNT_OF(ops), &result) : rc;
}

int account_handle_use_invitation(void *self, struct call *call, const Hy__AccountUseInvitationRequest *request,
	Hy__AccountUseInvitationResponse *response)
{
	int rc = check_code(call, request->code);
	if (rc != HY_OK)
		return HY_NOT_FOUND;
	if (request->client_id.len != SPACES_CLIENT_ID_SIZE)
		return call_fail(call, HY_INVALID_ARGUMENT, "a client ID has %u bytes", SPACES_CLIENT_ID_SIZE);
	rc = HY_ABORTED;
	for (unsigned attempt = 0; attempt < ACCOUNT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = use_once(self, call, request);
	return rc == HY_ABORTED ? call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 1000,
					  "too many people use this invitation at once")
				: rc;
}
