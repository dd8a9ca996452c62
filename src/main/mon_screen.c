/* mon_screen.c - see mon_screen.h: the table that is refreshed in place. */
#include "main/mon_screen.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define METHODS_MAX 1024u
#define CELL 40u /* name, value and rate of one counter or gauge, and a gap */
#define CELL_TEXT 96u
#define LINE_TEXT 512u

struct screen {
	const struct mon_view *v, *before;
	double seconds; /* between the two; 0: there is no rate */
	const struct mon_filter *filter;
	unsigned columns, lines;
	struct hy_buf body; /* all lines, each with its end */
};

/* ---- numbers as people read them --------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);
	return a >= b && strcmp(text + a - b, end) == 0;
}

static void scaled(double n, double step, const char *const *units, char *text, size_t size)
{
	unsigned i = 0;
	while (n >= 9999.5 && units[i + 1]) {
		n /= step;
		i++;
	}
	snprintf(text, size, n < 99.95 && i > 0 ? "%.1f%s" : "%.0f%s", n, units[i]);
}

static void print_time_us(double us, char *text, size_t size)
{
	if (us < 1000)
		snprintf(text, size, "%.0fus", us);
	else if (us < 1e6)
		snprintf(text, size, us < 1e4 ? "%.1fms" : "%.0fms", us / 1e3);
	else
		snprintf(text, size, "%.1fs", us / 1e6);
}

static const char *const counts[] = {"", "k", "M", "G", "T", NULL};

static void print_number(const char *name, double n, char *text, size_t size)
{
	static const char *const bytes[] = {"", "Ki", "Mi", "Gi", "Ti", NULL};
	if (ends_with(name, "_us"))
		print_time_us(n, text, size);
	else if (strstr(name, "_bytes") || ends_with(name, "_budget") || ends_with(name, "_limit"))
		scaled(n, 1024, bytes, text, size);
	else
		scaled(n, 1000, counts, text, size);
}

static void print_rate(double per_second, char *text, size_t size)
{
	char number[24];
	if (per_second > 0 && per_second < 9.95)
		snprintf(number, sizeof number, "%.1f", per_second);
	else
		scaled(per_second, 1000, counts, number, sizeof number);
	snprintf(text, size, "%.20s/s", number);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static void put_line(struct screen *s, const char *text)
{
	hy_buf_printf(&s->body, "%.*s\n", (int)s->columns, text);
	s->lines++;
}

/** As people read it: the unit stands beside the value. */
static int name_length(const char *name)
{
	return (int)(strlen(name) - (ends_with(name, "_us") ? strlen("_us") : 0));
}

static bool wanted(const struct screen *s, const char *name)
{
	for (int i = 0; i < s->filter->count; i++)
		if (strncmp(name, s->filter->names[i], strlen(s->filter->names[i])) == 0)
			return true;
	return s->filter->count == 0;
}

static uint64_t earlier(const struct screen *s, const struct mon_value *value, unsigned slot)
{
	return s->before ? mon_view_sum(s->before, value, slot) : 0;
}

/** What was counted since `before`, per second. A restart makes numbers smaller: 0 then. */
static double rate(const struct screen *s, const struct mon_value *value, unsigned slot)
{
	uint64_t now = mon_view_sum(s->v, value, slot), then = earlier(s, value, slot);
	return s->seconds > 0 && now > then ? (double)(now - then) / s->seconds : 0;
}

/* ---- counters and gauges, in columns ----------------------------------------------------------------------------- */

static void print_cell(const struct screen *s, const struct mon_value *value, char cell[CELL_TEXT])
{
	char number[24], change[24] = "";
	uint64_t n = mon_view_sum(s->v, value, 0);
	print_number(value->name, (double)n, number, sizeof number);
	if (value->kind == MON_KIND_COUNTER)
		print_rate(rate(s, value, 0), change, sizeof change);
	snprintf(cell, CELL_TEXT, "%-22.*s %7.7s %7.7s", HY_MIN(name_length(value->name), 22), value->name, number,
		change);
}

