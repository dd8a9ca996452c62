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
 * SIGTERM and SIGINT end the process as usual: for programs that never call env_wait_terminate(). From the main thread.
 */
void env_real_end_by_signals(void);
/** After all its loops and actors were joined. Writes out the log lines that are left. */
void env_real_destroy(struct env *env);

#endif
