/* heartbeat.c - how long a long link may be silent. Figures as in Mars. */
#include <stdio.h>

#include "heartbeat.h"

#define STEP_S 60u
#define PROBE_S 20u  /* of a figure that has stood for PROBE_AFTER_MS */
#define MARGIN_S 20u /* behind the last good one; and what counts as "at the edge" */
#define PROBE_AFTER_MS (7ull * 24 * 3600 * 1000)
#define HOLDS_TO_TRUST 5u
#define FAILURES_TO_LEAVE 2u
#define BEATS_AT_MIN 3u

static struct heartbeat_network fresh(const char *name)
{
	struct heartbeat_network n = {.interval_s = HEARTBEAT_MIN_S, .good_s = HEARTBEAT_MIN_S};
	snprintf(n.name, sizeof n.name, "%s", name);
	return n;
}

void heartbeat_init(struct heartbeat *hb)
{
	*hb = (struct heartbeat){.count = 1};
	hb->networks[0] = fresh("");
}

static bool name_valid(const char *name)
{
	return strlen(name) <= HEARTBEAT_NAME_MAX && strcspn(name, " \t\r\n") == strlen(name);
}

bool heartbeat_set_network(struct heartbeat *hb, const char *name)
{
	if (!name_valid(name))
		return false;
	unsigned i = 0;
	while (i < hb->count && strcmp(hb->networks[i].name, name) != 0)
		i++;
	struct heartbeat_network n = i < hb->count ? hb->networks[i] : fresh(name);
	if (i == HEARTBEAT_NETWORKS)
		i--; /* the one not used for longest makes room */
	else if (i == hb->count)
		hb->count++;
	memmove(hb->networks + 1, hb->networks, i * sizeof hb->networks[0]);
	n.held = n.failed = 0;
	hb->networks[0] = n;
	hb->beats = 0;
	return true;
}

void heartbeat_link_up(struct heartbeat *hb, uint32_t limit_s)
{
	hb->beats = 0;
	hb->limit_s = limit_s ? limit_s : HEARTBEAT_MAX_S;
}

uint32_t heartbeat_interval_s(const struct heartbeat *hb)
{
	uint32_t learnt_s = hb->beats < BEATS_AT_MIN ? HEARTBEAT_MIN_S : hb->networks[0].interval_s;
	return hb->limit_s ? HY_MIN(learnt_s, hb->limit_s) : learnt_s;
}

static bool change(struct heartbeat_network *n, uint32_t interval_s, bool stable, uint64_t now_ms)
{
	n->held = n->failed = 0;
	if (n->interval_s == interval_s && n->stable == stable)
		return false;
	n->interval_s = interval_s;
	n->stable = stable;
	n->changed_ms = now_ms;
	return true;
}

bool heartbeat_answered(struct heartbeat *hb, uint32_t idle_s, uint64_t now_ms)
{
	struct heartbeat_network *n = &hb->networks[0];
	hb->beats++;
	if (idle_s < n->interval_s) /* says nothing of the interval */
		return false;
	n->failed = 0;
	if (++n->held < HOLDS_TO_TRUST)
		return false;
	n->held = 0;
	n->good_s = n->interval_s;
	if (n->stable && now_ms < n->changed_ms + PROBE_AFTER_MS)
		return false;
	uint32_t top_s = HY_MAX(HY_MIN(HEARTBEAT_MAX_S, hb->limit_s), n->interval_s);
	uint32_t next_s = HY_MIN(n->interval_s + (n->stable ? PROBE_S : STEP_S), top_s);
	return change(n, next_s, next_s == HEARTBEAT_MAX_S && n->interval_s == next_s, now_ms);
}

bool heartbeat_died(struct heartbeat *hb, uint32_t idle_s, uint64_t now_ms)
{
	struct heartbeat_network *n = &hb->networks[0];
	if (idle_s + MARGIN_S < n->interval_s)
		return false;
	n->held = 0;
	if (++n->failed < FAILURES_TO_LEAVE)
		return false;
	if (n->stable || n->interval_s == HEARTBEAT_MIN_S) {
		n->good_s = HEARTBEAT_MIN_S;
		return change(n, HEARTBEAT_MIN_S, false, now_ms);
	}
	return change(n, HY_MAX(n->good_s - MARGIN_S, HEARTBEAT_MIN_S), true, now_ms);
}

/* ---- kept: "NAME INTERVAL GOOD STABLE CHANGED", "-" for the unknown network -------------------------------------- */

void heartbeat_export(const struct heartbeat *hb, struct hy_buf *out)
{
	for (unsigned i = 0; i < hb->count; i++) {
		const struct heartbeat_network *n = &hb->networks[i];
		if (n->changed_ms == 0) /* nothing learnt there */
			continue;
		hy_buf_printf(out, "%s %u %u %d %llu\n", n->name[0] ? n->name : "-", n->interval_s, n->good_s,
			n->stable, (unsigned long long)n->changed_ms);
	}
	hy_buf_append(out, "", 1);
}

static bool interval_valid(uint32_t s)
{
	return s >= HEARTBEAT_MIN_S && s <= HEARTBEAT_MAX_S;
}

static void import_line(struct heartbeat *hb, const char *line)
{
	struct heartbeat_network n = {.name = ""};
	unsigned long long changed_ms;
	unsigned stable;
	_Static_assert(HEARTBEAT_NAME_MAX == 48, "the width below");
	if (sscanf(line, "%48s %u %u %u %llu", n.name, &n.interval_s, &n.good_s, &stable, &changed_ms) != 5 ||
		!interval_valid(n.interval_s) || !interval_valid(n.good_s))
		return;
	n.stable = stable != 0;
	n.changed_ms = changed_ms;
	if (strcmp(n.name, "-") == 0) {
		n.name[0] = '\0';
		hb->networks[0] = n;
	} else if (hb->count < HEARTBEAT_NETWORKS) {
		hb->networks[hb->count++] = n;
	}
}

void heartbeat_import(struct heartbeat *hb, const char *text)
{
	while (*text) {
		char line[160];
		size_t len = strcspn(text, "\n");
		snprintf(line, sizeof line, "%.*s", (int)HY_MIN(len, sizeof line - 1), text);
		import_line(hb, line);
		text += len + (text[len] == '\n');
	}
}
