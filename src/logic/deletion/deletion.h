/**
 * deletion.h - the Deletion service (proto/deletion.proto): the end of an account.
 *
 * A chain of steps: the account is erased (in its first write: nobody signs in any more, the card says that it is gone,
 * and a row among the intents says that a deletion goes on), its links are closed, its contacts are told that it is
 * gone and wishes for nothing; then contacts and messages go, then the name, and last that row. Each step may be done
 * again, by an operator who asks again or by the round over all users, also both at once.
 *
 * Threads: the user's loop; no state. Made before svr_start, destroyed after svr_stop.
 */
#ifndef LOGIC_DELETION_H
#define LOGIC_DELETION_H

#include "svrkit/svr.h"

struct deletion;

int deletion_create(struct svr *svr, struct deletion **ret_deletion) HY_MUST_USE;
/** NULL is fine. */
void deletion_destroy(struct deletion *deletion);

#endif
