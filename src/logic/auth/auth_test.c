/* Who somebody is: registration, sign-in, tickets (rules R10, W6). */
#include <stdio.h>

#include "account.rpc.h"
#include "logic/logic_test_harness.h"
#include "session.rpc.h"

/* ---- registration ------------------------------------------------------------------------------------------------ */

static void do_repeat(struct harness *h, struct call *call)
{
	Hy__RegisterResponse first, second, third;
	struct client_id id = harness_client_id(h);

	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &first) == HY_OK);
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &second) == HY_OK);
	CHECK(h, first.uin != 0 && first.uin == second.uin);
	/* who only knows the client ID gets nothing */
	CHECK(h, harness_try_register(h, call, "ann", "another password", "phone", id, &third) == HY_ALREADY_EXISTS);
	CHECK(h, third.ticket.len == 0);
}

static void test_repeat(void **state)
{
	harness_once(&(struct harness_config){0}, do_repeat);
}

static void do_taken(struct harness *h, struct call *call)
{
	Hy__RegisterResponse response;

	harness_register(h, call, "ann", "phone");
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", harness_client_id(h), &response) ==
			 HY_ALREADY_EXISTS);
	CHECK(h, response.uin == 0);
	CHECK(h, mon_get(svr_mon(h->svr), MON_registered) == 1);
}

static void test_taken(void **state)
{
	harness_once(&(struct harness_config){0}, do_taken);
}

/** The user row stands, the name does not: as after a crash between the two. */
static void do_half_made(struct harness *h, struct call *call)
{
	struct client_id id = harness_client_id(h);
	Hy__RegisterResponse response, again;
	Hy__SignInResponse in;
	struct hy_key key = hy_key_name("ann", 3);
	struct kt_op op = {.kind = KT_DELETE, .space = SPACES_NAME, .name = hy_bytes_str(SPACES_OWNER)};
	struct kt_result result;

	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &response) == HY_OK);
	CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
	CHECK(h, harness_try_sign_in(h, call, "ann", HARNESS_PASSWORD, "phone", &in) == HY_UNAUTHENTICATED);
	CHECK(h, harness_try_register(h, call, "ann", "another password", "phone", id, &again) == HY_ALREADY_EXISTS);
	CHECK(h, harness_try_sign_in(h, call, "ann", "another password", "phone", &in) == HY_UNAUTHENTICATED);
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &again) == HY_OK);
	CHECK(h, again.uin == response.uin);
	CHECK(h, again.ticket.len == response.ticket.len &&
			 memcmp(again.ticket.data, response.ticket.data, again.ticket.len) == 0);
	CHECK(h, harness_try_sign_in(h, call, "ann", HARNESS_PASSWORD, "phone", &in) == HY_OK);
}

static void test_half_made(void **state)
{
	harness_once(&(struct harness_config){0}, do_half_made);
}

static void do_collision(struct harness *h, struct call *call)
{
	static const char *const names[] = {"ann", "bob", "cem"};
	bool seen[4] = {false};
	Hy__RegisterResponse response;

	for (size_t i = 0; i < HY_COUNT_OF(names); i++) {
		struct person p = harness_register(h, call, names[i], "phone");
		CHECK(h, p.uin >= 1 && p.uin <= 3 && !seen[p.uin & 3]);
		seen[p.uin & 3] = true;
	}
	CHECK(h, harness_try_register(h, call, "dan", HARNESS_PASSWORD, "phone", harness_client_id(h), &response) ==
			 HY_RESOURCE_EXHAUSTED);
	struct person ann = harness_sign_in(h, call, "ann", "phone");
	CHECK(h, ann.uin != 0);
}

static void test_collision(void **state)
{
	harness_once(&(struct harness_config){.uin_bits = 2}, do_collision);
}

