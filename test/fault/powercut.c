/*
 * powercut.c - for LD_PRELOAD: notes what a process does to files below one folder, so that powercut-undo can take back
 * what was not synced; and makes its disk fail on demand.
 *
 * Settings are environment variables, since a preloaded library has no other:
 *   POWERCUT_DATA, POWERCUT_JOURNAL   the data folder, and the journal's (on the same file system, outside of the
 * first) POWERCUT_SYNC_US=N     a sync takes 0 to 2 N µs by a clock instead of the real disk's time: nothing real is
 * synced POWERCUT_EIO_SYNC=N    the N-th sync of a file whose name holds POWERCUT_EIO_NAME (default "log-") fails with
 * EIO POWERCUT_FULL_AFTER=N  after N bytes by which files have grown the disk is full (ENOSPC) for this process
 *
 * What it does not see: writes through mmap or stdio (RocksDB's own text log, "LOG"), and O_SYNC is no sync. Files that
 * it has never seen opened are taken for durable.
 *
 * Threads: one lock around each change and its record, so that a shadow and its change lie in one round. A sync is not
 * under it.
 */
#undef _FILE_OFFSET_BITS /* which would make one function of open and open64 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"

#define FDS_MAX 65536
#define EXPORT __attribute__((visibility("default")))

struct open_file {
	struct file *file;
	char *folder; /* of an opened folder: its path below the data folder */
};

/* The one place that a preloaded library has for its state. */
static struct {
	pthread_mutex_t lock;
	struct journal *journal;
	char data[PATH_MAX];
	size_t data_len;
	struct open_file fds[FDS_MAX];
	const char *eio_name;
	long sync_us, eio_sync, full_after;
	long named_syncs, written;
	unsigned dice;
} cut = {.lock = PTHREAD_MUTEX_INITIALIZER, .sync_us = -1, .full_after = -1, .eio_name = "log-"};

/* The next library's function of that name. */
#define REAL(name) ((__typeof__(&name))real_of(#name))

static void *real_of(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);
	if (!p) {
		errno = ENOSYS;
		journal_die("there is no such function", name);
	}
	return p;
}

static long number_of(const char *name, long otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtol(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void start(void)
{
	const char *data = getenv("POWERCUT_DATA"), *folder = getenv("POWERCUT_JOURNAL");
	if (!data || !folder)
		return;
	if (!realpath(data, cut.data))
		journal_die("no such folder", data);
	cut.data_len = strlen(cut.data);
	cut.sync_us = number_of("POWERCUT_SYNC_US", -1);
	cut.eio_sync = number_of("POWERCUT_EIO_SYNC", 0);
	cut.full_after = number_of("POWERCUT_FULL_AFTER", -1);
	if (getenv("POWERCUT_EIO_NAME"))
		cut.eio_name = getenv("POWERCUT_EIO_NAME");
	cut.dice = (unsigned)getpid();
	struct journal *j = journal_open(folder, cut.data);
	journal_compact(j);
	cut.journal = j; /* last: from here on calls are noted */
}

/* ---- which file -------------------------------------------------------------------------------------------------- */

static bool watching(void)
{
	return cut.journal != NULL;
}

/** The part below the data folder ("" for the folder itself); NULL: elsewhere. */
static const char *below(const char *path)
{
	if (strncmp(path, cut.data, cut.data_len) != 0)
		return NULL;
	path += cut.data_len;
	return *path == '\0' ? path : *path == '/' ? path + 1 : NULL;
}

/** A name that need not exist: its folder is made canonical. False: elsewhere. */
static bool find_name(int dirfd, const char *path, char *ret)
{
	char folder[PATH_MAX], real[PATH_MAX], whole[2 * PATH_MAX];
	if (*path != '/' && dirfd != AT_FDCWD) {
		char link[64];
		snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
		ssize_t n = readlink(link, folder, sizeof folder - 1);
		if (n < 0)
			return false;
		folder[n] = '\0';
		snprintf(whole, sizeof whole, "%s/%s", folder, path);
	} else {
		snprintf(whole, sizeof whole, "%s", path);
	}
	if (realpath(whole, real))
		return below(real) && snprintf(ret, PATH_MAX, "%s", below(real)) < PATH_MAX;
	size_t len = strlen(whole);
	while (len > 1 && whole[len - 1] == '/')
		whole[--len] = '\0';
	char *slash = strrchr(whole, '/');
	const char *name = slash ? slash + 1 : whole;
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - whole) + (slash == whole) : 1,
		slash ? whole : ".");
	if (!realpath(folder, real) || !below(real))
		return false;
	const char *in = below(real);
	return snprintf(ret, PATH_MAX, "%s%s%s", in, *in ? "/" : "", name) < PATH_MAX;
}

