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
enum link_took {
	LINK_TAKEN,   /* the message was a frame, and has been used */
	LINK_MORE,    /* so far it may become one */
	LINK_WAITS,   /* it is one, and is to be offered again: the connection moves first, or waits */
	LINK_REFUSED, /* it is longer than its method takes: answered; its other c->skip bytes are to be thrown away */
	LINK_BAD,     /* it is none */
};
/** A message so far, which has to be exactly one frame. Overwrites what it used. */
enum link_took link_take(struct conn *c, struct hy_bytes message, bool whole) HY_MUST_USE;
/** A sync was asked for: whatever is new from here on deserves a new hint. Before the sync reads (R6). */
void link_sync_begins(struct conn *c);

#endif
