/* The table with a clock of the test's own; the service through its stubs, as others call it. */
#include "logic/limit/limit.h"

#include <stdio.h>

#include "base/map.h"
#include "logic/limit/limit_table.h"
#include "logic/limit_calls.h"
#include "svrkit/run_test.h"

#define SEC UINT64_C(1000000)

/* ---- the algorithm ----------------------------------------------------------------------------------------------- */

struct step {
	uint64_t at_ms;
	enum limit_verb verb;
	bool fits;
	uint64_t wait_ms;
	const char *who; /* NULL: the one that all others are about */
};

#define T LIMIT_TAKE
#define L LIMIT_LOOK
#define G LIMIT_GIVE_BACK

static const struct story {
	const char *label, *rate;
	struct step steps[16]; /* at_ms rises; one of all zeros ends */
} stories[] = {
	{"one a second: the second within it waits for the rest of it", "1/s",
		{{1000, T, true}, {1000, T, false, 1000}, {1400, T, false, 600}, {2000, T, true}, {2999, T, false, 1}}},
	{"a burst goes through at once, then the even rate", "1/s:3",
		{{1000, T, true}, {1000, T, true}, {1000, T, true}, {1000, T, false, 1000}, {2000, T, true},
			{2000, T, false, 1000}}},
	{"after a pause the whole burst is there again, and no more", "1/s:3",
		{{1000, T, true}, {1000, T, true}, {1000, T, true}, {99000, T, true}, {99000, T, true},
			{99000, T, true}, {99000, T, false, 1000}}},
	{"what is refused takes nothing: who hammers waits no longer", "1/s",
		{{1000, T, true}, {1100, T, false, 900}, {1200, T, false, 800}, {1300, T, false, 700},
			{2000, T, true}}},
	{"a look takes nothing", "1/s:2",
		{{1000, L, true}, {1000, L, true}, {1000, T, true}, {1000, L, true}, {1000, T, true},
			{1000, L, false, 1000}, {2000, L, true}}},
	{"what was given back can be taken again", "1/m:2",
		{{1000, T, true}, {1000, T, true}, {1000, T, false, 60000}, {1000, G, true}, {1000, T, true},
			{1000, T, false, 60000}}},
	{"more cannot be given back than was taken", "1/m:2",
		{{1000, G, true}, {1000, T, true}, {1000, G, true}, {1000, G, true}, {1000, G, true}, {1000, T, true},
			{1000, T, true}, {1000, T, false, 60000}}},
	{"what others take is theirs", "1/s",
		{{1000, T, true, 0, "ann"}, {1000, T, true, 0, "bob"}, {1000, T, false, 1000, "ann"},
			{1000, T, true, 0, "2001:db8::/64"}, {1000, T, false, 1000, "bob"}}},
	{"slow rates with large bursts do not run over", "1/30d:1000000",
		{{1000, T, true}, {1000, T, true}, {1000, L, true}}},
};

static void test_story(void **state)
{
	const struct story *story = *state;
	struct limit_table t;
	struct hy_rate rate;
	assert_true(hy_rate_parse(story->rate, &rate));
	limit_table_init(&t, 1000);
	for (unsigned i = 0; story->steps[i].at_ms != 0; i++) {
		const struct step *s = &story->steps[i];
		const char *who = s->who ? s->who : "all";
		uint64_t wait_us;
		bool dropped;
		bool fits = limit_table_do(
			&t, hy_hash(who, strlen(who), 42), &rate, s->at_ms * 1000, s->verb, &wait_us, &dropped);
		if (fits != s->fits || wait_us != s->wait_ms * 1000)
			fail_msg(
				"step %u: %s, wait %llu us", i, fits ? "fits" : "refused", (unsigned long long)wait_us);
		assert_false(dropped);
	}
	limit_table_fini(&t);
}

/* ---- the table's bounds ------------------------------------------------------------------------------------------ */

