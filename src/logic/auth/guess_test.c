/* Who may try how many passwords, and whom nobody can keep out. */
#include <stdio.h>

#include "limit.pb-c.h"
#include "logic/logic_test_harness.h"

#define ANN_HOME "192.0.2.1"
#define ELSEWHERE "198.51.100.9"

/** One sign-in: who, from which device and address, with which password, and what it is told. */
struct attempt {
	const char *name, *device, *address, *password;
	int want, times; /* times 0: once */
};

#define RIGHT HARNESS_PASSWORD
#define WRONG "wrong horse, battery"

static const struct story {
	const char *label;
	struct attempt attempts[12];
} stories[] = {
	{"one address guesses so often at one name, and the name's own device signs in from there all the same",
		{{"ann", "a", ELSEWHERE, WRONG, HY_UNAUTHENTICATED, 5},
			{"ann", "a", ELSEWHERE, WRONG, HY_RESOURCE_EXHAUSTED, 20},
			{"ann", "b", ELSEWHERE, WRONG, HY_RESOURCE_EXHAUSTED},
			{"ann", "a", ELSEWHERE, RIGHT, HY_RESOURCE_EXHAUSTED},
			{"ann", "phone", ELSEWHERE, RIGHT, HY_OK, 20}}},
	{"what one address guessed at is no matter of another address or another name",
		{{"ann", "a", ELSEWHERE, WRONG, HY_UNAUTHENTICATED, 5},
			{"ann", "a", ELSEWHERE, WRONG, HY_RESOURCE_EXHAUSTED}, {"ann", "new", ANN_HOME, RIGHT, HY_OK},
			{"bob", "new", ELSEWHERE, RIGHT, HY_OK}}},
	{"right passwords use no guesses up",
		{{"ann", "a", ELSEWHERE, WRONG, HY_UNAUTHENTICATED, 4}, {"ann", "a", ELSEWHERE, RIGHT, HY_OK, 10},
			{"ann", "c", ELSEWHERE, WRONG, HY_UNAUTHENTICATED},
			{"ann", "c", ELSEWHERE, WRONG, HY_RESOURCE_EXHAUSTED}}},
	{"a device that is known guesses by a limit of its own",
		{{"ann", "phone", ANN_HOME, WRONG, HY_UNAUTHENTICATED, 7},
			{"ann", "phone", ANN_HOME, WRONG, HY_RESOURCE_EXHAUSTED},
			{"ann", "phone", ANN_HOME, RIGHT, HY_RESOURCE_EXHAUSTED},
			{"ann", "new", ANN_HOME, RIGHT, HY_OK}}},
	{"an unknown name is counted as a known one",
		{{"nobody", "a", ELSEWHERE, WRONG, HY_UNAUTHENTICATED, 5},
			{"nobody", "a", ELSEWHERE, WRONG, HY_RESOURCE_EXHAUSTED, 3}}},
	{"of this machine there is no limit by address, but there is one by name",
		{{"ann", "a", NULL, WRONG, HY_UNAUTHENTICATED, 12}, {"ann", "a", NULL, WRONG, HY_RESOURCE_EXHAUSTED},
			{"ann", "a", ELSEWHERE, RIGHT, HY_RESOURCE_EXHAUSTED}, {"ann", "phone", NULL, RIGHT, HY_OK}}},
	{"an address signs new devices in so often, whatever the names; those that are known go on",
		{{"bob", "n1", ELSEWHERE, RIGHT, HY_OK}, {"ann", "n2", ELSEWHERE, RIGHT, HY_OK},
			{"nobody", "n3", ELSEWHERE, WRONG, HY_UNAUTHENTICATED, 4},
			{"no.one", "n3", ELSEWHERE, WRONG, HY_UNAUTHENTICATED, 5},
			{"ann", "n4", ELSEWHERE, RIGHT, HY_OK, 1}, {"bob", "n5", ELSEWHERE, RIGHT, HY_OK, 3},
			{"bob", "n9", ELSEWHERE, RIGHT, HY_OK, 0},
			{"ann", "n6", ELSEWHERE, RIGHT, HY_RESOURCE_EXHAUSTED},
			{"ann", "phone", ELSEWHERE, RIGHT, HY_OK, 9}, {"ann", "n6", ANN_HOME, RIGHT, HY_OK}}},
};

static struct limit_config rates(void)
{
	static const char *const texts[LIMIT_ACTIONS] = {
		[HY__LIMIT_ACTION__LIMIT_SIGN_IN_ADDRESS] = "1/h:14",
		[HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_NAME_ADDRESS] = "1/h:5",
		[HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_NAME] = "1/h:12",
		[HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_DEVICE] = "1/h:7",
	};
	struct limit_config config = {.entries_max = 0};
	for (unsigned i = 0; i < LIMIT_ACTIONS; i++)
		if (texts[i])
			assert_true(hy_rate_parse(texts[i], &config.rates[i]));
	return config;
}

