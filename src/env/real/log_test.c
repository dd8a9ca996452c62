#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "env/real/real_test.h"

/* The log goes to file number 2, which is a pipe while a test runs. */
struct capture {
	struct env *env;
	int saved, pipe[2];
	char text[4 << 20];
	size_t len;
};

static int setup(void **state)
{
	struct capture *c = hy_zalloc(sizeof *c);
	c->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (c->saved < 0 || pipe2(c->pipe, O_CLOEXEC) != 0 || dup2(c->pipe[1], STDERR_FILENO) < 0)
		return -1;
	close(c->pipe[1]);
	c->env = env_real_create();
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct capture *c = *state;
	if (c->env)
		env_real_destroy(c->env);
	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	close(c->pipe[0]);
	hy_free(c);
	return 0;
}

/* What comes within `wait_ms`. False: nothing. */
static bool collect_more(struct capture *c, int wait_ms)
{
	if (poll(&(struct pollfd){c->pipe[0], POLLIN, 0}, 1, wait_ms) != 1)
		return false;
	ssize_t n = read(c->pipe[0], c->text + c->len, sizeof c->text - 1 - c->len);
	if (n <= 0)
		return false;
	c->len += (size_t)n;
	return true;
}

/* Reads for as long as something comes within 50 ms. */
static void collect(struct capture *c)
{
	while (collect_more(c, 50))
		;
}

/* How many lines hold `text`. */
static size_t count_lines(const struct capture *c, const char *text)
{
	size_t lines = 0, len = strlen(text);
	for (const char *p = c->text, *end = c->text + c->len; (p = memmem(p, (size_t)(end - p), text, len)); p += len)
		lines++;
	return lines;
}