static const struct refused_case {
	const char *label, *name, *password, *device;
} refused_cases[] = {
	{"a name of two characters is refused", "an", HARNESS_PASSWORD, "phone"},
	{"a name of 33 characters is refused", "abcdefghijklmnopqrstuvwxyz0123456", HARNESS_PASSWORD, "phone"},
	{"a name with a capital is refused", "Ann", HARNESS_PASSWORD, "phone"},
	{"a name with a space is refused", "a nn", HARNESS_PASSWORD, "phone"},
	{"a password of seven bytes is refused", "ann", "1234567", "phone"},
	{"no device is refused", "ann", HARNESS_PASSWORD, ""},
	{"a device with a slash is refused", "ann", HARNESS_PASSWORD, "a/b"},
	{"a device of 33 characters is refused", "ann", HARNESS_PASSWORD, "abcdefghijklmnopqrstuvwxyz0123456"},
};

static void do_refused(struct harness *h, struct call *call)
{
	for (size_t i = 0; i < HY_COUNT_OF(refused_cases); i++) {
		const struct refused_case *c = &refused_cases[i];
		Hy__RegisterResponse response;
		int rc =
			harness_try_register(h, call, c->name, c->password, c->device, harness_client_id(h), &response);
		CHECK(h, rc == HY_INVALID_ARGUMENT && call->message);
	}
	CHECK(h, mon_get(svr_mon(h->svr), MON_registered) == 0);
}

static void test_refused(void **state)
{
	harness_once(&(struct harness_config){0}, do_refused);
}

