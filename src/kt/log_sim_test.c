/*
 * The commit log as it is, on a simulated machine that dies: writers on two loops, while syncs fail, the disk is full
 * for a moment, the process is killed and the power goes, at any instant, also while it recovers.
 *
 * What must hold for every seed, over all lives of the machine: what was answered is replayed, once, in the order of
 * its loop; what one start has shown is never gone again; positions do not go back; a start never finds damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "env/sim/sim.h"
#include "kt/log.h"

enum {
	SEEDS = 500,
	LIVES = 12,
	LOOPS = 2,
	WAITING = 4,         /* writes of a loop on their way at once */
	NUMBERS_MAX = 20000, /* of one loop */
};

/* A write carries its loop and its number there, which counts through all lives. Kept outside the machine. */
struct history {
	struct sim *sim;
	struct sim_machine *machine;
	const char *wrong;
	unsigned lives, opened;
	uint64_t submitted[LOOPS]; /* newest number handed in, in any life */
	uint64_t answered[LOOPS];  /* newest number answered with OK */
	uint64_t shown_pos;        /* newest position that a start has shown or an answer has named */
	uint64_t from;             /* what "the store behind" has: released */
	/* The write at each (loop, number): its position once shown or answered. 0: never seen */
	uint64_t pos[LOOPS][NUMBERS_MAX];
	/*
	 * Of which life it is known that it is there: numbers that a life submitted and that no later start has shown
	 * are gone for good.
	 */
	bool gone[LOOPS][NUMBERS_MAX];
};

#define CLAIM(h, truth)                      \
	do {                                 \
		if (!(truth) && !(h)->wrong) \
			(h)->wrong = #truth; \
	} while (0)

/* ---- a life ------------------------------------------------------------------------------------------------------ */

struct writer {
	struct process *process;
	unsigned index;
	struct env_loop *loop;
	struct env_timer timer;
	struct env_msg last; /* to the loop, and back: it submits no more */
	unsigned on_way;
	bool ending;
	uint64_t next_answer; /* the number that must be answered next */
	uint64_t last_pos;    /* of the newest answer */
};

struct process {
	struct history *h;
	struct env *env;
	struct kt_log *log;
	struct env_inbox *ended;
	struct writer writers[LOOPS];
	uint64_t replayed_pos, opened_at;
	uint64_t replayed[LOOPS]; /* newest number replayed */
	bool seen[LOOPS][NUMBERS_MAX];
};

struct one_write {
	struct kt_log_write write;
	struct writer *writer;
	uint64_t number;
};

static bool replay(void *arg, uint64_t pos, struct hy_bytes payload)
{
	struct process *p = arg;
	struct history *h = p->h;
	CLAIM(h, p->replayed_pos == 0 || pos == p->replayed_pos + 1);
	CLAIM(h, pos > h->from);
	p->replayed_pos = pos;
	while (payload.len >= 17) {
		unsigned loop = payload.data[0];
		uint64_t number = hy_get_le64(payload.data + 1), len = hy_get_le64(payload.data + 9);
		if (loop >= LOOPS || number >= NUMBERS_MAX || len > payload.len - 17)
			return false;
		CLAIM(h, !p->seen[loop][number]);
		CLAIM(h, number > p->replayed[loop]);
		CLAIM(h, number <= h->submitted[loop]);
		CLAIM(h, !h->gone[loop][number]);
		CLAIM(h, h->pos[loop][number] == 0 || h->pos[loop][number] == pos);
		p->seen[loop][number] = true;
		p->replayed[loop] = number;
		payload = hy_bytes(payload.data + 17 + len, payload.len - 17 - len);
	}
	return payload.len == 0;
}

/* The log is open: what was replayed is visible from now on. */
static void judge_replay(struct process *p, const struct kt_log_report *report)
{
	struct history *h = p->h;
	CLAIM(h, report->last_pos >= h->shown_pos);
	for (unsigned loop = 0; loop < LOOPS; loop++) {
		for (uint64_t n = 1; n <= h->submitted[loop]; n++) {
			bool behind = h->pos[loop][n] > 0 && h->pos[loop][n] <= h->from;
			/* shown or answered before: still there */
			CLAIM(h, h->pos[loop][n] == 0 || behind || p->seen[loop][n]);
			h->gone[loop][n] = h->pos[loop][n] == 0 && !p->seen[loop][n];
		}
	}
	h->shown_pos = report->last_pos;
}

