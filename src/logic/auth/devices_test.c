/* Passwords, devices, accounts that end: what was revoked is dead at once (rule W6). */
#include <stdio.h>

#include "account.rpc.h"
#include "logic/logic_test_harness.h"
#include "session.rpc.h"

#define NEW_PASSWORD "another horse"

static int verify(struct call *call, const struct person *p)
{
	Hy__SessionVerifyRequest request = HY__SESSION_VERIFY_REQUEST__INIT;
	Hy__SessionVerifyResponse response = HY__SESSION_VERIFY_RESPONSE__INIT;

	request.uin = p->uin;
	request.ticket = (ProtobufCBinaryData){TICKET_SIZE, (uint8_t *)(uintptr_t)p->ticket};
	return session_verify(call, &request, &response);
}

static bool dead(struct call *call, const struct person *p)
{
	return verify(call, p) == HY_UNAUTHENTICATED;
}

static bool alive(struct call *call, const struct person *p)
{
	return verify(call, p) == HY_OK;
}

static int change_password(struct call *call, const struct person *p, const char *old, const char *new)
{
	Hy__ChangePasswordRequest request = HY__CHANGE_PASSWORD_REQUEST__INIT;
	Hy__ChangePasswordResponse response = HY__CHANGE_PASSWORD_RESPONSE__INIT;

	harness_as(call, p);
	request.old_password = (char *)(uintptr_t)old;
	request.new_password = (char *)(uintptr_t) new;
	return auth_change_password(call, &request, &response);
}

static int list_devices(struct call *call, const struct person *p, Hy__ListDevicesResponse *response)
{
	Hy__ListDevicesRequest request = HY__LIST_DEVICES_REQUEST__INIT;

	hy__list_devices_response__init(response);
	harness_as(call, p);
	return auth_list_devices(call, &request, response);
}

static int sign_out_device(struct call *call, const struct person *p, const char *device, bool all, uint32_t *ret_ended)
{
	Hy__SignOutDeviceRequest request = HY__SIGN_OUT_DEVICE_REQUEST__INIT;
	Hy__SignOutDeviceResponse response = HY__SIGN_OUT_DEVICE_RESPONSE__INIT;

	harness_as(call, p);
	request.device = (char *)(uintptr_t)device;
	request.all = all;
	int rc = auth_sign_out_device(call, &request, &response);
	*ret_ended = response.ended;
	return rc;
}

/** With a client ID of the test's own; the ticket goes into *p. */
static int sign_in_as(struct harness *h, struct call *call, struct person *p, const char *password, struct client_id id)
{
	Hy__SignInRequest request = HY__SIGN_IN_REQUEST__INIT;
	Hy__SignInResponse response = HY__SIGN_IN_RESPONSE__INIT;
	Hy__RequestHead head = harness_head(h, p->device, &id);

	request.head = &head;
	request.name = (char *)(uintptr_t)p->name;
	request.password = (char *)(uintptr_t)password;
	request.device_name = (char *)(uintptr_t) "a device";
	int rc = auth_sign_in(call, &request, &response);
	if (rc == HY_OK) {
		p->uin = response.uin;
		memcpy(p->ticket, response.ticket.data, TICKET_SIZE);
	}
	return rc;
}

/* ---- passwords --------------------------------------------------------------------------------------------------- */

