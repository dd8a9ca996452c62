/* Registrations: who may, what is told to whom may not, what is kept of one, and what is left of one that lost its
 * name; and passwords that were hashed at another cost. */
#include <sodium.h>
#include <stdio.h>

#include "account.rpc.h"
#include "logic/auth/auth_internal.h"
#include "logic/logic_test_harness.h"
#include "session.rpc.h"

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

static const char *invite(struct harness *h, struct call *call, uint32_t uses, uint64_t valid_ms)
{
	Hy__AuthInviteRequest request = HY__AUTH_INVITE_REQUEST__INIT;
	Hy__AuthInviteResponse response = HY__AUTH_INVITE_RESPONSE__INIT;

	request.uses = uses;
	request.valid_ms = valid_ms;
	CHECK(h, auth_invite(call, &request, &response) == HY_OK);
	return response.code;
}

/* ---- who may ----------------------------------------------------------------------------------------------------- */

static void do_one_use(struct harness *h, struct call *call)
{
	struct client_id id = harness_client_id(h);
	const char *code = invite(h, call, 1, 0);

	CHECK(h, register_by(h, call, "ann", code, id) == HY_OK);
	CHECK(h, register_by(h, call, "ann", code, id) == HY_OK);
	CHECK(h, register_by(h, call, "bob", code, id) == HY_PERMISSION_DENIED);
}

static void test_one_use(void **state)
{
	harness_once(&(struct harness_config){.registration = AUTH_REGISTRATION_INVITATION}, do_one_use);
}

/** Validity goes by the wall clock, which may be set back while we wait: so we ask until it is over. */
static void do_expiry(struct harness *h, struct call *call)
{
	const char *code = invite(h, call, 1000, 500);
	unsigned registered = 0;
	int rc;

	do {
		char name[16];
		snprintf(name, sizeof name, "ann%u", registered++);
		co_sleep_until(call->loop, svr_now_us(call->loop) + 20000);
		rc = register_by(h, call, name, code, harness_client_id(h));
	} while (rc == HY_OK && registered < 999);
	CHECK(h, rc == HY_PERMISSION_DENIED);
	CHECK(h, register_by(h, call, "zoe", code, harness_client_id(h)) == HY_PERMISSION_DENIED);
}

static void test_expiry(void **state)
{
	harness_once(&(struct harness_config){.registration = AUTH_REGISTRATION_INVITATION}, do_expiry);
}

static void do_names_not_told(struct harness *h, struct call *call)
{
	const char *code = invite(h, call, 2, 0);
	struct client_id bob = harness_client_id(h);

	CHECK(h, register_by(h, call, "ann", code, harness_client_id(h)) == HY_OK);
	CHECK(h, register_by(h, call, "ann", "", harness_client_id(h)) == HY_PERMISSION_DENIED);
	const char *taken = call->message;
	CHECK(h, register_by(h, call, "nobody", "", harness_client_id(h)) == HY_PERMISSION_DENIED);
	CHECK(h, strcmp(call->message, taken) == 0);
	CHECK(h, register_by(h, call, "ann", "aaaaaaaaaaaaaaaa", harness_client_id(h)) == HY_PERMISSION_DENIED);
	/* whoever holds an invitation is told, and keeps it */
	CHECK(h, register_by(h, call, "ann", code, bob) == HY_ALREADY_EXISTS);
	CHECK(h, register_by(h, call, "ann", code, bob) == HY_ALREADY_EXISTS);
	CHECK(h, register_by(h, call, "bob", code, bob) == HY_OK);
	CHECK(h, register_by(h, call, "bob", code, harness_client_id(h)) == HY_PERMISSION_DENIED);
}

static void test_names_not_told(void **state)
{
	harness_once(&(struct harness_config){.registration = AUTH_REGISTRATION_INVITATION}, do_names_not_told);
}

static void do_names_not_told_off(struct harness *h, struct call *call)
{
	Hy__AuthCreateAccountRequest create = HY__AUTH_CREATE_ACCOUNT_REQUEST__INIT;
	Hy__AuthCreateAccountResponse created = HY__AUTH_CREATE_ACCOUNT_RESPONSE__INIT;

	create.name = (char *)(uintptr_t) "ann";
	create.password = (char *)(uintptr_t)HARNESS_PASSWORD;
	CHECK(h, auth_create_account(call, &create, &created) == HY_OK);
	CHECK(h, register_by(h, call, "ann", "", harness_client_id(h)) == HY_PERMISSION_DENIED);
	CHECK(h, register_by(h, call, "nobody", "", harness_client_id(h)) == HY_PERMISSION_DENIED);
}

