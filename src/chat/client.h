/**
 * client.h - what the library tells on its thread, copied for the main one.
 */
#ifndef CHAT_CLIENT_H
#define CHAT_CLIENT_H

#include "base/arena.h"
#include "chat/session.h"

enum chat_event_kind {
	CHAT_EVENT_STATE,
	CHAT_EVENT_SYNC,
	CHAT_EVENT_SENT,
	CHAT_EVENT_RESYNC,
	CHAT_EVENT_SIGNED_IN,
	CHAT_EVENT_SIGNED_OUT,
	CHAT_EVENT_LEARNT,
	CHAT_EVENT_DONE,
	CHAT_EVENT_FOUND,
	CHAT_EVENT_DEVICES,
	CHAT_EVENT_TROUBLE, /* why, retry_ms */
};

/** Owns all that it points to: freed by chat_event_free(). */
struct chat_event {
	struct env_msg msg;
	struct chat_session *session;
	enum chat_event_kind kind;
	enum hongyan_state state;
	int status;
	char *why; /* "" for none; LEARNT: the text */
	uint64_t retry_ms;
	uint32_t uin;
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE], message_id[HONGYAN_MESSAGE_ID_SIZE];
	struct hy_buf ticket;
	struct hy_arena arena;
	struct hongyan_sync *sync;
	struct hongyan_profile *profile; /* FOUND: NULL unless status is 0 */
	struct hongyan_device *devices;
	size_t device_count;
	struct chat_request *request; /* DONE, FOUND, DEVICES: what it answers; passes to whoever handles it */
};

/** Something asked of the library: the argument of its callback. */
struct chat_request {
	struct chat_session *session;
	enum chat_verb verb;
	char *name, *text;
	uint32_t uin;
	int64_t kept;                   /* CHAT_SEND: under this number in the store; 0: is not */
	struct chat_request *next;      /* CHAT_FIND: what waits for the same name, in order */
	struct chat_request *next_find; /* names that are looked for */
};
struct chat_request *chat_request_create(
	struct chat_session *s, enum chat_verb verb, const char *name, const char *text, uint32_t uin);
void chat_request_free(struct chat_request *r); /* and all that waits with it */

void chat_event_free(struct chat_event *e);
/** Events whose fn is `fn`, posted to the session's inbox. */
struct hongyan_events chat_client_events(void);
void chat_client_on_signed_in(
	void *session, int status, const char *why, uint32_t uin, const void *ticket, size_t ticket_len);
void chat_client_on_done(void *request, int status, const char *why);
void chat_client_on_found(void *request, int status, const char *why, const struct hongyan_profile *profile);
void chat_client_on_devices(
	void *request, int status, const char *why, const struct hongyan_device *devices, size_t count);

/** Deep copies, into the arena. */
struct hongyan_sync *chat_copy_sync(struct hy_arena *arena, const struct hongyan_sync *sync);

/** Runs on the main thread for each event (session.c). */
void chat_session_on_event(struct env_msg *msg);

#endif
