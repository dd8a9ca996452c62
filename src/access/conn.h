/**
 * conn.h - inside access: one accepted connection, what each loop keeps, and how the files of this room call each
 *other.
 *
 * A connection belongs to one loop at a time. Long links move to their user's loop when they identify themselves; then
 *the whole struct goes as one message (X1): socket, bytes not parsed, bytes not sent.
 *
 *	sniff --0x00--> long link --identify--> signed-in link (on its user's loop) --identify as another--> long link
 *	      --letter-> http --GET /link--> long link, by WebSocket
 *	any --end of stream, error, limit, stop--> closing (out is flushed, requests in work end) --> freed
 */
#ifndef ACCESS_CONN_H
#define ACCESS_CONN_H

#include <http_parser.h>

#include "access/access.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "svrkit/rpc.h"

#define ACCESS_TICKET_SIZE 36 /* the UIN, big-endian, and 32 random bytes */
#define CONN_STAYS 255

enum conn_kind { CONN_SNIFF, CONN_LINK, CONN_HTTP, CONN_KIND_COUNT };

struct http_state;
struct websocket;
struct conn_address;
struct link_user;
struct access_loop;

/** A peer's host, without what env_addr carries besides. */
struct conn_peer {
	uint8_t family; /* AF_INET, AF_INET6, AF_UNIX */
	bool loopback;
	uint8_t ip[16]; /* the rest is zero */
	bool proxy;     /* one of access_config.proxies: it speaks for others, and says for whom */
};

/** With `proxy` by the settings. Any thread, as all of peer.c. */
struct conn_peer conn_peer_of(const struct access_config *config, const struct env_addr *addr);
/** One for limits: the same IPv4 address, or the same IPv6 network of 64 bits, or both this machine. */
bool conn_peer_same(const struct conn_peer *a, const struct conn_peer *b);
/** Equal for those that are the same. */
uint64_t conn_peer_hash(const struct conn_peer *peer, uint64_t seed);
/**
 * Whom proxies speak for, by an X-Forwarded-For: the last address in the list that is no proxy's; what stands before it
 * anybody may have written. False: there is none, or something behind it is no address.
 */
bool conn_peer_forwarded(
	const struct access_config *config, struct hy_bytes list, struct conn_peer *ret_peer) HY_MUST_USE;

#define CONN_PEER_TEXT_MAX 32
/** As struct call's `address`, into `text`; NULL: this machine. Any thread. */
const char *conn_peer_text(const struct conn_peer *peer, char text[CONN_PEER_TEXT_MAX]);

#define CONN_TICKET_HASH_SIZE 16

struct conn {
	struct env_sock sock;
	struct access_loop *home;
	struct hy_link in_list;       /* home->anonymous or home->signed_in, oldest activity first */
	struct hy_link in_output;     /* home->dirty: has output to write at the end of the turn; or home->stalled */
	struct hy_link in_resume;     /* home->resume: has input to go on with */
	struct hy_link in_address;    /* anonymous: the others from its address */
	struct conn_address *address; /* anonymous, else NULL */
	uint64_t active_us;           /* last byte received */
	uint64_t stalled_since_us;    /* 0: the peer takes what it is sent (see access_limits.stalled_s) */
	struct hy_buf in, out;
	struct conn_peer peer;   /* CONN_LINK by WebSocket through a trusted proxy: whom it speaks for */
	uint16_t requests;       /* in work */
	uint16_t close_code;     /* by WebSocket: what the close frame says; 0: nothing */
	uint8_t kind;            /* enum conn_kind */
	uint8_t door;            /* enum access_door: where it came in */
	bool readable, writable; /* edge-triggered readiness not yet used up */
	bool anonymous;          /* counted against the caps of strangers */
	bool closing;            /* read no more; close when nothing is in work and all is written */
	bool hint_in_flight;     /* a push was sent and no sync has come since (R6) */
	bool paused;             /* an identify is in work or waits: parse nothing until no request is left */
	bool open_in_work;       /* a request of a method that needs no ticket */
	bool open_waits;         /* another one stands at the front of the input: parse nothing until that has ended */
	bool draining;           /* closing, refused in the middle of a request: see conn_close_drained() */
	bool local;              /* the bytes come from this machine, whoever `peer` is */
	bool websocket;          /* CONN_LINK: its frames come in messages (websocket.h) */
	bool message_waits;      /* one of those is whole, and is to be parsed again */
	bool close_sent;         /* by WebSocket: nothing may be appended to `out` any more */
	bool out_secret;         /* `out` has held a ticket or a password: wiped when it is freed */
	uint8_t move_to;         /* CONN_STAYS, or the loop to which the connection moves once its input is put aside */
	uint32_t version;        /* of the client, from its latest frame */
	uint32_t counted_bytes;  /* its part of home->anonymous_bytes */
	uint32_t skip;           /* CONN_LINK: bytes still to come of a frame that was refused */
	/* signed in (uin != 0) */
	uint32_t uin;
	struct link_user *user; /* NULL: not in the table of links (any more) */
	struct hy_link in_user; /* the user's links, in order of their signing in */
	char device[33], name[33];
	uint8_t ticket_hash[CONN_TICKET_HASH_SIZE]; /* of the ticket that it identified itself by, which is not kept */
	struct http_state *http;                    /* CONN_HTTP */
	struct websocket *ws; /* a message, or a part of a frame, has begun to come in; else NULL */
};

