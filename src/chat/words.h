/**
 * words.h - words that people type for colours and for who may do something.
 */
#ifndef CHAT_WORDS_H
#define CHAT_WORDS_H

#include "hongyan.h"

/** "teal", "#RRGGBB" or "RRGGBB". */
bool chat_colour_parse(const char *text, uint32_t *ret_colour);
/** "default", "contacts", "anyone", "nobody". */
bool chat_who_parse(const char *word, enum hongyan_who *ret_who);

#endif
