/* Sending: repeats, refusals, bounds (rules R1, R2, R5, R7). */
#include <stdio.h>
#include <stdlib.h>

#include "logic/logic_test_harness.h"

static void once(const struct harness_config *config, void (*fn)(struct harness *h, struct call *call))
{
	struct harness h;

	harness_open(&h, config);
	harness_run(&h, fn);
	harness_close(&h);
}

static uint64_t counter(const struct harness *h, enum mon_id id)
{
	return mon_get(svr_mon(h->svr), id);
}

/* ---- a message and its repeats ----------------------------------------------------------------------------------- */

static void do_send(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	unsigned ann_hints = harness_hints(h, ann.uin), bob_hints = harness_hints(h, bob.uin);
	Hy__SendTextResponse sent;
	Hy__SyncResponse got;

	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", harness_client_id(h), 0, &sent) == HY_OK);
	CHECK(h, harness_hints(h, bob.uin) == bob_hints + 1);
	CHECK(h, harness_hints(h, ann.uin) == ann_hints + 1); /* for her other devices */
	const struct person *readers[] = {&ann, &bob};
	for (size_t i = 0; i < 2; i++) {
		CHECK(h, harness_sync(h, call, readers[i], &got) == HY_OK);
		CHECK(h, got.n_entries == 3); /* profile, device, message */
		Hy__TextMessage *text = harness_text(call, got.entries[got.n_entries - 1]);
		CHECK(h, text && strcmp(text->text, "hello") == 0 && strcmp(text->from_name, "ann") == 0);
		CHECK(h, text && text->from == ann.uin && text->to == bob.uin && text->time_ms > 0);
		CHECK(h, text && text->id.len == 16 && memcmp(text->id.data, sent.message_id.data, 16) == 0);
	}
}

static void test_send(void **state)
{
	once(&(struct harness_config){0}, do_send);
}

static uint64_t last_version(struct harness *h, struct call *call, const struct person *p, size_t *ret_messages)
{
	uint64_t version = 0;
	Hy__SyncResponse got;

	*ret_messages = 0;
	CHECK(h, harness_sync(h, call, p, &got) == HY_OK);
	for (size_t i = 0; i < got.n_entries; i++) {
		if (got.entries[i]->kind != HY__SYNC_KIND__SYNC_KIND_MESSAGE)
			continue;
		++*ret_messages;
		version = got.entries[i]->version;
	}
	return version;
}

/** Of the one entry with this message's ID. */
static uint64_t version_of(
	struct harness *h, struct call *call, const struct person *p, const Hy__SendTextResponse *sent)
{
	uint64_t version = 0;
	unsigned found = 0;
	Hy__SyncResponse got;

	CHECK(h, harness_sync(h, call, p, &got) == HY_OK);
	for (size_t i = 0; i < got.n_entries; i++) {
		Hy__TextMessage *text = harness_text(call, got.entries[i]);
		if (!text || memcmp(text->id.data, sent->message_id.data, 16) != 0)
			continue;
		version = got.entries[i]->version;
		found++;
	}
	CHECK(h, found == 1);
	return version;
}

static void do_retry(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct client_id id = harness_client_id(h);
	uint64_t made_ms = env_wall_ms(h->env);
	Hy__SendTextResponse first, again;
	size_t messages;

	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, made_ms, &first) == HY_OK);
	uint64_t version = last_version(h, call, &bob, &messages);
	for (unsigned i = 0; i < 3; i++) {
		CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, made_ms, &again) == HY_OK);
		CHECK(h, memcmp(first.message_id.data, again.message_id.data, 16) == 0);
		harness_send_ok(h, call, &bob, ann.uin, "in between");
		CHECK(h, version_of(h, call, &bob, &first) == version);
	}
	CHECK(h, last_version(h, call, &bob, &messages) > version); /* his own copies */
	CHECK(h, messages == 4);
	CHECK(h, last_version(h, call, &ann, &messages) > 0 && messages == 4);
	CHECK(h, counter(h, MON_messages_sent) == 4 && counter(h, MON_messages_repeated) == 3);
}

static void test_retry(void **state)
{
	once(&(struct harness_config){0}, do_retry);
}