static bool stat_name(const char *path, struct stat *ret)
{
	char *whole = journal_data_path(cut.journal, path);
	bool there = lstat(whole, ret) == 0;
	free(whole);
	return there;
}

/** The file of that name, made known if it is not yet; NULL: there is none. */
static struct file *file_at(const char *path)
{
	struct stat st;
	if (!stat_name(path, &st) || !S_ISREG(st.st_mode))
		return NULL;
	struct file *f = journal_file_by_inode(cut.journal, st.st_ino);
	return f ? f : journal_add_file(cut.journal, st.st_ino, path);
}

static struct file *file_of(int fd)
{
	return fd >= 0 && fd < FDS_MAX ? cut.fds[fd].file : NULL;
}

static void lock(void)
{
	pthread_mutex_lock(&cut.lock);
}

static void unlock(void)
{
	int saved = errno;
	pthread_mutex_unlock(&cut.lock);
	errno = saved;
}

/* ---- contents ---------------------------------------------------------------------------------------------------- */

/** The descriptor may be for writing only, or past the page cache. */
static int open_to_read(int fd)
{
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	return REAL(open)(link, O_RDONLY | O_CLOEXEC);
}

static bool is_zero(const char *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

static void shadow_page(struct file *f, int read_fd, uint64_t page, uint64_t size)
{
	char old[JOURNAL_PAGE];
	ssize_t n = 0;
	if (page * JOURNAL_PAGE < size)
		n = pread(read_fd, old, sizeof old, (off_t)(page * JOURNAL_PAGE));
	if (n < 0)
		journal_die("cannot be read", f->path ? f->path : "removed");
	journal_page(cut.journal, f, page, old, is_zero(old, (size_t)n) ? 0 : (uint32_t)n);
}

/** Bytes from `offset` on are going to change. */
static void before_change(int fd, struct file *f, uint64_t offset, uint64_t len)
{
	struct stat st;
	int read_fd = -1;
	if (len == 0 || fstat(fd, &st) != 0)
		return;
	uint64_t size = (uint64_t)st.st_size;
	if (offset + len > size)
		journal_size(cut.journal, f, size);
	for (uint64_t page = offset / JOURNAL_PAGE; page * JOURNAL_PAGE < offset + len; page++) {
		if (!journal_needs_page(f, page))
			continue;
		if (read_fd < 0)
			read_fd = open_to_read(fd);
		shadow_page(f, read_fd, page, size);
	}
	if (read_fd >= 0)
		REAL(close)(read_fd);
}

static void before_resize(int fd, struct file *f, uint64_t to)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || (uint64_t)st.st_size == to)
		return;
	journal_size(cut.journal, f, (uint64_t)st.st_size);
	if (to < (uint64_t)st.st_size)
		before_change(fd, f, to, (uint64_t)st.st_size - to);
}

/** True: the disk is full for this process. What lies within a file has its blocks. */
static bool is_full(int fd, off_t offset, size_t len)
{
	struct stat st;
	if (cut.full_after < 0 || (fd >= 0 && fstat(fd, &st) == 0 && offset + (off_t)len <= st.st_size))
		return false;
	if (cut.written + (long)len > cut.full_after) {
		cut.journal->head->refused_writes++;
		errno = ENOSPC;
		return true;
	}
	cut.written += (long)len;
	return false;
}

