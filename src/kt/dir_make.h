/**
 * dir_make.h - a folder that is there after a power cut.
 */
#ifndef KT_DIR_MAKE_H
#define KT_DIR_MAKE_H

#include "base/mem.h"
#include "env/env.h"

/**
 * [blocks] Makes the folder `path` if it is missing, and its entry in the folder above last, in either case: whoever
 * made it may have been
 *  killed in between. 0 or a negative errno value. */
static inline int dir_make(struct env *env, const char *path)
{
	int rc = env_mkdir(env, path);
	if (rc)
		return rc;
	char *above = hy_strdup(path);
	size_t n = strlen(above);
	while (n > 1 && above[n - 1] == '/')
		n--;
	while (n > 0 && above[n - 1] != '/')
		n--;
	while (n > 1 && above[n - 1] == '/')
		n--;
	above[n] = '\0';
	rc = env_dir_sync(env, n > 0 ? above : ".");
	hy_free(above);
	return rc;
}

#endif