static void test_names_not_told_off(void **state)
{
	harness_once(&(struct harness_config){.registration = AUTH_REGISTRATION_OFF}, do_names_not_told_off);
}

/* ---- what is kept ------------------------------------------------------------------------------------------------ */

static struct hy_bytes stored(struct harness *h, struct call *call, const struct hy_key *key, uint8_t space)
{
	struct kt_row row = {0};

	CHECK(h, kt_read_row(h->kt, call, key, space, hy_bytes_str(SPACES_OWNER), KT_STRONG, &row) == HY_OK);
	return row.value;
}

/** A ticket is made of the client ID: who has the rows, and the keys beside them, must not find it there. */
static void do_not_kept(struct harness *h, struct call *call)
{
	struct client_id id = harness_client_id(h);
	Hy__RegisterResponse response;

	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &response) == HY_OK);
	struct hy_key user = hy_key_user(response.uin), name = hy_key_name("ann", 3);
	struct hy_bytes rows[] = {stored(h, call, &user, SPACES_ACCOUNT), stored(h, call, &user, SPACES_CREDENTIAL),
		stored(h, call, &name, SPACES_NAME)};
	for (size_t i = 0; i < HY_COUNT_OF(rows); i++)
		CHECK(h, rows[i].len > 0 && !memmem(rows[i].data, rows[i].len, id.bytes, sizeof id.bytes));
}

static void test_not_kept(void **state)
{
	harness_once(&(struct harness_config){0}, do_not_kept);
}

static void put_row(
	struct harness *h, struct call *call, const struct hy_key *key, uint8_t space, ProtobufCMessage *message)
{
	struct kt_op op = {.kind = KT_PUT, .space = space, .name = hy_bytes_str(SPACES_OWNER)};
	struct kt_result result;
	uint8_t packed[512];

	op.value = hy_bytes(packed, protobuf_c_message_pack(message, packed));
	CHECK(h, kt_write(h->kt, call, key, &op, 1, &result) == HY_OK);
}

/** Rows with the client ID in clear, as earlier servers wrote them. */
static void do_earlier_rows(struct harness *h, struct call *call)
{
	struct client_id id = harness_client_id(h);
	Hy__NameRow name = HY__NAME_ROW__INIT;
	Hy__ProfileRow profile = HY__PROFILE_ROW__INIT;
	Hy__RegisterResponse first, again;

	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &first) == HY_OK);
	struct hy_key user_key = hy_key_user(first.uin), name_key = hy_key_name("ann", 3);
	name.uin = first.uin;
	profile.name = (char *)(uintptr_t) "ann";
	name.client_id = profile.client_id = (ProtobufCBinaryData){sizeof id.bytes, id.bytes};
	put_row(h, call, &name_key, SPACES_NAME, &name.base);
	put_row(h, call, &user_key, SPACES_ACCOUNT, &profile.base);
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &again) == HY_OK);
	CHECK(h, again.uin == first.uin && again.ticket.len == first.ticket.len &&
			 memcmp(again.ticket.data, first.ticket.data, first.ticket.len) == 0);
	/* also when only the user stands */
	struct kt_op op = {.kind = KT_DELETE, .space = SPACES_NAME, .name = hy_bytes_str(SPACES_OWNER)};
	struct kt_result result;
	CHECK(h, kt_write(h->kt, call, &name_key, &op, 1, &result) == HY_OK);
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &again) == HY_OK);
	CHECK(h, again.uin == first.uin);
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", harness_client_id(h), &again) ==
			 HY_ALREADY_EXISTS);
}

static void test_earlier_rows(void **state)
{
	harness_once(&(struct harness_config){0}, do_earlier_rows);
}

/* ---- what is left of those that lost ----------------------------------------------------------------------------- */

static unsigned users(struct harness *h, struct call *call)
{
	Hy__AccountListUsersRequest request = HY__ACCOUNT_LIST_USERS_REQUEST__INIT;
	Hy__AccountListUsersResponse response = HY__ACCOUNT_LIST_USERS_RESPONSE__INIT;

	CHECK(h, account_list_users(call, &request, &response) == HY_OK && !response.more);
	return (unsigned)response.n_users;
}

/** The race of many for one name; who comes late sees that the name is taken and loses nothing, so one race may have no
 * loser: then there is another, for another name. */
enum { RACERS = 12, RACES_MAX = 200 };

static void race_for_a_name(struct harness *h, struct call *call, unsigned index)
{
	Hy__RegisterResponse response;
	char name[16];

	snprintf(name, sizeof name, "ann%u", h->round);
	int rc = harness_try_register(h, call, name, HARNESS_PASSWORD, "phone", harness_client_id(h), &response);
	CHECK(h, rc == HY_OK || rc == HY_ALREADY_EXISTS);
}

