/**
 * hongyan.h - the C client library: sign in, send, keep contacts, and be kept in sync.
 *
 * One client is one user's device, for its life. It keeps a long link when it can, falls back to the short link (HTTP)
 * while it cannot, retries what may be retried, and pulls what is new. What it promises:
 *   - A text handed to hongyan_send_text() is sent until the server has answered for good, over whatever link
 *     works, always under the same client ID, so it arrives once. Of one conversation one text is under way at a
 *     time: order is kept.
 *   - Changes to one thing (what the user has to do with one person; the profile; the settings; password and devices)
 *     are carried out in the order in which they were asked for: one is under way at a time.
 *   - on_sync() gives changes and a snapshot. Store both together and say so: only then the snapshot is brought to the
 *     server, which may then forget what came with it.
 *
 * The program keeps and gives back at the next start: uin and ticket, the newest snapshot, and texts that were not
 * answered for yet (with their client IDs and times). If it likes, also what was learnt of networks (on_learnt).
 *
 * Running it. A client does nothing by itself before one of these:
 *   - hongyan_start_thread(): it has a thread of its own, and callbacks come there;
 *   - hongyan_fd() and hongyan_turn(): the program's own loop runs it, and callbacks come from hongyan_turn().
 *
 * Threads: every function may be called from any thread, from callbacks too (but for hongyan_destroy()). None blocks
 * (but for hongyan_turn() and hongyan_destroy()): what is asked for is noted, and done on the client's thread in the
 * order in which it was asked for. No callback ever comes from inside another function of this library.
 * Memory: what is given is copied; what callbacks get is borrowed until they return.
 * There are no globals; a process may have any number of clients. Signals, umask and standard files stay as they are.
 */
#ifndef HONGYAN_H
#define HONGYAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hongyan;

/** What functions and answers tell; the numbers are gRPC's, and the server's. */
enum hongyan_status {
	HONGYAN_OK = 0,
	HONGYAN_CANCELLED = 1,
	HONGYAN_UNKNOWN = 2,
	HONGYAN_INVALID_ARGUMENT = 3,
	HONGYAN_DEADLINE_EXCEEDED = 4, /* the outcome is unknown */
	HONGYAN_NOT_FOUND = 5,
	HONGYAN_ALREADY_EXISTS = 6,
	HONGYAN_PERMISSION_DENIED = 7,
	HONGYAN_RESOURCE_EXHAUSTED = 8, /* too many, or too often */
	HONGYAN_FAILED_PRECONDITION = 9,
	HONGYAN_ABORTED = 10,
	HONGYAN_OUT_OF_RANGE = 11,
	HONGYAN_UNIMPLEMENTED = 12,
	HONGYAN_INTERNAL = 13,
	HONGYAN_UNAVAILABLE = 14, /* the outcome is unknown */
	HONGYAN_DATA_LOSS = 15,
	HONGYAN_UNAUTHENTICATED = 16,
};
/** A short English sentence. Static storage. */
const char *hongyan_status_text(int status);

#define HONGYAN_CLIENT_ID_SIZE 16
#define HONGYAN_MESSAGE_ID_SIZE 16
#define HONGYAN_TICKET_MAX 64
#define HONGYAN_TEXT_MAX 8192

enum hongyan_state {
	HONGYAN_OFFLINE,    /* not signed in */
	HONGYAN_CONNECTING, /* also between attempts; requests go by the short link meanwhile */
	HONGYAN_ONLINE,     /* the long link has identified itself */
};

/** What people see of an account. Texts are never NULL. */
struct hongyan_profile {
	uint32_t uin;
	const char *name, *nickname, *signature, *region;
	uint32_t avatar_colour; /* 0xRRGGBB */
	uint64_t created_ms;    /* of one's own account; else 0 */
};

enum hongyan_who { HONGYAN_WHO_DEFAULT, HONGYAN_WHO_CONTACTS, HONGYAN_WHO_ANYONE, HONGYAN_WHO_NOBODY };

struct hongyan_settings {
	enum hongyan_who may_write; /* default: contacts */
	enum hongyan_who may_ask;   /* to become a contact; default: anyone */
};

