/**
 * auth.h - the Auth service (proto/auth.proto): registration, sign-in, devices, passwords (rule R10).
 *
 * Passwords are hashed by Argon2id in a pool of the service's own, with a bounded queue: full is RESOURCE_EXHAUSTED
 * with a time to come back. A name that nobody has costs as much as a wrong password.
 *
 * Threads: any loop; no state but the pool. Made before svr_start, destroyed after svr_stop.
 */
#ifndef LOGIC_AUTH_H
#define LOGIC_AUTH_H

#include "logic/keys.h"
#include "svrkit/svr.h"

enum auth_registration { AUTH_REGISTRATION_OPEN, AUTH_REGISTRATION_INVITATION, AUTH_REGISTRATION_OFF };

struct auth_config {
	const struct logic_keys *keys;       /* outlive the service */
	unsigned hash_threads;               /* 0: 1 */
	unsigned hash_queue;                 /* 0: 64 */
	unsigned hash_passes;                /* Argon2id's time cost; 0: 2 */
	uint32_t hash_bytes;                 /* its memory; 0: 19 MiB */
	unsigned uin_bits;                   /* UINs are below 2 to this; 0: 31 */
	uint32_t heartbeat_s;                /* told to clients: at the latest so often; 0: 580 */
	enum auth_registration registration; /* who may have an account; operators make them whatever it is */
};

struct auth;

/** [blocks] `config` is copied. RESOURCE_EXHAUSTED: no threads or no memory for a hash. */
int auth_create(struct svr *svr, const struct auth_config *config, struct auth **ret_auth) HY_MUST_USE;
void auth_destroy(struct auth *auth);

#endif