static uint64_t number_hash(uint64_t n)
{
	return hy_hash(&n, sizeof n, 7);
}

static void test_the_table_grows_and_forgets_nothing_below_its_bound(void **state)
{
	const struct hy_rate rate = {60 * SEC, 1};
	struct limit_table t;
	uint64_t wait_us;
	bool dropped;

	limit_table_init(&t, 1 << 16);
	for (uint64_t n = 0; n < 5000; n++) {
		assert_true(limit_table_do(&t, number_hash(n), &rate, SEC + n, LIMIT_TAKE, &wait_us, &dropped));
		assert_false(dropped);
	}
	assert_true(t.buckets * LIMIT_TABLE_WAYS <= 1 << 16);
	for (uint64_t n = 0; n < 5000; n++)
		assert_false(limit_table_do(&t, number_hash(n), &rate, SEC + 5000, LIMIT_TAKE, &wait_us, &dropped));
	limit_table_fini(&t);
}

static void test_what_has_passed_makes_room_without_growth(void **state)
{
	const struct hy_rate rate = {10, 1};
	struct limit_table t;
	uint64_t wait_us;
	bool dropped;

	limit_table_init(&t, 1 << 16);
	size_t before = t.buckets;
	for (uint64_t n = 0; n < 100000; n++)
		assert_true(limit_table_do(&t, number_hash(n), &rate, SEC + n * 10, LIMIT_TAKE, &wait_us, &dropped));
	assert_int_equal(t.buckets, before);
	limit_table_fini(&t);
}

static void test_a_flood_of_new_things_keeps_those_that_are_at_their_limit(void **state)
{
	const struct hy_rate guesses = {60 * SEC, 5}, attempts = {2 * SEC, 30};
	struct limit_table t;
	uint64_t wait_us, forgotten = 0;
	bool dropped;

	limit_table_init(&t, 1024);
	for (unsigned i = 0; i < 5; i++)
		assert_true(limit_table_do(&t, number_hash(0), &guesses, SEC, LIMIT_TAKE, &wait_us, &dropped));
	for (uint64_t n = 1; n < 50000; n++) {
		assert_true(limit_table_do(&t, number_hash(n), &attempts, SEC + n, LIMIT_TAKE, &wait_us, &dropped));
		forgotten += dropped;
	}
	assert_true(forgotten > 40000);
	assert_int_equal(t.buckets * LIMIT_TABLE_WAYS, 1024);
	assert_false(limit_table_do(&t, number_hash(0), &guesses, SEC + 50000, LIMIT_TAKE, &wait_us, &dropped));
	limit_table_fini(&t);
}

/* ---- the service ------------------------------------------------------------------------------------------------- */

static void run_world(const char *const rates[LIMIT_ACTIONS], unsigned loops,
	void (*fn)(struct world *w, struct call *call, void *arg))
{
	struct limit_config config = {.entries_max = 0};
	struct world_task task;
	struct limit *limit;
	struct world w;

	for (unsigned i = 0; i < LIMIT_ACTIONS; i++)
		assert_true(hy_rate_parse(rates[i] ? rates[i] : "off", &config.rates[i]));
	world_open(&w, loops);
	env_log_set_level(w.env, ENV_LOG_ERROR);
	assert_int_equal(limit_create(w.svr, &config, &limit), HY_OK);
	assert_int_equal(svr_start(w.svr), HY_OK);
	world_begin(&w, &task, 0, fn, NULL);
	world_wait(&w, 1);
	svr_stop(w.svr, 1000000);
	limit_destroy(limit);
	world_close(&w);
}

static uint64_t counter(struct world *w, enum mon_id id)
{
	return mon_get(svr_mon(w->svr), id);
}

