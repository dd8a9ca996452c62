/* doctor.c - `hongyan doctor`: the command, and what it asks the store. */
#include "main/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "admin.rpc.h"
#include "base/mem.h"
#include "env/real/real.h"
#include "env/real/facts.h"
#include "main/admin_client.h"
#include "main/audit.h"
#include "main/commands.h"
#include "main/why.h"

static const char usage[] =
	"usage: hongyan doctor [--data DIR] [--listen ADDRESS[,ADDRESS]]\n\n"
	"Checks the machine, the data folder (default ./data) and the ports (default 127.0.0.1:7600), whether the "
	"server runs or\n"
	"not, and prints a line for each check: ok, warning or problem, with what to do. Of a folder at rest nothing "
	"is changed,\n"
	"but for a small file that is written, synced and removed, and a line in its audit.log.\n"
	"The exit status is 0 without problems (there may be warnings), 1 with one, 2 for wrong usage.\n";

void doctor_say(struct doctor *d, enum doctor_word word, const char *what, const char *fmt, ...)
{
	static const char *const words[] = {"ok", "warning", "problem"};
	va_list ap;
	printf("%-8s %-9s ", words[word], what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	d->warnings += word == DOCTOR_WARNING;
	d->problems += word == DOCTOR_PROBLEM;
}

/* ---- what the store says ----------------------------------------------------------------------------------------- */

static int ask_stats(struct call *call, void *arg)
{
	struct doctor *d = arg;
	Hy__AdminStatsRequest request = HY__ADMIN_STATS_REQUEST__INIT;
	Hy__AdminStatsResponse response = HY__ADMIN_STATS_RESPONSE__INIT;
	const struct {
		const char *name;
		uint64_t *value;
	} wanted[] = {
		{"process.wall_ms", &d->server_wall_ms},
		{"kt.floor_ms", &d->floor_ms},
		{"kt.log_bytes", &d->log_bytes},
		{"kt.log_limit", &d->log_limit},
		{"kt.memory_budget", &d->memory_budget},
	};
	int status = admin_stats(call, &request, &response);
	for (size_t i = 0; status == HY_OK && i < response.n_stats; i++) {
		const Hy__AdminStat *s = response.stats[i];
		for (size_t k = 0; k < HY_COUNT_OF(wanted); k++) {
			if (strcmp(s->name, wanted[k].name) == 0)
				*wanted[k].value = s->value;
		}
		if (strcmp(s->name, "kt.failed") == 0)
			d->failed = s->value != 0;
	}
	d->asked_wall_ms = env_wall_ms(svr_env(svr_of_loop(call->loop)));
	return status;
}

static bool is_held(struct env *env, const char *dir)
{
	struct env_file *lock;
	char *path = why_printf("%s/LOCK", dir);
	int rc = env_file_open(env, path, ENV_OPEN_READ, &lock);
	hy_free(path);
	if (rc)
		return false;
	rc = env_file_lock(lock);
	env_file_close(lock);
	return rc == -EWOULDBLOCK;
}

static bool has_store(struct env *env, const char *dir)
{
	struct env_file *format;
	char *path = why_printf("%s/FORMAT", dir);
	int rc = env_file_open(env, path, ENV_OPEN_READ, &format);
	hy_free(path);
	if (rc == 0)
		env_file_close(format);
	return rc == 0;
}

static void ask_store(struct doctor *d)
{
	fflush(stdout);
	int status = d->running ? admin_client_run("hongyan doctor", d->dir, ask_stats, d)
				: admin_client_look("hongyan doctor", d->dir, ask_stats, d);
	d->answered = status == HY_OK;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

/** A server that holds the folder writes its audit.log alone; a backup stays as it is. */
static void leave_audit_line(const struct doctor *d)
{
	struct env_facts_file f;
	char *backup = why_printf("%s/BACKUP", d->dir);
	bool own = env_facts_file(d->dir, &f) == 0 && f.is_own;
	if (d->there && !d->running && own && env_facts_file(backup, &f) == -ENOENT)
		(void)audit_line_at_rest(
			d->env, d->dir, "doctor: %u problems, %u warnings", d->problems, d->warnings);
	hy_free(backup);
}

static int examine(struct doctor *d)
{
	struct env *env = env_real_create();
	env_real_end_by_signals();
	d->env = env;
	d->running = is_held(env, d->dir);
	d->there = has_store(env, d->dir);
	if (d->there)
		ask_store(d);
	doctor_check_versions(d);
	doctor_check_files(d);
	doctor_check_memory(d);
	doctor_check_clock(d);
	doctor_check_folder(d);
	doctor_check_disk(d);
	doctor_check_store(d);
	doctor_check_ports(d);
	printf("%u problem%s, %u warning%s\n", d->problems, d->problems == 1 ? "" : "s", d->warnings,
		d->warnings == 1 ? "" : "s");
	fflush(stdout);
	leave_audit_line(d);
	env_real_destroy(env);
	return d->problems > 0;
}

int command_doctor(int argc, char **argv)
{
	struct doctor d = {.dir = "./data", .listen = "127.0.0.1:7600"};
	bool help = argc > 1 && strcmp(argv[1], "--help") == 0, good = true;
	for (int i = 1; i < argc && !help && good; i += 2) {
		good = i + 1 < argc;
		if (good && strcmp(argv[i], "--data") == 0)
			d.dir = argv[i + 1];
		else if (good && strcmp(argv[i], "--listen") == 0)
			d.listen = argv[i + 1];
		else
			good = false;
	}
	if (!help && good)
		return examine(&d);
	fprintf(help ? stdout : stderr, "%s", usage);
	return help ? 0 : 2;
}
