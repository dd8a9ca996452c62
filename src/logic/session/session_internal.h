/**
 * session_internal.h - what the files of the Session service share.
 */
#ifndef LOGIC_SESSION_INTERNAL_H
#define LOGIC_SESSION_INTERNAL_H

#include "logic/session/session.h"
#include "logic/session/session_table.h"
#include "session.rpc.h"

struct session {
	struct svr *svr;
	struct session_config config;
	struct session_table tables[SVR_LOOPS_MAX];
};

static inline struct session_table *session_table_of(struct session *session, const struct call *call)
{
	return &session->tables[svr_loop_index(call->loop)];
}

/* In session_brought.c; see proto/session.proto. */
int session_handle_brought(
	void *self, struct call *call, const Hy__SessionBroughtRequest *request, Hy__SessionBroughtResponse *response);
int session_handle_relieve(
	void *self, struct call *call, const Hy__SessionRelieveRequest *request, Hy__SessionRelieveResponse *response);

/* In session_age.c. */
int session_handle_age(
	void *self, struct call *call, const Hy__SessionAgeRequest *request, Hy__SessionAgeResponse *response);

/* ---- in session_brought.c: what may go ------------------------------------------------------------------------- */

#define SESSION_DAY_MS (24ull * 3600 * 1000)

/** The devices that hold a ticket. SUSPENDS. */
int session_list_devices(struct call *call, uint32_t uin, Hy__AccountListDevicesResponse *ret_devices) HY_MUST_USE;

struct session_standing {
	uint64_t account, contacts, messages, seen_ms;
};
/** What all live devices have; false: none is live, and all is 0. `user` may be NULL: not in memory. */
bool session_brought_by_all(const struct session_user *user, const Hy__AccountListDevicesResponse *devices,
	uint64_t now_ms, struct session_standing *ret_least);
/** Which messages at least one device has, live or not. */
uint64_t session_brought_by_any(const struct session_user *user, const Hy__AccountListDevicesResponse *devices);
/** `older_than_ms` 0: whatever their age. SUSPENDS; for the disk only if `wait`. */
int session_trim(struct call *call, uint32_t uin, uint64_t upto, uint64_t older_than_ms, bool wait) HY_MUST_USE;

#endif
