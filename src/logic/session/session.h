/**
 * session.h - the Session service (proto/session.proto): tickets, and what each device has brought (rules R4, R5).
 *
 * A device's position is what it last said that it has. It is kept in memory and written lazily, at most once a minute,
 * so a restart may put it back by a minute's syncs: rows are then kept longer, nothing more. What all live devices have
 * brought is trimmed; a device is live while it holds a ticket and was seen within 30 days. With no live device nothing
 * is trimmed, but by limits (Relieve, Age). Who holds a ticket is asked of Account each time, never remembered here.
 *
 * Threads: the user's loop; state per loop, only of users who synced in the last minutes. Made before svr_start,
 * destroyed after svr_stop.
 */
#ifndef LOGIC_SESSION_H
#define LOGIC_SESSION_H

#include "logic/keys.h"
#include "svrkit/svr.h"

#define SESSION_RETAIN_DAYS_DEFAULT 30u
#define SESSION_INBOX_DAYS_DEFAULT 180u

struct session_config {
	const struct logic_keys *keys; /* outlive the service */
	unsigned retain_days;    /* how long messages stay although all live devices have them; 0: they go at once */
	/*
	 * The inbox's bound in days: older entries go when one device at least has brought them (the others get the
	 * reset flag); while there are older ones that nobody has brought, no more are taken. 0: 180. Looked at by Age.
	 */
	unsigned inbox_days;
	unsigned users_max;      /* users in memory, per loop; 0: 100,000 */
	uint64_t write_pause_ms; /* a position is written at most so often; 0: 60,000 */
};

struct session;

/** `config` is copied. */
int session_create(struct svr *svr, const struct session_config *config, struct session **ret_session) HY_MUST_USE;
void session_destroy(struct session *session);

#endif
