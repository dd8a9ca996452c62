/**
 * log_segment.h - the commit log's files: names, spare files, beginning a segment.
 *
 * A *spare* is a file with all its blocks allocated and written ("spare-" and a number), so that later syncs write
 * data alone: measured on ext4, 0.14 to 0.22 ms for 16 KB against 0.23 to 0.38 in a file that grows or was only
 * fallocated. A segment begins by writing its header into a spare, syncing it, renaming it to "log-" and its number,
 * and syncing the folder. So whatever a power cut does, a file of that name has a whole header, and all that its
 * beginner put into it.
 *
 * Threads: one actor; everything but the names [blocks]. Errors: 0 or a negative errno value, as the env's.
 */
#ifndef KT_LOG_SEGMENT_H
#define KT_LOG_SEGMENT_H

#include "env/env.h"
#include "kt/log_batch.h"

/** The segment that is written now. */
struct log_segment {
	struct env_file *file;
	struct log_segment_head head;
	uint64_t size, end; /* of the file; where the next batch goes */
};

/** A segment that is still needed. */
struct log_live {
	uint64_t number, last_pos, size; /* last_pos: UINT64_MAX while it is being written */
	uint64_t end;                    /* of what counts of it; 0 while it is being written */
};

struct log_spare {
	struct env_file *file; /* NULL: there is none */
	uint64_t number, size, filled;
	bool recycled;
};

/** "DIR/log-0000000000000001", hy_alloc'd. */
char *log_segment_path(const char *dir, uint64_t number);
char *log_spare_path(const char *dir, uint64_t number);
/** The number in a file's name (without folder). False: it is no segment's (spare's). */
bool log_segment_parse(const char *name, uint64_t *ret_number);
bool log_spare_parse(const char *name, uint64_t *ret_number);

/** Creates an empty file and takes `size` bytes of the disk for it. On an error nothing is left. */
int log_spare_begin(struct env *env, const char *dir, uint64_t number, uint64_t size, struct log_spare *ret_spare);
/** Writes and syncs the next `bytes` at most. On an error the spare is removed. Ready when filled == size. */
int log_spare_fill(struct env *env, const char *dir, struct log_spare *spare, uint64_t bytes);
/** Closes and removes it. Harmless when there is none. */
void log_spare_drop(struct env *env, const char *dir, struct log_spare *spare);
/**
 * Turns a segment that is not needed any more into the spare `number`. On an error there is none, and the file is left.
 */
int log_spare_recycle(
	struct env *env, const char *dir, const struct log_live *old, uint64_t number, struct log_spare *ret_spare);

/**
 * Begins the segment `head->number` in a ready spare, which is taken. `batch` (may be empty): a whole encoded batch to
 * stand first. When it returns 0, all of this is durable; the caller closes ret_segment->file.
 */
int log_segment_begin(struct env *env, const char *dir, struct log_spare *spare, const struct log_segment_head *head,
	struct hy_bytes batch, struct log_segment *ret_segment);

#endif