/** What is 0, and was, is left out, unless it was asked for. */
static bool is_shown(const struct screen *s, const struct mon_value *value, enum mon_kind kind)
{
	return value->kind == kind && !value->label[0] && wanted(s, value->name) &&
	       (s->filter->count > 0 || mon_view_sum(s->v, value, 0) > 0 || earlier(s, value, 0) > 0);
}

static void put_cells(struct screen *s, const char *head, enum mon_kind kind)
{
	bool any = false;
	unsigned per_line = HY_MAX(s->columns / CELL, 1u), in_line = 0;
	char line[LINE_TEXT] = "";
	size_t len = 0;
	for (unsigned i = 0; i < s->v->entry_count; i++) {
		struct mon_value value = mon_view_value(s->v, i);
		char cell[CELL_TEXT];
		if (!is_shown(s, &value, kind))
			continue;
		if (!any) {
			put_line(s, "");
			put_line(s, head);
		}
		any = true;
		print_cell(s, &value, cell);
		len += (size_t)snprintf(line + len, sizeof line - len, "%-*s", (int)CELL, cell);
		if (++in_line == per_line || len + CELL_TEXT > sizeof line) {
			put_line(s, line);
			len = in_line = 0;
		}
	}
	if (in_line > 0)
		put_line(s, line);
}

/* ---- times and methods ------------------------------------------------------------------------------------------- */

/** Of the times since `before`; of all, while there is none, or when nothing came since. */
static void print_quantiles(const struct screen *s, const struct mon_value *value, char p50[24], char p99[24])
{
	uint64_t buckets[MON_VIEW_SLOTS_MAX], all[MON_VIEW_SLOTS_MAX], recent = 0;
	unsigned n = value->slots - 1;
	for (unsigned i = 0; i < n; i++) {
		uint64_t then = earlier(s, value, i);
		all[i] = mon_view_sum(s->v, value, i);
		buckets[i] = s->before && all[i] > then ? all[i] - then : 0;
		recent += buckets[i];
	}
	const uint64_t *from = recent ? buckets : all;
	print_time_us((double)mon_quantile_us(from, n, 0.5), p50, 24);
	print_time_us((double)mon_quantile_us(from, n, 0.99), p99, 24);
}

static void put_histograms(struct screen *s)
{
	for (unsigned i = 0; i < s->v->entry_count; i++) {
		struct mon_value value = mon_view_value(s->v, i);
		char p50[24], p99[24], line[LINE_TEXT];
		if (value.kind != MON_KIND_HISTOGRAM || value.label[0] || !wanted(s, value.name))
			continue;
		print_quantiles(s, &value, p50, p99);
		if (strcmp(p99, "0us") == 0)
			continue; /* there was none yet */
		put_line(s, "");
		snprintf(line, sizeof line, "%s: half below %s, 99 of 100 below %s", value.name, p50, p99);
		put_line(s, line);
		snprintf(line, sizeof line, "  (%s)", value.help);
		put_line(s, line);
	}
}

#define METHOD_LINE "%-28.28s %5s %7s %9s %9s %7s %7s"

struct method {
	struct mon_value calls, errors, latency;
	uint64_t total;
	double calls_s, errors_s;
};

static int by_rate(const void *a, const void *b)
{
	const struct method *x = a, *y = b;
	if (x->calls_s != y->calls_s)
		return x->calls_s < y->calls_s ? 1 : -1;
	return x->total != y->total ? (x->total < y->total ? 1 : -1) : strcmp(x->calls.label, y->calls.label);
}

/** Its three values stand one after the other. */
static bool read_method(const struct screen *s, unsigned index, struct method *ret)
{
	if (index + 2 >= s->v->entry_count)
		return false;
	*ret = (struct method){.calls = mon_view_value(s->v, index),
		.errors = mon_view_value(s->v, index + 1),
		.latency = mon_view_value(s->v, index + 2)};
	if (!ret->calls.label[0] || ret->calls.kind != MON_KIND_COUNTER || ret->errors.kind != MON_KIND_STATUSES ||
		ret->latency.kind != MON_KIND_HISTOGRAM || !wanted(s, ret->calls.label))
		return false;
	ret->total = mon_view_sum(s->v, &ret->calls, 0);
	ret->calls_s = rate(s, &ret->calls, 0);
	for (unsigned i = 0; i < ret->errors.slots; i++)
		ret->errors_s += rate(s, &ret->errors, i);
	return ret->total > 0;
}

