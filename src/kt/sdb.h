/**
 * sdb.h - the parts of the engine `sdb` and how they fit: commit log, memory tables, RocksDB (idea 3).
 *
 * Per loop a *shard* with what its keys have in memory. An *entry* is a key, with a *table* for each of its spaces,
 * each with *rows*. A row is on its way (pos is SDB_PENDING) or durable; only durable rows are seen by readers (S3).
 * All that a loop writes in one turn flies to the log together, as a *flight*; flights of a loop come back in order,
 * and then their rows become visible.
 *
 * What lies where. A table's rows are in memory, in RocksDB, or both:
 *	LOG     rows above the ring's first version are in memory; the others in RocksDB
 *	MAP     in memory whole (`whole`), or only rows that came after the head was written and rows that were read one
 *	        by one; what is in memory is always the newest of its name
 *	WINDOW  rows with a time above `split_ms` are in memory; of the others some, all are in RocksDB
 * A row in memory may leave it when its position is at or below the moved position (S10).
 *
 * Moving (S9). The mover wants all that has a position up to P in RocksDB. A loop hands out a dirty key whole, in one
 * go: its heads and all its durable rows not yet handed out, those above P too. So RocksDB holds each key as of one
 * moment at or after P, and replaying the log after P over it comes to the same state, because every table knows the
 * version up to which RocksDB has it.
 *
 * Deleted rows of a map. A tombstone at or below the trim mark (of a space that nobody follows the mark is the version)
 * is *buried*: it is in no answer and not counted, and it is kept only as long as RocksDB may have something of its
 * name, which the mover deletes there in the batch that carries the mark, or as long as readers of a map that is not
 * whole would look there. A name that never came to RocksDB is simply forgotten. A deletion in RocksDB leaves no trace,
 * so what was replayed is measured by the head: it says as of which version RocksDB has the table, rows that were
 * replayed up to it are dropped, and RocksDB is believed, also in what it does not have; rows above it are believed
 * against RocksDB, the buried ones too. A mark is a record of the log and stands in the head, the higher one counts; a
 * tombstone that RocksDB has below it (a mark replayed over a map that was not whole, or a store of a time in which the
 * space was followed) is buried when it is read, and deleted with the next move of its key.
 *
 * Threads: a shard, and all under it, belongs to its loop. What the mover and the loops share are the relaxed atomics
 * of struct sdb.
 */
#ifndef KT_SDB_H
#define KT_SDB_H

#include "base/list.h"
#include "base/map.h"
#include "kt/engine.h"
#include "kt/judge.h"
#include "kt/log.h"
#include "kt/place.h"
#include "kt/rows.h"

#define SDB_PENDING UINT64_MAX

#define sdb_get(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define sdb_set(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

struct sdb_row {
	struct sdb_row *next; /* in its flight, while pending */
	struct sdb_table *table;
	uint64_t version;
	uint64_t pos; /* in the log; SDB_PENDING; 0: read from RocksDB */
	uint32_t value_len;
	uint8_t name_len, kind; /* kind: enum kt_effect_kind. A trim is a row too, of no table, until it is durable */
	union {
		uint64_t total; /* APPEND, TRIM: as in struct kt_effect */
		struct {
			struct hy_link by_version; /* durable rows of a map, lowest first; or the buried ones */
			struct sdb_row *older;     /* what this one supersedes, as long as this is pending */
			bool buried;               /* durable, deleted, at or below the trim mark */
			bool on_disk;              /* durable: RocksDB has, or may have, something of this name */
		} map;
		struct {
			struct hy_link by_age; /* durable rows of a window, in the order in which they became so */
			struct hy_map_node node;
		} window;
	};
	uint8_t bytes[]; /* name, value */
};

static inline struct hy_bytes sdb_row_name(const struct sdb_row *r)
{
	return hy_bytes(r->bytes, r->name_len);
}

static inline struct hy_bytes sdb_row_value(const struct sdb_row *r)
{
	return hy_bytes(r->bytes + r->name_len, r->value_len);
}

