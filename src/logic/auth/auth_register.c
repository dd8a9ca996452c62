/* Registration (rule R10): first the user, who cannot sign in until the name, inserted last, points to it. */
#include <sodium.h>

#include "logic/auth/auth_internal.h"
#include "logic/limit_calls.h"

#define UIN_TRIES 256u

static uint32_t first_uin(const struct auth *auth, const struct candidate *c)
{
	crypto_generichash_state state;
	uint8_t hash[16];

	crypto_generichash_init(&state, auth->config.keys->uin, LOGIC_KEY_SIZE, sizeof hash);
	crypto_generichash_update(&state, c->head->client_id.data, c->head->client_id.len);
	crypto_generichash_update(&state, (const uint8_t *)c->name, strlen(c->name));
	crypto_generichash_final(&state, hash, sizeof hash);
	return hy_get_be32(hash);
}

/** Creates the user at the first free UIN; the same (name, client ID) finds the same one again. SUSPENDS. */
static int create_user(struct auth *auth, struct call *call, const struct candidate *c, char *hash, uint32_t *ret_uin)
{
	Hy__AccountCreateUserRequest create = HY__ACCOUNT_CREATE_USER_REQUEST__INIT;
	Hy__AccountCreateUserResponse created = HY__ACCOUNT_CREATE_USER_RESPONSE__INIT;
	uint32_t mask = auth->config.uin_bits == 32 ? UINT32_MAX : (1u << auth->config.uin_bits) - 1;
	uint32_t uin = first_uin(auth, c) & mask;

	create.name = (char *)(uintptr_t)c->name;
	create.client_id = c->head->client_id;
	create.password_hash = hash;
	create.created_ms = env_wall_ms(svr_env(auth->svr));
	for (unsigned i = 0; i < UIN_TRIES; i++, uin = (uin + 1) & mask) {
		if (uin == 0)
			continue;
		create.uin = uin;
		int rc = account_create_user(call, &create, &created);
		if (rc == HY_OK)
			*ret_uin = uin;
		if (rc != HY_ALREADY_EXISTS)
			return rc;
	}
	call_log(call, ENV_LOG_ERROR, "auth", "no free UIN in %u tries: too many users for %u bits", UIN_TRIES,
		auth->config.uin_bits);
	return call_fail(call, HY_RESOURCE_EXHAUSTED, "this server takes no more accounts");
}

/** The repeat of an attempt that did not get as far as the name keeps the first one's password: it must be the same.
 * SUSPENDS. */
static int check_first_password(
	struct auth *auth, struct call *call, const char *hash, const char *password, struct authenticated *who)
{
	Hy__AccountGetCredentialResponse credential = HY__ACCOUNT_GET_CREDENTIAL_RESPONSE__INIT;

	int rc = auth_credential(call, who->uin, &credential);
	if (rc != HY_OK)
		return rc;
	who->generation = credential.generation;
	if (strcmp(credential.password_hash, hash) == 0)
		return HY_OK;
	return password_verify(auth->pool, call, &auth->cost, credential.password_hash, password);
}

static int claim_name(struct call *call, const struct candidate *c, uint32_t uin)
{
	Hy__AccountClaimNameRequest claim = HY__ACCOUNT_CLAIM_NAME_REQUEST__INIT;
	Hy__AccountClaimNameResponse claimed = HY__ACCOUNT_CLAIM_NAME_RESPONSE__INIT;

	claim.name = (char *)(uintptr_t)c->name;
	claim.uin = uin;
	claim.client_id = c->head->client_id;
	int rc = account_claim_name(call, &claim, &claimed);
	if (rc == HY_OK && claimed.uin != uin)
		return call_fail(call, HY_ALREADY_EXISTS, "the name %s is taken", c->name);
	return rc;
}

/** Somebody else has the name: what was made for this attempt goes, or it would be an account that nobody can name.
 * SUSPENDS. */
static void drop_user(struct call *call, const struct candidate *c, uint32_t uin)
{
	Hy__AccountDropUserRequest drop = HY__ACCOUNT_DROP_USER_REQUEST__INIT;
	Hy__AccountDropUserResponse dropped = HY__ACCOUNT_DROP_USER_RESPONSE__INIT;
	struct call own = auth_own_call(call);

	drop.uin = uin;
	drop.name = (char *)(uintptr_t)c->name;
	drop.client_id = c->head->client_id;
	int rc = account_drop_user(&own, &drop, &dropped);
	if (rc == HY_OK)
		auth_count(call, MON_registrations_lost);
	call_log(call, rc == HY_OK ? ENV_LOG_DEBUG : ENV_LOG_WARN, "auth",
		"the name %s went to somebody else; user %u is dropped: %s", c->name, uin, hy_status_name(rc));
}

