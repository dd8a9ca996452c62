/**
 * rpc_impl.h - what the files of the RPC layer share.
 */
#ifndef RPC_IMPL_H
#define RPC_IMPL_H

#include "base/map.h"
#include "svrkit/pb.h"
#include "svrkit/rpc.h"
#include "svrkit/rpc_frame.h"
#include "svrkit/svr_impl.h"

#define RPC_REMOTES_MAX 16
#define RPC_LISTENERS_MAX 4

/** One loop's counts of one method, in its strip of the monitor: added to by the loop alone, read by anybody. */
enum {
	RPC_SLOT_CALLS,
	RPC_SLOT_ERRORS,
	RPC_SLOT_LATENCY = RPC_SLOT_ERRORS + HY_STATUS_COUNT,
	RPC_LATENCY_SLOTS = RPC_LATENCY_BUCKETS + 1, /* the buckets, and the sum */
	RPC_SLOTS = RPC_SLOT_LATENCY + RPC_LATENCY_SLOTS,
};

struct rpc_remote {
	unsigned index;
	struct env_addr addr;
};

struct rpc_entry {
	const struct rpc_service *service; /* NULL: no such service here */
	const void *handlers;
	void *self;
	struct rpc_remote *remote; /* NULL: in this process */
	unsigned slot;             /* of the first method; each has RPC_SLOTS */
};

/** A client-facing method, in the maps by command and by path. */
struct rpc_face {
	struct hy_map_node by_cmd, by_path;
	const struct rpc_method *method;
	struct rpc_face *next;
};

struct rpc {
	struct svr *svr;
	bool started;
	struct rpc_entry entries[RPC_SERVICE_ID_MAX + 1];
	struct rpc_remote remotes[RPC_REMOTES_MAX];
	unsigned remote_count;
	struct env_listener *listeners[RPC_LISTENERS_MAX];
	unsigned listener_count;
	struct rpc_face *faces;
	struct hy_map by_cmd, by_path;
};

struct rpc_server; /* one loop's share of each */
struct rpc_client;

struct rpc_loop {
	struct svr_loop *loop;
	struct rpc *rpc;
	struct rpc_server *server;
	struct rpc_client *client;
	struct svr_turn_hook stop_hook;
	uint64_t log_since_us; /* failures logged since then: a bound for each second */
	unsigned log_lines;
};

/** Runs a method of a service in this process: here or, by its route, on another loop. SUSPENDS. */
int rpc_serve(struct call *call, const struct rpc_entry *entry, const struct rpc_method *method, const void *request,
	void *response);
/** Adds one call to the loop's counters of a method. */
void rpc_count(
	const struct rpc_entry *entry, const struct rpc_method *method, struct svr_loop *loop, int status, uint64_t us);
/** A line for a call that failed, unless there were too many in this second. */
void rpc_log_failure(struct call *call, const struct rpc_method *method, const char *where, int status);
/** The text without bytes that a frame's head cannot carry. */
struct hy_bytes rpc_head_text(const char *text, size_t max);

struct rpc_server *rpc_server_create(struct rpc_loop *rl);
void rpc_server_destroy(struct rpc_server *server);
/** rpc_listen() without the question who may reach the address. */
int rpc_server_listen(struct svr *svr, const struct env_addr *addr);
/** Where listener `index` really listens. */
void rpc_server_addr(const struct svr *svr, unsigned index, struct env_addr *ret_addr);
/** Closes what listens; answers new calls with UNAVAILABLE. */
void rpc_server_stopping(struct rpc_server *server);
/** Closes all connections. No coroutine is left. */
void rpc_server_close(struct rpc_server *server);

struct rpc_client *rpc_client_create(struct rpc_loop *rl);
void rpc_client_destroy(struct rpc_client *client);
void rpc_client_close(struct rpc_client *client);
/** SUSPENDS. */
int rpc_client_call(struct call *call, const struct rpc_remote *remote, const struct rpc_method *method,
	const void *request, void *response);

#endif
