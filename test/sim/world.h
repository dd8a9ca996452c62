/**
 * world.h - one run of the simulation: a server machine, some client machines with users' devices, faults, and the book
 * in which everything that was promised is written down and checked.
 *
 * All that outlives a process (what a device has stored, what was sent, what was seen by anybody) lies in the world
 * itself, in arrays of fixed size: no simulated heap, so no kill, touches it. What belongs to a process hangs on
 * pointers that are NULL while the process is off.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "env/sim/sim.h"
#include "hongyan.h"
#include "main/server.h"

#define USERS_MAX 8u
#define DEVICES_MAX 20u
#define CLIENTS_MAX 6u
#define TEXTS_MAX 320u
#define VERSIONS_MAX 2048u
#define CHANGES_MAX 256u
#define SNAPSHOT_MAX 128u
#define SNAPSHOTS_KEPT 4u
#define TEXT_LEN_MAX 8192u /* HONGYAN_TEXT_MAX */
#define SEC 1000000ull

/** Kinds of faults that shrink turns off one by one: those of struct sim_faults, and the world's own plans. */
#define WORLD_KINDS(X)     \
	X(net_slow)        \
	X(net_reset)       \
	X(net_half_open)   \
	X(net_refuse)      \
	X(net_short)       \
	X(net_dup_connect) \
	X(disk_slow)       \
	X(disk_sync_eio)   \
	X(disk_enospc)     \
	X(clock_jump)      \
	X(clock_drift_ppm) \
	X(pause)           \
	X(buggify)         \
	X(kill)            \
	X(power_cut)       \
	X(clean_stop)      \
	X(again)           \
	X(cut)             \
	X(disk_full)       \
	X(client_death)    \
	X(raw)             \
	X(admin)           \
	X(bounds)          \
	X(sign_out)        \
	X(contacts)        \
	X(sweep)

enum world_kind {
#define X(name) KIND_##name,
	WORLD_KINDS(X)
#undef X
		KIND_COUNT
};

struct world_options {
	uint32_t off;    /* bit set of 1 << enum world_kind: never, whatever the seed says */
	bool log;        /* print what happens */
	bool server_log; /* and the machines' log lines */
};

struct world;
struct sdk_run;
struct raw_run;

enum text_state { TEXT_NONE, TEXT_PENDING, TEXT_ANSWERED, TEXT_REFUSED };

/** One message that somebody wanted to send. Its number is its place in world.texts and the beginning of its text. */
struct text {
	enum text_state state;
	unsigned from, to_user; /* device, user */
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE], message_id[HONGYAN_MESSAGE_ID_SIZE];
	bool has_message_id;
	uint64_t made_ms;
	unsigned len;
	unsigned pipeline; /* sent in one go with others of this number, on one link, to one recipient; 0: alone */
	bool tried_again;
	uint64_t asked_us;
	unsigned link; /* device.link when it was sent */
	bool once;     /* it was not let in, at its only try */
	bool late;     /* a letter of the end, to everybody */
};

enum change_kind {
	CHANGE_REQUEST,
	CHANGE_ACCEPT,
	CHANGE_DECLINE,
	CHANGE_DELETE,
	CHANGE_RESTORE,
	CHANGE_BLOCK,
	CHANGE_UNBLOCK,
	CHANGE_REMARK,
	CHANGE_PROFILE,
	CHANGE_SETTINGS,
	CHANGE_KINDS
};
/** REFUSED: it has not happened and will not. UNKNOWN: it may have, and may yet. */
enum change_state { CHANGE_PENDING, CHANGE_DONE, CHANGE_REFUSED, CHANGE_UNKNOWN };

/** What somebody wanted to change: of a contact (`peer`), of the profile, of the settings. Texts are made of its
 * number. */
struct change {
	enum change_kind kind;
	enum change_state state;
	unsigned device, user, peer;
	bool remarked; /* a request that brings a remark, too */
	unsigned may_write, may_ask;
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	uint64_t made_ms, asked_us, done_us; /* done_us: UINT64_MAX unless its outcome is known */
	unsigned tries, link;
	/** Those of one lane about one thing are carried out in the order in which they were asked for. 0: none. */
	unsigned lane;
};

