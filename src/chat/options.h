/**
 * options.h - the command line of `hongyan chat`, and the folders and names that follow from it.
 */
#ifndef CHAT_OPTIONS_H
#define CHAT_OPTIONS_H

#include "base/buf.h"
#include "env/env.h"

struct chat_options {
	const char *name, *server, *password_file, *invitation, *state, *device;
	const char *send_to;
	struct hy_buf text; /* of --send; ends with NUL */
	uint64_t patience_s;
	bool registering, json, follow, plain, quiet, help;
};

/** False: *ret_why (hy_alloc'd) says what is wrong. `text` is read from standard input where it is "-". */
bool chat_options_parse(int argc, char **argv, struct chat_options *ret_options, char **ret_why);
void chat_options_fini(struct chat_options *o);
void chat_options_help(void); /* to stdout */

/** The account's file, into `path`; its folders are made: if that fails, `path` is the one that it is about. 0 or a
 * negative errno value. [blocks] */
int chat_options_path(struct env *env, const struct chat_options *o, char *path, size_t size);
/** The state file of the plain chat that came before, as long as it is there. */
void chat_options_old_path(const struct chat_options *o, char *path, size_t size);

#endif