static void do_users(struct world *w, struct call *call, void *arg)
{
	for (uint32_t uin = 1; uin <= 40; uin++) {
		call->who.uin = uin;
		CHECK(w, limit_user(call, HY__LIMIT_ACTION__LIMIT_ASK) == HY_OK);
		CHECK(w, limit_user(call, HY__LIMIT_ACTION__LIMIT_ASK) == HY_OK);
		CHECK(w, limit_user(call, HY__LIMIT_ACTION__LIMIT_ASK) == HY_RESOURCE_EXHAUSTED);
		CHECK(w, call->retry_after_ms > 29 * 60 * 1000 && call->retry_after_ms <= 30 * 60 * 1000);
		CHECK(w, strcmp(call->message, "you have made many contact requests: try again in 30 minutes") == 0);
		/* another action of the same user, and one that is not limited */
		CHECK(w, limit_user(call, HY__LIMIT_ACTION__LIMIT_SEARCH) == HY_OK);
		CHECK(w, limit_user(call, HY__LIMIT_ACTION__LIMIT_SEND) == HY_OK);
		CHECK(w, call->message == NULL && call->retry_after_ms == 0);
	}
	CHECK(w, counter(w, MON_limited_asks) == 40);
	CHECK(w, counter(w, MON_limited_searches) == 0);
}

static void test_users(void **state)
{
	const char *rates[LIMIT_ACTIONS] = {
		[HY__LIMIT_ACTION__LIMIT_ASK] = "2/h", [HY__LIMIT_ACTION__LIMIT_SEARCH] = "1/m"};
	run_world(rates, 3, do_users);
}

static void do_addresses(struct world *w, struct call *call, void *arg)
{
	static const char *const addresses[] = {"192.0.2.1", "192.0.2.2", "198.51.100.255", "2001:db8::/64",
		"2001:db8:ffff:ffff::/64", "2001:db8:1::/64"};
	for (unsigned i = 0; i < HY_COUNT_OF(addresses); i++) {
		call->address = addresses[i];
		CHECK(w, limit_address(call, HY__LIMIT_ACTION__LIMIT_REGISTER_ADDRESS) == HY_OK);
		CHECK(w, limit_address(call, HY__LIMIT_ACTION__LIMIT_REGISTER_ADDRESS) == HY_RESOURCE_EXHAUSTED);
		CHECK(w, call->retry_after_ms > 0 && call->retry_after_ms <= 60000);
	}
	call->address = NULL;
	for (unsigned i = 0; i < 10; i++)
		CHECK(w, limit_address(call, HY__LIMIT_ACTION__LIMIT_REGISTER_ADDRESS) == HY_OK);
}

static void test_addresses(void **state)
{
	const char *rates[LIMIT_ACTIONS] = {[HY__LIMIT_ACTION__LIMIT_REGISTER_ADDRESS] = "1/m"};
	run_world(rates, 3, do_addresses);
}

static void do_names(struct world *w, struct call *call, void *arg)
{
	static const char longest[] = "a-name-of-thirty-two-characters-";
	static const char *const names[] = {"ann", "bob", longest, "a-name-of-thirty-two-characters_"};
	static const char *const places[] = {"192.0.2.1", "2001:db8:ffff:ffff::/64", "2001:db8:ffff:fffe::/64",
		"0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdee", NULL};
	const Hy__LimitAction action = HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_NAME_ADDRESS;

	for (unsigned n = 0; n < HY_COUNT_OF(names); n++) {
		for (unsigned p = 0; p < HY_COUNT_OF(places); p++) {
			CHECK(w, limit_name(call, action, names[n], places[p]) == HY_OK);
			CHECK(w, limit_name(call, action, names[n], places[p]) == HY_RESOURCE_EXHAUSTED);
			limit_name_give_back(call, action, names[n], places[p]);
			CHECK(w, call->message && call->retry_after_ms > 0); /* what the answer says is left alone */
			CHECK(w, limit_name(call, action, names[n], places[p]) == HY_OK);
		}
	}
}

static void test_names(void **state)
{
	const char *rates[LIMIT_ACTIONS] = {[HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_NAME_ADDRESS] = "1/m"};
	run_world(rates, 3, do_names);
}

