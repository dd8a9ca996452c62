/* What users tell about themselves, and their settings. */
#include "account.rpc.h"
#include "logic/logic_test_harness.h"
#include "logic/profile/profile.h"
#include "profile.rpc.h"
#include "svrkit/pb.h"

static int update(struct harness *h, struct call *call, const struct person *p, const char *nickname,
	const char *signature, struct client_id id, uint64_t made_ms)
{
	Hy__UpdateProfileRequest request = HY__UPDATE_PROFILE_REQUEST__INIT;
	Hy__UpdateProfileResponse response = HY__UPDATE_PROFILE_RESPONSE__INIT;
	Hy__RequestHead head = harness_head(h, p->device, &id);

	harness_as(call, p);
	head.made_ms = made_ms;
	request.head = &head;
	request.nickname = (char *)(uintptr_t)nickname;
	request.signature = (char *)(uintptr_t)signature;
	request.region = (char *)(uintptr_t) "Chengdu";
	request.avatar_colour = 0x102030;
	return profiles_update_profile(call, &request, &response);
}

static int update_now(struct harness *h, struct call *call, const struct person *p, const char *nickname)
{
	return update(h, call, p, nickname, "", harness_client_id(h), env_wall_ms(h->env));
}

static const Hy__AccountCard *card_of(struct harness *h, struct call *call, uint32_t uin)
{
	Hy__AccountGetCardRequest get = HY__ACCOUNT_GET_CARD_REQUEST__INIT;
	Hy__AccountGetCardResponse got = HY__ACCOUNT_GET_CARD_RESPONSE__INIT;

	get.uin = uin;
	CHECK(h, account_get_card(call, &get, &got) == HY_OK);
	return got.card;
}

static Hy__Profile *synced_profile(struct harness *h, struct call *call, struct person *p)
{
	Hy__SyncResponse got;
	Hy__Profile *profile = NULL;

	CHECK(h, harness_sync(h, call, p, &got) == HY_OK);
	for (size_t i = 0; i < got.n_entries; i++)
		if (got.entries[i]->type == HY__SYNC_TYPE__SYNC_TYPE_PROFILE)
			profile = (Hy__Profile *)pb_unpack(&hy__profile__descriptor,
				hy_bytes(got.entries[i]->body.data, got.entries[i]->body.len), call->arena);
	harness_keep(h, p, &got);
	return profile;
}

static void do_change(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	const Hy__AccountCard *before = card_of(h, call, ann.uin);
	struct client_id id = harness_client_id(h);
	uint64_t now = env_wall_ms(h->env);

	CHECK(h, strcmp(before->nickname, "ann") == 0 && strcmp(before->name, "ann") == 0);
	CHECK(h, before->avatar_colour != 0 && card_of(h, call, bob.uin)->avatar_colour != 0);
	Hy__Profile *profile = synced_profile(h, call, &ann);
	CHECK(h, profile && profile->avatar_colour == before->avatar_colour && strcmp(profile->nickname, "ann") == 0);
	unsigned hints = harness_hints(h, ann.uin);
	CHECK(h, update(h, call, &ann, "  安娜 ", "hello there", id, now) == HY_OK);
	CHECK(h, harness_hints(h, ann.uin) > hints);
	const Hy__AccountCard *after = card_of(h, call, ann.uin);
	CHECK(h, strcmp(after->nickname, "安娜") == 0 && strcmp(after->signature, "hello there") == 0);
	CHECK(h, strcmp(after->region, "Chengdu") == 0 && after->avatar_colour == 0x102030);
	CHECK(h, after->version > before->version && strcmp(after->name, "ann") == 0);
	/* the same again changes nothing; other content under the same ID is refused */
	CHECK(h, update(h, call, &ann, "  安娜 ", "hello there", id, now) == HY_OK);
	CHECK(h, card_of(h, call, ann.uin)->version == after->version);
	CHECK(h, update(h, call, &ann, "Anna", "", id, now) == HY_ALREADY_EXISTS);
	CHECK(h, mon_get(svr_mon(h->svr), MON_profiles_changed) == 1);
	profile = synced_profile(h, call, &ann);
	CHECK(h, profile && strcmp(profile->nickname, "安娜") == 0 && profile->avatar_colour == 0x102030);
	CHECK(h, update_now(h, call, &ann, "Anna") == HY_OK);
	CHECK(h, card_of(h, call, ann.uin)->version > after->version);
	CHECK(h, update(h, call, &ann, "Anna", "", harness_client_id(h), 1000) == HY_OUT_OF_RANGE);
}