/* Positions of what was replayed, by a second look: replay() must not change the history before the log is open. */
struct positions {
	uint64_t pos[LOOPS][NUMBERS_MAX];
};

static bool replay_and_note(void *arg, uint64_t pos, struct hy_bytes payload)
{
	struct process *p = ((void **)arg)[0];
	struct positions *at = ((void **)arg)[1];
	if (!replay(p, pos, payload))
		return false;
	while (payload.len >= 17) {
		at->pos[payload.data[0]][hy_get_le64(payload.data + 1)] = pos;
		size_t len = 17 + hy_get_le64(payload.data + 9);
		payload = hy_bytes(payload.data + len, payload.len - len);
	}
	return true;
}

static void submit_some(struct writer *w);

static void on_answer(struct env_msg *msg)
{
	struct one_write *one =
		hy_container_of(hy_container_of(msg, struct kt_log_write, msg), struct one_write, write);
	struct writer *w = one->writer;
	struct history *h = w->process->h;
	CLAIM(h, one->number == w->next_answer);
	w->next_answer++;
	w->on_way--;
	if (one->write.status == HY_OK) {
		CLAIM(h, one->write.pos >= w->last_pos && one->write.pos > w->process->opened_at);
		w->last_pos = one->write.pos;
		h->pos[w->index][one->number] = one->write.pos;
		h->answered[w->index] = one->number;
		h->shown_pos = HY_MAX(h->shown_pos, one->write.pos);
		uint64_t back = sim_range(h->sim, 0, 40);
		if (!w->ending && sim_chance(h->sim, 100) && one->write.pos > back + h->from &&
			one->write.pos - back <= kt_log_durable_pos(w->process->log)) {
			h->from = one->write.pos - back;
			kt_log_release(w->process->log, h->from);
		}
	} else {
		CLAIM(h, one->write.status == HY_UNAVAILABLE && (w->ending || kt_log_failed(w->process->log)));
	}
	hy_buf_fini(&one->write.records);
	hy_free(one);
	submit_some(w);
}

static void submit_one(struct writer *w)
{
	struct history *h = w->process->h;
	struct one_write *one = hy_zalloc(sizeof *one);
	one->writer = w;
	one->number = ++h->submitted[w->index];
	one->write.msg.fn = on_answer;
	one->write.reply_to = env_loop_inbox(w->loop);
	uint64_t most = sim_chance(h->sim, 20) ? 20000 : 300;
	uint64_t len = sim_range(h->sim, 0, most);
	uint8_t *p = hy_buf_reserve(&one->write.records, 17 + len);
	p[0] = (uint8_t)w->index;
	hy_put_le64(p + 1, one->number);
	hy_put_le64(p + 9, len);
	memset(p + 17, (int)one->number, len);
	hy_buf_commit(&one->write.records, 17 + len);
	w->on_way++;
	kt_log_submit(w->process->log, &one->write);
}

static void on_timer(struct env_timer *timer)
{
	submit_some(hy_container_of(timer, struct writer, timer));
}

static void submit_some(struct writer *w)
{
	struct history *h = w->process->h;
	if (w->ending || (kt_log_failed(w->process->log) && sim_chance(h->sim, 900)))
		return;
	while (w->on_way < WAITING && h->submitted[w->index] + 1 < NUMBERS_MAX && sim_chance(h->sim, 700))
		submit_one(w);
	uint64_t pause = sim_range(h->sim, 1, 20000);
	env_timer_set(w->loop, &w->timer, env_loop_now_us(w->loop) + pause);
}

static struct process *open_log(struct env *env, struct history *h)
{
	struct process *p = hy_zalloc(sizeof *p);
	struct positions *at = hy_zalloc(sizeof *at);
	p->h = h;
	p->env = env;
	struct kt_log_config config = {.dir = "/log", .epoch = 77, .segment_bytes = 32u << 10};
	struct kt_log_report report;
	void *args[2] = {p, at};
	h->lives++;
	int status = kt_log_open(env, &config, h->from, replay_and_note, args, &p->log, &report);
	CLAIM(h, status == HY_OK || status == HY_UNAVAILABLE || status == HY_RESOURCE_EXHAUSTED);
	if (status != HY_OK) {
		hy_free(at);
		hy_free(p);
		return NULL;
	}
	h->opened++;
	judge_replay(p, &report);
	p->opened_at = report.last_pos;
	for (unsigned loop = 0; loop < LOOPS; loop++) {
		for (uint64_t n = 1; n <= h->submitted[loop]; n++)
			h->pos[loop][n] = at->pos[loop][n] ? at->pos[loop][n] : h->pos[loop][n];
	}
	hy_free(at);
	return p;
}