static void do_change(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone"), desk = harness_sign_in(h, call, "ann", "desk");
	Hy__SignInResponse in;

	CHECK(h, change_password(call, &phone, "not the password", NEW_PASSWORD) == HY_UNAUTHENTICATED);
	CHECK(h, change_password(call, &phone, HARNESS_PASSWORD, "short") == HY_INVALID_ARGUMENT);
	CHECK(h, alive(call, &phone) && alive(call, &desk));
	uint32_t closed = h->close_count;
	CHECK(h, change_password(call, &phone, HARNESS_PASSWORD, NEW_PASSWORD) == HY_OK);
	CHECK(h, h->close_count == closed + 1 && h->last_closed_all);
	CHECK(h, alive(call, &phone) && dead(call, &desk));
	CHECK(h, harness_try_sign_in(h, call, "ann", HARNESS_PASSWORD, "desk", &in) == HY_UNAUTHENTICATED);
	CHECK(h, harness_try_sign_in(h, call, "ann", NEW_PASSWORD, "desk", &in) == HY_OK);
	/* the answer was lost: the same again is done, and ends nobody who signed in since */
	CHECK(h, change_password(call, &phone, HARNESS_PASSWORD, NEW_PASSWORD) == HY_OK);
	Hy__ListDevicesResponse list;
	CHECK(h, list_devices(call, &phone, &list) == HY_OK && list.n_devices == 2);
	CHECK(h, mon_get(svr_mon(h->svr), MON_passwords_changed) == 2);
}

static void test_change(void **state)
{
	harness_once(&(struct harness_config){0}, do_change);
}

static void do_overtaken(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone");
	Hy__AccountGetCredentialRequest get = HY__ACCOUNT_GET_CREDENTIAL_REQUEST__INIT;
	Hy__AccountGetCredentialResponse before = HY__ACCOUNT_GET_CREDENTIAL_RESPONSE__INIT;
	Hy__AccountPutTicketRequest put = HY__ACCOUNT_PUT_TICKET_REQUEST__INIT;
	Hy__AccountPutTicketResponse done = HY__ACCOUNT_PUT_TICKET_RESPONSE__INIT;
	uint8_t hash[TICKET_HASH_SIZE] = {7};

	/* the old password was right when the sign-in looked; its ticket comes after the change */
	get.uin = put.uin = phone.uin;
	CHECK(h, account_get_credential(call, &get, &before) == HY_OK);
	CHECK(h, before.n_devices == 1 && strcmp(before.devices[0], "phone") == 0);
	CHECK(h, change_password(call, &phone, HARNESS_PASSWORD, NEW_PASSWORD) == HY_OK);
	put.device = (char *)(uintptr_t) "thief";
	put.ticket_hash = (ProtobufCBinaryData){sizeof hash, hash};
	put.now_ms = env_wall_ms(h->env);
	put.generation = before.generation;
	CHECK(h, account_put_ticket(call, &put, &done) == HY_ABORTED);
}

static void test_overtaken(void **state)
{
	harness_once(&(struct harness_config){0}, do_overtaken);
}

struct race {
	struct person phone, others[16];
	int outcomes[16];
	bool revoke_only;
};

static void begin_race(struct harness *h, struct call *call)
{
	struct race *race = h->arg;

	race->phone = harness_register(h, call, "ann", "phone");
}

static void run_race(struct harness *h, struct call *call, unsigned index)
{
	static const char *const devices[] = {"d1", "d2", "d3", "d4"};
	struct race *race = h->arg;
	struct person *p = &race->others[index];
	uint32_t ended;

	if (index == 3) {
		co_sleep_until(call->loop, svr_now_us(call->loop) + 300);
		if (race->revoke_only)
			CHECK(h, sign_out_device(call, &race->phone, "", false, &ended) == HY_OK);
		else
			CHECK(h, change_password(call, &race->phone, HARNESS_PASSWORD, NEW_PASSWORD) == HY_OK);
		return;
	}
	*p = (struct person){.name = "ann", .device = devices[index % 4]};
	race->outcomes[index] = sign_in_as(h, call, p, HARNESS_PASSWORD, harness_client_id(h));
}

/** Whatever was signed in with the old password is dead, whichever came first. */
static void end_race(struct harness *h, struct call *call)
{
	struct race *race = h->arg;
	Hy__ListDevicesResponse list;

	CHECK(h, alive(call, &race->phone));
	CHECK(h, list_devices(call, &race->phone, &list) == HY_OK && list.n_devices == 1);
	for (unsigned i = 0; i < HY_COUNT_OF(race->others); i++) {
		if (i == 3)
			continue;
		CHECK(h, race->outcomes[i] == HY_OK || race->outcomes[i] == HY_UNAUTHENTICATED);
		CHECK(h, race->outcomes[i] != HY_OK || dead(call, &race->others[i]));
	}
}

