/**
 * rpc.h - what generated stubs stand on: services, methods, and the one function that calls them wherever they are.
 *
 * proto/protoc-gen-hyrpc makes NAME.rpc.h for each NAME.proto with a service:
 *
 *	struct account_handlers {
 *		int (*resolve_name)(void *self, struct call *, const Hy__...Request *, Hy__...Response *);
 *		...
 *	};
 *	extern const struct rpc_service account_service;
 *	int account_resolve_name(struct call *, const Hy__...Request *, Hy__...Response *);
 *
 * The stub looks the same wherever the service lives: on this loop (a plain call), on another loop of this process (a
 * hop) or in another process (bytes). Answers point into call->arena; the request is only borrowed.
 */
#ifndef RPC_H
#define RPC_H

#include <protobuf-c/protobuf-c.h>

#include "svrkit/svr.h"

enum rpc_route {
	RPC_ROUTE_ANY,  /* wherever the caller is */
	RPC_ROUTE_USER, /* a uint32 field holds the UIN */
	RPC_ROUTE_NAME, /* a string field holds the account name; longer than HY_KEY_MAX - 1: INVALID_ARGUMENT */
	RPC_ROUTE_SELF, /* the passport's user; UNAUTHENTICATED without one */
};

struct rpc_service;

struct rpc_method {
	const struct rpc_service *service;
	const char *name; /* "Send.SendText" */
	uint16_t index;   /* within the service, as in proto/: never reordered */
	uint8_t route;    /* enum rpc_route */
	uint8_t priority, on_failure;
	bool open, idempotent;
	uint32_t cmd;     /* 0: internal */
	const char *path; /* "/cgi-bin/send-text"; NULL: internal */
	uint32_t body_limit, deadline_ms;
	size_t route_offset; /* of the routing field in the request's struct */
	size_t order_offset; /* of the order field (uint32); SIZE_MAX: none */
	const ProtobufCMessageDescriptor *request, *response;
	/** Calls the typed handler. */
	int (*invoke)(const void *handlers, void *self, struct call *call, const void *request, void *response);
};

struct rpc_service {
	const char *name;
	uint16_t id;
	uint16_t method_count;
	const struct rpc_method *methods;
};

#define RPC_SERVICE_ID_MAX 63

/** Before svr_start. `handlers` is the service's generated struct, all members set; both outlive the server. */
void rpc_add_service(struct svr *svr, const struct rpc_service *service, const void *handlers, void *self);
/** Calls to this service go to another process at `addr` instead. Before svr_start. */
void rpc_add_remote(struct svr *svr, const struct rpc_service *service, const struct env_addr *addr);

/** What stubs call. `response` is initialised by the caller. SUSPENDS when it hops or leaves the process. */
int rpc_call(struct call *call, const struct rpc_method *method, const void *request, void *response);

/* ---- what every method is counted by, without any code of its own ------------------------------------------------ */

#define RPC_LATENCY_BUCKETS 24

struct rpc_stats {
	const struct rpc_method *method;
	bool remote; /* calls made from here to another process; else calls served here, whoever made them */
	uint64_t calls;
	uint64_t errors[HY_STATUS_COUNT]; /* by status; [HY_OK] is 0 */
	/* [i]: took less than 2^i us, and at least half of that; the last: longer, too */
	uint64_t latency[RPC_LATENCY_BUCKETS];
};

/** Calls `fn` for each method of each service, all loops summed. Any thread; a sum may be a few calls behind. */
void rpc_stats_each(const struct svr *svr, void (*fn)(void *arg, const struct rpc_stats *stats), void *arg);

/** Client-facing methods of the services in this server, for the access layer. NULL: none. */
const struct rpc_method *rpc_method_by_cmd(const struct svr *svr, uint32_t cmd);
const struct rpc_method *rpc_method_by_path(const struct svr *svr, const char *path, size_t len);

/**
 * Serves all services of `svr` that are in this process to others, at `addr`, without any check of who calls: loopback
 * and Unix sockets (mode 0600) alone; HY_INVALID_ARGUMENT otherwise. Frames as in rpc_frame.h. [blocks] Before
 * svr_start.
 */
int rpc_listen(struct svr *svr, const struct env_addr *addr);

#endif
