/* header_text.c - see header_text.h. */
#include "access/header_text.h"

#include <strings.h>

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct hy_bytes header_trimmed(struct hy_bytes text)
{
	while (text.len > 0 && is_blank(text.data[0]))
		text = hy_bytes(text.data + 1, text.len - 1);
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

struct hy_bytes header_take_until(struct hy_bytes *rest, char mark)
{
	const uint8_t *at = rest->len > 0 ? memchr(rest->data, mark, rest->len) : NULL;
	size_t len = at ? (size_t)(at - rest->data) : rest->len;
	struct hy_bytes taken = header_trimmed(hy_bytes(rest->data, len));

	len += at ? 1 : 0;
	*rest = hy_bytes(rest->data + len, rest->len - len);
	return taken;
}

bool header_same(struct hy_bytes a, struct hy_bytes b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0);
}
