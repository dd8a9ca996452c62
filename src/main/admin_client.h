/**
 * admin_client.h - how an operator's command asks a running server: generated stubs of the Admin service over its Unix
 * socket.
 */
#ifndef MAIN_ADMIN_CLIENT_H
#define MAIN_ADMIN_CLIENT_H

#include "svrkit/svr.h"

/**
 * Runs fn(call, arg) in a coroutine of a small client process of its own, with the Admin service at DIR/admin.sock.
 * Returns what fn returned; for other than HY_OK the sentence of the failure is printed to stderr, after `who`.
 */
int admin_client_run(const char *who, const char *dir, int (*fn)(struct call *call, void *arg), void *arg);
/** The same for what takes long; `limit_us` is for all of it. */
int admin_client_run_for(
	const char *who, const char *dir, uint64_t limit_us, int (*fn)(struct call *call, void *arg), void *arg);
/**
 * As admin_client_run(), and when no server runs, the Admin service answers in this process, on the folder as it lies
 * there: nothing in it is changed. For methods that only look into the store.
 */
int admin_client_look(const char *who, const char *dir, int (*fn)(struct call *call, void *arg), void *arg);

#endif