static void do_device_names(struct harness *h, struct call *call)
{
	static const struct {
		const char *name;
		int status;
	} names[] = {
		{"Ann's phone \U0001f469\u200d\U0001f4bb", HY_OK},
		{"x\x1b[2J", HY_INVALID_ARGUMENT},
		{"a\nb", HY_INVALID_ARGUMENT},
		{"\u202eevil", HY_INVALID_ARGUMENT},
		{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff12345", HY_INVALID_ARGUMENT},
	};

	harness_register(h, call, "ann", "phone");
	for (size_t i = 0; i < HY_COUNT_OF(names); i++) {
		Hy__SignInRequest request = HY__SIGN_IN_REQUEST__INIT;
		Hy__SignInResponse response = HY__SIGN_IN_RESPONSE__INIT;
		struct client_id id = harness_client_id(h);
		Hy__RequestHead head = harness_head(h, "phone", &id);
		request.head = &head;
		request.name = (char *)(uintptr_t) "ann";
		request.password = (char *)(uintptr_t)HARNESS_PASSWORD;
		request.device_name = (char *)(uintptr_t)names[i].name;
		CHECK(h, auth_sign_in(call, &request, &response) == names[i].status);
	}
}

static void test_device_names(void **state)
{
	harness_once(&(struct harness_config){0}, do_device_names);
}

static void race_for_a_name(struct harness *h, struct call *call, unsigned index)
{
	Hy__RegisterResponse response;
	int rc = harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", harness_client_id(h), &response);

	CHECK(h, rc == HY_OK || rc == HY_ALREADY_EXISTS);
	if (rc == HY_OK)
		__atomic_fetch_add((unsigned *)h->arg, 1, __ATOMIC_RELAXED);
}

static void test_race(void **state)
{
	struct harness h;

	unsigned taken = 0;
	harness_open(&h, &(struct harness_config){.loops = 3});
	h.arg = &taken;
	harness_run_many(&h, 12, race_for_a_name);
	harness_close(&h);
	assert_int_equal(taken, 1);
}

/* ---- sign-in ----------------------------------------------------------------------------------------------------- */

static void do_wrong(struct harness *h, struct call *call)
{
	Hy__SignInResponse response;

	harness_register(h, call, "ann", "phone");
	uint64_t jobs = mon_get(svr_mon(h->svr), MON_pool_jobs);
	CHECK(h, harness_try_sign_in(h, call, "ann", "not the password", "phone", &response) == HY_UNAUTHENTICATED);
	const char *wrong = call->message;
	CHECK(h, harness_try_sign_in(h, call, "nobody", HARNESS_PASSWORD, "phone", &response) == HY_UNAUTHENTICATED);
	CHECK(h, strcmp(call->message, wrong) == 0);
	CHECK(h, mon_get(svr_mon(h->svr), MON_pool_jobs) == jobs + 2); /* the same work for both */
	CHECK(h, mon_get(svr_mon(h->svr), MON_sign_in_failures) == 2);
}

static void test_wrong(void **state)
{
	harness_once(&(struct harness_config){0}, do_wrong);
}

static int verify(struct call *call, const struct person *p, Hy__SessionVerifyResponse *response)
{
	Hy__SessionVerifyRequest request = HY__SESSION_VERIFY_REQUEST__INIT;

	hy__session_verify_response__init(response);
	request.uin = p->uin;
	request.ticket = (ProtobufCBinaryData){TICKET_SIZE, (uint8_t *)(uintptr_t)p->ticket};
	return session_verify(call, &request, response);
}

static int identify(struct harness *h, struct call *call, const struct person *p, const char *head_device)
{
	Hy__IdentifyRequest request = HY__IDENTIFY_REQUEST__INIT;
	Hy__IdentifyResponse response = HY__IDENTIFY_RESPONSE__INIT;
	struct client_id id = {{0}};
	Hy__RequestHead head = harness_head(h, head_device, &id);

	harness_as(call, p);
	request.head = &head;
	int rc = auth_identify(call, &request, &response);
	CHECK(h, rc != HY_OK || (response.uin == p->uin && response.heartbeat_s > 0));
	return rc;
}

static void do_tickets(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone"), desk = harness_sign_in(h, call, "ann", "desk");
	struct person bob = harness_register(h, call, "bob", "phone"), forged = phone;
	Hy__SessionVerifyResponse r;

	CHECK(h, verify(call, &phone, &r) == HY_OK && strcmp(r.device, "phone") == 0 && strcmp(r.name, "ann") == 0);
	CHECK(h, verify(call, &desk, &r) == HY_OK && strcmp(r.device, "desk") == 0);
	forged.ticket[35] ^= 1;
	CHECK(h, verify(call, &forged, &r) == HY_UNAUTHENTICATED);
	forged = phone;
	forged.uin = bob.uin; /* somebody else's ticket, as it is and with its number changed */
	CHECK(h, verify(call, &forged, &r) == HY_UNAUTHENTICATED);
	hy_put_be32(forged.ticket, bob.uin);
	CHECK(h, verify(call, &forged, &r) == HY_UNAUTHENTICATED);
	CHECK(h, identify(h, call, &phone, "phone") == HY_OK);
	CHECK(h, identify(h, call, &phone, "") == HY_OK);
	CHECK(h, identify(h, call, &phone, "desk") == HY_UNAUTHENTICATED);
	/* a new sign-in of the device ends its earlier ticket, not that of others */
	struct person again = harness_sign_in(h, call, "ann", "phone");
	CHECK(h, verify(call, &phone, &r) == HY_UNAUTHENTICATED);
	CHECK(h, verify(call, &again, &r) == HY_OK);
	CHECK(h, verify(call, &desk, &r) == HY_OK);
}

static void test_tickets(void **state)
{
	harness_once(&(struct harness_config){0}, do_tickets);
}

static void do_sign_out(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone"), desk = harness_sign_in(h, call, "ann", "desk");
	Hy__SignOutRequest request = HY__SIGN_OUT_REQUEST__INIT;
	Hy__SignOutResponse response = HY__SIGN_OUT_RESPONSE__INIT;
	Hy__SessionVerifyResponse r;

	uint32_t closed = h->close_count;
	harness_as(call, &phone);
	CHECK(h, auth_sign_out(call, &request, &response) == HY_OK);
	CHECK(h, h->close_count == closed + 1);
	CHECK(h, verify(call, &phone, &r) == HY_UNAUTHENTICATED);
	CHECK(h, verify(call, &desk, &r) == HY_OK);
	CHECK(h, auth_sign_out(call, &request, &response) == HY_OK); /* a repeat */
}

static void test_sign_out(void **state)
{
	harness_once(&(struct harness_config){0}, do_sign_out);
}

/** The moment at which the ticket goes while it is being checked. */
static void drop_while_checked(struct harness *h, struct call *call, const struct hy_key *key, uint8_t space)
{
	struct kt_op op = {.kind = KT_DELETE, .space = SPACES_CREDENTIAL, .name = hy_bytes_str("t/phone")};
	struct kt_result result;

	if (space != SPACES_ACCOUNT)
		return;
	h->on.read = NULL;
	CHECK(h, kt_write(h->kt, call, key, &op, 1, &result) == HY_OK);
}

static void do_dropped_meanwhile(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone");
	Hy__SessionVerifyResponse r;

	h->on.read = drop_while_checked;
	CHECK(h, verify(call, &phone, &r) == HY_UNAUTHENTICATED);
	CHECK(h, !h->on.read);
}

static void test_dropped_meanwhile(void **state)
{
	harness_once(&(struct harness_config){0}, do_dropped_meanwhile);
}

static void do_damaged_profile(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone"),
		      bob = harness_register(h, call, "bob", "phone");
	uint8_t garbage[] = {0xff};
	struct kt_op op = {.kind = KT_PUT,
		.space = SPACES_ACCOUNT,
		.name = hy_bytes_str(SPACES_OWNER),
		.value = hy_bytes(garbage, sizeof garbage)};
	struct hy_key key = hy_key_user(phone.uin);
	Hy__SessionVerifyResponse r;
	struct kt_result result;

	CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
	CHECK(h, verify(call, &phone, &r) == HY_OK && strcmp(r.device, "phone") == 0 && r.name[0] == '\0');
	CHECK(h, mon_get(svr_mon(h->svr), MON_rows_skipped) == 1);
	struct person desk = harness_sign_in(h, call, "ann", "desk");
	harness_send_ok(h, call, &bob, desk.uin, "hello");
	CHECK(h, harness_sync_all(h, call, &desk) == 1);
}

static void test_damaged_profile(void **state)
{
	harness_once(&(struct harness_config){0}, do_damaged_profile);
}

static int sign_out(struct harness *h, struct call *call, const struct person *p)
{
	Hy__SignOutRequest request = HY__SIGN_OUT_REQUEST__INIT;
	Hy__SignOutResponse response = HY__SIGN_OUT_RESPONSE__INIT;

	harness_as(call, p);
	return auth_sign_out(call, &request, &response);
}

/** The answer to a write of tickets is replaced by what the test wants. */
static int answer_otherwise(struct harness *h, struct call *call, const struct kt_op *ops, size_t count, int status)
{
	const int *want = h->arg;

	for (size_t i = 0; i < count; i++)
		if (ops[i].space == SPACES_CREDENTIAL && ops[i].kind == KT_EXPECT_VERSION)
			return *want;
	return status;
}

/** Whether a write happened that was answered so is not known: the links end in any case. */
static void do_unknown_outcome(struct harness *h, struct call *call)
{
	int cases[] = {HY_UNAVAILABLE, HY_DEADLINE_EXCEEDED, HY_CANCELLED, HY_RESOURCE_EXHAUSTED};
	struct person phone = harness_register(h, call, "ann", "phone");
	Hy__SignInResponse in;

	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		unsigned want = cases[i] != HY_RESOURCE_EXHAUSTED; /* that one surely did not */
		uint32_t closed = h->close_count;
		h->arg = &cases[i];
		h->on.wrote = answer_otherwise;
		CHECK(h, sign_out(h, call, &phone) == cases[i]);
		CHECK(h, h->close_count == closed + want);
		CHECK(h, harness_try_sign_in(h, call, "ann", HARNESS_PASSWORD, "phone", &in) == cases[i]);
		CHECK(h, h->close_count == closed + 2 * want);
		h->on.wrote = NULL;
	}
}