struct sdb_table {
	struct sdb_table *next;
	struct sdb_entry *entry;
	const struct kt_space *space;
	struct kt_judged now;  /* with all that is on its way */
	struct kt_judged seen; /* durable: what readers see */
	/* what RocksDB has, or will have once what was handed to the mover is written. LOG: rows above disk_trimmed up
	 * to disk_version */
	uint64_t disk_version, disk_trimmed;
	union {
		struct {
			struct sdb_row **ring; /* row v is at v & (cap - 1), for first <= v < first + count */
			uint64_t first;
			uint32_t count, cap;
		} log;
		struct {
			struct sdb_row **slots; /* by name: the newest row, pending or not */
			uint32_t count, cap;
			uint64_t rows, bytes, tombstones; /* durable; valid if `whole` or `counted` */
			struct hy_link by_version;        /* durable rows, without the buried ones */
			struct hy_link buried; /* deleted and trimmed, but RocksDB, or who looks there, must be told */
			uint64_t base;         /* what RocksDB had when the head was read */
			uint64_t gap_end; /* versions up to here were missing in the replayed log: RocksDB has them */
			bool whole, counted;
		} map;
		struct {
			struct hy_link by_age;
			uint64_t split_ms;
			uint64_t disk_newest_ms; /* of what RocksDB has */
		} window;
	};
};

struct sdb_entry {
	struct hy_map_node node;
	struct hy_link lru;
	struct hy_link dirty;  /* in the shard's list when it has changes that were not handed to the mover */
	uint64_t dirty_pos;    /* of the oldest such change */
	uint64_t last_pos;     /* of the newest durable change */
	uint64_t gathered_pos; /* changes up to here were handed to the mover */
	struct sdb_table *tables;
	struct sdb_flight *flight; /* the newest that carries something of this key; valid while pending > 0 */
	uint32_t pending;          /* rows on their way */
	uint32_t users;            /* coroutines at work on it: it stays */
	struct hy_link gate;       /* who waits until the one that waits for RocksDB is done (S10) */
	bool gate_held;
	bool loaded; /* the head row was read and merged; false after a replay */
	struct hy_key key;
};

/** What a loop wrote in one turn, on its way to the log and back. */
struct sdb_flight {
	struct kt_log_write log;
	struct hy_link link; /* in shard->flights from submit until it is back */
	struct sdb_shard *shard;
	struct sdb_row *first, **last; /* rows and trims, in order */
	struct hy_link waiters;        /* struct sdb_waiter */
};

struct sdb_shard {
	struct sdb *sdb;
	struct svr_loop *loop;
	unsigned index;
	struct svr_turn_hook turn_hook, stop_hook;
	struct hy_map entries, window_rows;
	uint64_t seed;
	struct hy_link lru;   /* coldest first */
	struct hy_link dirty; /* by dirty_pos */
	struct sdb_flight *open, *spare;
	struct hy_link flights;
	struct hy_buf scratch;
	uint64_t memory;        /* bytes of all that hangs here */
	uint64_t memory_shown;  /* the same as of the last turn's end; atomic */
	uint64_t replayed;      /* of it, what the start brought beyond the bound and the mover has not been by for */
	uint64_t written;       /* bytes that writes ever brought into memory, about: what only the mover can free */
	uint64_t written_told;  /* the same when the mover was last woken for it */
	uint64_t written_shown; /* the same as of the last turn's end; atomic */
	unsigned visits;        /* begun in this turn */
	struct env_msg again;   /* a turn for eviction alone */
	bool again_posted;      /* atomic */
	struct hy_key damaged;  /* the key last found damaged, and when the log said so */
	uint64_t damaged_us;
	uint64_t log_bytes; /* of log that cannot be released yet, as of the last turn's end */
	bool stopping;      /* the mover gets no more from here */
	bool failed;        /* a flight came back failed: no more writes until restart (S8) */
};

