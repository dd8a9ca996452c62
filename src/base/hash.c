#include <xxhash.h>

#include "base/map.h"

uint64_t hy_hash(const void *p, size_t len, uint64_t seed)
{
	return XXH3_64bits_withSeed(p, len, seed);
}