/* Ends the log and reads the rest, for which the pipe is given room: nobody reads meanwhile. */
static void finish(struct capture *c)
{
	assert_true(fcntl(c->pipe[0], F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
	env_real_destroy(c->env);
	c->env = NULL;
	collect(c);
}

/* The text behind the head of the n-th line; cut off there. */
static char *line_text(struct capture *c, int n, size_t head)
{
	char *line = c->text;
	while (n-- > 0)
		line = strchr(line, '\n') + 1;
	*strchr(line, '\n') = '\0';
	assert_true(strlen(line) >= head);
	return line + head;
}

enum { HEAD = 25 + 6 + 8, TRACE = 23 };

static void test_format(void **state)
{
	struct capture *c = *state;
	uint64_t before_ms = env_wall_ms(c->env);
	env_log(c->env, ENV_LOG_INFO, "kt", 0x0123456789abcdef, "replayed %d batches", 7);
	env_log(c->env, ENV_LOG_ERROR, "access", 0, "no trace");
	env_log(c->env, ENV_LOG_DEBUG, "access", 0, "not shown");
	env_log_set_level(c->env, ENV_LOG_DEBUG);
	env_log(c->env, ENV_LOG_DEBUG, "access", 0, "shown");
	env_log_set_level(c->env, ENV_LOG_WARN);
	env_log(c->env, ENV_LOG_INFO, "access", 0, "not shown");
	env_log(c->env, ENV_LOG_WARN, "access", 0, "last");
	uint64_t after_ms = env_wall_ms(c->env);
	finish(c);

	int year, month, day, hour, minute, second, ms;
	assert_int_equal(
		sscanf(c->text, "%d-%d-%dT%d:%d:%d.%dZ ", &year, &month, &day, &hour, &minute, &second, &ms), 7);
	struct tm tm = {.tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_min = minute,
		.tm_sec = second};
	uint64_t told_ms = (uint64_t)timegm(&tm) * 1000 + (uint64_t)ms;
	assert_true(told_ms >= before_ms && told_ms <= after_ms);
	assert_string_equal(line_text(c, 0, 25), "INFO  kt      trace=81985529216486895 replayed 7 batches");
	c->text[strlen(c->text)] = '\n';
	char *second_line = strchr(c->text, '\n') + 1;
	assert_non_null(strstr(second_line, "Z ERROR access  no trace\n"));
	assert_non_null(strstr(second_line, "Z DEBUG access  shown\n"));
	assert_non_null(strstr(second_line, "Z WARN  access  last\n"));
	assert_null(strstr(second_line, "not shown"));
}

static const struct escape_case {
	const char *label, *text, *line;
} escapes[] = {
	{"a newline cannot forge a line", "a\nb", "a\\nb"},
	{"a tab", "a\tb", "a\\tb"},
	{"a terminal's escape", "\033[2J", "\\x1b[2J"},
	{"delete and carriage return", "\x7f\r", "\\x7f\\x0d"},
	{"a control character of two bytes",
		"\xc2\x9b"
		"31m",
		"\\xc2\\x9b31m"},
	{"letters beyond ASCII stay", "\xc3\xa9\xc2\xa0\xe9\xb8\xbf", "\xc3\xa9\xc2\xa0\xe9\xb8\xbf"},
	{"an empty text", "", ""},
};

static void test_escape(void **state)
{
	struct capture *c = *state;
	for (size_t i = 0; i < HY_COUNT_OF(escapes); i++)
		env_log(c->env, ENV_LOG_INFO, "test", 0, "%s", escapes[i].text);
	finish(c);
	for (size_t i = HY_COUNT_OF(escapes); i-- > 0;)
		assert_string_equal(line_text(c, (int)i, HEAD), escapes[i].line);
}

static void test_long(void **state)
{
	struct capture *c = *state;
	char text[3000] = {0};
	memset(text, 'x', sizeof text - 1);
	env_log(c->env, ENV_LOG_INFO, "test", 1, "%s", text);
	memset(text, '\n', sizeof text - 1);
	env_log(c->env, ENV_LOG_INFO, "test", 1, "%s", text);
	for (size_t i = 0; i + 3 < sizeof text; i += 3)
		memcpy(text + i, "\xe9\xb8\xbf", 3);
	for (int i = 0; i < 3; i++)
		env_log(c->env, ENV_LOG_INFO, "test", 1, "%s", text + 3 - i);
	finish(c);
	for (int i = 4; i >= 0; i--) {
		char *line = line_text(c, i, HEAD + TRACE);
		size_t len = strlen(line);
		assert_true(len > 900 && len < 1000);
		assert_string_equal(line + len - 3, "...");
		if (i >= 2) /* no character is cut in two */
			assert_memory_equal(line + len - 6, "\xe9\xb8\xbf", 3);
	}
}

static void test_drop(void **state)
{
	struct capture *c = *state;
	enum { LINES = 10000 };
	char filler[200] = {0};
	memset(filler, 'y', sizeof filler - 1);
	uint64_t start_us = env_mono_us(c->env);
	for (int i = 0; i < LINES; i++) /* nobody reads */
		env_log(c->env, ENV_LOG_INFO, "test", 0, "%s", filler);
	assert_true(env_mono_us(c->env) - start_us < 5000000);
	uint64_t dropped = env_log_dropped(c->env);
	assert_true(dropped > LINES / 2 && dropped < LINES);
	while (count_lines(c, filler) < LINES - dropped) /* from then on there is room for a line */
		assert_true(collect_more(c, 30000));
	env_log(c->env, ENV_LOG_INFO, "test", 0, "the end");
	finish(c);
	char told[64];
	snprintf(told, sizeof told, "WARN  env     %d log lines were dropped\n", (int)dropped);
	assert_non_null(strstr(c->text, "the end\n"));
	assert_int_equal(count_lines(c, filler) + dropped, LINES);
	/* Told in one piece or in several. */
	uint64_t sum = 0;
	for (const char *p = c->text; (p = strstr(p, "WARN  env     ")); p++)
		sum += strtoull(p + 14, NULL, 10);
	assert_int_equal(sum, dropped);
}

enum { WRITERS = 4, PER_WRITER = 300 };

struct writer {
	struct env *env;
	int me;
};

static void write_lines(void *arg)
{
	struct writer *w = arg;
	for (int i = 0; i < PER_WRITER; i++)
		env_log(w->env, ENV_LOG_INFO, "test", 0, "writer %d line %d.", w->me, i);
}

static void test_threads(void **state)
{
	struct capture *c = *state;
	struct writer writers[WRITERS];
	struct env_actor *actors[WRITERS];
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){c->env, i};
		assert_int_equal(env_actor_start(c->env, "writer", write_lines, &writers[i], &actors[i]), 0);
	}
	collect(c);
	for (int i = 0; i < WRITERS; i++)
		env_actor_join(actors[i]);
	assert_int_equal(env_log_dropped(c->env), 0); /* fewer than the ring holds */
	finish(c);
	for (int i = 0; i < WRITERS; i++) {
		const char *at = c->text;
		for (int k = 0; k < PER_WRITER; k++) {
			char wanted[64];
			snprintf(wanted, sizeof wanted, "writer %d line %d.\n", i, k);
			at = strstr(at, wanted);
			assert_non_null(at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define LOG_TEST(label, fn) {label, fn, setup, teardown, NULL}
		LOG_TEST("a line has time, level, room, trace and text", test_format),
		LOG_TEST("control characters are escaped", test_escape),
		LOG_TEST("a long line is cut and says so", test_long),
		LOG_TEST("lines are dropped and counted when nobody reads", test_drop),
		LOG_TEST("each thread's lines keep their order", test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
