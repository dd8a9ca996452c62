/**
 * monitor.h - what a server shows of itself: its counters in a file that others read (`hongyan mon`), gauges taken once
 * a second, and the pages /healthz, /readyz and /metrics.
 */
#ifndef MAIN_MONITOR_H
#define MAIN_MONITOR_H

#include "access/access.h"
#include "kt/kt.h"

struct monitor;

struct monitor_config {
	struct svr *svr;
	struct kt *kt;
	struct access *access;
	const char *dir; /* the data folder, which is this process's */
	uint64_t disk_reserve_bytes;
};

/**
 * Adds the pages, makes DIR/monitor (if that fails: a line in the log) and begins to look. All services are there.
 * [blocks] Before svr_start.
 */
int monitor_create(const struct monitor_config *config, struct monitor **ret_monitor) HY_MUST_USE;
/** The server answers: /readyz says so. */
void monitor_ready(struct monitor *m);
/** [blocks] After svr_stop, before what it looks at goes. NULL is fine. */
void monitor_destroy(struct monitor *m);

#endif