static void count_after_races(struct harness *h, struct call *call)
{
	CHECK(h, users(h, call) == h->round);
	CHECK(h, mon_get(svr_mon(h->svr), MON_registrations_lost) > 0);
	harness_sign_in(h, call, "ann0", "desk");
}

static void test_race(void **state)
{
	struct harness h;

	harness_open(&h, &(struct harness_config){.loops = 3});
	do {
		harness_run_many(&h, RACERS, race_for_a_name);
		h.round++;
	} while (mon_get(svr_mon(h.svr), MON_registrations_lost) == 0 && h.round < RACES_MAX);
	harness_run(&h, count_after_races);
	harness_close(&h);
}

static int drop_user(struct call *call, uint32_t uin, const char *name, struct client_id *id)
{
	Hy__AccountDropUserRequest drop = HY__ACCOUNT_DROP_USER_REQUEST__INIT;
	Hy__AccountDropUserResponse dropped = HY__ACCOUNT_DROP_USER_RESPONSE__INIT;

	drop.uin = uin;
	drop.name = (char *)(uintptr_t)name;
	drop.client_id = (ProtobufCBinaryData){sizeof id->bytes, id->bytes};
	return account_drop_user(call, &drop, &dropped);
}

static void do_drop(struct harness *h, struct call *call)
{
	struct client_id id = harness_client_id(h), other = harness_client_id(h);
	Hy__AccountCreateUserRequest create = HY__ACCOUNT_CREATE_USER_REQUEST__INIT;
	Hy__AccountCreateUserResponse created = HY__ACCOUNT_CREATE_USER_RESPONSE__INIT;
	Hy__RegisterResponse ann;

	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &ann) == HY_OK);
	CHECK(h, drop_user(call, ann.uin, "ann", &id) == HY_FAILED_PRECONDITION);
	CHECK(h, drop_user(call, ann.uin, "ann", &other) == HY_OK && users(h, call) == 1);
	create.uin = ann.uin + 1;
	create.name = (char *)(uintptr_t) "bob";
	create.client_id = (ProtobufCBinaryData){sizeof id.bytes, id.bytes};
	create.password_hash = (char *)(uintptr_t) "x";
	for (unsigned i = 0; i < 2; i++) {
		CHECK(h, account_create_user(call, &create, &created) == HY_OK && users(h, call) == 2);
		CHECK(h, drop_user(call, create.uin, "cem", &id) == HY_OK && users(h, call) == 2);
		CHECK(h, drop_user(call, create.uin, "bob", &id) == HY_OK && users(h, call) == 1);
		CHECK(h, drop_user(call, create.uin, "bob", &id) == HY_OK);
	}
}

static void test_drop(void **state)
{
	harness_once(&(struct harness_config){0}, do_drop);
}

/** The name points to a user that is not there. */
static void do_lost_name(struct harness *h, struct call *call)
{
	struct client_id id = harness_client_id(h);
	Hy__AccountClaimNameRequest claim = HY__ACCOUNT_CLAIM_NAME_REQUEST__INIT;
	Hy__AccountClaimNameResponse claimed = HY__ACCOUNT_CLAIM_NAME_RESPONSE__INIT;
	Hy__RegisterResponse response;

	claim.name = (char *)(uintptr_t) "ann";
	claim.uin = 12345;
	claim.client_id = (ProtobufCBinaryData){sizeof id.bytes, id.bytes};
	CHECK(h, account_claim_name(call, &claim, &claimed) == HY_OK);
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", harness_client_id(h), &response) ==
			 HY_ALREADY_EXISTS);
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &response) == HY_OK);
	CHECK(h, response.uin != 0 && response.uin != 12345);
}

static void test_lost_name(void **state)
{
	harness_once(&(struct harness_config){0}, do_lost_name);
}

/* ---- what passwords cost ----------------------------------------------------------------------------------------- */

static const char *hash_of(struct harness *h, struct call *call, uint32_t uin)
{
	Hy__AccountGetCredentialResponse credential = HY__ACCOUNT_GET_CREDENTIAL_RESPONSE__INIT;

	CHECK(h, auth_credential(call, uin, &credential) == HY_OK);
	return credential.password_hash;
}

