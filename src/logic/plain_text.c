#include "logic/plain_text.h"

#define JOINER 0x200du     /* makes one emoji of several, and one form of several letters */
#define NON_JOINER 0x200cu /* Persian and Indic words need it */
#define BLACK_FLAG 0x1f3f4u

struct range {
	uint32_t first, last;
};

/** In order. Direction marks too: nobody sees them, and a name reads the same without. */
static const struct range refused[] = {
	{0x01, 0x1f},
	{0x7f, 0x9f},
	{0xad, 0xad},       /* soft hyphen */
	{0x61c, 0x61c},     /* Arabic letter mark */
	{0x115f, 0x1160},   /* Hangul fillers */
	{0x17b4, 0x17b5},   /* Khmer vowels without a form */
	{0x180e, 0x180e},   /* Mongolian separator of vowels */
	{0x200b, 0x200b},   /* space of no width */
	{0x200e, 0x200f},   /* direction marks */
	{0x2028, 0x202e},   /* line ends; direction embeddings and overrides */
	{0x2060, 0x206f},   /* joiner of words, invisible operators, direction isolates */
	{0x3164, 0x3164},   /* Hangul filler */
	{0xfdd0, 0xfdef},   /* no characters */
	{0xfeff, 0xfeff},   /* byte order mark */
	{0xffa0, 0xffa0},   /* Hangul filler, half as wide */
	{0xfff0, 0xfffb},   /* annotations */
	{0xfffe, 0xffff},   /* no characters */
	{0x1bca0, 0x1bca3}, /* shorthand controls */
	{0x1d173, 0x1d17a}, /* musical controls */
	{0xe0000, 0xe001f}, /* language tag */
	{0xe0080, 0xe00ff},
	{0xe01f0, 0xe0fff},
};

/** Shown as nothing by themselves. */
static const struct range empty[] = {
	{0x20, 0x20},
	{0xa0, 0xa0},
	{0x34f, 0x34f},
	{0x1680, 0x1680},
	{0x2000, 0x200d},
	{0x202f, 0x202f},
	{0x205f, 0x205f},
	{0x2800, 0x2800}, /* braille without dots */
	{0x3000, 0x3000},
	{0xfe00, 0xfe0f}, /* variation selectors */
	{0xe0020, 0xe007f},
	{0xe0100, 0xe01ef},
};

static bool is_in(const struct range *ranges, size_t count, uint32_t c)
{
	for (size_t i = 0; i < count; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/** Of valid UTF-8; moves on. 0: the end. */
static uint32_t next(const char **text)
{
	const uint8_t *s = (const uint8_t *)*text;
	unsigned more = s[0] < 0x80 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
	uint32_t c = more == 0 ? s[0] : s[0] & (0x3fu >> more);

	if (c == 0 && more == 0)
		return 0;
	for (unsigned i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	*text += more + 1;
	return c;
}

static bool is_joiner(uint32_t c)
{
	return c == JOINER || c == NON_JOINER;
}

static bool is_tag(uint32_t c)
{
	return c >= 0xe0020 && c <= 0xe007f;
}

bool plain_text(const char *text)
{
	uint32_t before = 0, c;

	while ((c = next(&text)) != 0) {
		if (is_in(refused, HY_COUNT_OF(refused), c))
			return false;
		if (is_joiner(c) && (before == 0 || is_joiner(before)))
			return false;
		if (is_tag(c) && before != BLACK_FLAG && !is_tag(before))
			return false;
		before = c;
	}
	return true;
}

bool plain_text_shows(const char *text)
{
	uint32_t c;

	while ((c = next(&text)) != 0)
		if (!is_in(empty, HY_COUNT_OF(empty), c))
			return true;
	return false;
}

int plain_text_check(struct call *call, const char *what, const char *text, size_t max)
{
	if (strlen(text) > max)
		return call_fail(call, HY_INVALID_ARGUMENT, "a %s has at most %zu bytes", what, max);
	if (!plain_text(text))
		return call_fail(call, HY_INVALID_ARGUMENT,
			"a %s has no control characters, line breaks or characters that cannot be seen", what);
	return HY_OK;
}
