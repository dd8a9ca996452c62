/**
 * demo.h - users for trying out: `hongyan serve --demo` makes them in an empty data folder, as clients would.
 *
 * Their password is in the source. So a folder that holds some of them has a file `demo`, written before the first one
 * is made, and the server shows such a folder to this machine alone, with --demo or without. The file also has what all
 * of it is made from (client IDs, times): a making that was cut short goes on where it was, and makes nothing twice.
 */
#ifndef MAIN_DEMO_H
#define MAIN_DEMO_H

#include "base/base.h"
#include "env/env.h"

struct svr;

/** Whether there are, or may be, demo users in the folder. [blocks] Any thread. */
bool demo_in_folder(struct env *env, const char *dir);
/** Whether nobody has an account in the running server's folder. [blocks] As below. */
bool demo_nobody_there(struct env *env, struct svr *svr);
/**
 * Makes what is not there yet, by the services of the running server. [blocks] While the server runs, not on a loop.
 * FAILED_PRECONDITION: there are users in the folder, other ones. After any other status the next try goes on.
 * *ret_why (hy_alloc'd) says what it is.
 */
int demo_make(struct env *env, struct svr *svr, const char *dir, char **ret_why) HY_MUST_USE;

#endif
