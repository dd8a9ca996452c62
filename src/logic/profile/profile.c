#include "logic/profile/profile.h"

#include "account.rpc.h"
#include "base/list.h"
#include "base/mem.h"
#include "contacts.rpc.h"
#include "link.rpc.h"
#include "logic/limit_calls.h"
#include "logic/plain_text.h"
#include "profile.rpc.h"
#include "sync.pb-c.h"

#define COLOUR_MAX 0xffffffu
#define CLIENT_ID_SIZE 16u
#define SETTLE_DEADLINE_US (60ull * 1000 * 1000)

/** A user whose contacts are being told. */
struct telling {
	struct hy_link link; /* in profile.tellings of its loop */
	struct svr_loop *loop;
	uint32_t uin;
	uint64_t trace;
	bool again; /* there was another change meanwhile */
};

struct profile {
	struct svr *svr;
	struct hy_link tellings[SVR_LOOPS_MAX]; /* each its loop's alone */
};

/* ---- telling contacts ------------------------------------------------------------------------------------------ */

static void settle(struct telling *t)
{
	Hy__ContactsSettleRequest request = HY__CONTACTS_SETTLE_REQUEST__INIT;
	Hy__ContactsSettleResponse response = HY__CONTACTS_SETTLE_RESPONSE__INIT;
	struct hy_arena arena;
	struct call call = {.loop = t->loop,
		.arena = &arena,
		.trace = t->trace,
		.deadline_us = svr_now_us(t->loop) + SETTLE_DEADLINE_US,
		.priority = 5};

	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	request.uin = t->uin;
	int rc = contacts_settle(&call, &request, &response);
	if (rc != HY_OK) /* the intent stands: it is carried out at the user's next use of contacts, or by the round */
		call_log(&call, ENV_LOG_INFO, "profile", "user %u: contacts are told later: %s", t->uin,
			hy_status_name(rc));
	hy_arena_fini(&arena);
}

static void run_telling(void *arg)
{
	struct telling *t = arg;

	do {
		t->again = false;
		settle(t);
	} while (t->again);
	hy_list_remove(&t->link);
	hy_free(t);
}

/** Behind the answer. */
static void tell_contacts(struct profile *profile, struct call *call, uint32_t uin)
{
	struct hy_link *tellings = &profile->tellings[svr_loop_index(call->loop)];
	struct telling *t;

	hy_list_each (t, tellings, struct telling, link) {
		if (t->uin == uin) {
			t->again = true;
			return;
		}
	}
	t = hy_zalloc(sizeof *t);
	hy_link_init(&t->link);
	t->loop = call->loop;
	t->uin = uin;
	t->trace = call->trace;
	hy_list_push_back(tellings, &t->link);
	co_spawn(call->loop, run_telling, t);
}

/** The user's own devices. SUSPENDS. */
static void hint(struct call *call, uint32_t uin)
{
	Hy__LinkHintRequest request = HY__LINK_HINT_REQUEST__INIT;
	Hy__LinkHintResponse response = HY__LINK_HINT_RESPONSE__INIT;

	request.uin = uin;
	request.kinds = 1u << HY__SYNC_KIND__SYNC_KIND_ACCOUNT;
	(void)link_hint(call, &request, &response); /* a hint may be lost (R6) */
}

/* ---- what may be told ------------------------------------------------------------------------------------------ */

/** Without the spaces around it, which nobody sees but who compares. */
static char *trimmed(struct call *call, const char *text)
{
	size_t len;

	text += strspn(text, " ");
	for (len = strlen(text); len > 0 && text[len - 1] == ' ';)
		len--;
	return hy_arena_strndup(call->arena, text, len);
}

static int check_profile(struct call *call, const Hy__UpdateProfileRequest *request)
{
	int rc = plain_text_check(call, "nickname", request->nickname, PROFILE_NICKNAME_MAX);
	if (rc == HY_OK)
		rc = plain_text_check(call, "signature", request->signature, PROFILE_SIGNATURE_MAX);
	if (rc == HY_OK)
		rc = plain_text_check(call, "region", request->region, PROFILE_REGION_MAX);
	if (rc == HY_OK && request->avatar_colour > COLOUR_MAX)
		return call_fail(call, HY_INVALID_ARGUMENT, "a colour has 24 bits: 0xRRGGBB");
	return rc;
}