static size_t bytes_of(const struct iovec *iov, int count)
{
	size_t len = 0;
	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	return len;
}

static off_t position_of(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);
	if (flags & O_APPEND)
		return fstat(fd, &st) == 0 ? st.st_size : 0;
	return lseek(fd, 0, SEEK_CUR);
}

/** Notes a write at `offset` (-1: where the descriptor stands), then does it by `call`. */
#define NOTED_WRITE(fd, offset, len, call)                                         \
	({                                                                         \
		ssize_t done_;                                                     \
		struct file *file_ = watching() ? file_of(fd) : NULL;              \
		if (!file_) {                                                      \
			done_ = call;                                              \
		} else {                                                           \
			lock();                                                    \
			off_t offset_ = (offset) < 0 ? position_of(fd) : (offset); \
			if (is_full(fd, offset_, len)) {                           \
				done_ = -1;                                        \
			} else {                                                   \
				cut.journal->head->writes++;                       \
				before_change(fd, file_, (uint64_t)offset_, len);  \
				done_ = call;                                      \
			}                                                          \
			unlock();                                                  \
		}                                                                  \
		done_;                                                             \
	})

EXPORT ssize_t write(int fd, const void *p, size_t len)
{
	return NOTED_WRITE(fd, (off_t)-1, len, REAL(write)(fd, p, len));
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
	return NOTED_WRITE(fd, (off_t)-1, bytes_of(iov, count), REAL(writev)(fd, iov, count));
}

EXPORT ssize_t pwrite(int fd, const void *p, size_t len, off_t offset)
{
	return NOTED_WRITE(fd, offset, len, REAL(pwrite)(fd, p, len, offset));
}

EXPORT ssize_t pwrite64(int fd, const void *p, size_t len, off64_t offset)
{
	return pwrite(fd, p, len, offset);
}

EXPORT ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return NOTED_WRITE(fd, offset, bytes_of(iov, count), REAL(pwritev)(fd, iov, count, offset));
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *iov, int count, off64_t offset)
{
	return pwritev(fd, iov, count, offset);
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	return NOTED_WRITE(fd, offset, bytes_of(iov, count), REAL(pwritev2)(fd, iov, count, offset, flags));
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off64_t offset, int flags)
{
	return pwritev2(fd, iov, count, offset, flags);
}

EXPORT int ftruncate(int fd, off_t size)
{
	struct file *f = watching() ? file_of(fd) : NULL;
	if (!f)
		return REAL(ftruncate)(fd, size);
	lock();
	before_resize(fd, f, (uint64_t)size);
	int r = REAL(ftruncate)(fd, size);
	unlock();
	return r;
}

EXPORT int ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t len)
{
	struct file *f = watching() ? file_of(fd) : NULL;
	struct stat st;
	if (!f)
		return REAL(fallocate)(fd, mode, offset, len);
	lock();
	int r = -1;
	if (!is_full(fd, offset, mode & FALLOC_FL_PUNCH_HOLE ? 0 : (size_t)len)) {
		if (mode & ~FALLOC_FL_KEEP_SIZE)
			before_change(fd, f, (uint64_t)offset, (uint64_t)len);
		if (!(mode & FALLOC_FL_KEEP_SIZE) && fstat(fd, &st) == 0 && offset + len > st.st_size)
			journal_size(cut.journal, f, (uint64_t)st.st_size);
		r = REAL(fallocate)(fd, mode, offset, len);
	}
	unlock();
	return r;
}

EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
	return fallocate(fd, mode, offset, len);
}

EXPORT int posix_fallocate(int fd, off_t offset, off_t len)
{
	return fallocate(fd, 0, offset, len) == 0 ? 0 : errno;
}

EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t len)
{
	return posix_fallocate(fd, offset, len);
}