struct sdb {
	struct kt kt;
	struct env *env;
	char *dir, *log_dir, *rows_dir;
	struct env_file *lock;
	struct kt_log *log;
	struct rows *rows;
	struct svr_pool *pool;
	struct sdb_mover *mover;
	struct sdb_shard *shards;
	unsigned shard_count;
	uint64_t memory_budget, log_limit, disk_reserve, window_ms;
	uint64_t shard_budget, shard_excess; /* of memory: what eviction aims at; how far it may be passed (kt.h) */
	uint64_t move_bytes;                 /* of memory written, all loops: a round of the mover begins */
	uint64_t flush_bytes;                /* of log after the persisted position: RocksDB is flushed */
	uint64_t idle_move_us;
	uint64_t replay_end_pos;
	/* atomics: written by the mover, and failed by all */
	uint64_t floor_ms;
	uint64_t moved_pos;              /* all changes up to here are in RocksDB: sdb_moved() */
	uint64_t persisted_pos;          /* ... and flushed: the log up to here is not needed */
	bool disk_low, failed, pressure; /* pressure: a shard is well over its budget and can evict no more */
	bool mover_woken;
	bool handing_out; /* something was handed to the mover that may not be in RocksDB yet */
	bool backing_up;  /* atomic */
	bool read_only;
};

/** Who has seen it finds in RocksDB all changes up to it. Any thread. */
static inline uint64_t sdb_moved(const struct sdb *sdb)
{
	return __atomic_load_n(&sdb->moved_pos, __ATOMIC_ACQUIRE);
}

static inline struct sdb *sdb_of(struct kt *kt)
{
	return hy_container_of(kt, struct sdb, kt);
}

/* ---- table.c, map.c: memory tables ------------------------------------------------------------------------------- */

/** NULL: no such table. */
struct sdb_table *sdb_table_find(const struct sdb_entry *e, const struct kt_space *space);
/** What readers see of it; of a map that is neither whole nor counted without the numbers of its rows. */
void sdb_table_head(const struct sdb_table *t, struct kt_head *ret_head);
struct sdb_table *sdb_table_get(struct sdb_shard *s, struct sdb_entry *e, const struct kt_space *space);
void sdb_table_destroy(struct sdb_shard *s, struct sdb_table *t);

/** A row of no table yet. */
struct sdb_row *sdb_row_create(struct sdb_shard *s, struct sdb_table *t, const struct kt_effect *e, uint64_t pos);
void sdb_row_destroy(struct sdb_shard *s, struct sdb_row *r);
/** Puts a pending row into its table, where judges see it and readers do not. */
void sdb_row_add(struct sdb_shard *s, struct sdb_row *r);
/** The row is durable: it becomes visible, what it supersedes goes. Takes ownership of a trim. */
void sdb_row_commit(struct sdb_shard *s, struct sdb_row *r, uint64_t pos);

/** LOG. The row in memory, pending or not, or NULL. */
struct sdb_row *sdb_log_row(const struct sdb_table *t, uint64_t version);
/** LOG. Rows up to here are not in memory. */
static inline uint64_t sdb_log_split(const struct sdb_table *t)
{
	return t->log.count ? t->log.first - 1 : t->now.version;
}
/** LOG. Drops rows up to `version` from memory. */
void sdb_log_drop(struct sdb_shard *s, struct sdb_table *t, uint64_t version);

/** MAP. Index of the first slot at or above `name`. */
uint32_t sdb_map_lower_bound(const struct sdb_table *t, struct hy_bytes name);
/** MAP. The newest row with this name, pending or not; NULL: none in memory. */
struct sdb_row *sdb_map_row(const struct sdb_table *t, struct hy_bytes name);
/** MAP. What readers see of a chain: the newest durable row, or NULL. */
struct sdb_row *sdb_map_visible(struct sdb_row *newest);
/** MAP, whole. Names there are with all that is on its way, without tombstones up to `trimmed`; below KT_MAP_NAMES_MAX
 * it may be too many. */
