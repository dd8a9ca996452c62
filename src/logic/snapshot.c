#include "logic/snapshot.h"

#include <sodium.h>

#define FORMAT 1
#define MAC_SIZE 16u
#define MAC_AT (SNAPSHOT_SIZE - MAC_SIZE)
#define VERSIONS_AT 21u

/** Everything before the MAC but the versions. */
static void write_owner(const uint8_t key[LOGIC_KEY_SIZE], const struct snapshot_owner *owner, uint8_t out[VERSIONS_AT])
{
	uint8_t device[16];

	out[0] = FORMAT;
	hy_put_be64(out + 1, owner->epoch);
	hy_put_be32(out + 9, owner->uin);
	crypto_generichash(
		device, sizeof device, (const uint8_t *)owner->device, strlen(owner->device), key, LOGIC_KEY_SIZE);
	memcpy(out + 13, device, 8);
}

static void write_mac(const uint8_t key[LOGIC_KEY_SIZE], const uint8_t *in, uint8_t out[MAC_SIZE])
{
	crypto_generichash(out, MAC_SIZE, in, MAC_AT, key, LOGIC_KEY_SIZE);
}

void snapshot_encode(const uint8_t key[LOGIC_KEY_SIZE], const struct snapshot_owner *owner,
	const struct snapshot_versions *versions, uint8_t ret_bytes[SNAPSHOT_SIZE])
{
	write_owner(key, owner, ret_bytes);
	hy_put_be64(ret_bytes + VERSIONS_AT, versions->account);
	hy_put_be64(ret_bytes + VERSIONS_AT + 8, versions->contacts);
	hy_put_be64(ret_bytes + VERSIONS_AT + 16, versions->messages);
	write_mac(key, ret_bytes, ret_bytes + MAC_AT);
}

enum snapshot_verdict snapshot_decode(const uint8_t key[LOGIC_KEY_SIZE], const struct snapshot_owner *owner,
	struct hy_bytes in, struct snapshot_versions *ret_versions)
{
	uint8_t mine[VERSIONS_AT], mac[MAC_SIZE];

	if (in.len != SNAPSHOT_SIZE || in.data[0] != FORMAT)
		return SNAPSHOT_MALFORMED;
	write_mac(key, in.data, mac);
	if (sodium_memcmp(mac, in.data + MAC_AT, MAC_SIZE) != 0)
		return SNAPSHOT_FORGED;
	write_owner(key, owner, mine);
	if (memcmp(mine, in.data, 9) != 0)
		return SNAPSHOT_OTHER_EPOCH;
	if (memcmp(mine, in.data, VERSIONS_AT) != 0)
		return SNAPSHOT_OTHER_OWNER;
	ret_versions->account = hy_get_be64(in.data + VERSIONS_AT);
	ret_versions->contacts = hy_get_be64(in.data + VERSIONS_AT + 8);
	ret_versions->messages = hy_get_be64(in.data + VERSIONS_AT + 16);
	return SNAPSHOT_GOOD;
}

const char *snapshot_verdict_text(enum snapshot_verdict verdict)
{
	switch (verdict) {
	case SNAPSHOT_GOOD:
		return "good";
	case SNAPSHOT_MALFORMED:
		return "malformed";
	case SNAPSHOT_FORGED:
		return "not made here";
	case SNAPSHOT_OTHER_EPOCH:
		return "of another epoch of the store";
	case SNAPSHOT_OTHER_OWNER:
		return "of another user or device";
	}
	return "?";
}
