/**
 * websocket.h - inside access: a long link whose frames come in binary WebSocket messages (RFC 6455), one in each.
 *
 *	GET /link -> websocket_judge -> 101 -> websocket_begin -> messages -> link_take -> requests, as on any link
 *
 * It is another framing, no other link: who it belongs to, what is in work and what waits are link.c's and conn.c's
 * matter. What has begun to come in is kept in a struct websocket that is there only while a message, or a part of a
 * frame, is; an idle link has none. The server ends a link by a close frame behind the last answer.
 */
#ifndef ACCESS_WEBSOCKET_H
#define ACCESS_WEBSOCKET_H

#include "access/conn.h"

#define WEBSOCKET_PATH "/link"
#define WEBSOCKET_GOING_AWAY 1001 /* close code of a server that ends */

/** What a handshake says; lines of one name are joined by commas. */
struct websocket_offer {
	bool http_1_1; /* or later */
	bool local;    /* it comes from this machine, and from no proxy that is trusted */
	struct hy_bytes host, upgrade, connection, key, version, origin;
};

#define WEBSOCKET_ACCEPT_SIZE 29 /* Sec-WebSocket-Accept with its 0 */

/**
 * 101, and what Sec-WebSocket-Accept has to say; or the HTTP status that refuses (400, 403, 426), and *ret_why. Pure
 * function of its input.
 */
int websocket_judge(const struct access_config *config, const struct websocket_offer *offer,
	char accept[WEBSOCKET_ACCEPT_SIZE], const char **ret_why) HY_MUST_USE;
/**
 * Whether a page of this origin ("https://chat.example.org") may connect: it came from the host that it asks, or stands
 * in the setting. No origin: a program, which may. Pure function of its input.
 */
bool websocket_origin_allowed(
	const struct access_config *config, struct hy_bytes origin, struct hy_bytes host) HY_MUST_USE;
/**
 * Whether a page of this origin that asks this machine itself is a stranger's: anybody can make a name of the public
 * DNS mean 127.0.0.1 once a browser has loaded a page from it, and is of the same host as the server then (DNS
 * rebinding). Addresses, names that nobody from afar can have, the setting's, and what came by TLS, which somebody has
 * to have set up here, are not. Pure function of its input.
 */
bool websocket_origin_rebound(const struct access_config *config, struct hy_bytes origin) HY_MUST_USE;

/** From here on the connection is a link. */
void websocket_begin(struct conn *c);
/** As link_parse(), for a link whose frames come in messages. `in` may be empty: then what waits is tried again. */
bool websocket_parse(struct conn *c, struct hy_bytes in, size_t *ret_used) HY_MUST_USE;

/** How many bytes stand before a message of the server. */
size_t websocket_head_len(size_t message_len);
/** Writes them. */
void websocket_write_head(uint8_t *out, size_t message_len);
/** Appends the close frame, once. Nothing may be appended behind it. */
void websocket_say_close(struct conn *c);

/** Memory of what has begun to come in. NULL is fine. */
size_t websocket_bytes(const struct websocket *w);
void websocket_free(struct websocket *w);

#endif