struct hongyan_device {
	const char *device, *name;
	uint64_t signed_in_ms;
	uint64_t seen_ms; /* last use, to within a minute; only hongyan_list_devices() knows it */
	bool this_one, online;
};

enum hongyan_relation {
	HONGYAN_RELATION_NONE,     /* nothing (any more); show it no longer unless it is blocked */
	HONGYAN_RELATION_OUTGOING, /* the user has asked */
	HONGYAN_RELATION_INCOMING, /* the user was asked: accept or decline */
	HONGYAN_RELATION_CONTACT,
	HONGYAN_RELATION_ENDED, /* the other one declined, or ended it */
};

/** Somebody with whom the user has, or had, to do. */
struct hongyan_contact {
	struct hongyan_profile profile; /* a copy: follows the other one's changes within seconds */
	enum hongyan_relation relation;
	const char *remark; /* the user's own name for them; "" for none */
	const char *greeting;
	uint64_t asked_ms;
	bool blocked;
	bool gone; /* the account was deleted */
};

struct hongyan_text {
	uint8_t id[HONGYAN_MESSAGE_ID_SIZE]; /* the same for every copy */
	uint32_t from, to;
	const char *from_name;
	uint64_t time_ms; /* the server's clock when it took the text */
	const char *text;
};

enum hongyan_change_kind {
	HONGYAN_CHANGE_OTHER,    /* a kind this library does not know: skip it */
	HONGYAN_CHANGE_PROFILE,  /* profile: the user's own */
	HONGYAN_CHANGE_DEVICE,   /* device */
	HONGYAN_CHANGE_TEXT,     /* text */
	HONGYAN_CHANGE_SETTINGS, /* settings */
	HONGYAN_CHANGE_CONTACT,  /* contact */
};

/** One change, as it came in a sync. Members of other kinds are zero: their texts are NULL. */
struct hongyan_change {
	enum hongyan_change_kind kind;
	uint64_t version; /* of the change within its kind; the order of messages */
	bool deleted;     /* PROFILE, DEVICE, SETTINGS, CONTACT: it is gone; what names it is set */
	const char *name; /* PROFILE, DEVICE, CONTACT: its name */
	struct hongyan_text text;
	struct hongyan_device device;
	struct hongyan_profile profile;
	struct hongyan_settings settings;
	struct hongyan_contact contact;
};

struct hongyan_sync {
	const struct hongyan_change *changes;
	size_t count;
	uint64_t number;      /* of this answer, for hongyan_stored() */
	const void *snapshot; /* opaque; store it with the changes */
	size_t snapshot_len;
	bool reset_messages; /* older messages are gone on the server: keep your own, drop repeats by id */
	bool reset_account;  /* replace what you have: profile, settings, devices */
	bool reset_contacts; /* replace what you have */
	bool more;           /* another one follows at once */
};

/** What on_sync() answers. */
enum hongyan_stored {
	HONGYAN_STORED,     /* both are safe: the snapshot may be brought */
	HONGYAN_NOT_STORED, /* they come again, a little later */
	HONGYAN_LATER,      /* copied, not safe yet: hongyan_stored() will tell; nothing is pulled until then */
};

/** Any may be NULL; without on_sync() what comes counts as stored. */
struct hongyan_events {
	void (*on_state)(void *arg, enum hongyan_state state);
	/** Store changes and snapshot together; the answer says how that went. */
	enum hongyan_stored (*on_sync)(void *arg, const struct hongyan_sync *sync);
	/**
	 * A text has its final answer. `status` 0: it is safe on the server, under `message_id`. Else it was refused:
	 * `why`.
	 */
	void (*on_sent)(void *arg, uint32_t to, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE], int status,
		const char *why, const uint8_t message_id[HONGYAN_MESSAGE_ID_SIZE]);
	/**
	 * The server does not know the snapshot (it was restored, say): it is dropped, and everything is synced anew.
	 */
	void (*on_resync)(void *arg);
	/** The ticket is no longer valid: sign in again. The client is OFFLINE. */
	void (*on_signed_out)(void *arg, const char *why);
	/** What was learnt of networks has changed: some lines of text, for config.learnt at the next start. */
	void (*on_learnt)(void *arg, const char *learnt);
	/**
	 * A try has failed, and is made again: the server cannot be reached, is none, or answers that it cannot do it
	 * now. `why` is for people, "cannot reach 192.0.2.7:7600: connection refused"; `retry_ms`: until the next try.
	 */
	void (*on_trouble)(void *arg, const char *why, uint64_t retry_ms);
};