static void test_unknown_outcome(void **state)
{
	harness_once(&(struct harness_config){0}, do_unknown_outcome);
}

/** A disk that takes longer than whoever asks can wait. */
static int take_long(struct harness *h, struct call *call, const struct kt_op *ops, size_t count, int status)
{
	co_sleep_until(call->loop, svr_now_us(call->loop) + 50000);
	return svr_now_us(call->loop) < call->deadline_us ? status : HY_DEADLINE_EXCEEDED;
}

static void do_slow_disk(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone");
	uint32_t closed = h->close_count;

	h->on.wrote = take_long;
	call->deadline_us = svr_now_us(call->loop) + 10000;
	CHECK(h, sign_out(h, call, &phone) == HY_OK);
	CHECK(h, h->close_count == closed + 1);
}

static void test_slow_disk(void **state)
{
	harness_once(&(struct harness_config){0}, do_slow_disk);
}

static void do_late_repeat(struct harness *h, struct call *call)
{
	struct client_id id = harness_client_id(h), other = harness_client_id(h);
	Hy__RegisterResponse first, late;
	Hy__SessionVerifyResponse r;

	/* the request's copy comes out of the network after the device has signed out */
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &first) == HY_OK);
	struct person phone = {.uin = first.uin, .name = "ann", .device = "phone"};
	memcpy(phone.ticket, first.ticket.data, TICKET_SIZE);
	CHECK(h, sign_out(h, call, &phone) == HY_OK);
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &late) == HY_UNAUTHENTICATED);
	CHECK(h, late.ticket.len == 0 && verify(call, &phone, &r) == HY_UNAUTHENTICATED);
	/* or after it has signed in anew: that ticket stays */
	struct person again = harness_sign_in(h, call, "ann", "phone");
	CHECK(h, harness_try_register(h, call, "ann", HARNESS_PASSWORD, "phone", id, &late) == HY_UNAUTHENTICATED);
	CHECK(h, verify(call, &again, &r) == HY_OK);
	/* a repeat in time is as good as ever, and so are forty devices that come and go */
	for (unsigned i = 0; i < 40; i++) {
		CHECK(h, sign_out(h, call, &again) == HY_OK);
		again = harness_sign_in(h, call, "ann", "desk");
	}
	CHECK(h, harness_try_register(h, call, "bob", HARNESS_PASSWORD, "phone", other, &first) == HY_OK);
	CHECK(h, harness_try_register(h, call, "bob", HARNESS_PASSWORD, "phone", other, &late) == HY_OK);
}

