/* backup_command.c - `hongyan backup`, of a running server, and `hongyan restore`. */
#include <stdio.h>
#include <unistd.h>

#include "admin.rpc.h"
#include "base/mem.h"
#include "env/real/facts.h"
#include "env/real/real.h"
#include "kt/kt.h"
#include "main/admin_client.h"
#include "main/audit.h"
#include "main/commands.h"
#include "main/why.h"

#define BACKUP_LIMIT_US (24ull * 3600 * 1000 * 1000)

static const char backup_usage[] = "usage: hongyan backup [--data DIR] FOLDER\n\n"
				   "Copies all that the running server of a data folder (default ./data) has stored "
				   "into FOLDER, which must not exist yet.\n"
				   "Everything that was answered before the command was given is in it. The server "
				   "goes on meanwhile, and writes the\n"
				   "copy itself, as its own user. The copy holds the server's secret: keep it where "
				   "nobody else can read it. On the\n"
				   "same disk it shares the files that never change with the data folder; for a disk "
				   "that fails, take it elsewhere.\n";

static const char restore_usage[] = "usage: hongyan restore FOLDER --data DIR\n\n"
				    "Makes the data folder DIR, which must not exist yet or be empty, of a backup. The "
				    "backup stays as it is. Clients\n"
				    "drop their positions, keep what they have, and sync anew.\n";

struct arguments {
	const char *data, *folder;
	bool help;
};

/** False: wrong usage. */
static bool parse(int argc, char **argv, struct arguments *a)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			a->help = true;
		else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
			a->data = argv[++i];
		else if (argv[i][0] == '-' || a->folder)
			return false;
		else
			a->folder = argv[i];
	}
	return a->help || (a->folder && a->data);
}

static int print_usage(const char *usage, bool asked_for)
{
	fprintf(asked_for ? stdout : stderr, "%s", usage);
	return asked_for ? 0 : 2;
}

static void print_bytes(uint64_t bytes)
{
	if (bytes >= 1u << 20)
		printf("%.1f MiB", (double)bytes / (1u << 20));
	else
		printf("%.1f KiB", (double)bytes / 1024);
}

static char *absolute(const char *here, const char *path)
{
	return path[0] == '/' ? hy_strdup(path) : why_printf("%s/%s", here, path);
}

/* ---- backup ------------------------------------------------------------------------------------------------------ */

static int ask_backup(struct call *call, void *arg)
{
	const char *path = arg;
	Hy__AdminBackupRequest request = HY__ADMIN_BACKUP_REQUEST__INIT;
	Hy__AdminBackupResponse response = HY__ADMIN_BACKUP_RESPONSE__INIT;
	request.path = (char *)(uintptr_t)path;
	int status = admin_backup(call, &request, &response);
	if (status != HY_OK)
		return status;
	printf("backup in %s: ", path);
	print_bytes(response.bytes);
	printf(", took %.1f s, up to position %llu\n", (double)response.took_ms / 1000,
		(unsigned long long)response.position);
	return HY_OK;
}

int command_backup(int argc, char **argv)
{
	struct arguments a = {.data = "./data"};
	char here[4096];
	if (!parse(argc, argv, &a) || a.help)
		return print_usage(backup_usage, a.help);
	if (!getcwd(here, sizeof here)) {
		fprintf(stderr, "hongyan backup: this folder is gone; give an absolute path from another one\n");
		return 1;
	}
	char *path = absolute(here, a.folder); /* the server stands in another folder */
	int status = admin_client_run_for("hongyan backup", a.data, BACKUP_LIMIT_US, ask_backup, path);
	hy_free(path);
	return status == HY_OK ? 0 : 1;
}

/* ---- restore ----------------------------------------------------------------------------------------------------- */

/** A failure is noted only where there is an audit.log already: what is no data folder does not become one. */
static void leave_audit_line(struct env *env, const struct arguments *a, int status, const char *why)
{
	char here[4096] = ".";
	struct env_facts_file f;
	char *log = why_printf("%s/audit.log", a->data);
	if (status == HY_OK || env_facts_file(log, &f) == 0) {
		const char *cwd = getcwd(here, sizeof here) ? here : ".";
		char *folder = absolute(cwd, a->folder), *data = absolute(cwd, a->data);
		(void)audit_line_at_rest(env, a->data, "restore of %s into %s: %s", folder, data,
			status == HY_OK ? "OK" : why);
		hy_free(folder);
		hy_free(data);
	}
	hy_free(log);
}

int command_restore(int argc, char **argv)
{
	struct arguments a = {0};
	if (!parse(argc, argv, &a) || a.help)
		return print_usage(restore_usage, a.help);
	struct env *env = env_real_create();
	char *why = NULL;
	env_real_end_by_signals();
	env_no_core_dumps(env);
	int status = kt_restore(env, a.folder, a.data, &why);
	leave_audit_line(env, &a, status, why);
	if (status == HY_OK) {
		printf("restored into %s; clients will sync anew. Start it: hongyan serve --data %s\n", a.data, a.data);
	} else {
		fprintf(stderr, "hongyan restore: %s\n", why);
	}
	hy_free(why);
	env_real_destroy(env);
	return status == HY_OK ? 0 : 1;
}
