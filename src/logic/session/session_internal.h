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

#endif