static void test_late_repeat(void **state)
{
	harness_once(&(struct harness_config){0}, do_late_repeat);
}

static int put_ticket(struct call *call, uint32_t uin, const char *device, uint64_t now_ms)
{
	Hy__AccountPutTicketRequest request = HY__ACCOUNT_PUT_TICKET_REQUEST__INIT;
	Hy__AccountPutTicketResponse response = HY__ACCOUNT_PUT_TICKET_RESPONSE__INIT;
	uint8_t hash[TICKET_HASH_SIZE] = {0};

	hy_put_be64(hash, now_ms); /* another one each time, as with real ones */
	memcpy(hash + 8, device, strlen(device));
	request.uin = uin;
	request.device = (char *)(uintptr_t)device;
	request.ticket_hash = (ProtobufCBinaryData){sizeof hash, hash};
	request.now_ms = now_ms;
	return account_put_ticket(call, &request, &response);
}

static void do_many_devices(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");
	uint64_t now = env_wall_ms(h->env), month = 31ull * 24 * 3600 * 1000;
	Hy__SignInResponse response;
	char device[16];

	for (unsigned i = 1; i < 20; i++) {
		snprintf(device, sizeof device, "d%u", i);
		CHECK(h, put_ticket(call, ann.uin, device, i == 7 ? now - month : now) == HY_OK);
	}
	/* the one that was not seen for a month makes room, once, and its links end */
	uint32_t closed = h->close_count;
	CHECK(h, harness_try_sign_in(h, call, "ann", HARNESS_PASSWORD, "desk", &response) == HY_OK);
	CHECK(h, h->close_count == closed + 2 && strcmp(h->last_closed, "d7") == 0);
	CHECK(h, harness_try_sign_in(h, call, "ann", HARNESS_PASSWORD, "more", &response) == HY_RESOURCE_EXHAUSTED);
	CHECK(h, harness_try_sign_in(h, call, "ann", HARNESS_PASSWORD, "phone", &response) == HY_OK);
	CHECK(h, put_ticket(call, ann.uin, "d7", now) == HY_RESOURCE_EXHAUSTED);
	CHECK(h, put_ticket(call, 12345, "d1", now) == HY_NOT_FOUND);
}

