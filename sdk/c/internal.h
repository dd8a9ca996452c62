/**
 * internal.h - how the files of the client library call each other.
 *
 * A *task* is one request until it has a final answer. It is tried on the long link when that is online, else on a
 * short link of its own; a try that fails is followed by another, after a while, under the same client ID.
 *
 *	waiting --task_try--> on the long link / on a short link --answer--> done (or waiting, if it may be tried again)
 *	                              `--timeout, link lost--> waiting (or done, when its time is up)
 *
 * Tasks that change the same thing (`object`) stand in line: only the first of them is tried, for a change that is
 * tried again after a later one was carried out would win. Their time runs from when they were asked for.
 *
 * A *call* is what the program asked for. It is carried out on the client's loop: at once when the program is there
 * (hongyan_loop.h), else as a message.
 */
#ifndef HONGYAN_INTERNAL_H
#define HONGYAN_INTERNAL_H

#include <protobuf-c/protobuf-c.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "env/env.h"
#include "head.pb-c.h"
#include "heartbeat.h"
#include "hongyan.h"

struct call {
	struct env_msg msg;
	struct hongyan *client;
	/** Owns the call. */
	void (*fn)(struct call *c);
};

/** A client-facing method: the numbers and names of proto/. */
struct method {
	uint32_t cmd;
	const char *path;
	const ProtobufCMessageDescriptor *response;
	bool open;           /* needs no ticket */
	bool about_password; /* UNAUTHENTICATED speaks of the old password */
	bool ends_ticket;    /* the one it was asked for under, and no other */
};
extern const struct method method_register, method_sign_in, method_sign_out, method_identify, method_lookup,
	method_change_password, method_list_devices, method_sign_out_device, method_sync, method_send_text,
	method_request_contact, method_accept_contact, method_decline_contact, method_delete_contact,
	method_restore_contact, method_block_contact, method_set_remark, method_update_profile, method_update_settings;

/* ---- connecting -------------------------------------------------------------------------------------------------- */

#define ADDRS_MAX 16u
#define DIAL_AT_ONCE 3u

/** One attempt to reach the server: up to three of its addresses, 2.5 s apart; the first that answers wins. */
struct dial {
	struct hongyan *client;
	struct dial_try {
		struct env_sock sock;
		struct dial *dial;
		unsigned addr;
	} tries[DIAL_AT_ONCE];
	unsigned started, wanted, failed;
	struct env_timer timer; /* the next address */
	/** `sock`: connected and detached, to be copied and attached, or closed; NULL: none of them answers. */
	void (*done)(struct dial *d, struct env_sock *sock);
};

/** `done` never comes from inside; after it the dial is at rest. It has no time limit of its own. */
void dial_start(struct dial *d, struct hongyan *h, void (*done)(struct dial *d, struct env_sock *sock));
/** Harmless when it is at rest. */
void dial_stop(struct dial *d);

/* ---- tasks ------------------------------------------------------------------------------------------------------- */

/** What has its changes in order: of contacts each one. */
enum object { OBJECT_CONTACT = 1, OBJECT_PROFILE, OBJECT_SETTINGS, OBJECT_SIGN_INS };

static inline uint64_t task_object(enum object kind, uint32_t uin)
{
	return (uint64_t)kind << 32 | uin;
}

/* trouble.c: notes why a try failed; the newest cause is what is told. */
#define ADDR_TEXT_MAX 128u
void trouble_unreachable(struct hongyan *h, const struct env_addr *addr, int error); /* negative errno value */
void trouble_unknown_name(struct hongyan *h, const char *name);
void trouble_no_answer(struct hongyan *h, bool connected);
void trouble_ended(struct hongyan *h);
void trouble_other_protocol(struct hongyan *h, unsigned http_status); /* 0: not even HTTP */
void trouble_refused(struct hongyan *h, const char *why);
/** on_trouble(), if something was noted since the last time. */
void trouble_tell(struct hongyan *h, uint64_t retry_us);

struct short_link;

struct task {
	struct call call;
	struct hongyan *client;
	struct hy_link in_tasks;
	const struct method *method;
	uint64_t object;        /* what it changes, see task_object(); 0: nothing that has an order */
	bool in_line;           /* behind another one of the same object: not tried yet */
	uint64_t ticket_number; /* of the client's tickets, the one that the last try went out with */
	struct hy_buf body;     /* the request, packed, without its head */
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	uint64_t made_ms, trace; /* made_ms 0: no client ID */
	uint64_t patience_us;    /* 0: until there is a final answer */
	uint64_t give_up_us;     /* when that ends */
	uint64_t not_before_us;  /* the server's wish */
	unsigned tries;
	uint32_t seq; /* on the long link; 0: not there */
	struct short_link *short_link;
	struct env_timer timer; /* of this try, or until the next one */
	/** `response` is NULL when no answer came. Called once; the task is freed after it. */
	void (*done)(struct task *t, int status, const char *why, const ProtobufCMessage *response);
	void (*user_done)(void); /* the caller's callback, cast back by `done`; may be NULL */
	void *user_arg;
	void *owner;
};

enum long_link_state { LONG_LINK_DOWN, LONG_LINK_CONNECTING, LONG_LINK_IDENTIFYING, LONG_LINK_READY };

struct long_link {
	struct dial dial;
	struct env_sock sock;
	enum long_link_state state;
	bool wanted, writable;
	struct hy_buf in, out;
	struct env_timer timer;        /* next attempt, connect and identify time-out, heartbeat */
	struct env_timer noop_timer;   /* answer to a heartbeat */
	unsigned failures;             /* attempts in a row */
	uint64_t received_us, used_us; /* last byte; last byte either way */
	uint32_t beat_after_s;         /* the silence that the heartbeat under way has ended */
	bool short_failed;             /* nor did the last short link come through */
	uint64_t hasten_from_us;       /* not hastened again before */
};

