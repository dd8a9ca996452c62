/**
 * admin_task.h - what an operator has begun goes on, whether or not somebody still waits for its end: in a coroutine of
 * its own, which no connection's end cancels, with time of its own. A change that was cut between its write and what
 * must follow it (a link that is closed, an audit line) would be half of one, with the write still on its way to a slow
 * disk.
 */
#ifndef MAIN_ADMIN_TASK_H
#define MAIN_ADMIN_TASK_H

#include <protobuf-c/protobuf-c.h>

#include "svrkit/svr.h"

typedef int admin_task_fn(void *self, struct call *call, const ProtobufCMessage *request, ProtobufCMessage *response);

/**
 * Runs `fn` on copies of the request and the response, which are wiped behind it, and waits as long as the caller may.
 * Its status; FAILED_PRECONDITION: it goes on without the caller. `response` was initialised by the caller. SUSPENDS.
 */
int admin_task(struct call *call, admin_task_fn *fn, void *self, const ProtobufCMessage *request,
	ProtobufCMessage *response) HY_MUST_USE;

#endif
