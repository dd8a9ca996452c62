/**
 * secret_input.h - passwords from people: without echo, or from a file; never from the command line, which others see.
 */
#ifndef MAIN_SECRET_INPUT_H
#define MAIN_SECRET_INPUT_H

#include "env/env.h"

/**
 * The first line of a file ("-": of standard input), or what is typed after `prompt` (on stderr), without echo where
 * standard input is a terminal. False: nothing was given, or more than fits. The caller wipes it. [blocks]
 */
bool secret_from_file(struct env *env, const char *path, char *secret, size_t size) HY_MUST_USE;
bool secret_from_person(const char *prompt, char *secret, size_t size) HY_MUST_USE;

#endif
