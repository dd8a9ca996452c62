/**
 * raw_device.h - a device that speaks Mars frames by itself, and does what the client library never would: it sends
 * several texts to one recipient in one go, the same text over two links at once, brings old snapshots, hangs up in the
 * middle of a frame.
 *
 * raw_device.c decides what to do; raw_link.c moves bytes and matches answers.
 */
#ifndef SIM_RAW_DEVICE_H
#define SIM_RAW_DEVICE_H

#include "base/buf.h"
#include "base/list.h"
#include "head.pb-c.h"
#include "mars_frame.h"
#include "sync.pb-c.h"
#include "world.h"

#define RAW_LINKS 2u
#define RAW_PENDING_MAX 32u

enum raw_asked { RAW_NOTHING, RAW_SIGN_IN, RAW_IDENTIFY, RAW_SEND, RAW_SYNC, RAW_CHANGE };

/** A request without an answer. */
struct raw_pending {
	enum raw_asked asked;
	uint32_t seq;
	uint64_t at_us;
	unsigned number;   /* of the text, or the change */
	uint64_t asked_us; /* the change: by the world's clock */
	bool old;          /* the sync brought an old snapshot */
	bool foreign;      /* or another device's, or a changed one */
	uint8_t brought[SNAPSHOT_MAX];
	size_t brought_len;
};

enum raw_link_state { RAW_LINK_DOWN, RAW_LINK_CONNECTING, RAW_LINK_UP };

struct raw_link {
	struct raw_run *run;
	struct env_sock sock;
	enum raw_link_state state;
	bool writable, identified, identifying;
	uint64_t since_us;
	unsigned lane; /* of changes, while it is connected */
	struct hy_buf in, out;
	uint32_t next_seq;
	struct raw_pending pending[RAW_PENDING_MAX];
};

struct raw_run {
	struct device *device;
	struct env_loop *loop;
	struct env_timer act;
	struct raw_link links[RAW_LINKS];
	bool hinted;
};

/* raw_link.c */
void raw_link_connect(struct raw_link *l);
void raw_link_close(struct raw_link *l);
/** Frames the request into the output and notes it; false: too many have no answer. raw_link_flush() writes it out. */
bool raw_link_ask(struct raw_link *l, uint32_t cmd, const ProtobufCMessage *request, const struct raw_pending *pending);
void raw_link_flush(struct raw_link *l);
/** Ends the link when a request had no answer for too long. */
void raw_link_check(struct raw_link *l, uint64_t now_us);
bool raw_link_has(const struct raw_link *l, enum raw_asked asked, unsigned number);
bool raw_run_is_syncing(const struct raw_run *r);

/* raw_contacts.c: changes of contacts, profile and settings */
/** A new one, over one link or both; or several in one go. */
void raw_contacts_act(struct raw_link *l);
/** Something that was done long ago, once more. */
void raw_contacts_repeat(struct raw_link *l);
/** What had no answer, once more. */
void raw_contacts_try_again(struct raw_link *l);
void raw_contacts_answered(struct raw_link *l, const struct raw_pending *p, const Hy__ResponseHead *head);
void raw_contacts_read(struct raw_run *r, const Hy__SyncResponse *response, struct book_people *ret_people);

/* raw_device.c */
void raw_fill_head(struct raw_run *r, Hy__RequestHead *head, bool with_ticket);
/** An answer after which the same request may do better later. */
bool raw_may_try_again(int status);
/* what an answer means. Both may close the link. */
void raw_answered(struct raw_link *l, const struct raw_pending *p, struct hy_bytes body);
void raw_hinted(struct raw_run *r);

#endif
