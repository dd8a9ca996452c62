/**
 * limit_calls.h - how services ask the Limit service, in one line each.
 *
 *	int rc = limit_user(call, HY__LIMIT_ACTION__LIMIT_CHANGE);
 *	if (rc != HY_OK)
 *		return rc;
 *
 * HY_OK or HY_RESOURCE_EXHAUSTED, with the sentence and the time to come back set; log nothing then, the Limit service
 * does, by samples. Where there is no Limit service, or it cannot be reached, nothing is limited.
 */
#ifndef LOGIC_LIMIT_CALLS_H
#define LOGIC_LIMIT_CALLS_H

#include "limit.rpc.h"

/** Of the signed-in user (call->who), once. On the user's loop: does not suspend. */
int limit_user(struct call *call, Hy__LimitAction action) HY_MUST_USE;
/** Of call->address, once; HY_OK when it is this machine. SUSPENDS. */
int limit_address(struct call *call, Hy__LimitAction action) HY_MUST_USE;
/** Of a name and something else (NULL: the name alone), once, or gives one back. SUSPENDS. */
int limit_name(struct call *call, Hy__LimitAction action, const char *name, const char *and) HY_MUST_USE;
void limit_name_give_back(struct call *call, Hy__LimitAction action, const char *name, const char *and);

#endif