static int check_head(struct call *call, const Hy__RequestHead *head)
{
	if (call->who.uin == 0)
		return call_fail(call, HY_UNAUTHENTICATED, "sign in first");
	if (!head || head->client_id.len != CLIENT_ID_SIZE)
		return call_fail(
			call, HY_INVALID_ARGUMENT, "the request needs a client ID of %u bytes", CLIENT_ID_SIZE);
	return limit_user(call, HY__LIMIT_ACTION__LIMIT_CHANGE);
}

/* ---- handlers -------------------------------------------------------------------------------------------------- */

static int changed(struct call *call, int rc, bool repeated)
{
	if (rc == HY_OK) {
		if (!repeated)
			call_count(call, MON_profiles_changed, 1);
		hint(call, call->who.uin);
	}
	return rc;
}

/** SUSPENDS. */
static int put_profile(struct profile *profile, struct call *call, const Hy__UpdateProfileRequest *request)
{
	Hy__AccountPutProfileRequest put = HY__ACCOUNT_PUT_PROFILE_REQUEST__INIT;
	Hy__AccountPutProfileResponse done = HY__ACCOUNT_PUT_PROFILE_RESPONSE__INIT;
	Hy__AccountCard card = HY__ACCOUNT_CARD__INIT;

	card.nickname = trimmed(call, request->nickname);
	card.signature = trimmed(call, request->signature);
	card.region = trimmed(call, request->region);
	if (!card.nickname || !card.signature || !card.region)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	if (!plain_text_shows(card.nickname))
		return call_fail(call, HY_INVALID_ARGUMENT, "a nickname is not empty");
	card.avatar_colour = request->avatar_colour;
	put.uin = call->who.uin;
	put.card = &card;
	put.client_id = request->head->client_id;
	put.made_ms = request->head->made_ms;
	int rc = account_put_profile(call, &put, &done);
	if (rc == HY_OK)
		tell_contacts(profile, call, call->who.uin);
	return changed(call, rc, done.repeated_change);
}

static int update_profile(
	void *self, struct call *call, const Hy__UpdateProfileRequest *request, Hy__UpdateProfileResponse *response)
{
	int rc = check_head(call, request->head);
	if (rc == HY_OK)
		rc = check_profile(call, request);
	return rc == HY_OK ? put_profile(self, call, request) : rc;
}

static bool is_who(Hy__Who who)
{
	return protobuf_c_enum_descriptor_get_value(&hy__who__descriptor, (int)who) != NULL;
}

static int update_settings(
	void *self, struct call *call, const Hy__UpdateSettingsRequest *request, Hy__UpdateSettingsResponse *response)
{
	Hy__AccountPutSettingsRequest put = HY__ACCOUNT_PUT_SETTINGS_REQUEST__INIT;
	Hy__AccountPutSettingsResponse done = HY__ACCOUNT_PUT_SETTINGS_RESPONSE__INIT;

	int rc = check_head(call, request->head);
	if (rc != HY_OK)
		return rc;
	/* what is not known here would be kept by a rule that nobody has asked for */
	if (!is_who(request->may_write) || !is_who(request->may_ask))
		return call_fail(call, HY_INVALID_ARGUMENT, "this server does not know this setting");
	put.uin = call->who.uin;
	put.may_write = (uint32_t)request->may_write;
	put.may_ask = (uint32_t)request->may_ask;
	put.client_id = request->head->client_id;
	put.made_ms = request->head->made_ms;
	rc = account_put_settings(call, &put, &done);
	return changed(call, rc, done.repeated_change);
}

static const struct profiles_handlers handlers = {.update_profile = update_profile, .update_settings = update_settings};

int profile_create(struct svr *svr, struct profile **ret_profile)
{
	struct profile *profile = hy_zalloc(sizeof *profile);

	profile->svr = svr;
	for (unsigned i = 0; i < SVR_LOOPS_MAX; i++)
		hy_link_init(&profile->tellings[i]);
	rpc_add_service(svr, &profiles_service, &handlers, profile);
	*ret_profile = profile;
	return HY_OK;
}

void profile_destroy(struct profile *profile)
{
	hy_free(profile);
}
