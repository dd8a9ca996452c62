/**
 * snapshot.h - the bytes that a client brings back to say what it has (rule R3). Opaque to clients.
 *
 *	offset size
 *	     0    1  format, 2
 *	     1    8  the store's epoch, big-endian as all below
 *	     9    4  UIN
 *	    13    8  hash of the device's name
 *	    21    8  version of the account table
 *	    29    8  of the contacts
 *	    37    8  of the inbox
 *	    45    8  trim mark of the account table when this device began to read it from nothing
 *	    53    8  of the contacts
 *	    61   16  keyed BLAKE2b over all before
 *
 * Format 1, which earlier servers gave out and which is still taken, has no trim marks: 61 bytes.
 *
 * A snapshot means something only to the store, user and device that it was made for; whoever lacks the key cannot make
 *one.
 *
 * Nothing here suspends.
 */
#ifndef LOGIC_SNAPSHOT_H
#define LOGIC_SNAPSHOT_H

#include "logic/keys.h"

#define SNAPSHOT_SIZE 77u

struct snapshot_versions {
	uint64_t account, contacts, messages;
	uint64_t account_began, contacts_began; /* see kt_limits.began_at; 0: it has had all, or nothing */
};

/** Whom a snapshot is for. */
struct snapshot_owner {
	uint64_t epoch;
	uint32_t uin;
	const char *device;
};

enum snapshot_verdict {
	SNAPSHOT_GOOD,
	SNAPSHOT_MALFORMED,   /* length or format */
	SNAPSHOT_FORGED,      /* the MAC is wrong */
	SNAPSHOT_OTHER_EPOCH, /* the store was restored or repaired since */
	SNAPSHOT_OTHER_OWNER, /* another user's or device's */
};

void snapshot_encode(const uint8_t key[LOGIC_KEY_SIZE], const struct snapshot_owner *owner,
	const struct snapshot_versions *versions, uint8_t ret_bytes[SNAPSHOT_SIZE]);
/** The same in place of one that was found good: whom it is for is copied from there. */
void snapshot_renew(const uint8_t key[LOGIC_KEY_SIZE], struct hy_bytes good, const struct snapshot_versions *versions,
	uint8_t ret_bytes[SNAPSHOT_SIZE]);
/** *ret_versions is set only for SNAPSHOT_GOOD. `in` is what a stranger sent. */
enum snapshot_verdict snapshot_decode(const uint8_t key[LOGIC_KEY_SIZE], const struct snapshot_owner *owner,
	struct hy_bytes in, struct snapshot_versions *ret_versions) HY_MUST_USE;
/** For log lines. Static storage. */
const char *snapshot_verdict_text(enum snapshot_verdict verdict);

#endif
