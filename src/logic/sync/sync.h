/**
 * sync.h - the Sync service (proto/sync.proto): one protocol for all that a user has (rules R3 to R8).
 *
 * Threads: the user's loop; no state. Made before svr_start, destroyed after svr_stop.
 */
#ifndef LOGIC_SYNC_H
#define LOGIC_SYNC_H

#include "logic/keys.h"
#include "svrkit/svr.h"

struct sync_config {
	const struct logic_keys *keys; /* outlive the service */
	uint64_t epoch;                /* of the store (kt_epoch): a snapshot of another one means nothing here */
	uint32_t page_bytes;           /* entries of one answer; 0: 256 KiB, which is also the most */
};

struct sync;

/** `config` is copied. */
int sync_create(struct svr *svr, const struct sync_config *config, struct sync **ret_sync) HY_MUST_USE;
void sync_destroy(struct sync *sync);

#endif
