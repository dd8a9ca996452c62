/* What operators ask for: accounts, other passwords, invitations. */
#include "logic/auth/auth_internal.h"

#define CODE_TRIES 4u
#define INVITATION_USES_DEFAULT 1u
#define INVITATION_VALID_DEFAULT_MS (7ull * 24 * 3600 * 1000)

int auth_handle_create_account(void *self, struct call *call, const Hy__AuthCreateAccountRequest *request,
	Hy__AuthCreateAccountResponse *response)
{
	struct auth *auth = self;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	struct candidate c = {&head, request->name, request->password, ""};
	uint8_t client_id[AUTH_CLIENT_ID_SIZE];
	struct authenticated who = {0};

	env_random(svr_env(auth->svr), client_id, sizeof client_id);
	head.client_id = (ProtobufCBinaryData){sizeof client_id, client_id};
	int rc = auth_check_name(call, request->name);
	if (rc == HY_OK)
		rc = auth_check_new_password(call, request->password);
	if (rc == HY_OK)
		rc = auth_check_name_free(call, &c);
	if (rc == HY_OK)
		rc = auth_register_new(auth, call, &c, &who);
	response->uin = who.uin;
	return rc;
}

int auth_handle_reset_password(void *self, struct call *call, const Hy__AuthResetPasswordRequest *request,
	Hy__AuthResetPasswordResponse *response)
{
	int rc = auth_check_new_password(call, request->password);
	return rc == HY_OK ? auth_put_password(self, call, request->uin, request->password, "", "") : rc;
}

/* ---- invitations ----------------------------------------------------------------------------------------------- */

/** Each letter as likely as the others. */
static void make_code(struct env *env, char ret_code[AUTH_CODE_LENGTH + 1])
{
	const unsigned letters = sizeof AUTH_CODE_LETTERS - 1;
	unsigned made = 0;
	uint8_t drawn;

	while (made < AUTH_CODE_LENGTH) {
		env_random(env, &drawn, 1);
		if (drawn < 256 / letters * letters)
			ret_code[made++] = AUTH_CODE_LETTERS[drawn % letters];
	}
	ret_code[made] = '\0';
}

int auth_handle_invite(
	void *self, struct call *call, const Hy__AuthInviteRequest *request, Hy__AuthInviteResponse *response)
{
	struct auth *auth = self;
	Hy__AccountPutInvitationRequest put = HY__ACCOUNT_PUT_INVITATION_REQUEST__INIT;
	Hy__AccountPutInvitationResponse done = HY__ACCOUNT_PUT_INVITATION_RESPONSE__INIT;
	uint64_t valid_ms = request->valid_ms ? request->valid_ms : INVITATION_VALID_DEFAULT_MS;
	uint64_t now = env_wall_ms(svr_env(auth->svr));
	char code[AUTH_CODE_LENGTH + 2] = "+";
	int rc = HY_ALREADY_EXISTS;

	put.code = code;
	put.uses = request->uses ? request->uses : INVITATION_USES_DEFAULT;
	put.expires_ms = valid_ms > UINT64_MAX - now ? UINT64_MAX : now + valid_ms;
	for (unsigned i = 0; i < CODE_TRIES && rc == HY_ALREADY_EXISTS; i++) {
		make_code(svr_env(auth->svr), code + 1);
		rc = account_put_invitation(call, &put, &done);
	}
	if (rc != HY_OK)
		return rc;
	response->uses = put.uses;
	response->expires_ms = put.expires_ms;
	response->code = hy_arena_strndup(call->arena, code + 1, AUTH_CODE_LENGTH);
	return response->code ? HY_OK : call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
}
