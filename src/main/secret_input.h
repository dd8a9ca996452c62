/**
 * secret_input.h - passwords from a file; never from the command line, which others see. From people:
 * chat/secret_prompt.h.
 */
#ifndef MAIN_SECRET_INPUT_H
#define MAIN_SECRET_INPUT_H

#include "env/env.h"

/**
 * The first line of a file ("-": of standard input). False: nothing was given, or more than fits. The caller wipes it.
 * [blocks]
 */
bool secret_from_file(struct env *env, const char *path, char *secret, size_t size) HY_MUST_USE;

#endif
