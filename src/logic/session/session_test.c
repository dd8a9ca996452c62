/* What devices have brought may go, and nothing else (rules R4, R5). */
#include <stdio.h>

#include "account.rpc.h"
#include "logic/logic_test_harness.h"
#include "session.rpc.h"

#define DAY_MS (24ull * 3600 * 1000)

static int brought(struct call *call, const struct person *p, uint64_t messages)
{
	Hy__SessionBroughtRequest request = HY__SESSION_BROUGHT_REQUEST__INIT;
	Hy__SessionBroughtResponse response = HY__SESSION_BROUGHT_RESPONSE__INIT;

	request.uin = p->uin;
	request.device = (char *)(uintptr_t)p->device;
	request.messages = messages;
	return session_brought(call, &request, &response);
}

static void put_ticket(struct harness *h, struct call *call, uint32_t uin, const char *device, uint64_t now_ms)
{
	Hy__AccountPutTicketRequest request = HY__ACCOUNT_PUT_TICKET_REQUEST__INIT;
	Hy__AccountPutTicketResponse response = HY__ACCOUNT_PUT_TICKET_RESPONSE__INIT;
	uint8_t hash[TICKET_HASH_SIZE] = {1};

	request.uin = uin;
	request.device = (char *)(uintptr_t)device;
	request.ticket_hash = (ProtobufCBinaryData){sizeof hash, hash};
	request.now_ms = now_ms;
	CHECK(h, account_put_ticket(call, &request, &response) == HY_OK);
}

static void drop_ticket(struct harness *h, struct call *call, const struct person *p)
{
	Hy__AccountDropTicketRequest request = HY__ACCOUNT_DROP_TICKET_REQUEST__INIT;
	Hy__AccountDropTicketResponse response = HY__ACCOUNT_DROP_TICKET_RESPONSE__INIT;

	request.uin = p->uin;
	request.device = (char *)(uintptr_t)p->device;
	CHECK(h, account_drop_ticket(call, &request, &response) == HY_OK);
}

/** What Account remembers of a device; NULL: it has no ticket. */
static const Hy__AccountDevice *stored(struct harness *h, struct call *call, const struct person *p)
{
	Hy__AccountListDevicesRequest request = HY__ACCOUNT_LIST_DEVICES_REQUEST__INIT;
	Hy__AccountListDevicesResponse response = HY__ACCOUNT_LIST_DEVICES_RESPONSE__INIT;

	request.uin = p->uin;
	CHECK(h, account_list_devices(call, &request, &response) == HY_OK);
	for (size_t i = 0; i < response.n_devices; i++)
		if (strcmp(response.devices[i]->device, p->device) == 0)
			return response.devices[i];
	return NULL;
}

static void send_some(
	struct harness *h, struct call *call, const struct person *from, const struct person *to, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		harness_send_ok(h, call, from, to->uin, "hello");
}

/* ---- trimming ---------------------------------------------------------------------------------------------------- */

static void do_newer(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	send_some(h, call, &ann, &bob, 3);
	CHECK(h, harness_sync_all(h, call, &bob) == 3);
	/* handed out is not brought */
	CHECK(h, harness_inbox(h, call, bob.uin).rows == 3);
	send_some(h, call, &ann, &bob, 1);
	CHECK(h, harness_sync_all(h, call, &bob) == 1);
	struct kt_head inbox = harness_inbox(h, call, bob.uin);
	CHECK(h, inbox.rows == 1 && inbox.trimmed == 3 && inbox.version == 4);
	CHECK(h, harness_sync_all(h, call, &bob) == 0);
	CHECK(h, harness_inbox(h, call, bob.uin).rows == 0);
}

static void test_newer(void **state)
{
	harness_once(&(struct harness_config){0}, do_newer);
}

static void do_two_devices(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person desk = harness_sign_in(h, call, "bob", "desk");

	send_some(h, call, &ann, &bob, 5);
	CHECK(h, brought(call, &bob, 4) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 0); /* desk has brought nothing */
	CHECK(h, brought(call, &desk, 2) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 2);
	CHECK(h, brought(call, &desk, 5) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 4);
	/* a third device counts from its sign-in on, before it ever synced */
	struct person third = harness_sign_in(h, call, "bob", "third");
	CHECK(h, brought(call, &bob, 5) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 4);
	CHECK(h, harness_sync_all(h, call, &third) == 1);
	CHECK(h, harness_sync_all(h, call, &third) == 0);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 5);
}