struct hongyan_config {
	/**
	 * "chat.example.org", "chat.example.org:7600", "192.0.2.7:7600", "[2001:db8::7]:7600", or several of these with
	 * commas between, at most eight; tried in turn, 2.5 s apart. Names are looked up in the background, and again
	 * when none of their addresses answers.
	 */
	const char *server;
	const char *device;      /* [A-Za-z0-9._-]{1,32}: made once, kept */
	const char *device_name; /* for people; NULL: none */
	const char *learnt;      /* the last that on_learnt() gave; NULL: nothing */
	struct hongyan_events events;
	void *arg; /* handed to the events */
	/* for networks that let nothing but HTTP through: the program calls hongyan_sync_now() */
	bool short_links_only;
	unsigned heartbeat_s;        /* fixed; 0: as long as the network bears it, within what the server says */
	uint64_t request_timeout_ms; /* for one try; 0: 12,000 */
	uint64_t backoff_max_ms;     /* between tries to connect; 0: 60,000 */
};

/**
 * INVALID_ARGUMENT: the device's name, or the server's. UNAVAILABLE: out of files or threads. hongyan_destroy() gives
 * everything back.
 */
int hongyan_create(const struct hongyan_config *config, struct hongyan **ret_client);
/**
 * Ends the links; when it returns, no callback runs or comes any more. Not from a callback. NULL is fine. Texts not
 * answered for and requests not done are forgotten here; their outcome is unknown.
 */
void hongyan_destroy(struct hongyan *h);

/* ---- running it: one of the two ---------------------------------------------------------------------------------- */

/** A thread of its own, which takes no signals. UNAVAILABLE: no more threads. */
int hongyan_start_thread(struct hongyan *h);
/**
 * Readable for poll(), select(), epoll ... when hongyan_turn() has something to do, timers included. It is the
 * library's: do not read it, do not close it.
 */
int hongyan_fd(struct hongyan *h);
/**
 * Waits up to `timeout_ms` (0: not at all; -1: until there is something), does what is due, and calls the callbacks.
 * One thread at a time, and not from a callback.
 */
void hongyan_turn(struct hongyan *h, int timeout_ms);

/* ---- who: one of these first ------------------------------------------------------------------------------------- */

/** `status` 0: the client has the ticket and goes online by itself. Keep uin and ticket. */
typedef void hongyan_signed_in_fn(
	void *arg, int status, const char *why, uint32_t uin, const void *ticket, size_t ticket_len);
/**
 * A new account: [a-z0-9._-]{3,32}, a password of 8 to 128 bytes; `invitation` where the server asks for one, else
 * NULL. ALREADY_EXISTS: the name is taken. PERMISSION_DENIED: not without (another) invitation, or not here.
 */
void hongyan_register(struct hongyan *h, const char *name, const char *password, const char *invitation,
	hongyan_signed_in_fn *done, void *arg);
/** UNAUTHENTICATED: name or password is wrong. */
void hongyan_sign_in(struct hongyan *h, const char *name, const char *password, hongyan_signed_in_fn *done, void *arg);
/** With what an earlier run was given. `snapshot` may be NULL. */
void hongyan_resume(struct hongyan *h, uint32_t uin, const void *ticket, size_t ticket_len, const void *snapshot,
	size_t snapshot_len);
/**
 * How a request ended. 0: done; else a status code, and `why` for people. Retried by itself under the same client ID,
 * over whichever link works, until there is an answer, or for a minute: then DEADLINE_EXCEEDED, and the outcome is
 * unknown. The minute runs from when it was asked for, also while it waits for an earlier change to the same thing;
 * what follows one whose outcome is unknown goes on. RESOURCE_EXHAUSTED: not now; `why` says more.
 */
typedef void hongyan_done_fn(void *arg, int status, const char *why);
/** Ends the ticket on the server, then goes offline. */
void hongyan_sign_out(struct hongyan *h, hongyan_done_fn *done, void *arg);

/* ---- what -------------------------------------------------------------------------------------------------------- */