static void tell(struct harness *h, struct call *call)
{
	const struct story *story = h->arg;
	Hy__SignInResponse response;

	harness_register(h, call, "ann", "phone");
	harness_register(h, call, "bob", "phone");
	for (const struct attempt *a = story->attempts; a->name; a++) {
		for (int i = 0; i < HY_MAX(a->times, 1); i++) {
			call->address = a->address;
			int rc = harness_try_sign_in(h, call, a->name, a->password, a->device, &response);
			if (rc != a->want)
				fprintf(stderr, "# attempt %zu, time %d: %s\n", (size_t)(a - story->attempts), i,
					hy_status_name(rc));
			CHECK(h, rc == a->want);
			CHECK(h, (rc == HY_RESOURCE_EXHAUSTED) == (call->retry_after_ms > 0));
		}
	}
	CHECK(h, mon_get(svr_mon(h->svr), MON_limited_sign_ins) > 0);
}

static void test_story(void **state)
{
	struct harness h;

	harness_open(&h, &(struct harness_config){.loops = 2, .limits = rates()});
	h.arg = *state;
	harness_run(&h, tell);
	harness_close(&h);
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

struct crowd {
	unsigned wrong, refused, other; /* atomic */
};

static void guess_one(struct harness *h, struct call *call, unsigned index)
{
	struct crowd *crowd = h->arg;
	Hy__SignInResponse response;
	char device[16];

	snprintf(device, sizeof device, "d%u", index);
	call->address = ELSEWHERE;
	int rc = harness_try_sign_in(h, call, "ann", WRONG, device, &response);
	unsigned *sum = rc == HY_UNAUTHENTICATED      ? &crowd->wrong
			: rc == HY_RESOURCE_EXHAUSTED ? &crowd->refused
						      : &crowd->other;
	__atomic_fetch_add(sum, 1, __ATOMIC_RELAXED);
}

static void begin_crowd(struct harness *h, struct call *call)
{
	harness_register(h, call, "ann", "phone");
}

static void test_at_once(void **state)
{
	struct crowd crowd = {0};
	struct harness h;

	harness_open(&h, &(struct harness_config){.loops = 2, .limits = rates()});
	h.arg = &crowd;
	harness_run(&h, begin_crowd);
	harness_run_many(&h, 40, guess_one);
	harness_close(&h);
	assert_int_equal(crowd.wrong, 5);
	assert_int_equal(crowd.refused, 35);
	assert_int_equal(crowd.other, 0);
}

/* ---- registration, sending, searching ---------------------------------------------------------------------------- */

static void do_others(struct harness *h, struct call *call)
{
	Hy__RegisterResponse registered;
	Hy__SendTextResponse sent;
	Hy__LookupRequest lookup = HY__LOOKUP_REQUEST__INIT;
	Hy__LookupResponse found = HY__LOOKUP_RESPONSE__INIT;
	static const char *const names[] = {"cem", "dan", "eva"};

	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	call->address = ELSEWHERE;
	for (unsigned i = 0; i < HY_COUNT_OF(names); i++)
		CHECK(h, harness_try_register(h, call, names[i], RIGHT, "phone", harness_client_id(h), &registered) ==
				 (i < 2 ? HY_OK : HY_RESOURCE_EXHAUSTED));
	call->address = ANN_HOME;
	CHECK(h, harness_try_register(h, call, names[2], RIGHT, "phone", harness_client_id(h), &registered) == HY_OK);
	for (unsigned i = 0; i < 6; i++)
		CHECK(h, harness_send(h, call, &ann, bob.uin, "hello", harness_client_id(h), 0, &sent) ==
				 (i < 3 ? HY_OK : HY_RESOURCE_EXHAUSTED));
	CHECK(h, call->retry_after_ms > 0 && strstr(call->message, "too fast"));
	CHECK(h, harness_send(h, call, &bob, ann.uin, "hello", harness_client_id(h), 0, &sent) == HY_OK);
	harness_as(call, &ann);
	lookup.name = (char *)(uintptr_t) "bob";
	for (unsigned i = 0; i < 4; i++)
		CHECK(h, auth_lookup(call, &lookup, &found) == (i < 2 ? HY_OK : HY_RESOURCE_EXHAUSTED));
	CHECK(h, mon_get(svr_mon(h->svr), MON_limited_registrations) == 1);
	CHECK(h, mon_get(svr_mon(h->svr), MON_limited_sends) == 3);
	CHECK(h, mon_get(svr_mon(h->svr), MON_limited_searches) == 2);
	CHECK(h, mon_get(svr_mon(h->svr), MON_messages_refused) == 3);
}

static void test_others(void **state)
{
	struct harness_config config = {.loops = 1};
	struct harness h;

	assert_true(hy_rate_parse("3/h", &config.limits.rates[HY__LIMIT_ACTION__LIMIT_SEND]));
	assert_true(hy_rate_parse("2/h", &config.limits.rates[HY__LIMIT_ACTION__LIMIT_SEARCH]));
	assert_true(hy_rate_parse("2/h", &config.limits.rates[HY__LIMIT_ACTION__LIMIT_REGISTER_ADDRESS]));
	harness_open(&h, &config);
	harness_run(&h, do_others);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		{"of many guesses made at once no more go through than one after the other", test_at_once},
		{"registrations, messages and searches have limits of their own", test_others},
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
	return _cmocka_run_group_tests("guess", tests, count, NULL, NULL);
}
