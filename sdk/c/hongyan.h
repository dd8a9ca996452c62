/**
 * hongyan.h - the C client library: sign in, send, and be kept in sync.
 *
 * One client is one user's device. It keeps a long link when it can, falls back to the short link (HTTP) when it
 * cannot, retries what may be retried, and pulls what is new. What it promises:
 *   - A text handed to hongyan_send_text() is sent until the server has answered for good, over whatever link
 *     works, always under the same client ID, so it arrives once. Of one conversation one text is under way at a
 *     time: order is kept.
 *   - on_sync() gives changes and a snapshot. Store both together and say so: only then the snapshot is brought to the
 *     server, which may then forget what came with it.
 *
 * The program keeps three things and gives them back at the next start: the ticket, the newest snapshot, and texts that
 * were not answered for yet (with their client IDs).
 *
 * Threads: all on the thread of the loop that the client was created on; callbacks come there too, and never from
 * inside a call of this library but for on_state(). Nothing blocks. Memory that callbacks get is borrowed until they
 * return. hongyan_destroy() may not be called from a callback.
 */
#ifndef HONGYAN_H
#define HONGYAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct env_loop;
struct env_addr;
struct hongyan;

#define HONGYAN_CLIENT_ID_SIZE 16
#define HONGYAN_MESSAGE_ID_SIZE 16
#define HONGYAN_TICKET_MAX 64
#define HONGYAN_TEXT_MAX 8192

enum hongyan_state {
	HONGYAN_OFFLINE,    /* no ticket, or hongyan_stop() */
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

/** One change, as it came in a sync. */
struct hongyan_change {
	enum hongyan_change_kind {
		HONGYAN_CHANGE_OTHER,   /* a kind this library does not know: skip it */
		HONGYAN_CHANGE_PROFILE, /* name */
		HONGYAN_CHANGE_DEVICE,  /* name: the device's */
		HONGYAN_CHANGE_TEXT,    /* message */
		HONGYAN_CHANGE_SETTINGS, /* settings */
		HONGYAN_CHANGE_CONTACT, /* contact */
	} kind;
	uint64_t version; /* of the change within its kind; the order of messages */
	bool deleted;     /* PROFILE, DEVICE, SETTINGS, CONTACT: it is gone; what names it is set */
	const char *name;
	struct hongyan_text {
		uint8_t id[HONGYAN_MESSAGE_ID_SIZE];
		uint32_t from, to;
		const char *from_name;
		uint64_t time_ms;
		const char *text;
	} text;
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

struct hongyan_events {
	void (*on_state)(void *arg, enum hongyan_state state);
	/** Store changes and snapshot together; the answer says how that went. */
	enum hongyan_stored {
		HONGYAN_STORED,     /* both are safe: the snapshot may be brought */
		HONGYAN_NOT_STORED, /* they come again, a little later */
		HONGYAN_LATER,      /* copied, not safe yet: hongyan_stored() will tell; nothing is pulled until then */
	} (*on_sync)(void *arg, const struct hongyan_sync *sync);
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
};

struct hongyan_config {
	const struct env_addr *server;
	const char *device;      /* [A-Za-z0-9._-]{1,32}: made once, kept */
	const char *device_name; /* for people */
	struct hongyan_events events;
	void *arg;
	/* for networks that let nothing but HTTP through: the program calls hongyan_sync_now() */
	bool short_links_only;
	unsigned heartbeat_s;        /* 0: what the server says */
	uint64_t request_timeout_ms; /* for one try; 0: 12,000 */
	uint64_t backoff_max_ms;     /* between tries to connect; 0: 60,000 */
};

/** Copies the config. Status codes as everywhere in Hongyan (base/status.h). */
int hongyan_create(struct env_loop *loop, const struct hongyan_config *config, struct hongyan **ret_client);
/** Ends the links; no callback comes any more. NULL is fine. */
void hongyan_destroy(struct hongyan *h);

/* ---- who: one of these first ------------------------------------------------------------------------------------- */

/** `status` 0: the client has the ticket and goes online by itself. Keep uin and ticket. */
typedef void hongyan_signed_in_fn(
	void *arg, int status, const char *why, uint32_t uin, const void *ticket, size_t ticket_len);
void hongyan_register(struct hongyan *h, const char *name, const char *password, hongyan_signed_in_fn *done, void *arg);
void hongyan_sign_in(struct hongyan *h, const char *name, const char *password, hongyan_signed_in_fn *done, void *arg);
/** With what an earlier run was given. `snapshot` may be NULL. */
void hongyan_resume(struct hongyan *h, uint32_t uin, const void *ticket, size_t ticket_len, const void *snapshot,
	size_t snapshot_len);
/** Ends the ticket on the server, then goes offline. */
void hongyan_sign_out(struct hongyan *h, void (*done)(void *arg, int status, const char *why), void *arg);

/* ---- what -------------------------------------------------------------------------------------------------------- */

/** A new client ID and the time that goes with it. */
void hongyan_new_client_id(struct hongyan *h, uint8_t ret_client_id[HONGYAN_CLIENT_ID_SIZE], uint64_t *ret_made_ms);
/**
 * Puts a text into the outbox; on_sent() tells how it ended. After a restart: again, with the same client ID and time,
 * in the old order. INVALID_ARGUMENT: empty or too long. RESOURCE_EXHAUSTED: over 10,000 texts are waiting.
 */
int hongyan_send_text(struct hongyan *h, uint32_t to, const char *text, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE],
	uint64_t made_ms);
/**
 * How a request ended. 0: done; else a status code, and `why` for people. Retried by itself under the same client ID
 * until there is an answer, or for a minute: then DEADLINE_EXCEEDED, and the outcome is unknown.
 */
typedef void hongyan_done_fn(void *arg, int status, const char *why);

/** Finds somebody by account name. NOT_FOUND. `profile` is NULL unless `status` is 0. */
void hongyan_lookup(struct hongyan *h, const char *name,
	void (*done)(void *arg, int status, const char *why, const struct hongyan_profile *profile), void *arg);

/* What these change comes back by sync, to this device too. `done` may be NULL. */

/** Asks to become contacts, or says yes to who has asked already. Greeting: at most 256 bytes; remark: 64. */
void hongyan_request_contact(struct hongyan *h, uint32_t uin, const char *greeting, const char *remark,
	hongyan_done_fn *done, void *arg);
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
void hongyan_update_profile(
	struct hongyan *h, const struct hongyan_profile *profile, hongyan_done_fn *done, void *arg);
void hongyan_update_settings(
	struct hongyan *h, const struct hongyan_settings *settings, hongyan_done_fn *done, void *arg);
/** All other devices are signed out. */
void hongyan_change_password(
	struct hongyan *h, const char *old_password, const char *new_password, hongyan_done_fn *done, void *arg);
void hongyan_list_devices(struct hongyan *h,
	void (*done)(void *arg, int status, const char *why, const struct hongyan_device *devices, size_t count),
	void *arg);
/** NULL: all devices but this one. */
void hongyan_sign_out_device(struct hongyan *h, const char *device, hongyan_done_fn *done, void *arg);
/** Pull now; also happens by itself on every hint, connect and heartbeat. */
void hongyan_sync_now(struct hongyan *h);
/**
 * What on_sync() left open with HONGYAN_LATER: `number` is safe now, or is not. Of an answer that was handed out before
 * the client signed out, or was destroyed and made again, it says nothing any more and changes nothing.
 */
void hongyan_stored(struct hongyan *h, uint64_t number, bool stored);

enum hongyan_state hongyan_state(const struct hongyan *h);
uint32_t hongyan_uin(const struct hongyan *h);

#endif
