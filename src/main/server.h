/**
 * server.h - a whole server: every module in one process. `hongyan serve` starts it with the real env; the simulation
 * starts the same function with a simulated one.
 */
#ifndef MAIN_SERVER_H
#define MAIN_SERVER_H

#include "access/access.h"
#include "kt/kt.h"
#include "logic/auth/auth.h"
#include "logic/sweep/sweep.h"
#include "logic/limit/limit.h"

struct server_config {
	const char *data_dir;
	struct env_addr listen[ACCESS_LISTENERS_MAX];
	unsigned listen_count;
	unsigned loops;        /* 0: one per processor */
	unsigned disk_threads; /* for reads from RocksDB; 0: 2 */
	/* as in kt_config; 0: its defaults */
	uint64_t memory_bytes, log_bytes, segment_bytes, disk_reserve_bytes, window_days;
	uint64_t retain_days;                      /* how long messages stay though all live devices have them */
	uint64_t inbox_days;                       /* bound of an inbox in days; 0: the session service's default */
	struct sweep_config sweep;                 /* rounds over all users; 0: defaults */
	uint64_t inbox_rows, inbox_bytes;          /* bounds of one inbox; 0: the message service's defaults */
	enum auth_registration registration;       /* who may have an account */
	unsigned password_threads;                 /* 0: 1 */
	uint64_t password_memory, password_passes; /* of Argon2id; 0: 19 MiB, 2 */
	struct env_addr metrics;                   /* where /metrics is shown; family 0: nowhere */
	bool metrics_optional;                     /* when that address is taken, the server does without */
	struct access_config access;
	struct limit_config limits;
	bool strangers_may_write; /* what the setting "who may write" means for users who have not set it */
	bool repair;              /* go on past damage in the log, losing what stood after it */
	const char *admin_path;   /* Unix socket of the administration; NULL: data_dir/admin.sock */
};

/** Everything 0 but the limits. */
struct server_config server_config_default(void);

struct server;

/**
 * Opens the store, recovers, starts the loops, listens. [blocks] From an actor. A status, and *ret_why (hy_alloc'd)
 * says what to do: FAILED_PRECONDITION (folder taken, newer format, damaged secret), ALREADY_EXISTS (port taken),
 * DATA_LOSS (damage in the log), RESOURCE_EXHAUSTED (disk full), UNAVAILABLE (another error of the disk),
 * INVALID_ARGUMENT.
 */
int server_start(
	struct env *env, const struct server_config *config, struct server **ret_server, char **ret_why) HY_MUST_USE;
/** The address really bound for config->listen[index]. */
const struct env_addr *server_address(const struct server *s, unsigned index);
/** Where /metrics is shown; NULL: nowhere. */
const struct env_addr *server_metrics_address(const struct server *s);
struct kt *server_kt(struct server *s);
struct svr *server_svr(struct server *s);
/** From now on /server.json names the demo users, and their password. Any thread. */
void server_show_demo(struct server *s);
/**
 * Accepts no more, answers what is in work for at most `grace_us`, closes the store with its end mark, frees all.
 * [blocks]
 */
void server_stop(struct server *s, uint64_t grace_us);

#endif
