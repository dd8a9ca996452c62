/**
 * plain_text.h - what people may write where others read it in one line: nicknames, greetings, remarks, devices' names.
 *
 * Refused is what would act on a reader's screen instead of standing on it, and what cannot be seen, so that two texts
 * that look the same are the same, as far as that goes: control characters, line ends, marks and overrides of the
 * direction, spaces of no width, fillers. Emoji stay whole: joiners, variation selectors and the tags of a flag are let
 * in where they belong, joiners also in the words of the scripts that need them.
 *
 * Threads: any. Nothing here suspends.
 */
#ifndef LOGIC_PLAIN_TEXT_H
#define LOGIC_PLAIN_TEXT_H

#include "svrkit/rpc.h"

/** `text` is valid UTF-8 (that was checked on the wire); other bytes end the look at it. "" is plain. */
bool plain_text(const char *text);
/** Whether there is something to be seen in it: not spaces, joiners and selectors alone. */
bool plain_text_shows(const char *text);
/** INVALID_ARGUMENT: it is not plain, or longer than `max` bytes. `what` is for people: "nickname". */
int plain_text_check(struct call *call, const char *what, const char *text, size_t max) HY_MUST_USE;

#endif
