/**
 * store.h - what `hongyan chat` keeps of one account on this machine: one SQLite file, mode 0600.
 *
 * Ticket, snapshot, people, messages, the outbox, drafts, what was read. A sync and its snapshot are one transaction,
 * so a client that dies at any instant loses and repeats nothing (rule R4); a text that was typed is kept before it is
 * sent, under its client ID. Messages stand in the order in which they came here, and each is here once: by its ID.
 *
 * One process at a time has a file open. Every call [blocks]; one thread. Functions that return a status: HY_OK, or
 * HY_UNAVAILABLE when the file cannot be written (chat_store_why()); nothing has changed then.
 */
#ifndef CHAT_STORE_H
#define CHAT_STORE_H

#include "base/buf.h"
#include "hongyan.h"

struct chat_store;

/** Somebody that is known here; all texts are set. hy_alloc'd by the store, freed by chat_person_free(). */
struct chat_person {
	uint32_t uin, colour;
	char *name, *nickname, *signature, *region, *remark, *greeting, *draft;
	enum hongyan_relation relation;
	bool blocked, gone;
	uint64_t asked_ms;
	/* of the conversation; last_n 0: there is none */
	int64_t last_n, read_n;
	uint64_t last_ms;
	char *last_text;
	bool last_mine;
	unsigned unread;
};

enum chat_row_state {
	CHAT_ROW_SAFE,    /* on the server: sent or received */
	CHAT_ROW_WAITING, /* in the outbox */
	CHAT_ROW_FAILED,  /* refused: why */
};

/** One message. */
struct chat_row {
	int64_t n; /* its place here: rises */
	uint32_t peer;
	bool mine;
	enum chat_row_state state;
	uint64_t time_ms, made_ms; /* made_ms: with the client ID */
	const char *text, *why;
	uint8_t id[HONGYAN_MESSAGE_ID_SIZE], client_id[HONGYAN_CLIENT_ID_SIZE];
};
/** Borrowed rows: until it returns. */
typedef void chat_row_fn(void *arg, const struct chat_row *row);

/**
 * Makes folders and file if they are missing. ABORTED: another process has it open; DATA_LOSS: no such file of this
 * program's, or of a newer one; UNAVAILABLE. *ret_why: hy_alloc'd.
 */
int chat_store_open(const char *path, struct chat_store **ret_store, char **ret_why) HY_MUST_USE;
void chat_store_close(struct chat_store *s); /* NULL is fine */
const char *chat_store_why(const struct chat_store *s);

/** Small things with a name: "device", "uin", "ticket", "snapshot", "learnt", ... Empty when there is none. */
void chat_store_get(struct chat_store *s, const char *name, struct hy_buf *out);
int chat_store_put(struct chat_store *s, const char *name, const void *p, size_t len) HY_MUST_USE;
uint32_t chat_store_uin(struct chat_store *s); /* 0: never signed in */
/**
 * Signed in. The snapshot is forgotten: all is synced anew and repeats are dropped. Another uin than before (the
 * account was deleted and made again): all else is forgotten, too.
 */
int chat_store_sign_in(struct chat_store *s, uint32_t uin, const void *ticket, size_t len) HY_MUST_USE;

/** A sync and its snapshot; the user's own profile and settings too. */
int chat_store_sync(struct chat_store *s, const struct hongyan_sync *sync) HY_MUST_USE;
/** Somebody who was looked up. Their relation stays. */
int chat_store_profile(struct chat_store *s, const struct hongyan_profile *profile) HY_MUST_USE;
/** One's own; fields are empty before the first sync. The caller's to free. */
struct chat_person *chat_store_me(struct chat_store *s);
void chat_store_settings(struct chat_store *s, struct hongyan_settings *ret_settings);

/** Into the outbox. */
int chat_store_write(struct chat_store *s, uint32_t to, const char *text, const uint8_t *client_id, uint64_t made_ms,
	int64_t *ret_n) HY_MUST_USE;
/**
 * A text to a name whose number is not known yet waits under `k`, until it goes into the outbox (both at once), or is
 * given up.
 */
int chat_store_address(struct chat_store *s, const char *name, const char *text, int64_t *ret_k) HY_MUST_USE;
int chat_store_write_addressed(struct chat_store *s, int64_t k, uint32_t to, const char *text, const uint8_t *client_id,
	uint64_t made_ms, int64_t *ret_n) HY_MUST_USE;
int chat_store_unaddress(struct chat_store *s, int64_t k) HY_MUST_USE;
/** All of them, in the order of writing. The store is not to be written meanwhile. */
void chat_store_addressed(
	struct chat_store *s, void (*fn)(void *arg, int64_t k, const char *name, const char *text), void *arg);
/** The final answer: `status` as on_sent() has it. */
int chat_store_sent(struct chat_store *s, const uint8_t *client_id, int status, const char *why,
	const uint8_t *message_id) HY_MUST_USE;
/** A failed one, once more under another client ID: NOT_FOUND if it is none. */
int chat_store_retry(struct chat_store *s, int64_t n, const uint8_t *client_id, uint64_t made_ms) HY_MUST_USE;
/** A failed one is given up. */
int chat_store_drop(struct chat_store *s, int64_t n) HY_MUST_USE;
/** The outbox, in the order of writing, whatever the clock did; one that is tried again counts as written then. */
void chat_store_waiting(struct chat_store *s, chat_row_fn *fn, void *arg);

/** The newest `limit` of a conversation, oldest first. Returns how many. */
unsigned chat_store_rows(struct chat_store *s, uint32_t peer, unsigned limit, chat_row_fn *fn, void *arg);
/** All of all conversations after `n`, oldest first. */
void chat_store_rows_after(struct chat_store *s, int64_t n, chat_row_fn *fn, void *arg);
bool chat_store_row(struct chat_store *s, int64_t n, chat_row_fn *fn, void *arg);
bool chat_store_row_of(struct chat_store *s, const uint8_t *client_id, chat_row_fn *fn, void *arg);
/** Messages that hold `text`, letters of either case, newest first. */
unsigned chat_store_search(struct chat_store *s, const char *text, unsigned limit, chat_row_fn *fn, void *arg);

/** NULL: not known. The caller's to free. */
struct chat_person *chat_store_person(struct chat_store *s, uint32_t uin);
struct chat_person *chat_store_person_named(struct chat_store *s, const char *name);
/** All that are known; each is the callback's to free. */
void chat_store_people(struct chat_store *s, void (*fn)(void *arg, struct chat_person *person), void *arg);
void chat_person_free(struct chat_person *p);
/** Its texts stay the person's. */
struct hongyan_profile chat_person_profile(const struct chat_person *p);

int chat_store_read(struct chat_store *s, uint32_t peer, int64_t up_to) HY_MUST_USE;
int chat_store_draft(struct chat_store *s, uint32_t peer, const char *draft) HY_MUST_USE;

#endif
