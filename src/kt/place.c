#include "kt/place.h"

#define HOUR_MS (3600u * 1000)

static void put(struct place_name *n, const void *p, size_t len)
{
	assert(n->len + len <= sizeof n->bytes);
	if (len)
		memcpy(n->bytes + n->len, p, len);
	n->len += len;
}

static void put_byte(struct place_name *n, uint8_t byte)
{
	put(n, &byte, 1);
}

static void put_key(struct place_name *n, const struct hy_key *key, uint8_t space)
{
	put_byte(n, key->len);
	put(n, key->bytes, key->len);
	put_byte(n, space);
}

void place_head(struct place_name *n, const struct hy_key *key)
{
	n->len = 0;
	put_byte(n, 'h');
	put(n, key->bytes, key->len);
}

void place_log_row(struct place_name *n, const struct hy_key *key, uint8_t space, uint64_t version)
{
	uint8_t be[8];
	hy_put_be64(be, version);
	n->len = 0;
	put_byte(n, 'l');
	put_key(n, key, space);
	put(n, be, 8);
}

void place_map_row(struct place_name *n, const struct hy_key *key, uint8_t space, struct hy_bytes name)
{
	n->len = 0;
	put_byte(n, 'm');
	put_key(n, key, space);
	put(n, name.data, name.len);
}

void place_map_end(struct place_name *n, const struct hy_key *key, uint8_t space)
{
	place_map_row(n, key, (uint8_t)(space + 1), (struct hy_bytes){0});
}

void place_window_row(struct place_name *n, const struct hy_key *key, uint8_t space, struct hy_bytes name)
{
	uint8_t hour[4];
	assert(name.len >= 8);
	uint64_t hours = hy_get_be64(name.data) / HOUR_MS;
	hy_put_be32(hour, hours > UINT32_MAX ? UINT32_MAX : (uint32_t)hours);
	n->len = 0;
	put_byte(n, 'w');
	put(n, hour, 4);
	put_key(n, key, space);
	put(n, name.data, name.len);
}

void place_system(struct place_name *n, const char *name)
{
	n->len = 0;
	put_byte(n, 's');
	put(n, name, strlen(name));
}

bool place_is_expired(struct hy_bytes place, uint64_t floor_ms)
{
	if (place.len < 5 || place.data[0] != 'w')
		return false;
	uint64_t hour = hy_get_be32(place.data + 1);
	return hour != UINT32_MAX && (hour + 1) * HOUR_MS <= floor_ms;
}

bool place_get_key(struct hy_bytes place, struct hy_key *ret_key)
{
	if (place.len < 2 || place.len > 1 + HY_KEY_MAX || place.data[0] != 'h')
		return false;
	*ret_key = (struct hy_key){.len = (uint8_t)(place.len - 1)};
	memcpy(ret_key->bytes, place.data + 1, place.len - 1);
	return true;
}

bool place_get_map_name(struct hy_bytes place, struct hy_bytes *ret_name)
{
	if (place.len < 2 || place.data[0] != 'm')
		return false;
	size_t before = 2u + place.data[1] + 1;
	if (place.len <= before || place.len - before > KT_NAME_MAX)
		return false;
	*ret_name = hy_bytes(place.data + before, place.len - before);
	return true;
}

#define COUNT_BITS 20
#define COUNT_MASK ((1u << COUNT_BITS) - 1)

uint64_t place_map_counts(uint64_t rows, uint64_t tombstones)
{
	bool fit = rows <= COUNT_MASK && tombstones <= COUNT_MASK;
	return fit ? (rows << COUNT_BITS | tombstones) << 1 | 1 : 0;
}

bool place_get_map_counts(uint64_t counts, uint64_t *ret_rows, uint64_t *ret_tombstones)
{
	*ret_rows = counts >> 1 >> COUNT_BITS;
	*ret_tombstones = counts >> 1 & COUNT_MASK;
	return counts & 1;
}

void place_put_table(struct hy_buf *out, const struct place_table *t)
{
	hy_buf_append(out, &t->space, 1);
	hy_buf_put_varint(out, t->version);
	hy_buf_put_varint(out, t->trimmed);
	hy_buf_put_varint(out, t->total);
	hy_buf_put_varint(out, t->trimmed_total);
	hy_buf_put_varint(out, t->newest_ms);
}

bool place_get_table(struct hy_bytes *in, struct place_table *t)
{
	if (in->len == 0 || in->data[0] == 0 || in->data[0] > KT_SPACE_ID_MAX)
		return false;
	t->space = in->data[0];
	in->data++;
	in->len--;
	return hy_get_varint(in, &t->version) && hy_get_varint(in, &t->trimmed) && hy_get_varint(in, &t->total) &&
	       hy_get_varint(in, &t->trimmed_total) && hy_get_varint(in, &t->newest_ms) && t->trimmed <= t->version &&
	       t->trimmed_total <= t->total;
}

void place_put_log_value(struct hy_buf *out, uint64_t total, struct hy_bytes value)
{
	hy_buf_put_varint(out, total);
	hy_buf_append(out, value.data, value.len);
}

bool place_get_log_value(struct hy_bytes in, uint64_t *ret_total, struct hy_bytes *ret_value)
{
	if (!hy_get_varint(&in, ret_total) || in.len > KT_VALUE_MAX)
		return false;
	*ret_value = in;
	return true;
}

void place_put_map_value(struct hy_buf *out, uint64_t version, bool deleted, struct hy_bytes value)
{
	uint8_t flag = deleted ? 1 : 0;
	hy_buf_put_varint(out, version);
	hy_buf_append(out, &flag, 1);
	hy_buf_append(out, value.data, value.len);
}

bool place_get_map_value(struct hy_bytes in, uint64_t *ret_version, bool *ret_deleted, struct hy_bytes *ret_value)
{
	if (!hy_get_varint(&in, ret_version) || in.len < 1 || in.data[0] > 1 || in.len - 1 > KT_VALUE_MAX)
		return false;
	*ret_deleted = in.data[0] == 1;
	*ret_value = hy_bytes(in.data + 1, in.len - 1);
	return true;
}

void place_put_window_value(struct hy_buf *out, uint64_t version, struct hy_bytes value)
{
	hy_buf_put_varint(out, version);
	hy_buf_append(out, value.data, value.len);
}

bool place_get_window_value(struct hy_bytes in, uint64_t *ret_version, struct hy_bytes *ret_value)
{
	if (!hy_get_varint(&in, ret_version) || in.len > KT_VALUE_MAX)
		return false;
	*ret_value = in;
	return true;
}
