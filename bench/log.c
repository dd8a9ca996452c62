/*
 * bench-log: the commit log alone. Writers wait for their last record to be durable before they hand in the next; a
 * loop hands over once a turn what its writers have ready, as the engine does. The yardstick, in the same run and on
 * the same disk, is a bare loop of write and fdatasync of as many bytes at a time, into a file that has its blocks.
 * The last line is one JSON object; ratio is records per second, ours by the yardstick's, with 64 writers on one loop.
 *
 *	bench-log [SECONDS-EACH [FOLDER]]
 */
#include <err.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "env/real/real.h"
#include "kt/log.h"

#define RECORD 250u
#define LOOPS_MAX 2u
#define LOG_KEPT (16u << 20) /* a mover would let older segments go */
#define YARDSTICK_FILE (16u << 20)

struct share {
	struct kt_log_write write;
	struct share *next;
	struct bench_loop *of;
	unsigned records;
};

struct bench_loop {
	struct env_loop *loop;
	struct kt_log *log;
	struct env_msg begin, end;
	struct share *spare;
	unsigned writers, ready, on_way;
	uint64_t ops, released;
	bool ending;
};

struct result {
	double ops_per_s, cpu_us_per_op, records_per_batch;
	double bare_ops_per_s, bare_cpu_us_per_op;
};

static const uint8_t record[RECORD] = "a record";

/* ---- ours -------------------------------------------------------------------------------------------------------- */

static void on_answer(struct env_msg *msg)
{
	struct share *s = hy_container_of(hy_container_of(msg, struct kt_log_write, msg), struct share, write);
	struct bench_loop *b = s->of;
	if (s->write.status != HY_OK)
		errx(1, "the log has failed");
	b->ops += s->records;
	b->ready += s->records;
	b->on_way -= s->records;
	hy_buf_clear(&s->write.records);
	s->next = b->spare;
	b->spare = s;
	if (kt_log_bytes_after(b->log, b->released) > LOG_KEPT) {
		b->released = s->write.pos;
		kt_log_release(b->log, b->released);
	}
}

static void turn_end(void *arg)
{
	struct bench_loop *b = arg;
	if (b->ending && b->on_way == 0)
		env_loop_stop(b->loop);
	if (b->ending || b->ready == 0)
		return;
	struct share *s = b->spare;
	if (s) {
		b->spare = s->next;
	} else {
		s = hy_zalloc(sizeof *s);
		s->of = b;
		s->write.msg.fn = on_answer;
		s->write.reply_to = env_loop_inbox(b->loop);
	}
	for (unsigned i = 0; i < b->ready; i++)
		hy_buf_append(&s->write.records, record, RECORD);
	s->records = b->ready;
	b->on_way += b->ready;
	b->ready = 0;
	kt_log_submit(b->log, &s->write);
}

static void on_begin(struct env_msg *msg)
{
	struct bench_loop *b = hy_container_of(msg, struct bench_loop, begin);
	b->ready = b->writers;
}

static void on_end(struct env_msg *msg)
{
	hy_container_of(msg, struct bench_loop, end)->ending = true;
}

static bool no_replay(void *arg, uint64_t pos, struct hy_bytes payload)
{
	return true;
}

static struct kt_log *open_log(struct env *env, const char *dir)
{
	struct kt_log_config config = {.dir = dir, .epoch = 1, .segment_bytes = 16u << 20};
	struct kt_log_report report;
	struct kt_log *log;
	if (kt_log_open(env, &config, 0, no_replay, NULL, &log, &report) != HY_OK)
		errx(1, "the log in %s cannot be opened", dir);
	return log;
}

static void start_loop(struct env *env, struct bench_loop *b, struct kt_log *log, unsigned writers)
{
	*b = (struct bench_loop){.log = log, .writers = writers, .begin.fn = on_begin, .end.fn = on_end};
	struct env_loop_config config = {.name = "bench", .turn_end = turn_end, .arg = b};
	if (env_loop_create(env, &config, &b->loop) != 0)
		errx(1, "no loop");
	env_inbox_post(env_loop_inbox(b->loop), &b->begin);
	if (env_loop_start(b->loop) != 0)
		errx(1, "no loop");
}

static uint64_t join_loop(struct bench_loop *b)
{
	env_loop_join(b->loop);
	while (b->spare) {
		struct share *s = b->spare;
		b->spare = s->next;
		hy_buf_fini(&s->write.records);
		hy_free(s);
	}
	return b->ops;
}

static void measure(
	struct env *env, const char *dir, unsigned loops, unsigned writers, double seconds, struct result *r)
{
	struct bench_loop b[LOOPS_MAX];
	struct kt_log *log = open_log(env, dir);
	uint64_t t0 = env_mono_us(env), cpu0 = env_cpu_us(env), ops = 0;
	for (unsigned i = 0; i < loops; i++)
		start_loop(env, &b[i], log, writers / loops + (i < writers % loops));
	env_sleep_us(env, (uint64_t)(seconds * 1e6));
	for (unsigned i = 0; i < loops; i++)
		env_inbox_post(env_loop_inbox(b[i].loop), &b[i].end);
	for (unsigned i = 0; i < loops; i++)
		ops += join_loop(&b[i]);
	uint64_t took = env_mono_us(env) - t0, cpu = env_cpu_us(env) - cpu0;
	uint64_t batches = kt_log_durable_pos(log);
	kt_log_close(log);
	if (kt_log_remove(env, dir) != HY_OK)
		errx(1, "the log in %s cannot be removed", dir);
	r->ops_per_s = (double)ops * 1e6 / (double)took;
	r->cpu_us_per_op = (double)cpu / (double)(ops ? ops : 1);
	r->records_per_batch = (double)ops / (double)(batches ? batches : 1);
}