/** What a user's own changes decide, each as a register that he alone writes. All begin with 0. */
enum contact_register {
	REGISTER_WISH, /* of a peer, as the next two */
	REGISTER_BLOCKED,
	REGISTER_REMARK,
	REGISTER_NICKNAME,
	REGISTER_MAY_WRITE,
	REGISTER_MAY_ASK,
	REGISTER_COUNT
};

/** A device's row of a peer. Remark and nickname: number of the change that made them, plus 1; 0: none, never changed.
 */
struct contact_seen {
	bool there; /* false: there never was one, or it is gone, which who begins anew need not hear */
	enum hongyan_relation relation;
	bool blocked;
	unsigned remark, nickname;
	uint64_t version;
};

struct user {
	char name[24];
	uint32_t uin;     /* 0: not registered */
	unsigned alone;   /* the device that is known to have signed out last, plus 1, while no other has signed in:
			     nothing is trimmed meanwhile (R5) */
	unsigned changes; /* sign-ins and sign-outs that devices were told of */
	/** What anybody was ever told of the inbox: a version names one text, a text has one version, for ever. */
	uint64_t version_of[TEXTS_MAX];
	uint16_t text_at[VERSIONS_MAX]; /* number + 1 */
};

enum device_kind { DEVICE_LONG, DEVICE_SHORT, DEVICE_RAW };

/** A user's device; what it has on its disk, and how it behaves. */
struct device {
	struct world *world;
	unsigned index, user, client;
	enum device_kind kind;
	char name[16];
	unsigned heartbeat_s;
	uint64_t request_timeout_ms, backoff_max_ms, pause_us;
	/* on disk */
	uint8_t ticket[HONGYAN_TICKET_MAX];
	size_t ticket_len;
	uint8_t sign_in_id[HONGYAN_CLIENT_ID_SIZE];      /* of a raw device */
	uint64_t sign_in_made_ms;                        /* 0: it never tried */
	uint8_t snapshots[SNAPSHOTS_KEPT][SNAPSHOT_MAX]; /* [0]: the newest */
	size_t snapshot_lens[SNAPSHOTS_KEPT];
	uint64_t got[TEXTS_MAX];    /* the version it came with; 0: not yet */
	bool may_repeat[TEXTS_MAX]; /* it came before the last sign-in, after which all comes anew */
	unsigned first_due;         /* texts from this number on are due here */
	bool reset;                 /* it was told that older ones are gone */
	uint64_t synced_us;
	struct contact_seen contacts[USERS_MAX];
	unsigned nickname, may_write, may_ask; /* its user's own */
	bool leaving;                          /* it wants to sign out, and may have */
	unsigned changes_before;               /* user.changes when it first asked to */
	uint64_t away_until;
	unsigned link; /* rises when its links come and go */
	bool online, wrote_to_all;
	/* of its process */
	struct sdk_run *sdk;
	struct raw_run *raw;
};

struct client {
	struct world *world;
	unsigned index;
	struct sim_machine *machine;
	struct env_loop *loop;
	struct env_msg stop;
	uint64_t start_at; /* while it is off */
	bool ending;
};

enum world_phase { PHASE_FAULTS, PHASE_HEAL, PHASE_BURST, PHASE_LETTERS, PHASE_STOP };

