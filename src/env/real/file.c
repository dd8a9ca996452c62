#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "env/real/internal.h"

struct env_file {
	int fd;
};

int env_file_open(struct env *env, const char *path, unsigned flags, struct env_file **ret_file)
{
	int how = O_CLOEXEC | (flags & ENV_OPEN_WRITE ? O_RDWR : O_RDONLY);
	if (flags & ENV_OPEN_CREATE)
		how |= O_CREAT;
	if (flags & ENV_OPEN_EXCL)
		how |= O_EXCL;
	assert(!(flags & ENV_OPEN_CREATE) || (flags & ENV_OPEN_WRITE));
	int fd = RETRY(open(path, how, 0600));
	if (fd < 0)
		return -errno;
	struct env_file *f = hy_alloc(sizeof *f);
	f->fd = fd;
	*ret_file = f;
	return 0;
}

void env_file_close(struct env_file *f)
{
	if (!f)
		return;
	close(f->fd);
	hy_free(f);
}

ssize_t env_file_pread(struct env_file *f, void *p, size_t len, uint64_t offset)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = RETRY(pread(f->fd, (char *)p + done, len - done, (off_t)(offset + done)));
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Drops the first `n` bytes of what is still to be written. */
static int consume(struct iovec *iov, int count, size_t n)
{
	int i = 0;
	while (i < count && n >= iov[i].iov_len)
		n -= iov[i++].iov_len;
	if (i < count && n > 0) {
		iov[i].iov_base = (char *)iov[i].iov_base + n;
		iov[i].iov_len -= n;
	}
	return i;
}

/* At most as many pieces as fit on the stack. */
static ssize_t write_some(int fd, const struct iovec *iov, int count, uint64_t offset)
{
	struct iovec left[64];
	assert(count <= (int)HY_COUNT_OF(left));
	memcpy(left, iov, (size_t)count * sizeof *iov);
	uint64_t at = offset;
	for (int i = consume(left, count, 0); i < count;) {
		ssize_t n = RETRY(pwritev(fd, left + i, count - i, (off_t)at));
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* no progress and no reason given */
		at += (uint64_t)n;
		i += consume(left + i, count - i, (size_t)n);
	}
	return (ssize_t)(at - offset);
}

int env_file_pwritev(struct env_file *f, const struct iovec *iov, int count, uint64_t offset)
{
	for (int i = 0; i < count; i += 64) {
		ssize_t n = write_some(f->fd, iov + i, HY_MIN(count - i, 64), offset);
		if (n < 0)
			return (int)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int env_file_sync(struct env_file *f)
{
	return fdatasync(f->fd) == 0 ? 0 : -errno; /* never tried again, not even after EINTR (S8) */
}

int env_file_size(struct env_file *f, uint64_t *ret_size)
{
	struct stat st;
	if (fstat(f->fd, &st) != 0)
		return -errno;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int env_file_truncate(struct env_file *f, uint64_t size)
{
	return (int)result(RETRY(ftruncate(f->fd, (off_t)size)));
}

int env_file_allocate(struct env_file *f, uint64_t size)
{
	int r;
	do
		r = posix_fallocate(f->fd, 0, (off_t)size);
	while (r == EINTR);
	return -r;
}

int env_file_lock(struct env_file *f)
{
	/* flock belongs to this opening of the file, so a second server in the same process is refused as well. */
	return (int)result(RETRY(flock(f->fd, LOCK_EX | LOCK_NB)));
}
