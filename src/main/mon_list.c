/* mon_list.c - a monitor's values as lines for scripts, and as JSON. */
#include <stdio.h>
#include <time.h>

#include "main/mon_screen.h"

/** No sign of life for so long: it hangs, or was stopped. */
#define SILENT_MS 5000u

static void say_time(uint64_t ms, struct hy_buf *out)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[32];
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
	hy_buf_printf(out, "%s", text);
}

void mon_say_state(const struct mon_view *v, uint64_t now_ms, struct hy_buf *out)
{
	if (v->alive && now_ms < v->beat_ms + SILENT_MS) {
		hy_buf_printf(out, "%s %s, process %llu, runs since ", v->program, v->version,
			(unsigned long long)v->process);
		say_time(v->started_ms, out);
	} else if (v->alive) {
		hy_buf_printf(out, "the server has given no sign of life since ");
		say_time(v->beat_ms, out);
		hy_buf_printf(out, " (process %llu is still there)", (unsigned long long)v->process);
	} else if (v->ended_ms) {
		hy_buf_printf(out, "the server ended at ");
		say_time(v->ended_ms, out);
		hy_buf_printf(out, " (process %llu is gone)", (unsigned long long)v->process);
	} else {
		hy_buf_printf(out, "the server ended, last values of ");
		say_time(v->beat_ms, out);
		hy_buf_printf(out, " (process %llu is gone)", (unsigned long long)v->process);
	}
}

static bool wanted(const struct mon_filter *filter, const char *name)
{
	for (int i = 0; i < filter->count; i++)
		if (strncmp(name, filter->names[i], strlen(filter->names[i])) == 0)
			return true;
	return filter->count == 0;
}

struct times {
	uint64_t count, sum_us, p50_us, p99_us;
};

static struct times times_of(const struct mon_view *v, const struct mon_value *value)
{
	uint64_t buckets[MON_VIEW_SLOTS_MAX];
	unsigned n = value->slots - 1;
	struct times t = {.sum_us = mon_view_sum(v, value, n)};
	for (unsigned i = 0; i < n; i++) {
		buckets[i] = mon_view_sum(v, value, i);
		t.count += buckets[i];
	}
	t.p50_us = mon_quantile_us(buckets, n, 0.5);
	t.p99_us = mon_quantile_us(buckets, n, 0.99);
	return t;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

struct lister {
	const struct mon_filter *filter;
	struct hy_buf *out;
	bool any;
};

static void list_one(struct lister *l, const char *name, const char *suffix, uint64_t value)
{
	char whole[256];
	snprintf(whole, sizeof whole, "%s%s%s", name, suffix[0] ? "." : "", suffix);
	if (!wanted(l->filter, whole))
		return;
	hy_buf_printf(l->out, "%-32s %llu\n", whole, (unsigned long long)value);
	l->any = true;
}

static void list_times(struct lister *l, const char *name, const struct mon_view *v, const struct mon_value *value)
{
	struct times t = times_of(v, value);
	if (!value->label[0])
		list_one(l, name, "count", t.count);
	list_one(l, name, "sum_us", t.sum_us);
	list_one(l, name, "p50_us", t.p50_us);
	list_one(l, name, "p99_us", t.p99_us);
}

static void list_value(struct lister *l, const struct mon_view *v, const struct mon_value *value, const char *name)
{
	switch (value->kind) {
	case MON_KIND_COUNTER:
	case MON_KIND_GAUGE:
		list_one(l, name, value->label[0] ? "calls" : "", mon_view_sum(v, value, 0));
		break;
	case MON_KIND_STATUSES:
		for (unsigned i = 0; i < value->slots && i < HY_STATUS_COUNT; i++)
			if (mon_view_sum(v, value, i) > 0)
				list_one(l, name, hy_status_name((int)i), mon_view_sum(v, value, i));
		break;
	case MON_KIND_HISTOGRAM:
		list_times(l, name, v, value);
		break;
	}
}

/** The method's calls: its other values are of no interest while there are none. */
static bool was_called(const struct mon_view *v, unsigned index, const struct mon_value *value)
{
	for (unsigned i = index + 1; i-- > 0;) {
		struct mon_value other = mon_view_value(v, i);
		if (strcmp(other.label, value->label) != 0)
			return false;
		if (other.kind == MON_KIND_COUNTER)
			return mon_view_sum(v, &other, 0) > 0;
	}
	return false;
}

bool mon_list(const struct mon_view *v, const struct mon_filter *filter, struct hy_buf *out)
{
	struct lister l = {.filter = filter, .out = out};
	for (unsigned i = 0; i < v->entry_count; i++) {
		struct mon_value value = mon_view_value(v, i);
		char name[128];
		if (value.label[0] && !was_called(v, i, &value))
			continue;
		bool remote = value.label[0] && strncmp(value.name, "rpc_out_", 8) == 0;
		snprintf(name, sizeof name, "%s%s", remote ? "remote." : "", value.label[0] ? value.label : value.name);
		list_value(&l, v, &value, name);
	}
	return l.any;
}

/* ---- JSON: names and labels are printable ASCII; a quotation mark in one is left out ----------------------------- */

static void json_name(const char *name, struct hy_buf *out)
{
	hy_buf_append(out, "\"", 1);
	for (; *name; name++)
		if (*name != '"' && *name != '\\')
			hy_buf_append(out, name, 1);
	hy_buf_append(out, "\":", 2);
}

/** The same lines as an object: what takes 64 bits is a number all the same, since counters do not get there. */
static void json_values(const struct mon_view *v, const struct mon_filter *filter, struct hy_buf *out)
{
	struct hy_buf lines = {0};
	mon_list(v, filter, &lines);
	char *at = (char *)hy_buf_data(&lines), *end = at + hy_buf_len(&lines);
	for (bool first = true; at < end; first = false) {
		char *line_end = memchr(at, '\n', (size_t)(end - at)), *gap = memchr(at, ' ', (size_t)(line_end - at));
		char *number = gap;
		while (*number == ' ')
			number++;
		*gap = *line_end = '\0';
		hy_buf_printf(out, "%s", first ? "" : ",");
		json_name(at, out);
		hy_buf_printf(out, "%s", number);
		at = line_end + 1;
	}
	hy_buf_fini(&lines);
}

void mon_json(const struct mon_view *v, const struct mon_filter *filter, struct hy_buf *out)
{
	hy_buf_printf(out,
		"{\"alive\":%s,\"process\":%llu,\"version\":\"%s\",\"started_ms\":%llu,\"beat_ms\":%llu,"
		"\"ended_ms\":%llu,\"values\":{",
		v->alive ? "true" : "false", (unsigned long long)v->process, v->version,
		(unsigned long long)v->started_ms, (unsigned long long)v->beat_ms, (unsigned long long)v->ended_ms);
	json_values(v, filter, out);
	hy_buf_printf(out, "}}\n");
}
