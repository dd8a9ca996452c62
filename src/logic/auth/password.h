/**
 * password.h - hashing passwords off the loops.
 *
 * Threads: any loop. Each call SUSPENDS while a pool thread hashes, and answers RESOURCE_EXHAUSTED with a time to come
 * back when too many others wait. Copies of the password are wiped.
 */
#ifndef LOGIC_PASSWORD_H
#define LOGIC_PASSWORD_H

#include "svrkit/svr.h"

#define PASSWORD_HASH_MAX 160u /* with its NUL; the PHC string format: $argon2id$v=19$m=...,t=...,p=1$salt$hash */

struct password_cost {
	unsigned passes;
	uint32_t bytes;
};

/** Hashes with a fresh salt into `ret_hash`. */
int password_hash(struct svr_pool *pool, struct call *call, const struct password_cost *cost, const char *password,
	char ret_hash[PASSWORD_HASH_MAX]) HY_MUST_USE;
/**
 * UNAUTHENTICATED: it is another password. That takes about as long as with a hash of `cost`, also when `hash` costs
 * less: else the time would tell an account of cheaper days from a name that nobody has.
 */
int password_verify(struct svr_pool *pool, struct call *call, const struct password_cost *cost, const char *hash,
	const char *password) HY_MUST_USE;
/** Whether `hash` was made at this cost. */
bool password_hash_costs(const char *hash, const struct password_cost *cost);
/** What has to be worked off besides a hash so that both together cost `cost`. False: nothing. */
bool password_padding(const char *hash, const struct password_cost *cost, struct password_cost *ret_padding);
/** [blocks] As password_hash(), of random bytes that nobody knows: what unknown users are verified against. */
int password_hash_of_nobody(
	struct env *env, const struct password_cost *cost, char ret_hash[PASSWORD_HASH_MAX]) HY_MUST_USE;

#endif