/* What an idle link takes here, beside one struct link_user for each signed-in user: its buffers are freed when they
 * are empty. The kernel's part (socket, file, epoll entry) comes on top. */
_Static_assert(sizeof(struct conn) <= 400, "an idle link has become larger");

#define ACCESS_READ_CHUNK (64u << 10)
#define LISTENERS_ALL (ACCESS_LISTENERS_MAX + 1) /* and the operator's */

struct access_loop {
	struct access *access;
	struct svr_loop *loop;
	unsigned index;
	struct access_listening {
		struct env_sock sock;
		struct access_loop *home;
		uint8_t door; /* enum access_door */
	} listeners[LISTENERS_ALL];
	struct hy_link anonymous, signed_in; /* oldest activity first */
	struct hy_link dirty, stalled, resume;
	struct hy_map users;     /* struct link_user: who has links or requests here */
	struct hy_map addresses; /* struct conn_address: who has strangers' connections or open requests here */
	unsigned anonymous_count, conn_count, requests;
	unsigned kind_count[CONN_KIND_COUNT], websocket_count, users_online;
	size_t anonymous_bytes; /* of strangers' buffers */
	struct svr_turn_hook hook;
	struct env_timer sweep;
	struct env_msg resume_msg;
	bool resume_posted, stopping;
	bool accept_waits;  /* more connections are at the door; next turn */
	bool accept_paused; /* no files are left; next sweep */
	uint64_t sweep_us;
	uint64_t origin_told_us;      /* when the log was told last of a page that may not connect; 0: never */
	struct hy_link idle_requests; /* for reuse, with their arena's block */
	unsigned idle_request_count;
	uint8_t scratch[ACCESS_READ_CHUNK];
};

struct access {
	struct svr *svr;
	struct access_config config;
	struct env_listener *listeners[LISTENERS_ALL];
	struct access_page pages[ACCESS_PAGES_MAX];
	unsigned page_count;
	unsigned listener_count, loop_count;
	struct access_loop *loops;
	uint64_t hash_seed;
};

/* conn.c: bytes */
void conn_on_event(struct env_sock *sock, unsigned events);
/** Reads and parses what there is, in portions. May free it. */
void conn_read(struct conn *c);
/** Writes what the peer takes. False: the connection has ended. */
bool conn_flush(struct conn *c) HY_MUST_USE;
/** Output was appended: write it at the end of the turn. */
void conn_mark_dirty(struct conn *c);
/** Answer what is in work, write what is there, close. */
void conn_close_softly(struct conn *c);
/**
 * The same, then throw away what still comes, for a while, and close when the peer does: to close with bytes unread
 * makes the kernel reset the connection, and the peer may lose the answer that says why.
 */
void conn_close_drained(struct conn *c);
/** Close now. The struct lives until its last request has ended. */
void conn_abort(struct conn *c);
/** One request of the connection has ended. May free it. */
void conn_request_done(struct conn *c);
/** True when further requests should wait: too many in work, too much output, paused, or closing. */
bool conn_must_wait(const struct conn *c);
/** One connection of its kind more or less on its loop. */
void conn_count_kind(const struct conn *c, int n);
/** Something came that keeps the connection from being taken for dead. */
void conn_touch(struct conn *c);
/** Enters the table of links; no longer counted as a stranger. On the user's loop. */
void conn_sign_in(struct conn *c, const struct svr_passport *who, const uint8_t ticket[ACCESS_TICKET_SIZE]);
/** Whether it is the ticket that the link identified itself by. */
bool conn_has_ticket(const struct conn *c, const uint8_t *ticket, size_t len);
/** Makes room in the output for `len` bytes more; moves them without leaving a copy when they are secret. */
static inline uint8_t *conn_reserve_output(struct conn *c, size_t len)
{
	return c->out_secret ? hy_buf_reserve_wiped(&c->out, len) : hy_buf_reserve(&c->out, len);
}
/** The link becomes a stranger's again. */
void conn_sign_out(struct conn *c);

