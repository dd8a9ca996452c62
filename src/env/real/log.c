/*
 * Log lines: many threads put them into a ring of fixed slots, one thread writes them out.
 *
 * Each slot has a number that says whose turn it is: n, a sender may fill it as the n-th line; n + 1, the writer may
 * take it. A sender claims a slot by one compare-and-swap and never waits; a full ring costs it the line (X5).
 */
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>

#include "env/real/internal.h"

enum {
	SLOTS = 2048, /* a power of two */
	LINE_MAX_BYTES = 1020,
	BATCH_BYTES = 64 << 10,
};

struct slot {
	uint32_t len;
	char line[LINE_MAX_BYTES];
};

struct log_ring {
	struct env *env;
	int fd;
	atomic_int level;
	atomic_bool stopping;
	atomic_uint_fast64_t dropped;
	atomic_uint_fast64_t head;   /* the next line's number */
	char apart[64];              /* senders write above, the writer below */
	atomic_bool asleep;          /* the writer waits for `wake`, or is about to */
	uint64_t tail, dropped_told; /* the writer's */
	sem_t wake;
	pthread_t writer;
	char *batch;
	struct slot *slots; /* whose turn it is lies outside, so that an unused slot costs no memory */
	atomic_uint_fast64_t turns[SLOTS];
};

/* ---- a line ------------------------------------------------------------------------------------------------------ */

