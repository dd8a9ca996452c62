#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define BUF_MAX ((size_t)1 << 30)
#define BUF_FIRST 256u

void hy_buf_fini(struct hy_buf *b)
{
	hy_free(b->mem);
	*b = (struct hy_buf){0};
}

void hy_buf_fini_wiped(struct hy_buf *b)
{
	if (b->mem)
		explicit_bzero(b->mem, b->cap);
	hy_buf_fini(b);
}

uint8_t *hy_buf_reserve_wiped(struct hy_buf *b, size_t len)
{
	size_t used = hy_buf_len(b);
	if (used == 0 || b->cap - b->end >= len)
		return hy_buf_reserve(b, len);
	struct hy_buf moved = {0};
	memcpy(hy_buf_reserve(&moved, used + len), hy_buf_data(b), used);
	hy_buf_commit(&moved, used);
	hy_buf_fini_wiped(b);
	*b = moved;
	return b->mem + b->end;
}

uint8_t *hy_buf_reserve(struct hy_buf *b, size_t len)
{
	if (b->cap - b->end >= len && b->mem)
		return b->mem + b->end;
	size_t used = b->end - b->start;
	assert(len <= BUF_MAX && used + len <= BUF_MAX);
	/*
	 * Room at the front is reclaimed only when at least half of the memory is free there: then each byte moved is
	 * paid for by a byte that was consumed, and a long-lived buffer neither grows for ever nor copies for ever.
	 */
	if (b->mem && used + len <= b->cap && b->start >= b->cap / 2) {
		memmove(b->mem, b->mem + b->start, used);
	} else {
		size_t cap = HY_MAX(b->cap, BUF_FIRST);
		while (cap < used + len)
			cap *= 2;
		if (cap == b->cap)
			cap *= 2;
		uint8_t *mem = hy_alloc(cap);
		if (used)
			memcpy(mem, b->mem + b->start, used);
		hy_free(b->mem);
		b->mem = mem;
		b->cap = cap;
	}
	b->start = 0;
	b->end = used;
	return b->mem + used;
}

void hy_buf_append(struct hy_buf *b, const void *p, size_t len)
{
	if (len == 0)
		return;
	memcpy(hy_buf_reserve(b, len), p, len);
	b->end += len;
}

void hy_buf_printf(struct hy_buf *b, const char *fmt, ...)
{
	assert(fmt);
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(len >= 0);
	/* vsnprintf() writes a NUL behind, which the next byte overwrites. */
	char *at = (char *)hy_buf_reserve(b, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(at, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->end += (size_t)len;
}

void hy_buf_consume(struct hy_buf *b, size_t len)
{
	assert(len <= hy_buf_len(b));
	b->start += len;
	if (b->start == b->end)
		b->start = b->end = 0;
}

void hy_buf_clear(struct hy_buf *b)
{
	b->start = b->end = 0;
}

void hy_buf_put_varint(struct hy_buf *b, uint64_t v)
{
	b->end += hy_put_varint(hy_buf_reserve(b, HY_VARINT_MAX), v);
}

void hy_buf_put_bytes(struct hy_buf *b, struct hy_bytes v)
{
	hy_buf_put_varint(b, v.len);
	hy_buf_append(b, v.data, v.len);
}

bool hy_get_long_varint(struct hy_bytes *in, uint64_t *ret_v)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < 10 && i < in->len; i++) {
		uint64_t bits = in->data[i] & 0x7f;
		/* The tenth byte has room for one bit. */
		if (i == 9 && in->data[i] > 1)
			return false;
		v |= bits << (7 * i);
		if (!(in->data[i] & 0x80)) {
			in->data += i + 1;
			in->len -= i + 1;
			*ret_v = v;
			return true;
		}
	}
	return false;
}

bool hy_get_bytes(struct hy_bytes *in, struct hy_bytes *ret_v)
{
	uint64_t len;
	if (!hy_get_varint(in, &len) || len > in->len)
		return false;
	*ret_v = hy_bytes(in->data, (size_t)len);
	in->data += len;
	in->len -= len;
	return true;
}
