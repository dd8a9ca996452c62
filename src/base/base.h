/**
 * base.h - the small words that every file uses: byte slices, ownership, container_of, big-endian numbers.
 */
#ifndef HY_BASE_H
#define HY_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

#define HY_MUST_USE __attribute__((warn_unused_result))
#define HY_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HY_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define HY_MIN(a, b) ((a) < (b) ? (a) : (b))
#define HY_MAX(a, b) ((a) > (b) ? (a) : (b))

/** The struct that holds `member` at `p`. Warns when `p` is of another type than the member. */
#define hy_container_of(p, type, member) \
	((type *)(void *)((char *)(1 ? (p) : &((type *)0)->member) - offsetof(type, member)))

/** Moves a pointer out of a variable and leaves NULL there. */
#define hy_take(p)                          \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

/** Some bytes that belong to somebody else. `data` may be NULL when `len` is 0. */
struct hy_bytes {
	const uint8_t *data;
	size_t len;
};

static inline struct hy_bytes hy_bytes(const void *data, size_t len)
{
	return (struct hy_bytes){data, len};
}

static inline struct hy_bytes hy_bytes_str(const char *s)
{
	return (struct hy_bytes){(const uint8_t *)s, strlen(s)};
}

static inline bool hy_bytes_equal(struct hy_bytes a, struct hy_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/** Byte order first, then length: -1, 0 or 1. */
static inline int hy_bytes_compare(struct hy_bytes a, struct hy_bytes b)
{
	size_t n = HY_MIN(a.len, b.len);
	int c = n ? memcmp(a.data, b.data, n) : 0;
	if (c == 0)
		c = (a.len > b.len) - (a.len < b.len);
	return (c > 0) - (c < 0);
}

static inline void hy_put_be32(void *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
}

static inline void hy_put_be64(void *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, 8);
}

static inline uint32_t hy_get_be32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return __builtin_bswap32(v);
}

static inline uint64_t hy_get_be64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return __builtin_bswap64(v);
}

static inline void hy_put_le32(void *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

static inline void hy_put_le64(void *p, uint64_t v)
{
	memcpy(p, &v, 8);
}

static inline uint32_t hy_get_le32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return v;
}

static inline uint64_t hy_get_le64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return v;
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "hy_put_le/hy_put_be assume a little-endian processor"
#endif

#endif
