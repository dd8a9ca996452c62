/* Sign-in: a name, a password, and a ticket for a device. */
#include <sodium.h>

#include "link.rpc.h"
#include "logic/auth/auth_internal.h"
#include "logic/auth/guess.h"
#include "logic/outcome.h"

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
	struct call own = auth_own_call(call);

	int rc = account_put_ticket(&own, request, &response);
	auth_own_ended(call, &own);
	if (!may_have_happened(rc))
		return rc;
	close_links(&own, request->uin, request->device);
	if (response.dropped_device[0] != '\0')
		close_links(&own, request->uin, response.dropped_device);
	return rc;
}

int auth_sign_device_in(struct auth *auth, struct call *call, const struct candidate *c,
	const struct authenticated *who, ProtobufCBinaryData *ret_ticket)
{
	Hy__AccountPutTicketRequest put = HY__ACCOUNT_PUT_TICKET_REQUEST__INIT;
	uint8_t hash[TICKET_HASH_SIZE];

	uint8_t *ticket = hy_arena_alloc(call->arena, TICKET_SIZE);
	if (!ticket)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	ticket_make(auth->config.keys, who->uin, c->head->device,
		hy_bytes(c->head->client_id.data, c->head->client_id.len), who->generation, ticket);
	ticket_hash(auth->config.keys, ticket, hash);
	put.uin = who->uin;
	put.generation = who->generation;
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

int auth_too_often(struct call *call)
{
	return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 1000, "the account's password is being changed");
}

/* ---- passwords ----------------------------------------------------------------------------------------------- */

static bool holds_ticket(const Hy__AccountGetCredentialResponse *credential, const char *device)
{
	for (size_t i = 0; i < credential->n_devices; i++)
		if (strcmp(credential->devices[i], device) == 0)
			return true;
	return false;
}

int auth_check_password(
	struct auth *auth, struct call *call, const struct candidate *c, uint32_t uin, struct authenticated *ret_who)
{
	Hy__AccountGetCredentialResponse credential = HY__ACCOUNT_GET_CREDENTIAL_RESPONSE__INIT;
	struct guess guess = {.name = c->name, .device = c->head->device};

	int rc = uin == 0 ? HY_NOT_FOUND : auth_credential(call, uin, &credential);
	bool nobody = rc == HY_NOT_FOUND;
	if (rc != HY_OK && !nobody)
		return rc;
	guess.known = !nobody && holds_ticket(&credential, c->head->device);
	rc = guess_begins(call, &guess);
	if (rc != HY_OK)
		return rc;
	rc = password_verify(
		auth->pool, call, &auth->cost, nobody ? auth->nobody : credential.password_hash, c->password);
	if (rc == HY_OK && nobody)
		rc = HY_UNAUTHENTICATED;
	if (rc != HY_UNAUTHENTICATED)
		guess_was_none(call, &guess);
	if (rc != HY_OK)
		return rc;
	if (credential.disabled)
		return call_fail(call, HY_PERMISSION_DENIED, "this account is disabled");
	auth_renew_password(auth, call, uin, c->password, credential.password_hash);
	*ret_who = (struct authenticated){uin, credential.generation};
	return HY_OK;
}

/** UNAUTHENTICATED for a wrong password and for an unknown name, after the same work. SUSPENDS. */
static int authenticate(struct auth *auth, struct call *call, const struct candidate *c, struct authenticated *ret_who)
{
	Hy__AccountResolveNameRequest resolve = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;
	Hy__AccountResolveNameResponse found = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;

	resolve.name = (char *)(uintptr_t)c->name;
	int rc = account_resolve_name(call, &resolve, &found);
	if (rc != HY_OK && rc != HY_NOT_FOUND)
		return rc;
	return auth_check_password(auth, call, c, rc == HY_OK ? found.uin : 0, ret_who);
}

/** Again from the beginning when the password was changed, or all were signed out, in between. SUSPENDS. */
static int sign_in(struct auth *auth, struct call *call, const struct candidate *c, Hy__SignInResponse *response)
{
	struct authenticated who = {0};
	int rc = HY_ABORTED;

	for (unsigned attempt = 0; attempt < AUTH_TRIES && rc == HY_ABORTED; attempt++) {
		rc = authenticate(auth, call, c, &who);
		if (rc == HY_UNAUTHENTICATED)
			return call_fail(call, rc, "wrong name or password");
		if (rc == HY_OK)
			rc = auth_sign_device_in(auth, call, c, &who, &response->ticket);
	}
	response->uin = who.uin;
	return rc == HY_ABORTED ? auth_too_often(call) : rc;
}

int auth_handle_sign_in(void *self, struct call *call, const Hy__SignInRequest *request, Hy__SignInResponse *response)
{
	struct candidate c = {request->head, request->name, request->password, request->device_name};

	int rc = auth_check_candidate(call, &c);
	if (rc == HY_OK)
		rc = sign_in(self, call, &c, response);
	if (rc == HY_OK) {
		auth_hint(call, response->uin); /* the other devices list this one, too */
		auth_count(call, MON_sign_ins);
		return HY_OK;
	}
	response->uin = 0;
	auth_count(call, MON_sign_in_failures);
	if (rc != HY_RESOURCE_EXHAUSTED) /* whose limits speak for themselves, by samples: a flood is not logged */
		call_log(call, ENV_LOG_INFO, "auth", "sign-in of %s refused: %s: %s", auth_name_for_log(request->name),
			hy_status_name(rc), call_why(call, rc));
	return rc;
}
