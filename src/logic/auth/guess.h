/**
 * guess.h - how many passwords may be tried: what stands against guessing and locks nobody out (logic/limit/limit.h has
 * the argument).
 *
 * SUSPENDS, all of it.
 */
#ifndef LOGIC_AUTH_GUESS_H
#define LOGIC_AUTH_GUESS_H

#include "svrkit/svr.h"

/** Somebody who says that it is `name`. */
struct guess {
	const char *name, *device;
	bool known; /* the device holds a ticket of the account */
};

/** Takes a place for a look at the password. RESOURCE_EXHAUSTED: all are taken. */
int guess_begins(struct call *call, const struct guess *g) HY_MUST_USE;
/** The password was right, or it was not looked at: the place is free again. */
void guess_was_none(struct call *call, const struct guess *g);

#endif
