#include "kt/record.h"

size_t kt_record_size_max(const struct hy_key *key, const struct kt_effect *effects, size_t count)
{
	size_t size = 2 + key->len;
	for (size_t i = 0; i < count; i++)
		size += 2 + 4 * HY_VARINT_MAX + effects[i].name.len + effects[i].value.len;
	return size;
}

static uint8_t *put_bytes(uint8_t *p, struct hy_bytes v)
{
	p += hy_put_varint(p, v.len);
	if (v.len)
		memcpy(p, v.data, v.len);
	return p + v.len;
}

void kt_record_encode(const struct hy_key *key, const struct kt_effect *effects, size_t count, struct hy_buf *out)
{
	uint8_t *first = hy_buf_reserve(out, kt_record_size_max(key, effects, count)), *p = first;
	*p++ = key->len;
	memcpy(p, key->bytes, key->len);
	p += key->len;
	*p++ = (uint8_t)count;
	for (const struct kt_effect *e = effects; e < effects + count; e++) {
		*p++ = (uint8_t)e->kind;
		*p++ = e->space->id;
		p += hy_put_varint(p, e->version);
		if (e->kind == KT_EFFECT_APPEND || e->kind == KT_EFFECT_TRIM)
			p += hy_put_varint(p, e->total);
		else
			p = put_bytes(p, e->name);
		if (e->kind != KT_EFFECT_TRIM && e->kind != KT_EFFECT_DELETE)
			p = put_bytes(p, e->value);
	}
	hy_buf_commit(out, (size_t)(p - first));
}

static bool take_byte(struct hy_bytes *in, uint8_t *ret)
{
	if (in->len == 0)
		return false;
	*ret = in->data[0];
	in->data++;
	in->len--;
	return true;
}

static bool decode_effect(const struct kt_space *const *by_id, struct hy_bytes *in, struct kt_effect *e)
{
	static const uint8_t shapes_of[] = {
		[KT_EFFECT_APPEND] = 1u << KT_LOG,
		[KT_EFFECT_TRIM] = 1u << KT_LOG | 1u << KT_MAP,
		[KT_EFFECT_PUT] = 1u << KT_MAP,
		[KT_EFFECT_DELETE] = 1u << KT_MAP,
		[KT_EFFECT_WINDOW] = 1u << KT_WINDOW,
	};
	uint8_t kind, space;
	if (!take_byte(in, &kind) || !take_byte(in, &space) || kind == 0 || kind > KT_EFFECT_WINDOW)
		return false;
	if (space > KT_SPACE_ID_MAX || !by_id[space] || !(shapes_of[kind] & 1u << by_id[space]->shape))
		return false;
	*e = (struct kt_effect){.kind = kind, .space = by_id[space]};
	if (!hy_get_varint(in, &e->version) || (e->version == 0 && kind != KT_EFFECT_WINDOW))
		return false;
	if (kind == KT_EFFECT_APPEND || kind == KT_EFFECT_TRIM) {
		if (!hy_get_varint(in, &e->total))
			return false;
	} else {
		size_t least = kind == KT_EFFECT_WINDOW ? 8 : 1;
		if (!hy_get_bytes(in, &e->name) || e->name.len < least || e->name.len > KT_NAME_MAX)
			return false;
	}
	if (kind != KT_EFFECT_TRIM && kind != KT_EFFECT_DELETE) {
		if (!hy_get_bytes(in, &e->value) || e->value.len > KT_VALUE_MAX)
			return false;
	}
	return true;
}

bool kt_record_decode(const struct kt_space *const *by_id, struct hy_bytes *in, struct kt_group *ret_group)
{
	uint8_t count;
	if (!take_byte(in, &ret_group->key.len))
		return false;
	uint8_t len = ret_group->key.len;
	if (len == 0 || len > HY_KEY_MAX || in->len < len)
		return false;
	memcpy(ret_group->key.bytes, in->data, len);
	memset(ret_group->key.bytes + len, 0, HY_KEY_MAX - len);
	in->data += len;
	in->len -= len;
	if (!take_byte(in, &count) || count == 0 || count > KT_OPS_MAX)
		return false;
	ret_group->count = count;
	for (size_t i = 0; i < count; i++) {
		if (!decode_effect(by_id, in, &ret_group->effects[i]))
			return false;
	}
	return true;
}