size_t sdb_map_names(const struct sdb_table *t, uint64_t trimmed);
/** MAP. Adds a row that is pending, or about to be settled. */
void sdb_map_put(struct sdb_shard *s, struct sdb_table *t, struct sdb_row *r);
/** MAP. The row is durable. It may be destroyed: a deletion that need not be kept. */
void sdb_map_commit(struct sdb_shard *s, struct sdb_table *t, struct sdb_row *r);
/** MAP. The trim mark was raised. */
void sdb_map_bury(struct sdb_shard *s, struct sdb_table *t);
/** MAP. The mover was told to delete the buried names. */
void sdb_map_handed_out(struct sdb_shard *s, struct sdb_table *t);
/** MAP. All that RocksDB has was merged. */
void sdb_map_become_whole(struct sdb_shard *s, struct sdb_table *t);
void sdb_map_fini(struct sdb_shard *s, struct sdb_table *t);
/** MAP, not whole, so that nothing of it is on its way. Drops rows with versions up to `version` from memory. */
void sdb_map_drop(struct sdb_shard *s, struct sdb_table *t, uint64_t version);
/** MAP, not whole. Adds a row read from RocksDB alone, of a name that memory does not have. */
void sdb_map_add_read(struct sdb_shard *s, struct sdb_table *t, const struct kt_effect *e);
/** MAP. Adds a durable row read from RocksDB, unless memory has it as new or newer. `at`: where by_version is searched
 * from; moved on. */
void sdb_map_merge(struct sdb_shard *s, struct sdb_table *t, const struct kt_effect *e, struct hy_link **at);

/** WINDOW. Pending or not; NULL: not in memory. */
struct sdb_row *sdb_window_row(struct sdb_shard *s, const struct sdb_table *t, struct hy_bytes name);
/** WINDOW. Adds a durable row read from RocksDB. */
void sdb_window_merge(struct sdb_shard *s, struct sdb_table *t, const struct kt_effect *e);
/** WINDOW. Takes the oldest durable row out of memory. */
void sdb_window_drop_first(struct sdb_shard *s, struct sdb_table *t);

/** WINDOW. The hash of a name, of a key with hash `entry_hash`, in shard->window_rows. */
uint64_t sdb_window_hash(
	const struct sdb_shard *s, const struct kt_space *space, uint64_t entry_hash, struct hy_bytes name);

/**
 * A durable, positioned change while the log is replayed. It need not follow on what was replayed before: what a repair
 * cut off RocksDB may have had, and writes went on behind it. sdb_load() checks that.
 */
void sdb_replay_effect(struct sdb_shard *s, struct sdb_entry *e, const struct kt_effect *effect, uint64_t pos);

/* ---- entry.c: keys, their gates -------------------------------------------------------------------------------- */

struct sdb_shard *sdb_shard_of(struct sdb *sdb, const struct hy_key *key);
uint64_t sdb_entry_hash(const struct sdb_shard *s, const struct hy_key *key);
/** NULL: not in memory. */
struct sdb_entry *sdb_entry_find(const struct sdb_shard *s, const struct hy_key *key, uint64_t hash);
/** Made if it is not in memory. */
struct sdb_entry *sdb_entry_get(struct sdb_shard *s, const struct hy_key *key);
void sdb_entry_destroy(struct sdb_shard *s, struct sdb_entry *e);
/** Notes that the entry has a durable change at `pos`. */
void sdb_entry_touch_dirty(struct sdb_shard *s, struct sdb_entry *e, uint64_t pos);

/** One coroutine at work on one key. Begins behind all who came before it if one of them waits for RocksDB. */
struct sdb_visit {
	struct sdb_shard *shard;
	struct sdb_entry *entry;
	struct call *call;
	bool holding;
};

