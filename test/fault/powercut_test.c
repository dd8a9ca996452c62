/*
 * powercut_test.c - usage: powercut_test VICTIM UNDO LIBRARY
 *
 * Each row: what one process did before it was killed, and perhaps the next one, and which states of the file f a power
 * cut may leave. All of these must be seen over many seeds, and no other.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SEEDS 16
#define WHOLE (8 * 4096)

/* States of the file f, as a set. */
enum {
	GONE = 1,
	ALL_A = 2,
	ALL_B = 4,
	MIXED = 8,
	ALL_T = 16,
	LONGER = 32,
	SHORT = 64,
	EMPTY = 128,
	ZEROS = 256,
	OTHER = 512
};

static const struct cut_case {
	const char *label, *first, *second, *settings;
	unsigned must, may;
} cases[] = {
	{"what was synced stays", "asd", NULL, NULL, ALL_A, 0},
	{"pages written after the sync are old or new, each for itself", "asdb", NULL, NULL, ALL_A | MIXED, ALL_B},
	{"a second sync holds them", "asdbs", NULL, NULL, ALL_B, 0},
	{"a file whose folder was not synced may be gone", "as", NULL, NULL, GONE | ALL_A, 0},
	{"a file that was not synced has any of its pages", "ad", NULL, NULL, EMPTY,
		ZEROS | MIXED | ALL_A | SHORT | OTHER},
	{"a rename is there or not", "asdtSr", NULL, NULL, ALL_A | ALL_T, 0},
	{"a rename stays when its folder was synced", "asdtSrd", NULL, NULL, ALL_T, 0},
	{"a removed file may come back whole", "asdu", NULL, NULL, GONE | ALL_A, 0},
	{"a removed file stays away when its folder was synced", "asdud", NULL, NULL, GONE, 0},
	{"what was appended may be cut", "asd+", NULL, NULL, ALL_A | LONGER, OTHER},
	{"what was cut may be back", "asd-", NULL, NULL, ALL_A | SHORT, 0},
	{"a kill syncs nothing", "asdb", "", NULL, ALL_A | MIXED, ALL_B},
	{"the next process's changes and the one's before are taken back alike", "asd", "b", NULL, ALL_A | MIXED,
		ALL_B},
	{"the next process's sync holds what the one before wrote", "asdb", "s", NULL, ALL_B, 0},
	{"a removal may be taken back after the next process has ended", "asdu", "t", NULL, GONE | ALL_A, 0},
	{"a failed sync holds nothing, and neither does one after it", "asdbs", NULL, "2", ALL_A | MIXED, ALL_B},
	{"the same when it is another process that tries again", "asdbs", "s", "2", ALL_A | MIXED, ALL_B},
	{"writing once more and syncing heals it", "asdbsbs", NULL, "2", ALL_B, 0},
	{"a folder and what is in it go together", "asdm", NULL, NULL, ALL_A, 0},
};

static char **programs;

static void run(const char *const argv[], const char *data, const char *journal, const char *fail_sync)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (data) {
			setenv("LD_PRELOAD", programs[3], 1);
			setenv("POWERCUT_DATA", data, 1);
			setenv("POWERCUT_JOURNAL", journal, 1);
			setenv("POWERCUT_SYNC_US", "0", 1);
		}
		if (fail_sync) {
			setenv("POWERCUT_EIO_SYNC", fail_sync, 1);
			setenv("POWERCUT_EIO_NAME", "f", 1);
		}
		freopen("/dev/null", "w", data ? stderr : stdout);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (data)
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	else
		assert_int_equal(status, 0);
}

static unsigned judge(const char *bytes, size_t len)
{
	size_t count[256] = {0};
	if (len == 0)
		return EMPTY;
	for (size_t i = 0; i < len; i++)
		count[(unsigned char)bytes[i]]++;
	if (len > WHOLE)
		return count['a'] == WHOLE ? LONGER : OTHER;
	if (count['t'] == WHOLE)
		return ALL_T;
	if (count[0] == len)
		return ZEROS;
	if (len < WHOLE)
		return count['a'] == len ? SHORT : OTHER;
	if (count['a'] == len)
		return ALL_A;
	if (count['b'] == len)
		return ALL_B;
	return count['a'] + count['b'] + count[0] == len ? MIXED : OTHER;
}

static unsigned look(const char *data)
{
	static char bytes[1 << 17];
	char path[256];
	snprintf(path, sizeof path, "%s/f", data);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? GONE : OTHER;
	ssize_t n = read(fd, bytes, sizeof bytes);
	close(fd);
	return n < 0 ? OTHER : judge(bytes, (size_t)n);
}

static void remove_all(const char *path)
{
	run((const char *[]){"/bin/rm", "-rf", path, NULL}, NULL, NULL, NULL);
}

static unsigned cut_once(const struct cut_case *c, unsigned seed)
{
	char root[] = "/tmp/powercut-test-XXXXXX", data[64], journal[64], number[16];
	assert_non_null(mkdtemp(root));
	snprintf(data, sizeof data, "%s/data", root);
	snprintf(journal, sizeof journal, "%s/journal", root);
	snprintf(number, sizeof number, "%u", seed);
	assert_int_equal(mkdir(data, 0700), 0);
	assert_int_equal(mkdir(journal, 0700), 0);
	run((const char *[]){programs[1], data, c->first, NULL}, data, journal, c->settings);
	if (c->second)
		run((const char *[]){programs[1], data, c->second, NULL}, data, journal, NULL);
	run((const char *[]){programs[2], journal, data, number, NULL}, NULL, NULL, NULL);
	unsigned state = look(data);
	remove_all(root);
	return state;
}

static void test_case(void **state)
{
	const struct cut_case *c = *state;
	unsigned seen = 0;
	for (unsigned seed = 1; seed <= SEEDS; seed++)
		seen |= cut_once(c, seed);
	if (seen & ~(c->must | c->may) || (seen & c->must) != c->must)
		print_error(
			"%s: states seen 0x%x, wanted 0x%x, allowed 0x%x\n", c->label, seen, c->must, c->must | c->may);
	assert_int_equal(seen & ~(c->must | c->may), 0);
	assert_int_equal(seen & c->must, c->must);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[sizeof cases / sizeof *cases];
	if (argc != 4) {
		fprintf(stderr, "usage: powercut_test VICTIM UNDO LIBRARY\n");
		return 2;
	}
	programs = argv;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		tests[i] = (struct CMUnitTest){
			.name = cases[i].label, .test_func = test_case, .initial_state = (void *)&cases[i]};
	return cmocka_run_group_tests_name("powercut", tests, NULL, NULL);
}
