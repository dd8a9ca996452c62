/* What time does to the data of users whom nobody touches (rule R5), and that the round over all users comes by. */
#include "account.rpc.h"
#include "logic/logic_test_harness.h"
#include "message.rpc.h"
#include "session.rpc.h"

#define DAY_MS (24ull * 3600 * 1000)

/** Messages that were stored so many days ago. */
static void store(struct harness *h, struct call *call, uint32_t uin, uint64_t days, unsigned count)
{
	uint8_t row[16] = {0x08, 0x63, 0x20}; /* of a type that nobody knows; then the time, a varint */
	size_t len = 3;
	uint64_t ms = env_wall_ms(h->env) - days * DAY_MS;
	struct hy_key key = hy_key_user(uin);
	struct kt_result result;

	for (; ms > 0x7f; ms >>= 7)
		row[len++] = (uint8_t)(ms | 0x80);
	row[len++] = (uint8_t)ms;
	struct kt_op op = {.kind = KT_APPEND, .space = SPACES_INBOX, .value = hy_bytes(row, len)};
	for (unsigned i = 0; i < count; i++)
		CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
}

static void brought(struct harness *h, struct call *call, const struct person *p, uint64_t messages, uint64_t account)
{
	Hy__SessionBroughtRequest request = HY__SESSION_BROUGHT_REQUEST__INIT;
	Hy__SessionBroughtResponse response = HY__SESSION_BROUGHT_RESPONSE__INIT;

	request.uin = p->uin;
	request.device = (char *)(uintptr_t)p->device;
	request.messages = messages;
	request.account = account;
	CHECK(h, session_brought(call, &request, &response) == HY_OK);
}

static void age(struct harness *h, struct call *call, uint32_t uin, uint64_t tombstones)
{
	Hy__SessionAgeRequest request = HY__SESSION_AGE_REQUEST__INIT;
	Hy__SessionAgeResponse response = HY__SESSION_AGE_RESPONSE__INIT;

	request.uin = uin;
	request.tombstones = tombstones;
	CHECK(h, session_age(call, &request, &response) == HY_OK);
}

static struct kt_head account_head(struct harness *h, struct call *call, uint32_t uin)
{
	struct hy_key key = hy_key_user(uin);
	struct kt_head head = {0};

	CHECK(h, kt_read_head(h->kt, call, &key, SPACES_ACCOUNT, KT_STRONG, &head) == HY_OK);
	return head;
}

static int append(struct harness *h, struct call *call, uint32_t uin, struct client_id *id, uint64_t made_ms)
{
	Hy__MessageAppendRequest request = HY__MESSAGE_APPEND_REQUEST__INIT;
	Hy__MessageAppendResponse response = HY__MESSAGE_APPEND_RESPONSE__INIT;
	uint8_t hash[SPACES_HASH_SIZE] = {7};

	request.uin = uin;
	request.sender = 4711;
	request.client_id = (ProtobufCBinaryData){sizeof id->bytes, id->bytes};
	request.made_ms = made_ms;
	request.content_hash = (ProtobufCBinaryData){sizeof hash, hash};
	request.type = 99;
	return message_append(call, &request, &response);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static void do_retained(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");

	store(h, call, ann.uin, 31, 5);
	store(h, call, ann.uin, 29, 5);
	brought(h, call, &ann, 8, 0);
	/* Brought has trimmed what was old just now; more grows old while nobody comes */
	store(h, call, ann.uin, 40, 1);
	CHECK(h, harness_inbox(h, call, ann.uin).trimmed == 5);
	age(h, call, ann.uin, 0);
	CHECK(h, harness_inbox(h, call, ann.uin).trimmed == 5);
	struct person bob = harness_register(h, call, "bob", "phone");
	brought(h, call, &bob, 0, 0);
	store(h, call, bob.uin, 31, 3);
	brought(h, call, &bob, 3, 0); /* within the hour in which age is not looked at again */
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 0);
	age(h, call, bob.uin, 0);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 3);
}

static void test_retained(void **state)
{
	harness_once(&(struct harness_config){.retain_days = 30}, do_retained);
}

static void do_bound(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone"), desk = harness_sign_in(h, call, "ann", "desk");

	store(h, call, phone.uin, 200, 4);
	store(h, call, phone.uin, 100, 4);
	brought(h, call, &phone, 8, 0);
	brought(h, call, &desk, 2, 0);
	age(h, call, phone.uin, 0);
	/* the desk has not brought 3 and 4, but they are past the bound and the phone has; 5 to 8 wait for the desk */
	CHECK(h, harness_inbox(h, call, phone.uin).trimmed == 4);
}

static void test_bound(void **state)
{
	harness_once(&(struct harness_config){.retain_days = 30}, do_bound);
}

static void do_overdue(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");
	struct client_id first = harness_client_id(h), second = harness_client_id(h);
	uint64_t now_ms = env_wall_ms(h->env);

	store(h, call, ann.uin, 200, 1);
	CHECK(h, append(h, call, ann.uin, &first, now_ms) == HY_OK);
	age(h, call, ann.uin, 0);
	CHECK(h, append(h, call, ann.uin, &second, now_ms) == HY_RESOURCE_EXHAUSTED);
	CHECK(h, call->retry_after_ms > 0);
	CHECK(h, append(h, call, ann.uin, &first, now_ms) == HY_OK); /* a repeat */
	CHECK(h, harness_inbox(h, call, ann.uin).rows == 2);
	/* whoever fetches opens it again */
	CHECK(h, harness_sync_all(h, call, &ann) == 2);
	CHECK(h, append(h, call, ann.uin, &second, now_ms) == HY_OK);
	CHECK(h, harness_sync_all(h, call, &ann) == 1); /* brings the first two */
	age(h, call, ann.uin, 0);
	CHECK(h, harness_inbox(h, call, ann.uin).trimmed == 1);
	CHECK(h, append(h, call, ann.uin, &second, now_ms) == HY_OK);
}

