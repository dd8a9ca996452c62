#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/mem.h"

struct settings {
	const char *listen, *admin, *name;
	struct hy_rate guests;
	bool verbose, sync;
	uint64_t loops, memory, keep, high;
};

#define AT(member) offsetof(struct settings, member)

static const struct hy_config_item items[] = {
	{"server.listen", "listen", HY_CONFIG_ADDRESS, AT(listen), "127.0.0.1:7600", "where clients connect"},
	{"server.admin", "admin", HY_CONFIG_ADDRESS, AT(admin), "", "where operators connect; empty: nowhere"},
	{"server.loops", "loops", HY_CONFIG_UNSIGNED, AT(loops), "2", "threads that work on requests", 1, 64},
	{"store.memory", "memory", HY_CONFIG_BYTES, AT(memory), "256M", "memory for tables", 1 << 20,
		UINT64_C(1) << 40},
	{"store.keep", NULL, HY_CONFIG_DURATION, AT(keep), "30d", "how long messages stay"},
	{"store.high", NULL, HY_CONFIG_PERCENT, AT(high), "80%", "fill level that refuses"},
	{"store.guests", NULL, HY_CONFIG_RATE, AT(guests), "1/2s:30", "how many may come"},
	{"store.sync", "sync", HY_CONFIG_BOOL, AT(sync), "true", "wait for the disk"},
	{NULL, "verbose", HY_CONFIG_BOOL, AT(verbose), "false", "log more"},
	{NULL, "name", HY_CONFIG_STRING, AT(name), "goose", "the server's name"},
	{0},
};

/* Reads one file's text; the result is "" or what was wrong. */
static void check_file(const char *text, const char *want_why, struct settings *s)
{
	struct settings own;
	struct hy_config *c = hy_config_create(items, s ? s : &own);
	char *why = NULL;
	int status = hy_config_read_file_text(c, "x.conf", text, strlen(text), &why);
	assert_int_equal(status, *want_why ? HY_INVALID_ARGUMENT : HY_OK);
	assert_string_equal(why ? why : "", want_why);
	hy_free(why);
	hy_config_destroy(c);
}

static void test_defaults_hold_without_anything_read(void **state)
{
	struct settings s;
	struct hy_config *c = hy_config_create(items, &s);
	assert_string_equal(s.listen, "127.0.0.1:7600");
	assert_string_equal(s.admin, "");
	assert_string_equal(s.name, "goose");
	assert_int_equal(s.loops, 2);
	assert_int_equal(s.memory, 256 << 20);
	assert_int_equal(s.keep, UINT64_C(30) * 24 * 3600 * 1000);
	assert_int_equal(s.high, 80);
	assert_true(s.guests.interval_us == 2000000 && s.guests.burst == 30);
	assert_true(s.sync);
	assert_false(s.verbose);
	hy_config_destroy(c);
	hy_config_destroy(NULL);
}

static void test_a_file_sets_values(void **state)
{
	struct settings s;
	check_file("# a comment\n; another\n\n[server]\r\nloops = 8 ; of many\n  [store]\n\tkeep: 250ms\nhigh=95\nsync "
		   "= off\n"
		   "memory = 2G",
		"", &s);
	assert_int_equal(s.loops, 8);
	assert_int_equal(s.keep, 250);
	assert_int_equal(s.high, 95);
	assert_false(s.sync);
	assert_true(s.memory == UINT64_C(2) << 30);
	check_file("", "", NULL);
	check_file("\n\n", "", NULL);
}

static void test_a_bad_file_is_told_by_line_and_by_what_is_allowed(void **state)
{
	static const char *const cases[][2] = {
		{"[server]\nlisen = x\n", "x.conf:2: unknown key \"lisen\" in [server]; allowed: listen, admin, loops"},
		{"[serve]\nlisten = x\n", "x.conf:2: unknown section [serve]; allowed: [server], [store]"},
		{"listen = x\n", "x.conf:1: \"listen\" stands in no section; allowed: [server], [store]"},
		{"\n[server]\nloops = many\n", "x.conf:3: \"many\" does not do for server.loops: it must be a whole "
					       "number from 1 to 64, such as 42"},
		{"[store]\nmemory = 1\n",
			"x.conf:2: \"1\" does not do for store.memory: it must be a size from 1M to 1T, such as "
			"512M (K, M, G, T)"},
		{"[store]\nsync = maybe\n", "x.conf:2: \"maybe\" does not do for store.sync: it must be true or false"},
		{"[server]\nloops = 1\nloops = 2\n", "x.conf:3: server.loops was given in line 2 already"},
		{"[server]\nloops\nlisen = 1\n",
			"x.conf:2: expected \"[section]\", \"key = value\" or a comment that begins with # or ;"},
		{"[server]\nlisen = 1\nloops\n",
			"x.conf:2: unknown key \"lisen\" in [server]; allowed: listen, admin, loops"},
		{"[server\n", "x.conf:1: expected \"[section]\", \"key = value\" or a comment that begins with # or ;"},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++)
		check_file(cases[i][0], cases[i][1], NULL);
}