static void test_two_devices(void **state)
{
	harness_once(&(struct harness_config){0}, do_two_devices);
}

static void do_signed_out(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person desk = harness_sign_in(h, call, "bob", "desk");
	Hy__SessionRevokeRequest request = HY__SESSION_REVOKE_REQUEST__INIT;
	Hy__SessionRevokeResponse response = HY__SESSION_REVOKE_RESPONSE__INIT;

	send_some(h, call, &ann, &bob, 3);
	CHECK(h, brought(call, &desk, 0) == HY_OK);
	CHECK(h, brought(call, &bob, 3) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 0);
	/* a device that signs out waits for nothing any more */
	request.uin = desk.uin;
	request.device = (char *)(uintptr_t)desk.device;
	CHECK(h, session_revoke(call, &request, &response) == HY_OK);
	CHECK(h, brought(call, &bob, 3) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 3);
}

static void test_signed_out(void **state)
{
	harness_once(&(struct harness_config){0}, do_signed_out);
}

static void do_no_live(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	send_some(h, call, &ann, &bob, 3);
	put_ticket(h, call, bob.uin, "old", env_wall_ms(h->env) - 31 * DAY_MS);
	drop_ticket(h, call, &bob);
	/* its last sync was on the way when it was signed out; the other device is long unseen */
	CHECK(h, brought(call, &bob, 3) == HY_OK);
	struct kt_head inbox = harness_inbox(h, call, bob.uin);
	CHECK(h, inbox.trimmed == 0 && inbox.rows == 3);
}

static void test_no_live(void **state)
{
	harness_once(&(struct harness_config){0}, do_no_live);
}

static void do_long_unseen(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person old = bob;
	Hy__SyncResponse got;

	old.device = "old";
	put_ticket(h, call, bob.uin, "old", env_wall_ms(h->env) - 31 * DAY_MS);
	send_some(h, call, &ann, &bob, 3);
	CHECK(h, brought(call, &bob, 3) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 3);
	/* it comes back after all: it counts again, and is told what it missed */
	CHECK(h, harness_sync(h, call, &old, &got) == HY_OK);
	CHECK(h, harness_has_reset(&got, HY__SYNC_KIND__SYNC_KIND_MESSAGE));
	send_some(h, call, &ann, &bob, 1);
	CHECK(h, brought(call, &bob, 4) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 3);
}

static void test_long_unseen(void **state)
{
	harness_once(&(struct harness_config){0}, do_long_unseen);
}

static void do_begins_anew(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person desk = harness_sign_in(h, call, "bob", "desk");

	send_some(h, call, &ann, &bob, 3);
	CHECK(h, brought(call, &desk, 1) == HY_OK && brought(call, &bob, 3) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 1);
	/* desk has lost its data and starts again: what is still there is kept for it */
	desk.snapshot_len = 0;
	CHECK(h, harness_sync_all(h, call, &desk) == 2);
	CHECK(h, brought(call, &bob, 3) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 1);
	/* so does the phone, by a new sign-in under its old name */
	drop_ticket(h, call, &bob);
	co_sleep_until(call->loop, svr_now_us(call->loop) + 10000);
	struct person again = harness_sign_in(h, call, "bob", "phone");
	CHECK(h, brought(call, &desk, 3) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 1);
	CHECK(h, harness_sync_all(h, call, &again) == 2);
}

static void test_begins_anew(void **state)
{
	harness_once(&(struct harness_config){0}, do_begins_anew);
}

static void do_retained(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	uint8_t row[] = {0x08, 0x63, 0x20, 0x01}; /* of a type that nobody knows, stored in 1970 */
	struct kt_op op = {.kind = KT_APPEND, .space = SPACES_INBOX, .value = hy_bytes(row, sizeof row)};
	struct hy_key key = hy_key_user(bob.uin);
	struct kt_result result;

	for (unsigned i = 0; i < 600; i++)
		CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
	send_some(h, call, &ann, &bob, 3);
	CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
	/* what is older than the setting goes, if it was brought, and nothing behind what is younger */
	CHECK(h, brought(call, &bob, 604) == HY_OK);
	struct kt_head inbox = harness_inbox(h, call, bob.uin);
	CHECK(h, inbox.trimmed == 600 && inbox.rows == 4);
	struct person desk = harness_sign_in(h, call, "bob", "desk");
	CHECK(h, harness_sync_all(h, call, &desk) == 4);
}

