/* admin_user.c - see admin_user.h. */
#include "main/admin_user.h"

#include "account.rpc.h"
#include "auth.rpc.h"
#include "base/key.h"
#include "base/mem.h"
#include "deletion.rpc.h"
#include "link.rpc.h"
#include "logic/outcome.h"
#include "main/admin_internal.h"
#include "main/admin_task.h"
#include "session.rpc.h"

#define LISTED_MAX 200u

#define TEXT(s) ((char *)(uintptr_t)(s))

/* ---- finding ----------------------------------------------------------------------------------------------------- */

/** NOT_FOUND. */
static int resolve(struct call *call, const char *name, uint32_t *ret_uin)
{
	Hy__AccountResolveNameRequest request = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;
	Hy__AccountResolveNameResponse response = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;

	request.name = TEXT(name);
	int rc = account_resolve_name(call, &request, &response);
	if (rc == HY_NOT_FOUND)
		return call_fail(call, rc, "nobody has the name %s", name);
	*ret_uin = response.uin;
	return rc;
}

/** The same of an account that is gone, too. UIN 0: nobody's any more, and the name is kept from all. NOT_FOUND. */
static int resolve_released(struct call *call, const char *name, uint32_t *ret_uin)
{
	Hy__AccountResolveNameRequest request = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;
	Hy__AccountResolveNameResponse response = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;

	request.name = TEXT(name);
	request.released = true;
	int rc = account_resolve_name(call, &request, &response);
	if (rc == HY_NOT_FOUND)
		return call_fail(call, rc, "nobody has the name %s", name);
	*ret_uin = response.uin;
	return rc;
}

/** Users after one of them, at most `limit`. */
static int list(struct call *call, ProtobufCBinaryData after, uint32_t limit, Hy__AccountListUsersResponse *ret_users)
{
	Hy__AccountListUsersRequest request = HY__ACCOUNT_LIST_USERS_REQUEST__INIT;

	hy__account_list_users_response__init(ret_users);
	request.after = after;
	request.limit = limit;
	return account_list_users(call, &request, ret_users);
}

/** What the list of all users says of one. NOT_FOUND. */
static int listed(struct call *call, uint32_t uin, Hy__AccountListedUser **ret_user)
{
	struct hy_key before = hy_key_user(uin - 1);
	Hy__AccountListUsersResponse users;

	int rc = list(call, (ProtobufCBinaryData){before.len, before.bytes}, 1, &users);
	if (rc != HY_OK)
		return rc;
	if (uin == 0 || users.n_users == 0 || users.users[0]->uin != uin)
		return call_fail(call, HY_NOT_FOUND, "there is no user %u", uin);
	*ret_user = users.users[0];
	return HY_OK;
}

/* ---- describing -------------------------------------------------------------------------------------------------- */

static bool is_online(const Hy__LinkOnlineResponse *online, const char *device)
{
	for (size_t i = 0; i < online->n_devices; i++)
		if (strcmp(online->devices[i], device) == 0)
			return true;
	return false;
}

/** When the device was last seen: what the session remembers is newer than what is stored. */
static uint64_t seen_ms(const Hy__SessionDevicesResponse *seen, const Hy__AccountDevice *stored)
{
	for (size_t i = 0; i < seen->n_devices; i++)
		if (strcmp(seen->devices[i]->device, stored->device) == 0)
			return HY_MAX(seen->devices[i]->seen_ms, stored->seen_ms);
	return stored->seen_ms;
}

static int describe_devices(struct call *call, uint32_t uin, Hy__AdminShowUserResponse *response)
{
	Hy__AccountListDevicesRequest ask = HY__ACCOUNT_LIST_DEVICES_REQUEST__INIT;
	Hy__AccountListDevicesResponse stored = HY__ACCOUNT_LIST_DEVICES_RESPONSE__INIT;
	Hy__SessionDevicesRequest ask_seen = HY__SESSION_DEVICES_REQUEST__INIT;
	Hy__SessionDevicesResponse seen = HY__SESSION_DEVICES_RESPONSE__INIT;
	Hy__LinkOnlineRequest ask_online = HY__LINK_ONLINE_REQUEST__INIT;
	Hy__LinkOnlineResponse online = HY__LINK_ONLINE_RESPONSE__INIT;

	ask.uin = ask_seen.uin = ask_online.uin = uin;
	ask.names = true;
	int rc = account_list_devices(call, &ask, &stored);
	if (rc == HY_OK)
		rc = session_devices(call, &ask_seen, &seen);
	if (rc == HY_OK)
		rc = link_online(call, &ask_online, &online);
	if (rc != HY_OK)
		return rc;
	Hy__AdminDevice *all = hy_arena_alloc(call->arena, (stored.n_devices + 1) * sizeof *all);
	response->devices = hy_arena_alloc(call->arena, (stored.n_devices + 1) * sizeof(void *));
	if (!all || !response->devices)
		return HY_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < stored.n_devices; i++) {
		Hy__AdminDevice *d = &all[i];
		hy__admin_device__init(d);
		d->device = stored.devices[i]->device;
		d->name = stored.devices[i]->name;
		d->signed_in_ms = stored.devices[i]->signed_in_ms;
		d->seen_ms = seen_ms(&seen, stored.devices[i]);
		d->online = is_online(&online, d->device);
		response->devices[i] = d;
	}
	response->n_devices = stored.n_devices;
	return HY_OK;
}

