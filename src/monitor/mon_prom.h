/**
 * mon_prom.h - a view in Prometheus's text format, version 0.0.4.
 */
#ifndef MON_PROM_H
#define MON_PROM_H

#include "base/buf.h"
#include "monitor/mon_view.h"

#define MON_PROM_TYPE "text/plain; version=0.0.4; charset=utf-8"

/**
 * Names get the prefix hongyan_, counters also the suffix _total, histograms _seconds. What stands for a method has the
 * label method, errors also status; methods that were never called are left out.
 */
void mon_prom(const struct mon_view *v, struct hy_buf *out);

#endif
