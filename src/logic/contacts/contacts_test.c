/* What people do with each other, one after the other: relations, repeats, refusals, blocks, who may write. */
#include <stdio.h>

#include "account.rpc.h"
#include "limit.pb-c.h"
#include "logic/contacts/contacts_world.h"
#include "profile.pb-c.h"

static const struct harness_config strict = {.contacts_only = true};

/* ---- every act from every state ---------------------------------------------------------------------------------- */

#define NO PAIR_COUNT /* refused, and nothing changes */

static const enum pair_state after[PAIR_COUNT][5] = {
	/*               request     accept     decline      delete       restore */
	[PAIR_NONE] = {PAIR_ASKED, NO, NO, NO, NO},
	[PAIR_ASKED] = {PAIR_ASKED, NO, NO, PAIR_NONE, NO},
	[PAIR_ASKS] = {PAIR_BOTH, PAIR_BOTH, PAIR_LEAVES, NO, PAIR_BOTH},
	[PAIR_BOTH] = {PAIR_BOTH, PAIR_BOTH, NO, PAIR_LEAVES, PAIR_BOTH},
	[PAIR_LEFT] = {PAIR_ASKED, NO, NO, PAIR_NONE, NO},
	[PAIR_LEAVES] = {PAIR_BOTH, NO, NO, NO, PAIR_BOTH},
};

static void walk_one(struct harness *h, struct call *call, const struct person *a, const struct person *b,
	enum pair_state from, enum act act)
{
	enum pair_state want = after[from][act] == NO ? from : after[from][act];
	Hy__Relation relation;

	world_bring(h, call, a, b, from);
	int rc = world_act(h, call, a, b->uin, act, &relation);
	enum pair_state got = world_state(h, call, a, b);
	bool fits = rc == (after[from][act] == NO ? HY_FAILED_PRECONDITION : HY_OK) && got == want;
	if (!fits)
		fprintf(stderr, "# act %d from %s: %s, now %s\n", act, pair_names[from], hy_status_name(rc),
			got < PAIR_COUNT ? pair_names[got] : "at odds");
	CHECK(h, fits);
	const Hy__ContactGetResponse *row = world_get(h, call, a->uin, b->uin);
	CHECK(h, rc != HY_OK || (row && row->relation == relation));
	/* and both may write to each other just when they are contacts */
	bool may = want == PAIR_BOTH;
	CHECK(h, world_write(h, call, a, b->uin) == (may ? HY_OK : HY_PERMISSION_DENIED));
	CHECK(h, world_write(h, call, b, a->uin) == (may ? HY_OK : HY_PERMISSION_DENIED));
}

static void do_walk(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	for (unsigned from = 0; from < PAIR_COUNT; from++)
		for (unsigned act = 0; act <= ACT_RESTORE; act++)
			for (unsigned side = 0; side < 2; side++)
				walk_one(h, call, side ? &bob : &ann, side ? &ann : &bob, (enum pair_state)from,
					(enum act)act);
}

static void test_walk(void **state)
{
	harness_once(&strict, do_walk);
}

/* ---- what devices are told --------------------------------------------------------------------------------------- */

