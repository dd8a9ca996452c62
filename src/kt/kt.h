/**
 * kt.h - Key-Table storage: data belongs to keys, a key has tables (one per space), a table has rows and a version.
 *
 * Rules S1 to S12. One write, one key: atomic, ordered, durable once answered (idea 2). Every committed change of a
 * table raises its version by one, and every row remembers the version that last wrote it (idea 1).
 *
 * Threads: calls that take a `struct call` run on the key's own loop (svr_loop_of_key), in a coroutine, and may
 * SUSPEND.
 *
 * Memory: what is given is borrowed until the call returns; what is returned lives in call->arena.
 *
 * Status codes common to all: UNAVAILABLE (the store has failed, or the outcome is unknown), DEADLINE_EXCEEDED and
 * CANCELLED (a write once queued goes on: outcome unknown), RESOURCE_EXHAUSTED with call->retry_after_ms (a queue or
 * the log is full, the disk is nearly full), DATA_LOSS (what RocksDB has of the key cannot be read).
 */
#ifndef KT_H
#define KT_H

#include "base/buf.h"
#include "base/key.h"
#include "svrkit/svr.h"

/** The three shapes of a space (S5). */
enum kt_shape {
	KT_LOG,    /* a row's name is its version; written once; leaves only by trim */
	KT_MAP,    /* named rows, changes by version; deleted rows stay as tombstones */
	KT_WINDOW, /* names begin with a time (Unix ms, 8 bytes big-endian); inserted once; gone at the store's floor */
};

struct kt_space {
	uint8_t id; /* 1 to 31; on disk: never reused */
	enum kt_shape shape;
	const char *name; /* for people */
	/** Prints a row's value for people, on one line; NULL: hexadecimal. `name` is the row's. */
	void (*print)(struct hy_bytes name, struct hy_bytes value, struct hy_buf *out);
	/** MAP. Nobody asks it for changes: rows that are deleted leave no tombstone, and kt_read_changes() is
	 * OUT_OF_RANGE but for the table's own version. */
	bool unfollowed;
};

#define KT_SPACE_ID_MAX 31
#define KT_NAME_MAX 128u
#define KT_VALUE_MAX (64u << 10)
#define KT_OPS_MAX 8
/** Names in one map, tombstones that were not trimmed included: a put or insert of one more is RESOURCE_EXHAUSTED. */
#define KT_MAP_NAMES_MAX 20000u
#define KT_WINDOW_AHEAD_MS (10u * 60 * 1000)

struct kt;

/* ---- writing --------------------------------------------------------------------------------------------------- */

enum kt_op_kind {
	KT_INSERT, /* MAP, WINDOW: ALREADY_EXISTS with the stored row if it is there. A window name at or below the
		      floor, or more than KT_WINDOW_AHEAD_MS ahead of the wall clock: OUT_OF_RANGE */
	KT_PUT,    /* MAP */
	KT_DELETE, /* MAP: leaves a tombstone; of a row that is not there: no change */
	KT_APPEND, /* LOG: takes the next version. Over max_rows or max_bytes (0: unbounded): RESOURCE_EXHAUSTED */
	KT_TRIM,   /* LOG: rows up to `version` go; MAP: tombstones up to `version` go. At most the table's version;
		      does not raise the version; changes from below it are OUT_OF_RANGE afterwards (S4),
		      but see kt_read_changes() */
	KT_EXPECT_VERSION,   /* LOG, MAP: the table's version is `version`; else ABORTED */
	KT_EXPECT_NOT_EMPTY, /* LOG, MAP: the table's version is above 0; else NOT_FOUND (a window's stays 0) */
	KT_EXPECT_ROW, /* MAP: the row's version is `version` (0: no such row); else ABORTED, with the stored row */
};

struct kt_op {
	enum kt_op_kind kind;
	uint8_t space;
	struct hy_bytes name, value;
	uint64_t version;
	uint64_t max_rows, max_bytes;
	/** A write with such an op may use what is kept free for trims, when disk, log or memory are nearly full: for
	 * what must get through. */
	bool reserve;
};

struct kt_row {
	struct hy_bytes name, value;
	uint64_t version; /* a window row's: that of the first KT_APPEND of the same write, 0 if it had none */
	bool deleted;
};

struct kt_result {
	int failed_op; /* index of the op that refused, -1: none */
	/* with ALREADY_EXISTS and ABORTED of KT_EXPECT_ROW; with RESOURCE_EXHAUSTED of KT_APPEND the table's version */
	struct kt_row stored;
	uint64_t versions[KT_OPS_MAX]; /* of each op's row, 0 where it makes none */
};

