/* doctor_checks.c - see doctor.h. */
#include <stdio.h>

#include "base/mem.h"
#include "env/real/facts.h"
#include "main/commands.h"
#include "main/doctor.h"
#include "main/why.h"

#define MIB (1ull << 20)
#define FILES_LEAST 1024u
#define FILES_ENOUGH 16384u
#define DISK_RESERVE (256 * MIB) /* serve's default */
#define SYNCS 8
#define SYNC_SLOW_US 20000u
#define SYNC_TOO_FAST_US 8u /* no disk answers so soon */
#define DAY_MS (24ull * 3600 * 1000)
#define YEAR_2025_MS 1735689600000ull
#define YEAR_2100_MS 4102444800000ull
#define WINDOW_LEAST_MS (7 * DAY_MS)
#define CLOCKS_APART_MS 2000u

/** The data folder's; 0: it has none. */
static unsigned format_of(struct doctor *d)
{
	char *path = why_printf("%s/FORMAT", d->dir), *text;
	size_t len;
	unsigned format = 0;
	if (env_file_read_all(d->env, path, 4096, &text, &len) == 0) {
		(void)sscanf(text, "hongyan %u", &format);
		hy_free(text);
	}
	hy_free(path);
	return format;
}

void doctor_check_versions(struct doctor *d)
{
	struct env_facts_machine m;
	unsigned format = format_of(d);
	env_facts_machine(&m);
	doctor_say(d, DOCTOR_OK, "versions", "hongyan " HONGYAN_VERSION ", RocksDB " HONGYAN_ROCKSDB ", %s%s%.0u",
		m.kernel, format ? "; the data folder has format " : "", format);
}

void doctor_check_files(struct doctor *d)
{
	unsigned long long files = env_raise_file_limit(d->env);
	enum doctor_word word = files < FILES_LEAST    ? DOCTOR_PROBLEM
				: files < FILES_ENOUGH ? DOCTOR_WARNING
						       : DOCTOR_OK;
	doctor_say(d, word, "files", "%llu may be open%s", files,
		word ? ", and every connection is one: raise the limit (ulimit -n, or LimitNOFILE= of the service)"
		     : "");
}

void doctor_check_memory(struct doctor *d)
{
	struct env_facts_machine m;
	env_facts_machine(&m);
	unsigned long long total = m.memory_bytes / MIB, left = m.memory_available_bytes / MIB;
	/* Rows, what may pass their budget, RocksDB's cache and its buffers (kt.h). */
	unsigned long long needed = 2 * (d->memory_budget ? d->memory_budget : 256 * MIB) / MIB + 64;
	if (total == 0)
		doctor_say(d, DOCTOR_WARNING, "memory", "the system does not say how much there is");
	else if (total < needed)
		doctor_say(d, DOCTOR_PROBLEM, "memory", "%llu MiB, but a server uses up to %llu: set --memory lower",
			total, needed);
	else if (!d->running && left < needed)
		doctor_say(d, DOCTOR_WARNING, "memory",
			"%llu MiB of %llu are free, but a server uses up to %llu: end something, or set --memory lower",
			left, total, needed);
	else
		doctor_say(d, DOCTOR_OK, "memory", "%llu MiB of %llu are free; a server uses up to %llu", left, total,
			needed);
}

/* ---- the clock --------------------------------------------------------------------------------------------------- */