/* ---- the yardstick ----------------------------------------------------------------------------------------------- */

static int open_bare(const char *dir, char path[512])
{
	snprintf(path, 512, "%s/yardstick", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *zeros = hy_zalloc(1u << 20);
	for (unsigned i = 0; i < YARDSTICK_FILE >> 20; i++) {
		if (fd < 0 || pwrite(fd, zeros, 1u << 20, (off_t)i << 20) != 1 << 20)
			err(1, "%s", path);
	}
	hy_free(zeros);
	fsync(fd);
	return fd;
}

static void measure_bare(struct env *env, const char *dir, double seconds, struct result *r)
{
	char path[512];
	int fd = open_bare(dir, path);
	size_t len = (size_t)(r->records_per_batch * RECORD + 64.5);
	uint8_t *bytes = hy_zalloc(len);
	uint64_t t0 = env_mono_us(env), cpu0 = env_cpu_us(env), rounds = 0, took;
	off_t at = 0;
	do {
		if (pwrite(fd, bytes, len, at) != (ssize_t)len || fdatasync(fd) != 0)
			err(1, "%s", path);
		at = at + 2 * (off_t)len > (off_t)YARDSTICK_FILE ? 0 : at + (off_t)len;
		rounds++;
		took = env_mono_us(env) - t0;
	} while ((double)took < seconds * 1e6);
	double ops = (double)rounds * r->records_per_batch;
	r->bare_ops_per_s = ops * 1e6 / (double)took;
	r->bare_cpu_us_per_op = (double)(env_cpu_us(env) - cpu0) / ops;
	hy_free(bytes);
	close(fd);
	unlink(path);
}

/* In turns: the disk has good and bad moments, and both shall have their share. */
static struct result measure_both(struct env *env, const char *dir, unsigned loops, unsigned writers, double seconds)
{
	enum { TURNS = 2 };
	struct result mean = {0};
	for (int i = 0; i < TURNS; i++) {
		struct result r;
		measure(env, dir, loops, writers, seconds / TURNS, &r);
		measure_bare(env, dir, seconds / TURNS, &r);
		mean.ops_per_s += r.ops_per_s / TURNS;
		mean.cpu_us_per_op += r.cpu_us_per_op / TURNS;
		mean.records_per_batch += r.records_per_batch / TURNS;
		mean.bare_ops_per_s += r.bare_ops_per_s / TURNS;
		mean.bare_cpu_us_per_op += r.bare_cpu_us_per_op / TURNS;
	}
	return mean;
}

int main(int argc, char **argv)
{
	static const unsigned counts[] = {1, 8, 64, 512};
	double seconds = argc > 1 ? atof(argv[1]) : 1;
	char dir[256];
	snprintf(dir, sizeof dir, "%s/hongyan-log-XXXXXX", argc > 2 ? argv[2] : "/var/tmp");
	if (!mkdtemp(dir))
		err(1, "%s", dir);
	struct env *env = env_real_create();
	struct hy_buf json = {0};
	struct result at64 = {0};
	for (unsigned loops = 1; loops <= LOOPS_MAX; loops++) {
		for (size_t i = 0; i < HY_COUNT_OF(counts); i++) {
			struct result r = measure_both(env, dir, loops, counts[i], seconds);
			double ratio = r.ops_per_s / r.bare_ops_per_s;
			printf("%u loop(s), %3u writers: %8.0f records/s, %.2f us of CPU each, %.0f a batch; bare "
			       "%8.0f, %.2f us; "
			       "ratio %.2f\n",
				loops, counts[i], r.ops_per_s, r.cpu_us_per_op, r.records_per_batch, r.bare_ops_per_s,
				r.bare_cpu_us_per_op, ratio);
			hy_buf_printf(&json,
				"%s{\"loops\": %u, \"writers\": %u, \"ops_per_s\": %.0f, \"cpu_us_per_op\": %.2f, "
				"\"records_per_batch\": %.1f, \"yardstick_ops_per_s\": %.0f, "
				"\"yardstick_cpu_us_per_op\": %.2f, \"ratio\": %.2f}",
				hy_buf_len(&json) ? ", " : "", loops, counts[i], r.ops_per_s, r.cpu_us_per_op,
				r.records_per_batch, r.bare_ops_per_s, r.bare_cpu_us_per_op, ratio);
			if (loops == 1 && counts[i] == 64)
				at64 = r;
		}
	}
	printf("{\"name\": \"log\", \"ops_per_s\": %.0f, \"cpu_us_per_op\": %.2f, \"yardstick_ops_per_s\": %.0f, "
	       "\"yardstick_cpu_us_per_op\": %.2f, \"ratio\": %.2f, \"results\": [%.*s]}\n",
		at64.ops_per_s, at64.cpu_us_per_op, at64.bare_ops_per_s, at64.bare_cpu_us_per_op,
		at64.ops_per_s / at64.bare_ops_per_s, (int)hy_buf_len(&json), (const char *)hy_buf_data(&json));
	hy_buf_fini(&json);
	env_real_destroy(env);
	rmdir(dir);
	return 0;
}