/**
 * Judges all ops in order against what is durable and what is on its way (S1), then writes all or nothing. OK: durable.
 * An answer that rests on a row still on its way waits for it. SUSPENDS. What is queued first is decided before the
 * first wait if nobody waits at the key's gate: writes of one key are judged in the order of these calls.
 */
int kt_write(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count,
	struct kt_result *ret_result) HY_MUST_USE;

/** As kt_write(), but does not wait for the disk and tells nothing: for what may be lost (positions) or done again
 * (trims). SUSPENDS only at the key's gate. */
int kt_write_lazily(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count);

/* ---- reading: only what is durable (S3) ------------------------------------------------------------------------ */

enum kt_consistency { KT_STRONG, KT_STALE_OK };

struct kt_limits {
	uint32_t max_rows;  /* 0: 1,000 */
	uint32_t max_bytes; /* of names and values; 0: 256 KiB. One row at least is always given */
	/**
	 * Changes of a MAP: the trim mark that stood when the caller began from nothing (version 0). As long as it has
	 * not moved there is no gap below it for who has read on page by page since.
	 */
	uint64_t began_at;
};

struct kt_rows {
	struct kt_row *rows;
	size_t count;
	uint64_t version; /* changes: up to where this answer goes; range: the table's */
	uint64_t trimmed; /* LOG: rows up to here are gone; MAP: tombstones */
	bool more;        /* a limit cut it */
};

struct kt_head {
	uint64_t version, trimmed;
	uint64_t rows, bytes; /* LOG, MAP: rows there are now (tombstones not), bytes of their values */
	uint64_t tombstones;  /* MAP: that were not trimmed */
};

/** NOT_FOUND also for a tombstone. SUSPENDS. */
int kt_read_row(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t space, struct hy_bytes name,
	enum kt_consistency consistency, struct kt_row *ret_row) HY_MUST_USE;
/** Where one of several rows stands. */
struct kt_place {
	uint8_t space; /* MAP */
	struct hy_bytes name;
};
#define KT_PLACES_MAX 4
/**
 * Several rows of one key, all of one moment, past the key's gate once: requests that read and then write a key keep
 * their order (R7). A row that is not there has version 0. A map that is not in memory is not loaded for it: its row is
 * looked up by itself. SUSPENDS.
 */
int kt_read_rows(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_place *places,
	size_t count, enum kt_consistency consistency, struct kt_row *ret_rows) HY_MUST_USE;
/** Rows with names after `after` (empty: from the first; LOG: names are 8-byte big-endian versions), in byte order,
 * tombstones left out. SUSPENDS. */
int kt_read_range(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t space, struct hy_bytes after,
	enum kt_consistency consistency, struct kt_limits limits, struct kt_rows *ret_rows) HY_MUST_USE;
/**
 * LOG and MAP: rows with a version above `since`, in version order, tombstones included. OUT_OF_RANGE when rows above
 * `since` were trimmed (S4; ret_rows->trimmed and ->version are set) or `since` is above the table's version. Of a MAP
 * only tombstones are trimmed, so who has nothing misses nothing: `since` 0 is never below the mark, nor is what
 * follows on it (limits.began_at). SUSPENDS.
 */
int kt_read_changes(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t space, uint64_t since,
	enum kt_consistency consistency, struct kt_limits limits, struct kt_rows *ret_rows) HY_MUST_USE;
/** All zero for a table that was never written. SUSPENDS. */
int kt_read_head(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t space,
	enum kt_consistency consistency, struct kt_head *ret_head) HY_MUST_USE;

/** For operators: keys after `after` (NULL: from the first) in byte order, at most `limit`, memory and RocksDB merged,
 * of all loops. From any coroutine of any loop. SUSPENDS. */
int kt_list_keys(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit, struct hy_key **ret_keys,
	size_t *ret_count, bool *ret_more) HY_MUST_USE;

/** One key with the heads of its tables, by space ID; of spaces that it never had: all 0. */
struct kt_listed {
	struct hy_key key;
	struct kt_head heads[KT_SPACE_ID_MAX + 1];
};
/**
 * As kt_list_keys, at most 1,000 keys, for rounds over the whole store: with heads, from memory and RocksDB, and
 * loading nothing into memory. Heads of keys that are changing may be a moment old. SUSPENDS.
 */
int kt_list_heads(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit,
	struct kt_listed **ret_list, size_t *ret_count, bool *ret_more) HY_MUST_USE;

/** The table of spaces, ended by id 0. */
const struct kt_space *kt_spaces(const struct kt *kt);
/** Random, new at each creation, restore and repair of the store (S12): snapshots carry it (R3). */
uint64_t kt_epoch(const struct kt *kt);
/** Window names with a time at or below are refused, whatever the clock says (S5). */
uint64_t kt_floor_ms(const struct kt *kt);
/** Numbers for benchmarks and operators: bytes of memory tables, of the log after the persisted position, and whether
 * all is moved. */
