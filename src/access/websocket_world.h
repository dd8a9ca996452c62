/**
 * websocket_world.h - for tests of links by WebSocket: clients on plain sockets, beside those of access_world.h.
 */
#ifndef ACCESS_WEBSOCKET_WORLD_H
#define ACCESS_WEBSOCKET_WORLD_H

#include "access/access_world.h"

enum { CONTINUED = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, FIN = 0x80 };

/** `lines`: further headers. Returns the status; the head's bytes are used up, the body's not. */
int ws_handshake(int fd, const char *lines);
/** A link from this machine. */
int ws_open(struct access_world *w);

/** Appends a frame as clients send them, masked. */
void ws_put(struct hy_buf *b, uint8_t first, const void *payload, size_t len);
/** Sends one. */
void ws_send(int fd, uint8_t first, const void *payload, size_t len);
/** Moves each Mars frame in `frames` into a message of its own. */
void ws_wrap(struct hy_buf *b, struct hy_buf *frames);
/** The same, sent. */
void ws_flush(int fd, struct hy_buf *frames);

/** The next frame's opcode; -1: none comes. It is whole and not masked. */
int ws_get(int fd, uint8_t *payload, size_t size, size_t *ret_len);
/** A message that is exactly one Mars frame. */
void ws_frame_get(int fd, struct frame *f);
void ws_assert_answer(int fd, uint32_t cmd, uint32_t seq, int code);
/** The next thing is a close frame with this code (0: none), and then the end. */
void ws_assert_closed(int fd, unsigned code);

void ws_heartbeat(int fd);
void ws_identify(int fd, uint32_t uin, unsigned device);

#endif