/* strangers.c: who has not signed in, counted (W4) */
/** Counts a new stranger; at a cap the oldest one goes. */
void strangers_enter(struct access_loop *l, struct conn *c);
void strangers_leave(struct conn *c);
/** One more request of an open method comes from this address. NULL: too many are in work. */
struct conn_address *strangers_open_begins(struct access_loop *l, const struct conn_peer *peer) HY_MUST_USE;
void strangers_open_ends(struct access_loop *l, struct conn_address *a);
/** The memory of its buffers is counted anew: after each change of theirs that lasts. */
void strangers_weigh(struct conn *c);
/** While strangers' buffers take too much, the oldest of those goes. May free any connection that is a stranger's. */
void strangers_settle(struct access_loop *l);

/* conn_loop.c: each loop's own */
void conn_accept_ready(struct env_sock *listening, unsigned events);
/** There may be input to parse (a pause has ended): next turn. */
void conn_resume(struct conn *c);
void conn_loop_init(struct access_loop *l);
void conn_loop_fini(struct access_loop *l);
/** On the loop: stop listening; end what is idle now and the rest when its requests have ended. */
void conn_loop_stop(struct access_loop *l, bool at_once);

/* link.c, http.c: what the bytes mean. Both go from the front of `in` as far as they can, and add what they used to
 * *ret_used. */
/** False: the stream has no way to go on. */
bool link_parse(struct conn *c, struct hy_bytes in, size_t *ret_used) HY_MUST_USE;
/** What is no HTTP is answered, and the connection is closing then. Bodies are overwritten in `in` as they are used. */
void http_parse(struct conn *c, struct hy_bytes in, size_t *ret_used);
void http_state_free(struct http_state *h);
/** Memory of its buffers. NULL is fine. */
size_t http_state_bytes(const struct http_state *h);
/** What is still to be sent of a file, behind `out`. NULL is fine. */
struct hy_bytes http_file_left(const struct http_state *h);
void http_file_sent(struct http_state *h, size_t len);
/** Bytes that wait to be sent: nothing is to be put behind a file. */
static inline size_t conn_output_len(const struct conn *c)
{
	return hy_buf_len(&c->out) + http_file_left(c->http).len;
}

/* link_table.c: who is where */
/** The device's oldest link goes softly when this is one too many. */
void link_table_add(struct conn *c);
void link_table_remove(struct conn *c);
/** One more request of the user is in work on this loop, the user's own. NULL: too many are. */
struct link_user *link_table_request_begins(struct access_loop *l, uint32_t uin) HY_MUST_USE;
void link_table_request_ends(struct access_loop *l, struct link_user *u);
/** The device syncs over the short link: each of its links may be hinted at again (R6). On the user's loop. */
void link_table_sync_begins(struct access_loop *l, uint32_t uin, const char *device);
extern const struct link_handlers link_table_handlers;

/* request.c: one request */
struct request;
enum request_format { REQUEST_MARS, REQUEST_HTTP_PROTOBUF, REQUEST_HTTP_JSON };
struct request_origin {
	enum request_format format;
	uint32_t version, cmd, seq; /* REQUEST_MARS */
	bool keep_alive;            /* HTTP: the connection stays after the answer */
	struct conn_peer client;    /* whom a proxy speaks for; family 0: it does not say, or is none */
};
/** Takes a request in: unpacks, spawns its coroutine, or answers with a refusal at once. `method` NULL: unknown. Never
 * suspends. False: not now; the connection has to move to its user's loop first, or waits for another request of its
 * own, and the same bytes are to be parsed then. True: `body` was overwritten: it may hold a password or a ticket. */
bool request_start(struct conn *c, const struct rpc_method *method, const struct request_origin *origin,
	struct hy_bytes body) HY_MUST_USE;
/** Answers a request that is not to be started. */
void request_refuse(struct conn *c, const struct request_origin *origin, int status, const char *message);
void request_loop_fini(struct access_loop *l);

static inline struct mon *access_mon(const struct access_loop *l)
{
	return svr_mon(l->access->svr);
}

#define ACCESS_COUNT(l, id, n) mon_add(access_mon(l), (l)->index, MON_##id, n)

#endif