static void test_retained(void **state)
{
	harness_once(&(struct harness_config){.retain_days = 30}, do_retained);
}

/* ---- positions at rest (R4) -------------------------------------------------------------------------------------- */

static void do_lazily(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct hy_key key = hy_key_user(bob.uin);
	struct kt_head head;

	send_some(h, call, &ann, &bob, 50);
	for (unsigned i = 1; i <= 50; i++)
		CHECK(h, brought(call, &bob, i) == HY_OK);
	CHECK(h, kt_read_head(h->kt, call, &key, SPACES_POSITION, KT_STRONG, &head) == HY_OK);
	CHECK(h, head.version <= 1);
}

static void test_lazily(void **state)
{
	harness_once(&(struct harness_config){0}, do_lazily);
}

static int fail_positions(struct harness *h, struct call *call, const struct kt_op *ops, size_t count, int status)
{
	return ops[0].space == SPACES_POSITION ? HY_UNAVAILABLE : status;
}

static void do_lower(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person desk = harness_sign_in(h, call, "bob", "desk");
	Hy__SyncResponse got;

	send_some(h, call, &ann, &bob, 9);
	CHECK(h, brought(call, &desk, 0) == HY_OK);
	CHECK(h, brought(call, &bob, 9) == HY_OK);
	CHECK(h, brought(call, &bob, 5) == HY_OK && stored(h, call, &bob)->messages == 5);
	CHECK(h, brought(call, &bob, 7) == HY_OK && stored(h, call, &bob)->messages == 5);
	/* the device does not hear of what it could lose; the next time is as good */
	h->on.wrote = fail_positions;
	bob.snapshot_len = 0;
	CHECK(h, harness_sync(h, call, &bob, &got) == HY_UNAVAILABLE);
	h->on.wrote = NULL;
	CHECK(h, brought(call, &bob, 3) == HY_OK && stored(h, call, &bob)->messages == 3);
}

static void test_lower(void **state)
{
	harness_once(&(struct harness_config){0}, do_lower);
}

static void do_leave_memory(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person desk = harness_sign_in(h, call, "bob", "desk");

	send_some(h, call, &ann, &bob, 3);
	CHECK(h, brought(call, &bob, 2) == HY_OK);
	/* others push bob out of the table: what he brought is written, and found again */
	for (unsigned i = 0; i < 4; i++)
		CHECK(h, brought(call, &ann, 1) == HY_OK);
	const Hy__AccountDevice *at_rest = stored(h, call, &bob);
	CHECK(h, at_rest && at_rest->messages == 2);
	CHECK(h, brought(call, &desk, 3) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 2);
}

static void test_leave_memory(void **state)
{
	harness_once(&(struct harness_config){.users_max = 1}, do_leave_memory);
}

static void do_gone_device(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");
	struct hy_key key = hy_key_user(ann.uin);
	struct kt_rows rows;

	drop_ticket(h, call, &ann);
	CHECK(h, brought(call, &ann, 0) == HY_OK);
	co_sleep_until(call->loop, svr_now_us(call->loop) + 20000);
	CHECK(h, brought(call, &ann, 1) == HY_OK);
	CHECK(h, kt_read_range(h->kt, call, &key, SPACES_POSITION, hy_bytes(NULL, 0), KT_STRONG, (struct kt_limits){0},
			 &rows) == HY_OK);
	CHECK(h, rows.count == 0);
}

static void test_gone_device(void **state)
{
	harness_once(&(struct harness_config){.write_pause_ms = 1}, do_gone_device);
}

/** A position that came to rest just after its device was signed out says nothing of the next device of that name. */
/** A position written lazily comes to be seen after the user was read again, and is of before the clock was set back.
 */
static void do_clock_set_back(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	Hy__AccountPutPositionRequest request = HY__ACCOUNT_PUT_POSITION_REQUEST__INIT;
	Hy__AccountPutPositionResponse response = HY__ACCOUNT_PUT_POSITION_RESPONSE__INIT;
	Hy__AccountDevice position = HY__ACCOUNT_DEVICE__INIT;

	send_some(h, call, &ann, &bob, 3);
	CHECK(h, brought(call, &bob, 1) == HY_OK);
	position.device = (char *)(uintptr_t) "phone";
	position.seen_ms = env_wall_ms(h->env) + DAY_MS;
	position.messages = 1;
	request.uin = bob.uin;
	request.position = &position;
	request.wait = true;
	CHECK(h, account_put_position(call, &request, &response) == HY_OK);
	CHECK(h, brought(call, &bob, 3) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == 3);
}