/* By hand, since gmtime_r() takes a lock. The calendar repeats every 400 years; years are counted from March. */
static int format_time(uint64_t wall_ms, char *text, size_t size)
{
	uint64_t days = wall_ms / 86400000 + 719468, ms = wall_ms % 86400000;
	unsigned day_of_era = (unsigned)(days % 146097);
	unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned month = (5 * day_of_year + 2) / 153;
	unsigned day = day_of_year - (153 * month + 2) / 5 + 1;
	month = month < 10 ? month + 3 : month - 9;
	unsigned year = (unsigned)(days / 146097) * 400 + year_of_era + (month <= 2);
	return snprintf(text, size, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, day, (unsigned)(ms / 3600000),
		(unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
}

/*
 * C0, DEL, and the C1 set in UTF-8: what a terminal would obey. Returns how many bytes of `s` it takes, 0 for a plain
 * one.
 */
static size_t control_at(const char *s)
{
	unsigned char c = (unsigned char)s[0], d = c == 0xc2 ? (unsigned char)s[1] : 0;
	if (c < 0x20 || c == 0x7f)
		return 1;
	return d >= 0x80 && d < 0xa0 ? 2 : 0;
}

static size_t escape(const char *s, size_t n, char *to)
{
	if (n == 1 && (*s == '\n' || *s == '\t')) {
		memcpy(to, *s == '\n' ? "\\n" : "\\t", 2);
		return 2;
	}
	for (size_t i = 0; i < n; i++) {
		static const char digits[] = "0123456789abcdef";
		unsigned char c = (unsigned char)s[i];
		memcpy(to + 4 * i, (char[]){'\\', 'x', digits[c >> 4], digits[c & 15]}, 4);
	}
	return 4 * n;
}

/*
 * Appends the text at `line + at`, escaped, cut with dots where the slot ends, and a newline. Returns the line's
 * length.
 */
static size_t append_text(char *line, size_t at, const char *text)
{
	const size_t end = LINE_MAX_BYTES - 4; /* the dots, the newline */
	while (*text) {
		size_t n = control_at(text);
		if (at + HY_MAX(4 * n, 1) > end) {
			while (at > 0 && ((unsigned char)line[at - 1] & 0xc0) == 0x80) /* cut no character in two */
				at--;
			if (at > 0 && ((unsigned char)line[at - 1] & 0xc0) == 0xc0)
				at--;
			memcpy(line + at, "...", 3);
			at += 3;
			break;
		}
		if (n == 0)
			line[at++] = *text++;
		else {
			at += escape(text, n, line + at);
			text += n;
		}
	}
	line[at++] = '\n';
	return at;
}

static size_t format_head(struct env *env, enum env_log_level level, const char *room, uint64_t trace, char *line)
{
	static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
	int n = format_time(env_wall_ms(env), line, LINE_MAX_BYTES);
	n += snprintf(line + n, LINE_MAX_BYTES - (size_t)n, " %-5s %-7.32s ", names[level], room);
	if (trace)
		n += snprintf(line + n, LINE_MAX_BYTES - (size_t)n, "trace=%llu ", (unsigned long long)trace);
	return (size_t)n;
}

/* ---- senders ----------------------------------------------------------------------------------------------------- */

/* False when the ring is full. */
static bool claim(struct log_ring *log, uint64_t *ret_number)
{
	uint64_t number = atomic_load_explicit(&log->head, memory_order_relaxed);
	for (;;) {
		uint64_t turn = atomic_load_explicit(&log->turns[number % SLOTS], memory_order_acquire);
		if (turn < number)
			return false; /* still holds the line of a round ago */
		if (turn > number)
			number = atomic_load_explicit(&log->head, memory_order_relaxed);
		else if (atomic_compare_exchange_weak_explicit(
				 &log->head, &number, number + 1, memory_order_relaxed, memory_order_relaxed)) {
			*ret_number = number;
			return true;
		}
	}
}

/*
 * The writer says that it sleeps, then looks at the ring once more; a sender fills the ring, then asks whether the
 * writer sleeps. All four are sequentially consistent, so one of the two sees the other.
 */
static void publish(struct log_ring *log, uint64_t number)
{
	atomic_store(&log->turns[number % SLOTS], number + 1);
	if (atomic_load(&log->asleep) && atomic_exchange(&log->asleep, false))
		sem_post(&log->wake);
}

void env_log(struct env *env, enum env_log_level level, const char *room, uint64_t trace, const char *fmt, ...)
{
	struct log_ring *log = env->log;
	if (!log || (int)level < atomic_load_explicit(&log->level, memory_order_relaxed))
		return;
	uint64_t number;
	if (!claim(log, &number)) {
		atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
		return;
	}
	char text[LINE_MAX_BYTES];
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof text, fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	struct slot *slot = &log->slots[number % SLOTS];
	slot->len = (uint32_t)append_text(slot->line, format_head(env, level, room, trace, slot->line), text);
	publish(log, number);
}

void env_log_set_level(struct env *env, enum env_log_level level)
{
	if (env->log)
		atomic_store_explicit(&env->log->level, (int)level, memory_order_relaxed);
}

uint64_t env_log_dropped(struct env *env)
{
	return env->log ? atomic_load_explicit(&env->log->dropped, memory_order_relaxed) : 0;
}

/* ---- the writer -------------------------------------------------------------------------------------------------- */

/* A line that cannot be written is lost: there is nobody to tell. */
static void write_out(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = RETRY(write(fd, p, len));
		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
			continue;
		}
		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

static bool has_line(struct log_ring *log)
{
	return atomic_load(&log->turns[log->tail % SLOTS]) == log->tail + 1;
}

static size_t tell_dropped(struct log_ring *log, char *line)
{
	uint64_t dropped = atomic_load_explicit(&log->dropped, memory_order_relaxed);
	if (dropped == log->dropped_told)
		return 0;
	char text[64];
	snprintf(text, sizeof text, "%llu log lines were dropped", (unsigned long long)(dropped - log->dropped_told));
	log->dropped_told = dropped;
	return append_text(line, format_head(log->env, ENV_LOG_WARN, "env", 0, line), text);
}

/* Writes what is in the ring now; false when it was empty. */
static bool drain(struct log_ring *log)
{
	size_t len = tell_dropped(log, log->batch);
	while (len + LINE_MAX_BYTES <= BATCH_BYTES && has_line(log)) {
		const struct slot *slot = &log->slots[log->tail % SLOTS];
		memcpy(log->batch + len, slot->line, slot->len);
		len += slot->len;
		atomic_store_explicit(&log->turns[log->tail % SLOTS], log->tail + SLOTS, memory_order_release);
		log->tail++;
	}
	write_out(log->fd, log->batch, len);
	return len > 0;
}

static void *writer_run(void *arg)
{
	struct log_ring *log = arg;
	for (;;) {
		while (drain(log))
			;
		if (atomic_load(&log->stopping))
			return NULL;
		atomic_store(&log->asleep, true);
		if (!has_line(log) && !atomic_load(&log->stopping))
			while (sem_wait(&log->wake) != 0)
				;
		atomic_store(&log->asleep, false);
	}
}

struct log_ring *log_create(struct env *env, int fd)
{
	struct log_ring *log = hy_zalloc(sizeof *log);
	log->env = env;
	log->fd = fd;
	atomic_init(&log->level, ENV_LOG_INFO);
	for (size_t i = 0; i < SLOTS; i++)
		atomic_init(&log->turns[i], i);
	log->slots = hy_zalloc(SLOTS * sizeof *log->slots);
	log->batch = hy_alloc(BATCH_BYTES);
	sem_init(&log->wake, 0, 0);
	int r = thread_start(&log->writer, "log", writer_run, log);
	assert(r == 0); /* a process that cannot have its first thread has nothing to go on with */
	return log;
}

void log_destroy(struct log_ring *log)
{
	atomic_store(&log->stopping, true);
	sem_post(&log->wake);
	pthread_join(log->writer, NULL);
	sem_destroy(&log->wake);
	hy_free(log->slots);
	hy_free(log->batch);
	hy_free(log);
}