static bool is_alive(struct call *call, const struct person *p)
{
	Hy__SessionVerifyRequest request = HY__SESSION_VERIFY_REQUEST__INIT;
	Hy__SessionVerifyResponse response = HY__SESSION_VERIFY_RESPONSE__INIT;

	request.uin = p->uin;
	request.ticket = (ProtobufCBinaryData){TICKET_SIZE, (uint8_t *)(uintptr_t)p->ticket};
	return session_verify(call, &request, &response) == HY_OK;
}

/** A password hashed at another cost than the server's, which is 8 KiB and one pass here. */
static void do_renewed(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone");
	Hy__AccountPutPasswordRequest put = HY__ACCOUNT_PUT_PASSWORD_REQUEST__INIT;
	Hy__AccountPutPasswordResponse done = HY__ACCOUNT_PUT_PASSWORD_RESPONSE__INIT;
	char earlier[crypto_pwhash_argon2id_STRBYTES];
	Hy__SignInResponse in;

	CHECK(h, crypto_pwhash_argon2id_str(earlier, HARNESS_PASSWORD, strlen(HARNESS_PASSWORD), 2, 16384) == 0);
	put.uin = phone.uin;
	put.password_hash = earlier;
	put.keep_device = (char *)(uintptr_t) "phone";
	CHECK(h, account_put_password(call, &put, &done) == HY_OK);
	CHECK(h, harness_try_sign_in(h, call, "ann", "not the password", "desk", &in) == HY_UNAUTHENTICATED);
	CHECK(h, strcmp(hash_of(h, call, phone.uin), earlier) == 0);
	struct person desk = harness_sign_in(h, call, "ann", "desk");
	CHECK(h, password_hash_costs(hash_of(h, call, phone.uin), &(struct password_cost){1, 8192}));
	CHECK(h, mon_get(svr_mon(h->svr), MON_passwords_renewed) == 1);
	CHECK(h, is_alive(call, &phone) && is_alive(call, &desk));
	harness_sign_in(h, call, "ann", "more");
	CHECK(h, is_alive(call, &desk) && mon_get(svr_mon(h->svr), MON_passwords_renewed) == 1);
}

static void test_renewed(void **state)
{
	harness_once(&(struct harness_config){0}, do_renewed);
}

static const struct padding_case {
	const char *label, *hash;
	struct password_cost cost, padding; /* 0: none */
} padding_cases[] = {
	{"the same cost", "$argon2id$v=19$m=19456,t=2,p=1$x$y", {2, 19456u << 10}, {0, 0}},
	{"half the memory", "$argon2id$v=19$m=8192,t=2,p=1$x$y", {2, 16384u << 10}, {2, 8192u << 10}},
	{"half the passes", "$argon2id$v=19$m=16384,t=1,p=1$x$y", {2, 16384u << 10}, {2, 8192u << 10}},
	{"next to nothing", "$argon2id$v=19$m=8,t=1,p=1$x$y", {2, 16384u << 10}, {2, (16384u << 10) - 4096}},
	{"more than is set", "$argon2id$v=19$m=65536,t=3,p=1$x$y", {2, 19456u << 10}, {0, 0}},
	{"no hash", "damaged", {2, 16384u << 10}, {2, 16384u << 10}},
};

static void test_padding(void **state)
{
	for (size_t i = 0; i < HY_COUNT_OF(padding_cases); i++) {
		const struct padding_case *c = &padding_cases[i];
		struct password_cost padding = {0, 0};
		if (password_padding(c->hash, &c->cost, &padding) != (c->padding.passes != 0) ||
			padding.passes != c->padding.passes || padding.bytes != c->padding.bytes)
			fail_msg("%s: %u passes, %u bytes", c->label, padding.passes, padding.bytes);
	}
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void test_log(void **state)
{
	assert_string_equal(auth_name_for_log("ann"), "ann");
	assert_null(strstr(auth_name_for_log("My Secret Passw0rd!"), "Secret"));
	assert_null(strchr(auth_name_for_log("ann\nERROR"), '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"an invitation is used up by names, whatever the client ID", test_one_use},
		{"an invitation ends in time", test_expiry},
		{"whoever has no invitation is not told which names there are", test_names_not_told},
		{"where registration is off nobody is told which names there are", test_names_not_told_off},
		{"the client ID of a registration is not kept", test_not_kept},
		{"a registration of an earlier server is known again", test_earlier_rows},
		{"of many who want one name the others leave nothing", test_race},
		{"only a registration that nobody has used is undone", test_drop},
		{"a name that points to nobody is free for its registration", test_lost_name},
		{"a password is hashed anew at sign-in when the cost was changed, and no ticket ends", test_renewed},
		{"a wrong password takes as long as at the cost that is set", test_padding},
		{"what is no name is not logged", test_log},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