/* No more writes from this loop: told to process_main(). */
static void on_last(struct env_msg *msg)
{
	struct writer *w = hy_container_of(msg, struct writer, last);
	w->ending = true;
	env_timer_cancel(w->loop, &w->timer);
	env_inbox_post(w->process->ended, msg);
}

static void on_stop(struct env_msg *msg)
{
	env_loop_stop(hy_container_of(msg, struct writer, last)->loop);
}

static void end_process(struct process *p)
{
	for (unsigned i = 0; i < LOOPS; i++) {
		p->writers[i].last.fn = on_last;
		env_inbox_post(env_loop_inbox(p->writers[i].loop), &p->writers[i].last);
	}
	for (unsigned i = 0; i < LOOPS; i++)
		env_inbox_take(p->ended, UINT64_MAX);
	kt_log_close(p->log);
	for (unsigned i = 0; i < LOOPS; i++) {
		p->writers[i].last.fn = on_stop;
		env_inbox_post(env_loop_inbox(p->writers[i].loop), &p->writers[i].last);
		env_loop_join(p->writers[i].loop);
		CLAIM(p->h, p->writers[i].on_way == 0);
	}
	env_inbox_destroy(p->ended);
}

static void process_main(struct env *env, void *arg)
{
	struct history *h = arg;
	struct process *p = open_log(env, h);
	if (!p)
		return;
	p->ended = env_inbox_create(env);
	for (unsigned i = 0; i < LOOPS; i++) {
		struct writer *w = &p->writers[i];
		*w = (struct writer){
			.process = p, .index = i, .timer.fn = on_timer, .next_answer = h->submitted[i] + 1};
		struct env_loop_config config = {.name = "writer"};
		if (env_loop_create(env, &config, &w->loop) != 0)
			abort();
		env_timer_set(w->loop, &w->timer, env_mono_us(env));
		if (env_loop_start(w->loop) != 0)
			abort();
	}
	env_wait_terminate(env);
	end_process(p);
	hy_free(p);
}

/* ---- the world --------------------------------------------------------------------------------------------------- */

static bool is_off(void *arg)
{
	return !sim_machine_running(((struct history *)arg)->machine);
}

static void live_and_die(struct history *h)
{
	sim_machine_start(h->machine, process_main, h);
	uint64_t most = sim_chance(h->sim, 400) ? 60000 : 600000; /* short: it dies while it recovers */
	uint64_t us = sim_range(h->sim, 0, most);
	sim_run(h->sim, sim_now_us(h->sim) + us, is_off, h);
	if (!sim_machine_running(h->machine))
		return;
	switch (sim_range(h->sim, 0, 3)) {
	case 0:
		sim_machine_terminate(h->machine);
		sim_run(h->sim, sim_now_us(h->sim) + 60000000, is_off, h);
		break;
	case 1:
		sim_machine_power_cut(h->machine);
		break;
	default:
		sim_machine_kill(h->machine);
		break;
	}
	if (sim_machine_running(h->machine))
		sim_machine_kill(h->machine);
}

struct sums {
	uint64_t opened, answered;
	uint64_t marks[8];
};

static const char *const expected_marks[] = {"log: torn tail cut", "log: last batch copied", "log: segment voided",
	"log: segment recycled", "log: nearly full", "log: failed", "log: segment not ready in time"};

static void add_mark(void *arg, const char *name, uint64_t count)
{
	struct sums *sums = arg;
	for (size_t i = 0; i < HY_COUNT_OF(expected_marks); i++) {
		if (strcmp(name, expected_marks[i]) == 0)
			sums->marks[i] += count;
	}
}

