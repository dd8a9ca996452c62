/**
 * access_world.h - for tests of the access layer: a server on the real env with access and small services behind it,
 * and clients that are plain sockets of the test's own thread.
 *
 * The services do what the request says (see access_world.c). A ticket is valid as world_ticket() makes it, unless its
 * device was revoked. 127.0.0.9 and 127.0.0.8 are taken for other machines (the linker wraps env_addr_is_loopback).
 */
#ifndef ACCESS_WORLD_H
#define ACCESS_WORLD_H

#include "svrkit/run_test.h"

#include "access/conn.h"
#include "auth.rpc.h"
#include "head.pb-c.h"
#include "link.rpc.h"
#include "mars_frame.h"
#include "svrkit/pb.h"
#include "session.rpc.h"
#include "sync.rpc.h"

struct access_world {
	struct world base;
	struct access *access;
	struct env_addr addr, operator_addr;
	bool access_stopped;
	/* atomic: what the services saw and are told */
	unsigned served;  /* requests that have begun in a handler */
	unsigned held;    /* of those, how many wait for `release` */
	bool release;     /* requests that say "hold" go on */
	uint32_t revoked; /* bit set of devices */
	unsigned wrong_loop;
};

#define FAR_ADDRESS "127.0.0.9"
#define FARTHER_ADDRESS "127.0.0.8"
#define BIG_SYNC (200u << 10)

void access_world_open(struct access_world *w, unsigned loops, const struct access_config *config);
/** With the default limits. */
void open_default(struct access_world *w, unsigned loops);
/** Stops what still runs, and looks that no connection and no request is left. */
void access_world_close(struct access_world *w);
void access_world_stop(struct access_world *w, uint64_t grace_us);
static inline struct access_config access_world_config(void)
{
	return (struct access_config){.limits = ACCESS_LIMITS_DEFAULT};
}

/**
 * Looks from now on for the text (NULL: no more) in all memory that is freed, by the test too. Returns how often the
 * text before it was seen.
 */
unsigned world_watch_secret(const char *text);

/** Link.Hint and Link.CloseDevice, as the logic layer calls them. */
void world_hint(struct access_world *w, uint32_t uin);
/** `kinds` as in LinkHintRequest. */
void world_hint_kinds(struct access_world *w, uint32_t uin, uint32_t kinds);
unsigned world_close_device(struct access_world *w, uint32_t uin, const char *device);
/** All devices but one. */
unsigned world_close_others(struct access_world *w, uint32_t uin, const char *keep_device);
/** Link.Online: device names with a blank behind each, in the order of the answer. */
void world_online(struct access_world *w, uint32_t uin, char *text, size_t size);
uint64_t world_count(const struct access_world *w, enum mon_id id);
uint32_t world_uin_on(const struct access_world *w, unsigned loop, unsigned nth);
/** 36 bytes; `device`: 0 to 9, named "d0" to "d9". */
const uint8_t *world_ticket(uint32_t uin, unsigned device, uint8_t ticket[ACCESS_TICKET_SIZE]);
/** Waits until *value (atomic) is at least `least`; false after 30 s: a slow machine is no failure. */
bool world_await(struct access_world *w, const unsigned *value, unsigned least);
/** The same for a counter. */
bool world_await_count(struct access_world *w, enum mon_id id, uint64_t least);

/** Waits until *value (atomic) stays what it is, though its loop turns. Returns it. */
unsigned world_await_rest(struct access_world *w, unsigned loop, const unsigned *value);
/** Waits until the loop has turned once more. */
void world_turn(struct access_world *w, unsigned loop);

/* ---- clients: blocking sockets, 30 s at most for anything -------------------------------------------------------- */

int client_open(struct access_world *w);
int client_open_from(struct access_world *w, const char *address);
void client_send(int fd, struct hy_bytes bytes);
/** True: all of it came. */
bool client_receive(int fd, void *p, size_t len);
/** True: nothing comes within 50 ms, and the connection is there. */
bool client_silent(int fd);
/** True: the server ends the connection within 30 s, without another byte. */
bool client_ended(int fd);

struct frame {
	uint32_t version, cmd, seq, len;
	uint8_t body[256 << 10];
};

/** Appends a frame with a request. */
void frame_put(struct hy_buf *b, uint32_t cmd, uint32_t seq, const void *message);
void frame_put_bytes(struct hy_buf *b, uint32_t version, uint32_t cmd, uint32_t seq, struct hy_bytes body);
bool frame_get(int fd, struct frame *f);
/** Head code of an answer; -1 when it is malformed. */
int frame_code(const struct frame *f);

/** The next frame is the answer to this. */
void assert_answer(int fd, uint32_t cmd, uint32_t seq, int code);
/** The next frame is a push hint of this kind alone. */
void assert_push(int fd, Hy__SyncKind kind);

/* Requests, appended as frames. `ticket` NULL: none. */
void put_register(struct hy_buf *b, uint32_t seq, const char *name);
void put_lookup(struct hy_buf *b, uint32_t seq, const char *name, const uint8_t *ticket);
/** A lookup as user 42: any number of these may be in work for one link. */
void put_hold(struct hy_buf *b, uint32_t seq);
void put_identify(struct hy_buf *b, const uint8_t *ticket);
void put_sync(struct hy_buf *b, uint32_t seq, const char *snapshot);
void put_noop(struct hy_buf *b);
/** Sends what was gathered, and empties it. */
void client_flush(int fd, struct hy_buf *b);
/** Identifies and asserts that it went well. */
void client_identify(int fd, uint32_t uin, unsigned device);
/** Sends a heartbeat and asserts that its answer is the next thing to come. */
void client_heartbeat(int fd);

#endif
