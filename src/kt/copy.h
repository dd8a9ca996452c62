/**
 * copy.h - files of a store are copied into another folder, synced, and listed: what backup and restore share.
 *
 * Threads: one actor; all of it [blocks]. Errors: a status, with a sentence in c->why.
 */
#ifndef KT_COPY_H
#define KT_COPY_H

#include "base/buf.h"
#include "env/env.h"

struct sdb_copy {
	struct env *env;
	/** NULL: copies do not care. Else the disk of this folder is left so much room. */
	const char *reserve_dir;
	uint64_t reserve_bytes;
	bool *stop; /* atomic: end early, HY_CANCELLED. May be NULL */
	uint64_t trace;
	uint64_t bytes; /* copied so far */
	/* "file BYTES NAME" lines, how many, and the sum */
	struct hy_buf list;
	uint64_t files, listed_bytes;
	uint64_t looked_at; /* bytes when the disk was last looked at */
	uint64_t told_us;   /* when the log last heard of it */
	char *why;          /* of the first failure; hy_alloc'd */
};

void sdb_copy_fini(struct sdb_copy *c);
/** Notes the first sentence that says why, and returns the status of a negative errno value. */
int sdb_copy_fail(struct sdb_copy *c, int rc, const char *what, const char *path);

/** "DIR/NAME", hy_alloc'd. */
char *sdb_path(const char *dir, const char *name);
/**
 * The first `len` bytes (UINT64_MAX: all) of FROM/NAME become the new file TO/NAME, synced and listed. *ret_file,
 * unless it is NULL, stays open for more to be put behind; the caller closes it.
 */
int sdb_copy_file(struct sdb_copy *c, const char *from, const char *to, const char *name, uint64_t len,
	struct env_file **ret_file) HY_MUST_USE;
/** Lists a file with its size as it stands in TO/NAME, after syncing it. */
int sdb_copy_list(struct sdb_copy *c, const char *to, const char *name) HY_MUST_USE;
int sdb_copy_mkdir(struct sdb_copy *c, const char *dir) HY_MUST_USE;
int sdb_copy_sync_dir(struct sdb_copy *c, const char *dir) HY_MUST_USE;
/** The names in a folder, in order. NULL-ended; freed by sdb_names_free. */
int sdb_copy_names(struct sdb_copy *c, const char *dir, char ***ret_names) HY_MUST_USE;
void sdb_names_free(char **names);
/** Removes a file, or a folder with all that is in it. Harmless when it is not there. 0 or a negative errno value. */
int sdb_remove_tree(struct env *env, const char *path);

#endif