void doctor_check_clock(struct doctor *d)
{
	uint64_t wall_ms = env_wall_ms(d->env), before_us = env_mono_us(d->env);
	uint64_t apart_ms = d->server_wall_ms > d->asked_wall_ms ? d->server_wall_ms - d->asked_wall_ms
								 : d->asked_wall_ms - d->server_wall_ms;
	env_sleep_us(d->env, 1000);
	uint64_t passed_us = env_mono_us(d->env) - before_us;
	if (wall_ms < YEAR_2025_MS || wall_ms > YEAR_2100_MS)
		doctor_say(d, DOCTOR_PROBLEM, "clock",
			"this machine thinks that it is the year %llu: set its clock (NTP)",
			(unsigned long long)(1970 + wall_ms / (365 * DAY_MS + DAY_MS / 4)));
	else if (passed_us < 1000 || passed_us > 5000 * 1000)
		doctor_say(d, DOCTOR_PROBLEM, "clock", "the monotonic clock went on by %llu us in a sleep of 1 ms",
			(unsigned long long)passed_us);
	else if (d->answered && d->floor_ms + WINDOW_LEAST_MS > wall_ms + DAY_MS)
		doctor_say(d, DOCTOR_PROBLEM, "clock",
			"the store was used when the clock was %llu hours ahead of now, and refuses messages until "
			"then: is "
			"the clock right? (NTP)",
			(unsigned long long)((d->floor_ms + WINDOW_LEAST_MS - wall_ms) / (3600 * 1000)));
	else if (d->answered && d->running && d->server_wall_ms && apart_ms > CLOCKS_APART_MS)
		doctor_say(d, DOCTOR_WARNING, "clock", "the server's clock and this one are %llu ms apart",
			(unsigned long long)apart_ms);
	else
		doctor_say(d, DOCTOR_OK, "clock", "sane, and goes on");
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static void check_private(struct doctor *d, const char *path, const char *what)
{
	struct env_facts_file f;
	int rc = env_facts_file(path, &f);
	if (rc)
		doctor_say(d, rc == -ENOENT ? DOCTOR_WARNING : DOCTOR_PROBLEM, what, "%s: %s", path, strerror(-rc));
	else if (!f.is_own)
		doctor_say(d, DOCTOR_PROBLEM, what, "%s belongs to another user: run as that one, or chown it", path);
	else if (f.mode & 077)
		doctor_say(d, DOCTOR_PROBLEM, what, "%s can be used by others (mode %03o): chmod go= %s", path,
			f.mode & 0777, path);
	else
		doctor_say(d, DOCTOR_OK, what, "%s is its owner's alone", path);
}

void doctor_check_folder(struct doctor *d)
{
	struct env_facts_file f;
	char *backup = why_printf("%s/BACKUP", d->dir), *secret = why_printf("%s/secret", d->dir);
	if (env_facts_file(d->dir, &f) == -ENOENT) {
		doctor_say(d, DOCTOR_WARNING, "folder", "%s does not exist: `hongyan serve --data %s` makes it", d->dir,
			d->dir);
	} else {
		check_private(d, d->dir, "folder");
		if (d->there)
			check_private(d, secret, "secret");
		if (env_facts_file(backup, &f) == 0)
			doctor_say(d, DOCTOR_WARNING, "folder",
				"%s is a backup: `hongyan restore` makes a data folder of it", d->dir);
	}
	hy_free(backup);
	hy_free(secret);
}

/* ---- the disk ---------------------------------------------------------------------------------------------------- */

/** The fastest of some small writes, each synced; 0 or a negative errno value. */
static int time_syncs(struct env *env, const char *path, uint64_t *ret_us)
{
	struct env_file *file;
	char block[4096] = "x";
	int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file);
	if (rc)
		return rc;
	*ret_us = UINT64_MAX;
	for (int i = 0; i < SYNCS && rc == 0; i++) {
		struct iovec iov = {block, sizeof block};
		rc = env_file_pwritev(file, &iov, 1, (uint64_t)i * sizeof block);
		uint64_t began_us = env_mono_us(env);
		if (rc == 0)
			rc = env_file_sync(file);
		*ret_us = HY_MIN(*ret_us, env_mono_us(env) - began_us);
	}
	env_file_close(file);
	int removed = env_unlink(env, path);
	return rc ? rc : removed;
}