static void put_methods(struct screen *s)
{
	struct method *methods = hy_alloc(METHODS_MAX * sizeof *methods);
	unsigned count = 0;
	for (unsigned i = 0; i < s->v->entry_count && count < METHODS_MAX; i++)
		count += read_method(s, i, &methods[count]);
	qsort(methods, count, sizeof *methods, by_rate);
	double calls_s = 0, calls_all = 0;
	for (unsigned i = 0; i < count; i++) {
		calls_s += methods[i].calls_s;
		calls_all += (double)methods[i].total;
	}
	if (count > 0) {
		char head[160];
		snprintf(head, sizeof head, METHOD_LINE, "method", "share", "calls", "calls/s", "errors/s", "p50",
			"p99");
		put_line(s, "");
		put_line(s, head);
	}
	for (unsigned i = 0; i < count; i++) {
		const struct method *m = &methods[i];
		char share[24], total[24], calls[24], errors[24], p50[24], p99[24], line[256];
		snprintf(share, sizeof share, "%.0f%%",
			100 * (calls_s > 0 ? m->calls_s / calls_s : (double)m->total / calls_all));
		print_number("", (double)m->total, total, sizeof total);
		print_rate(m->calls_s, calls, sizeof calls);
		print_rate(m->errors_s, errors, sizeof errors);
		print_quantiles(s, &m->latency, p50, p99);
		snprintf(line, sizeof line, METHOD_LINE, m->calls.label, share, total, calls, errors, p50, p99);
		put_line(s, line);
	}
	hy_free(methods);
}

/* ---- the window on it -------------------------------------------------------------------------------------------- */

/** The lines from *top on that there is room for; *top is moved to where there are some. */
static void put_window(const struct screen *s, unsigned rows, unsigned *top, struct hy_buf *out)
{
	const char *at = (const char *)hy_buf_data(&s->body), *end = at + hy_buf_len(&s->body);
	*top = HY_MIN(*top, s->lines - HY_MIN(rows, s->lines));
	for (unsigned line = 0; at < end && line < *top + rows; line++) {
		const char *next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
		if (line >= *top)
			hy_buf_append(out, at, (size_t)(next - at));
		at = next;
	}
}

void mon_screen(const struct mon_view *v, const struct mon_view *before, uint64_t us, const struct mon_filter *filter,
	unsigned rows, unsigned columns, unsigned *top, uint64_t now_ms, struct hy_buf *out)
{
	struct screen s = {.v = v, .filter = filter, .columns = columns};
	struct hy_buf state = {0};
	/* A server that was started anew has its values elsewhere. */
	if (before && before->process == v->process && before->started_ms == v->started_ms &&
		before->entry_count == v->entry_count) {
		s.before = before;
		s.seconds = (double)us / 1e6;
	}
	mon_say_state(v, now_ms, &state);
	hy_buf_printf(out, "%.*s\n", (int)HY_MIN(hy_buf_len(&state), columns), (const char *)hy_buf_data(&state));
	hy_buf_fini(&state);
	put_methods(&s);
	put_cells(&s, "now", MON_KIND_GAUGE);
	put_cells(&s, "since the start", MON_KIND_COUNTER);
	put_histograms(&s);
	if (s.lines + 1 <= rows) {
		put_window(&s, rows - 1, top, out);
	} else {
		put_window(&s, rows - 2, top, out);
		char where[80];
		snprintf(where, sizeof where, "-- lines %u to %u of %u; arrows and page keys move, q quits", *top + 1,
			*top + rows - 2, s.lines);
		hy_buf_printf(out, "%.*s\n", (int)columns, where);
	}
	hy_buf_fini(&s.body);
}