static void run_seed(uint64_t seed, struct sums *sums)
{
	struct history *h = hy_zalloc(sizeof *h);
	h->sim = sim_create(seed);
	sim_draw_faults(h->sim);
	h->machine = sim_machine_create(h->sim, "store", "10.0.0.1");
	for (int life = 0; life < LIVES && !h->wrong; life++)
		live_and_die(h);
	/* At last a start that nothing disturbs. */
	*sim_faults(h->sim) = (struct sim_faults){0};
	unsigned opened = h->opened;
	sim_machine_start(h->machine, process_main, h);
	sim_run(h->sim, sim_now_us(h->sim) + 3000000, is_off, h);
	CLAIM(h, h->opened == opened + 1);
	sums->opened += h->opened;
	sums->answered += h->answered[0] + h->answered[1];
	sim_marks_each(h->sim, add_mark, sums);
	sim_destroy(h->sim);
	if (h->wrong)
		fail_msg("seed %llu, life %u: not true: %s", (unsigned long long)seed, h->lives, h->wrong);
	hy_free(h);
}

static void test_deaths(void **state)
{
	struct sums sums = {0};
	const char *one = getenv("SEED");
	if (one) {
		run_seed(strtoull(one, NULL, 10), &sums);
		return;
	}
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		run_seed(seed, &sums);
	print_message("# %llu starts, %llu writes answered\n", (unsigned long long)sums.opened,
		(unsigned long long)sums.answered);
	for (size_t i = 0; i < HY_COUNT_OF(expected_marks); i++) {
		print_message("# %s: %llu\n", expected_marks[i], (unsigned long long)sums.marks[i]);
		assert_true(sums.marks[i] > 0);
	}
}

/* ---- a segment given up while the next one is prepared ----------------------------------------------------------- */

struct rest {
	unsigned spares;
	bool ended;
};

static bool replay_nothing(void *arg, uint64_t pos, struct hy_bytes payload)
{
	return true;
}

static void never_run(struct env_msg *msg)
{
	abort();
}

/* Writes of a megabyte, one after the other; the position of the last. */
static uint64_t write_megabytes(struct kt_log *log, struct env_inbox *answers, unsigned count)
{
	uint64_t pos = 0;
	for (; count > 0; count--) {
		struct kt_log_write write = {.msg.fn = never_run, .reply_to = answers};
		memset(hy_buf_reserve(&write.records, 1u << 20), 1, 1u << 20);
		hy_buf_commit(&write.records, 1u << 20);
		kt_log_submit(log, &write);
		env_inbox_take(answers, UINT64_MAX);
		pos = write.pos;
		hy_buf_fini(&write.records);
	}
	return pos;
}

static void count_spare(void *arg, const char *name)
{
	((struct rest *)arg)->spares += strncmp(name, "spare-", 6) == 0;
}

static void rest_main(struct env *env, void *arg)
{
	struct rest *rest = arg;
	struct kt_log_config config = {.dir = "/log", .epoch = 77, .segment_bytes = 16u << 20};
	struct kt_log_report report;
	struct kt_log *log;
	if (kt_log_open(env, &config, 0, replay_nothing, NULL, &log, &report) != HY_OK)
		return;
	struct env_inbox *answers = env_inbox_create(env);
	uint64_t pos = write_megabytes(log, answers, 15);
	env_sleep_us(env, 5000000);
	write_megabytes(log, answers, 9); /* over half: the committer begins with the next */
	kt_log_release(log, pos);
	env_sleep_us(env, 5000000);
	(void)env_dir_list(env, "/log", count_spare, rest);
	kt_log_close(log);
	env_inbox_destroy(answers);
	rest->ended = true;
}

static bool has_ended(void *arg)
{
	return ((struct rest *)arg)->ended;
}

static void test_rest(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct rest rest = {0};
		struct sim *sim = sim_create(seed);
		*sim_faults(sim) = (struct sim_faults){0};
		sim_machine_start(sim_machine_create(sim, "store", "10.0.0.1"), rest_main, &rest);
		sim_run(sim, sim_now_us(sim) + 120000000, has_ended, &rest);
		sim_destroy(sim);
		assert_true(rest.ended);
		assert_int_equal(rest.spares, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a segment given up while the next one is prepared is the next one", test_rest, NULL, NULL, NULL},
		{"whatever the disk and the deaths do, what was answered or shown stays", test_deaths, NULL, NULL,
			NULL},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
