/**
 * contacts_world.h - two people and what they do with each other, for the tests of contacts.
 *
 * Everything runs in a coroutine of the harness, on one loop.
 */
#ifndef LOGIC_CONTACTS_WORLD_H
#define LOGIC_CONTACTS_WORLD_H

#include "contact.rpc.h"
#include "contacts.rpc.h"
#include "logic/logic_test_harness.h"

enum act { ACT_REQUEST, ACT_ACCEPT, ACT_DECLINE, ACT_DELETE, ACT_RESTORE, ACT_BLOCK, ACT_UNBLOCK, ACT_COUNT };

/** How a pair stands, as the first of them sees it and then the second. */
enum pair_state {
	PAIR_NONE,   /* none, none */
	PAIR_ASKED,  /* outgoing, incoming */
	PAIR_ASKS,   /* incoming, outgoing */
	PAIR_BOTH,   /* contact, contact */
	PAIR_LEFT,   /* ended, none: the second declined or ended it */
	PAIR_LEAVES, /* none, ended: the first did */
	PAIR_COUNT
};
extern const char *const pair_names[PAIR_COUNT];

/** One client's request with an ID and time of its own; the status. *ret_relation (may be NULL) is what was answered.
 */
int world_act(struct harness *h, struct call *call, const struct person *who, uint32_t peer, enum act act,
	Hy__Relation *ret_relation);
/** The same with a given ID, for repeats; `text` is a request's greeting. */
int world_act_as(struct harness *h, struct call *call, const struct person *who, uint32_t peer, enum act act,
	struct client_id id, uint64_t made_ms, const char *text, Hy__Relation *ret_relation);
/** Only the first step: the user's own row; the other one is told by world_settle(). */
int world_wish(struct harness *h, struct call *call, const struct person *who, uint32_t peer, bool wishes,
	Hy__ContactPrecondition only_if);
/** Tells what is to be told. CHECKs that nothing is left. */
void world_settle(struct harness *h, struct call *call, const struct person *who);

/** The user's row; NULL: there is none. */
Hy__ContactGetResponse *world_get(struct harness *h, struct call *call, uint32_t uin, uint32_t peer);
/** By rows, which must be copies of each other with no intent left; PAIR_COUNT: they are not, or fit no state. */
enum pair_state world_state(struct harness *h, struct call *call, const struct person *a, const struct person *b);
/** By acts of both. CHECKed. */
void world_bring(
	struct harness *h, struct call *call, const struct person *a, const struct person *b, enum pair_state state);
/** What a first sync tells of the peer; NULL: nothing. */
Hy__ContactEntry *world_entry(struct harness *h, struct call *call, const struct person *who, uint32_t peer);
/** A message from one to the other: its status. */
int world_write(struct harness *h, struct call *call, const struct person *from, uint32_t to);

#endif
