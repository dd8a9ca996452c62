/**
 * contacts.h - the Contacts service (proto/contacts.proto): two people become contacts, and stop being contacts.
 *
 * A change is made in the user's own row, with an intent; then the other one is told, and what the other one has is
 * taken in turn. If that fails the answer is OK all the same: the intent stays and is driven again by Settle, which
 * every sync starts in the background when it sees one.
 *
 * Changes of one user about one peer are made one after another, in the order in which they came (contacts_turn.h).
 *
 * Threads: the user's loop; state per loop (who is being settled, 1,024 users at most; more just wait for a later
 * sync; whose turn it is). Made before svr_start, destroyed after svr_stop.
 */
#ifndef LOGIC_CONTACTS_H
#define LOGIC_CONTACTS_H

#include "svrkit/svr.h"

#define CONTACTS_GREETING_MAX 256u
#define CONTACTS_REMARK_MAX 64u

struct contacts;

int contacts_create(struct svr *svr, struct contacts **ret_contacts) HY_MUST_USE;
void contacts_destroy(struct contacts *contacts);

#endif
