/* text.c - see text.h. */
#include "chat/text.h"

#include <locale.h>
#include <wchar.h>

#define REPLACEMENT 0xfffdu
#define JOINER 0x200du

void chat_text_init(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "en_US.UTF-8");
}

size_t chat_text_next(const char *s, size_t len, uint32_t *ret_char)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *p = (const uint8_t *)s;
	*ret_char = REPLACEMENT;
	if (len == 0)
		return 0;
	if (p[0] < 0x80) {
		*ret_char = p[0];
		return 1;
	}
	size_t want = p[0] >= 0xf0 && p[0] < 0xf8 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
	if (want == 0 || want > len || p[0] >= 0xf8)
		return 1;
	uint32_t c = p[0] & (0xffu >> (want + 1));
	for (size_t i = 1; i < want; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[want] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 1;
	*ret_char = c;
	return want;
}

/** Characters that would move the cursor, or let a text pose as something else. */
static bool harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0x2028 || c == 0x2029;
}

static int columns_of(uint32_t c)
{
	if (c == '\n' || c == '\t' || harmful(c))
		return 1;
	int n = wcwidth((wchar_t)c);
	return n < 0 ? 1 : n;
}

size_t chat_text_cluster(const char *s, size_t len, int *ret_columns)
{
	uint32_t c;
	size_t at = chat_text_next(s, len, &c);
	*ret_columns = at ? columns_of(c) : 0;
	if (c == '\n')
		return at;
	bool joined = c == JOINER;
	while (at < len) {
		size_t n = chat_text_next(s + at, len - at, &c);
		int columns = columns_of(c);
		if (columns > 0 && !joined)
			break;
		if (c == '\n')
			break;
		*ret_columns += columns;
		joined = c == JOINER;
		at += n;
	}
	return at;
}

size_t chat_text_cluster_before(const char *s, size_t at)
{
	size_t begin = 0;
	int columns;
	while (begin < at) {
		size_t n = chat_text_cluster(s + begin, at - begin, &columns);
		if (begin + n >= at)
			return begin;
		begin += n;
	}
	return 0;
}

int chat_text_columns(const char *s, size_t len)
{
	int columns;
	chat_text_fit(s, len, INT32_MAX, &columns);
	return columns;
}

size_t chat_text_fit(const char *s, size_t len, int columns, int *ret_columns)
{
	size_t at = 0;
	*ret_columns = 0;
	while (at < len) {
		int one;
		size_t n = chat_text_cluster(s + at, len - at, &one);
		if (one > columns - *ret_columns)
			break;
		*ret_columns += one;
		at += n;
	}
	return at;
}

/** Before and after such a character a line may be broken without a space: scripts that have none. */
static bool breaks_around(uint32_t c)
{
	return (c >= 0x2e80 && c < 0xe000) || (c >= 0xf900 && c < 0xfb00) || (c >= 0xff00 && c < 0xffe0) ||
	       c >= 0x1f000;
}

/** Marks that do not begin a line: closing punctuation of Chinese and Japanese. */
static bool begins_no_line(uint32_t c)
{
	static const uint32_t marks[] = {0x3001, 0x3002, 0xff0c, 0xff0e, 0xff01, 0xff1f, 0xff1a, 0xff1b, 0xff09, 0x300d,
		0x300f, 0x3011, 0x300b, 0x201d, 0x2019, ',', '.', '!', '?', ':', ';', ')'};
	for (size_t i = 0; i < HY_COUNT_OF(marks); i++)
		if (c == marks[i])
			return true;
	return false;
}

size_t chat_text_wrap(const char *s, size_t len, int columns, size_t *ret_next)
{
	size_t at = 0, shown = 0, next = 0; /* the latest good break: what it shows, and where it goes on */
	int used = 0;
	uint32_t before = 0;
	while (at < len) {
		int one;
		uint32_t c;
		size_t n = chat_text_cluster(s + at, len - at, &one);
		chat_text_next(s + at, len - at, &c);
		if (c == '\n') {
			*ret_next = at + 1;
			return at;
		}
		bool space = c == ' ' && n == 1; /* and nothing that is joined to it */
		if (at > 0 && !space && (before == '-' || breaks_around(before) || breaks_around(c)) &&
			!begins_no_line(c))
			shown = next = at;
		if (space && used <= columns) {
			shown = at;
			next = at + n;
		}
		if (used + one > columns && !space)
			break;
		used += one;
		before = c;
		at += n;
	}
	if (at >= len) {
		*ret_next = len;
		if (used > columns && next > 0) { /* spaces at the end that have no room are not missed */
			*ret_next = len;
			return shown;
		}
		return len;
	}
	if (next == 0) { /* one long word: cut */
		shown = next = chat_text_fit(s, len, columns, &used);
		if (next == 0)
			shown = next = chat_text_cluster(s, len, &used);
	}
	*ret_next = next;
	return shown;
}

void chat_text_append_visible(struct hy_buf *out, const char *s, size_t len)
{
	uint32_t c;
	for (size_t at = 0, n; at < len; at += n) {
		n = chat_text_next(s + at, len - at, &c);
		if (c == '\n' || c == '\t')
			hy_buf_append(out, " ", 1);
		else if (c == REPLACEMENT || harmful(c))
			hy_buf_append(out, "\xef\xbf\xbd", 3);
		else
			hy_buf_append(out, s + at, n);
	}
}

void chat_text_append_valid(struct hy_buf *out, const char *s, size_t len)
{
	uint32_t c;
	for (size_t at = 0, n; at < len; at += n) {
		n = chat_text_next(s + at, len - at, &c);
		if (c == REPLACEMENT || c == 0)
			hy_buf_append(out, "\xef\xbf\xbd", 3);
		else
			hy_buf_append(out, s + at, n);
	}
}
