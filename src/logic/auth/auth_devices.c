/* With a ticket: the password, and the devices that are signed in. */
#include <sodium.h>

#include "link.rpc.h"
#include "logic/auth/auth_internal.h"
#include "logic/auth/guess.h"
#include "logic/limit_calls.h"
#include "logic/outcome.h"
#include "session.rpc.h"

int auth_handle_sign_out(
	void *self, struct call *call, const Hy__SignOutRequest *request, Hy__SignOutResponse *response)
{
	Hy__SessionRevokeRequest revoke = HY__SESSION_REVOKE_REQUEST__INIT;
	Hy__SessionRevokeResponse revoked = HY__SESSION_REVOKE_RESPONSE__INIT;

	int rc = auth_check_signed_in(call, request->head);
	if (rc != HY_OK)
		return rc;
	revoke.uin = call->who.uin;
	revoke.device = (char *)(uintptr_t)call->who.device;
	rc = session_revoke(call, &revoke, &revoked);
	auth_hint(call, call->who.uin);
	return rc;
}

/* ---- the password ------------------------------------------------------------------------------------------------ */

/** SUSPENDS. */
static int revoke_all(struct call *call, uint32_t uin, const char *keep_device, bool links_only, uint32_t *ret_ended)
{
	Hy__SessionRevokeAllRequest revoke = HY__SESSION_REVOKE_ALL_REQUEST__INIT;
	Hy__SessionRevokeAllResponse revoked = HY__SESSION_REVOKE_ALL_RESPONSE__INIT;

	revoke.uin = uin;
	revoke.keep_device = (char *)(uintptr_t)keep_device;
	revoke.links_only = links_only;
	int rc = session_revoke_all(call, &revoke, &revoked);
	*ret_ended = revoked.ended;
	auth_hint(call, uin);
	return rc;
}

int auth_put_password(struct auth *auth, struct call *call, uint32_t uin, const char *password,
	const char *expected_hash, const char *keep_device)
{
	Hy__AccountPutPasswordRequest put = HY__ACCOUNT_PUT_PASSWORD_REQUEST__INIT;
	Hy__AccountPutPasswordResponse done = HY__ACCOUNT_PUT_PASSWORD_RESPONSE__INIT;
	char hash[PASSWORD_HASH_MAX];
	uint32_t ended;

	int rc = password_hash(auth->pool, call, &auth->cost, password, hash);
	if (rc != HY_OK)
		return rc;
	struct call own = auth_own_call(call);
	put.uin = uin;
	put.password_hash = hash;
	put.expected_hash = (char *)(uintptr_t)expected_hash;
	put.keep_device = (char *)(uintptr_t)keep_device;
	rc = account_put_password(&own, &put, &done);
	auth_own_ended(call, &own);
	sodium_memzero(hash, sizeof hash);
	if (!may_have_happened(rc))
		return rc;
	/* the tickets first: a link that comes back between the two finds its own gone */
	int closing = revoke_all(&own, uin, keep_device, true, &ended);
	call_log(call, ENV_LOG_INFO, "auth", "user %u: password changed: %s; links of other devices closed: %s", uin,
		hy_status_name(rc), hy_status_name(closing));
	return rc != HY_OK ? rc : closing;
}

void auth_renew_password(struct auth *auth, struct call *call, uint32_t uin, const char *password, const char *hash)
{
	Hy__AccountPutPasswordRequest put = HY__ACCOUNT_PUT_PASSWORD_REQUEST__INIT;
	Hy__AccountPutPasswordResponse done = HY__ACCOUNT_PUT_PASSWORD_RESPONSE__INIT;
	struct call own = *call; /* what it says is not for the caller */
	char renewed[PASSWORD_HASH_MAX];

	if (password_hash_costs(hash, &auth->cost))
		return;
	int rc = password_hash(auth->pool, &own, &auth->cost, password, renewed);
	if (rc == HY_OK) {
		put.uin = uin;
		put.password_hash = renewed;
		put.expected_hash = (char *)(uintptr_t)hash;
		put.renew = true;
		rc = account_put_password(&own, &put, &done);
		sodium_memzero(renewed, sizeof renewed);
	}
	if (rc == HY_OK)
		auth_count(call, MON_passwords_renewed);
	call_log(call, ENV_LOG_INFO, "auth", "user %u: password hashed anew, at the cost that is set now: %s", uin,
		hy_status_name(rc));
}

/** Whether it is the account's password, as at sign-in: who has a device in his hands may guess no faster. SUSPENDS. */
static int look_at(struct auth *auth, struct call *call, const char *hash, const char *password)
{
	struct guess guess = {.name = call->who.name, .device = call->who.device, .known = true};

	int rc = guess_begins(call, &guess);
	if (rc != HY_OK)
		return rc;
	rc = password_verify(auth->pool, call, &auth->cost, hash, password);
	if (rc != HY_UNAUTHENTICATED)
		guess_was_none(call, &guess);
	return rc;
}

/**
 * A repeat whose answer was lost finds the new password in place of the old one. SUSPENDS. ABORTED: it was changed
 * meanwhile.
 */
