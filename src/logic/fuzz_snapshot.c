/*
 * Whatever a stranger brings as a snapshot: the decoder reads no byte too far and takes nothing that it did not make
 * itself. Behind the first byte, which says whether a right MAC shall be put on, so that the search gets past it.
 */
#include "base/mem.h"
#include "logic/snapshot.h"

#include <sodium.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[LOGIC_KEY_SIZE] = "the key of this test";
	static const struct snapshot_owner owner = {.epoch = 0x1122334455667788, .uin = 42, .device = "phone"};
	struct snapshot_versions versions;
	uint8_t again[SNAPSHOT_SIZE];

	if (size == 0)
		return 0;
	size_t len = size - 1;
	uint8_t *bytes = hy_memdup(data + 1, len); /* of its own size, so that a sanitizer sees a read beyond it */
	if (data[0] == 1 && len == SNAPSHOT_SIZE)
		crypto_generichash(bytes + SNAPSHOT_SIZE - 16, 16, bytes, SNAPSHOT_SIZE - 16, key, sizeof key);
	if (snapshot_decode(key, &owner, hy_bytes(bytes, len), &versions) == SNAPSHOT_GOOD) {
		snapshot_encode(key, &owner, &versions, again);
		assert(len == SNAPSHOT_SIZE && memcmp(bytes, again, SNAPSHOT_SIZE) == 0);
	}
	hy_free(bytes);
	return 0;
}
