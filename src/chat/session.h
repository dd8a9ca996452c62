/**
 * session.h - one account in one process: the library's client, the store, and a face that shows what happens.
 *
 * The library has its thread; what it tells is copied and comes to the main thread as messages (client.c). There the
 * session stores it first and then tells the face. Threads: all of this is for the main thread, but for
 * chat_session_inbox(), to which anybody may post messages whose fn the main thread runs.
 */
#ifndef CHAT_SESSION_H
#define CHAT_SESSION_H

#include "chat/store.h"
#include "env/env.h"

struct chat_session;

/** What can be asked for about one person. */
enum chat_verb {
	CHAT_FIND,
	CHAT_SEND, /* text */
	CHAT_ADD,  /* text: a greeting */
	CHAT_ACCEPT,
	CHAT_DECLINE,
	CHAT_DELETE,
	CHAT_RESTORE,
	CHAT_BLOCK,
	CHAT_UNBLOCK,
	CHAT_REMARK, /* text */
	CHAT_VERBS,
	/* and about oneself */
	CHAT_PROFILE = CHAT_VERBS,
	CHAT_SETTINGS,
	CHAT_PASSWORD,
	CHAT_SIGN_OUT,
	CHAT_VERBS_ALL
};
/** "accept"; as it is typed. */
const char *chat_verb_name(enum chat_verb verb);
/** False: no verb about a person has this name. */
bool chat_verb_parse(const char *name, enum chat_verb *ret_verb);

/** A face: screen, lines, JSON, one text. All but turn() may be NULL. */
struct chat_face {
	void *arg;
	/**
	 * Something came, or a text's state has changed: `fresh` for a row that was never told of. A process that is
	 * killed in between tells the last ones again at its next start, with the same `n`; none is left out.
	 */
	void (*on_row)(void *arg, const struct chat_row *row, bool fresh);
	void (*on_person)(void *arg, uint32_t uin); /* 0: all of them */
	void (*on_accepted)(void *arg, const struct chat_person *person); /* who was asked is a contact now */
	void (*on_state)(void *arg, enum hongyan_state state);
	/** Another reason than before why the server does not answer. */
	void (*on_trouble)(void *arg, const char *why);
	void (*on_synced)(void *arg);
	/** How something ended that was asked for; `name` and `why` may be "". `row` of CHAT_SEND: on_row() tells. */
	void (*on_done)(void *arg, enum chat_verb verb, const char *name, int status, const char *why);
	void (*on_found)(void *arg, const struct hongyan_profile *profile);
	void (*on_devices)(void *arg, const struct hongyan_device *devices, size_t count);
	/** Nothing more will come; the session ends. */
	void (*on_ended)(void *arg, int status, const char *why);
	/** After each group of messages. Returns when it wants to be called again (monotonic us); UINT64_MAX: never. */
	uint64_t (*turn)(void *arg);
};

struct chat_session_config {
	struct env *env;
	struct chat_store *store; /* outlives the session */
	const char *server, *name, *device;
};

/** UNAVAILABLE or INVALID_ARGUMENT: *ret_why (hy_alloc'd). */
int chat_session_create(const struct chat_session_config *config, struct chat_session **ret_session, char **ret_why);
/** What is not answered for stays in the outbox. NULL is fine. Nobody may post to its inbox any more. */
void chat_session_destroy(struct chat_session *s);
/** The first half of that: nothing comes from the library any more. */
void chat_session_close_links(struct chat_session *s);
void chat_session_set_face(struct chat_session *s, const struct chat_face *face);
struct env_inbox *chat_session_inbox(struct chat_session *s);

/** With the ticket in the store. */
void chat_session_resume(struct chat_session *s);
/** `invitation`: NULL but to register. Wrong password and such: on_ended(). */
void chat_session_enter(struct chat_session *s, bool registering, const char *password, const char *invitation);
/** Runs messages and the face's turns until chat_session_end(), or on_ended(). Returns the status that was given. */
int chat_session_run(struct chat_session *s);
/** run() returns after this. */
void chat_session_end(struct chat_session *s, int status);
/** The same, once the texts of the outbox are answered for, or after five seconds. */
void chat_session_end_when_sent(struct chat_session *s, int status);

/** Looks for the name among the people known, else on the server, and does it. `text` may be "". */
void chat_session_do(struct chat_session *s, enum chat_verb verb, const char *name, const char *text);
/** The same for somebody who is known. */
void chat_session_do_to(
	struct chat_session *s, enum chat_verb verb, const struct chat_person *person, const char *text);
/** Nobody has answered yet who has this name. */
bool chat_session_looks_for(const struct chat_session *s, const char *name);
/** A failed text, once more; one that is given up. NOT_FOUND. */
int chat_session_retry(struct chat_session *s, int64_t n);
int chat_session_drop(struct chat_session *s, int64_t n);
/** on_done() tells. */
void chat_session_update_profile(struct chat_session *s, const struct hongyan_profile *profile);
void chat_session_update_settings(struct chat_session *s, const struct hongyan_settings *settings);
void chat_session_change_password(struct chat_session *s, const char *old_password, const char *new_password);
void chat_session_list_devices(struct chat_session *s);
/** "this": ends the session; "all": all others; else a device's name, or the beginning of one's label. */
void chat_session_sign_out(struct chat_session *s, const char *device);

struct chat_store *chat_session_store(struct chat_session *s);
struct env *chat_session_env(struct chat_session *s);
const char *chat_session_name(const struct chat_session *s);
const char *chat_session_server(const struct chat_session *s);
enum hongyan_state chat_session_state(const struct chat_session *s);
/** Monotonic, us: since when the state is this. */
uint64_t chat_session_state_since(const struct chat_session *s);
/**
 * Why the server does not answer, for people: "cannot reach ...: connection refused". NULL: it does. `ret_retry_s` may
 * be NULL: until the next try, 0 if it is due.
 */
const char *chat_session_trouble(const struct chat_session *s, uint64_t *ret_retry_s);
/** Signed in, and all was synced once: what the store tells of people, profile and settings is whole. */
bool chat_session_ready(const struct chat_session *s);
/** Answers come though there is no long link. */
bool chat_session_short_link(const struct chat_session *s);
/** Texts in the outbox; and the names of people that texts still wait for. */
unsigned chat_session_waiting(const struct chat_session *s);

#endif
