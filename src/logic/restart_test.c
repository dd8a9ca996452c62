/* What was answered is there after a restart, on the storage that people run (ideas 1 to 3). */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "logic/logic_test_harness.h"
#include "session.rpc.h"

/** What outlives the server: what clients keep. */
struct clients {
	struct person ann, bob;
	struct client_id id;
	uint64_t made_ms;
	uint8_t message_id[16];
	uint64_t version, epoch;
};

static int open_sdb(struct svr *svr, const struct kt_config *config, struct kt **ret_kt)
{
	char *why = NULL;
	int rc = kt_open_sdb(svr, config, ret_kt, &why);

	if (rc != HY_OK)
		print_error("%s\n", why ? why : "?");
	hy_free(why);
	return rc;
}

static int send_again(struct harness *h, struct call *call, const char *text, Hy__SendTextResponse *sent)
{
	struct clients *c = h->arg;
	return harness_send(h, call, &c->ann, c->bob.uin, text, c->id, c->made_ms, sent);
}

static uint64_t version_of(struct harness *h, struct call *call, const uint8_t *message_id)
{
	struct clients *c = h->arg;
	struct person fresh = c->bob;
	Hy__SyncResponse got;
	uint64_t version = 0;
	unsigned found = 0;

	fresh.snapshot_len = 0;
	CHECK(h, harness_sync(h, call, &fresh, &got) == HY_OK);
	for (size_t i = 0; i < got.n_entries; i++) {
		Hy__TextMessage *text = harness_text(call, got.entries[i]);
		if (!text || memcmp(text->id.data, message_id, 16) != 0)
			continue;
		version = got.entries[i]->version;
		found++;
	}
	CHECK(h, found == 1);
	return version;
}

static void before(struct harness *h, struct call *call)
{
	struct clients *c = h->arg;
	Hy__SendTextResponse sent;

	c->ann = harness_register(h, call, "ann", "phone");
	c->bob = harness_register(h, call, "bob", "phone");
	c->id = harness_client_id(h);
	c->made_ms = env_wall_ms(h->env);
	c->epoch = kt_epoch(h->kt);
	harness_send_ok(h, call, &c->ann, c->bob.uin, "before it");
	CHECK(h, send_again(h, call, "hello", &sent) == HY_OK);
	memcpy(c->message_id, sent.message_id.data, sizeof c->message_id);
	c->version = version_of(h, call, c->message_id);
	CHECK(h, harness_sync_all(h, call, &c->bob) == 2);
}

static int verify_ann(struct harness *h, struct call *call)
{
	struct clients *c = h->arg;
	Hy__SessionVerifyRequest verify = HY__SESSION_VERIFY_REQUEST__INIT;
	Hy__SessionVerifyResponse verified = HY__SESSION_VERIFY_RESPONSE__INIT;

	verify.uin = c->ann.uin;
	verify.ticket = (ProtobufCBinaryData){TICKET_SIZE, c->ann.ticket};
	return session_verify(call, &verify, &verified);
}

static void after(struct harness *h, struct call *call)
{
	struct clients *c = h->arg;
	Hy__SendTextResponse sent;
	Hy__SyncResponse got;

	CHECK(h, kt_epoch(h->kt) == c->epoch);
	CHECK(h, verify_ann(h, call) == HY_OK);
	harness_sign_in(h, call, "ann", "desk");
	/* the answer was lost with the server: the retry gives it, and no second message */
	CHECK(h, send_again(h, call, "hello", &sent) == HY_OK);
	CHECK(h, sent.message_id.len == 16 && memcmp(sent.message_id.data, c->message_id, 16) == 0);
	CHECK(h, send_again(h, call, "other", &sent) == HY_ALREADY_EXISTS);
	CHECK(h, version_of(h, call, c->message_id) == c->version);
	/* bob's snapshot still means what it meant */
	CHECK(h, harness_sync(h, call, &c->bob, &got) == HY_OK && got.n_entries == 0 && got.n_reset == 0);
	harness_send_ok(h, call, &c->ann, c->bob.uin, "after it");
	CHECK(h, harness_sync(h, call, &c->bob, &got) == HY_OK && got.n_entries == 1);
	CHECK(h, got.n_entries != 1 || got.entries[0]->version == c->version + 1);
}

static int open_on_full_disk(struct svr *svr, const struct kt_config *config, struct kt **ret_kt)
{
	struct kt_config full = *config;

	full.disk_reserve_bytes = UINT64_MAX / 2; /* no disk has so much to spare */
	return open_sdb(svr, &full, ret_kt);
}

static void on_full_disk(struct harness *h, struct call *call)
{
	struct clients *c = h->arg;
	Hy__SignOutRequest request = HY__SIGN_OUT_REQUEST__INIT;
	Hy__SignOutResponse response = HY__SIGN_OUT_RESPONSE__INIT;
	Hy__SendTextResponse sent;
	int rc;

	/* the store looks at the disk once in a while */
	for (unsigned i = 0; i < 500; i++) {
		rc = harness_send(h, call, &c->bob, c->ann.uin, "hello", harness_client_id(h), 0, &sent);
		if (rc != HY_OK)
			break;
		CHECK(h, co_sleep_until(call->loop, svr_now_us(call->loop) + 10000) == HY_OK);
	}
	CHECK(h, rc == HY_RESOURCE_EXHAUSTED);
	harness_as(call, &c->ann);
	CHECK(h, auth_sign_out(call, &request, &response) == HY_OK);
	CHECK(h, verify_ann(h, call) == HY_UNAUTHENTICATED);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static void test_restart(void **state)
{
	char dir[] = "/tmp/hongyan-logic-XXXXXX";
	struct clients clients = {0};
	struct harness h;

	assert_non_null(mkdtemp(dir));
	struct harness_config config = {.dir = dir, .open = open_sdb, .retain_days = 30};
	harness_open(&h, &config);
	h.arg = &clients;
	harness_run(&h, before);
	harness_close(&h);
	config.loops = 2; /* nothing at rest depends on it (S12) */
	harness_open(&h, &config);
	h.arg = &clients;
	harness_run(&h, after);
	harness_close(&h);
	config.open = open_on_full_disk;
	harness_open(&h, &config);
	h.arg = &clients;
	harness_run(&h, on_full_disk);
	harness_close(&h);
	assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"tickets, snapshots, messages and their repeats survive a restart, and who signs out on a full disk "
		 "is out",
			test_restart},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
