#include "logic/auth/auth.h"

#include <sodium.h>

#include "account.rpc.h"
#include "auth.rpc.h"
#include "base/mem.h"
#include "link.rpc.h"
#include "logic/auth/guess.h"
#include "logic/auth/password.h"
#include "logic/limit_calls.h"
#include "logic/outcome.h"
#include "session.rpc.h"

#define NAME_SHORTEST 3u
#define NAME_LONGEST 32u
#define PASSWORD_MIN 8u
#define PASSWORD_MAX 128u
#define DEVICE_MAX 32u
#define DEVICE_NAME_MAX 64u
#define CLIENT_ID_SIZE 16u
#define UIN_TRIES 256u

struct auth {
	struct svr *svr;
	struct auth_config config;
	struct password_cost cost;
	struct svr_pool *pool;
	char nobody[PASSWORD_HASH_MAX];
};

static void count(struct call *call, enum mon_id id)
{
	mon_add(svr_mon(svr_of_loop(call->loop)), svr_loop_index(call->loop), id, 1);
}

/* ---- what is asked for ----------------------------------------------------------------------------------------- */

static bool only_of(const char *s, bool capitals)
{
	for (; *s; s++) {
		bool letter = (*s >= 'a' && *s <= 'z') || (capitals && *s >= 'A' && *s <= 'Z');
		if (!letter && !(*s >= '0' && *s <= '9') && *s != '.' && *s != '_' && *s != '-')
			return false;
	}
	return true;
}

static int check_name(struct call *call, const char *name)
{
	size_t len = strlen(name);

	if (len < NAME_SHORTEST || len > NAME_LONGEST || !only_of(name, false))
		return call_fail(call, HY_INVALID_ARGUMENT,
			"an account name has %u to %u of the characters a-z 0-9 . _ -", NAME_SHORTEST, NAME_LONGEST);
	return HY_OK;
}

/** Of registration and sign-in. */
struct candidate {
	const Hy__RequestHead *head;
	const char *name, *password, *device_name;
};

static int check_candidate(struct call *call, const struct candidate *c)
{
	size_t len = strlen(c->password);

	int rc = check_name(call, c->name);
	if (rc != HY_OK)
		return rc;
	if (len < PASSWORD_MIN || len > PASSWORD_MAX)
		return call_fail(
			call, HY_INVALID_ARGUMENT, "a password has %u to %u bytes", PASSWORD_MIN, PASSWORD_MAX);
	if (!c->head || c->head->client_id.len != CLIENT_ID_SIZE)
		return call_fail(
			call, HY_INVALID_ARGUMENT, "the request needs a client ID of %u bytes", CLIENT_ID_SIZE);
	len = strlen(c->head->device);
	if (len == 0 || len > DEVICE_MAX || !only_of(c->head->device, true))
		return call_fail(call, HY_INVALID_ARGUMENT, "a device has 1 to %u of the characters A-Z a-z 0-9 . _ -",
			DEVICE_MAX);
	if (strlen(c->device_name) > DEVICE_NAME_MAX)
		return call_fail(call, HY_INVALID_ARGUMENT, "a device's name has at most %u bytes", DEVICE_NAME_MAX);
	return HY_OK;
}

/* ---- tickets ------------------------------------------------------------------------------------------------- */

/** SUSPENDS. */
static void close_links(struct call *call, uint32_t uin, const char *device)
{
	Hy__LinkCloseDeviceRequest request = HY__LINK_CLOSE_DEVICE_REQUEST__INIT;
	Hy__LinkCloseDeviceResponse response = HY__LINK_CLOSE_DEVICE_RESPONSE__INIT;

	request.uin = uin;
	request.device = (char *)(uintptr_t)device;
	int rc = link_close_device(call, &request, &response);
	if (rc != HY_OK) /* whoever signs in has the right to; that an earlier link lives on is for the operator to know
			  */
		call_log(call, ENV_LOG_WARN, "auth", "user %u, device %s: links of the earlier ticket may live on: %s",
			uin, device, hy_status_name(rc));
}

/** Puts the ticket in place and closes the links of those that it ended; all in its own time, as in Session.Revoke.
 * SUSPENDS. */