/** SUSPENDS at the gate. On failure nothing is held. */
int sdb_visit_begin(struct sdb_visit *v, struct sdb *sdb, struct call *call, const struct hy_key *key) HY_MUST_USE;
/** Before a wait for RocksDB: whoever comes later waits until sdb_visit_end(). */
void sdb_visit_hold(struct sdb_visit *v);
void sdb_visit_end(struct sdb_visit *v);

/* ---- cold.c: what comes from RocksDB. All of these may SUSPEND; the gate is held then ---------------------------- */

/** The heads are known. */
int sdb_load(struct sdb_visit *v) HY_MUST_USE;
/** After sdb_load(). The map is in memory whole. */
int sdb_load_map(struct sdb_visit *v, const struct kt_space *space) HY_MUST_USE;
/** After sdb_load(). Of each place the row is in memory, if there is one; its map need not be. */
int sdb_load_map_rows(struct sdb_visit *v, const struct kt_place *places, size_t count) HY_MUST_USE;
/** After sdb_load(). The window row of this name, if there is one, is in memory. */
int sdb_load_window_row(struct sdb_visit *v, const struct kt_space *space, struct hy_bytes name) HY_MUST_USE;
/** A row of a log that is not in memory; the value is appended to `out`. HY_NOT_FOUND: it was trimmed meanwhile. */
int sdb_load_log_row(struct sdb_visit *v, const struct kt_space *space, uint64_t version, uint64_t *ret_total,
	struct hy_buf *out) HY_MUST_USE;

/** A scan by the pool. Rows are pairs of byte strings (hy_get_bytes): name, value. */
struct sdb_scan {
	struct svr_job job;
	struct sdb *sdb;
	struct place_name from, to;
	uint32_t max_rows;
	uint64_t max_bytes; /* stops after the row that passes it */
	uint32_t count;
	uint64_t bytes;
	struct hy_buf out;
	int status;
};
struct sdb_scan *sdb_scan_create(struct sdb *sdb);
void sdb_scan_destroy(struct sdb_scan *scan);
/** SUSPENDS. HY_OK: *scan has run. Else *scan is no longer the caller's, and NULL. */
int sdb_scan_run(struct sdb *sdb, struct call *call, struct sdb_scan **scan) HY_MUST_USE;

/* ---- write.c, read.c, list.c, list_heads.c: the interface -------------------------------------------------------- */

int sdb_write(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count,
	bool lazily, struct kt_result *ret_result);
int sdb_read_row(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	struct hy_bytes name, struct kt_row *ret_row);
int sdb_read_rows(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_place *places,
	size_t count, struct kt_row *ret_rows);
int sdb_read_range(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	struct hy_bytes after, struct kt_limits limits, struct kt_rows *ret_rows);
int sdb_read_changes(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	uint64_t since, struct kt_limits limits, struct kt_rows *ret_rows);
int sdb_read_head(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_space *space,
	struct kt_head *ret_head);
int sdb_list_keys(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit, struct hy_key **ret_keys,
	size_t *ret_count, bool *ret_more);
int sdb_list_heads(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit,
	struct kt_listed **ret_list, size_t *ret_count, bool *ret_more);

/* ---- flight.c: to the log and back ------------------------------------------------------------------------------- */

/** The flight of this turn, begun if need be. */
struct sdb_flight *sdb_flight_open(struct sdb_shard *s);
/** SUSPENDS until the flight is back: HY_OK, HY_UNAVAILABLE; or the caller's deadline or cancellation, outcome unknown.
 */
int sdb_flight_wait(struct sdb_shard *s, struct sdb_flight *f, struct call *call) HY_MUST_USE;
/** At a turn's end: hands what the turn gathered to the log. */
void sdb_flight_submit(struct sdb_shard *s);
void sdb_flight_destroy(struct sdb_flight *f);

/* ---- replay.c ---------------------------------------------------------------------------------------------------- */

/** A kt_log_replay_fn; arg: the store's struct sdb. */
bool sdb_replay(void *sdb, uint64_t pos, struct hy_bytes payload);