static void do_refuse_nonsense(struct world *w, struct call *call, void *arg)
{
	Hy__LimitTakeUserRequest user = HY__LIMIT_TAKE_USER_REQUEST__INIT;
	Hy__LimitTakeKeyRequest key = HY__LIMIT_TAKE_KEY_REQUEST__INIT;
	Hy__LimitTakeResponse response = HY__LIMIT_TAKE_RESPONSE__INIT;
	static const int no_user_actions[] = {0, HY__LIMIT_ACTION__LIMIT_REGISTER_ADDRESS, LIMIT_ACTIONS, 1 << 30, -1};
	static const int no_key_actions[] = {0, HY__LIMIT_ACTION__LIMIT_SEND, LIMIT_ACTIONS, 1 << 30, -1};

	for (unsigned i = 0; i < HY_COUNT_OF(no_user_actions); i++) {
		user.action = (Hy__LimitAction)no_user_actions[i];
		CHECK(w, limit_take_user(call, &user, &response) == HY_INVALID_ARGUMENT);
		key.action = (Hy__LimitAction)no_key_actions[i];
		CHECK(w, limit_take_key(call, &key, &response) == HY_INVALID_ARGUMENT);
	}
}

static void test_nonsense(void **state)
{
	const char *rates[LIMIT_ACTIONS] = {NULL};
	run_world(rates, 1, do_refuse_nonsense);
}

static void do_without_service(struct world *w, struct call *call, void *arg)
{
	call->who.uin = 1;
	call->address = "192.0.2.1";
	for (unsigned i = 0; i < 1000; i++) {
		CHECK(w, limit_user(call, HY__LIMIT_ACTION__LIMIT_SEND) == HY_OK);
		CHECK(w, limit_address(call, HY__LIMIT_ACTION__LIMIT_REGISTER_ADDRESS) == HY_OK);
		CHECK(w, call->message == NULL);
		hy_arena_reset(call->arena);
	}
}

static void test_without_service(void **state)
{
	struct world_task task;
	struct world w;

	world_open(&w, 1);
	assert_int_equal(svr_start(w.svr), HY_OK);
	world_begin(&w, &task, 0, do_without_service, NULL);
	world_wait(&w, 1);
	world_close(&w);
}

static void test_every_preset_is_a_limit(void **state)
{
	struct limit_config config = limit_config_default();
	for (unsigned i = 1; i < LIMIT_ACTIONS; i++)
		assert_true(config.rates[i].interval_us > 0 && config.rates[i].burst > 0);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		{"the table grows and forgets nothing below its bound",
			test_the_table_grows_and_forgets_nothing_below_its_bound},
		{"what has passed makes room without growth", test_what_has_passed_makes_room_without_growth},
		{"a flood of new things keeps those that are at their limit",
			test_a_flood_of_new_things_keeps_those_that_are_at_their_limit},
		{"each user has limits of its own, each action too, and the answer says when to come back", test_users},
		{"each address has limits of its own, and this machine has none", test_addresses},
		{"names and places of any length are told apart", test_names},
		{"what is no limit is refused", test_nonsense},
		{"where there is no Limit service nothing is limited", test_without_service},
		{"every preset is a limit", test_every_preset_is_a_limit},
	};
	struct CMUnitTest tests[HY_COUNT_OF(stories) + HY_COUNT_OF(others)];
	unsigned count = 0;

	memset(tests, 0, sizeof tests);
	for (; count < HY_COUNT_OF(stories); count++)
		tests[count] = (struct CMUnitTest){.name = stories[count].label,
			.test_func = test_story,
			.initial_state = (void *)(uintptr_t)&stories[count]};
	for (unsigned i = 0; i < HY_COUNT_OF(others); i++)
		tests[count++] = others[i];
	return _cmocka_run_group_tests("limit", tests, count, NULL, NULL);
}
