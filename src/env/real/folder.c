/* Names: folders, renames, whole small files. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "env/real/internal.h"

int env_rename(struct env *env, const char *from, const char *to)
{
	return rename(from, to) == 0 ? 0 : -errno;
}

int env_unlink(struct env *env, const char *path)
{
	return unlink(path) == 0 ? 0 : -errno;
}

int env_rmdir(struct env *env, const char *path)
{
	return rmdir(path) == 0 ? 0 : -errno;
}

int env_mkdir(struct env *env, const char *path)
{
	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	struct stat st;
	if (stat(path, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int env_dir_sync(struct env *env, const char *path)
{
	int fd = RETRY(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		return -errno;
	int r = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return r;
}

struct names {
	char **names;
	size_t count, cap;
};

static void names_add(struct names *n, const char *name)
{
	if (n->count == n->cap) {
		n->cap = n->cap ? 2 * n->cap : 32;
		n->names = hy_realloc(n->names, n->cap * sizeof *n->names);
	}
	n->names[n->count++] = hy_strdup(name);
}

static int names_read(struct names *n, DIR *dir)
{
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry)
			return -errno;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			names_add(n, entry->d_name);
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int env_dir_list(struct env *env, const char *path, void (*fn)(void *arg, const char *name), void *arg)
{
	DIR *dir = opendir(path);
	if (!dir)
		return -errno;
	struct names n = {0};
	int r = names_read(&n, dir);
	closedir(dir);
	if (n.count > 1)
		qsort(n.names, n.count, sizeof *n.names, compare_names);
	for (size_t i = 0; i < n.count; i++) {
		if (r == 0)
			fn(arg, n.names[i]);
		hy_free(n.names[i]);
	}
	hy_free(n.names);
	return r;
}

int env_disk_free(struct env *env, const char *path, uint64_t *ret_bytes)
{
	struct statvfs st;
	if (RETRY(statvfs(path, &st)) != 0)
		return -errno;
	*ret_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

int env_file_read_all(struct env *env, const char *path, size_t limit, char **ret_text, size_t *ret_len)
{
	struct env_file *f;
	int r = env_file_open(env, path, ENV_OPEN_READ, &f);
	if (r != 0)
		return r;
	struct hy_buf b = {0};
	ssize_t n;
	do { /* until the end of the file: what /proc gives has no size */
		size_t room = HY_MIN(limit + 1 - hy_buf_len(&b), (size_t)65536);
		n = env_file_pread(f, hy_buf_reserve(&b, room + 1), room, hy_buf_len(&b));
		if (n > 0)
			hy_buf_commit(&b, (size_t)n);
	} while (n > 0 && hy_buf_len(&b) <= limit);
	env_file_close(f);
	if (n < 0 || hy_buf_len(&b) > limit) {
		hy_buf_fini(&b);
		return n < 0 ? (int)n : -EFBIG;
	}
	size_t len = hy_buf_len(&b);
	char *text = hy_alloc(len + 1);
	if (len > 0)
		memcpy(text, hy_buf_data(&b), len);
	text[len] = '\0';
	hy_buf_fini(&b);
	*ret_text = text;
	*ret_len = len;
	return 0;
}

static int write_synced(struct env *env, const char *path, const void *p, size_t len)
{
	struct env_file *f;
	unlink(path); /* left by a crash, perhaps longer */
	int r = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_EXCL, &f);
	if (r != 0)
		return r;
	struct iovec iov = {(void *)p, len};
	r = env_file_pwritev(f, &iov, 1, 0);
	if (r == 0)
		r = env_file_sync(f);
	env_file_close(f);
	return r;
}

static int sync_folder_of(struct env *env, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return env_dir_sync(env, ".");
	if (slash == path)
		return env_dir_sync(env, "/");
	char *folder = hy_strdup(path);
	folder[slash - path] = '\0';
	int r = env_dir_sync(env, folder);
	hy_free(folder);
	return r;
}

int env_file_write_all(struct env *env, const char *path, const void *p, size_t len)
{
	size_t size = strlen(path) + sizeof ".tmp";
	char *temporary = hy_alloc(size);
	snprintf(temporary, size, "%s.tmp", path);
	int r = write_synced(env, temporary, p, len);
	if (r == 0)
		r = env_rename(env, temporary, path);
	if (r == 0)
		r = sync_folder_of(env, path);
	else
		unlink(temporary);
	hy_free(temporary);
	return r;
}
