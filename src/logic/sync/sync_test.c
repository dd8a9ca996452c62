/* One protocol for all that a user has (rules R3 to R8). */
#include <stdio.h>

#include "account.rpc.h"
#include "logic/logic_test_harness.h"
#include "logic/snapshot.h"

static void once(const struct harness_config *config, void (*fn)(struct harness *h, struct call *call))
{
	struct harness h;

	harness_open(&h, config);
	harness_run(&h, fn);
	harness_close(&h);
}

/* ---- pages and repeats ------------------------------------------------------------------------------------------- */

static void do_first(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");
	Hy__SyncResponse got;

	CHECK(h, harness_sync(h, call, &ann, &got) == HY_OK);
	CHECK(h, got.n_entries == 2 && !got.more && !got.resync && got.snapshot.len == SNAPSHOT_SIZE);
	CHECK(h, got.entries[0]->type == HY__SYNC_TYPE__SYNC_TYPE_PROFILE && !got.entries[0]->deleted);
	Hy__Profile *profile = hy__profile__unpack(NULL, got.entries[0]->body.len, got.entries[0]->body.data);
	CHECK(h, profile && profile->uin == ann.uin && strcmp(profile->name, "ann") == 0 && profile->created_ms > 0);
	hy__profile__free_unpacked(profile, NULL);
	CHECK(h, got.entries[1]->type == HY__SYNC_TYPE__SYNC_TYPE_DEVICE);
	/* with the snapshot there is nothing left to tell */
	harness_keep(h, &ann, &got);
	CHECK(h, harness_sync(h, call, &ann, &got) == HY_OK && got.n_entries == 0 && got.n_reset == 0 && !got.more);
}

static void test_first(void **state)
{
	once(&(struct harness_config){0}, do_first);
}

static void do_same_twice(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	Hy__SyncResponse first, second;

	harness_sync_all(h, call, &bob);
	for (unsigned i = 0; i < 5; i++)
		harness_send_ok(h, call, &ann, bob.uin, "hello");
	CHECK(h, harness_sync(h, call, &bob, &first) == HY_OK);
	CHECK(h, harness_sync(h, call, &bob, &second) == HY_OK);
	CHECK(h, first.n_entries == 5 && second.n_entries == 5);
	for (size_t i = 0; i < HY_MIN(first.n_entries, second.n_entries); i++) {
		CHECK(h, first.entries[i]->version == second.entries[i]->version);
		CHECK(h, hy_bytes_equal(hy_bytes(first.entries[i]->body.data, first.entries[i]->body.len),
				 hy_bytes(second.entries[i]->body.data, second.entries[i]->body.len)));
	}
	CHECK(h, memcmp(first.snapshot.data, second.snapshot.data, SNAPSHOT_SIZE) == 0);
}

static void test_same_twice(void **state)
{
	once(&(struct harness_config){0}, do_same_twice);
}

static void do_pages(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	char text[64];
	uint64_t last = 0;
	unsigned pages = 0, seen = 0;
	Hy__SyncResponse got;

	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof text, "message number %u with some words to fill it", i);
		harness_send_ok(h, call, &ann, bob.uin, text);
	}
	do {
		CHECK(h, harness_sync(h, call, &bob, &got) == HY_OK);
		CHECK(h, hy__sync_response__get_packed_size(&got) <= 4096 + SNAPSHOT_SIZE + 16);
		for (size_t i = 0; i < got.n_entries; i++) {
			Hy__TextMessage *message = harness_text(call, got.entries[i]);
			if (!message)
				continue;
			snprintf(text, sizeof text, "message number %u with some words to fill it", seen++);
			CHECK(h, strcmp(message->text, text) == 0 && got.entries[i]->version > last);
			last = got.entries[i]->version;
		}
		harness_keep(h, &bob, &got);
	} while (got.more && ++pages < 1000);
	CHECK(h, seen == 200 && pages > 4 && pages < 20);
	CHECK(h, mon_get(svr_mon(h->svr), MON_messages_delivered) == 200);
}

static void test_pages(void **state)
{
	once(&(struct harness_config){.page_bytes = 4096}, do_pages);
}

