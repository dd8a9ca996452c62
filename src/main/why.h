/**
 * why.h - sentences that tell the operator what is wrong and what to do.
 */
#ifndef MAIN_WHY_H
#define MAIN_WHY_H

#include "base/base.h"

/** hy_alloc'd; the caller's. */
char *why_printf(const char *fmt, ...) HY_PRINTF(1, 2);

#endif
