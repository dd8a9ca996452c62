/**
 * account.h - the Account service (proto/account.proto): names, profiles, credentials, devices and their positions.
 *
 * Threads: the key's own loop; all state is in kt. Made after kt is open and before svr_start, destroyed after
 * svr_stop.
 */
#ifndef DATA_ACCOUNT_H
#define DATA_ACCOUNT_H

#include "kt/kt.h"

#define ACCOUNT_DEVICES_MAX 20u
/** A device that was not seen for so long is no longer live (rule R4). */
#define ACCOUNT_DEVICE_LIVE_MS (30ull * 24 * 3600 * 1000)

struct account;

/** `kt` must know spaces_table and outlive the service. */
int account_create(struct svr *svr, struct kt *kt, struct account **ret_account) HY_MUST_USE;
void account_destroy(struct account *account);

#endif
