/**
 * key.h - the name of a thing that data belongs to: user 42, the account name "ann".
 *
 * A key decides, by its hash, which loop owns all that belongs to it (idea 5); stubs compute it from the request. The
 * bytes below are what is stored in the log and in RocksDB, so they never change.
 */
#ifndef HY_KEY_H
#define HY_KEY_H

#include "base/base.h"

#define HY_KEY_MAX 40

/** First byte of every key. */
enum hy_key_kind {
	HY_KEY_USER = 'u',   /* + the UIN, 4 bytes, big-endian */
	HY_KEY_NAME = 'n',   /* + the account name */
	HY_KEY_SYSTEM = 's', /* + a name: what belongs to the whole server */
};

struct hy_key {
	uint8_t len;
	uint8_t bytes[HY_KEY_MAX];
};

/** Written by one store, which can be read back at once: each call of a service hashes one. */
static inline struct hy_key hy_key_user(uint32_t uin)
{
	struct hy_key k = {0};
	hy_put_le64(&k, 5 | (uint64_t)HY_KEY_USER << 8 | (uint64_t)__builtin_bswap32(uin) << 16);
	return k;
}
/** `len` at most HY_KEY_MAX - 1: names are checked before they become keys. */
struct hy_key hy_key_name(const char *name, size_t len);
struct hy_key hy_key_system(const char *name);
static inline struct hy_bytes hy_key_bytes(const struct hy_key *k)
{
	return hy_bytes(k->bytes, k->len);
}
bool hy_key_equal(const struct hy_key *a, const struct hy_key *b);
/** Unseeded: the same in every process, so that machines agree on who owns a key. */
uint64_t hy_key_hash(const struct hy_key *k);
/** "user:42", "name:ann" into `text` (at least 64 bytes; bytes that are no printable ASCII as \xNN). Returns text. */
char *hy_key_text(const struct hy_key *k, char *text, size_t size);
/** The opposite of hy_key_text, for people's input. False if it names no key. */
bool hy_key_parse(const char *text, struct hy_key *ret_key) HY_MUST_USE;

#endif
