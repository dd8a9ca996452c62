/**
 * contact.h - the Contact service (proto/contact.proto): what users wish of each other, and what each sees of it.
 *
 * A user's row of a peer has two halves: the user's own, and a copy of the peer's. All changes are one write each,
 * which expects the row as it was read; a change by somebody else in between is read again.
 *
 * Bounds: `rows` peers a user, tombstones not counted; at it the user's own requests and those of others are refused. A
 * block that needs a row of its own has `block_rows` more: whoever fills the list by asking can still be kept out. A
 * half that arrives is not refused, since its owner has it already; kt's own bound on names stands above. A row that
 * says nothing any more goes: at once if there is no half of either, else when there is no room for another one
 * (contact_room.c).
 *
 * Threads: the key's own loop; all state is in kt. Made after kt is open and before svr_start, destroyed after
 * svr_stop.
 */
#ifndef DATA_CONTACT_H
#define DATA_CONTACT_H

#include "kt/kt.h"

struct contact_config {
	/** What the setting "who may write" means for those who have not set it: anyone instead of contacts. */
	bool strangers_may_write;
	uint32_t rows;       /* 0: 10,000 */
	uint32_t block_rows; /* 0: a tenth of that, one at least */
};

struct contact;

/** `kt` must know spaces_table and outlive the service. `config` is copied. */
int contact_create(
	struct svr *svr, struct kt *kt, const struct contact_config *config, struct contact **ret_contact) HY_MUST_USE;
void contact_destroy(struct contact *contact);

#endif