static int change_password(struct auth *auth, struct call *call, const Hy__ChangePasswordRequest *request)
{
	Hy__AccountGetCredentialResponse credential = HY__ACCOUNT_GET_CREDENTIAL_RESPONSE__INIT;
	const char *device = call->who.device;
	uint32_t ended;

	int rc = auth_credential(call, call->who.uin, &credential);
	if (rc == HY_OK)
		rc = look_at(auth, call, credential.password_hash, request->old_password);
	if (rc == HY_OK)
		return auth_put_password(
			auth, call, call->who.uin, request->new_password, credential.password_hash, device);
	if (rc != HY_UNAUTHENTICATED)
		return rc;
	rc = look_at(auth, call, credential.password_hash, request->new_password);
	if (rc == HY_UNAUTHENTICATED)
		return call_fail(call, rc, "the old password is wrong");
	return rc == HY_OK ? revoke_all(call, call->who.uin, device, true, &ended) : rc;
}

int auth_handle_change_password(
	void *self, struct call *call, const Hy__ChangePasswordRequest *request, Hy__ChangePasswordResponse *response)
{
	int rc = auth_check_signed_in(call, request->head);
	if (rc == HY_OK)
		rc = limit_user(call, HY__LIMIT_ACTION__LIMIT_CHANGE);
	if (rc == HY_OK)
		rc = auth_check_new_password(call, request->new_password);
	if (rc != HY_OK)
		return rc;
	rc = HY_ABORTED;
	for (unsigned attempt = 0; attempt < AUTH_TRIES && rc == HY_ABORTED; attempt++)
		rc = change_password(self, call, request);
	if (rc == HY_OK)
		auth_count(call, MON_passwords_changed);
	else
		call_log(call, ENV_LOG_INFO, "auth", "user %u: change of password refused: %s: %s", call->who.uin,
			hy_status_name(rc), call_why(call, rc));
	return rc == HY_ABORTED ? auth_too_often(call) : rc;
}

/* ---- devices ----------------------------------------------------------------------------------------------------- */

/** SUSPENDS. */
static int signed_in_devices(struct call *call, Hy__SessionDevicesResponse *ret_devices)
{
	Hy__SessionDevicesRequest request = HY__SESSION_DEVICES_REQUEST__INIT;

	request.uin = call->who.uin;
	return session_devices(call, &request, ret_devices);
}

static bool has_device(const Hy__LinkOnlineResponse *online, const char *device)
{
	for (size_t i = 0; i < online->n_devices; i++)
		if (strcmp(online->devices[i], device) == 0)
			return true;
	return false;
}

int auth_handle_list_devices(
	void *self, struct call *call, const Hy__ListDevicesRequest *request, Hy__ListDevicesResponse *response)
{
	Hy__SessionDevicesResponse devices = HY__SESSION_DEVICES_RESPONSE__INIT;
	Hy__LinkOnlineRequest ask = HY__LINK_ONLINE_REQUEST__INIT;
	Hy__LinkOnlineResponse online = HY__LINK_ONLINE_RESPONSE__INIT;

	int rc = auth_check_signed_in(call, request->head);
	if (rc == HY_OK)
		rc = signed_in_devices(call, &devices);
	ask.uin = call->who.uin;
	if (rc == HY_OK)
		rc = link_online(call, &ask, &online);
	if (rc != HY_OK)
		return rc;
	Hy__SignedInDevice *made = hy_arena_alloc(call->arena, devices.n_devices * sizeof *made);
	response->devices = hy_arena_alloc(call->arena, devices.n_devices * sizeof *response->devices);
	if (!made || !response->devices)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	for (size_t i = 0; i < devices.n_devices; i++) {
		const Hy__SessionDevice *d = devices.devices[i];
		hy__signed_in_device__init(&made[i]);
		made[i].device = d->device;
		made[i].name = d->name;
		made[i].signed_in_ms = d->signed_in_ms;
		made[i].seen_ms = d->seen_ms;
		made[i].this_one = strcmp(d->device, call->who.device) == 0;
		made[i].online = has_device(&online, d->device);
		response->devices[i] = &made[i];
	}
	response->n_devices = devices.n_devices;
	return HY_OK;
}

/** NOT_FOUND: it holds no ticket. SUSPENDS. */
static int sign_one_out(struct call *call, char *device)
{
	Hy__SessionRevokeRequest revoke = HY__SESSION_REVOKE_REQUEST__INIT;
	Hy__SessionRevokeResponse revoked = HY__SESSION_REVOKE_RESPONSE__INIT;
	Hy__SessionDevicesResponse devices = HY__SESSION_DEVICES_RESPONSE__INIT;
	bool found = false;

	int rc = signed_in_devices(call, &devices);
	if (rc != HY_OK)
		return rc;
	for (size_t i = 0; i < devices.n_devices; i++)
		found = found || strcmp(devices.devices[i]->device, device) == 0;
	if (!found)
		return call_fail(call, HY_NOT_FOUND, "no device of this name is signed in");
	revoke.uin = call->who.uin;
	revoke.device = device;
	rc = session_revoke(call, &revoke, &revoked);
	auth_hint(call, call->who.uin);
	return rc;
}

int auth_handle_sign_out_device(
	void *self, struct call *call, const Hy__SignOutDeviceRequest *request, Hy__SignOutDeviceResponse *response)
{
	int rc = auth_check_signed_in(call, request->head);
	if (rc != HY_OK)
		return rc;
	if (request->device[0] == '\0')
		return revoke_all(call, call->who.uin, request->all ? "" : call->who.device, false, &response->ended);
	rc = sign_one_out(call, request->device);
	response->ended = rc == HY_OK;
	return rc;
}
