/**
 * admin.h - the Admin service (proto/admin.proto): what operator's commands ask a running server, over a Unix socket in
 * the data folder that only the server's own user can open.
 */
#ifndef MAIN_ADMIN_H
#define MAIN_ADMIN_H

#include "kt/kt.h"
#include "main/audit.h"

struct admin;

/** Adds the service. `audit` outlives it; NULL: what changes something is noted in the log alone. Before svr_start. */
struct admin *admin_create(struct svr *svr, struct kt *kt, struct audit *audit);
/** After svr_stop. NULL is fine. */
void admin_destroy(struct admin *admin);

#endif
