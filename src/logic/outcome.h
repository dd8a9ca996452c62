/**
 * outcome.h - what the status of a write says about whether it happened.
 *
 * Nothing here suspends.
 */
#ifndef LOGIC_OUTCOME_H
#define LOGIC_OUTCOME_H

#include "base/status.h"

/** False: it surely did not and will not. Else it did, or it is not known: it may become durable yet. */
static inline bool may_have_happened(int status)
{
	return status == HY_OK || status == HY_UNAVAILABLE || status == HY_DEADLINE_EXCEEDED || status == HY_CANCELLED;
}

#endif
