/**
 * internal.h - how the files of the client library call each other.
 *
 * A *task* is one request until it has a final answer. It is tried on the long link when that is online, else on a
 * short link of its own; a try that fails is followed by another, after a while, under the same client ID.
 *
 *	waiting --task_try--> on the long link / on a short link --answer--> done (or waiting, if it may be tried again)
 *	                              `--timeout, link lost--> waiting
 */
#ifndef HONGYAN_INTERNAL_H
#define HONGYAN_INTERNAL_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "env/env.h"
#include "head.pb-c.h"
#include "hongyan.h"

/** A client-facing method: the numbers and names of proto/. */
struct method {
	uint32_t cmd;
	const char *path;
	const ProtobufCMessageDescriptor *response;
};
extern const struct method method_register, method_sign_in, method_sign_out, method_identify, method_lookup,
	method_sync, method_send_text;

struct short_link;

struct task {
	struct hongyan *client;
	struct hy_link in_tasks;
	const struct method *method;
	struct hy_buf request;     /* packed */
	unsigned tries, tries_max; /* tries_max 0: until there is a final answer */
	uint32_t seq;              /* on the long link; 0: not there */
	struct short_link *short_link;
	struct env_timer timer; /* of this try, or until the next one */
	/** `response` is NULL when no answer came. Called once; the task is freed after it. */
	void (*done)(struct task *t, int status, const char *why, const ProtobufCMessage *response);
	void (*user_done)(void); /* the caller's callback, cast back by `done` */
	void *user_arg;
	void *owner;
};

enum long_link_state { LONG_LINK_DOWN, LONG_LINK_CONNECTING, LONG_LINK_IDENTIFYING, LONG_LINK_READY };

struct long_link {
	struct env_sock sock;
	enum long_link_state state;
	bool wanted, writable;
	struct hy_buf in, out;
	struct env_timer timer;      /* next attempt, connect and identify time-out, heartbeat */
	struct env_timer noop_timer; /* answer to a heartbeat */
	unsigned failures;           /* attempts in a row */
	uint64_t received_us;        /* last byte */
	uint32_t heartbeat_s;
};

struct conversation;

struct hongyan {
	struct env_loop *loop;
	struct env *env;
	struct env_addr server;
	struct hongyan_events events;
	void *arg;
	char device[33], device_name[65];
	uint64_t request_timeout_us, backoff_max_us;
	bool short_links_only;
	unsigned heartbeat_s;
	uint32_t uin, next_seq;
	struct hy_buf ticket, snapshot;
	enum hongyan_state told; /* the state last reported */
	struct long_link link;
	struct hy_link tasks;
	/* sync */
	struct task *sync_task;
	bool sync_again, storing;    /* storing: the program is to call hongyan_stored() */
	uint64_t sync_number;        /* of the newest answer handed out; a random start tells clients apart */
	struct hy_buf next_snapshot; /* what it will then be */
	struct env_timer sync_timer;
	/* outbox */
	struct hy_link conversations;
	unsigned outbox_count;
};

/* task.c */
/** Fills a request's head; what it points to lives as long as the client. `client_id` NULL: none. */
void task_fill_head(struct hongyan *h, Hy__RequestHead *head, const uint8_t *client_id, uint64_t made_ms);
/** Packs the request and begins to try. The result's members owner, user_* may be set before the loop turns. */
struct task *task_start(struct hongyan *h, const struct method *m, const ProtobufCMessage *request, unsigned tries_max,
	void (*done)(struct task *t, int status, const char *why, const ProtobufCMessage *response));
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

/* long_link.c */
void long_link_start(struct hongyan *h);
void long_link_stop(struct hongyan *h);
/** The link is not to be trusted any more: end it and begin anew. */
void long_link_reset(struct hongyan *h);
void long_link_send(struct hongyan *h, uint32_t cmd, uint32_t seq, struct hy_bytes body);

/* short_link.c */
void short_link_start(struct task *t);
/** Harmless for NULL. */
void short_link_destroy(struct short_link *s);

/* client.c */
void client_tell_state(struct hongyan *h);
void client_signed_out(struct hongyan *h, const char *why);
/** Exponential with jitter: between half and all of base * 2^n, at most `max`. */
uint64_t client_backoff_us(struct hongyan *h, uint64_t base_us, unsigned n, uint64_t max_us);

/* sync.c, outbox.c */
void sync_now(struct hongyan *h);
void sync_stop(struct hongyan *h);
/** Signed in: send what waits. Signed out: what is under way waits again. */
void outbox_start(struct hongyan *h);
void outbox_stop(struct hongyan *h);
void outbox_clear(struct hongyan *h);

#endif