/* ---- syncs ------------------------------------------------------------------------------------------------------- */

static bool sync_fails(struct file *f)
{
	struct journal_head *head = cut.journal->head;
	head->syncs++;
	if (f->sync_failed && strstr(f->path ? f->path : "", cut.eio_name))
		head->syncs_after_failure++;
	if (!cut.eio_sync || !f->path || !strstr(f->path, cut.eio_name) || ++cut.named_syncs != cut.eio_sync)
		return false;
	head->failed_syncs++;
	return true;
}

static int pretend(void)
{
	lock();
	long us = cut.sync_us ? rand_r(&cut.dice) % (2 * cut.sync_us) : 0;
	unlock();
	nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
	return 0;
}

static int synced(int fd, int (*real)(int))
{
	struct file *f = watching() ? file_of(fd) : NULL;
	bool folder = watching() && fd >= 0 && fd < FDS_MAX && cut.fds[fd].folder;
	if (!f && !folder)
		return real(fd);
	lock();
	bool fails = f && sync_fails(f);
	uint32_t round = f ? journal_sync_begins(f) : 0;
	unlock();
	int r = cut.sync_us < 0 ? real(fd) : pretend();
	lock();
	if (fails) {
		r = -1;
		errno = EIO;
	}
	if (f)
		journal_sync_ended(cut.journal, f, round, r == 0);
	else if (r == 0) {
		cut.journal->head->folder_syncs++;
		journal_folder_synced(cut.journal, cut.fds[fd].folder);
	}
	unlock();
	return r;
}

EXPORT int fsync(int fd)
{
	return synced(fd, REAL(fsync));
}

EXPORT int fdatasync(int fd)
{
	return synced(fd, REAL(fdatasync));
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

static void forget_fd(int fd)
{
	if (fd < 0 || fd >= FDS_MAX)
		return;
	free(cut.fds[fd].folder);
	cut.fds[fd] = (struct open_file){0};
}

/** O_TRUNC of a file that is there: taken apart, so that what goes is noted. */
static void before_open(const char *name, int flags)
{
	if (!(flags & O_TRUNC))
		return;
	struct file *f = file_at(name);
	char *path = journal_data_path(cut.journal, name);
	int fd = f ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd >= 0) {
		before_resize(fd, f, 0);
		REAL(close)(fd);
	}
	free(path);
}

static void after_open(int fd, const char *name, bool was_there)
{
	struct stat st;
	forget_fd(fd);
	if (fd >= FDS_MAX || fstat(fd, &st) != 0)
		return;
	if (S_ISDIR(st.st_mode))
		cut.fds[fd].folder = strdup(name);
	if (!S_ISREG(st.st_mode))
		return;
	struct file *f = was_there ? journal_file_by_inode(cut.journal, st.st_ino) : NULL;
	if (!f)
		f = journal_add_file(cut.journal, st.st_ino, name);
	if (!was_there) {
		journal_name(cut.journal, NAME_CREATE, f, NULL, name, NULL);
		journal_name_done(cut.journal, true);
	}
	cut.fds[fd].file = f;
}

