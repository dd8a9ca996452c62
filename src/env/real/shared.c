/* shared.c - memory that is a file, and what the process knows of itself. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "env/real/internal.h"

struct env_shared {
	int fd; /* holds the lock */
	void *data;
	size_t size;
	bool shown;
	char *path, *new_path;
};

/** A file of its own, with all its blocks, locked and mapped. */
static int open_and_map(struct env_shared *s)
{
	if (unlink(s->new_path) != 0 && errno != ENOENT)
		return -errno;
	s->fd = RETRY(open(s->new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	if (s->fd < 0)
		return -errno;
	if (RETRY(flock(s->fd, LOCK_EX | LOCK_NB)) != 0)
		return -errno;
	int rc;
	do
		rc = posix_fallocate(s->fd, 0, (off_t)s->size);
	while (rc == EINTR);
	if (rc != 0)
		return -rc;
	void *p = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	s->data = p;
	return 0;
}

int env_shared_create(struct env *env, const char *path, size_t size, struct env_shared **ret_shared)
{
	assert(size > 0);
	struct env_shared *s = hy_zalloc(sizeof *s);
	size_t len = strlen(path) + sizeof ".new";
	s->fd = -1;
	s->size = size;
	s->path = hy_strdup(path);
	s->new_path = hy_alloc(len);
	snprintf(s->new_path, len, "%s.new", path);
	int rc = open_and_map(s);
	if (rc < 0) {
		env_shared_destroy(s);
		return rc;
	}
	*ret_shared = s;
	return 0;
}

void *env_shared_data(const struct env_shared *s)
{
	return s->data;
}

int env_shared_show(struct env_shared *s)
{
	if (rename(s->new_path, s->path) != 0)
		return -errno;
	s->shown = true;
	return 0;
}

void env_shared_destroy(struct env_shared *s)
{
	if (!s)
		return;
	if (s->data)
		munmap(s->data, s->size);
	if (s->fd >= 0) {
		if (!s->shown)
			unlink(s->new_path);
		close(s->fd);
	}
	hy_free(s->path);
	hy_free(s->new_path);
	hy_free(s);
}

/* ---- the process itself ------------------------------------------------------------------------------------------ */

unsigned env_process_id(struct env *env)
{
	return (unsigned)getpid();
}

uint64_t env_memory_bytes(struct env *env)
{
	char text[128];
	unsigned long long pages, resident = 0;
	int fd = RETRY(open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return 0;
	ssize_t n = RETRY(read(fd, text, sizeof text - 1));
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%llu %llu", &pages, &resident) != 2)
		return 0;
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t env_files_open(struct env *env)
{
	struct stat st;
	uint64_t count = 0;
	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	DIR *d = opendir("/proc/self/fd");
	if (!d)
		return 0;
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		count += e->d_name[0] != '.';
	closedir(d);
	return count - 1; /* the folder itself */
}

uint64_t env_files_max(struct env *env)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}