static void do_other_content(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person cem = harness_register(h, call, "cem", "phone");
	struct client_id id = harness_client_id(h);
	uint64_t made_ms = env_wall_ms(h->env);
	Hy__SendTextResponse sent, other;
	size_t messages;

	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, made_ms, &sent) == HY_OK);
	CHECK(h, harness_send(h, call, &ann, bob.uin, "good bye", id, made_ms, &other) == HY_ALREADY_EXISTS);
	CHECK(h, counter(h, MON_messages_refused) == 1);
	last_version(h, call, &bob, &messages);
	CHECK(h, messages == 1);
	/* to somebody else it is another message, with an ID of its own */
	CHECK(h, harness_send(h, call, &ann, cem.uin, "hello", id, made_ms, &other) == HY_OK);
	CHECK(h, memcmp(sent.message_id.data, other.message_id.data, 16) != 0);
	/* and what bob sends under the same client ID is bob's */
	CHECK(h, harness_send(h, call, &bob, ann.uin, "hello", id, made_ms, &other) == HY_OK);
	CHECK(h, memcmp(sent.message_id.data, other.message_id.data, 16) != 0);
	last_version(h, call, &ann, &messages);
	CHECK(h, messages == 3);
}

static void test_other_content(void **state)
{
	once(&(struct harness_config){0}, do_other_content);
}

/** A client ID is as good as new with another time: what the store takes for two messages has two IDs. */
static void do_other_time(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct client_id id = harness_client_id(h);
	uint64_t made_ms = env_wall_ms(h->env);
	Hy__SendTextResponse sent, other;
	size_t messages;

	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, made_ms, &sent) == HY_OK);
	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, made_ms - 1, &other) == HY_OK);
	CHECK(h, memcmp(sent.message_id.data, other.message_id.data, 16) != 0);
	last_version(h, call, &bob, &messages);
	CHECK(h, messages == 2);
}

static void test_other_time(void **state)
{
	once(&(struct harness_config){0}, do_other_time);
}

static void do_retry_after_trim(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct client_id id = harness_client_id(h);
	uint64_t made_ms = env_wall_ms(h->env);
	struct kt_op op = {.kind = KT_TRIM, .space = SPACES_INBOX, .version = 1};
	const struct person *readers[] = {&ann, &bob};
	Hy__SendTextResponse sent;
	struct kt_result result;
	size_t messages;

	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, made_ms, &sent) == HY_OK);
	for (size_t i = 0; i < 2; i++) {
		struct hy_key key = hy_key_user(readers[i]->uin);
		last_version(h, call, readers[i], &messages);
		CHECK(h, messages == 1);
		CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
	}
	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, made_ms, &sent) == HY_OK);
	for (size_t i = 0; i < 2; i++) {
		last_version(h, call, readers[i], &messages);
		CHECK(h, messages == 0);
	}
}

static void test_retry_after_trim(void **state)
{
	once(&(struct harness_config){0}, do_retry_after_trim);
}

static void do_to_self(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");
	unsigned hints = harness_hints(h, ann.uin);
	size_t messages;

	harness_send_ok(h, call, &ann, ann.uin, "buy milk");
	last_version(h, call, &ann, &messages);
	CHECK(h, messages == 1 && harness_hints(h, ann.uin) == hints + 1);
}

