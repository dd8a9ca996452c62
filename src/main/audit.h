/**
 * audit.h - what operators did: a line in the log (room "audit") and one appended to audit.log in the data folder, made
 * last before the operator is answered. Never a password, never a code that lets somebody in.
 *
 * A line is a line whatever a name has in it: control characters are written as '?'.
 *
 *	2026-11-22T13:14:58.576Z 3183373030548992351 disable ann (user 42): OK
 */
#ifndef MAIN_AUDIT_H
#define MAIN_AUDIT_H

#include "svrkit/svr.h"

struct audit;

/** [blocks] Before svr_start. HY_RESOURCE_EXHAUSTED: no thread. */
int audit_create(struct svr *svr, const char *dir, struct audit **ret_audit) HY_MUST_USE;
/** After svr_stop. NULL is fine. */
void audit_destroy(struct audit *audit);

/** `audit` NULL: to the log alone. That the file cannot be written is logged and fails nothing. SUSPENDS. */
void audit_line(struct audit *audit, struct call *call, const char *fmt, ...) HY_PRINTF(3, 4);

/** [blocks] The same for a command on a folder that no server holds. 0 or a negative errno value. */
int audit_line_at_rest(struct env *env, const char *dir, const char *fmt, ...) HY_PRINTF(3, 4);

#endif