struct conversation;

struct hongyan {
	struct env_loop *loop;
	struct env *env;
	struct env_addr addrs[ADDRS_MAX];
	unsigned addr_count, addr_at; /* at: the one to begin with */
	struct hongyan_events events;
	void *arg;
	char device[33], device_name[65];
	char trouble[320]; /* why the last try failed; "": told already */
	uint64_t request_timeout_us, backoff_max_us;
	bool short_links_only;
	uint32_t next_seq;
	struct hy_buf ticket, snapshot;
	uint64_t ticket_number; /* rises with each ticket */
	atomic_uint uin;
	atomic_int told; /* the state last reported */
	struct long_link link;
	struct hy_link tasks;
	/* heartbeat */
	unsigned heartbeat_s; /* fixed; 0: learnt */
	struct heartbeat heartbeat;
	/* sync */
	struct task *sync_task;
	bool sync_again, storing;    /* storing: the program is to call hongyan_stored() */
	uint64_t sync_number;        /* of the newest answer handed out; a random start tells clients apart */
	struct hy_buf next_snapshot; /* what it will then be */
	struct env_timer sync_timer;
	/* outbox */
	struct hy_link conversations;
	atomic_uint outbox_count;
	/* of a client that has its env and loop to itself; else NULL */
	struct own *own;
	void (*own_destroy)(struct hongyan *h);
	void (*own_look_up)(struct hongyan *h); /* no address answers */
};

/* client.c */
/** Made, on a loop; `config` was checked by client_check(). */
struct hongyan *client_create(struct env_loop *loop, const struct hongyan_config *config);
bool client_check(const struct hongyan_config *config);
/** On the loop: ends all that goes on there. */
void client_end(struct hongyan *h);
/** After that: frees it. */
void client_free(struct hongyan *h);
/** Has `c->fn` carry it out. */
void client_call(struct hongyan *h, struct call *c);
void client_tell_state(struct hongyan *h);
void client_signed_in(struct hongyan *h, uint32_t uin, const void *ticket, size_t len);
void client_go_offline(struct hongyan *h);
void client_signed_out(struct hongyan *h, const char *why);
/** The addresses, or the network, are others: try everything that waits now. */
void client_try_all_now(struct hongyan *h);
/** Exponential with full jitter: at most base * 2^n, at most `max`, but not so little that nothing is gained. */
uint64_t client_backoff_us(struct hongyan *h, uint64_t base_us, unsigned n, uint64_t max_us);
/** A new client ID; any thread. */
void client_draw_id(struct hongyan *h, uint8_t client_id[HONGYAN_CLIENT_ID_SIZE], uint64_t *ret_made_ms);

/* task.c */
/** Any thread. Packs the request, whose head is left out: each try has its own. */
struct task *task_create(struct hongyan *h, const struct method *m, const ProtobufCMessage *request,
	void (*done)(struct task *t, int status, const char *why, const ProtobufCMessage *response));
/** On the loop, as all that follows. Begins to try. */
void task_begin(struct task *t);
/** The request as it goes out now. */
void task_pack(struct task *t, struct hy_buf *out);
/** Ends it without calling done. */
void task_cancel(struct task *t);
/** A whole answer came, on either link. May free the task. */
void task_answered(struct task *t, struct hy_bytes body);
/** This try has failed without an answer. */
void task_try_failed(struct task *t);
struct task *task_by_seq(struct hongyan *h, uint32_t seq);
/** The long link went down: its tasks wait for another try. */
void task_all_off_link(struct hongyan *h);
/** The long link is ready: tasks that wait for their first try, or for a link, go now. */
void task_all_try(struct hongyan *h);
/**
 * The ticket is gone, and what was asked for under it ends: tried again under another one it might be done as somebody
 * else, and a late word that the old ticket is not valid would end the new one.
 */
void task_all_signed_out(struct hongyan *h);
/** Another ticket of the same account: a sign-out that was asked for before is not meant for it. */
void task_all_other_ticket(struct hongyan *h);
/** All that wait for another try go very soon. */
void task_all_hurry(struct hongyan *h);
/** A head, in front of what is packed without one. `client_id` NULL: none. */
void task_pack_head(struct hongyan *h, const uint8_t *client_id, uint64_t made_ms, uint64_t trace, struct hy_buf *out);

/* long_link.c */
void long_link_start(struct hongyan *h);
void long_link_stop(struct hongyan *h);
/** The link is not to be trusted any more: end it and begin anew. */
void long_link_reset(struct hongyan *h);
/** Sends a task's request. */
void long_link_send(struct hongyan *h, struct task *t);
/**
 * How a short link went. One that comes through after one that did not says that an outage is over: the long link's
 * next try comes soon. Where only HTTP comes through short links do not fail, and the long link keeps to its backoff.
 */
void long_link_note_short(struct hongyan *h, bool came_through);

/* short_link.c */
void short_link_start(struct task *t);
/** Else it is still being dialled. */
bool short_link_connected(const struct short_link *s);
/** Harmless for NULL. */
void short_link_destroy(struct short_link *s);

/* sync.c, outbox.c */
void sync_now(struct hongyan *h);
void sync_stop(struct hongyan *h);
/** Signed in: send what waits. Signed out: what is under way waits again. */
void outbox_start(struct hongyan *h);
void outbox_stop(struct hongyan *h);
void outbox_clear(struct hongyan *h);

#endif