void doctor_check_disk(struct doctor *d)
{
	struct env_facts_file f;
	const char *dir = env_facts_file(d->dir, &f) == 0 ? d->dir : ".";
	uint64_t free_bytes, us;
	int rc = env_disk_free(d->env, dir, &free_bytes);
	unsigned long long mib = rc ? 0 : free_bytes / MIB;
	if (rc)
		doctor_say(d, DOCTOR_PROBLEM, "disk", "of %s: %s", dir, strerror(-rc));
	else if (free_bytes < DISK_RESERVE)
		doctor_say(d, DOCTOR_PROBLEM, "disk", "%llu MiB free: below %llu messages are refused: free some space",
			mib, DISK_RESERVE / MIB);
	else
		doctor_say(d, free_bytes < 4 * DISK_RESERVE ? DOCTOR_WARNING : DOCTOR_OK, "disk",
			"%llu MiB free; below %llu messages are refused", mib, DISK_RESERVE / MIB);
	char *probe = why_printf("%s/doctor.probe", dir);
	rc = time_syncs(d->env, probe, &us);
	hy_free(probe);
	if (rc)
		doctor_say(d, DOCTOR_PROBLEM, "sync", "a small file in %s cannot be written and synced: %s", dir,
			strerror(-rc));
	else if (us < SYNC_TOO_FAST_US)
		doctor_say(d, DOCTOR_WARNING, "sync",
			"takes %llu us: nothing reaches a disk here (tmpfs?), so a power cut loses answered messages",
			(unsigned long long)us);
	else
		doctor_say(d, us > SYNC_SLOW_US ? DOCTOR_WARNING : DOCTOR_OK, "sync", "takes %llu us%s",
			(unsigned long long)us,
			us > SYNC_SLOW_US ? ": every message waits for one; use a faster disk" : "");
}

/* ---- server and store -------------------------------------------------------------------------------------------- */

void doctor_check_store(struct doctor *d)
{
	if (!d->there)
		doctor_say(d, DOCTOR_OK, "store", "none yet");
	else if (!d->answered && d->running)
		doctor_say(d, DOCTOR_PROBLEM, "server", "somebody holds %s, but no server answers there", d->dir);
	else if (!d->answered)
		doctor_say(d, DOCTOR_PROBLEM, "store", "cannot be opened; the line on standard error says why");
	else if (d->running && d->failed)
		doctor_say(d, DOCTOR_PROBLEM, "server",
			"runs, but its store has failed: see its log, then start it again");
	else if (d->running)
		doctor_say(d, d->log_bytes > d->log_limit / 4 * 3 ? DOCTOR_WARNING : DOCTOR_OK, "server",
			"runs; %llu MiB of the log's %llu are waiting to be moved",
			(unsigned long long)(d->log_bytes / MIB), (unsigned long long)(d->log_limit / MIB));
	else
		doctor_say(d, DOCTOR_OK, "store", "no server runs; the log reads well, %llu MiB would be replayed",
			(unsigned long long)(d->log_bytes / MIB));
}

/* ---- ports ------------------------------------------------------------------------------------------------------- */

static void say_taken(struct doctor *d, const char *text, const struct env_addr *addr)
{
	char who[128] = "another user's program";
	bool seen = env_facts_listener(addr->port, who, sizeof who);
	bool server = seen && (strncmp(who, "hongyan ", 8) == 0 || strcmp(who, ENV_FACTS_HIDDEN) == 0);
	if (server && d->running)
		doctor_say(d, DOCTOR_OK, "port", "%s is used by %s", text, who);
	else
		doctor_say(d, DOCTOR_PROBLEM, "port",
			"%s is taken by %s: end it, or choose another address with --listen", text, who);
}

static void check_port(struct doctor *d, const char *text)
{
	struct env_addr addr;
	struct env_listener *listener;
	if (env_addr_parse(text, &addr) < 0) {
		doctor_say(d, DOCTOR_PROBLEM, "port", "'%s' is no address; write 127.0.0.1:7600, [::1]:7600 or *:7600",
			text);
		return;
	}
	int rc = env_listen(d->env, &addr, &listener);
	if (rc == 0)
		env_listener_close(listener);
	if (rc == -EADDRINUSE)
		say_taken(d, text, &addr);
	else if (rc)
		doctor_say(d, DOCTOR_PROBLEM, "port", "%s: %s", text, strerror(-rc));
	else
		doctor_say(d, DOCTOR_OK, "port", "%s is free%s", text,
			d->running ? "; the server listens elsewhere (--listen names the address to look at)" : "");
}

void doctor_check_ports(struct doctor *d)
{
	char one[128];
	for (const char *at = d->listen; *at;) {
		size_t len = strcspn(at, ",");
		snprintf(one, sizeof one, "%.*s", (int)HY_MIN(len, sizeof one - 1), at);
		check_port(d, one);
		at += len + (at[len] == ',');
	}
}