static int opened(int dirfd, const char *path, int flags, mode_t mode)
{
	char name[PATH_MAX];
	struct stat st;
	if (!watching())
		return REAL(openat)(dirfd, path, flags, mode);
	if (!find_name(dirfd, path, name)) {
		int fd = REAL(openat)(dirfd, path, flags, mode);
		lock();
		forget_fd(fd);
		unlock();
		return fd;
	}
	lock();
	bool was_there = stat_name(name, &st);
	int fd = -1;
	if (was_there || !(flags & O_CREAT) || !is_full(-1, 0, 1)) {
		before_open(name, flags);
		fd = REAL(openat)(dirfd, path, flags, mode);
	}
	if (fd >= 0)
		after_open(fd, name, was_there);
	unlock();
	return fd;
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

#define OPEN_BODY(dirfd)                  \
	va_list ap;                       \
	va_start(ap, flags);              \
	mode_t mode = mode_of(flags, ap); \
	va_end(ap);                       \
	return opened(dirfd, path, flags, mode)

EXPORT int open(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

EXPORT int open64(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

EXPORT int openat(int dirfd, const char *path, int flags, ...)
{
	OPEN_BODY(dirfd);
}

EXPORT int openat64(int dirfd, const char *path, int flags, ...)
{
	OPEN_BODY(dirfd);
}

EXPORT int creat(const char *path, mode_t mode)
{
	return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int creat64(const char *path, mode_t mode)
{
	return creat(path, mode);
}

/* What the fortified headers of the C library call. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);

EXPORT int __open_2(const char *path, int flags)
{
	return opened(AT_FDCWD, path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
	return opened(AT_FDCWD, path, flags, 0);
}

EXPORT int __openat_2(int dirfd, const char *path, int flags)
{
	return opened(dirfd, path, flags, 0);
}

EXPORT int __openat64_2(int dirfd, const char *path, int flags)
{
	return opened(dirfd, path, flags, 0);
}

EXPORT int close(int fd)
{
	if (watching() && fd >= 0 && fd < FDS_MAX && (cut.fds[fd].file || cut.fds[fd].folder)) {
		lock();
		forget_fd(fd);
		unlock();
	}
	return REAL(close)(fd);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/** A file that loses its name is kept: a power cut may bring it back. */
static void keep(const char *name, struct file *f)
{
	char *from = journal_data_path(cut.journal, name), *to = journal_kept_path(cut.journal, f);
	REAL(unlink)(to);
	if (link(from, to) != 0)
		journal_die("cannot be kept", from);
	free(from);
	free(to);
}

static int renamed(int from_fd, const char *from_path, int to_fd, const char *to_path, unsigned flags)
{
	char from[PATH_MAX], to[PATH_MAX];
	if (!watching() || !find_name(from_fd, from_path, from) || !find_name(to_fd, to_path, to))
		return renameat2(from_fd, from_path, to_fd, to_path, flags);
	lock();
	struct file *f = file_at(from), *replaced = f ? file_at(to) : NULL;
	if (replaced)
		keep(to, replaced);
	if (f)
		journal_name(cut.journal, NAME_RENAME, f, replaced, from, to);
	int r = renameat2(from_fd, from_path, to_fd, to_path, flags);
	if (f)
		journal_name_done(cut.journal, r == 0);
	unlock();
	return r;
}

EXPORT int rename(const char *from, const char *to)
{
	return renamed(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renamed(from_fd, from, to_fd, to, 0);
}

EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
	char name[PATH_MAX];
	if (!watching() || flags & AT_REMOVEDIR || !find_name(dirfd, path, name))
		return REAL(unlinkat)(dirfd, path, flags);
	lock();
	struct file *f = file_at(name);
	if (f) {
		keep(name, f);
		journal_name(cut.journal, NAME_REMOVE, f, NULL, name, NULL);
	}
	int r = REAL(unlinkat)(dirfd, path, flags);
	if (f)
		journal_name_done(cut.journal, r == 0);
	unlock();
	return r;
}

EXPORT int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int remove(const char *path)
{
	int r = unlinkat(AT_FDCWD, path, 0);
	return r != 0 && errno == EISDIR ? rmdir(path) : r;
}

EXPORT int mkdirat(int dirfd, const char *path, mode_t mode)
{
	char name[PATH_MAX];
	struct stat st;
	if (!watching() || !find_name(dirfd, path, name))
		return REAL(mkdirat)(dirfd, path, mode);
	lock();
	bool new = !stat_name(name, &st);
	if (new)
		journal_name(cut.journal, NAME_MKDIR, NULL, NULL, name, NULL);
	int r = REAL(mkdirat)(dirfd, path, mode);
	if (new)
		journal_name_done(cut.journal, r == 0);
	unlock();
	return r;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}
