/**
 * contact_internal.h - what the files of the Contact service share.
 */
#ifndef DATA_CONTACT_INTERNAL_H
#define DATA_CONTACT_INTERNAL_H

#include "contact.rpc.h"
#include "data/contact/contact.h"
#include "data/row.h"
#include "data/spaces.h"

struct contact {
	struct kt *kt;
	struct contact_config config;
};

/** A row of a peer, in contact and in intent. */
struct contact_name {
	uint8_t bytes[SPACES_PEER_NAME_SIZE];
};
static inline struct hy_bytes contact_name_of(uint32_t peer, struct contact_name *name)
{
	spaces_peer_name(name->bytes, peer);
	return hy_bytes(name->bytes, sizeof name->bytes);
}

/** How often a change is tried when others are faster. */
#define CONTACT_CHANGES_TRIED 16u

static inline struct spaces_half contact_half_of(const Hy__ContactHalf *half)
{
	return half ? (struct spaces_half){half->generation, half->lapsed, half->wishes} : (struct spaces_half){0};
}
static inline uint32_t contact_relation_of(const Hy__ContactRow *row)
{
	struct spaces_half mine = contact_half_of(row->mine), theirs = contact_half_of(row->theirs);
	return spaces_relation(&mine, &theirs);
}
/** What a half that is made now is called: never below anything that the other one can have seen of it. */
uint64_t contact_next_generation(struct call *call, const Hy__ContactRow *row);
/** Whether the account's own row (SPACES_OWNER; version 0: none) is of somebody who is there. */
bool contact_owner_is_there(struct call *call, const struct hy_key *key, const struct kt_row *row);
/** Whether one row more fits into at most so many; at the bound, rows that say nothing any more go. SUSPENDS. */
int contact_has_room(struct contact *contact, struct call *call, const struct hy_key *key, uint32_t rows,
	bool *ret_room) HY_MUST_USE;
/** The row, or an empty one: none is there, or it is damaged (counted; the next change mends it, R8). NULL: over the
 * arena's cap. */
Hy__ContactRow *contact_unpack(struct call *call, const struct hy_key *key, const struct kt_row *row);

/* Handlers that stand in files of their own; see proto/contact.proto. */
int contact_handle_set_wish(
	void *self, struct call *call, const Hy__ContactSetWishRequest *request, Hy__ContactSetWishResponse *response);
int contact_handle_set_local(void *self, struct call *call, const Hy__ContactSetLocalRequest *request,
	Hy__ContactSetLocalResponse *response);
int contact_handle_take_half(void *self, struct call *call, const Hy__ContactTakeHalfRequest *request,
	Hy__ContactTakeHalfResponse *response);
int contact_handle_settle(
	void *self, struct call *call, const Hy__ContactSettleRequest *request, Hy__ContactSettleResponse *response);
int contact_handle_erase(
	void *self, struct call *call, const Hy__ContactEraseRequest *request, Hy__ContactEraseResponse *response);
int contact_handle_changes(
	void *self, struct call *call, const Hy__ContactChangesRequest *request, Hy__ContactChangesResponse *response);

#endif