static Hy__AdminUser *new_user(struct call *call, const Hy__AccountListedUser *from)
{
	Hy__AdminUser *u = hy_arena_alloc(call->arena, sizeof *u);

	if (!u)
		return NULL;
	hy__admin_user__init(u);
	u->uin = from->uin;
	u->messages = from->inbox_rows;
	u->message_bytes = from->inbox_bytes;
	u->contacts = from->contacts;
	return u;
}

/** It is gone: no user in the answer, unless its deletion goes on, or was cut short and will. */
static int describe_gone(struct call *call, const Hy__AccountListedUser *from, Hy__AdminShowUserResponse *response)
{
	Hy__AccountGetErasureRequest ask = HY__ACCOUNT_GET_ERASURE_REQUEST__INIT;
	Hy__AccountGetErasureResponse erasure = HY__ACCOUNT_GET_ERASURE_RESPONSE__INIT;

	ask.uin = from->uin;
	int rc = from->intents > 0 ? account_get_erasure(call, &ask, &erasure) : HY_NOT_FOUND;
	if (rc != HY_OK)
		return rc == HY_NOT_FOUND ? HY_OK : rc;
	Hy__AdminUser *u = new_user(call, from);
	if (!u)
		return HY_RESOURCE_EXHAUSTED;
	u->name = erasure.name;
	u->deleting = true;
	response->user = u;
	return HY_OK;
}

/** No user in the answer: the account was deleted. */
static int describe(struct call *call, const Hy__AccountListedUser *from, Hy__AdminShowUserResponse *response)
{
	Hy__AccountGetCardRequest ask = HY__ACCOUNT_GET_CARD_REQUEST__INIT;
	Hy__AccountGetCardResponse card = HY__ACCOUNT_GET_CARD_RESPONSE__INIT;

	ask.uin = from->uin;
	int rc = account_get_card(call, &ask, &card);
	if (rc == HY_NOT_FOUND || (rc == HY_OK && !card.card))
		return HY_OK;
	if (rc == HY_OK && card.card->gone)
		return describe_gone(call, from, response);
	if (rc == HY_OK)
		rc = describe_devices(call, from->uin, response);
	if (rc != HY_OK)
		return rc;
	Hy__AdminUser *u = new_user(call, from);
	if (!u)
		return HY_RESOURCE_EXHAUSTED;
	u->name = card.card->name;
	u->nickname = card.card->nickname;
	u->created_ms = card.created_ms;
	u->disabled = card.disabled;
	u->devices = (uint32_t)response->n_devices;
	for (size_t i = 0; i < response->n_devices; i++) {
		u->seen_ms = HY_MAX(u->seen_ms, response->devices[i]->seen_ms);
		u->online |= response->devices[i]->online;
	}
	response->user = u;
	return HY_OK;
}

int admin_user_list(
	void *self, struct call *call, const Hy__AdminListUsersRequest *request, Hy__AdminListUsersResponse *response)
{
	uint32_t limit = request->limit == 0 ? LISTED_MAX : HY_MIN(request->limit, LISTED_MAX);
	Hy__AccountListUsersResponse users;

	int rc = list(call, request->after, limit, &users);
	if (rc != HY_OK)
		return rc;
	response->users = hy_arena_alloc(call->arena, (users.n_users + 1) * sizeof(void *));
	if (!response->users)
		return HY_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < users.n_users; i++) {
		Hy__AdminShowUserResponse one = HY__ADMIN_SHOW_USER_RESPONSE__INIT;
		rc = describe(call, users.users[i], &one);
		if (rc != HY_OK)
			return rc;
		if (one.user)
			response->users[response->n_users++] = one.user;
	}
	response->more = users.more;
	response->next = users.next;
	return HY_OK;
}