static void test_race(void **state)
{
	for (unsigned loops = 1; loops <= 2; loops++) {
		struct race race = {0};
		struct harness h;
		harness_open(&h, &(struct harness_config){.loops = loops});
		h.arg = &race;
		harness_run(&h, begin_race);
		harness_run_many(&h, HY_COUNT_OF(race.others), run_race);
		harness_run(&h, end_race);
		harness_close(&h);
	}
}

/** Of each device the ticket that its row has is the one that is alive, whoever was answered what. */
static void end_revoke_race(struct harness *h, struct call *call)
{
	struct race *race = h->arg;
	Hy__ListDevicesResponse list;
	unsigned living = 0;

	CHECK(h, list_devices(call, &race->phone, &list) == HY_OK);
	for (unsigned i = 0; i < HY_COUNT_OF(race->others); i++)
		living += i != 3 && race->outcomes[i] == HY_OK && alive(call, &race->others[i]);
	CHECK(h, list.n_devices == living + 1);
}

static void test_revoke_race(void **state)
{
	for (unsigned loops = 1; loops <= 2; loops++) {
		struct race race = {.revoke_only = true};
		struct harness h;
		harness_open(&h, &(struct harness_config){.loops = loops});
		h.arg = &race;
		harness_run(&h, begin_race);
		harness_run_many(&h, HY_COUNT_OF(race.others), run_race);
		harness_run(&h, end_revoke_race);
		harness_close(&h);
	}
}

/* ---- devices ----------------------------------------------------------------------------------------------------- */

static void do_list(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone"), desk = {.name = "ann", .device = "desk"};
	Hy__ListDevicesResponse list;

	CHECK(h, sign_in_as(h, call, &desk, HARNESS_PASSWORD, harness_client_id(h)) == HY_OK);
	CHECK(h, list_devices(call, &phone, &list) == HY_OK && list.n_devices == 2);
	if (list.n_devices != 2)
		return;
	const Hy__SignedInDevice *d = list.devices[0], *p = list.devices[1];
	CHECK(h, strcmp(d->device, "desk") == 0 && strcmp(d->name, "a device") == 0 && !d->this_one && !d->online);
	CHECK(h, strcmp(p->device, "phone") == 0 && p->this_one && p->online);
	CHECK(h, d->signed_in_ms > 0 && d->seen_ms >= d->signed_in_ms);
	uint64_t seen = d->seen_ms;
	co_sleep_until(call->loop, svr_now_us(call->loop) + 5000);
	harness_sync_all(h, call, &desk);
	CHECK(h, list_devices(call, &phone, &list) == HY_OK && list.devices[0]->seen_ms > seen);
}

static void test_list(void **state)
{
	harness_once(&(struct harness_config){0}, do_list);
}

static void do_sign_out_device(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone"), desk = harness_sign_in(h, call, "ann", "desk"),
		      old = harness_sign_in(h, call, "ann", "old");
	uint32_t ended;

	CHECK(h, sign_out_device(call, &phone, "desk", false, &ended) == HY_OK && ended == 1);
	CHECK(h, strcmp(h->last_closed, "desk") == 0);
	CHECK(h, dead(call, &desk) && alive(call, &old) && alive(call, &phone));
	CHECK(h, sign_out_device(call, &phone, "desk", false, &ended) == HY_NOT_FOUND);
	desk = harness_sign_in(h, call, "ann", "desk");
	CHECK(h, sign_out_device(call, &phone, "", false, &ended) == HY_OK && ended == 2);
	CHECK(h, dead(call, &desk) && dead(call, &old) && alive(call, &phone));
	old = harness_sign_in(h, call, "ann", "old");
	CHECK(h, sign_out_device(call, &phone, "", true, &ended) == HY_OK && ended == 2);
	CHECK(h, dead(call, &old) && dead(call, &phone));
}

