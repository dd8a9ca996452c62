/**
 * send.h - the Send service (proto/send.proto): a message goes to its recipient, then the sender's own copy is kept
 * (rule R1).
 *
 * Threads: the sender's loop; no state. Made before svr_start, destroyed after svr_stop.
 */
#ifndef LOGIC_SEND_H
#define LOGIC_SEND_H

#include "logic/keys.h"
#include "svrkit/svr.h"

#define SEND_TEXT_MAX 8192u

struct send_config {
	const struct logic_keys *keys; /* outlive the service */
};

struct send;

/** `config` is copied. */
int send_create(struct svr *svr, const struct send_config *config, struct send **ret_send) HY_MUST_USE;
void send_destroy(struct send *send);

#endif
