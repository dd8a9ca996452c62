/**
 * secret_prompt.h - a password from a terminal, without echo. Whatever signal ends the program meanwhile, or puts it
 * aside, the terminal is as it was.
 */
#ifndef CHAT_SECRET_PROMPT_H
#define CHAT_SECRET_PROMPT_H

#include <signal.h>

#include "base/base.h"

/**
 * Asks on stderr, and takes one line of standard input without its end; where that is no terminal, the line is just
 * read. False: none came, or it does not fit. The caller wipes it. [blocks] The thread's signals are not blocked, and
 * all other threads were started with chat_secret_signals() blocked.
 */
bool chat_secret_prompt(const char *prompt, char *secret, size_t size) HY_MUST_USE;
/** Those that a terminal or its end sends. */
sigset_t chat_secret_signals(void);

#endif