static void test_sign_out_device(void **state)
{
	harness_once(&(struct harness_config){0}, do_sign_out_device);
}

/** A synced list of devices forgets those that ended with all others. */
static void do_synced(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone");
	Hy__SyncResponse got;
	unsigned gone = 0;
	uint32_t ended;

	harness_sign_in(h, call, "ann", "desk");
	harness_sign_in(h, call, "ann", "old");
	harness_sync_all(h, call, &phone);
	CHECK(h, sign_out_device(call, &phone, "", false, &ended) == HY_OK && ended == 2);
	co_sleep_until(call->loop, svr_now_us(call->loop) + 20000);
	CHECK(h, harness_sync(h, call, &phone, &got) == HY_OK);
	for (size_t i = 0; i < got.n_entries; i++)
		gone += got.entries[i]->type == HY__SYNC_TYPE__SYNC_TYPE_DEVICE && got.entries[i]->deleted;
	CHECK(h, gone == 2);
}

static void test_synced(void **state)
{
	harness_once(&(struct harness_config){0}, do_synced);
}

/** However many tickets have gone, no repeat of a sign-in gives one of them back. */
static void do_no_revival(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone"), first = {.name = "ann", .device = "desk"};
	struct client_id id = harness_client_id(h);
	uint32_t ended;

	CHECK(h, sign_in_as(h, call, &first, HARNESS_PASSWORD, id) == HY_OK);
	CHECK(h, sign_out_device(call, &phone, "desk", false, &ended) == HY_OK);
	struct person again = first;
	CHECK(h, sign_in_as(h, call, &again, HARNESS_PASSWORD, id) == HY_UNAUTHENTICATED);
	for (unsigned i = 0; i < 70; i++) {
		struct person p = harness_sign_in(h, call, "ann", "desk");
		CHECK(h, alive(call, &p));
	}
	CHECK(h, sign_out_device(call, &phone, "", false, &ended) == HY_OK && ended == 1);
	CHECK(h, dead(call, &first));
	(void)sign_in_as(h, call, &again, HARNESS_PASSWORD, id);
	CHECK(h, dead(call, &first) && alive(call, &phone));
}

static void test_no_revival(void **state)
{
	harness_once(&(struct harness_config){0}, do_no_revival);
}

/* ---- disabled, gone ---------------------------------------------------------------------------------------------- */

static int disable(struct call *call, uint32_t uin, bool disabled)
{
	Hy__AccountPutDisabledRequest request = HY__ACCOUNT_PUT_DISABLED_REQUEST__INIT;
	Hy__AccountPutDisabledResponse response = HY__ACCOUNT_PUT_DISABLED_RESPONSE__INIT;

	request.uin = uin;
	request.disabled = disabled;
	return account_put_disabled(call, &request, &response);
}

static void do_disabled(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone");
	Hy__SignInResponse in;

	CHECK(h, disable(call, phone.uin, true) == HY_OK);
	CHECK(h, dead(call, &phone));
	CHECK(h, harness_try_sign_in(h, call, "ann", HARNESS_PASSWORD, "phone", &in) == HY_PERMISSION_DENIED);
	CHECK(h, strcmp(call->message, "this account is disabled") == 0);
	CHECK(h, harness_try_sign_in(h, call, "ann", "not the password", "phone", &in) == HY_UNAUTHENTICATED);
	CHECK(h, disable(call, phone.uin, true) == HY_OK && disable(call, phone.uin, false) == HY_OK);
	CHECK(h, dead(call, &phone));
	CHECK(h, harness_try_sign_in(h, call, "ann", HARNESS_PASSWORD, "phone", &in) == HY_OK);
	CHECK(h, disable(call, 12345, true) == HY_NOT_FOUND);
}

static void test_disabled(void **state)
{
	harness_once(&(struct harness_config){0}, do_disabled);
}

static unsigned rows_of(struct harness *h, struct call *call, uint32_t uin, uint8_t space)
{
	struct hy_key key = hy_key_user(uin);
	struct kt_rows rows = {0};

	CHECK(h, kt_read_range(h->kt, call, &key, space, hy_bytes("", 0), KT_STRONG, (struct kt_limits){0}, &rows) ==
			 HY_OK);
	return (unsigned)rows.count;
}