static void test_clock_set_back(void **state)
{
	harness_once(&(struct harness_config){0}, do_clock_set_back);
}

static void do_left_over(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");
	uint8_t row[] = {0x20, 0x64}; /* messages: 100 */
	struct kt_op op = {.kind = KT_PUT,
		.space = SPACES_POSITION,
		.name = hy_bytes_str("d/phone"),
		.value = hy_bytes(row, sizeof row)};
	struct hy_key key = hy_key_user(ann.uin);
	struct kt_result result;

	drop_ticket(h, call, &ann);
	CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
	CHECK(h, !stored(h, call, &ann));
	harness_sign_in(h, call, "ann", "phone");
	const Hy__AccountDevice *device = stored(h, call, &ann);
	CHECK(h, device && device->messages == 0);
}

static void test_left_over(void **state)
{
	harness_once(&(struct harness_config){0}, do_left_over);
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

struct crowd {
	struct person people[8], desks[8];
	uint32_t uins[8]; /* what others may read while its owner writes to people and desks */
};

static void enlist(struct harness *h, struct call *call, unsigned index)
{
	static const char *const names[] = {"ann", "bob", "cem", "dan", "eve", "fay", "gil", "hal"};
	struct crowd *crowd = h->arg;

	crowd->people[index] = harness_register(h, call, names[index], "phone");
	crowd->desks[index] = harness_sign_in(h, call, names[index], "desk");
	crowd->uins[index] = crowd->people[index].uin;
}

/** Sends to the next one and syncs with two devices, all at once, on loops that are not the users' own. */
static void chatter(struct harness *h, struct call *call, unsigned index)
{
	struct crowd *crowd = h->arg;
	struct person me = crowd->people[index], desk = crowd->desks[index];

	for (unsigned i = 0; i < 10; i++) {
		harness_send_ok(h, call, &me, crowd->uins[(index + 1) % 8], "hello");
		harness_sync_all(h, call, &me);
		harness_sync_all(h, call, &desk);
	}
	crowd->people[index] = me;
	crowd->desks[index] = desk;
}

static void read_inbox(struct harness *h, struct call *call, unsigned index)
{
	struct crowd *crowd = h->arg;
	struct person *me = &crowd->people[index], *desk = &crowd->desks[index];
	Hy__SyncResponse got;

	for (unsigned i = 0; i < 2; i++) {
		harness_sync_all(h, call, me);
		harness_sync_all(h, call, desk);
	}
	CHECK(h, harness_sync(h, call, me, &got) == HY_OK && got.n_entries == 0 && got.n_reset == 0);
	me->snapshot_len = 0;
	/* ten came in, ten own copies: all of them known to both devices, so all are gone */
	CHECK(h, harness_sync_all(h, call, me) == 0);
}

static void test_crowd(void **state)
{
	struct crowd crowd = {0};
	struct harness h;

	harness_open(&h, &(struct harness_config){.loops = 3, .users_max = 1});
	h.arg = &crowd;
	harness_run_many(&h, 8, enlist);
	harness_run_many(&h, 8, chatter);
	harness_run_many(&h, 8, read_inbox);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"bringing a newer snapshot trims, handing out does not", test_newer},
		{"with two devices only what both have brought goes", test_two_devices},
		{"a device that signed out holds nothing back", test_signed_out},
		{"with no live device nothing is trimmed", test_no_live},
		{"a device not seen for a month holds nothing back, until it comes again", test_long_unseen},
		{"a device that begins anew gets what is still there", test_begins_anew},
		{"with days to retain only what is older goes", test_retained},
		{"positions are written at most once a minute", test_lazily},
		{"a position that went down is at rest before the device hears of it", test_lower},
		{"a user who leaves memory takes no position along", test_leave_memory},
		{"of a device without a ticket no position is kept", test_gone_device},
		{"a position left over is not the next device's", test_left_over},
		{"what a device says counts, though the clock was set back", test_clock_set_back},
		{"many users at once, on all loops, lose nothing and keep nothing", test_crowd},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
