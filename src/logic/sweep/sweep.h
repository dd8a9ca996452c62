/**
 * sweep.h - the round over all users: what must happen though nobody touches a key. Entries that are old enough go,
 * tombstones that all have passed are forgotten (Session.Age; rule R5), and changes that were to be told to others when
 * the server died are told (Contacts.Settle; rule R9), and a deletion that was cut short goes on (Deletion.GoOn). Also
 * counts the users.
 *
 * One round after another, the first soon after the start. A round goes page by page; users for whom there is nothing
 * to do cost their share of a list and are not loaded into memory. Between steps it is idle, so a server that ends
 * never waits for a round.
 *
 * Threads: loop 0, from where calls go to the users' loops. Made before svr_start, destroyed after svr_stop.
 */
#ifndef LOGIC_SWEEP_H
#define LOGIC_SWEEP_H

#include "svrkit/svr.h"

struct sweep_config {
	uint64_t first_ms; /* from the start to the first round; 0: 1,000 */
	uint64_t pause_ms; /* from a round's end to the next; 0: an hour */
	uint64_t step_ms;  /* between two steps of a round; 0: 20 */
};

struct sweep;

/** `config` is copied. */
int sweep_create(struct svr *svr, const struct sweep_config *config, struct sweep **ret_sweep) HY_MUST_USE;
/** NULL is fine. */
void sweep_destroy(struct sweep *sweep);

#endif
