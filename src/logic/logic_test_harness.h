/**
 * logic_test_harness.h - a whole server without its access layer, for tests: loops, storage, all services, and a Link
 * service that only notes what it is asked.
 *
 * Tests talk to it as clients do, by the generated stubs, inside a coroutine with a passport. cmocka's assertions leave
 * by longjmp, so they stay outside coroutines: inside, CHECK() notes the first line that failed and harness_close()
 * reports it.
 */
#ifndef LOGIC_TEST_HARNESS_H
#define LOGIC_TEST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth.rpc.h"
#include "base/mem.h"
#include "data/message/message.h"
#include "data/spaces.h"
#include "kt/engine.h"
#include "logic/auth/auth.h"
#include "logic/limit/limit.h"
#include "logic/session/session.h"
#include "logic/snapshot.h"
#include "logic/sync/sync.h"
#include "send.rpc.h"
#include "sync.rpc.h"

struct harness;

struct harness_config {
	unsigned loops;                                                                   /* 0: 1 */
	const char *dir;                                                                  /* for `open` */
	int (*open)(struct svr *svr, const struct kt_config *config, struct kt **ret_kt); /* NULL: kt_open_mem */
	unsigned retain_days;
	unsigned uin_bits, hash_queue; /* see struct auth_config */
	enum auth_registration registration;
	struct message_config message;
	uint32_t page_bytes;
	uint64_t write_pause_ms;
	uint64_t epoch_shift; /* added to the store's epoch, as if it were another */
	unsigned users_max;   /* see struct session_config */
	struct limit_config limits;
	bool contacts_only;    /* as a server does without being told: strangers may not write */
	uint32_t contact_rows; /* see struct contact_config */
};

#define HARNESS_NOTES_MAX 4096u

struct harness {
	struct harness_config config;
	struct env *env;
	struct svr *svr;
	struct kt *kt;
	struct logic_keys keys;
	struct account *account;
	struct message *message;
	struct session *session;
	struct delivery *delivery;
	struct sync *sync;
	struct send *send;
	struct contact *contact;
	struct contacts *contacts;
	struct deletion *deletion;
	struct profile *profile;
	struct auth *auth;
	struct limit *limit;
	struct env_inbox *done;
	/* what the Link service was asked; atomic */
	uint32_t hints[HARNESS_NOTES_MAX];
	uint32_t hint_count, close_count;
	bool last_closed_all; /* no device was named */
	char last_closed[SPACES_DEVICE_MAX + 1]; /* device; with one loop only */
	unsigned round; /* the test's own number, where it runs its tasks again and again */
	int failed_line;
	const char *failed_file;
	void *arg; /* the test's own, set after harness_open() */
	/** What storage does besides, on the key's loop; set after harness_open(), NULL: nothing. */
	struct {
		/** After a write: what its caller is told. */
		int (*wrote)(struct harness *h, struct call *call, const struct kt_op *ops, size_t count, int status);
		/** After a row was read. */
		void (*read)(struct harness *h, struct call *call, const struct hy_key *key, uint8_t space);
	} on;
	struct kt_engine engine; /* the real one with the above */
	const struct kt_engine *real_engine;
};

#define CHECK(h, condition) ((condition) ? (void)0 : harness_failed(h, __FILE__, __LINE__))
void harness_failed(struct harness *h, const char *file, int line);

void harness_open(struct harness *h, const struct harness_config *config);
/** Fails the test if a CHECK() failed. */
void harness_close(struct harness *h);
/** Runs it in a coroutine on loop 0 and waits for its end. */
void harness_run(struct harness *h, void (*fn)(struct harness *h, struct call *call));
/** Opens, runs, closes. */
void harness_once(const struct harness_config *config, void (*fn)(struct harness *h, struct call *call));
/** Runs it `count` times at once, spread over the loops; `index` tells them apart. */
void harness_run_many(
	struct harness *h, unsigned count, void (*fn)(struct harness *h, struct call *call, unsigned index));
/** Hints that this user was given. */
unsigned harness_hints(const struct harness *h, uint32_t uin);

/* ---- clients ----------------------------------------------------------------------------------------------------- */

/** A device of a user. */
struct person {
	uint32_t uin;
	const char *name, *device;
	uint8_t ticket[TICKET_SIZE];
	uint8_t snapshot[SNAPSHOT_SIZE];
	size_t snapshot_len;
};

#define HARNESS_PASSWORD "correct horse"

struct client_id {
	uint8_t bytes[16];
};
struct client_id harness_client_id(struct harness *h);

/** A request head; `id` must outlive it. */
Hy__RequestHead harness_head(struct harness *h, const char *device, struct client_id *id);
/** The rest of the coroutine speaks for this device. */
void harness_as(struct call *call, const struct person *p);
/** Registers, or signs a further device in, with HARNESS_PASSWORD. CHECKs that it worked. */
struct person harness_register(struct harness *h, struct call *call, const char *name, const char *device);
struct person harness_sign_in(struct harness *h, struct call *call, const char *name, const char *device);
/** The raw calls; the status. */
int harness_try_register(struct harness *h, struct call *call, const char *name, const char *password,
	const char *device, struct client_id id, Hy__RegisterResponse *response);
int harness_try_sign_in(struct harness *h, struct call *call, const char *name, const char *password,
	const char *device, Hy__SignInResponse *response);
/** Sends as `from`; the status. `made_ms` 0: now. */
int harness_send(struct harness *h, struct call *call, const struct person *from, uint32_t to, const char *text,
	struct client_id id, uint64_t made_ms, Hy__SendTextResponse *response);
/** Sends with a client ID of its own and CHECKs that it worked. */
void harness_send_ok(struct harness *h, struct call *call, const struct person *from, uint32_t to, const char *text);
/** Syncs as `p` with its snapshot, which is not replaced; the status. */
int harness_sync(struct harness *h, struct call *call, const struct person *p, Hy__SyncResponse *response);
/** Keeps the snapshot of an answer. */
void harness_keep(struct harness *h, struct person *p, const Hy__SyncResponse *response);
/** Syncs to the end, keeping each snapshot; returns the number of messages that came. CHECKs that it worked. */
unsigned harness_sync_all(struct harness *h, struct call *call, struct person *p);
/** The message in an entry, or NULL: it is none. */
Hy__TextMessage *harness_text(struct call *call, const Hy__SyncEntry *entry);
bool harness_has_reset(const Hy__SyncResponse *response, Hy__SyncKind kind);
/** The user's inbox. On one loop only. */
struct kt_head harness_inbox(struct harness *h, struct call *call, uint32_t uin);

#endif