static void test_change(void **state)
{
	harness_once(&(struct harness_config){0}, do_change);
}

static const char long_nickname[] = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff12345";

static const struct refused_case {
	const char *nickname;
} refused_cases[] = {
	{""},
	{"   "},
	{long_nickname},
	{"a\nb"},
	{"a\tb"},
	{"a\x7f"},
	{"a\xc2\x85"},
	{"a\xe2\x80\xa8z"},
	{"a\xe2\x80\xaez"},
	{"a\xe2\x81\xa6z"},
	{"an\u200bn"},
	{"\u061c"},
	{"\u3000"},
};

static void do_refused(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");

	for (size_t i = 0; i < HY_COUNT_OF(refused_cases); i++)
		CHECK(h, update_now(h, call, &ann, refused_cases[i].nickname) == HY_INVALID_ARGUMENT && call->message);
	CHECK(h, update_now(h, call, &ann, long_nickname + 1) == HY_OK);
	CHECK(h, update_now(h, call, &ann, "Zoë — 👩‍🚀") == HY_OK);
	struct client_id none = {{0}};
	Hy__UpdateProfileRequest request = HY__UPDATE_PROFILE_REQUEST__INIT;
	Hy__UpdateProfileResponse response = HY__UPDATE_PROFILE_RESPONSE__INIT;
	Hy__RequestHead head = harness_head(h, "phone", &none);
	request.head = &head;
	request.nickname = (char *)(uintptr_t) "ann";
	request.avatar_colour = 0x1000000;
	CHECK(h, profiles_update_profile(call, &request, &response) == HY_INVALID_ARGUMENT);
	head.client_id.len = 0;
	request.avatar_colour = 0;
	CHECK(h, profiles_update_profile(call, &request, &response) == HY_INVALID_ARGUMENT);
}

static void test_refused(void **state)
{
	harness_once(&(struct harness_config){0}, do_refused);
}

static void do_settings(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");
	Hy__UpdateSettingsRequest request = HY__UPDATE_SETTINGS_REQUEST__INIT;
	Hy__UpdateSettingsResponse response = HY__UPDATE_SETTINGS_RESPONSE__INIT;
	struct client_id id = harness_client_id(h);
	Hy__RequestHead head = harness_head(h, "phone", &id);
	Hy__SyncResponse got;
	bool found = false;

	harness_as(call, &ann);
	request.head = &head;
	request.may_write = HY__WHO__WHO_ANYONE;
	request.may_ask = HY__WHO__WHO_NOBODY;
	CHECK(h, profiles_update_settings(call, &request, &response) == HY_OK);
	CHECK(h, profiles_update_settings(call, &request, &response) == HY_OK);
	CHECK(h, harness_sync(h, call, &ann, &got) == HY_OK);
	for (size_t i = 0; i < got.n_entries; i++) {
		if (got.entries[i]->type != HY__SYNC_TYPE__SYNC_TYPE_SETTINGS)
			continue;
		Hy__Settings *s = (Hy__Settings *)pb_unpack(&hy__settings__descriptor,
			hy_bytes(got.entries[i]->body.data, got.entries[i]->body.len), call->arena);
		CHECK(h, !found && s && s->may_write == HY__WHO__WHO_ANYONE && s->may_ask == HY__WHO__WHO_NOBODY);
		found = true;
	}
	CHECK(h, found && mon_get(svr_mon(h->svr), MON_profiles_changed) == 1);
	request.may_ask = (Hy__Who)17;
	CHECK(h, profiles_update_settings(call, &request, &response) == HY_INVALID_ARGUMENT);
}

static void test_settings(void **state)
{
	harness_once(&(struct harness_config){0}, do_settings);
}

/** Changes of several devices at once: each is made, none is lost. */
static void change_one(struct harness *h, struct call *call, unsigned index)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
	const struct person *ann = h->arg;

	CHECK(h, update_now(h, call, ann, names[index % 6]) == HY_OK);
}

static void enlist(struct harness *h, struct call *call)
{
	*(struct person *)h->arg = harness_register(h, call, "ann", "phone");
}

static void test_at_once(void **state)
{
	struct harness h;
	struct person ann;

	harness_open(&h, &(struct harness_config){.loops = 2});
	h.arg = &ann;
	harness_run(&h, enlist);
	harness_run_many(&h, 6, change_one);
	assert_int_equal(mon_get(svr_mon(h.svr), MON_profiles_changed), 6);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a profile is changed once for each client ID, and synced", test_change},
		{"texts with line breaks, controls, or too long are refused", test_refused},
		{"settings are changed and synced", test_settings},
		{"changes at once are all made", test_at_once},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
