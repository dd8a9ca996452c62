/**
 * link.h - inside access: what a long link says. Frames in, requests, heartbeats and hints.
 */
#ifndef ACCESS_LINK_H
#define ACCESS_LINK_H

#include "access/conn.h"

/**
 * Appends a push frame that says "sync now", unless the peer reads too slowly: then it is dropped, and counted. `kinds`
 * as in PushHint; 0: messages.
 */
void link_push_hint(struct conn *c, uint32_t kinds);
/** Appends an answer frame. */
void link_answer(struct conn *c, const struct request_origin *origin, const ProtobufCMessage *body);
/** A sync was asked for: whatever is new from here on deserves a new hint. Before the sync reads (R6). */
void link_sync_begins(struct conn *c);

#endif
