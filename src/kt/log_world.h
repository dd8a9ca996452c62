/**
 * log_world.h - for the tests of the commit log: a folder, writers that wait, and what a recovery replayed.
 */
#ifndef KT_LOG_WORLD_H
#define KT_LOG_WORLD_H

#include "kt/log.h"

/** What a replay gave: numbers, one per write, in order. */
struct replayed {
	uint64_t *numbers;
	size_t count, cap;
	uint64_t last_pos;
	bool gap; /* a position was passed over */
};

struct world {
	struct env *env;
	char dir[64], copy[64];
	struct kt_log_config config;
	struct env_inbox *answers;
	struct kt_log *log;
	struct kt_log_report report;
	struct replayed seen;
};

/** A fresh folder on a memory file system if there is one. */
void world_init(struct world *w);
/** Closes the log if it is open, removes the folders. */
void world_fini(struct world *w);
/** Opens `dir`; what was replayed is in w->seen. */
int world_open(struct world *w, const char *dir, uint64_t from);
void world_close(struct world *w);
/**
 * Submits the numbers first..last, each a write of `len` bytes (8 at least), and waits for each by itself: a batch
 * each.
 */
void world_write(struct world *w, uint64_t first, uint64_t last, size_t len);
/** Waits until `pos` is published as durable: a moment after the answers. */
void world_await(struct world *w, uint64_t pos);
/** What a kill would leave: dir as it is now, copied to w->copy (which is emptied before). */
void world_copy(struct world *w);

/** Runs of records as the writers here make them: a length, the number, filling. */
void world_put_record(struct hy_buf *out, uint64_t number, size_t len);
bool world_replay(void *replayed, uint64_t pos, struct hy_bytes payload);
void replayed_fini(struct replayed *r);
/** The numbers are first..last, each once and in order. */
bool replayed_is(const struct replayed *r, uint64_t first, uint64_t last);

/* ---- harm ---- */

uint64_t file_size(const char *dir, const char *name);
/** XORs one byte. */
void file_flip(const char *dir, const char *name, uint64_t offset);
void file_cut(const char *dir, const char *name, uint64_t size);
void file_zero(const char *dir, const char *name, uint64_t from, uint64_t to);
void file_copy(const char *dir, const char *from, const char *to);
void file_remove(const char *dir, const char *name);
bool file_exists(const char *dir, const char *name);

#endif