static void test_lines_that_the_parser_would_cut_are_refused(void **state)
{
	char text[400];
	memset(text, 'x', sizeof text);
	memcpy(text, "[server]\nlisten = ", 18);
	text[sizeof text - 1] = 0;
	check_file(text, "x.conf:2: the line is longer than 190 bytes", NULL);

	struct settings s;
	struct hy_config *c = hy_config_create(items, &s);
	char *why = NULL;
	assert_int_equal(hy_config_read_file_text(c, "x", "[server]\nloops = 1\0x", 20, &why), HY_INVALID_ARGUMENT);
	assert_string_equal(why, "x:2: the line holds a zero byte");
	hy_free(why);
	hy_config_destroy(c);
}

static void test_values_fit_their_type_or_are_refused(void **state)
{
	static const struct {
		const char *section, *key, *value;
		bool ok;
	} cases[] = {
		{"server", "listen", "*:0", true},
		{"server", "listen", "[::1]:7600", true},
		{"server", "listen", "unix:/run/x.sock", true},
		{"server", "listen", "unix:", false},
		{"server", "listen", "", false},
		{"server", "admin", "", true},
		{"server", "listen", "127.0.0.1", false},
		{"server", "listen", "127.0.0.1:65536", false},
		{"server", "listen", "127.0.0.1:", false},
		{"server", "listen", "localhost:80", false},
		{"server", "listen", "[]:80", false},
		{"server", "loops", "0", false},
		{"server", "loops", "65", false},
		{"server", "loops", "64", true},
		{"server", "loops", "-1", false},
		{"server", "loops", "18446744073709551617", false},
		{"server", "loops", "1K", false},
		{"store", "memory", "1024K", true},
		{"store", "memory", "1T", true},
		{"store", "memory", "2T", false},
		{"store", "memory", "18446744073709551615T", false},
		{"store", "memory", "1048576", true},
		{"store", "memory", "1 M", false},
		{"store", "keep", "0", true},
		{"store", "keep", "7", false},
		{"store", "keep", "7d", true},
		{"store", "keep", "7w", false},
		{"store", "high", "100%", true},
		{"store", "high", "101", false},
		{"store", "guests", "5/m", true},
		{"store", "guests", "5", false},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct settings s;
		struct hy_config *c = hy_config_create(items, &s);
		struct hy_buf text = {0};
		char *why = NULL;
		hy_buf_printf(&text, "[%s]\n%s = %s\n", cases[i].section, cases[i].key, cases[i].value);
		int status = hy_config_read_file_text(c, "x", (char *)hy_buf_data(&text), hy_buf_len(&text), &why);
		if ((status == HY_OK) != cases[i].ok)
			fail_msg("%s = %s: %s", cases[i].key, cases[i].value, why ? why : "accepted");
		hy_free(why);
		hy_buf_fini(&text);
		hy_config_destroy(c);
	}
}

static void test_rates_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t interval_us, burst;
	} cases[] = {
		{"50/s:500", true, 20000, 500},
		{"1/s", true, 1000000, 1},
		{"1/2s:30", true, 2000000, 30},
		{"30/h", true, 120000000, 30},
		{"30/h:1", true, 120000000, 1},
		{"1/30d:1000000", true, UINT64_C(2592000000000), 1000000},
		{"1000000/s", true, 1, 1000000},
		{"3/m:9", true, 20000000, 9},
		{"off", true, 0, 0},
		{"0", true, 0, 0},
		{"", false},
		{"50", false},
		{"50/", false},
		{"50/s:", false},
		{"50/s:0", false},
		{"0/s", false},
		{"0:5", false},
		{"1/0s", false},
		{"1/31d", false},
		{"1000001/s", false},
		{"1/s:1000001", false},
		{"1/s:5x", false},
		{"1/w", false},
		{"1/sec", false},
		{"-1/s", false},
		{"1 / s", false},
		{"1/18446744073709551617s", false},
		{"none", false},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct hy_rate rate;
		bool ok = hy_rate_parse(cases[i].text, &rate);
		if (ok != cases[i].ok)
			fail_msg("'%s' was %s", cases[i].text, ok ? "accepted" : "refused");
		if (ok) {
			assert_true(rate.interval_us == cases[i].interval_us);
			assert_true(rate.burst == cases[i].burst);
		}
	}
}

/* Reads a line's words as options; what is wrong, if anything, is the caller's to free. */
static int read_options(struct hy_config *c, const char *line, int *ret_next, char **ret_why)
{
	char *copy = hy_strdup(line), *args[20], *rest = NULL;
	int count = 0;
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		args[count++] = word;
	int status = hy_config_read_options(c, count, args, ret_next, ret_why);
	hy_free(copy);
	return status;
}

