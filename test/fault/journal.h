/**
 * journal.h - what a folder's files held when they were last synced.
 *
 * The preload library (powercut.c) appends a record before each change of a file below the data folder; powercut-undo
 * reads them after the server was killed and takes back what no sync has made durable. A journal is a folder: the file
 * "records", mapped shared, so that what was appended survives SIGKILL; and "kept", hard links of files that were
 * removed or replaced. It lives as long as the data folder: a process that starts goes on with what the one before it
 * left, since a kill syncs nothing.
 *
 * The model. A file has *shadows*: the old content of a page of 4 KiB, taken before its first change since a sync
 * began. Each sync that begins ends a *round*; when it has succeeded, shadows of that round and earlier ones mean
 * nothing any more. A failed sync leaves its shadows *stuck*: later syncs of the same pages succeed without writing
 * them, as Linux does. The same for the file's size. Names change by *operations*, pending until their folder is
 * synced. A folder that is renamed, and hard links, are taken for durable at once.
 *
 * Threads: the caller's lock. Errors: the process ends with a sentence, since a checker that goes on without its
 * records proves nothing.
 */
#ifndef FAULT_JOURNAL_H
#define FAULT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JOURNAL_PAGE 4096u
#define JOURNAL_BYTES (8ull << 30) /* of address space and of a sparse file */

enum record_type {
	RECORD_FILE = 1,
	RECORD_PAGE,
	RECORD_SIZE,
	RECORD_SYNCED,
	RECORD_FAILED,
	RECORD_NAME,
	RECORD_DONE,
	RECORD_FOLDER
};

enum name_kind { NAME_CREATE = 1, NAME_RENAME, NAME_REMOVE, NAME_MKDIR };

/** As it stands in the mapping, 8-byte aligned, `len` bytes of payload behind it. */
struct record {
	uint32_t type, len;
	uint64_t file;  /* its number in this journal; 0: none */
	uint64_t value; /* inode, page number, size, or enum name_kind */
	uint64_t other; /* RECORD_NAME: the file that was replaced */
	uint32_t round;
	uint32_t good; /* RECORD_DONE: the operation has taken place */
};

/** Counted over all processes; the first bytes of the file, read by the checker as well. */
struct journal_head {
	uint64_t magic, used;
	uint64_t writes, syncs, failed_syncs, syncs_after_failure, folder_syncs, refused_writes;
};

struct shadow {
	uint64_t at; /* of its record in the mapping; 0: none */
	uint32_t round;
	bool stuck;
};

/** Two old states at most: before the sync that is under way, and since. */
struct old_page {
	struct shadow old[2]; /* newest first */
};

struct old_size {
	uint64_t size;
	uint32_t round;
	bool stuck;
};

struct file {
	uint64_t id, inode;
	char *path; /* below the data folder; NULL: removed, and kept */
	uint32_t round;
	struct old_page *pages; /* by page number */
	size_t page_count;
	uint64_t *dirty; /* numbers of pages with a shadow */
	size_t dirty_count, dirty_room;
	struct old_size sizes[2]; /* newest first */
	unsigned size_count;
	bool sync_failed;
};

struct name_op {
	enum name_kind kind;
	uint64_t file, replaced;
	char *from, *to; /* `to` of a rename alone */
	bool done;       /* else nobody knows: the process may have been killed in the midst of it */
};

struct journal {
	char *folder, *data;
	bool reading;
	uint8_t *map;
	struct journal_head *head;
	struct file **files; /* by number - 1 */
	size_t file_count;
	struct name_op *ops;
	size_t op_count, op_room;
};

/** Opens or makes the journal `folder` of the data folder `data` (both exist), and reads it. */
struct journal *journal_open(const char *folder, const char *data);
/** Writes anew what still matters, so that the file does not grow for ever. Right after journal_open(). */
void journal_compact(struct journal *j);
/** Forgets everything: what is there now is durable. */
void journal_clear(struct journal *j);
void journal_close(struct journal *j);

struct file *journal_file(struct journal *j, uint64_t id);
struct file *journal_file_by_inode(struct journal *j, uint64_t inode);
struct file *journal_add_file(struct journal *j, uint64_t inode, const char *path);
/** The page is going to change; `old` is what it holds (`len` 0: nothing but zeros). Call only if journal_needs_page().
 */
void journal_page(struct journal *j, struct file *f, uint64_t page, const void *old, uint32_t len);
bool journal_needs_page(const struct file *f, uint64_t page);
void journal_size(struct journal *j, struct file *f, uint64_t old_size);
/** A sync begins: ends the round, whose number it gives. */
uint32_t journal_sync_begins(struct file *f);
void journal_sync_ended(struct journal *j, struct file *f, uint32_t round, bool good);
void journal_folder_synced(struct journal *j, const char *path);
/** Before a name changes. */
void journal_name(struct journal *j, enum name_kind kind, struct file *f, struct file *replaced, const char *from,
	const char *to);
/** After it. */
void journal_name_done(struct journal *j, bool good);
/** The bytes of a shadow; *ret_len 0: zeros. */
const uint8_t *journal_shadow(const struct journal *j, const struct shadow *s, uint32_t *ret_len);
/** "FOLDER/kept/INODE": a hard link keeps the inode, so no other file has it. The caller's (free). */
char *journal_kept_path(const struct journal *j, const struct file *f);
/** "DATA/PATH"; the caller's (free). */
char *journal_data_path(const struct journal *j, const char *path);
/** Length of the folder's part of a path, without the slash; 0: the data folder itself. */
size_t journal_folder_len(const char *path);
/** Says what is wrong and ends the process. */
void journal_die(const char *what, const char *path) __attribute__((noreturn));

#endif