struct kt_stats {
	uint64_t memory_bytes, memory_budget;
	uint64_t log_bytes, log_limit;
	uint64_t durable_pos, moved_pos, persisted_pos;
	bool failed;
};
void kt_stats(const struct kt *kt, struct kt_stats *ret_stats);

/* ---- engines (S11) ----------------------------------------------------------------------------------------------- */

struct kt_config {
	const struct kt_space *spaces; /* ended by id 0 */
	const char *dir;               /* sdb: the data folder; created if missing */
	/**
	 * sdb: budget of all memory tables (S10), each loop its share; 0: 256 MiB. What is durable but not in RocksDB
	 * yet cannot leave, so they may pass it by the *excess*, the larger of 8 MiB and half of the budget: the mover
	 * sets out at half of it (or of a smaller budget), and at its end writes are refused (RESOURCE_EXHAUSTED) until
	 * it has been by; lazy ones and those of the reserve have another quarter. Beyond that there is only what
	 * requests in work have brought in, and after a start what the log brought, until the mover has been by. Beside
	 * all this RocksDB's block cache takes the larger of 32 MiB and half of the budget, and its write buffers what
	 * is flushed at once: a quarter of the budget, at least 16 MiB, at most half of log_bytes; twice as much while
	 * one is being flushed.
	 */
	uint64_t memory_bytes;
	uint64_t log_bytes; /* sdb: limit of the log after the persisted position (S9), at least 4 MiB; 0: 128 MiB */
	uint64_t segment_bytes; /* sdb: of a log segment; 0: 16 MiB */
	/** sdb: user writes stop below this much free disk; 0: 256 MiB. Flushes go on to a quarter of it. */
	uint64_t disk_reserve_bytes;
	uint64_t window_days;  /* 0: 8. At least 7 */
	uint64_t idle_move_ms; /* sdb: what is durable goes to RocksDB after this time without writes; 0: 3,000 */
	/**
	 * sdb: look only. Nothing on disk is changed, not even by recovery: what the log has is replayed into memory
	 * (whatever its size; a torn tail is passed over), RocksDB is opened for reading. All writes are UNAVAILABLE.
	 * The folder must not be in use.
	 */
	bool read_only;
	/** sdb: go on past damage in the log, losing what stood after it; new epoch. The operator's command. */
	bool repair;
};

/** Nothing is kept: everything is in memory and durable at once. For tests. */
int kt_open_mem(struct svr *svr, const struct kt_config *config, struct kt **ret_kt);
/**
 * Commit log, memory tables, RocksDB. Recovers first: nothing is served before the whole log is replayed (S7). [blocks]
 * From an actor, after svr_create and before svr_start. DATA_LOSS: damage in the middle of the log;
 * FAILED_PRECONDITION: a newer format, or another server holds the folder; RESOURCE_EXHAUSTED: disk full; UNAVAILABLE:
 * another error of the disk. *ret_why then says what to do (hy_alloc'd).
 */
int kt_open_sdb(struct svr *svr, const struct kt_config *config, struct kt **ret_kt, char **ret_why);
/**
 * sdb: a consistent copy of the store, while it serves: RocksDB's files (hard links where possible) at the moved
 * position P, and the log from P to a position that was durable after this call began. `dir` must not exist; it is made
 * under another name and renamed when all is synced. The copy has the same epoch, so kt_open_sdb() opens it to look
 * only (read_only): whoever serves from it gives it a new one first (kt_restore). The files `secret` and `demo` beside
 * the store go along. From any coroutine of any loop; one at a time (ABORTED). SUSPENDS, for as long as it takes; runs
 * on the pool, and ends early with its call. ALREADY_EXISTS, RESOURCE_EXHAUSTED (disk full, or what the store keeps
 * free is in danger), FAILED_PRECONDITION (nothing on disk), UNAVAILABLE; *ret_why (hy_alloc'd, may be NULL) says more.
 */
struct kt_backup_report {
	uint64_t bytes, files;
	uint64_t position; /* all that was durable up to here is in it */
};
int kt_backup(struct kt *kt, struct call *call, const char *dir, struct kt_backup_report *ret_report,
	char **ret_why) HY_MUST_USE;
/**
 * [blocks] Copies a backup into a data folder that does not exist yet, or is empty, and gives it a new epoch, so that
 * clients sync anew (R3, S12). No server needed. FAILED_PRECONDITION: not a backup, a newer format, or the folder is in
 * use or not empty.
 */
int kt_restore(struct env *env, const char *backup_dir, const char *dir, char **ret_why) HY_MUST_USE;
/** [blocks] After svr_stop: writes out and syncs the end mark. */
void kt_close(struct kt *kt);

#endif
