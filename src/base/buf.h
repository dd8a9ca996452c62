/**
 * buf.h - a growing byte buffer, read from the front and written at the back.
 *
 * Every buffer that grows by what a stranger sends is checked against a limit by whoever appends; the buffer itself
 * only refuses sizes past 1 GiB (it ends the process: a programming error).
 */
#ifndef HY_BUF_H
#define HY_BUF_H

#include "base/base.h"

struct hy_buf {
	uint8_t *mem;           /* hy_alloc'd, or NULL */
	size_t start, end, cap; /* mem[start..end) is what was written and not yet consumed */
};

static inline size_t hy_buf_len(const struct hy_buf *b)
{
	return b->end - b->start;
}

static inline uint8_t *hy_buf_data(const struct hy_buf *b)
{
	return b->mem ? b->mem + b->start : NULL;
}

static inline struct hy_bytes hy_buf_bytes(const struct hy_buf *b)
{
	return hy_bytes(hy_buf_data(b), b->end - b->start);
}

/** A zeroed struct is an empty buffer. Frees the memory and leaves an empty buffer. */
void hy_buf_fini(struct hy_buf *b);
/** Overwrites all that it ever held before. */
void hy_buf_fini_wiped(struct hy_buf *b);
/** Makes room for `len` more bytes and returns where they go; hy_buf_commit() says how many were really written. */
uint8_t *hy_buf_reserve(struct hy_buf *b, size_t len);
/** The same for what may hold a secret: when it moves, nothing of it stays behind. */
uint8_t *hy_buf_reserve_wiped(struct hy_buf *b, size_t len);
static inline void hy_buf_commit(struct hy_buf *b, size_t len)
{
	assert(b->cap - b->end >= len);
	b->end += len;
}
void hy_buf_append(struct hy_buf *b, const void *p, size_t len);
void hy_buf_printf(struct hy_buf *b, const char *fmt, ...) HY_PRINTF(2, 3);
/** Drops `len` bytes from the front; the memory stays for reuse. */
void hy_buf_consume(struct hy_buf *b, size_t len);
/** Drops all bytes; keeps the memory. */
void hy_buf_clear(struct hy_buf *b);

/** Little-endian base-128 numbers, as in protobuf: at most 10 bytes. */
void hy_buf_put_varint(struct hy_buf *b, uint64_t v);
#define HY_VARINT_MAX 10u
/** Into memory with room for HY_VARINT_MAX; returns how many bytes it took. */
static inline size_t hy_put_varint(uint8_t *at, uint64_t v)
{
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		at[n++] = (uint8_t)(v | 0x80);
	at[n++] = (uint8_t)v;
	return n;
}
/** A varint length, then the bytes. */
void hy_buf_put_bytes(struct hy_buf *b, struct hy_bytes v);

/**
 * Reading back: takes from the front of *in. False (and *in in an undefined state) when the input is cut or malformed.
 */
bool hy_get_long_varint(struct hy_bytes *in, uint64_t *ret_v) HY_MUST_USE;
static inline HY_MUST_USE bool hy_get_varint(struct hy_bytes *in, uint64_t *ret_v)
{
	if (in->len == 0 || in->data[0] >= 0x80)
		return hy_get_long_varint(in, ret_v);
	*ret_v = *in->data++;
	in->len--;
	return true;
}
bool hy_get_bytes(struct hy_bytes *in, struct hy_bytes *ret_v) HY_MUST_USE;

#endif
