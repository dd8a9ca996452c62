#include "base/key.h"

#include <stdio.h>

#include "base/map.h"

static struct hy_key key_of(enum hy_key_kind kind, const void *name, size_t len)
{
	struct hy_key k = {.len = (uint8_t)(len + 1)};
	assert(len <= HY_KEY_MAX - 1);
	k.bytes[0] = (uint8_t)kind;
	memcpy(k.bytes + 1, name, len);
	return k;
}

struct hy_key hy_key_name(const char *name, size_t len)
{
	return key_of(HY_KEY_NAME, name, len);
}

struct hy_key hy_key_system(const char *name)
{
	return key_of(HY_KEY_SYSTEM, name, strlen(name));
}

bool hy_key_equal(const struct hy_key *a, const struct hy_key *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

uint64_t hy_key_hash(const struct hy_key *k)
{
	return hy_hash(k->bytes, k->len, 0);
}

/* Appends what fits, in whole characters. */
static void escape(char *text, size_t size, const uint8_t *p, size_t len)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < len; i++) {
		bool plain = p[i] > 0x20 && p[i] < 0x7f && p[i] != '\\';
		if (n + (plain ? 1 : 4) >= size)
			return;
		n += (size_t)snprintf(text + n, size - n, plain ? "%c" : "\\x%02x", p[i]);
	}
}

char *hy_key_text(const struct hy_key *k, char *text, size_t size)
{
	assert(size >= 64);
	const char *prefix = "?:";
	size_t skip = 1;
	if (k->len == 5 && k->bytes[0] == HY_KEY_USER) {
		snprintf(text, size, "user:%u", hy_get_be32(k->bytes + 1));
		return text;
	} else if (k->len > 1 && k->bytes[0] == HY_KEY_NAME) {
		prefix = "name:";
	} else if (k->len > 1 && k->bytes[0] == HY_KEY_SYSTEM) {
		prefix = "system:";
	} else {
		skip = 0;
	}
	snprintf(text, size, "%s", prefix);
	escape(text, size, k->bytes + skip, k->len - skip);
	return text;
}

static bool parse_uin(const char *s, uint32_t *ret_uin)
{
	uint64_t v = 0;
	if (!*s || (*s == '0' && s[1]))
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*ret_uin = (uint32_t)v;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Returns the length, 0 for what is no name. */
static size_t unescape(const char *s, uint8_t *out, size_t size)
{
	size_t n = 0;
	while (*s) {
		if (n == size)
			return 0;
		if (*s != '\\') {
			out[n++] = (uint8_t)*s++;
			continue;
		}
		int high = s[1] == 'x' ? hex_digit(s[2]) : -1;
		int low = high >= 0 ? hex_digit(s[3]) : -1;
		if (low < 0)
			return 0;
		out[n++] = (uint8_t)(high * 16 + low);
		s += 4;
	}
	return n;
}

bool hy_key_parse(const char *text, struct hy_key *ret_key)
{
	uint8_t name[HY_KEY_MAX - 1];
	const char *colon = strchr(text, ':');
	if (!colon)
		return false;
	size_t prefix = (size_t)(colon - text);
	if (prefix == 4 && memcmp(text, "user", 4) == 0) {
		uint32_t uin;
		if (!parse_uin(colon + 1, &uin))
			return false;
		*ret_key = hy_key_user(uin);
		return true;
	}
	size_t len = unescape(colon + 1, name, sizeof name);
	if (len == 0)
		return false;
	if (prefix == 4 && memcmp(text, "name", 4) == 0)
		*ret_key = key_of(HY_KEY_NAME, name, len);
	else if (prefix == 6 && memcmp(text, "system", 6) == 0)
		*ret_key = key_of(HY_KEY_SYSTEM, name, len);
	else
		return false;
	return true;
}
