/**
 * access.h - the access layer: long links (Mars frames over TCP, or in WebSocket messages) and the short link
 * (HTTP/1.1), on one port.
 *
 * A connection's first byte says what it is (W1). Long links: link.c, websocket.c; HTTP: http.c; both on conn.c, which
 * moves bytes, and request.c, which turns one request into a call and its answer. Limits (W3, W4) stand in
 * access_limits below.
 *
 * Bytes in -> frame or HTTP request -> unpacked and checked against the method -> a coroutine -> ticket -> the business
 * service's stub -> answer packed into the connection's output -> all of a turn written at its end.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include "base/buf.h"
#include "svrkit/svr.h"

struct access;

struct access_limits {
	unsigned anonymous_max;             /* connections not signed in, each loop; at the cap the oldest goes */
	unsigned anonymous_per_address_max; /* the same per address, each loop; loopback is not counted */
	unsigned link_requests_max;         /* requests in work per link; more are read later */
	/*
	 * Methods that need no ticket cost a password's hash: one request in work per connection, further ones are read
	 * later; and so many per address, or of this machine, each loop: more are refused with RESOURCE_EXHAUSTED.
	 */
	unsigned open_per_address_max, open_loopback_max;
	unsigned links_per_device;   /* links of one device at once; the oldest goes */
	unsigned user_requests_max;  /* requests in work per user, each loop; more are refused likewise */
	unsigned requests_max;       /* requests in work, each loop; more are refused with RESOURCE_EXHAUSTED */
	uint32_t anonymous_body_max; /* bytes of a request on a connection not signed in */
	uint32_t anonymous_output_pause_bytes; /* output_pause_bytes of such a connection */
	/*
	 * What connections not signed in make the server buffer, each loop: memory of input, HTTP heads and bodies,
	 * output. Above it the oldest one that holds any goes.
	 */
	size_t anonymous_buffers_max;
	uint32_t output_pause_bytes; /* above this a connection's further requests wait, and hints are dropped */
	uint32_t output_max_bytes;   /* above this the connection ends */
	unsigned link_idle_s;        /* a link without any byte for so long is taken for dead; never below 900 */
	unsigned http_idle_s;        /* the same for HTTP, also for a request that does not arrive */
	/*
	 * For so long a peer that has signed in may take no byte of what waits for it. One that has not must have taken
	 * all of it, or a byte now and then would hold the memory for ever.
	 */
	unsigned stalled_s;
};

#define ACCESS_LIMITS_DEFAULT                          \
	((struct access_limits){.anonymous_max = 4096, \
		.anonymous_per_address_max = 256,      \
		.link_requests_max = 64,               \
		.open_per_address_max = 8,             \
		.open_loopback_max = 32,               \
		.links_per_device = 16,                \
		.user_requests_max = 256,              \
		.requests_max = 8192,                  \
		.anonymous_body_max = 8192,            \
		.anonymous_output_pause_bytes = 16384, \
		.anonymous_buffers_max = 64 << 20,     \
		.output_pause_bytes = 512 << 10,       \
		.output_max_bytes = 4 << 20,           \
		.link_idle_s = 1200,                   \
		.http_idle_s = 75,                     \
		.stalled_s = 60})

/** A file that GET shows at the public door, by access_config.files. It lies in memory for good. */
struct access_file {
	const char *path;            /* "/index.html", which is "/" too; "/assets/index-4fG2k0aZ.js" */
	const char *type;            /* Content-Type */
	const char *tag;             /* made from the bytes; no '"' and no ',' in it */
	bool lasting;                /* other bytes would have another name: a client need not ask again */
	struct hy_bytes plain, gzip; /* the same by gzip; empty: that would save nothing */
};

#define ACCESS_PROXIES_MAX 16

struct access_config {
	struct access_limits limits;
	bool allow_plain; /* let people sign in over plain connections from other machines too (W5) */
	/*
	 * Whose word about a client's address counts, whatever the port: an HTTP request from one of these comes, for
	 * limits by address, from the last entry of its X-Forwarded-For that is none of these. Without such an entry it
	 * has no address, as one of this machine. Of Forwarded nothing is believed: a proxy that knows one of the two
	 * hands on what the client wrote into the other.
	 */
	struct env_addr proxies[ACCESS_PROXIES_MAX];
	unsigned proxy_count;
	/*
	 * Of which other hosts' pages may connect by WebSocket: origins as browsers write them, "https://example.org",
	 * separated by commas. NULL: none. It outlives the access layer.
	 */
	const char *origins;
	const struct access_file *files; /* outlive the access layer */
	unsigned file_count;
};

/** An address as X-Forwarded-For has it: "192.0.2.7", "2001:db8::7"; also with a port. False: it is none. */
bool access_address_parse(struct hy_bytes text, struct env_addr *ret_addr) HY_MUST_USE;

/** An origin as browsers write it, "scheme://host" or "scheme://host:port", and as access_config.origins has it. */
bool access_origin_good(struct hy_bytes text) HY_MUST_USE;

/** Adds the Link service to `svr`. [blocks] Before svr_start. */
int access_create(struct svr *svr, const struct access_config *config, struct access **ret_access);
/** -errno, as env_listen. At most ACCESS_LISTENERS_MAX addresses. [blocks] Before svr_start. */
int access_listen(struct access *a, const struct env_addr *addr, struct env_addr *ret_bound);
#define ACCESS_LISTENERS_MAX 4
/** As above, for the operator's eyes: HTTP alone, and of it nothing but pages of ACCESS_OPERATOR. One address. */
int access_listen_operator(struct access *a, const struct env_addr *addr, struct env_addr *ret_bound);

/* ---- pages: what GET and HEAD are answered with ----------------------------------------------------------------- */

enum access_door { ACCESS_PUBLIC = 1, ACCESS_OPERATOR = 2 };

struct access_page_answer {
	int status;          /* HTTP's: 200, 404 or 503 */
	const char *type;    /* Content-Type */
	const char *headers; /* further lines of the head, each with its \r\n; they live as long as the page */
	struct hy_buf body;
};

struct access_page {
	const char *path; /* "/healthz": a whole path, without what follows a '?' */
	unsigned doors;   /* enum access_door, or-ed: where it is shown; elsewhere it is not there */
	/**
	 * On a loop; does not suspend. `answer` comes with 200, "text/plain; charset=utf-8", "Cache-Control: no-store"
	 * and an empty body.
	 */
	void (*fill)(void *arg, struct access_page_answer *answer);
	void *arg;
};

#define ACCESS_PAGES_MAX 16
/** `page` is copied, its texts outlive the access layer. Before svr_start. */
void access_add_page(struct access *a, const struct access_page *page);

/* ---- what the monitor shows -------------------------------------------------------------------------------------- */

struct access_counts {
	unsigned users_online; /* with at least one link */
	unsigned links, websockets, http_connections, requests;
};

/** Of one loop, on that loop. */
void access_count(const struct access *a, unsigned loop, struct access_counts *ret_counts);

/**
 * Accepts no more, lets requests in work be answered for at most `grace_us`, closes all. [blocks] Before svr_stop.
 * Coroutines that still run find their connection closed.
 */
void access_stop(struct access *a, uint64_t grace_us);
/** After svr_stop and before svr_destroy, or in place of a start that failed. NULL is fine. */
void access_destroy(struct access *a);

#endif