static void do_told(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	unsigned ann_hints = harness_hints(h, ann.uin), bob_hints = harness_hints(h, bob.uin);
	Hy__SyncResponse got;

	harness_sync_all(h, call, &ann);
	harness_sync_all(h, call, &bob);
	CHECK(h, world_act(h, call, &ann, bob.uin, ACT_REQUEST, NULL) == HY_OK);
	CHECK(h, harness_hints(h, ann.uin) == ann_hints + 1 && harness_hints(h, bob.uin) == bob_hints + 1);
	Hy__ContactEntry *of_ann = world_entry(h, call, &ann, bob.uin), *of_bob = world_entry(h, call, &bob, ann.uin);
	CHECK(h, of_ann && strcmp(of_ann->name, "bob") == 0 && strcmp(of_ann->nickname, "bob") == 0);
	CHECK(h, of_ann && of_ann->relation == HY__RELATION__RELATION_OUTGOING && of_ann->asked_ms > 0);
	CHECK(h, of_bob && strcmp(of_bob->name, "ann") == 0 && strcmp(of_bob->greeting, "hello") == 0);
	CHECK(h, of_bob && of_bob->relation == HY__RELATION__RELATION_INCOMING && of_bob->asked_ms > 0);
	CHECK(h, harness_sync(h, call, &bob, &got) == HY_OK && got.n_entries == 1 && got.n_reset == 0);
	harness_keep(h, &bob, &got);
	CHECK(h, harness_sync(h, call, &bob, &got) == HY_OK && got.n_entries == 0);
	CHECK(h, world_act(h, call, &bob, ann.uin, ACT_ACCEPT, NULL) == HY_OK);
	CHECK(h, harness_sync(h, call, &ann, &got) == HY_OK && got.n_entries == 1);
	of_ann = world_entry(h, call, &ann, bob.uin);
	CHECK(h, of_ann && of_ann->relation == HY__RELATION__RELATION_CONTACT && of_ann->greeting[0] == '\0');
}

static void test_told(void **state)
{
	harness_once(&strict, do_told);
}

/* ---- repeats and refusals ---------------------------------------------------------------------------------------- */

static void repeat_one(struct harness *h, struct call *call, const struct person *a, const struct person *b,
	enum pair_state from, enum act act)
{
	struct client_id id = harness_client_id(h);
	uint64_t made_ms = env_wall_ms(h->env);
	Hy__Relation relation;

	world_bring(h, call, a, b, from);
	CHECK(h, world_act_as(h, call, a, b->uin, act, id, made_ms, "hello", NULL) == HY_OK);
	const Hy__ContactGetResponse *first = world_get(h, call, a->uin, b->uin);
	CHECK(h, world_act_as(h, call, a, b->uin, act, id, made_ms, "hello", NULL) == HY_OK);
	const Hy__ContactGetResponse *again = world_get(h, call, a->uin, b->uin);
	CHECK(h, first && again && first->version == again->version);
	/* also when much has happened since */
	for (unsigned i = 0; i < PAIR_COUNT; i++) {
		world_bring(h, call, a, b, (enum pair_state)i);
		CHECK(h, world_act_as(h, call, a, b->uin, act, id, made_ms, "hello", &relation) == HY_OK);
		CHECK(h, world_state(h, call, a, b) == (enum pair_state)i);
		CHECK(h, relation == world_get(h, call, a->uin, b->uin)->relation);
	}
	enum act other = act == ACT_DELETE || act == ACT_DECLINE ? ACT_REQUEST : ACT_DELETE;
	CHECK(h, world_act_as(h, call, a, b->uin, other, id, made_ms, "hello", NULL) == HY_ALREADY_EXISTS);
}

static void do_repeats(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	for (unsigned from = 0; from < PAIR_COUNT; from++)
		for (unsigned act = 0; act <= ACT_RESTORE; act++)
			if (after[from][act] != NO)
				repeat_one(h, call, &ann, &bob, (enum pair_state)from, (enum act)act);
}

static void test_repeats(void **state)
{
	harness_once(&strict, do_repeats);
}

static void put_settings(struct harness *h, struct call *call, uint32_t uin, uint32_t may_write, uint32_t may_ask)
{
	Hy__AccountPutSettingsRequest request = HY__ACCOUNT_PUT_SETTINGS_REQUEST__INIT;
	Hy__AccountPutSettingsResponse response = HY__ACCOUNT_PUT_SETTINGS_RESPONSE__INIT;
	struct client_id id = harness_client_id(h);

	request.uin = uin;
	request.may_write = may_write;
	request.may_ask = may_ask;
	request.client_id = (ProtobufCBinaryData){sizeof id.bytes, id.bytes};
	request.made_ms = env_wall_ms(h->env);
	CHECK(h, account_put_settings(call, &request, &response) == HY_OK);
}

