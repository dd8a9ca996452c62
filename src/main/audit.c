/* audit.c - see audit.h. One thread appends, so lines stand in their order. */
#include "main/audit.h"

#include <stdio.h>
#include <sys/uio.h>
#include <time.h>

#include "base/mem.h"
#include "main/why.h"

#define QUEUE_MAX 64u
#define LINE_BYTES 512u
#define PATIENCE_US (10ull * 1000 * 1000)

struct audit {
	struct env *env;
	struct svr_pool *pool;
	char *path;
};

struct append {
	struct svr_job job;
	struct env *env;
	char *path;
	int rc;
	size_t len;
	char line[LINE_BYTES + 64];
};

static int put_line(struct env *env, const char *path, const char *line, size_t len)
{
	struct iovec iov = {(char *)(uintptr_t)line, len};
	struct env_file *f = NULL;
	uint64_t size = 0;

	int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &f);
	if (rc == 0)
		rc = env_file_size(f, &size);
	if (rc == 0)
		rc = env_file_pwritev(f, &iov, 1, size);
	if (rc == 0)
		rc = env_file_sync(f);
	env_file_close(f);
	return rc;
}

static void run(struct svr_job *job)
{
	struct append *a = hy_container_of(job, struct append, job);

	a->rc = put_line(a->env, a->path, a->line, a->len);
}

static void done(struct svr_job *job)
{
	struct append *a = hy_container_of(job, struct append, job);
	hy_free(a->path);
	hy_free(a);
}

/** One line, and nothing that a terminal would obey: names come as they were typed, also those that are refused. */
static void make_plain(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
		if (*p < 0x20 || *p == 0x7f || c1)
			*p = '?';
		if (c1)
			*++p = '?';
	}
}

static size_t put_time(uint64_t wall_ms, char *text, size_t size)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	size_t len = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return len + (size_t)snprintf(text + len, size - len, ".%03uZ", (unsigned)(wall_ms % 1000));
}

static void append(struct audit *audit, struct call *call, const char *what)
{
	struct append *a = hy_zalloc(sizeof *a);
	struct call own = *call; /* what was done is noted though the caller's time is over */

	own.deadline_us = svr_now_us(call->loop) + PATIENCE_US;
	a->job.run = run;
	a->job.done = done;
	a->env = audit->env;
	a->path = hy_strdup(audit->path);
	a->len = put_time(env_wall_ms(audit->env), a->line, sizeof a->line);
	a->len += (size_t)snprintf(
		a->line + a->len, sizeof a->line - a->len, " %llu %s\n", (unsigned long long)call->trace, what);
	int status = svr_pool_call(audit->pool, &own, &a->job);
	if (status == HY_DEADLINE_EXCEEDED || status == HY_CANCELLED)
		call_log(call, ENV_LOG_WARN, "audit", "%s may not have this line yet: %s", audit->path, what);
	else if (status != HY_OK || a->rc != 0)
		call_log(call, ENV_LOG_ERROR, "audit", "cannot append to %s: %s", audit->path,
			status != HY_OK ? hy_status_text(status) : strerror(-a->rc));
	if (status == HY_OK)
		done(&a->job);
}

void audit_line(struct audit *audit, struct call *call, const char *fmt, ...)
{
	char what[LINE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	make_plain(what);
	call_log(call, ENV_LOG_INFO, "audit", "%s", what);
	if (audit)
		append(audit, call, what);
}

int audit_line_at_rest(struct env *env, const char *dir, const char *fmt, ...)
{
	char what[LINE_BYTES], line[LINE_BYTES + 64];
	char *path = why_printf("%s/audit.log", dir);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	make_plain(what);
	env_log(env, ENV_LOG_INFO, "audit", 0, "%s", what);
	size_t len = put_time(env_wall_ms(env), line, sizeof line);
	len += (size_t)snprintf(line + len, sizeof line - len, " 0 %s\n", what);
	int rc = put_line(env, path, line, len);
	hy_free(path);
	return rc;
}

int audit_create(struct svr *svr, const char *dir, struct audit **ret_audit)
{
	struct audit *audit = hy_zalloc(sizeof *audit);

	audit->env = svr_env(svr);
	audit->path = why_printf("%s/audit.log", dir);
	int rc = svr_pool_create(svr, "audit", 1, QUEUE_MAX, &audit->pool);
	if (rc != HY_OK) {
		hy_free(audit->path);
		hy_free(audit);
		return rc;
	}
	*ret_audit = audit;
	return HY_OK;
}

void audit_destroy(struct audit *audit)
{
	if (!audit)
		return;
	svr_pool_destroy(audit->pool);
	hy_free(audit->path);
	hy_free(audit);
}
