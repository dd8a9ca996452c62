#include "kt/copy.h"

#include <stdio.h>

#include "base/mem.h"
#include "kt/sdb.h"

#define PIECE_BYTES (1u << 20)
#define LOOK_BYTES (16u << 20)
#define TELL_US (5u * 1000 * 1000)

void sdb_copy_fini(struct sdb_copy *c)
{
	hy_buf_fini(&c->list);
	hy_free(c->why);
}

char *sdb_path(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = hy_alloc(size);
	snprintf(path, size, "%s/%s", dir, name);
	return path;
}

int sdb_copy_fail(struct sdb_copy *c, int rc, const char *what, const char *path)
{
	bool full = rc == -ENOSPC || rc == -EDQUOT;
	if (!c->why)
		c->why = full ? sdb_why("the disk of %s is full: free some space, or choose another place", path)
			      : sdb_why("%s cannot be %s: %s", path, what, strerror(-rc));
	return full ? HY_RESOURCE_EXHAUSTED : HY_UNAVAILABLE;
}

/* ---- between two pieces ------------------------------------------------------------------------------------------ */

static int look_at_disk(struct sdb_copy *c)
{
	uint64_t free_bytes;
	if (!c->reserve_dir || env_disk_free(c->env, c->reserve_dir, &free_bytes) || free_bytes >= c->reserve_bytes)
		return HY_OK;
	if (!c->why)
		c->why =
			sdb_why("only %llu MiB are free on the disk of %s, which the server needs: free some space, or "
				"choose a place on another disk",
				(unsigned long long)(free_bytes >> 20), c->reserve_dir);
	return HY_RESOURCE_EXHAUSTED;
}

