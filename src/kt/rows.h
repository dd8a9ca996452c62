/**
 * rows.h - the sorted rows on disk behind the memory tables: RocksDB (rows_rocksdb.c), or its double in the simulation
 * (rows_sim.c), chosen when a program is linked (S11). Knows bytes only; kt/place.h says what they mean.
 *
 * No log of its own: a batch is durable when a flush that began after it has ended. On any death a prefix of the
 * unflushed batches is kept: none, some or all. A batch is kept whole or not at all.
 *
 * Threads: rows_get_cached on loops; all else [blocks]: actors (any number at once, one of them writing).
 * Status: HY_OK, HY_NOT_FOUND, HY_UNAVAILABLE (an error of the disk: *the store has failed*), HY_RESOURCE_EXHAUSTED
 * (disk full).
 */
#ifndef KT_ROWS_H
#define KT_ROWS_H

#include "base/buf.h"
#include "env/env.h"

struct rows;

struct rows_config {
	const char *dir;      /* created if missing */
	uint64_t cache_bytes; /* of RocksDB's block cache */
	uint64_t write_buffer_bytes;
	/** Rows for which this is true may be dropped whenever files are rewritten. May be NULL. Any thread. */
	bool (*expired)(void *arg, struct hy_bytes name);
	void *arg;
	/** Nothing on disk is changed; writes, flushes and checkpoints must not be asked for. */
	bool read_only;
};

int rows_open(struct env *env, const struct rows_config *config, struct rows **ret_rows, char **ret_why) HY_MUST_USE;
/** Does not flush. */
void rows_close(struct rows *r);

/** One atomic batch. */
struct rows_batch;
struct rows_batch *rows_batch_create(struct rows *r);
void rows_batch_put(struct rows_batch *b, struct hy_bytes name, struct hy_bytes value);
void rows_batch_delete(struct rows_batch *b, struct hy_bytes name);
size_t rows_batch_bytes(const struct rows_batch *b);
/** Writes it (not durable yet) and frees it, whatever the result. */
int rows_batch_write(struct rows *r, struct rows_batch *b) HY_MUST_USE;

/** All batches written before this call are durable when it returns HY_OK. */
int rows_flush(struct rows *r) HY_MUST_USE;

/**
 * [blocks] A folder `dir`, which must not exist, with all batches written before this call, whole, and perhaps later
 * ones (a prefix, as on a death): durable, and what rows_open() opens. Files that never change are shared with this one
 * where the file system can (hard links).
 */
int rows_checkpoint(struct rows *r, const char *dir) HY_MUST_USE;

/** Appends the value to `out`. */
int rows_get(struct rows *r, struct hy_bytes name, struct hy_buf *out) HY_MUST_USE;
/** As rows_get, but only from memory: HY_UNAVAILABLE when it would have to read a file. Never blocks. */
int rows_get_cached(struct rows *r, struct hy_bytes name, struct hy_buf *out) HY_MUST_USE;
/**
 * Calls `fn` for names in [from, to), in byte order, until it returns false; an empty `to`: up to the last. One
 * consistent state.
 */
int rows_scan(struct rows *r, struct hy_bytes from, struct hy_bytes to,
	bool (*fn)(void *arg, struct hy_bytes name, struct hy_bytes value), void *arg) HY_MUST_USE;
/** For benchmarks: waits until background work (compaction) is done. */
void rows_settle(struct rows *r);

#endif