/** A new client ID and the time that goes with it. */
void hongyan_new_client_id(struct hongyan *h, uint8_t ret_client_id[HONGYAN_CLIENT_ID_SIZE], uint64_t *ret_made_ms);
/**
 * Puts a text into the outbox; on_sent() tells how it ended. After a restart: again, with the same client ID and time,
 * in the old order. INVALID_ARGUMENT: empty or too long. RESOURCE_EXHAUSTED: over 10,000 texts are waiting.
 */
int hongyan_send_text(struct hongyan *h, uint32_t to, const char *text, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE],
	uint64_t made_ms);

/*
 * Any `done` may be NULL. Requests of a client that is not signed in end as UNAUTHENTICATED; so do those that have no
 * answer yet when it is signed out, or signed in as somebody else, and then the outcome is unknown. Signed in again as
 * the same user they go on, but for a sign-out, which is not meant for the new ticket.
 */

/** Finds somebody by account name. NOT_FOUND. `profile` is NULL unless `status` is 0. */
typedef void hongyan_found_fn(void *arg, int status, const char *why, const struct hongyan_profile *profile);
void hongyan_lookup(struct hongyan *h, const char *name, hongyan_found_fn *done, void *arg);

/* What these change comes back by sync, to this device too. */

/** Asks to become contacts, or says yes to who has asked already. Greeting: at most 256 bytes; remark: 64. */
void hongyan_request_contact(
	struct hongyan *h, uint32_t uin, const char *greeting, const char *remark, hongyan_done_fn *done, void *arg);

enum hongyan_contact_change {
	HONGYAN_ACCEPT,  /* FAILED_PRECONDITION: does not ask (any more) */
	HONGYAN_DECLINE, /* the same */
	HONGYAN_DELETE,  /* also takes one's own request back */
	HONGYAN_RESTORE, /* takes one's own DELETE or DECLINE back. FAILED_PRECONDITION: ask anew */
	HONGYAN_BLOCK,   /* the other one is not told */
	HONGYAN_UNBLOCK,
};
void hongyan_change_contact(
	struct hongyan *h, uint32_t uin, enum hongyan_contact_change change, hongyan_done_fn *done, void *arg);
void hongyan_set_remark(struct hongyan *h, uint32_t uin, const char *remark, hongyan_done_fn *done, void *arg);

/** Replaces nickname, signature, region and avatar colour. */
void hongyan_update_profile(struct hongyan *h, const struct hongyan_profile *profile, hongyan_done_fn *done, void *arg);
void hongyan_update_settings(
	struct hongyan *h, const struct hongyan_settings *settings, hongyan_done_fn *done, void *arg);

/** All other devices are signed out. UNAUTHENTICATED: the old password is wrong. */
void hongyan_change_password(
	struct hongyan *h, const char *old_password, const char *new_password, hongyan_done_fn *done, void *arg);
typedef void hongyan_devices_fn(
	void *arg, int status, const char *why, const struct hongyan_device *devices, size_t count);
void hongyan_list_devices(struct hongyan *h, hongyan_devices_fn *done, void *arg);
/** Ends its ticket and closes its links. NULL: all devices but this one. NOT_FOUND. */
void hongyan_sign_out_device(struct hongyan *h, const char *device, hongyan_done_fn *done, void *arg);

/** Pull now; also happens by itself on every hint, connect and heartbeat. */
void hongyan_sync_now(struct hongyan *h);
/**
 * What on_sync() left open with HONGYAN_LATER: `number` is safe now, or is not. Of an answer that was handed out before
 * the client signed out, or was destroyed and made again, it says nothing any more and changes nothing.
 */
void hongyan_stored(struct hongyan *h, uint64_t number, bool stored);

/**
 * The device is on another network, or back on one: "wifi:home", any name of at most 48 bytes without spaces; NULL:
 * unknown. Links are made anew at once, and how long this network bears silence is remembered under that name.
 */
void hongyan_set_network(struct hongyan *h, const char *name);

/** As on_state() last told. */
enum hongyan_state hongyan_state(const struct hongyan *h);
/** 0 before the first sign-in. */
uint32_t hongyan_uin(const struct hongyan *h);

#ifdef __cplusplus
}
#endif

#endif
