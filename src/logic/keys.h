/**
 * keys.h - the keys that business logic hashes with, and tickets, which two services know.
 *
 * Threads: any, once made. Nothing here suspends.
 */
#ifndef LOGIC_KEYS_H
#define LOGIC_KEYS_H

#include "env/env.h"

#define LOGIC_KEY_SIZE 32u

struct logic_keys {
	uint8_t uin[LOGIC_KEY_SIZE];        /* name and client ID -> UIN (rule R10) */
	uint8_t message_id[LOGIC_KEY_SIZE]; /* rule R2 */
	uint8_t content[LOGIC_KEY_SIZE];    /* what was sent, to recognise a repeat */
	uint8_t ticket[LOGIC_KEY_SIZE];     /* tickets are stored hashed (rule W6) */
	uint8_t making[LOGIC_KEY_SIZE];     /* of tickets */
	uint8_t snapshot[LOGIC_KEY_SIZE];   /* rule R3 */
};

/**
 * Derives all keys from one of 32 random bytes. Whoever loses it loses no data, but tickets and snapshots mean nothing
 * any more, and a retry across the loss is taken for other content.
 */
void logic_keys_derive(const uint8_t master[LOGIC_KEY_SIZE], struct logic_keys *ret_keys);

/**
 * A ticket: the UIN, 4 bytes, big-endian, so that whoever gets it knows whom to ask; then 32 bytes that nobody can
 * guess, a keyed hash of device, client ID and generation. A repeated sign-in gives the same ticket: else an attempt
 * that was overtaken by its own repeat would end the ticket that the repeat was answered with. `generation` is the
 * credential's: in a later one it gives another ticket, so that none that has ended comes back.
 */
#define TICKET_SIZE 36u
#define TICKET_HASH_SIZE 32u
void ticket_make(const struct logic_keys *keys, uint32_t uin, const char *device, struct hy_bytes client_id,
	uint64_t generation, uint8_t ret_ticket[TICKET_SIZE]);
void ticket_hash(const struct logic_keys *keys, const uint8_t ticket[TICKET_SIZE], uint8_t ret_hash[TICKET_HASH_SIZE]);

#endif