static void test_overdue(void **state)
{
	harness_once(&(struct harness_config){.retain_days = 30}, do_overdue);
}

static void do_kept(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");
	struct client_id first = harness_client_id(h), second = harness_client_id(h);
	uint64_t now_ms = env_wall_ms(h->env);

	store(h, call, ann.uin, 200, 3);
	brought(h, call, &ann, 3, 0);
	age(h, call, ann.uin, 0);
	CHECK(h, harness_inbox(h, call, ann.uin).rows == 3);
	CHECK(h, append(h, call, ann.uin, &first, now_ms) == HY_OK);
	/* what stands behind them counts */
	store(h, call, ann.uin, 200, 1);
	brought(h, call, &ann, 4, 0);
	age(h, call, ann.uin, 0);
	CHECK(h, append(h, call, ann.uin, &second, now_ms) == HY_RESOURCE_EXHAUSTED);
}

static void test_kept(void **state)
{
	harness_once(&(struct harness_config){.retain_days = 365}, do_kept);
}

/** More than one round looks at. */
#define MANY 9000u

static void do_many(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");
	struct client_id first = harness_client_id(h);

	store(h, call, ann.uin, 200, MANY);
	brought(h, call, &ann, MANY, 0);
	age(h, call, ann.uin, 0);
	CHECK(h, harness_inbox(h, call, ann.uin).trimmed < MANY);
	CHECK(h, append(h, call, ann.uin, &first, env_wall_ms(h->env)) == HY_OK);
}

static void test_many(void **state)
{
	harness_once(&(struct harness_config){.retain_days = 30}, do_many);
}

/* ---- tombstones -------------------------------------------------------------------------------------------------- */

static void sign_out(struct harness *h, struct call *call, const struct person *p)
{
	Hy__SessionRevokeRequest request = HY__SESSION_REVOKE_REQUEST__INIT;
	Hy__SessionRevokeResponse response = HY__SESSION_REVOKE_RESPONSE__INIT;

	request.uin = p->uin;
	request.device = (char *)(uintptr_t)p->device;
	CHECK(h, session_revoke(call, &request, &response) == HY_OK);
}

static void do_tombstones(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone"), desk = harness_sign_in(h, call, "ann", "desk"),
		      watch = harness_sign_in(h, call, "ann", "watch");

	harness_sync_all(h, call, &phone);
	harness_sync_all(h, call, &desk);
	sign_out(h, call, &watch);
	CHECK(h, account_head(h, call, phone.uin).tombstones == 1);
	harness_sync_all(h, call, &phone);
	age(h, call, phone.uin, 1);
	CHECK(h, account_head(h, call, phone.uin).tombstones == 1); /* the desk has not seen it */
	harness_sync_all(h, call, &desk);
	Hy__SyncResponse got;
	CHECK(h, harness_sync(h, call, &desk, &got) == HY_OK); /* brings what it stored */
	CHECK(h, harness_sync(h, call, &phone, &got) == HY_OK);
	age(h, call, phone.uin, 1);
	CHECK(h, account_head(h, call, phone.uin).tombstones == 0);
	/* nobody is told to begin again: all have passed it, and who begins from nothing has nothing to miss */
	CHECK(h, harness_sync(h, call, &desk, &got) == HY_OK && got.n_reset == 0 && got.n_entries == 0);
	struct person tablet = harness_sign_in(h, call, "ann", "tablet");
	CHECK(h, harness_sync(h, call, &tablet, &got) == HY_OK && got.n_entries > 0);
}

static void test_tombstones(void **state)
{
	harness_once(&(struct harness_config){.retain_days = 30}, do_tombstones);
}

static void do_too_many(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone"), desk = harness_sign_in(h, call, "ann", "desk");

	harness_sync_all(h, call, &phone);
	sign_out(h, call, &desk);
	age(h, call, phone.uin, 1000000);
	CHECK(h, account_head(h, call, phone.uin).tombstones == 0);
	Hy__SyncResponse got;
	CHECK(h, harness_sync(h, call, &phone, &got) == HY_OK);
	CHECK(h, harness_has_reset(&got, HY__SYNC_KIND__SYNC_KIND_ACCOUNT) && got.n_entries > 0);
}

static void test_too_many(void **state)
{
	harness_once(&(struct harness_config){.retain_days = 30}, do_too_many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"what all have brought goes when it is old enough, though nobody comes", test_retained},
		{"past the bound in days goes what one device has brought", test_bound},
		{"past the bound in days what nobody has fetched refuses the sender, until somebody fetches",
			test_overdue},
		{"what is old and brought refuses nobody, though it is kept", test_kept},
		{"what is old and brought refuses nobody, though a round leaves some of it", test_many},
		{"tombstones go when all live devices have passed them", test_tombstones},
		{"too many tombstones go whoever waits for them: those begin again", test_too_many},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