static void do_full_page(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	char *text = hy_alloc(8193);
	Hy__SyncResponse got;

	memset(text, 'x', 8192);
	text[8192] = '\0';
	for (unsigned i = 0; i < 40; i++)
		harness_send_ok(h, call, &ann, bob.uin, text);
	for (unsigned i = 0; i < 1500; i++)
		harness_send_ok(h, call, &ann, bob.uin, "x");
	unsigned messages = 0;
	do {
		CHECK(h, harness_sync(h, call, &bob, &got) == HY_OK);
		CHECK(h, hy__sync_response__get_packed_size(&got) <= 256u << 10);
		for (size_t i = 0; i < got.n_entries; i++)
			messages += got.entries[i]->kind == HY__SYNC_KIND__SYNC_KIND_MESSAGE;
		harness_keep(h, &bob, &got);
	} while (got.more);
	CHECK(h, messages == 1540);
	hy_free(text);
}

static void test_full_page(void **state)
{
	once(&(struct harness_config){0}, do_full_page);
}

static void do_devices(struct harness *h, struct call *call)
{
	struct person phone = harness_register(h, call, "ann", "phone");
	Hy__AccountDropTicketRequest drop = HY__ACCOUNT_DROP_TICKET_REQUEST__INIT;
	Hy__AccountDropTicketResponse dropped = HY__ACCOUNT_DROP_TICKET_RESPONSE__INIT;
	Hy__SyncResponse got;

	harness_sync_all(h, call, &phone);
	harness_sign_in(h, call, "ann", "desk");
	CHECK(h, harness_sync(h, call, &phone, &got) == HY_OK);
	CHECK(h, got.n_entries == 1 && got.entries[0]->type == HY__SYNC_TYPE__SYNC_TYPE_DEVICE &&
			 !got.entries[0]->deleted);
	harness_keep(h, &phone, &got);
	drop.uin = phone.uin;
	drop.device = (char *)(uintptr_t) "desk";
	CHECK(h, account_drop_ticket(call, &drop, &dropped) == HY_OK);
	CHECK(h, harness_sync(h, call, &phone, &got) == HY_OK);
	CHECK(h, got.n_entries == 1 && got.entries[0]->deleted);
	Hy__Device *device = hy__device__unpack(NULL, got.entries[0]->body.len, got.entries[0]->body.data);
	CHECK(h, device && strcmp(device->device, "desk") == 0);
	hy__device__free_unpacked(device, NULL);
}

static void test_devices(void **state)
{
	once(&(struct harness_config){0}, do_devices);
}

/* ---- snapshots that mean nothing here (R3) ----------------------------------------------------------------------- */

static void check_resync(struct harness *h, struct call *call, const struct person *p)
{
	Hy__SyncResponse got;
	uint64_t before = mon_get(svr_mon(h->svr), MON_resyncs);

	CHECK(h, harness_sync(h, call, p, &got) == HY_FAILED_PRECONDITION);
	CHECK(h, got.resync && got.n_entries == 0 && got.snapshot.len == 0 && !got.more);
	CHECK(h, mon_get(svr_mon(h->svr), MON_resyncs) == before + 1);
}

static void forge(struct harness *h, struct person *p, uint64_t epoch, uint64_t account, uint64_t messages)
{
	struct snapshot_owner owner = {epoch, p->uin, p->device};
	struct snapshot_versions versions = {.account = account, .messages = messages};

	snapshot_encode(h->keys.snapshot, &owner, &versions, p->snapshot);
	p->snapshot_len = SNAPSHOT_SIZE;
}

static void do_foreign(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person desk = harness_sign_in(h, call, "ann", "desk"), p;

	harness_send_ok(h, call, &bob, ann.uin, "hello");
	harness_sync_all(h, call, &ann);
	/* changed on the way */
	p = ann;
	p.snapshot[40] ^= 1;
	check_resync(h, call, &p);
	p = ann;
	p.snapshot_len--;
	check_resync(h, call, &p);
	/* another user's, another device's */
	p = bob;
	memcpy(p.snapshot, ann.snapshot, sizeof p.snapshot);
	p.snapshot_len = ann.snapshot_len;
	check_resync(h, call, &p);
	p = desk;
	memcpy(p.snapshot, ann.snapshot, sizeof p.snapshot);
	p.snapshot_len = ann.snapshot_len;
	check_resync(h, call, &p);
	/* another epoch; versions never reached: as after a restore that did not change it */
	p = ann;
	forge(h, &p, kt_epoch(h->kt) + 1, 1, 1);
	check_resync(h, call, &p);
	forge(h, &p, kt_epoch(h->kt), 3, 2);
	check_resync(h, call, &p);
	forge(h, &p, kt_epoch(h->kt), 1000, 1);
	check_resync(h, call, &p);
	/* none of them counted as brought: desk still gets the message */
	CHECK(h, harness_inbox(h, call, ann.uin).trimmed == 0);
	CHECK(h, harness_sync_all(h, call, &desk) == 1);
}