/**
 * A name that points to a user who was dropped: two attempts of one registration can bring it about when whoever won
 * the name is deleted between them. ABORTED: the name is free again. SUSPENDS.
 */
static int free_lost_name(struct call *call, const struct candidate *c, uint32_t uin)
{
	Hy__AccountGetCardRequest get = HY__ACCOUNT_GET_CARD_REQUEST__INIT;
	Hy__AccountGetCardResponse got = HY__ACCOUNT_GET_CARD_RESPONSE__INIT;
	Hy__AccountReleaseNameRequest release = HY__ACCOUNT_RELEASE_NAME_REQUEST__INIT;
	Hy__AccountReleaseNameResponse released = HY__ACCOUNT_RELEASE_NAME_RESPONSE__INIT;

	get.uin = uin;
	int rc = account_get_card(call, &get, &got);
	if (rc == HY_OK) /* it is there, or gone: then the name is the deletion's */
		return HY_NOT_FOUND;
	if (rc != HY_NOT_FOUND)
		return rc;
	release.name = (char *)(uintptr_t)c->name;
	release.uin = uin;
	release.free = true;
	rc = account_release_name(call, &release, &released);
	return rc == HY_OK ? HY_ABORTED : rc;
}

int auth_register_new(struct auth *auth, struct call *call, const struct candidate *c, struct authenticated *ret_who)
{
	struct authenticated who = {0};
	char hash[PASSWORD_HASH_MAX];

	int rc = password_hash(auth->pool, call, &auth->cost, c->password, hash);
	if (rc == HY_OK)
		rc = create_user(auth, call, c, hash, &who.uin);
	if (rc == HY_OK)
		rc = check_first_password(auth, call, hash, c->password, &who);
	sodium_memzero(hash, sizeof hash);
	if (rc == HY_OK) {
		rc = claim_name(call, c, who.uin);
		if (rc == HY_ALREADY_EXISTS)
			drop_user(call, c, who.uin);
	}
	if (rc != HY_OK)
		return rc;
	*ret_who = who;
	auth_count(call, MON_registered);
	auth_count(call, MON_users);
	call_log(call, ENV_LOG_INFO, "auth", "registered %s as user %u", c->name, who.uin);
	return HY_OK;
}

/* ---- who may ----------------------------------------------------------------------------------------------------- */

static bool is_code(const char *code)
{
	return strlen(code) == AUTH_CODE_LENGTH && strspn(code, AUTH_CODE_LETTERS) == AUTH_CODE_LENGTH;
}

/** Takes one use, once for each registration: a repeat takes none. `look`: takes none. SUSPENDS. */
static int use_invitation(struct call *call, const struct candidate *c, const char *invitation, bool look)
{
	Hy__AccountUseInvitationRequest use = HY__ACCOUNT_USE_INVITATION_REQUEST__INIT;
	Hy__AccountUseInvitationResponse used = HY__ACCOUNT_USE_INVITATION_RESPONSE__INIT;
	char code[AUTH_CODE_LENGTH + 2] = "+";

	if (!is_code(invitation))
		return call_fail(call, HY_PERMISSION_DENIED,
			invitation[0] ? "this invitation code is not valid: look at it again, or ask for another"
				      : "this server takes new accounts by invitation: ask its operator for a code");
	memcpy(code + 1, invitation, AUTH_CODE_LENGTH + 1);
	use.code = code;
	use.client_id = c->head->client_id;
	use.name = (char *)(uintptr_t)c->name;
	use.look = look;
	int rc = account_use_invitation(call, &use, &used);
	if (rc == HY_NOT_FOUND)
		return call_fail(
			call, HY_PERMISSION_DENIED, "this invitation is unknown, used up or too old: ask for another");
	return rc;
}

/** Before anything is made, and before the costly hash. `look`: only whether it may. SUSPENDS. */
static int check_may_register(
	struct auth *auth, struct call *call, const struct candidate *c, const char *invitation, bool look)
{
	switch (auth->config.registration) {
	case AUTH_REGISTRATION_INVITATION:
		return use_invitation(call, c, invitation, look);
	case AUTH_REGISTRATION_OFF:
		return call_fail(call, HY_PERMISSION_DENIED, "this server takes no new accounts: ask its operator");
	default:
		return HY_OK;
	}
}

