/* Whole small files, by the calls that everybody has. */
#include <stdio.h>

#include "env/sim/sim_int.h"

static int read_open_file(struct env_file *f, size_t limit, char **ret_text, size_t *ret_len)
{
	uint64_t size;
	int rc = env_file_size(f, &size);
	if (rc != 0)
		return rc;
	if (size > limit)
		return -EFBIG;
	char *text = hy_alloc((size_t)size + 1);
	ssize_t n = env_file_pread(f, text, (size_t)size, 0);
	if (n < 0) {
		hy_free(text);
		return (int)n;
	}
	text[n] = '\0';
	*ret_text = text;
	*ret_len = (size_t)n;
	return 0;
}

int env_file_read_all(struct env *env, const char *path, size_t limit, char **ret_text, size_t *ret_len)
{
	struct env_file *f;
	int rc = env_file_open(env, path, ENV_OPEN_READ, &f);
	if (rc != 0)
		return rc;
	rc = read_open_file(f, limit, ret_text, ret_len);
	env_file_close(f);
	return rc;
}

static int write_temporary(struct env *env, const char *path, const void *p, size_t len)
{
	struct env_file *f;
	int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &f);
	if (rc != 0)
		return rc;
	rc = env_file_truncate(f, 0);
	if (rc == 0)
		rc = env_file_pwritev(f, &(struct iovec){(void *)p, len}, 1, 0);
	if (rc == 0)
		rc = env_file_sync(f);
	env_file_close(f);
	return rc;
}

static char *text_of(const char *a, size_t len, const char *b)
{
	size_t b_len = strlen(b);
	char *s = hy_alloc(len + b_len + 1);
	memcpy(s, a, len);
	memcpy(s + len, b, b_len + 1);
	return s;
}

int env_file_write_all(struct env *env, const char *path, const void *p, size_t len)
{
	const char *slash = strrchr(path, '/');
	size_t dir_len = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
	char *temporary = text_of(path, strlen(path), ".tmp");
	char *dir = dir_len ? text_of(path, dir_len, "") : hy_strdup(".");
	int rc = write_temporary(env, temporary, p, len);
	if (rc == 0)
		rc = env_rename(env, temporary, path);
	if (rc == 0)
		rc = env_dir_sync(env, dir);
	else
		env_unlink(env, temporary);
	hy_free(temporary);
	hy_free(dir);
	return rc;
}