int admin_user_show(
	void *self, struct call *call, const Hy__AdminShowUserRequest *request, Hy__AdminShowUserResponse *response)
{
	uint32_t uin = request->uin;
	Hy__AccountListedUser *user = NULL;

	int rc = request->name[0] ? resolve(call, request->name, &uin) : HY_OK;
	if (rc == HY_OK)
		rc = listed(call, uin, &user);
	if (rc == HY_OK)
		rc = describe(call, user, response);
	if (rc == HY_OK && !response->user)
		return call_fail(call, HY_NOT_FOUND, "user %u was deleted", uin);
	return rc;
}

/* ---- changing ---------------------------------------------------------------------------------------------------- */

/** Who asked is whoever can open the socket: the server's own user. */
static int note(struct admin *admin, struct call *call, const char *what, const char *name, uint32_t uin, int rc)
{
	const char *message = call->message;
	uint32_t retry_after_ms = call->retry_after_ms;

	if (uin != 0)
		audit_line(admin->audit, call, "%s %.64s (user %u): %s", what, name, uin, hy_status_name(rc));
	else
		audit_line(admin->audit, call, "%s %.64s: %s", what, name, hy_status_name(rc));
	call->message = message;
	call->retry_after_ms = retry_after_ms;
	return rc;
}

static int create_user(void *self, struct call *call, const ProtobufCMessage *asked, ProtobufCMessage *answer)
{
	const Hy__AdminCreateUserRequest *request = (const void *)asked;
	Hy__AdminCreateUserResponse *response = (void *)answer;
	Hy__AuthCreateAccountRequest create = HY__AUTH_CREATE_ACCOUNT_REQUEST__INIT;
	Hy__AuthCreateAccountResponse created = HY__AUTH_CREATE_ACCOUNT_RESPONSE__INIT;

	create.name = request->name;
	create.password = request->password;
	int rc = auth_create_account(call, &create, &created);
	response->uin = created.uin;
	return note(self, call, "create", request->name, created.uin, rc);
}

static int reset_password(void *self, struct call *call, const ProtobufCMessage *asked, ProtobufCMessage *answer)
{
	const Hy__AdminResetPasswordRequest *request = (const void *)asked;
	Hy__AuthResetPasswordRequest reset = HY__AUTH_RESET_PASSWORD_REQUEST__INIT;
	Hy__AuthResetPasswordResponse done = HY__AUTH_RESET_PASSWORD_RESPONSE__INIT;

	reset.password = request->password;
	int rc = resolve(call, request->name, &reset.uin);
	if (rc == HY_OK)
		rc = auth_reset_password(call, &reset, &done);
	return note(self, call, "reset-password", request->name, reset.uin, rc);
}

/** Links are closed behind the write, also when it is not known whether it is durable: who has the right comes back. */
static int put_disabled(struct call *call, uint32_t uin, bool disabled)
{
	Hy__AccountPutDisabledRequest put = HY__ACCOUNT_PUT_DISABLED_REQUEST__INIT;
	Hy__AccountPutDisabledResponse done = HY__ACCOUNT_PUT_DISABLED_RESPONSE__INIT;
	Hy__LinkCloseDeviceRequest close = HY__LINK_CLOSE_DEVICE_REQUEST__INIT;
	Hy__LinkCloseDeviceResponse closed = HY__LINK_CLOSE_DEVICE_RESPONSE__INIT;
	struct call own = *call;

	own.deadline_us = UINT64_MAX; /* so that the methods' own count: links are closed however long the write took */
	put.uin = close.uin = uin;
	put.disabled = disabled;
	int rc = account_put_disabled(&own, &put, &done);
	call->message = own.message;
	call->retry_after_ms = own.retry_after_ms;
	if (!disabled || !may_have_happened(rc))
		return rc;
	int closing = link_close_device(&own, &close, &closed);
	return rc == HY_OK ? closing : rc;
}

static int disable_user(void *self, struct call *call, const ProtobufCMessage *asked, ProtobufCMessage *answer)
{
	const Hy__AdminDisableUserRequest *request = (const void *)asked;
	uint32_t uin = 0;

	int rc = resolve(call, request->name, &uin);
	if (rc == HY_OK)
		rc = put_disabled(call, uin, request->disabled);
	return note(self, call, request->disabled ? "disable" : "enable", request->name, uin, rc);
}

