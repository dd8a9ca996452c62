/**
 * delivery.h - the Delivery service (proto/delivery.proto): a message is stored if its recipient lets the sender write,
 * then the recipient's links are hinted at.
 *
 * When an inbox is nearly full its user is relieved in the background (Session.Relieve), one coroutine a user at most.
 * A message that finds it full waits for that and is tried once more; whoever comes later waits behind it, so that
 * those of one sender that get in are in the order in which they were sent (line.h).
 *
 * Threads: the recipient's loop; state per loop. Made before svr_start, destroyed after svr_stop.
 */
#ifndef LOGIC_DELIVERY_H
#define LOGIC_DELIVERY_H

#include "svrkit/svr.h"

struct delivery;

int delivery_create(struct svr *svr, struct delivery **ret_delivery) HY_MUST_USE;
void delivery_destroy(struct delivery *delivery);

#endif
