#include <stdio.h>

#include "base/mem.h"
#include "kt/log_segment.h"

#define ZEROS_BYTES (16u << 10)
#define ZEROS_PIECES 64

static const uint8_t zeros[ZEROS_BYTES];

static char *path_of(const char *dir, const char *prefix, uint64_t number)
{
	size_t size = strlen(dir) + 32;
	char *path = hy_alloc(size);
	snprintf(path, size, "%s/%s-%016llx", dir, prefix, (unsigned long long)number);
	return path;
}

char *log_segment_path(const char *dir, uint64_t number)
{
	return path_of(dir, "log", number);
}

char *log_spare_path(const char *dir, uint64_t number)
{
	return path_of(dir, "spare", number);
}

static bool parse(const char *name, const char *prefix, uint64_t *ret_number)
{
	size_t n = strlen(prefix);
	if (strncmp(name, prefix, n) != 0 || strlen(name + n) != 16)
		return false;
	uint64_t number = 0;
	for (const char *p = name + n; *p; p++) {
		if (*p >= '0' && *p <= '9')
			number = number << 4 | (uint64_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			number = number << 4 | (uint64_t)(*p - 'a' + 10);
		else
			return false;
	}
	*ret_number = number;
	return true;
}

bool log_segment_parse(const char *name, uint64_t *ret_number)
{
	return parse(name, "log-", ret_number);
}

bool log_spare_parse(const char *name, uint64_t *ret_number)
{
	return parse(name, "spare-", ret_number);
}

int log_spare_begin(struct env *env, const char *dir, uint64_t number, uint64_t size, struct log_spare *ret_spare)
{
	char *path = log_spare_path(dir, number);
	struct log_spare spare = {.number = number, .size = size};
	int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_EXCL, &spare.file);
	hy_free(path);
	if (rc)
		return rc;
	rc = env_file_allocate(spare.file, size);
	if (rc) {
		log_spare_drop(env, dir, &spare);
		return rc;
	}
	*ret_spare = spare;
	return 0;
}

int log_spare_fill(struct env *env, const char *dir, struct log_spare *spare, uint64_t bytes)
{
	uint64_t stop = spare->filled + HY_MIN(bytes, spare->size - spare->filled);
	int rc = 0;
	while (rc == 0 && spare->filled < stop) {
		struct iovec iov[ZEROS_PIECES];
		int count = 0;
		uint64_t len = 0;
		while (count < ZEROS_PIECES && spare->filled + len < stop) {
			uint64_t piece = HY_MIN((uint64_t)ZEROS_BYTES, stop - spare->filled - len);
			iov[count++] = (struct iovec){(void *)(uintptr_t)zeros, piece};
			len += piece;
		}
		rc = env_file_pwritev(spare->file, iov, count, spare->filled);
		spare->filled += len;
	}
	if (rc == 0)
		rc = env_file_sync(spare->file);
	if (rc)
		log_spare_drop(env, dir, spare);
	return rc;
}

void log_spare_drop(struct env *env, const char *dir, struct log_spare *spare)
{
	if (!spare->file)
		return;
	env_file_close(hy_take(spare->file));
	char *path = log_spare_path(dir, spare->number);
	(void)env_unlink(env, path); /* what is left is removed at the next start */
	hy_free(path);
}

int log_spare_recycle(
	struct env *env, const char *dir, const struct log_live *old, uint64_t number, struct log_spare *ret_spare)
{
	struct log_spare spare = {.number = number, .size = old->size, .filled = old->size, .recycled = true};
	char *from = log_segment_path(dir, old->number), *to = log_spare_path(dir, number);
	int rc = env_rename(env, from, to);
	if (rc == 0)
		rc = env_file_open(env, to, ENV_OPEN_WRITE, &spare.file);
	hy_free(from);
	hy_free(to);
	if (rc == 0)
		*ret_spare = spare;
	return rc;
}

int log_segment_begin(struct env *env, const char *dir, struct log_spare *spare, const struct log_segment_head *head,
	struct hy_bytes batch, struct log_segment *ret_segment)
{
	assert(spare->file && spare->filled == spare->size);
	assert(LOG_SEGMENT_HEAD + batch.len <= spare->size);
	struct log_segment s = {
		.file = hy_take(spare->file), .head = *head, .size = spare->size, .end = LOG_SEGMENT_HEAD + batch.len};
	s.head.recycled = spare->recycled;
	uint8_t block[LOG_SEGMENT_HEAD];
	log_segment_head_encode(&s.head, block);
	struct iovec iov[2] = {{block, sizeof block}, {(void *)(uintptr_t)batch.data, batch.len}};
	int rc = env_file_pwritev(s.file, iov, batch.len > 0 ? 2 : 1, 0);
	if (rc == 0)
		rc = env_file_sync(s.file);
	if (rc == 0) {
		char *from = log_spare_path(dir, spare->number), *to = log_segment_path(dir, head->number);
		rc = env_rename(env, from, to);
		hy_free(from);
		hy_free(to);
	}
	if (rc == 0)
		rc = env_dir_sync(env, dir);
	if (rc) {
		env_file_close(s.file);
		return rc;
	}
	*ret_segment = s;
	return 0;
}