static int request_with(struct harness *h, struct call *call, const struct person *from, uint32_t to,
	const char *greeting, const char *remark, uint64_t made_ms, size_t client_id_len)
{
	Hy__RequestContactRequest request = HY__REQUEST_CONTACT_REQUEST__INIT;
	Hy__RequestContactResponse response = HY__REQUEST_CONTACT_RESPONSE__INIT;
	struct client_id id = harness_client_id(h);
	Hy__RequestHead head = harness_head(h, from->device, &id);

	harness_as(call, from);
	head.client_id.len = client_id_len;
	head.made_ms = made_ms;
	request.head = &head;
	request.uin = to;
	request.greeting = (char *)(uintptr_t)greeting;
	request.remark = (char *)(uintptr_t)remark;
	return contacts_request_contact(call, &request, &response);
}

static void do_refusals(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person shy = harness_register(h, call, "shy", "phone"), nobody = {0};
	char greeting[258] = {0}, remark[66] = {0};
	uint64_t now = env_wall_ms(h->env), day = 24ull * 3600 * 1000;

	memset(greeting, 'x', sizeof greeting - 1);
	memset(remark, 'x', sizeof remark - 1);
	put_settings(h, call, shy.uin, HY__WHO__WHO_DEFAULT, HY__WHO__WHO_NOBODY);
	struct {
		int want;
		const struct person *from;
		uint32_t to;
		const char *greeting, *remark;
		uint64_t made_ms;
		size_t client_id_len;
	} cases[] = {
		{HY_UNAUTHENTICATED, &nobody, bob.uin, "", "", now, 16},
		{HY_INVALID_ARGUMENT, &ann, 0, "", "", now, 16}, {HY_INVALID_ARGUMENT, &ann, ann.uin, "", "", now, 16},
		{HY_INVALID_ARGUMENT, &ann, bob.uin, "", "", now, 15},
		{HY_INVALID_ARGUMENT, &ann, bob.uin, greeting, "", now, 16},
		{HY_INVALID_ARGUMENT, &ann, bob.uin, "", remark, now, 16},
		{HY_NOT_FOUND, &ann, ann.uin ^ bob.uin, "", "", now, 16},
		{HY_PERMISSION_DENIED, &ann, shy.uin, "", "", now, 16}, {HY_OUT_OF_RANGE, &ann, bob.uin, "", "", 1, 16},
		{HY_OUT_OF_RANGE, &ann, bob.uin, "", "", now + 11 * 60 * 1000, 16},
		{HY_OK, &ann, bob.uin, greeting + 1, remark + 1, now - 6 * day, 16},
		{HY_OK, &shy, ann.uin, "", "", now, 16},
		{HY_OK, &ann, shy.uin, "", "", now, 16}, /* who has asked is answered, not asked */
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		int rc = request_with(h, call, cases[i].from, cases[i].to, cases[i].greeting, cases[i].remark,
			cases[i].made_ms, cases[i].client_id_len);
		if (rc != cases[i].want)
			fprintf(stderr, "# case %zu: %s\n", i, hy_status_name(rc));
		CHECK(h, rc == cases[i].want);
		CHECK(h, rc == HY_OK || call->message);
	}
	Hy__ContactEntry *entry = world_entry(h, call, &ann, bob.uin);
	CHECK(h, entry && strcmp(entry->remark, remark + 1) == 0 && strcmp(entry->greeting, greeting + 1) == 0);
	CHECK(h, world_state(h, call, &ann, &shy) == PAIR_BOTH);
	CHECK(h, !world_get(h, call, ann.uin, ann.uin ^ bob.uin));
}

static void test_refusals(void **state)
{
	harness_once(&strict, do_refusals);
}

