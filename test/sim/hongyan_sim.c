/*
 * hongyan-sim - a whole Hongyan server, its clients and their faults in one process, drawn from a seed.
 */
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "marks.h"
#include "world.h"

static const char usage[] =
	"usage: hongyan-sim run SEED [option ...]          one run; the last line is its trace's hash\n"
	"       hongyan-sim sweep FROM COUNT [option ...]  seeds FROM, FROM+1, ...; stops at the first failure\n"
	"       hongyan-sim shrink SEED [option ...]       turns off kinds of faults while it still fails\n"
	"\n"
	"  --log              print what happens, one line an event that a person would tell of\n"
	"  --server-log       and the log lines of all machines\n"
	"  --off KIND[,...]   kinds of faults that never happen; --off list prints them\n"
	"  --seconds N        sweep: end after N seconds, whatever COUNT says\n"
	"  --twice-every N    sweep: run one seed in N a second time, and compare the hashes\n"
	"  --marks-from N     sweep: with N seeds or more, fail when an expected mark was never seen (default 2000)\n"
	"  --planted-expect   sweep: a bug was built in on purpose: succeed when a seed fails\n";

static const char *const kind_names[] = {
#define X(name) #name,
	WORLD_KINDS(X)
#undef X
};

struct arguments {
	struct world_options options;
	uint64_t first, count;
	uint64_t seconds, twice_every, marks_from;
	bool planted_expect;
};

struct totals {
	uint64_t seeds, events, kills, power_cuts, clean_stops, texts, answered, refused, received, virtual_us;
	uint64_t changes, changed, changes_refused;
};

/* What a signal handler may say; set before each run. */
static volatile uint64_t seed_now;

static double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- a run that ends the process still names its seed ---------------------------------------------------- */

static void on_signal(int signal_number)
{
	char line[80];
	int n = snprintf(
		line, sizeof line, "seed %" PRIu64 ": the process was ended by signal %d\n", seed_now, signal_number);
	ssize_t ignored = write(STDOUT_FILENO, line, (size_t)n);
	(void)ignored;
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void catch_signals(void)
{
	static uint8_t stack[64 << 10];
	static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};
	sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
	for (size_t i = 0; i < HY_COUNT_OF(signals); i++)
		sigaction(signals[i],
			&(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESETHAND}, NULL);
}

/** A turn that never ends is seen by nobody else. */
enum { RUN_SECONDS_MAX = 120 };

static void run(
	uint64_t seed, const struct world_options *options, struct marks *marks, struct world_result *ret_result)
{
	seed_now = seed;
	fflush(stdout);
	alarm(RUN_SECONDS_MAX);
	world_run(seed, options, marks_add, marks, ret_result);
	alarm(0);
}

/* ---- run ------------------------------------------------------------------------------------------------- */

static int run_one(const struct arguments *a)
{
	struct marks marks = {0};
	struct world_result r;
	run(a->first, &a->options, &marks, &r);
	if (a->options.log)
		marks_print(&marks);
	printf("seed %" PRIu64 ": %s\n", a->first, r.failure[0] ? r.failure : "ok");
	printf("%.1f virtual seconds, %" PRIu64 " events, %" PRIu64 " kills, %" PRIu64 " power cuts, %" PRIu64
	       " clean stops\n",
		(double)r.virtual_us / SEC, r.events, r.kills, r.power_cuts, r.clean_stops);
	printf("%" PRIu64 " texts: %" PRIu64 " answered, %" PRIu64 " refused; received by devices %" PRIu64 " times\n",
		r.texts, r.answered, r.refused, r.received);
	printf("%" PRIu64 " changes of contacts and profiles: %" PRIu64 " done, %" PRIu64 " refused\n", r.changes,
		r.changed, r.changes_refused);
	printf("%016" PRIx64 "\n", r.hash);
	return r.failure[0] != '\0';
}

/* ---- sweep ----------------------------------------------------------------------------------------------- */

static void total_add(struct totals *t, const struct world_result *r)
{
	t->seeds++;
	t->events += r->events;
	t->kills += r->kills;
	t->power_cuts += r->power_cuts;
	t->clean_stops += r->clean_stops;
	t->texts += r->texts;
	t->answered += r->answered;
	t->refused += r->refused;
	t->received += r->received;
	t->virtual_us += r->virtual_us;
	t->changes += r->changes;
	t->changed += r->changed;
	t->changes_refused += r->changes_refused;
}

static void total_print(const struct totals *t, double seconds)
{
	printf("%" PRIu64 " seeds in %.1f s (%.0f a minute): %.0f virtual hours, %" PRIu64 " events\n", t->seeds,
		seconds, (double)t->seeds * 60 / seconds, (double)t->virtual_us / SEC / 3600, t->events);
	printf("%" PRIu64 " kills, %" PRIu64 " power cuts, %" PRIu64 " clean stops; %" PRIu64 " texts: %" PRIu64
	       " answered, %" PRIu64 " refused; received by devices %" PRIu64 " times\n",
		t->kills, t->power_cuts, t->clean_stops, t->texts, t->answered, t->refused, t->received);
	printf("%" PRIu64 " changes of contacts and profiles: %" PRIu64 " done, %" PRIu64 " refused\n", t->changes,
		t->changed, t->changes_refused);
}

