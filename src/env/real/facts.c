/* See facts.h. Most of it is what /proc says. */
#include "env/real/facts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LISTENING 0x0au /* in /proc/net/tcp */
#define INODES_MAX 16

bool env_facts_forbidden(const char *path)
{
	return access(path, R_OK | W_OK) != 0 && errno == EACCES;
}

int env_facts_file(const char *path, struct env_facts_file *ret_facts)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return -errno;
	*ret_facts = (struct env_facts_file){S_ISDIR(st.st_mode), st.st_uid == geteuid(), st.st_mode & 07777};
	return 0;
}

/* ---- the machine ------------------------------------------------------------------------------------------------- */

static uint64_t number_in(const char *path, const char *label)
{
	char line[256];
	uint64_t value = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	while (value == 0 && fgets(line, sizeof line, f)) {
		if (strncmp(line, label, strlen(label)) == 0)
			value = strtoull(line + strlen(label), NULL, 10);
	}
	fclose(f);
	return value;
}

void env_facts_machine(struct env_facts_machine *ret_facts)
{
	struct utsname u;
	*ret_facts = (struct env_facts_machine){.memory_bytes = 1024 * number_in("/proc/meminfo", "MemTotal:"),
		.memory_available_bytes = 1024 * number_in("/proc/meminfo", "MemAvailable:")};
	if (uname(&u) == 0)
		snprintf(ret_facts->kernel, sizeof ret_facts->kernel, "%.60s %.60s", u.sysname, u.release);
	uint64_t confined = number_in("/sys/fs/cgroup/memory.max", ""); /* "max": none */
	uint64_t used = number_in("/sys/fs/cgroup/memory.current", "");
	if (confined == 0 || confined >= ret_facts->memory_bytes)
		return;
	ret_facts->memory_bytes = confined;
	uint64_t left = confined > used ? confined - used : 0;
	ret_facts->memory_available_bytes = HY_MIN(ret_facts->memory_available_bytes, left);
}

/* ---- ports ------------------------------------------------------------------------------------------------------- */

struct inodes {
	unsigned long inode[INODES_MAX];
	unsigned count;
	bool own; /* a socket of this user is among them */
};

static void note_listeners(const char *path, uint16_t port, struct inodes *found)
{
	char line[512];
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof line, f)) {
		unsigned local, state, uid;
		unsigned long inode;
		int n = sscanf(line, " %*[^:]: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %u %*u %lu", &local,
			&state, &uid, &inode);
		if (n != 4 || local != port || state != LISTENING || found->count == INODES_MAX)
			continue;
		found->inode[found->count++] = inode;
		found->own |= uid == geteuid();
	}
	fclose(f);
}

static bool holds(const char *process, const struct inodes *wanted)
{
	char path[64], file[384], target[64];
	snprintf(path, sizeof path, "/proc/%.20s/fd", process);
	DIR *dir = opendir(path);
	bool found = false;
	if (!dir)
		return false;
	for (const struct dirent *e = readdir(dir); e && !found; e = readdir(dir)) {
		snprintf(file, sizeof file, "%s/%s", path, e->d_name);
		ssize_t n = readlink(file, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		for (unsigned i = 0; i < wanted->count && !found; i++)
			found = strncmp(target, "socket:[", 8) == 0 &&
				strtoul(target + 8, NULL, 10) == wanted->inode[i];
	}
	closedir(dir);
	return found;
}

static void describe(const char *process, char *text, size_t size)
{
	char path[64], name[64] = "?";
	snprintf(path, sizeof path, "/proc/%.20s/comm", process);
	FILE *f = fopen(path, "re");
	if (f && fgets(name, sizeof name, f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
	snprintf(text, size, "%s (process %s)", name, process);
}

bool env_facts_listener(uint16_t port, char *text, size_t size)
{
	struct inodes wanted = {.count = 0};
	note_listeners("/proc/net/tcp", port, &wanted);
	note_listeners("/proc/net/tcp6", port, &wanted);
	DIR *dir = wanted.count ? opendir("/proc") : NULL;
	bool found = false;
	if (!dir)
		return false;
	for (const struct dirent *e = readdir(dir); e && !found; e = readdir(dir)) {
		if (!isdigit((unsigned char)e->d_name[0]) || !holds(e->d_name, &wanted))
			continue;
		describe(e->d_name, text, size);
		found = true;
	}
	closedir(dir);
	if (!found && wanted.own)
		snprintf(text, size, ENV_FACTS_HIDDEN);
	return found || wanted.own;
}
