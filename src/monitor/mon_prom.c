/* mon_prom.c - see mon_prom.h. All samples of a name stand together under its HELP and TYPE, as the format wants it. */
#include "monitor/mon_prom.h"

#include <stdio.h>

static void print_label(const char *label, struct hy_buf *out)
{
	for (; *label; label++) {
		if (*label == '"' || *label == '\\')
			hy_buf_append(out, "\\", 1);
		hy_buf_append(out, label, 1);
	}
}

/** {method="...",more}, or nothing. */
static void print_labels(const struct mon_value *value, const char *more, struct hy_buf *out)
{
	if (!value->label[0] && !more[0])
		return;
	hy_buf_printf(out, "{");
	if (value->label[0]) {
		hy_buf_printf(out, "method=\"");
		print_label(value->label, out);
		hy_buf_printf(out, "\"%s", more[0] ? "," : "");
	}
	hy_buf_printf(out, "%s}", more);
}

/** The help may say more than ASCII letters, but no line's end: mon_view.c has seen to that. */
static void print_head(const struct mon_value *value, const char *suffix, const char *type, struct hy_buf *out)
{
	hy_buf_printf(out, "# HELP hongyan_%s%s ", value->name, suffix);
	for (const char *p = value->help; *p; p++)
		hy_buf_printf(out, *p == '\\' ? "\\\\" : "%c", *p);
	hy_buf_printf(out, "\n# TYPE hongyan_%s%s %s\n", value->name, suffix, type);
}

static void print_sample(
	const struct mon_view *v, const struct mon_value *value, const char *suffix, struct hy_buf *out)
{
	hy_buf_printf(out, "hongyan_%s%s", value->name, suffix);
	print_labels(value, "", out);
	hy_buf_printf(out, " %llu\n", (unsigned long long)mon_view_sum(v, value, 0));
}

static void print_statuses(const struct mon_view *v, const struct mon_value *value, struct hy_buf *out)
{
	for (unsigned i = 0; i < value->slots; i++) {
		uint64_t n = mon_view_sum(v, value, i);
		char more[64];
		if (n == 0)
			continue;
		if (i < HY_STATUS_COUNT)
			snprintf(more, sizeof more, "status=\"%s\"", hy_status_name((int)i));
		else
			snprintf(more, sizeof more, "status=\"%u\"", i);
		hy_buf_printf(out, "hongyan_%s_total", value->name);
		print_labels(value, more, out);
		hy_buf_printf(out, " %llu\n", (unsigned long long)n);
	}
}

/** Bucket i holds what took less than 2^i us. Empty ones at the end are left to +Inf. */
static void print_histogram(const struct mon_view *v, const struct mon_value *value, struct hy_buf *out)
{
	uint64_t buckets[MON_VIEW_SLOTS_MAX], count = 0;
	unsigned n = value->slots - 1, used = 0;
	for (unsigned i = 0; i < n; i++) {
		buckets[i] = mon_view_sum(v, value, i);
		if (buckets[i] > 0)
			used = i + 1;
	}
	for (unsigned i = 0; i < n && i < used; i++) {
		char more[64];
		count += buckets[i];
		if (i == n - 1)
			break; /* the last one has no upper end */
		snprintf(more, sizeof more, "le=\"%.6f\"", (double)(1ull << i) / 1e6);
		hy_buf_printf(out, "hongyan_%s_seconds_bucket", value->name);
		print_labels(value, more, out);
		hy_buf_printf(out, " %llu\n", (unsigned long long)count);
	}
	hy_buf_printf(out, "hongyan_%s_seconds_bucket", value->name);
	print_labels(value, "le=\"+Inf\"", out);
	hy_buf_printf(out, " %llu\nhongyan_%s_seconds_sum", (unsigned long long)count, value->name);
	print_labels(value, "", out);
	hy_buf_printf(out, " %.6f\nhongyan_%s_seconds_count", (double)mon_view_sum(v, value, n) / 1e6, value->name);
	print_labels(value, "", out);
	hy_buf_printf(out, " %llu\n", (unsigned long long)count);
}

static bool is_empty(const struct mon_view *v, const struct mon_value *value)
{
	for (unsigned i = 0; i < value->slots; i++)
		if (mon_view_sum(v, value, i) > 0)
			return false;
	return true;
}

static void print_value(const struct mon_view *v, const struct mon_value *value, struct hy_buf *out)
{
	if (value->label[0] && is_empty(v, value))
		return;
	switch (value->kind) {
	case MON_KIND_COUNTER:
		print_sample(v, value, "_total", out);
		break;
	case MON_KIND_GAUGE:
		print_sample(v, value, "", out);
		break;
	case MON_KIND_STATUSES:
		print_statuses(v, value, out);
		break;
	case MON_KIND_HISTOGRAM:
		print_histogram(v, value, out);
		break;
	}
}

static void print_family(const struct mon_view *v, unsigned first, struct hy_buf *out)
{
	struct mon_value value = mon_view_value(v, first);
	switch (value.kind) {
	case MON_KIND_COUNTER:
	case MON_KIND_STATUSES:
		print_head(&value, "_total", "counter", out);
		break;
	case MON_KIND_GAUGE:
		print_head(&value, "", "gauge", out);
		break;
	case MON_KIND_HISTOGRAM:
		print_head(&value, "_seconds", "histogram", out);
		break;
	default:
		return;
	}
	for (unsigned i = first; i < v->entry_count; i++) {
		struct mon_value other = mon_view_value(v, i);
		if (other.kind == value.kind && strcmp(other.name, value.name) == 0)
			print_value(v, &other, out);
	}
}

#define FAMILIES_MAX 512u

/** Whether the name is new; it is noted then. A server waits while its figures are printed, so this is not done by
 * looking at all entries before. */
static bool is_first(const char *name, const char *names[FAMILIES_MAX], unsigned *count)
{
	for (unsigned i = *count; i-- > 0;)
		if (strcmp(names[i], name) == 0)
			return false;
	if (*count == FAMILIES_MAX)
		return false; /* no version has a fifth of that */
	names[(*count)++] = name;
	return true;
}

static const struct {
	const char *name, *help;
	size_t offset;
} times[] = {
	{"start_time_seconds", "when the server started, Unix time", offsetof(struct mon_view, started_ms)},
	{"beat_time_seconds", "the server's last sign of life, Unix time", offsetof(struct mon_view, beat_ms)},
};

void mon_prom(const struct mon_view *v, struct hy_buf *out)
{
	for (unsigned i = 0; i < HY_COUNT_OF(times); i++) {
		uint64_t ms = *(const uint64_t *)(const void *)((const char *)v + times[i].offset);
		hy_buf_printf(out, "# HELP hongyan_%s %s\n# TYPE hongyan_%s gauge\nhongyan_%s %.3f\n", times[i].name,
			times[i].help, times[i].name, times[i].name, (double)ms / 1e3);
	}
	const char *names[FAMILIES_MAX];
	unsigned count = 0;
	for (unsigned i = 0; i < v->entry_count; i++)
		if (is_first(mon_view_value(v, i).name, names, &count))
			print_family(v, i, out);
}
