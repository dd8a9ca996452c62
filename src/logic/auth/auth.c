#include "logic/auth/auth.h"

#include <sodium.h>

#include "base/mem.h"
#include "link.rpc.h"
#include "logic/auth/auth_internal.h"
#include "logic/limit_calls.h"
#include "logic/plain_text.h"
#include "sync.pb-c.h"

#define NAME_SHORTEST 3u
#define NAME_LONGEST 32u
#define PASSWORD_MIN 8u
#define PASSWORD_MAX 128u
#define DEVICE_MAX 32u
#define DEVICE_NAME_MAX 64u
/** Just under ten minutes, as far as phones' networks bear it; clients begin with less and learn (sdk/c/heartbeat.h).
 */
#define HEARTBEAT_DEFAULT_S 580u

void auth_count(struct call *call, enum mon_id id)
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

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len >= NAME_SHORTEST && len <= NAME_LONGEST && only_of(name, false);
}

const char *auth_name_for_log(const char *name)
{
	return is_name(name) ? name : "what is no name";
}

int auth_check_name(struct call *call, const char *name)
{
	if (!is_name(name))
		return call_fail(call, HY_INVALID_ARGUMENT,
			"an account name has %u to %u of the characters a-z 0-9 . _ -", NAME_SHORTEST, NAME_LONGEST);
	return HY_OK;
}

int auth_check_new_password(struct call *call, const char *password)
{
	size_t len = strlen(password);

	if (len < PASSWORD_MIN || len > PASSWORD_MAX)
		return call_fail(
			call, HY_INVALID_ARGUMENT, "a password has %u to %u bytes", PASSWORD_MIN, PASSWORD_MAX);
	return HY_OK;
}

int auth_check_candidate(struct call *call, const struct candidate *c)
{
	int rc = auth_check_name(call, c->name);
	if (rc == HY_OK)
		rc = auth_check_new_password(call, c->password);
	if (rc != HY_OK)
		return rc;
	if (!c->head || c->head->client_id.len != AUTH_CLIENT_ID_SIZE)
		return call_fail(
			call, HY_INVALID_ARGUMENT, "the request needs a client ID of %u bytes", AUTH_CLIENT_ID_SIZE);
	size_t len = strlen(c->head->device);
	if (len == 0 || len > DEVICE_MAX || !only_of(c->head->device, true))
		return call_fail(call, HY_INVALID_ARGUMENT, "a device has 1 to %u of the characters A-Z a-z 0-9 . _ -",
			DEVICE_MAX);
	return plain_text_check(call, "device's name", c->device_name, DEVICE_NAME_MAX);
}

int auth_check_signed_in(struct call *call, const Hy__RequestHead *head)
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

/* ---- what the others need ---------------------------------------------------------------------------------------- */

void auth_hint(struct call *call, uint32_t uin)
{
	Hy__LinkHintRequest request = HY__LINK_HINT_REQUEST__INIT;
	Hy__LinkHintResponse response = HY__LINK_HINT_RESPONSE__INIT;

	request.uin = uin;
	request.kinds = 1u << HY__SYNC_KIND__SYNC_KIND_ACCOUNT;
	(void)link_hint(call, &request, &response); /* a hint may be lost (R6) */
}

struct call auth_own_call(const struct call *call)
{
	struct call own = *call;

	own.deadline_us = UINT64_MAX; /* so that the methods' own count */
	return own;
}

void auth_own_ended(struct call *call, const struct call *own)
{
	call->message = own->message;
	call->retry_after_ms = own->retry_after_ms;
}

int auth_credential(struct call *call, uint32_t uin, Hy__AccountGetCredentialResponse *ret_credential)
{
	Hy__AccountGetCredentialRequest get = HY__ACCOUNT_GET_CREDENTIAL_REQUEST__INIT;

	get.uin = uin;
	return account_get_credential(call, &get, ret_credential);
}

/* ---- handlers that are small ------------------------------------------------------------------------------------- */

static int handle_identify(
	void *self, struct call *call, const Hy__IdentifyRequest *request, Hy__IdentifyResponse *response)
{
	struct auth *auth = self;

	int rc = auth_check_signed_in(call, request->head);
	if (rc != HY_OK)
		return rc;
	response->uin = call->who.uin;
	response->heartbeat_s = auth->config.heartbeat_s;
	return HY_OK;
}

/** What others see of whom the name belongs to. SUSPENDS. */
static int look_up(struct call *call, char *name, Hy__LookupResponse *response)
{
	Hy__AccountResolveNameRequest resolve = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;
	Hy__AccountResolveNameResponse found = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;
	Hy__AccountGetCardRequest get = HY__ACCOUNT_GET_CARD_REQUEST__INIT;
	Hy__AccountGetCardResponse got = HY__ACCOUNT_GET_CARD_RESPONSE__INIT;

	resolve.name = name;
	int rc = account_resolve_name(call, &resolve, &found);
	get.uin = found.uin;
	if (rc == HY_OK)
		rc = account_get_card(call, &get, &got);
	if (rc == HY_OK && got.card->gone)
		rc = HY_NOT_FOUND;
	if (rc != HY_OK)
		return rc;
	response->uin = found.uin;
	response->name = got.card->name;
	response->nickname = got.card->nickname;
	response->signature = got.card->signature;
	response->region = got.card->region;
	response->avatar_colour = got.card->avatar_colour;
	return HY_OK;
}

static int handle_lookup(void *self, struct call *call, const Hy__LookupRequest *request, Hy__LookupResponse *response)
{
	int rc = auth_check_signed_in(call, request->head);
	if (rc == HY_OK)
		rc = limit_user(call, HY__LIMIT_ACTION__LIMIT_SEARCH);
	if (rc == HY_OK)
		rc = auth_check_name(call, request->name);
	if (rc == HY_OK)
		rc = look_up(call, request->name, response);
	return rc == HY_NOT_FOUND ? call_fail(call, rc, "nobody has the name %s", request->name) : rc;
}

/* -------------------------------------------------------------------------------------------------------------- */

static const struct auth_handlers handlers = {
	.register_ = auth_handle_register,
	.sign_in = auth_handle_sign_in,
	.sign_out = auth_handle_sign_out,
	.identify = handle_identify,
	.lookup = handle_lookup,
	.change_password = auth_handle_change_password,
	.list_devices = auth_handle_list_devices,
	.sign_out_device = auth_handle_sign_out_device,
	.create_account = auth_handle_create_account,
	.reset_password = auth_handle_reset_password,
	.invite = auth_handle_invite,
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
		config->heartbeat_s = HEARTBEAT_DEFAULT_S;
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