/** False: a failure, told. */
static bool sweep_seed(const struct arguments *a, uint64_t seed, struct marks *marks, struct totals *totals)
{
	struct world_result r, again;
	run(seed, &a->options, marks, &r);
	total_add(totals, &r);
	if (!r.failure[0] && a->twice_every && seed % a->twice_every == 0) {
		struct marks ignored = {0};
		run(seed, &a->options, &ignored, &again);
		if (again.hash != r.hash)
			snprintf(r.failure, sizeof r.failure,
				"a second run is another one: %016" PRIx64 " and %016" PRIx64, r.hash, again.hash);
	}
	if (r.failure[0])
		printf("seed %" PRIu64 ": %s\n", seed, r.failure);
	return !r.failure[0];
}

static int sweep(const struct arguments *a)
{
	struct marks marks = {0};
	struct totals totals = {0};
	double begun = seconds_now();
	bool good = true;
	for (uint64_t i = 0; good && i < a->count; i++) {
		if (a->seconds && seconds_now() - begun >= (double)a->seconds)
			break;
		good = sweep_seed(a, a->first + i, &marks, &totals);
	}
	double took = seconds_now() - begun;
	if (a->planted_expect) {
		printf("%s after %" PRIu64 " seeds and %.1f s\n", good ? "not found" : "found", totals.seeds, took);
		return good;
	}
	marks_print(&marks);
	total_print(&totals, took);
	if (good && totals.seeds >= a->marks_from)
		good = marks_complete(&marks);
	return !good;
}

/* ---- shrink ---------------------------------------------------------------------------------------------- */

static bool still_fails(const struct arguments *a, const struct world_options *options, char failure[600])
{
	struct marks ignored = {0};
	struct world_result r;
	run(a->first, options, &ignored, &r);
	if (r.failure[0])
		memcpy(failure, r.failure, sizeof r.failure);
	return r.failure[0] != '\0';
}

static int shrink(const struct arguments *a)
{
	struct world_options options = a->options;
	char failure[600];
	if (!still_fails(a, &options, failure)) {
		printf("seed %" PRIu64 ": ok\n", a->first);
		return 0;
	}
	for (unsigned i = 0; i < KIND_COUNT; i++) {
		struct world_options fewer = options;
		fewer.off |= 1u << i;
		if (fewer.off != options.off && still_fails(a, &fewer, failure))
			options = fewer;
	}
	printf("seed %" PRIu64 ": %s\nneeded:", a->first, failure);
	for (unsigned i = 0; i < KIND_COUNT; i++)
		if (!(options.off & 1u << i))
			printf(" %s", kind_names[i]);
	printf("\nrun %" PRIu64 " --log --off ", a->first);
	for (unsigned i = 0, n = 0; i < KIND_COUNT; i++)
		if (options.off & 1u << i)
			printf("%s%s", n++ ? "," : "", kind_names[i]);
	printf("\n");
	return 1;
}

/* ---- arguments ------------------------------------------------------------------------------------------- */

static bool parse_off(const char *text, uint32_t *ret_off)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		unsigned i = 0;
		while (i < KIND_COUNT && !(strlen(kind_names[i]) == len && memcmp(kind_names[i], text, len) == 0))
			i++;
		if (i == KIND_COUNT) {
			for (i = 0; i < KIND_COUNT; i++)
				printf("%s\n", kind_names[i]);
			return false;
		}
		*ret_off |= 1u << i;
		text += len + (text[len] == ',');
	}
	return true;
}

static bool parse_options(struct arguments *a, int count, char **options)
{
	for (int i = 0; i < count; i++) {
		const char *o = options[i], *value = i + 1 < count ? options[i + 1] : NULL;
		uint64_t *number = strcmp(o, "--seconds") == 0       ? &a->seconds
				   : strcmp(o, "--twice-every") == 0 ? &a->twice_every
				   : strcmp(o, "--marks-from") == 0  ? &a->marks_from
								     : NULL;
		if (strcmp(o, "--log") == 0)
			a->options.log = true;
		else if (strcmp(o, "--server-log") == 0)
			a->options.log = a->options.server_log = true;
		else if (strcmp(o, "--planted-expect") == 0)
			a->planted_expect = true;
		else if (number && value)
			*number = strtoull(options[++i], NULL, 10);
		else if (strcmp(o, "--off") == 0 && value) {
			if (!parse_off(options[++i], &a->options.off))
				return false;
		} else {
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct arguments a = {.marks_from = 2000};
	const char *what = argc > 1 ? argv[1] : "";
	bool sweeps = strcmp(what, "sweep") == 0;
	int taken = sweeps ? 4 : 3;
	if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc < taken || !parse_options(&a, argc - taken, argv + taken)) {
		fputs(usage, stderr);
		return 2;
	}
	a.first = strtoull(argv[2], NULL, 10);
	a.count = sweeps ? strtoull(argv[3], NULL, 10) : 1;
	if (sodium_init() < 0)
		return 2;
	catch_signals();
	if (sweeps)
		return sweep(&a);
	if (strcmp(what, "run") == 0)
		return run_one(&a);
	if (strcmp(what, "shrink") == 0)
		return shrink(&a);
	fputs(usage, stderr);
	return 2;
}