static void test_many_devices(void **state)
{
	harness_once(&(struct harness_config){0}, do_many_devices);
}

struct served {
	unsigned served, busy;
};

static void sign_in_at_once(struct harness *h, struct call *call, unsigned index)
{
	Hy__SignInResponse response;
	int rc = harness_try_sign_in(h, call, "nobody", HARNESS_PASSWORD, "phone", &response);

	CHECK(h, rc == HY_UNAUTHENTICATED || (rc == HY_RESOURCE_EXHAUSTED && call->retry_after_ms > 0));
	struct served *s = h->arg;
	__atomic_fetch_add(rc == HY_UNAUTHENTICATED ? &s->served : &s->busy, 1, __ATOMIC_RELAXED);
}

static void test_full_queue(void **state)
{
	struct harness h;

	struct served s = {0};
	harness_open(&h, &(struct harness_config){.hash_queue = 2});
	h.arg = &s;
	harness_run_many(&h, 50, sign_in_at_once);
	harness_close(&h);
	assert_int_equal(s.busy + s.served, 50);
	assert_true(s.busy > 0 && s.served >= 2);
}

/* ---- look-up ----------------------------------------------------------------------------------------------------- */

static int lookup(struct call *call, const char *name, uint32_t *ret_uin)
{
	Hy__LookupRequest request = HY__LOOKUP_REQUEST__INIT;
	Hy__LookupResponse response = HY__LOOKUP_RESPONSE__INIT;

	request.name = (char *)(uintptr_t)name;
	int rc = auth_lookup(call, &request, &response);
	*ret_uin = response.uin;
	return rc;
}

static void do_lookup(struct harness *h, struct call *call)
{
	uint32_t uin;

	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	CHECK(h, lookup(call, "bob", &uin) == HY_UNAUTHENTICATED && uin == 0);
	harness_as(call, &ann);
	CHECK(h, lookup(call, "bob", &uin) == HY_OK && uin == bob.uin);
	CHECK(h, lookup(call, "nobody", &uin) == HY_NOT_FOUND);
	CHECK(h, lookup(call, "No Name", &uin) == HY_INVALID_ARGUMENT);
}

static void test_lookup(void **state)
{
	harness_once(&(struct harness_config){0}, do_lookup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a repeat of a registration gives the same number, with the password only", test_repeat},
		{"a name that is taken is refused", test_taken},
		{"a registration cut short is finished by its repeat, with its first password", test_half_made},
		{"numbers that collide move on to the next free one, until none is left", test_collision},
		{"malformed names, passwords and devices are refused", test_refused},
		{"a device is not called what cannot stand in a line", test_device_names},
		{"of many who want one name one gets it", test_race},
		{"a wrong password and an unknown name look and cost the same", test_wrong},
		{"a ticket is worth something for its user and device alone", test_tickets},
		{"who signs out loses the ticket and the links", test_sign_out},
		{"links end also when it is not known whether their ticket is gone", test_unknown_outcome},
		{"a revocation ends the links however long the disk takes", test_slow_disk},
		{"a late repeat of a sign-in brings no ticket back", test_late_repeat},
		{"a ticket that goes while it is checked is not valid", test_dropped_meanwhile},
		{"a damaged profile keeps its user neither from signing in nor from syncing", test_damaged_profile},
		{"twenty devices, and the one long unseen makes room", test_many_devices},
		{"a full queue of passwords answers when to come back", test_full_queue},
		{"names are looked up by those who are signed in", test_lookup},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
