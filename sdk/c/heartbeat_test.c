/* heartbeat_test.c - what is learnt of a network: each case is a story of links and heartbeats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "heartbeat.h"

#define DAY_MS (24ull * 3600 * 1000)

/**
 * 'U' a new link; 'a' a heartbeat answered when it was due; 't' one with traffic just before; 'x' the link died at the
 * edge; 'y' in the middle of a silence; 'W' a week goes by. A digit repeats what follows.
 */
static const struct story {
	const char *label, *events;
	uint32_t limit_s, interval_s;
} stories[] = {
	{"a new network begins at the minimum", "U", 600, 270},
	{"four answers are not enough", "U4a", 600, 270},
	{"five answers in a row: a minute more", "U5a", 600, 330},
	{"then five more", "U9aa", 600, 390},
	{"traffic shortly before proves nothing", "U9t", 600, 270},
	{"it ends just under ten minutes", "U9a9a9a9a9a9a", 600, 580},
	{"the server's figure is the longest", "U9a9a9a", 300, 300},
	{"a shorter figure of the server is kept to", "U9a", 120, 120},
	{"a new link begins with three at the minimum", "U9aaU", 600, 270},
	{"and goes on with what was learnt", "U9aaU3a", 600, 390},
	{"one death at the edge changes nothing", "U9aaU3axU3a", 600, 390},
	{"deaths in mid-silence say nothing", "U9aaU3ayU3ayU3a", 600, 390},
	{"two deaths: behind the last good one", "U9aaU3axU3axU3a", 600, 310},
	{"and it stays there", "U9aaU3axU3axU9a9a9a", 600, 310},
	{"two deaths even there: from the beginning", "U9aaU3axU3axU3axU3axU3a", 600, 270},
	{"an answer between two deaths: they are not in a row", "U9aaU3axU3aaU3axU3a", 600, 390},
	{"after a week it tries a little more", "U9aaU3axU3axWU9a", 600, 330},
};

static void happen(struct heartbeat *hb, char event, uint32_t limit_s, uint64_t *now_ms)
{
	uint32_t due_s = heartbeat_interval_s(hb);
	switch (event) {
	case 'U':
		heartbeat_link_up(hb, limit_s);
		break;
	case 'a':
		heartbeat_answered(hb, due_s, *now_ms);
		break;
	case 't':
		heartbeat_answered(hb, 5, *now_ms);
		break;
	case 'x':
		heartbeat_died(hb, due_s, *now_ms);
		break;
	case 'y':
		heartbeat_died(hb, due_s / 2, *now_ms);
		break;
	case 'W':
		*now_ms += 7 * DAY_MS;
		break;
	}
}

static void test_story(void **state)
{
	const struct story *s = *state;
	struct heartbeat hb;
	uint64_t now_ms = 1000 * DAY_MS;
	heartbeat_init(&hb);
	for (const char *e = s->events; *e; e++) {
		int times = *e >= '1' && *e <= '9' ? *e++ - '0' : 1;
		while (times-- > 0)
			happen(&hb, *e, s->limit_s, &now_ms);
	}
	assert_int_equal(heartbeat_interval_s(&hb), s->interval_s);
}

static void learn(struct heartbeat *hb, const char *network, int beats)
{
	assert_true(heartbeat_set_network(hb, network));
	heartbeat_link_up(hb, 600);
	for (int i = 0; i < beats; i++)
		heartbeat_answered(hb, heartbeat_interval_s(hb), 1);
}

static uint32_t learnt_s(struct heartbeat *hb, const char *network)
{
	learn(hb, network, 3);
	return heartbeat_interval_s(hb);
}

static void test_networks(void **state)
{
	struct heartbeat hb, again;
	struct hy_buf text = {0};
	heartbeat_init(&hb);
	learn(&hb, "wifi:home", 5);
	learn(&hb, "mobile", 10);
	learn(&hb, "", 15);
	assert_false(heartbeat_set_network(&hb, "two words"));
	assert_int_equal(learnt_s(&hb, "wifi:home"), 330);
	assert_int_equal(learnt_s(&hb, "mobile"), 390);

	heartbeat_export(&hb, &text);
	heartbeat_init(&again);
	heartbeat_import(&again, (char *)hy_buf_data(&text));
	hy_buf_fini(&text);
	assert_int_equal(learnt_s(&again, "mobile"), 390);
	assert_int_equal(learnt_s(&again, "wifi:home"), 330);
	assert_int_equal(learnt_s(&again, ""), 450);
}

static void test_twenty_networks(void **state)
{
	struct heartbeat hb;
	char name[] = "network-a";
	heartbeat_init(&hb);
	for (char c = 'a'; c <= 'z'; c++) {
		name[8] = c;
		learn(&hb, name, 5);
	}
	assert_int_equal(hb.count, HEARTBEAT_NETWORKS);
	assert_int_equal(learnt_s(&hb, "network-z"), 330);
	assert_int_equal(learnt_s(&hb, "network-g"), 330);
	assert_int_equal(learnt_s(&hb, "network-a"), 270);
}

static void test_damaged(void **state)
{
	static const char *const texts[] = {
		"", "\n\n", "x", "x 1 2 3 4\n", "x 99999 270 0 1\n", "x 270 -1 0 1", "- 4 4\n- 330"};
	for (size_t i = 0; i < HY_COUNT_OF(texts); i++) {
		struct heartbeat hb;
		heartbeat_init(&hb);
		heartbeat_import(&hb, texts[i]);
		assert_int_equal(hb.count, 1);
		assert_int_equal(heartbeat_interval_s(&hb), 270);
	}
}

int main(void)
{
	enum { STORIES = HY_COUNT_OF(stories) };
	struct CMUnitTest tests[STORIES + 3] = {
		[STORIES] = {.name = "each network has its own figure, also after a restart",
			.test_func = test_networks},
		{.name = "twenty networks are remembered, the latest ones", .test_func = test_twenty_networks},
		{.name = "what cannot be read is passed over", .test_func = test_damaged},
	};
	for (size_t i = 0; i < STORIES; i++)
		tests[i] = (struct CMUnitTest){.name = stories[i].label,
			.test_func = test_story,
			.initial_state = (void *)(uintptr_t)&stories[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
