/**
 * session_internal.h - a session's state, and how its files call each other: session.c (begin, turns, what the library
 * tells), session_ask.c (what is asked of it). All of it is the main thread's.
 */
#ifndef CHAT_SESSION_INTERNAL_H
#define CHAT_SESSION_INTERNAL_H

#include "chat/client.h"

struct chat_session {
	struct env *env;
	struct env_inbox *inbox;
	struct chat_store *store;
	struct hongyan *client;
	struct chat_face face;
	char *name, *server;
	char *trouble;     /* why the server does not answer; NULL: it does */
	uint64_t retry_us; /* when it is tried again */
	bool synced;       /* once, at least */
	enum hongyan_state state;
	uint64_t state_us, answer_us; /* since when the state is this; when something was last answered */
	int64_t last_n;               /* all rows up to this one are known to the face, */
	int64_t told_n;               /* and this is what the store knows of that */
	unsigned waiting;             /* texts in the outbox */
	unsigned finding;             /* names that are looked up for something that waits */
	struct chat_request *finds;   /* one for each such name; linked by next_find */
	bool ended, ending;           /* ending: when all is sent, or at end_us */
	int end_status;
	uint64_t end_us;
};

/* session.c */
void session_tell_done(struct chat_session *s, enum chat_verb verb, const char *name, int status, const char *why);
void session_tell_person(struct chat_session *s, uint32_t uin); /* 0: all of them */
void session_tell_row(void *session, const struct chat_row *row);
void session_tell_new_rows(struct chat_session *s);
/** A store that cannot be written: what it should hold is lost for a while, and that must be seen. */
void session_complain(struct chat_session *s);

/* session_ask.c */
/** What earlier runs, or an earlier sign-in, have left. */
void session_send_waiting(struct chat_session *s);
/** Answers; they take the event's request. */
void session_on_found(struct chat_session *s, struct chat_event *e);
void session_on_done(struct chat_session *s, struct chat_event *e);

#endif
