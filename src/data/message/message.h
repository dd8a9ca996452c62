/**
 * message.h - the Message service (proto/message.proto): every user's inbox, and what makes a repeat harmless.
 *
 * A message taken is two rows in one write: a duplicate row in `sent`, by its client ID, and an entry in `inbox`.
 *
 * Bounds (rule R5): what comes in is refused when the inbox holds inbox_rows entries or inbox_bytes bytes; the user's
 * own copies may fill it to twice that. Whoever was refused may ask once more, with make_room: log rows leave only from
 * the front, so the own copies that stand there go. An own copy that finds no room even so is not kept (counted,
 * own_copies_dropped), and the answer is OK. An inbox whose oldest entries nobody has fetched for too long
 * (SetOverdue) takes no more until somebody does.
 *
 * Threads: the key's own loop; all state is in kt. Made after kt is open and before svr_start, destroyed after
 * svr_stop.
 */
#ifndef DATA_MESSAGE_H
#define DATA_MESSAGE_H

#include "kt/kt.h"

struct message_config {
	uint32_t inbox_rows;  /* 0: 20,000 */
	uint64_t inbox_bytes; /* 0: 16 MiB */
	uint32_t body_bytes;  /* longest body of an entry; 0: 12 KiB */
};

struct message;

/** `kt` must know spaces_table and outlive the service. `config` is copied. */
int message_create(
	struct svr *svr, struct kt *kt, const struct message_config *config, struct message **ret_message) HY_MUST_USE;
void message_destroy(struct message *message);

#endif