static void test_to_self(void **state)
{
	once(&(struct harness_config){0}, do_to_self);
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static void do_refusals(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person nobody = {0};
	uint64_t now = env_wall_ms(h->env), day = 24ull * 3600 * 1000;
	char *text = hy_alloc(8194);
	Hy__SendTextResponse sent;

	memset(text, 'x', 8193);
	text[8193] = '\0';
	struct {
		int want;
		const struct person *from;
		uint32_t to;
		const char *text;
		uint64_t made_ms;
	} cases[] = {
		{HY_UNAUTHENTICATED, &nobody, bob.uin, "hello", now},
		{HY_INVALID_ARGUMENT, &ann, 0, "hello", now},
		{HY_PERMISSION_DENIED, &ann, ann.uin ^ bob.uin, "hello", now},
		{HY_INVALID_ARGUMENT, &ann, bob.uin, "", now},
		{HY_INVALID_ARGUMENT, &ann, bob.uin, text, now},
		{HY_OK, &ann, bob.uin, text + 1, now},
		{HY_OUT_OF_RANGE, &ann, bob.uin, "hello", now + 11 * 60 * 1000},
		{HY_OUT_OF_RANGE, &ann, bob.uin, "hello", 1},
		{HY_OK, &ann, bob.uin, "hello", now + 9 * 60 * 1000},
		{HY_OK, &ann, bob.uin, "hello", now - 6 * day},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		int rc = harness_send(h, call, cases[i].from, cases[i].to, cases[i].text, harness_client_id(h),
			cases[i].made_ms, &sent);
		if (rc != cases[i].want)
			fprintf(stderr, "# case %zu: %s\n", i, hy_status_name(rc));
		CHECK(h, rc == cases[i].want);
		CHECK(h, rc == HY_OK || (call->message && sent.message_id.len == 0));
	}
	hy_free(text);
}

static void test_refusals(void **state)
{
	once(&(struct harness_config){0}, do_refusals);
}

/* ---- bounds (R5) ------------------------------------------------------------------------------------------------- */

#define SMALL 16u

static void do_full(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	Hy__SendTextResponse sent;

	for (unsigned i = 0; i < SMALL; i++)
		harness_send_ok(h, call, &ann, bob.uin, "hello");
	/* nobody has brought anything: the sender is refused, the inbox stays as it is, devices are hinted at */
	unsigned hints = harness_hints(h, bob.uin);
	CHECK(h, harness_send(h, call, &ann, bob.uin, "one more", harness_client_id(h), 0, &sent) ==
			 HY_RESOURCE_EXHAUSTED);
	CHECK(h, call->retry_after_ms > 0);
	CHECK(h, harness_hints(h, bob.uin) == hints + 1);
	CHECK(h, harness_inbox(h, call, bob.uin).rows == SMALL);
	/* one device of two has all: that is enough now */
	struct person desk = harness_sign_in(h, call, "bob", "desk");
	CHECK(h, harness_sync_all(h, call, &bob) == SMALL);
	CHECK(h, harness_sync_all(h, call, &bob) == 0);
	CHECK(h, harness_inbox(h, call, bob.uin).rows == SMALL);
	harness_send_ok(h, call, &ann, bob.uin, "one more");
	CHECK(h, harness_inbox(h, call, bob.uin).rows == 1);
	/* the other device is told that older ones are gone, and goes on */
	Hy__SyncResponse got;
	CHECK(h, harness_sync(h, call, &desk, &got) == HY_OK);
	CHECK(h, harness_has_reset(&got, HY__SYNC_KIND__SYNC_KIND_MESSAGE));
	Hy__TextMessage *text = got.n_entries > 0 ? harness_text(call, got.entries[got.n_entries - 1]) : NULL;
	CHECK(h, text && strcmp(text->text, "one more") == 0);
}

static void test_full(void **state)
{
	once(&(struct harness_config){.retain_days = 30, .message = {.inbox_rows = SMALL}}, do_full);
}

static void do_nearly_full(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	for (unsigned i = 0; i < SMALL / 2; i++)
		harness_send_ok(h, call, &ann, bob.uin, "hello");
	harness_sync_all(h, call, &bob);
	harness_sync_all(h, call, &bob);
	CHECK(h, harness_inbox(h, call, bob.uin).rows == SMALL / 2); /* retained */
	for (unsigned i = SMALL / 2; i < SMALL - SMALL / 8; i++)
		harness_send_ok(h, call, &ann, bob.uin, "hello");
	/* in the background, before anybody is refused */
	for (unsigned i = 0; i < 200 && harness_inbox(h, call, bob.uin).trimmed == 0; i++)
		CHECK(h, co_sleep_until(call->loop, svr_now_us(call->loop) + 5000) == HY_OK);
	CHECK(h, harness_inbox(h, call, bob.uin).trimmed == SMALL / 2);
	CHECK(h, harness_sync_all(h, call, &bob) == SMALL - SMALL / 8 - SMALL / 2);
}

static void test_nearly_full(void **state)
{
	once(&(struct harness_config){.retain_days = 30, .message = {.inbox_rows = SMALL}}, do_nearly_full);
}

static void do_own_copies(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person cem = harness_register(h, call, "cem", "phone");

	/* own copies fill up to twice the bound, then the oldest go: never a refusal */
	for (unsigned i = 0; i < 3 * SMALL; i++) {
		harness_send_ok(h, call, &ann, i % 2 ? bob.uin : cem.uin, "hello");
		harness_sync_all(h, call, &bob);
		harness_sync_all(h, call, &cem);
	}
	CHECK(h, harness_inbox(h, call, ann.uin).rows <= 2 * SMALL);
	CHECK(h, counter(h, MON_own_copies_dropped) == 0);
	/* nor do they keep others out */
	for (unsigned i = 0; i < SMALL; i++)
		harness_send_ok(h, call, &bob, ann.uin, "hello");
	CHECK(h, harness_inbox(h, call, ann.uin).rows <= SMALL);
}

static void test_own_copies(void **state)
{
	once(&(struct harness_config){.message = {.inbox_rows = SMALL}}, do_own_copies);
}

static void do_own_copy_dropped(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person cem = harness_register(h, call, "cem", "phone");
	Hy__SendTextResponse sent;

	harness_send_ok(h, call, &bob, ann.uin, "an old one that ann has not seen");
	for (unsigned i = 0; i < 2 * SMALL; i++) {
		CHECK(h, harness_send(h, call, &ann, cem.uin, "hello", harness_client_id(h), 0, &sent) == HY_OK);
		harness_sync_all(h, call, &cem);
		harness_sync_all(h, call, &cem);
	}
	CHECK(h, harness_inbox(h, call, ann.uin).rows == 2 * SMALL);
	CHECK(h, counter(h, MON_own_copies_dropped) == 1);
}

static void test_own_copy_dropped(void **state)
{
	once(&(struct harness_config){.message = {.inbox_rows = SMALL}}, do_own_copy_dropped);
}

/* ---- order at a bound (R7) --------------------------------------------------------------------------------------- */

#define PIPELINED 120u

struct pipeline {
	struct person ann, bob;
	unsigned begun, ended, came, last, refused;
	bool out_of_order;
};

static int take_a_while(struct harness *h, struct call *call, const struct kt_op *ops, size_t count, int status)
{
	co_sleep_until(call->loop, svr_now_us(call->loop) + 300);
	return status;
}

/** What comes must rise. */
static void read_some(struct harness *h, struct call *call, struct pipeline *p)
{
	Hy__SyncResponse got;

	CHECK(h, harness_sync(h, call, &p->bob, &got) == HY_OK);
	for (size_t i = 0; i < got.n_entries; i++) {
		Hy__TextMessage *text = harness_text(call, got.entries[i]);
		if (!text)
			continue;
		unsigned number = (unsigned)strtoul(text->text, NULL, 10);
		p->out_of_order |= number <= p->last;
		p->last = number;
		p->came++;
	}
	harness_keep(h, &p->bob, &got);
}

/** The first reads, and so makes room; all others are one link's sends, begun in their order. */
static void pipe_one(struct harness *h, struct call *call, unsigned index)
{
	struct pipeline *p = h->arg;
	Hy__SendTextResponse sent;
	char text[16];

	if (index == 0) {
		while (p->ended < PIPELINED) {
			read_some(h, call, p);
			co_sleep_until(call->loop, svr_now_us(call->loop) + 200);
		}
		read_some(h, call, p);
		return;
	}
	co_sleep_until(call->loop, svr_now_us(call->loop) + index * 40);
	snprintf(text, sizeof text, "%u", ++p->begun);
	struct person ann = p->ann;
	int rc = harness_send(h, call, &ann, p->bob.uin, text, harness_client_id(h), 0, &sent);
	CHECK(h, rc == HY_OK || rc == HY_RESOURCE_EXHAUSTED);
	p->refused += rc != HY_OK;
	p->ended++;
}

static void pipeline_people(struct harness *h, struct call *call)
{
	struct pipeline *p = h->arg;

	p->ann = harness_register(h, call, "ann", "phone");
	p->bob = harness_register(h, call, "bob", "phone");
}

static void pipeline_once(unsigned retain_days)
{
	struct pipeline p = {0};
	struct harness h;

	harness_open(&h, &(struct harness_config){.retain_days = retain_days, .message = {.inbox_rows = 8}});
	h.arg = &p;
	harness_run(&h, pipeline_people);
	h.on.wrote = take_a_while;
	for (unsigned round = 0; round < 10; round++) {
		p.ended = 0;
		harness_run_many(&h, PIPELINED + 1, pipe_one);
	}
	harness_close(&h);
	assert_int_equal(p.came + p.refused, 10 * PIPELINED);
	assert_false(p.out_of_order);
}

static void test_pipeline(void **state)
{
	pipeline_once(0);
	pipeline_once(30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a message reaches both users, with one ID, and both are hinted at", test_send},
		{"a retry gives the same answer and no second message", test_retry},
		{"other content under the same client ID is refused", test_other_content},
		{"the same client ID made at another time is another message", test_other_time},
		{"a retry brings back nothing that both have and that went", test_retry_after_trim},
		{"a note to oneself is one entry", test_to_self},
		{"what may not be sent is refused with a reason", test_refusals},
		{"a full inbox refuses only for what nobody has brought", test_full},
		{"a nearly full inbox is relieved of what was brought", test_nearly_full},
		{"of one link's sends to an inbox that runs over those that get in are in order", test_pipeline},
		{"own copies are never refused, nor do they keep others out", test_own_copies},
		{"an own copy that finds no room is dropped and counted", test_own_copy_dropped},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
