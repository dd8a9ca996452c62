/**
 * real.h - the real env: this process. Programs create one and hand it to everything.
 */
#ifndef ENV_REAL_H
#define ENV_REAL_H

#include "env/env.h"

/**
 * Blocks SIGTERM, SIGINT, SIGPIPE for the whole process: call it before any thread is started. Log lines go to stderr.
 * What the process and its libraries create is their owner's alone (umask 077).
 */
struct env *env_real_create(void);
/**
 * SIGTERM, SIGINT and SIGPIPE (whoever read the output has gone) end the process as usual: for programs that never call
 * env_wait_terminate(). From the main thread, before any other is started.
 */
void env_real_end_by_signals(void);
/**
 * For a library inside somebody else's process, any number of times: signals, umask and standard files stay as they
 * are, log lines go nowhere, and its loops' threads take no signals.
 */
struct env *env_real_create_guest(void);
/** After all its loops and actors were joined. Writes out the log lines that are left. */
void env_real_destroy(struct env *env);

/*
 * A loop without a thread: created, never started, and driven by its owner. Before env_loop_join() its owner runs turns
 * until what it has posted is done.
 */

/**
 * Readable when a turn would find something to do: a socket, a message, a timer that is due. -1: no more files. Belongs
 * to the loop.
 */
int env_real_loop_fd(struct env_loop *loop);
/** Waits up to `timeout_ms` (0: not at all; -1: for ever) for something to do, and does it. */
void env_real_loop_turn(struct env_loop *loop, int timeout_ms);

/* ---- names ---------------------------------------------------------------------------------------------------- */

struct env_addr;
struct env_real_lookup;
/**
 * Looks up `host` on a thread of its own, since that may take half a minute, and calls `done` on the loop, with no
 * addresses when there are none. At most `LOOKUP_ADDRS_MAX`. NULL: no more threads.
 */
enum { LOOKUP_ADDRS_MAX = 8 };
struct env_real_lookup *env_real_lookup_start(struct env_loop *loop, const char *host, uint16_t port,
	void (*done)(void *arg, const struct env_addr *addrs, size_t count), void *arg);
/**
 * On the loop: `done` will not be called. True: its message is in the loop's inbox already, and the loop must turn once
 * more before it ends.
 */
bool env_real_lookup_cancel(struct env_real_lookup *lookup);

#endif
