/* admin_erase.c - the end of an account, step by step: see admin_user.h. */
#include "main/admin_user.h"

#include "account.rpc.h"
#include "base/mem.h"
#include "contact.rpc.h"
#include "contacts.rpc.h"
#include "message.rpc.h"

#define PEERS_PAGE 256u
#define SETTLE_TRIES 5u
#define SETTLE_PAUSE_US (200ull * 1000)
#define CLIENT_ID_SIZE 16u

/** What is not there (any more) is what is wanted. */
static int done_before(int rc)
{
	return rc == HY_NOT_FOUND ? HY_OK : rc;
}

static int take_wish_back(struct call *call, uint32_t uin, uint32_t peer)
{
	struct env *env = svr_env(svr_of_loop(call->loop));
	Hy__ContactSetWishRequest request = HY__CONTACT_SET_WISH_REQUEST__INIT;
	Hy__ContactSetWishResponse response = HY__CONTACT_SET_WISH_RESPONSE__INIT;
	uint8_t client_id[CLIENT_ID_SIZE];

	env_random(env, client_id, sizeof client_id);
	request.uin = uin;
	request.peer = peer;
	request.client_id = (ProtobufCBinaryData){sizeof client_id, client_id};
	request.made_ms = env_wall_ms(env);
	int rc = contact_set_wish(call, &request, &response);
	return rc == HY_FAILED_PRECONDITION ? HY_OK : done_before(rc);
}

/** Each contact and each request ends, on this side; the others hear of it by the intents that this leaves. */
static int take_wishes_back(struct call *call, uint32_t uin)
{
	Hy__ContactListRequest request = HY__CONTACT_LIST_REQUEST__INIT;
	Hy__ContactListResponse page = HY__CONTACT_LIST_RESPONSE__INIT;

	request.uin = uin;
	request.limit = PEERS_PAGE;
	do {
		hy__contact_list_response__init(&page);
		int rc = done_before(contact_list(call, &request, &page));
		for (size_t i = 0; i < page.n_contacts && rc == HY_OK; i++) {
			const Hy__ContactListed *c = page.contacts[i];
			request.after = c->peer;
			if (c->mine && c->mine->wishes)
				rc = take_wish_back(call, uin, c->peer);
		}
		if (rc != HY_OK)
			return rc;
	} while (page.more && page.n_contacts > 0);
	return HY_OK;
}

static int erase_account(struct call *call, uint32_t uin)
{
	Hy__AccountEraseRequest request = HY__ACCOUNT_ERASE_REQUEST__INIT;
	Hy__AccountEraseResponse response = HY__ACCOUNT_ERASE_RESPONSE__INIT;

	request.uin = uin;
	return done_before(account_erase(call, &request, &response));
}

/** All must have heard before the list of whom to tell goes. */
static int tell_contacts(struct call *call, uint32_t uin)
{
	Hy__ContactsSettleRequest request = HY__CONTACTS_SETTLE_REQUEST__INIT;
	Hy__ContactsSettleResponse response = HY__CONTACTS_SETTLE_RESPONSE__INIT;

	request.uin = uin;
	for (unsigned attempt = 0; attempt < SETTLE_TRIES; attempt++) {
		int rc = contacts_settle(call, &request, &response);
		if (rc != HY_OK)
			return rc;
		if (response.left == 0)
			return HY_OK;
		rc = co_sleep_until(call->loop, svr_now_us(call->loop) + SETTLE_PAUSE_US);
		if (rc != HY_OK)
			return rc;
	}
	return call_fail(call, HY_UNAVAILABLE,
		"%u contacts could not be told that the account is gone; delete it once more in a while to go on",
		response.left);
}

static int erase_contacts(struct call *call, uint32_t uin)
{
	Hy__ContactEraseRequest request = HY__CONTACT_ERASE_REQUEST__INIT;
	Hy__ContactEraseResponse response = HY__CONTACT_ERASE_RESPONSE__INIT;
	int rc;

	request.uin = uin;
	do {
		hy__contact_erase_response__init(&response);
		rc = done_before(contact_erase(call, &request, &response));
	} while (rc == HY_OK && response.more);
	return rc;
}

static int erase_messages(struct call *call, uint32_t uin)
{
	Hy__MessageEraseRequest request = HY__MESSAGE_ERASE_REQUEST__INIT;
	Hy__MessageEraseResponse response = HY__MESSAGE_ERASE_RESPONSE__INIT;

	request.uin = uin;
	return done_before(message_erase(call, &request, &response));
}

static int disable(struct call *call, uint32_t uin)
{
	return done_before(admin_user_put_disabled(call, uin, true));
}

static const struct step {
	const char *name;
	int (*go)(struct call *call, uint32_t uin);
} steps[] = {
	{"end its tickets and links", disable},
	{"take its wishes back", take_wishes_back},
	{"erase the account", erase_account},
	{"tell its contacts", tell_contacts},
	{"erase its contacts", erase_contacts},
	{"erase its messages", erase_messages},
};

/** Also of an account that is gone; UIN 0: all was done before. */
static int find(struct call *call, const char *name, uint32_t *ret_uin)
{
	Hy__AccountResolveNameRequest request = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;
	Hy__AccountResolveNameResponse response = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;

	request.name = (char *)(uintptr_t)name;
	request.released = true;
	int rc = account_resolve_name(call, &request, &response);
	if (rc == HY_NOT_FOUND)
		return call_fail(call, rc, "nobody has the name %s", name);
	*ret_uin = response.uin;
	return rc;
}

int admin_user_erase(struct call *call, const char *name, bool free_name, uint32_t *ret_uin)
{
	Hy__AccountReleaseNameRequest release = HY__ACCOUNT_RELEASE_NAME_REQUEST__INIT;
	Hy__AccountReleaseNameResponse released = HY__ACCOUNT_RELEASE_NAME_RESPONSE__INIT;

	int rc = find(call, name, ret_uin);
	if (rc != HY_OK)
		return rc;
	if (*ret_uin == 0)
		return call_fail(call, HY_NOT_FOUND, "%s was deleted before; the name is kept from all", name);
	for (size_t i = 0; i < HY_COUNT_OF(steps); i++) {
		rc = steps[i].go(call, *ret_uin);
		if (rc == HY_OK)
			continue;
		call_log(call, ENV_LOG_WARN, "admin", "deleting user %u stopped where it was to %s: %s", *ret_uin,
			steps[i].name, hy_status_name(rc));
		return rc;
	}
	release.name = (char *)(uintptr_t)name;
	release.uin = *ret_uin;
	release.free = free_name;
	return account_release_name(call, &release, &released);
}
