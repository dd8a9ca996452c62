/* words.c - see words.h. */
#include "chat/words.h"

#include <stdlib.h>

#include "base/base.h"

bool chat_colour_parse(const char *text, uint32_t *ret_colour)
{
	static const struct {
		const char *name;
		uint32_t colour;
	} names[] = {{"red", 0xc0392b}, {"orange", 0xd35400}, {"yellow", 0xb7950b}, {"green", 0x1e8449},
		{"teal", 0x117a65}, {"blue", 0x2471a3}, {"purple", 0x7d3c98}, {"pink", 0xc2185b}, {"brown", 0x795548},
		{"grey", 0x616a6b}};
	for (size_t i = 0; i < HY_COUNT_OF(names); i++) {
		if (strcmp(names[i].name, text) == 0) {
			*ret_colour = names[i].colour;
			return true;
		}
	}
	text += *text == '#';
	char *end;
	unsigned long value = strtoul(text, &end, 16);
	*ret_colour = (uint32_t)value;
	return strlen(text) == 6 && !*end;
}

bool chat_who_parse(const char *word, enum hongyan_who *ret_who)
{
	static const char *const names[] = {"default", "contacts", "anyone", "nobody"};
	for (size_t i = 0; i < HY_COUNT_OF(names); i++) {
		if (strcmp(names[i], word) == 0) {
			*ret_who = (enum hongyan_who)i;
			return true;
		}
	}
	return false;
}