struct world {
	uint64_t seed;
	struct world_options options;
	struct sim *sim;
	enum world_phase phase;
	bool long_texts; /* so that a sync takes several pages */
	bool bounded;    /* small inbox bounds: entries may go before all devices have them */
	unsigned kinds;  /* plans drawn for this run */
	struct sim_faults drawn;
	uint64_t plan_pause_us, disk_bytes;
	/* server */
	struct sim_machine *server_machine;
	struct server_config config;
	struct server *server; /* while it serves */
	uint64_t start_at;     /* while it is off */
	bool ending, disk_small, admin_on;
	uint64_t ending_since;
	/* clients */
	struct client clients[CLIENTS_MAX];
	unsigned client_count;
	struct user users[USERS_MAX];
	unsigned user_count;
	struct device devices[DEVICES_MAX];
	unsigned device_count;
	struct text texts[TEXTS_MAX];
	unsigned text_count, texts_wanted, pipelines;
	struct change changes[CHANGES_MAX];
	unsigned change_count, changes_wanted, lanes;
	/* what all was when everything had settled last; earlier changes are of no further interest */
	unsigned settled[REGISTER_COUNT][USERS_MAX][USERS_MAX];
	uint64_t settled_us;
	uint64_t restarted_us;
	bool prompt;                          /* only what is hinted at has to be there */
	bool may_write[USERS_MAX][USERS_MAX]; /* in PHASE_LETTERS: from, to */
	uint64_t faults_until;
	uint64_t pace_since, pace_events; /* how much happened since */
	/* what happened */
	uint64_t kills, power_cuts, clean_stops, answered, refused, received, admin_calls;
	uint64_t changed, changes_refused, changes_unknown;
	char failure[600];
};

/** The first failure is the run's. `fmt` makes a sentence. */
void world_fail(struct world *w, const char *fmt, ...) HY_PRINTF(2, 3);
/** A line of what happened, if they are wanted. */
void world_say(struct world *w, const char *fmt, ...) HY_PRINTF(2, 3);
static inline bool world_failed(const struct world *w)
{
	return w->failure[0] != '\0';
}
bool world_has(const struct world *w, enum world_kind kind);
uint64_t world_range(struct world *w, uint64_t lo, uint64_t hi);
bool world_chance(struct world *w, unsigned per_mille);

/** Runs one seed to its end. */
struct world_result {
	char failure[600]; /* empty: all promises were kept */
	uint64_t hash, events, virtual_us, kills, power_cuts, clean_stops, texts, answered, refused, received;
	uint64_t changes, changed, changes_refused;
};
void world_run(uint64_t seed, const struct world_options *options,
	void (*mark)(void *arg, const char *name, uint64_t count), void *arg, struct world_result *ret_result);

/* ---- server_machine.c -------------------------------------------------------------------------------------------- */

void server_machine_draw(struct world *w);
void server_machine_start(struct world *w);
/** Looks after it: starts it when it is off and its time has come, ends it when its store has failed. */
void server_machine_watch(struct world *w);

/* ---- admin_client.c: lists keys and rows over the administration socket, on the server's machine ----------------- */

struct admin_run;
struct admin_run *admin_run_start(struct world *w, struct env *env);
void admin_run_stop(struct admin_run *a);

/* ---- client_machine.c -------------------------------------------------------------------------------------------- */

void client_machine_start(struct client *c);
void client_machines_watch(struct world *w);

/* ---- sdk_device.c, raw_device.c: on the client's loop ------------------------------------------------------------ */

void sdk_device_start(struct device *d, struct env_loop *loop);
void sdk_device_stop(struct device *d);
/** The burst begins: send now. */
void raw_device_start(struct device *d, struct env_loop *loop);
void raw_device_stop(struct device *d);

/* ---- plan.c: faults ---------------------------------------------------------------------------------------------- */

void plan_draw(struct world *w);
void plan_start(struct world *w);
/** Something was just sent: now and then the server dies while it is at work on it. */
void plan_strike(struct world *w);
/** A change was asked for, which is told to somebody else afterwards: now and then the server dies in between, at times
 * together with the client that would ask again. */
void plan_strike_between(struct client *c);
/** All faults off, all cuts healed. */
void plan_heal(struct world *w);

/* ---- book.c: what was promised and what was seen ----------------------------------------------------------------- */

#define TEXT_BUFFER (TEXT_LEN_MAX + 1)
/** The text of a message, made from its number alone. */
void book_text(const struct world *w, unsigned number, char buffer[TEXT_BUFFER]);
/** Whom this device may write to now; USERS_MAX: nobody is there yet. */
unsigned book_draw_recipient(struct world *w);
/** A new text in the device's outbox; TEXTS_MAX: enough were sent. */
unsigned book_new_text(
	struct device *d, unsigned to_user, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE], uint64_t made_ms);
