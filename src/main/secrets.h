/**
 * secrets.h - the server's own secret, made at its first start and kept in the data folder (file "secret", mode 0600).
 *
 * One random master key; every use has a key of its own, derived with BLAKE2b from the master and a label, so that no
 * two uses can be played against each other. Whoever loses the file loses all tickets and snapshots, no message.
 */
#ifndef MAIN_SECRETS_H
#define MAIN_SECRETS_H

#include "env/env.h"

#define SECRET_SIZE 32

struct secrets {
	uint8_t master[SECRET_SIZE];
};

/**
 * Reads the file, or makes it. [blocks] HY_FAILED_PRECONDITION: it is there but damaged; HY_UNAVAILABLE: an error of
 * the disk. *ret_why (hy_alloc'd) says what to do.
 */
int secrets_load(struct env *env, const char *dir, struct secrets *ret_secrets, char **ret_why) HY_MUST_USE;
/** The key for one use, e.g. "snapshot". Labels never change. */
void secrets_derive(const struct secrets *s, const char *label, uint8_t ret_key[SECRET_SIZE]);
/** Overwrites it. */
void secrets_wipe(struct secrets *s);

#endif