static int put_ticket(struct call *call, const Hy__AccountPutTicketRequest *request)
{
	Hy__AccountPutTicketResponse response = HY__ACCOUNT_PUT_TICKET_RESPONSE__INIT;
	struct call own = *call;

	own.deadline_us = UINT64_MAX;
	int rc = account_put_ticket(&own, request, &response);
	call->message = own.message;
	call->retry_after_ms = own.retry_after_ms;
	if (!may_have_happened(rc))
		return rc;
	close_links(&own, request->uin, request->device);
	if (response.dropped_device[0] != '\0')
		close_links(&own, request->uin, response.dropped_device);
	return rc;
}

/** Gives the device a ticket; what held its earlier one ends. SUSPENDS. */
static int sign_device_in(
	struct auth *auth, struct call *call, const struct candidate *c, uint32_t uin, ProtobufCBinaryData *ret_ticket)
{
	Hy__AccountPutTicketRequest put = HY__ACCOUNT_PUT_TICKET_REQUEST__INIT;
	uint8_t hash[TICKET_HASH_SIZE];

	uint8_t *ticket = hy_arena_alloc(call->arena, TICKET_SIZE);
	if (!ticket)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	ticket_make(auth->config.keys, uin, c->head->device, hy_bytes(c->head->client_id.data, c->head->client_id.len),
		ticket);
	ticket_hash(auth->config.keys, ticket, hash);
	put.uin = uin;
	put.device = c->head->device;
	put.device_name = (char *)(uintptr_t)c->device_name;
	put.ticket_hash = (ProtobufCBinaryData){sizeof hash, hash};
	put.now_ms = env_wall_ms(svr_env(auth->svr));
	int rc = put_ticket(call, &put);
	if (rc != HY_OK)
		return rc;
	*ret_ticket = (ProtobufCBinaryData){TICKET_SIZE, ticket};
	return HY_OK;
}

/** UNAUTHENTICATED: wrong. SUSPENDS. */
static int check_password(struct auth *auth, struct call *call, uint32_t uin, const char *password)
{
	Hy__AccountGetCredentialRequest get = HY__ACCOUNT_GET_CREDENTIAL_REQUEST__INIT;
	Hy__AccountGetCredentialResponse credential = HY__ACCOUNT_GET_CREDENTIAL_RESPONSE__INIT;

	get.uin = uin;
	int rc = account_get_credential(call, &get, &credential);
	if (rc != HY_OK)
		return rc;
	return password_verify(auth->pool, call, credential.password_hash, password);
}

/* ---- registration (R10) -------------------------------------------------------------------------------------- */

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
	struct auth *auth, struct call *call, uint32_t uin, const char *hash, const char *password)
{
	Hy__AccountGetCredentialRequest get = HY__ACCOUNT_GET_CREDENTIAL_REQUEST__INIT;
	Hy__AccountGetCredentialResponse credential = HY__ACCOUNT_GET_CREDENTIAL_RESPONSE__INIT;