static void test_foreign(void **state)
{
	once(&(struct harness_config){0}, do_foreign);
}

static void do_foreign_page(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	/* the page is full before it comes to the messages */
	harness_send_ok(h, call, &bob, ann.uin, "hello");
	forge(h, &ann, kt_epoch(h->kt), 0, 1000);
	check_resync(h, call, &ann);
	forge(h, &ann, kt_epoch(h->kt), 1, 1000);
	check_resync(h, call, &ann);
}

static void test_foreign_page(void **state)
{
	once(&(struct harness_config){.page_bytes = 32}, do_foreign_page);
}

/* ---- what is gone (S4), what cannot be read (R8) ----------------------------------------------------------------- */

static void do_reset(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct hy_key key = hy_key_user(bob.uin);
	struct kt_op trim = {.kind = KT_TRIM, .space = SPACES_INBOX, .version = 4};
	struct kt_result result;
	Hy__SyncResponse got;

	harness_send_ok(h, call, &ann, bob.uin, "hello");
	harness_sync_all(h, call, &bob);
	for (unsigned i = 0; i < 4; i++)
		harness_send_ok(h, call, &ann, bob.uin, "hello");
	CHECK(h, kt_write(h->kt, call, &key, &trim, 1, &result) == HY_OK);
	CHECK(h, harness_sync(h, call, &bob, &got) == HY_OK);
	CHECK(h, harness_has_reset(&got, HY__SYNC_KIND__SYNC_KIND_MESSAGE));
	CHECK(h, !harness_has_reset(&got, HY__SYNC_KIND__SYNC_KIND_ACCOUNT));
	CHECK(h, got.n_entries == 1 && got.entries[0]->version == 5);
	harness_keep(h, &bob, &got);
	CHECK(h, harness_sync(h, call, &bob, &got) == HY_OK && got.n_reset == 0 && got.n_entries == 0);
}

static void test_reset(void **state)
{
	once(&(struct harness_config){.retain_days = 30}, do_reset);
}

static void do_damaged(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct hy_key key = hy_key_user(bob.uin);
	static const char *const rows[] = {"\xff\xff\xff", "", "\x08\x0a\x12\x05zz", "\x08\x0a\x12\x02\xff\xff"};
	struct kt_result result;
	Hy__SyncResponse got;

	harness_sync_all(h, call, &bob);
	harness_send_ok(h, call, &ann, bob.uin, "before");
	for (size_t i = 0; i < HY_COUNT_OF(rows); i++) {
		struct kt_op op = {.kind = KT_APPEND, .space = SPACES_INBOX, .value = hy_bytes_str(rows[i])};
		CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
	}
	harness_send_ok(h, call, &ann, bob.uin, "after");
	uint64_t skipped = mon_get(svr_mon(h->svr), MON_rows_skipped);
	CHECK(h, harness_sync(h, call, &bob, &got) == HY_OK);
	CHECK(h, got.n_entries == 2 && got.n_reset == 0);
	Hy__TextMessage *text = got.n_entries == 2 ? harness_text(call, got.entries[1]) : NULL;
	CHECK(h, text && strcmp(text->text, "after") == 0);
	CHECK(h, mon_get(svr_mon(h->svr), MON_rows_skipped) == skipped + HY_COUNT_OF(rows));
	harness_keep(h, &bob, &got);
	CHECK(h, harness_sync_all(h, call, &bob) == 0);
}

static void test_damaged(void **state)
{
	once(&(struct harness_config){0}, do_damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a first sync tells all, the next one nothing", test_first},
		{"the same snapshot twice gives the same entries", test_same_twice},
		{"pages follow each other in order, without a gap", test_pages},
		{"no page is longer than 256 KiB", test_full_page},
		{"devices come and go in the account", test_devices},
		{"a snapshot that means nothing here is answered by a resync and trims nothing", test_foreign},
		{"so does one whose messages do not come into the page", test_foreign_page},
		{"messages that are gone are told by the reset flag, and the sync goes on", test_reset},
		{"rows that cannot be read are skipped and counted", test_damaged},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
