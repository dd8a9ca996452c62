/* People on several loops, all at once: every pair agrees in the end. */
#include "logic/contacts/contacts_world.h"

#define PEOPLE 6u
#define ACTORS 24u /* devices at work */
#define ACTS 40u   /* of each */

struct crowd {
	struct person people[PEOPLE];
};

static void gather(struct harness *h, struct call *call)
{
	static const char *const names[PEOPLE] = {"ann", "bob", "cem", "dan", "eva", "fay"};
	struct crowd *crowd = h->arg;

	for (unsigned i = 0; i < PEOPLE; i++)
		crowd->people[i] = harness_register(h, call, names[i], "phone");
}

static void mingle(struct harness *h, struct call *call, unsigned index)
{
	struct crowd *crowd = h->arg;
	uint64_t seed = index;

	for (unsigned i = 0; i < ACTS; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		unsigned draw = (unsigned)(seed >> 33), who = draw % PEOPLE, peer = draw / 8 % PEOPLE;
		enum act act = (enum act)(draw / 64 % ACT_COUNT);
		int rc = world_act(h, call, &crowd->people[who], crowd->people[peer].uin, act, NULL);
		CHECK(h, rc == HY_OK || rc == HY_FAILED_PRECONDITION || rc == HY_INVALID_ARGUMENT ||
				 rc == HY_NOT_FOUND || rc == HY_RESOURCE_EXHAUSTED);
		rc = world_write(h, call, &crowd->people[who], crowd->people[peer].uin);
		CHECK(h, rc == HY_OK || rc == HY_PERMISSION_DENIED);
	}
}

static void part(struct harness *h, struct call *call)
{
	struct crowd *crowd = h->arg;

	for (unsigned i = 0; i < PEOPLE; i++)
		world_settle(h, call, &crowd->people[i]);
	for (unsigned i = 0; i < PEOPLE; i++)
		for (unsigned k = 0; k < i; k++)
			CHECK(h, world_state(h, call, &crowd->people[i], &crowd->people[k]) != PAIR_COUNT);
}

static void test_crowd(void **state)
{
	struct crowd crowd;
	struct harness h;

	harness_open(&h, &(struct harness_config){.loops = 3, .contacts_only = true});
	h.arg = &crowd;
	harness_run(&h, gather);
	harness_run_many(&h, ACTORS, mingle);
	harness_run(&h, part);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a crowd on three loops ends in agreement", test_crowd},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