static int set_remark(struct harness *h, struct call *call, const struct person *who, uint32_t peer, const char *remark)
{
	Hy__SetRemarkRequest request = HY__SET_REMARK_REQUEST__INIT;
	Hy__SetRemarkResponse response = HY__SET_REMARK_RESPONSE__INIT;
	struct client_id id = harness_client_id(h);
	Hy__RequestHead head = harness_head(h, who->device, &id);

	harness_as(call, who);
	request.head = &head;
	request.uin = peer;
	request.remark = (char *)(uintptr_t)remark;
	return contacts_set_remark(call, &request, &response);
}

static void do_remarks(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	CHECK(h, set_remark(h, call, &ann, bob.uin, "Robert") == HY_NOT_FOUND);
	world_bring(h, call, &ann, &bob, PAIR_BOTH);
	CHECK(h, set_remark(h, call, &ann, bob.uin, "Robert") == HY_OK);
	Hy__ContactEntry *entry = world_entry(h, call, &ann, bob.uin);
	CHECK(h, entry && strcmp(entry->remark, "Robert") == 0);
	entry = world_entry(h, call, &bob, ann.uin);
	CHECK(h, entry && entry->remark[0] == '\0');
	/* it outlives what happens between the two */
	for (unsigned state = 0; state < PAIR_COUNT; state++)
		world_bring(h, call, &ann, &bob, (enum pair_state)state);
	entry = world_entry(h, call, &ann, bob.uin);
	CHECK(h, entry && strcmp(entry->remark, "Robert") == 0);
	CHECK(h, set_remark(h, call, &ann, bob.uin, "") == HY_OK);
	entry = world_entry(h, call, &ann, bob.uin);
	CHECK(h, entry && entry->remark[0] == '\0');
}

static void test_remarks(void **state)
{
	harness_once(&strict, do_remarks);
}

static void do_bounds(struct harness *h, struct call *call)
{
	struct person p[6];
	char name[16];

	for (unsigned i = 0; i < HY_COUNT_OF(p); i++) {
		snprintf(name, sizeof name, "person%u", i);
		p[i] = harness_register(h, call, hy_arena_strndup(call->arena, name, strlen(name)), "phone");
	}
	CHECK(h, world_act(h, call, &p[0], p[1].uin, ACT_REQUEST, NULL) == HY_OK);
	CHECK(h, world_act(h, call, &p[0], p[2].uin, ACT_REQUEST, NULL) == HY_OK);
	struct client_id id = harness_client_id(h);
	uint64_t made_ms = env_wall_ms(h->env);
	CHECK(h, world_act_as(h, call, &p[0], p[3].uin, ACT_REQUEST, id, made_ms, "", NULL) == HY_OK);
	CHECK(h, world_act(h, call, &p[0], p[4].uin, ACT_REQUEST, NULL) == HY_RESOURCE_EXHAUSTED);
	CHECK(h, call->message && call->retry_after_ms > 0);
	CHECK(h, world_act(h, call, &p[4], p[0].uin, ACT_REQUEST, NULL) == HY_RESOURCE_EXHAUSTED);
	/* those who are there go on, repeats are recognised, and there is some room for blocks */
	CHECK(h, world_act(h, call, &p[1], p[0].uin, ACT_ACCEPT, NULL) == HY_OK);
	CHECK(h, world_act_as(h, call, &p[0], p[3].uin, ACT_REQUEST, id, made_ms, "", NULL) == HY_OK);
	CHECK(h, world_act(h, call, &p[0], p[4].uin, ACT_BLOCK, NULL) == HY_OK);
	CHECK(h, world_act(h, call, &p[0], p[5].uin, ACT_BLOCK, NULL) == HY_RESOURCE_EXHAUSTED);
	CHECK(h, world_act(h, call, &p[0], p[2].uin, ACT_BLOCK, NULL) == HY_OK);
	/* a block that is lifted leaves nothing behind where there was nothing before */
	CHECK(h, world_act(h, call, &p[0], p[4].uin, ACT_UNBLOCK, NULL) == HY_OK);
	CHECK(h, !world_get(h, call, p[0].uin, p[4].uin));
	CHECK(h, world_act(h, call, &p[0], p[5].uin, ACT_BLOCK, NULL) == HY_OK);
	CHECK(h, world_state(h, call, &p[0], &p[1]) == PAIR_BOTH);
}

