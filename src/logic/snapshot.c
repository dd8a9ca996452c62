#include "logic/snapshot.h"

#include <sodium.h>

#define FORMAT 2
#define FORMAT_WITHOUT_MARKS 1
#define MAC_SIZE 16u
#define VERSIONS_AT 21u
#define MARKS_AT (VERSIONS_AT + 24)
#define SIZE_WITHOUT_MARKS (MARKS_AT + MAC_SIZE)

/** Everything before the MAC but the versions. */
static void write_owner(
	const uint8_t key[LOGIC_KEY_SIZE], uint8_t format, const struct snapshot_owner *owner, uint8_t out[VERSIONS_AT])
{
	uint8_t device[16];

	out[0] = format;
	hy_put_be64(out + 1, owner->epoch);
	hy_put_be32(out + 9, owner->uin);
	crypto_generichash(
		device, sizeof device, (const uint8_t *)owner->device, strlen(owner->device), key, LOGIC_KEY_SIZE);
	memcpy(out + 13, device, 8);
}

/** Over the `len` bytes before it. */
static void write_mac(const uint8_t key[LOGIC_KEY_SIZE], const uint8_t *in, size_t len, uint8_t out[MAC_SIZE])
{
	crypto_generichash(out, MAC_SIZE, in, len, key, LOGIC_KEY_SIZE);
}

/** All behind the owner. */
static void write_versions(
	const uint8_t key[LOGIC_KEY_SIZE], const struct snapshot_versions *versions, uint8_t ret_bytes[SNAPSHOT_SIZE])
{
	hy_put_be64(ret_bytes + VERSIONS_AT, versions->account);
	hy_put_be64(ret_bytes + VERSIONS_AT + 8, versions->contacts);
	hy_put_be64(ret_bytes + VERSIONS_AT + 16, versions->messages);
	hy_put_be64(ret_bytes + MARKS_AT, versions->account_began);
	hy_put_be64(ret_bytes + MARKS_AT + 8, versions->contacts_began);
	write_mac(key, ret_bytes, SNAPSHOT_SIZE - MAC_SIZE, ret_bytes + SNAPSHOT_SIZE - MAC_SIZE);
}

void snapshot_encode(const uint8_t key[LOGIC_KEY_SIZE], const struct snapshot_owner *owner,
	const struct snapshot_versions *versions, uint8_t ret_bytes[SNAPSHOT_SIZE])
{
	write_owner(key, FORMAT, owner, ret_bytes);
	write_versions(key, versions, ret_bytes);
}

void snapshot_renew(const uint8_t key[LOGIC_KEY_SIZE], struct hy_bytes good, const struct snapshot_versions *versions,
	uint8_t ret_bytes[SNAPSHOT_SIZE])
{
	assert(good.len >= SIZE_WITHOUT_MARKS);
	memcpy(ret_bytes, good.data, VERSIONS_AT);
	ret_bytes[0] = FORMAT;
	write_versions(key, versions, ret_bytes);
}

enum snapshot_verdict snapshot_decode(const uint8_t key[LOGIC_KEY_SIZE], const struct snapshot_owner *owner,
	struct hy_bytes in, struct snapshot_versions *ret_versions)
{
	uint8_t mine[VERSIONS_AT], mac[MAC_SIZE];

	bool marks = in.len == SNAPSHOT_SIZE && in.data[0] == FORMAT;
	if (!marks && (in.len != SIZE_WITHOUT_MARKS || in.data[0] != FORMAT_WITHOUT_MARKS))
		return SNAPSHOT_MALFORMED;
	write_mac(key, in.data, in.len - MAC_SIZE, mac);
	if (sodium_memcmp(mac, in.data + in.len - MAC_SIZE, MAC_SIZE) != 0)
		return SNAPSHOT_FORGED;
	write_owner(key, in.data[0], owner, mine);
	if (memcmp(mine, in.data, 9) != 0)
		return SNAPSHOT_OTHER_EPOCH;
	if (memcmp(mine, in.data, VERSIONS_AT) != 0)
		return SNAPSHOT_OTHER_OWNER;
	ret_versions->account = hy_get_be64(in.data + VERSIONS_AT);
	ret_versions->contacts = hy_get_be64(in.data + VERSIONS_AT + 8);
	ret_versions->messages = hy_get_be64(in.data + VERSIONS_AT + 16);
	ret_versions->account_began = marks ? hy_get_be64(in.data + MARKS_AT) : 0;
	ret_versions->contacts_began = marks ? hy_get_be64(in.data + MARKS_AT + 8) : 0;
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