static void erase_and_release(struct harness *h, struct call *call, uint32_t uin, bool free)
{
	Hy__AccountEraseRequest erase = HY__ACCOUNT_ERASE_REQUEST__INIT;
	Hy__AccountEraseResponse erased = HY__ACCOUNT_ERASE_RESPONSE__INIT;
	Hy__AccountReleaseNameRequest release = HY__ACCOUNT_RELEASE_NAME_REQUEST__INIT;
	Hy__AccountReleaseNameResponse released = HY__ACCOUNT_RELEASE_NAME_RESPONSE__INIT;

	erase.uin = release.uin = uin;
	for (unsigned i = 0; i < 2; i++)
		CHECK(h, account_erase(call, &erase, &erased) == HY_OK);
	release.name = (char *)(uintptr_t) "ann";
	release.free = free;
	CHECK(h, account_release_name(call, &release, &released) == HY_OK);
	CHECK(h, account_release_name(call, &release, &released) == HY_OK);
}

static void do_erased(struct harness *h, struct call *call)
{
	static const char *const devices[] = {"d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11"};
	struct client_id id = harness_client_id(h);
	Hy__RegisterResponse first, again;
	Hy__AccountGetCardRequest get = HY__ACCOUNT_GET_CARD_REQUEST__INIT;
	Hy__AccountGetCardResponse card = HY__ACCOUNT_GET_CARD_RESPONSE__INIT;
	Hy__SignInResponse in;
	struct person one = {0};

	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &first) == HY_OK);
	for (size_t i = 0; i < HY_COUNT_OF(devices); i++)
		one = harness_sign_in(h, call, "ann", devices[i]);
	erase_and_release(h, call, first.uin, false);
	CHECK(h, dead(call, &one));
	CHECK(h, harness_try_sign_in(h, call, "ann", HARNESS_PASSWORD, "phone", &in) == HY_UNAUTHENTICATED);
	CHECK(h, rows_of(h, call, first.uin, SPACES_CREDENTIAL) == 0 &&
			 rows_of(h, call, first.uin, SPACES_POSITION) == 0);
	/* that contacts are to be told, and that the deletion goes on */
	CHECK(h, rows_of(h, call, first.uin, SPACES_ACCOUNT) == 1 && rows_of(h, call, first.uin, SPACES_INTENT) == 2);
	get.uin = first.uin;
	CHECK(h, account_get_card(call, &get, &card) == HY_OK && card.card->gone && card.card->nickname[0] == '\0');
	/* kept: nobody gets the name, not even by the request that once made the account */
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &again) == HY_ALREADY_EXISTS);
	erase_and_release(h, call, first.uin, true);
	CHECK(h,
		harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", harness_client_id(h), &again) == HY_OK);
	CHECK(h, again.uin != first.uin);
}

static void test_erased(void **state)
{
	harness_once(&(struct harness_config){0}, do_erased);
}

/* ---- who may register -------------------------------------------------------------------------------------------- */

static int register_by(struct harness *h, struct call *call, const char *name, const char *code, struct client_id id)
{
	Hy__RegisterRequest request = HY__REGISTER_REQUEST__INIT;
	Hy__RegisterResponse response = HY__REGISTER_RESPONSE__INIT;
	Hy__RequestHead head = harness_head(h, "phone", &id);

	request.head = &head;
	request.name = (char *)(uintptr_t)name;
	request.password = (char *)(uintptr_t)HARNESS_PASSWORD;
	request.invitation = (char *)(uintptr_t)code;
	return auth_register(call, &request, &response);
}

