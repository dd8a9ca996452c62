/* load_server.c - the server under load: started on core 0, its CPU time by threads. */
#include <dirent.h>
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

static void pin(int core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void wait_until_ready(FILE *from, struct load_server *s)
{
	char line[512];
	while (fgets(line, sizeof line, from)) {
		const char *at = strstr(line, "ready at http://");
		if (!at)
			continue;
		const char *colon = strrchr(at, ':');
		s->port = (uint16_t)strtoul(colon + 1, NULL, 10);
		return;
	}
	errx(1, "the server did not start");
}

void load_server_start_again(struct load_server *s, const char *const *options)
{
	/* Limits are for people; a load is a few users who do much. They are looked at all the same, but never met. */
	static const char never[] = "1000000/s:1000000";
	const char *argv[64] = {s->program, "serve", "--data", s->dir, "--listen", "127.0.0.1:0", "--password-memory",
		"8K", "--password-passes", "1", "--log-level", "warn", "--metrics", "off", "--limit-send", never,
		"--limit-search", never, "--limit-ask", never, "--limit-change", never};
	int n = 22, out[2];
	for (; *options; options++)
		argv[n++] = *options;
	if (pipe(out) != 0)
		err(1, "pipe");
	s->pid = fork();
	if (s->pid < 0)
		err(1, "fork");
	if (s->pid == 0) {
		pin(0);
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execv(s->program, (char *const *)(uintptr_t)argv);
		err(127, "%s", s->program);
	}
	close(out[1]);
	FILE *from = fdopen(out[0], "r");
	wait_until_ready(from, s);
	/* The pipe stays open: a server that prints later must not die of it. */
	pin(1);
}

void load_server_start(struct load_server *s, const char *const *options)
{
	const char *build = getenv("HONGYAN_BUILD"), *where = getenv("HONGYAN_BENCH_DIR");
	snprintf(s->program, sizeof s->program, "%s/src/main/hongyan", build ? build : "build/release");
	snprintf(s->dir, sizeof s->dir, "%s/hongyan-bench-XXXXXX", where ? where : "/var/tmp");
	if (!mkdtemp(s->dir))
		err(1, "%s", s->dir);
	load_server_start_again(s, options);
}

void load_server_stop(struct load_server *s)
{
	int status;
	kill(s->pid, SIGTERM);
	waitpid(s->pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		errx(1, "the server ended badly: status %x", status);
}

void load_server_remove(struct load_server *s)
{
	char command[600];
	snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
	if (system(command) != 0)
		warnx("%s is left", s->dir);
}

/** utime + stime of one /proc/.../stat, in microseconds; *ret_name: the thread's. */
static double read_cpu_us(const char *path, char *name, size_t size)
{
	char text[1024];
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	char *open = strchr(text, '('), *shut = strrchr(text, ')');
	unsigned long long user, sys;
	if (!open || !shut ||
		sscanf(shut + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &sys) != 2)
		return 0;
	snprintf(name, size, "%.*s", (int)(shut - open - 1), open + 1);
	return (double)(user + sys) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/** schedstat counts nanoseconds, where stat counts hundredths of a second. */
static double read_run_us(const char *dir, double otherwise)
{
	char path[192];
	unsigned long long ns;
	snprintf(path, sizeof path, "%s/schedstat", dir);
	FILE *f = fopen(path, "r");
	if (!f)
		return otherwise;
	int n = fscanf(f, "%llu", &ns);
	fclose(f);
	return n == 1 && ns > 0 ? (double)ns / 1e3 : otherwise;
}

static bool on_the_path(const char *name)
{
	return strncmp(name, "loop", 4) == 0 || strncmp(name, "svr", 3) == 0 || strstr(name, "commit") != NULL;
}

struct load_cpu load_server_cpu(const struct load_server *s)
{
	struct load_cpu cpu = {0};
	char dir[64], path[160], name[64];
	snprintf(dir, sizeof dir, "/proc/%d/task", s->pid);
	DIR *d = opendir(dir);
	if (!d)
		err(1, "%s", dir);
	struct dirent *e;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%.20s/stat", dir, e->d_name);
		double us = read_cpu_us(path, name, sizeof name);
		snprintf(path, sizeof path, "%s/%.20s", dir, e->d_name);
		us = read_run_us(path, us);
		cpu.all_us += us;
		if (on_the_path(name))
			cpu.loops_us += us;
	}
	closedir(d);
	return cpu;
}

uint64_t load_server_stat(const struct load_server *s, const char *name)
{
	char command[900], line[256], found[128];
	unsigned long long value, result = 0;
	snprintf(command, sizeof command, "'%s' mon --once --data '%s'", s->program, s->dir);
	FILE *f = popen(command, "r");
	if (!f)
		err(1, "%s", command);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "%127s %llu", found, &value) == 2 && strcmp(found, name) == 0)
			result = value;
	pclose(f);
	return result;
}