unsigned book_find_text(const struct device *d, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE]);
/** The final answer; `message_id` NULL: none. */
void book_answer(struct world *w, unsigned number, int status, const uint8_t *message_id, const char *why);
void book_signed_in(struct device *d, uint32_t uin, const void *ticket, size_t len);
/** It asks to sign out. The server may do so at any time from now on, long before the device hears of it. */
void book_leaves(struct device *d);
/** It is known to be out: alone only if no device of its user came or went since it asked. */
void book_signed_out(struct device *d);

struct book_entry {
	uint64_t version;
	const uint8_t *id;
	uint32_t from, to;
	const char *from_name, *text;
};
struct book_sync {
	const void *brought; /* the snapshot that the request carried */
	size_t brought_len;
	const void *snapshot;
	size_t snapshot_len;
	bool reset, old; /* old: an older snapshot was brought on purpose */
	const struct book_people *people;
};
/** What a sync tells of contacts, profile and settings; see contact_book.c. */
struct book_people {
	bool reset_account, reset_contacts;
	size_t count;
	struct {
		unsigned peer;
		struct contact_seen seen;
	} contacts[USERS_MAX];
	bool has_profile, has_settings;
	unsigned nickname, may_write, may_ask;
};
/** Checks a sync's answer; then it is stored, with its snapshot. */
void book_sync(struct device *d, const struct book_sync *sync, const struct book_entry *entries, size_t count);
/** Whether it was tried once at the most, so that a refusal is the last word. */
bool book_tried_once(const struct device *d, uint64_t asked_us, unsigned link);
/** Everything that is due has come; `ret_what` says what has not. */
bool book_settled(struct world *w, char *ret_what, size_t size);
/** At the end: order. */
void book_check_order(struct world *w);

/* ---- contact_book.c: the same of contacts, profiles and settings ------------------------------------------------- */

#define CONTACT_TEXT_MAX 32u

/** Draws what this device changes; CHANGES_MAX: nothing. It counts as asked for from now on. */
unsigned contact_book_new(struct device *d, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE], uint64_t made_ms);
/** The text that a change brings: remark or nickname. */
void contact_book_text(const struct world *w, unsigned number, char buffer[CONTACT_TEXT_MAX]);
/** To a try that began at `tried_us`; `once`: no other one can be on its way. */
void contact_book_answer(struct world *w, unsigned number, int status, const char *why, uint64_t tried_us, bool once);
/** The device has begun anew and does not remember what it had asked for. */
void contact_book_forgotten(struct device *d);
/** A row of a contact as it came; false: it is wrong. */
bool contact_book_row(struct device *d, uint64_t version, uint32_t uin, const char *name, const char *nickname,
	const char *remark, unsigned relation, bool blocked, struct book_people *people);
/** A row that is there no more: of somebody with whom there is nothing. */
void contact_book_row_gone(struct device *d, uint64_t version, uint32_t uin, struct book_people *people);
void contact_book_profile(struct device *d, const char *nickname, struct book_people *people);
/** It is on the device's disk. */
void contact_book_store(struct device *d, const struct book_people *people);
/** Whether a text may (or may not) have been let in at some time between asking and now. */
bool contact_book_may_be_let_in(const struct world *w, const struct text *t);
bool contact_book_may_be_refused(const struct world *w, const struct text *t);
/** Certainly, and all the time. */
bool contact_book_is_blocked(const struct world *w, unsigned text);
/** All devices of a user have the same, both sides of each pair agree, and it is what was changed last. */
bool contact_book_settled(const struct world *w, char *ret_what, size_t size);
/** It is so: from now on the book begins from here. */
void contact_book_begin_anew(struct world *w);

/* ---- sdk_contacts.c, raw_contacts.c: how devices change them ----------------------------------------------------- */

/* ---- server_rows.c: at the end, what stands in the server's rows ------------------------------------------------- */

/** Both halves of each relation are the same in both users' rows, and nothing is left to be told. From an actor. */
void server_rows_check(struct world *w, struct env *env, struct server *server);

#endif