static void do_invitation(struct harness *h, struct call *call)
{
	struct client_id ann = harness_client_id(h), bob = harness_client_id(h), cem = harness_client_id(h);
	Hy__AuthInviteRequest invite = HY__AUTH_INVITE_REQUEST__INIT;
	Hy__AuthInviteResponse made = HY__AUTH_INVITE_RESPONSE__INIT, late = HY__AUTH_INVITE_RESPONSE__INIT;

	CHECK(h, register_by(h, call, "ann", "", ann) == HY_PERMISSION_DENIED);
	CHECK(h, register_by(h, call, "ann", "aaaaaaaaaaaaaaaa", ann) == HY_PERMISSION_DENIED);
	invite.uses = 2;
	CHECK(h, auth_invite(call, &invite, &made) == HY_OK && strlen(made.code) == 16);
	CHECK(h, register_by(h, call, "ann", made.code, ann) == HY_OK);
	CHECK(h, register_by(h, call, "ann", made.code, ann) == HY_OK); /* a repeat takes none */
	CHECK(h, register_by(h, call, "ann", "", ann) == HY_OK);        /* nor needs it one */
	CHECK(h, register_by(h, call, "bob", made.code, bob) == HY_OK);
	CHECK(h, register_by(h, call, "cem", made.code, cem) == HY_PERMISSION_DENIED);
	invite.valid_ms = 1;
	CHECK(h, auth_invite(call, &invite, &late) == HY_OK);
	co_sleep_until(call->loop, svr_now_us(call->loop) + 5000);
	CHECK(h, register_by(h, call, "cem", late.code, cem) == HY_PERMISSION_DENIED);
}

static void test_invitation(void **state)
{
	harness_once(&(struct harness_config){.registration = AUTH_REGISTRATION_INVITATION}, do_invitation);
}

static void do_off(struct harness *h, struct call *call)
{
	Hy__AuthCreateAccountRequest create = HY__AUTH_CREATE_ACCOUNT_REQUEST__INIT;
	Hy__AuthCreateAccountResponse created = HY__AUTH_CREATE_ACCOUNT_RESPONSE__INIT;
	Hy__AuthResetPasswordRequest reset = HY__AUTH_RESET_PASSWORD_REQUEST__INIT;
	Hy__AuthResetPasswordResponse done = HY__AUTH_RESET_PASSWORD_RESPONSE__INIT;
	Hy__SignInResponse in;

	CHECK(h, register_by(h, call, "ann", "", harness_client_id(h)) == HY_PERMISSION_DENIED);
	create.name = (char *)(uintptr_t) "ann";
	create.password = (char *)(uintptr_t)HARNESS_PASSWORD;
	CHECK(h, auth_create_account(call, &create, &created) == HY_OK && created.uin != 0);
	CHECK(h, auth_create_account(call, &create, &created) == HY_ALREADY_EXISTS);
	struct person phone = harness_sign_in(h, call, "ann", "phone");
	reset.uin = phone.uin;
	reset.password = (char *)(uintptr_t)NEW_PASSWORD;
	CHECK(h, auth_reset_password(call, &reset, &done) == HY_OK && h->last_closed_all);
	CHECK(h, dead(call, &phone));
	CHECK(h, harness_try_sign_in(h, call, "ann", NEW_PASSWORD, "phone", &in) == HY_OK);
}

static void test_off(void **state)
{
	harness_once(&(struct harness_config){.registration = AUTH_REGISTRATION_OFF}, do_off);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a changed password ends all other devices, and a repeat is done", test_change},
		{"a sign-in that looked at the old password gets no ticket after the change", test_overtaken},
		{"nobody who raced a change of password with the old one stays signed in", test_race},
		{"sign-ins that race a revocation are either listed or dead", test_revoke_race},
		{"devices are listed with their last use", test_list},
		{"one device is signed out, or all others, or all", test_sign_out_device},
		{"devices that were signed out leave the synced list", test_synced},
		{"no repeat of a sign-in revives a ticket, however many have gone", test_no_revival},
		{"who is disabled is told so for the right password alone", test_disabled},
		{"an erased account leaves nothing but that it is gone", test_erased},
		{"by invitation as many register as it says, each once", test_invitation},
		{"where registration is off operators make accounts", test_off},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
