/**
 * http.h - inside access: the short link, HTTP/1.1.
 *
 * POST /cgi-bin/METHOD with application/json (proto3 JSON), application/x-protobuf or application/octet-stream. A
 * method that was reached answers 200 with its outcome in the head; other statuses speak of HTTP itself. One request of
 * a connection is in work at a time; pipelined ones wait in the input, so answers cannot be mixed up.
 */
#ifndef ACCESS_HTTP_H
#define ACCESS_HTTP_H

#include "access/conn.h"

#define HTTP_HEAD_MAX (16u << 10) /* request line and headers */

/** Appends a 200 with the message, in the format in which the request came. */
void http_answer(
	struct conn *c, const struct request_origin *origin, const ProtobufCMessage *response, struct hy_arena *arena);

#endif
