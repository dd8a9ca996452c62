/**
 * planted.h - bugs on purpose, to see that the tests would find them.
 *
 * PLANTED(name) is 0 in every ordinary build. A build with -DHY_PLANTED=name (the meson option `planted`) breaks the
 * one promise of that name; a test run that stays green then is a test that proves nothing. It stands where the promise
 * is kept, so that it also tells the reader which line keeps it.
 */
#ifndef HY_PLANTED_H
#define HY_PLANTED_H

#ifdef HY_PLANTED
#include <string.h>
#define PLANTED_TEXT_OF(x) #x
#define PLANTED_TEXT(x) PLANTED_TEXT_OF(x)
#define PLANTED(name) (strcmp(PLANTED_TEXT(HY_PLANTED), #name) == 0)
#else
#define PLANTED(name) 0
#endif

#endif