/** After each piece: may it go on? */
static int go_on(struct sdb_copy *c)
{
	if (c->stop && sdb_get(c->stop)) {
		if (!c->why)
			c->why = hy_strdup("it was broken off");
		return HY_CANCELLED;
	}
	uint64_t now = env_mono_us(c->env);
	if (c->told_us == 0)
		c->told_us = now;
	if (now - c->told_us >= TELL_US) {
		c->told_us = now;
		env_log(c->env, ENV_LOG_INFO, "kt", c->trace, "copied %llu MiB so far",
			(unsigned long long)(c->bytes >> 20));
	}
	if (c->bytes - c->looked_at < LOOK_BYTES)
		return HY_OK;
	c->looked_at = c->bytes;
	return look_at_disk(c);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void list(struct sdb_copy *c, const char *name, uint64_t bytes)
{
	hy_buf_printf(&c->list, "file %llu %s\n", (unsigned long long)bytes, name);
	c->files++;
	c->listed_bytes += bytes;
}

/** *ret_len: what was copied, which is less than `len` when the source is shorter. */
static int copy_bytes(struct sdb_copy *c, struct env_file *in, struct env_file *out, const char *from, const char *to,
	uint64_t len, uint64_t *ret_len)
{
	void *piece = hy_alloc(PIECE_BYTES);
	uint64_t at = 0;
	int status = HY_OK;
	while (status == HY_OK && at < len) {
		ssize_t n = env_file_pread(in, piece, HY_MIN(len - at, (uint64_t)PIECE_BYTES), at);
		if (n < 0)
			status = sdb_copy_fail(c, (int)n, "read", from);
		if (n <= 0)
			break;
		struct iovec iov = {piece, (size_t)n};
		int rc = env_file_pwritev(out, &iov, 1, at);
		if (rc)
			status = sdb_copy_fail(c, rc, "written", to);
		at += (uint64_t)n;
		c->bytes += (uint64_t)n;
		if (status == HY_OK)
			status = go_on(c);
	}
	hy_free(piece);
	*ret_len = at;
	return status;
}

static int copy_path(struct sdb_copy *c, const char *from, const char *to, uint64_t len, uint64_t *ret_len,
	struct env_file **ret_file)
{
	struct env_file *in, *out;
	int rc = env_file_open(c->env, from, ENV_OPEN_READ, &in);
	if (rc)
		return sdb_copy_fail(c, rc, "read", from);
	rc = env_file_open(c->env, to, ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_EXCL, &out);
	int status = rc ? sdb_copy_fail(c, rc, "created", to) : copy_bytes(c, in, out, from, to, len, ret_len);
	env_file_close(in);
	if (rc)
		return status;
	if (status == HY_OK && len != UINT64_MAX && *ret_len < len)
		status = sdb_copy_fail(c, -EIO, "read to its end", from);
	rc = status == HY_OK ? env_file_sync(out) : 0;
	if (rc)
		status = sdb_copy_fail(c, rc, "synced", to);
	if (status || !ret_file)
		env_file_close(out);
	else
		*ret_file = out;
	return status;
}

int sdb_copy_file(struct sdb_copy *c, const char *from, const char *to, const char *name, uint64_t len,
	struct env_file **ret_file)
{
	char *source = sdb_path(from, name), *target = sdb_path(to, name);
	uint64_t copied = 0;
	int status = copy_path(c, source, target, len, &copied, ret_file);
	if (status == HY_OK && !ret_file)
		list(c, name, copied);
	hy_free(source);
	hy_free(target);
	return status;
}

int sdb_copy_list(struct sdb_copy *c, const char *to, const char *name)
{
	char *path = sdb_path(to, name);
	struct env_file *file = NULL;
	uint64_t size;
	int rc = env_file_open(c->env, path, ENV_OPEN_READ, &file);
	if (rc == 0)
		rc = env_file_sync(file);
	if (rc == 0)
		rc = env_file_size(file, &size);
	int status = rc ? sdb_copy_fail(c, rc, "synced", path) : HY_OK;
	if (status == HY_OK)
		list(c, name, size);
	env_file_close(file);
	hy_free(path);
	return status;
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

int sdb_copy_mkdir(struct sdb_copy *c, const char *dir)
{
	int rc = env_mkdir(c->env, dir);
	return rc ? sdb_copy_fail(c, rc, "made", dir) : HY_OK;
}

int sdb_copy_sync_dir(struct sdb_copy *c, const char *dir)
{
	int rc = env_dir_sync(c->env, dir);
	return rc ? sdb_copy_fail(c, rc, "synced", dir) : HY_OK;
}

struct names {
	char **names;
	size_t count;
};

static void note_name(void *arg, const char *name)
{
	struct names *n = arg;
	n->names = hy_realloc(n->names, (n->count + 2) * sizeof(char *));
	n->names[n->count++] = hy_strdup(name);
	n->names[n->count] = NULL;
}

int sdb_copy_names(struct sdb_copy *c, const char *dir, char ***ret_names)
{
	struct names n = {.names = hy_zalloc(sizeof(char *))};
	int rc = env_dir_list(c->env, dir, note_name, &n);
	if (rc) {
		sdb_names_free(n.names);
		return sdb_copy_fail(c, rc, "read", dir);
	}
	*ret_names = n.names;
	return HY_OK;
}

void sdb_names_free(char **names)
{
	for (size_t i = 0; names[i]; i++)
		hy_free(names[i]);
	hy_free(names);
}

int sdb_remove_tree(struct env *env, const char *path)
{
	struct names n = {.names = hy_zalloc(sizeof(char *))};
	int rc = env_unlink(env, path);
	if (rc == -EISDIR || rc == -EPERM)
		rc = env_dir_list(env, path, note_name, &n);
	else
		rc = rc ? rc : 1;
	for (size_t i = 0; rc == 0 && i < n.count; i++) {
		char *inside = sdb_path(path, n.names[i]);
		rc = sdb_remove_tree(env, inside);
		hy_free(inside);
	}
	sdb_names_free(n.names);
	if (rc == 0)
		rc = env_rmdir(env, path);
	return rc == 1 || rc == -ENOENT ? 0 : rc;
}