/** Of an account that was deleted before, whose name was kept. */
static int free_kept_name(struct call *call, const Hy__AdminDeleteUserRequest *request)
{
	Hy__AccountReleaseNameRequest release = HY__ACCOUNT_RELEASE_NAME_REQUEST__INIT;
	Hy__AccountReleaseNameResponse released = HY__ACCOUNT_RELEASE_NAME_RESPONSE__INIT;

	if (!request->free_name)
		return call_fail(call, HY_NOT_FOUND,
			"%s was deleted before; the name is kept from all, until it is deleted with --free-name",
			request->name);
	release.name = request->name;
	release.free = true;
	return account_release_name(call, &release, &released);
}

static int delete_user(void *self, struct call *call, const ProtobufCMessage *asked, ProtobufCMessage *answer)
{
	const Hy__AdminDeleteUserRequest *request = (const void *)asked;
	Hy__AdminDeleteUserResponse *response = (void *)answer;
	Hy__DeletionDeleteRequest order = HY__DELETION_DELETE_REQUEST__INIT;
	Hy__DeletionDeleteResponse done = HY__DELETION_DELETE_RESPONSE__INIT;
	struct admin *admin = self;

	/* before the first step: should the server die on the way, it is known who began it */
	if (request->uin != 0)
		audit_line(admin->audit, call, "delete user %u%s: begun", request->uin,
			request->free_name ? ", freeing the name" : "");
	else
		audit_line(admin->audit, call, "delete %.64s%s: begun", request->name,
			request->free_name ? ", freeing the name" : "");
	order.uin = request->uin;
	order.name = request->name;
	order.free_name = request->free_name;
	int rc = request->uin == 0 ? resolve_released(call, request->name, &order.uin) : HY_OK;
	if (rc == HY_OK && order.uin == 0) {
		rc = free_kept_name(call, request);
		response->name = request->name;
		return note(self, call, "free the name", request->name, 0, rc);
	}
	if (rc == HY_OK)
		rc = deletion_delete(call, &order, &done);
	response->uin = order.uin;
	response->name = done.name;
	return note(self, call, "delete", request->uin == 0 ? request->name : done.name, order.uin, rc);
}

static int invite(void *self, struct call *call, const ProtobufCMessage *asked, ProtobufCMessage *answer)
{
	const Hy__AdminInviteRequest *request = (const void *)asked;
	Hy__AdminInviteResponse *response = (void *)answer;
	struct admin *admin = self;
	Hy__AuthInviteRequest made = HY__AUTH_INVITE_REQUEST__INIT;
	Hy__AuthInviteResponse invited = HY__AUTH_INVITE_RESPONSE__INIT;

	made.uses = request->uses;
	made.valid_ms = request->valid_ms;
	int rc = auth_invite(call, &made, &invited);
	response->code = invited.code;
	response->uses = invited.uses;
	response->expires_ms = invited.expires_ms;
	uint64_t now_ms = env_wall_ms(svr_env(svr_of_loop(call->loop)));
	/* the code itself is a key to the house */
	if (rc == HY_OK)
		audit_line(admin->audit, call, "invite %u, valid for %llu s: OK", invited.uses,
			(unsigned long long)((invited.expires_ms - HY_MIN(now_ms, invited.expires_ms) + 999) / 1000));
	else
		audit_line(admin->audit, call, "invite: %s", hy_status_name(rc));
	return rc;
}

/* ---- handlers: each change goes on though its caller leaves ------------------------------------------------------ */

int admin_user_create(
	void *self, struct call *call, const Hy__AdminCreateUserRequest *request, Hy__AdminCreateUserResponse *response)
{
	return admin_task(call, create_user, self, &request->base, &response->base);
}

int admin_user_reset_password(void *self, struct call *call, const Hy__AdminResetPasswordRequest *request,
	Hy__AdminResetPasswordResponse *response)
{
	return admin_task(call, reset_password, self, &request->base, &response->base);
}

int admin_user_disable(void *self, struct call *call, const Hy__AdminDisableUserRequest *request,
	Hy__AdminDisableUserResponse *response)
{
	return admin_task(call, disable_user, self, &request->base, &response->base);
}

int admin_user_delete(
	void *self, struct call *call, const Hy__AdminDeleteUserRequest *request, Hy__AdminDeleteUserResponse *response)
{
	return admin_task(call, delete_user, self, &request->base, &response->base);
}

int admin_user_invite(
	void *self, struct call *call, const Hy__AdminInviteRequest *request, Hy__AdminInviteResponse *response)
{
	return admin_task(call, invite, self, &request->base, &response->base);
}