static void test_options_in_all_their_forms(void **state)
{
	struct settings s;
	struct hy_config *c = hy_config_create(items, &s);
	char *why = NULL;
	int next = -1;
	assert_int_equal(read_options(c, "--loops=3 --memory 64M --verbose --no-sync --name -- --loops 4 -- --loops",
				 &next, &why),
		HY_OK);
	assert_int_equal(next, 10);
	assert_int_equal(s.loops, 4);
	assert_int_equal(s.memory, 64 << 20);
	assert_true(s.verbose);
	assert_false(s.sync);
	assert_string_equal(s.name, "--");
	assert_int_equal(read_options(c, "--sync=yes serve --loops=9", &next, &why), HY_OK);
	assert_int_equal(next, 1);
	assert_true(s.sync);
	assert_int_equal(s.loops, 4);
	hy_config_destroy(c);
}

static void test_an_option_wins_over_the_file_whichever_is_read_first(void **state)
{
	static const char text[] = "[server]\nloops = 5\nlisten = *:1\n";
	for (int order = 0; order < 2; order++) {
		struct settings s;
		struct hy_config *c = hy_config_create(items, &s);
		char *why = NULL;
		int next;
		for (int step = 0; step < 2; step++) {
			if (step == order)
				assert_int_equal(hy_config_read_file_text(c, "x", text, strlen(text), &why), HY_OK);
			else
				assert_int_equal(read_options(c, "--loops=7", &next, &why), HY_OK);
		}
		assert_int_equal(s.loops, 7);
		assert_string_equal(s.listen, "*:1");
		hy_config_destroy(c);
	}
}

static void test_bad_options_say_what_is_allowed(void **state)
{
	static const char allowed[] = "allowed: --listen, --admin, --loops, --memory, --sync, --verbose, --name";
	static const struct {
		const char *line, *why;
	} cases[] = {
		{"--lops=1", "unknown option --lops=1; "},
		{"--no-loops", "unknown option --no-loops; "},
		{"--keep 1d", "unknown option --keep; "},
		{"--loops", "--loops needs a value: a whole number from 1 to 64, such as 42"},
		{"--loops x", "\"x\" does not do for --loops: it must be a whole number from 1 to 64, such as 42"},
		{"--name=", "\"\" does not do for --name: it must be a text that is not empty"},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct settings s;
		struct hy_config *c = hy_config_create(items, &s);
		char *why = NULL;
		int next;
		assert_int_equal(read_options(c, cases[i].line, &next, &why), HY_INVALID_ARGUMENT);
		size_t len = strlen(cases[i].why);
		assert_memory_equal(why, cases[i].why, len);
		assert_string_equal(why + len, strncmp(why, "unknown", 7) == 0 ? allowed : "");
		hy_free(why);
		hy_config_destroy(c);
	}
}

static bool contains(struct hy_buf *b, const char *part)
{
	hy_buf_append(b, "", 1);
	bool found = strstr((char *)hy_buf_data(b), part) != NULL;
	b->end--;
	return found;
}

static void test_help_and_example_name_every_item(void **state)
{
	struct hy_buf help = {0}, example = {0};
	hy_config_help(items, &help);
	assert_true(contains(
		&help, "  --memory=BYTES  (in the file: store.memory)\n        memory for tables (default: 256M)\n"));
	assert_true(contains(&help, "  --verbose\n        log more\n"));
	assert_true(contains(&help, "only:\n  store.keep = DURATION\n        how long messages stay (default: 30d)\n"));
	hy_config_example(items, &example);
	assert_true(contains(&example, "[server]\n# where clients connect: an address"));
	assert_true(
		contains(&example, "\n\n[store]\n# memory for tables: a size from 1M to 1T, such as 512M (K, M, G, T)\n"
				   "#memory = 256M\n"));
	hy_buf_fini(&help);
	hy_buf_fini(&example);
}

static void test_the_example_file_is_itself_valid_when_uncommented(void **state)
{
	struct hy_buf example = {0}, text = {0};
	hy_config_example(items, &example);
	for (size_t i = 0; i < hy_buf_len(&example); i++) {
		const uint8_t *p = hy_buf_data(&example) + i;
		if (!(p[0] == '#' && p[1] != ' '))
			hy_buf_append(&text, p, 1);
	}
	struct settings s;
	struct hy_config *c = hy_config_create(items, &s);
	char *why = NULL;
	assert_int_equal(hy_config_read_file_text(c, "x", (char *)hy_buf_data(&text), hy_buf_len(&text), &why), HY_OK);
	hy_config_destroy(c);
	hy_buf_fini(&example);
	hy_buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_hold_without_anything_read),
		cmocka_unit_test(test_a_file_sets_values),
		cmocka_unit_test(test_a_bad_file_is_told_by_line_and_by_what_is_allowed),
		cmocka_unit_test(test_lines_that_the_parser_would_cut_are_refused),
		cmocka_unit_test(test_values_fit_their_type_or_are_refused),
		cmocka_unit_test(test_rates_are_read_as_people_write_them),
		cmocka_unit_test(test_options_in_all_their_forms),
		cmocka_unit_test(test_an_option_wins_over_the_file_whichever_is_read_first),
		cmocka_unit_test(test_bad_options_say_what_is_allowed),
		cmocka_unit_test(test_help_and_example_name_every_item),
		cmocka_unit_test(test_the_example_file_is_itself_valid_when_uncommented),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