static void test_bounds(void **state)
{
	harness_once(&(struct harness_config){.contacts_only = true, .contact_rows = 3}, do_bounds);
}

/** Whoever blocks one stranger after the other reads their cards. */
static void do_block_limit(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	CHECK(h, world_act(h, call, &ann, bob.uin, ACT_BLOCK, NULL) == HY_OK);
	CHECK(h, world_act(h, call, &ann, ann.uin ^ bob.uin, ACT_BLOCK, NULL) == HY_NOT_FOUND);
	CHECK(h, world_act(h, call, &ann, ann.uin ^ bob.uin, ACT_BLOCK, NULL) == HY_RESOURCE_EXHAUSTED);
	CHECK(h, world_act(h, call, &ann, bob.uin, ACT_BLOCK, NULL) == HY_OK); /* who is in the list is no search */
}

static void test_block_limit(void **state)
{
	struct harness_config config = {.contacts_only = true};
	config.limits.rates[HY__LIMIT_ACTION__LIMIT_SEARCH] = (struct hy_rate){.interval_us = 3600000000, .burst = 2};
	harness_once(&config, do_block_limit);
}

/* ---- blocks, and who may write ----------------------------------------------------------------------------------- */

static void do_block(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	Hy__Relation relation;

	CHECK(h, world_act(h, call, &bob, ann.uin ^ bob.uin, ACT_BLOCK, NULL) == HY_NOT_FOUND);
	CHECK(h, world_act(h, call, &bob, ann.uin, ACT_UNBLOCK, NULL) == HY_NOT_FOUND);
	CHECK(h, world_act(h, call, &bob, ann.uin, ACT_BLOCK, NULL) == HY_OK);
	Hy__ContactEntry *entry = world_entry(h, call, &bob, ann.uin);
	CHECK(h, entry && entry->blocked && strcmp(entry->name, "ann") == 0);
	/* she may ask, is told nothing, and he hears nothing */
	unsigned hints = harness_hints(h, bob.uin);
	CHECK(h, world_act(h, call, &ann, bob.uin, ACT_REQUEST, &relation) == HY_OK);
	CHECK(h, relation == HY__RELATION__RELATION_OUTGOING && harness_hints(h, bob.uin) == hints);
	entry = world_entry(h, call, &bob, ann.uin);
	CHECK(h, entry && entry->blocked && entry->relation == HY__RELATION__RELATION_NONE);
	CHECK(h, entry && entry->greeting[0] == '\0' && entry->asked_ms == 0);
	CHECK(h, world_act(h, call, &bob, ann.uin, ACT_UNBLOCK, NULL) == HY_OK);
	entry = world_entry(h, call, &bob, ann.uin);
	CHECK(h, entry && !entry->blocked && entry->relation == HY__RELATION__RELATION_INCOMING);
	CHECK(h, strcmp(entry->greeting, "hello") == 0);
	/* a contact who is blocked stays one, and may not write */
	CHECK(h, world_act(h, call, &bob, ann.uin, ACT_ACCEPT, NULL) == HY_OK);
	CHECK(h, world_act(h, call, &bob, ann.uin, ACT_BLOCK, &relation) == HY_OK);
	CHECK(h, relation == HY__RELATION__RELATION_CONTACT && world_state(h, call, &ann, &bob) == PAIR_BOTH);
	CHECK(h, world_write(h, call, &ann, bob.uin) == HY_PERMISSION_DENIED);
	CHECK(h, world_write(h, call, &bob, ann.uin) == HY_OK);
}