	get.uin = uin;
	int rc = account_get_credential(call, &get, &credential);
	if (rc != HY_OK || strcmp(credential.password_hash, hash) == 0)
		return rc;
	return password_verify(auth->pool, call, credential.password_hash, password);
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

/** A new account, or one that an earlier attempt began. SUSPENDS. */
static int register_new(struct auth *auth, struct call *call, const struct candidate *c, uint32_t *ret_uin)
{
	char hash[PASSWORD_HASH_MAX];

	int rc = password_hash(auth->pool, call, &auth->cost, c->password, hash);
	if (rc == HY_OK)
		rc = create_user(auth, call, c, hash, ret_uin);
	if (rc == HY_OK)
		rc = check_first_password(auth, call, *ret_uin, hash, c->password);
	if (rc == HY_OK)
		rc = claim_name(call, c, *ret_uin);
	sodium_memzero(hash, sizeof hash);
	if (rc != HY_OK)
		return rc;
	count(call, MON_registered);
	call_log(call, ENV_LOG_INFO, "auth", "registered %s as user %u", c->name, *ret_uin);
	return HY_OK;
}

static int register_account(struct auth *auth, struct call *call, const struct candidate *c, uint32_t *ret_uin)
{
	Hy__AccountResolveNameRequest resolve = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;
	Hy__AccountResolveNameResponse found = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;

	resolve.name = (char *)(uintptr_t)c->name;
	int rc = account_resolve_name(call, &resolve, &found);
	if (rc == HY_NOT_FOUND)
		return register_new(auth, call, c, ret_uin);
	if (rc != HY_OK)
		return rc;
	if (!hy_bytes_equal(hy_bytes(found.client_id.data, found.client_id.len),
		    hy_bytes(c->head->client_id.data, c->head->client_id.len)))
		return call_fail(call, HY_ALREADY_EXISTS, "the name %s is taken", c->name);
	*ret_uin = found.uin;
	return check_password(auth, call, found.uin, c->password);
}

static int handle_register(
	void *self, struct call *call, const Hy__RegisterRequest *request, Hy__RegisterResponse *response)
{
	struct auth *auth = self;
	struct candidate c = {request->head, request->name, request->password, request->device_name};
	uint32_t uin = 0;

	int rc = check_candidate(call, &c);
	if (rc == HY_OK) {
		rc = limit_address(call, HY__LIMIT_ACTION__LIMIT_REGISTER_ADDRESS);
		if (rc != HY_OK)
			return rc;
	}
	if (rc == HY_OK)
		rc = register_account(auth, call, &c, &uin);
	if (rc == HY_UNAUTHENTICATED) /* a repeat, by somebody who does not know the password */
		rc = call_fail(call, HY_ALREADY_EXISTS, "the name %s is taken", c.name);
	if (rc == HY_OK)
		rc = sign_device_in(auth, call, &c, uin, &response->ticket);
	if (rc == HY_OK) {
		response->uin = uin;
		return HY_OK;
	}
	call_log(call, ENV_LOG_INFO, "auth", "registration of %.32s refused: %s", request->name, hy_status_name(rc));
	return rc;
}

/* ---- sign-in ------------------------------------------------------------------------------------------------- */

static bool holds_ticket(const Hy__AccountGetCredentialResponse *credential, const char *device)
{
	for (size_t i = 0; i < credential->n_devices; i++)
		if (strcmp(credential->devices[i], device) == 0)
			return true;
	return false;
}

/**
 * UNAUTHENTICATED for a wrong password and for an unknown name, after the same work. RESOURCE_EXHAUSTED before it when
 * there were too many. SUSPENDS.
 */
static int authenticate(struct auth *auth, struct call *call, const struct candidate *c, uint32_t *ret_uin)
{
	Hy__AccountResolveNameRequest resolve = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;
	Hy__AccountResolveNameResponse found = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;
	Hy__AccountGetCredentialRequest get = HY__ACCOUNT_GET_CREDENTIAL_REQUEST__INIT;
	Hy__AccountGetCredentialResponse credential = HY__ACCOUNT_GET_CREDENTIAL_RESPONSE__INIT;
	struct guess guess = {.name = c->name, .device = c->head->device};

	resolve.name = (char *)(uintptr_t)c->name;
	int rc = account_resolve_name(call, &resolve, &found);
	bool nobody = rc == HY_NOT_FOUND;
	if (nobody) {
		rc = HY_OK;
	} else if (rc == HY_OK) {
		get.uin = found.uin;
		rc = account_get_credential(call, &get, &credential);
		guess.known = rc == HY_OK && holds_ticket(&credential, c->head->device);
	}
	if (rc == HY_OK)
		rc = guess_begins(call, &guess);
	if (rc != HY_OK)
		return rc;
	rc = password_verify(auth->pool, call, nobody ? auth->nobody : credential.password_hash, c->password);
	if (rc == HY_OK && nobody)
		rc = HY_UNAUTHENTICATED;
	if (rc != HY_UNAUTHENTICATED)
		guess_was_none(call, &guess);
	if (rc == HY_OK)
		*ret_uin = found.uin;
	return rc;
}

static int handle_sign_in(void *self, struct call *call, const Hy__SignInRequest *request, Hy__SignInResponse *response)
{
	struct auth *auth = self;
	struct candidate c = {request->head, request->name, request->password, request->device_name};
	uint32_t uin = 0;

	int rc = check_candidate(call, &c);
	if (rc == HY_OK)
		rc = authenticate(auth, call, &c, &uin);
	if (rc == HY_UNAUTHENTICATED)
		rc = call_fail(call, rc, "wrong name or password");
	if (rc == HY_OK)
		rc = sign_device_in(auth, call, &c, uin, &response->ticket);
	if (rc == HY_OK) {
		response->uin = uin;
		count(call, MON_sign_ins);
		return HY_OK;
	}
	count(call, MON_sign_in_failures);
	if (rc != HY_RESOURCE_EXHAUSTED) /* whose limits speak for themselves, by samples: a flood is not logged */
		call_log(call, ENV_LOG_INFO, "auth", "sign-in of %.32s refused: %s", request->name, hy_status_name(rc));
	return rc;
}

/* ---- with a ticket ------------------------------------------------------------------------------------------- */

/** That there is a user, and that the head names the device of the ticket, if any. */
static int check_signed_in(struct call *call, const Hy__RequestHead *head)
{
	if (call->who.uin == 0)
		return call_fail(call, HY_UNAUTHENTICATED, "sign in first");
	if (head && head->device[0] != '\0' && strcmp(head->device, call->who.device) != 0) {
		call_log(call, ENV_LOG_WARN, "auth", "user %u: the ticket of device %s was brought by device %.32s",
			call->who.uin, call->who.device, head->device);
		return call_fail(call, HY_UNAUTHENTICATED, "the ticket belongs to another device");
	}
	return HY_OK;
}

static int handle_sign_out(
	void *self, struct call *call, const Hy__SignOutRequest *request, Hy__SignOutResponse *response)
{
	Hy__SessionRevokeRequest revoke = HY__SESSION_REVOKE_REQUEST__INIT;
	Hy__SessionRevokeResponse revoked = HY__SESSION_REVOKE_RESPONSE__INIT;

	int rc = check_signed_in(call, request->head);
	if (rc != HY_OK)
		return rc;
	revoke.uin = call->who.uin;
	revoke.device = (char *)(uintptr_t)call->who.device;
	return session_revoke(call, &revoke, &revoked);
}

static int handle_identify(
	void *self, struct call *call, const Hy__IdentifyRequest *request, Hy__IdentifyResponse *response)
{
	struct auth *auth = self;

	int rc = check_signed_in(call, request->head);
	if (rc != HY_OK)
		return rc;
	response->uin = call->who.uin;
	response->heartbeat_s = auth->config.heartbeat_s;
	return HY_OK;
}

static int handle_lookup(void *self, struct call *call, const Hy__LookupRequest *request, Hy__LookupResponse *response)
{
	Hy__AccountResolveNameRequest resolve = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;
	Hy__AccountResolveNameResponse found = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;

	int rc = check_signed_in(call, request->head);
	if (rc == HY_OK)
		rc = limit_user(call, HY__LIMIT_ACTION__LIMIT_SEARCH);
	if (rc == HY_OK)
		rc = check_name(call, request->name);
	if (rc != HY_OK)
		return rc;
	resolve.name = request->name;
	rc = account_resolve_name(call, &resolve, &found);
	if (rc == HY_NOT_FOUND)
		return call_fail(call, rc, "nobody has the name %s", request->name);
	response->uin = found.uin;
	return rc;
}

/* -------------------------------------------------------------------------------------------------------------- */

static const struct auth_handlers handlers = {
	.register_ = handle_register,
	.sign_in = handle_sign_in,
	.sign_out = handle_sign_out,
	.identify = handle_identify,
	.lookup = handle_lookup,
};

static void set_defaults(struct auth_config *config)
{
	if (config->hash_threads == 0)
		config->hash_threads = 1;
	if (config->hash_queue == 0)
		config->hash_queue = 64;
	if (config->hash_passes == 0)
		config->hash_passes = 2;
	if (config->hash_bytes == 0)
		config->hash_bytes = 19u << 20;
	if (config->uin_bits == 0 || config->uin_bits > 32)
		config->uin_bits = 31;
	if (config->heartbeat_s == 0)
		config->heartbeat_s = 270;
}

int auth_create(struct svr *svr, const struct auth_config *config, struct auth **ret_auth)
{
	struct auth *auth = hy_zalloc(sizeof *auth);

	auth->svr = svr;
	auth->config = *config;
	set_defaults(&auth->config);
	auth->cost = (struct password_cost){auth->config.hash_passes, auth->config.hash_bytes};
	int rc = sodium_init() < 0 ? HY_INTERNAL : password_hash_of_nobody(svr_env(svr), &auth->cost, auth->nobody);
	if (rc == HY_OK)
		rc = svr_pool_create(svr, "password", auth->config.hash_threads, auth->config.hash_queue, &auth->pool);
	if (rc != HY_OK) {
		hy_free(auth);
		return rc;
	}
	rpc_add_service(svr, &auth_service, &handlers, auth);
	*ret_auth = auth;
	return HY_OK;
}

void auth_destroy(struct auth *auth)
{
	if (!auth)
		return;
	svr_pool_destroy(auth->pool);
	hy_free(auth);
}