/* ---- evict.c, gather.c, mover.c, folder.c ------------------------------------------------------------------------ */

/** At a turn's end: lets the coldest leave while the shard is over its budget (S10). */
void sdb_evict(struct sdb_shard *s);
/** Asks for a turn, since there may be something to evict. Any thread. */
void sdb_evict_soon(struct sdb_shard *s);

/** A loop's share of what the mover writes: asked for by message, answered by message. */
struct sdb_portion {
	struct env_msg msg;
	struct sdb_shard *shard;
	struct env_inbox *reply_to;
	uint64_t target; /* all changes up to this position */
	struct hy_buf ops;
	uint64_t rows;
	bool more; /* not all of them yet */
	int status;
};
/** msg.fn: on the loop. */
void sdb_gather(struct env_msg *msg);
/** Puts a portion's rows into a batch. False: malformed. */
bool sdb_portion_apply(const struct sdb_portion *p, struct rows_batch *batch) HY_MUST_USE;

int sdb_mover_start(struct sdb *sdb);
/** It should look now. Any loop. */
void sdb_mover_wake(struct sdb *sdb);
/** [blocks] After the loops have ended. */
void sdb_mover_stop(struct sdb *sdb);

/** What went wrong, for the operator: hy_alloc'd. */
char *sdb_why(const char *fmt, ...) HY_PRINTF(1, 2);

/** FORMAT's content (S12). */
struct sdb_folder {
	uint64_t epoch;     /* told to clients: new at creation, restore and repair */
	uint64_t log_epoch; /* of the log's batches: new at creation */
	bool older;         /* written by a program that knew less */
};
/** [blocks] Creates or opens the folder and locks it: *ret_lock holds it until closed. `repair` gives a new epoch. */
int sdb_folder_open(struct env *env, const char *dir, bool repair, struct sdb_folder *ret_folder,
	struct env_file **ret_lock, char **ret_why) HY_MUST_USE;
/** [blocks] The same of a folder that is there, and nothing in it is changed. *ret_lock: NULL if it has no LOCK. */
int sdb_folder_look(struct env *env, const char *dir, struct sdb_folder *ret_folder, struct env_file **ret_lock,
	char **ret_why) HY_MUST_USE;

/* Names in a data folder, beside FORMAT, LOCK, log and rows. */
#define SDB_BACKUP "BACKUP"         /* what is in a copy (backup.c): such a folder is not served from */
#define SDB_BACKUP_END "end "       /* the last line in it: the hash of all before */
#define SDB_RESTORING "RESTORING"   /* without FORMAT: a copy is being brought back, or that was broken off */
#define SDB_CHECKPOINT "checkpoint" /* RocksDB's files on their way into a copy */
#define SDB_SECRET "secret"         /* the program's own; copied along */
#define SDB_DEMO "demo"             /* the same: that everybody may know the users' passwords */

/* The steps of the above. All [block]. */
int sdb_format_read(struct env *env, const char *dir, struct sdb_folder *ret_folder, char **ret_why) HY_MUST_USE;
int sdb_format_write(struct env *env, const char *path, const struct sdb_folder *f, char **ret_why) HY_MUST_USE;
void sdb_new_epoch(struct env *env, uint64_t *epoch);
/** Creates the folder, in a way that lasts. 0 or a negative errno value. */
int sdb_make_dir(struct env *env, const char *dir) HY_MUST_USE;
/** Not `create`: without LOCK it is not held, and *ret_lock is NULL. */
int sdb_folder_lock(
	struct env *env, const char *dir, bool create, struct env_file **ret_lock, char **ret_why) HY_MUST_USE;

/* ---- backup.c -------------------------------------------------------------------------------------------------- */

int sdb_backup(struct kt *kt, struct call *call, const char *dir, struct kt_backup_report *ret_report,
	char **ret_why) HY_MUST_USE;
/** [blocks] What a backup that was killed has left in the data folder. */
void sdb_backup_tidy(struct sdb *sdb);

#endif