static void test_block(void **state)
{
	harness_once(&strict, do_block);
}

static void do_permit(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	bool open = !h->config.contacts_only;
	struct {
		uint32_t who;
		bool contact, stranger;
	} cases[] = {
		{HY__WHO__WHO_DEFAULT, true, open},
		{HY__WHO__WHO_CONTACTS, true, false},
		{HY__WHO__WHO_ANYONE, true, true},
		{HY__WHO__WHO_NOBODY, false, false},
		{99, true, false},
	};
	for (unsigned state = 0; state < PAIR_COUNT; state++) {
		for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
			bool may = state == PAIR_BOTH ? cases[i].contact : cases[i].stranger;
			world_bring(h, call, &ann, &bob, (enum pair_state)state);
			put_settings(h, call, bob.uin, cases[i].who, HY__WHO__WHO_DEFAULT);
			CHECK(h, world_write(h, call, &ann, bob.uin) == (may ? HY_OK : HY_PERMISSION_DENIED));
			CHECK(h, may || strcmp(call->message, "only contacts may write to this user") == 0);
			CHECK(h, world_write(h, call, &bob, bob.uin) == HY_OK);
			CHECK(h, world_act(h, call, &bob, ann.uin, ACT_BLOCK, NULL) == HY_OK);
			CHECK(h, world_write(h, call, &ann, bob.uin) == HY_PERMISSION_DENIED);
			CHECK(h, strcmp(call->message, "only contacts may write to this user") == 0);
			CHECK(h, world_act(h, call, &bob, ann.uin, ACT_UNBLOCK, NULL) == HY_OK);
		}
	}
	CHECK(h, world_write(h, call, &ann, ann.uin ^ bob.uin) == HY_PERMISSION_DENIED);
	CHECK(h, strcmp(call->message, "only contacts may write to this user") == 0);
}

static void test_permit(void **state)
{
	harness_once(&strict, do_permit);
}

static void test_permit_open(void **state)
{
	harness_once(&(struct harness_config){0}, do_permit);
}

static void do_repeat_after_end(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct client_id id = harness_client_id(h);
	uint64_t made_ms = env_wall_ms(h->env);
	Hy__SendTextResponse first, again;

	world_bring(h, call, &ann, &bob, PAIR_BOTH);
	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, made_ms, &first) == HY_OK);
	CHECK(h, world_act(h, call, &bob, ann.uin, ACT_BLOCK, NULL) == HY_OK);
	uint64_t version = harness_inbox(h, call, bob.uin).version;
	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, made_ms, &again) == HY_OK);
	CHECK(h, again.message_id.len == 16 && memcmp(first.message_id.data, again.message_id.data, 16) == 0);
	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, made_ms + 1, &again) == HY_PERMISSION_DENIED);
	CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", id, 1, &again) == HY_PERMISSION_DENIED);
	CHECK(h, harness_inbox(h, call, bob.uin).version == version);
}

static void test_repeat_after_end(void **state)
{
	harness_once(&strict, do_repeat_after_end);
}

/* ------------------------------------------------------------------------------------------------------------------ */

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"each act from each state leads both to where it shall, or is refused", test_walk},
		{"each side's devices are told what there is, and hinted at", test_told},
		{"a repeat changes nothing, whatever has happened since", test_repeats},
		{"what may not be asked is refused with a reason", test_refusals},
		{"a remark is the user's own, and stays", test_remarks},
		{"a full list takes nobody new, and lets nobody down who is in it", test_bounds},
		{"to block strangers is to search", test_block_limit},
		{"who is blocked is not told, not heard and not read", test_block},
		{"the recipient's row and settings decide who may write", test_permit},
		{"where the operator lets strangers write, settings decide as ever", test_permit_open},
		{"a repeat of what was let in is answered, whatever has happened since", test_repeat_after_end},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