/* -------------------------------------------------------------------------------------------------------------- */

static int name_taken(struct call *call, const struct candidate *c)
{
	return call_fail(call, HY_ALREADY_EXISTS, "the name %s is taken", c->name);
}

/** With UIN 0: a name that nobody gets. SUSPENDS. */
static int resolve_name(struct call *call, const struct candidate *c, Hy__AccountResolveNameResponse *ret_found)
{
	Hy__AccountResolveNameRequest resolve = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;

	resolve.name = (char *)(uintptr_t)c->name;
	resolve.released = true;
	resolve.client_id = c->head->client_id;
	return account_resolve_name(call, &resolve, ret_found);
}

int auth_check_name_free(struct call *call, const struct candidate *c)
{
	Hy__AccountResolveNameResponse found = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;

	int rc = resolve_name(call, c, &found);
	if (rc == HY_OK)
		return name_taken(call, c);
	return rc == HY_NOT_FOUND ? HY_OK : rc;
}

/** By the client ID that made the account. SUSPENDS. */
static int register_again(
	struct auth *auth, struct call *call, const struct candidate *c, uint32_t uin, struct authenticated *ret_who)
{
	Hy__AccountGetCredentialResponse credential = HY__ACCOUNT_GET_CREDENTIAL_RESPONSE__INIT;

	int rc = auth_credential(call, uin, &credential);
	if (rc == HY_NOT_FOUND)
		rc = free_lost_name(call, c, uin);
	if (rc == HY_NOT_FOUND)
		return name_taken(call, c);
	return rc == HY_OK ? auth_check_password(auth, call, c, uin, ret_who) : rc;
}

static int register_account(struct auth *auth, struct call *call, const struct candidate *c, const char *invitation,
	struct authenticated *ret_who)
{
	Hy__AccountResolveNameResponse found = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;

	int rc = resolve_name(call, c, &found);
	if (rc != HY_OK && rc != HY_NOT_FOUND)
		return rc;
	bool taken = rc == HY_OK;
	if (taken && found.same_client)
		return register_again(auth, call, c, found.uin, ret_who);
	/* first: whoever may not register is not told which names there are */
	rc = check_may_register(auth, call, c, invitation, true);
	if (rc == HY_OK && taken)
		return name_taken(call, c);
	if (rc == HY_OK)
		rc = check_may_register(auth, call, c, invitation, false);
	return rc == HY_OK ? auth_register_new(auth, call, c, ret_who) : rc;
}

static int register_and_sign_in(struct auth *auth, struct call *call, const struct candidate *c, const char *invitation,
	Hy__RegisterResponse *response)
{
	struct authenticated who = {0};
	int rc = HY_ABORTED;

	for (unsigned attempt = 0; attempt < AUTH_TRIES && rc == HY_ABORTED; attempt++) {
		rc = register_account(auth, call, c, invitation, &who);
		if (rc == HY_UNAUTHENTICATED) /* a repeat, by somebody who does not know the password */
			return name_taken(call, c);
		if (rc == HY_OK)
			rc = auth_sign_device_in(auth, call, c, &who, &response->ticket);
		if (rc == HY_NOT_FOUND)
			rc = free_lost_name(call, c, who.uin);
	}
	response->uin = rc == HY_OK ? who.uin : 0;
	return rc == HY_ABORTED ? auth_too_often(call) : rc;
}

int auth_handle_register(
	void *self, struct call *call, const Hy__RegisterRequest *request, Hy__RegisterResponse *response)
{
	struct candidate c = {request->head, request->name, request->password, request->device_name};

	int rc = auth_check_candidate(call, &c);
	if (rc == HY_OK) {
		rc = limit_address(call, HY__LIMIT_ACTION__LIMIT_REGISTER_ADDRESS);
		if (rc != HY_OK)
			return rc;
	}
	if (rc == HY_OK)
		rc = register_and_sign_in(self, call, &c, request->invitation, response);
	if (rc != HY_OK)
		call_log(call, ENV_LOG_INFO, "auth", "registration of %s refused: %s: %s",
			auth_name_for_log(request->name), hy_status_name(rc), call_why(call, rc));
	return rc;
}
