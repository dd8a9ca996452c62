/*
 * A process that writes is killed at any moment and started again, ten times: nothing answered is missing, nothing is
 * there twice, and what one start has shown the next one has as well.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "env/real/real.h"
#include "kt/log_world.h"

#define WAITING 16

static void tell(int fd, uint64_t number)
{
	if (write(fd, &number, sizeof number) != sizeof number)
		_exit(3);
}

static void never_run(struct env_msg *msg)
{
	abort();
}

/* Tells how much it replayed, then every number that was answered. Never returns. */
static void serve(const char *dir, uint64_t least, int fd)
{
	struct world w = {.env = env_real_create(), .config = {.epoch = 5, .segment_bytes = 32u << 10}};
	w.answers = env_inbox_create(w.env);
	if (world_open(&w, dir, 0) != HY_OK || w.seen.count < least || !replayed_is(&w.seen, 1, w.seen.count))
		_exit(2);
	uint64_t number = w.seen.count;
	tell(fd, number);
	struct kt_log_write *writes = hy_zalloc(WAITING * sizeof *writes);
	for (int i = 0; i < WAITING; i++) {
		writes[i].msg.fn = never_run;
		writes[i].reply_to = w.answers;
		number++;
		world_put_record(&writes[i].records, number, 8 + number % 700);
		kt_log_submit(w.log, &writes[i]);
	}
	for (uint64_t answered = w.seen.count + 1;; answered++) {
		struct kt_log_write *write =
			hy_container_of(env_inbox_take(w.answers, UINT64_MAX), struct kt_log_write, msg);
		if (write->status != HY_OK)
			_exit(4);
		tell(fd, answered);
		hy_buf_clear(&write->records);
		number++;
		world_put_record(&write->records, number, 8 + number % 700);
		kt_log_submit(w.log, write);
	}
}

static void test_kills(void **state)
{
	char dir[64];
	snprintf(dir, sizeof dir, "%s/hongyan-kill-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	uint64_t answered = 0;
	srand(7);
	for (int round = 0; round < 10; round++) {
		int fds[2];
		assert_int_equal(pipe(fds), 0);
		pid_t pid = fork();
		if (pid == 0) {
			close(fds[0]);
			serve(dir, answered, fds[1]);
		}
		close(fds[1]);
		uint64_t number;
		size_t take = 1 + (size_t)rand() % 300;
		for (size_t i = 0; i < take && read(fds[0], &number, sizeof number) == sizeof number; i++)
			answered = number;
		usleep((useconds_t)(rand() % 3000));
		kill(pid, SIGKILL);
		while (read(fds[0], &number, sizeof number) == sizeof number)
			answered = number;
		close(fds[0]);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	assert_true(answered > 10);

	struct world w = {.env = env_real_create(), .config = {.epoch = 5, .segment_bytes = 32u << 10}};
	w.answers = env_inbox_create(w.env);
	assert_int_equal(world_open(&w, dir, 0), HY_OK);
	assert_true(w.seen.count >= answered && replayed_is(&w.seen, 1, w.seen.count));
	world_close(&w);
	replayed_fini(&w.seen);
	assert_int_equal(kt_log_remove(w.env, dir), HY_OK);
	assert_int_equal(rmdir(dir), 0);
	env_inbox_destroy(w.answers);
	env_real_destroy(w.env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"ten kills lose nothing that was answered", test_kills, NULL, NULL, NULL},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
