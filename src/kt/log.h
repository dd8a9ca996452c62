/**
 * log.h - the commit log (idea 3; rules S6 to S8): what makes writes durable.
 *
 * A file per segment, NAME "log-" and 16 hexadecimal digits of the segment's number. The unit is the batch: all that
 * the loops handed over while the batch before was being synced. One writer, an actor: the committer. A batch is
 * written only after the one before it is synced. Positions count batches: position 1 is the store's first, and they
 * never go back.
 *
 * The payload of a batch is opaque here: runs of records (kt/record.h), in the order in which they were submitted.
 */
#ifndef KT_LOG_H
#define KT_LOG_H

#include "base/buf.h"
#include "env/env.h"
#include "monitor/mon.h"

struct kt_log;

/** A batch takes in waiting writes up to this size; a single larger write makes a batch of its own. */
#define KT_LOG_BATCH_BYTES (4u << 20)
/** Of one kt_log_write's records, at most. */
#define KT_LOG_WRITE_MAX (64u << 20)

struct kt_log_config {
	const char *dir;
	uint64_t epoch;         /* of the store: batches of another epoch are never taken */
	uint64_t segment_bytes; /* a batch is never split; one larger than a segment gets a segment of its own */
	uint64_t queue_bytes;   /* submitted and not yet written: the bound of kt_log_has_room(); 0: 32 MiB */
	bool repair;            /* replay up to the damage instead of refusing */
	bool read_only;         /* replay alone: no file is made, removed or changed; nothing is to be submitted */
	struct mon *mon;
	unsigned strip; /* of the committer's counters */
};

/** What recovery found. */
struct kt_log_report {
	/* replayed; last_pos is the newest durable position (config's `from` if nothing was there) */
	uint64_t first_pos, last_pos;
	uint64_t batches, bytes;
	uint64_t torn_bytes; /* cut off the end */
	bool clean;          /* the end mark was there */
	/*
	 * damage in the middle: kt_log_open() answers HY_DATA_LOSS (unless config->repair) and these say where and how
	 * much would be lost
	 */
	uint64_t damaged_segment, damaged_offset;
	/* valid batches that stand after the damage, as far as they can be recognised */
	uint64_t lost_batches, lost_bytes;
};

/**
 * For each batch with a position above `from`, in order; `payload` is valid during the call. False: malformed (treated
 * as damage).
 */
typedef bool kt_log_replay_fn(void *arg, uint64_t pos, struct hy_bytes payload);

/**
 * Recovers (S6, S7: the last batch is copied into a fresh, synced segment before anything is visible), then starts the
 * committer. [blocks] HY_DATA_LOSS (see the report), HY_RESOURCE_EXHAUSTED (disk full), HY_UNAVAILABLE (another error
 * of the disk). `from`: what the store behind already has; older segments may be missing, and harm done to batches up
 * to it is passed over with a warning. A gap between `from` and the first batch above it is DATA_LOSS, and so is a log
 * without any segment when `from` is above 0 (damaged_segment is 0 then).
 */
int kt_log_open(struct env *env, const struct kt_log_config *config, uint64_t from, kt_log_replay_fn *replay, void *arg,
	struct kt_log **ret_log, struct kt_log_report *ret_report) HY_MUST_USE;
/** [blocks] Writes what is queued, then the end mark, synced (not after a failure); ends the committer. */
void kt_log_close(struct kt_log *log);

/**
 * One loop's share of a batch. Owned by the log from submit until msg.fn (a loop runs it) has it back with `pos` and
 * `status` set. Everything a loop submits comes back in that order; when pos comes back, all before it is durable (S3).
 */
struct kt_log_write {
	struct env_msg msg; /* fn: run on `reply_to` when decided */
	struct env_inbox *reply_to;
	struct hy_buf records;
	uint64_t pos; /* HY_OK: durable at this position */
	/* HY_OK; HY_UNAVAILABLE: the outcome is unknown, and the log takes no more (S8) */
	int status;
};

/** Any loop. Wakes the committer. */
void kt_log_submit(struct kt_log *log, struct kt_log_write *write);
/** False when `bytes` more should not be submitted now: the queue is full. Any thread; a hint, not a promise. */
bool kt_log_has_room(const struct kt_log *log, uint64_t bytes);
/** After a failed write or sync: nothing will be durable any more until restart (S8). Any thread. */
bool kt_log_failed(const struct kt_log *log);
/**
 * The next segment could not be prepared because the disk is full: writes pass until the present segment ends, then the
 * log fails. Users' writes should be refused meanwhile, so that trims and flushes can free space; tried again every
 * second. Any thread.
 */
bool kt_log_nearly_full(const struct kt_log *log);
/** Newest durable position: whoever reads it has been sent, before, all answers up to it. Any thread. */
uint64_t kt_log_durable_pos(const struct kt_log *log);
/** Bytes of log that stand after position `pos` (to the granularity of about a megabyte, never too few). Any thread. */
uint64_t kt_log_bytes_after(const struct kt_log *log, uint64_t pos);
/**
 * Segments whose batches are all at or below `pos` are no longer needed: removed, or kept as the next segment's file.
 * Any thread.
 */
void kt_log_release(struct kt_log *log, uint64_t pos);

/* ---- for a copy of it ------------------------------------------------------------------------------------------- */

/** A segment: what counts are its first `end` bytes, a whole number of batches. */
struct kt_log_piece {
	uint64_t number, last_pos, end;
};
/** The log as of one moment between two batches: every byte of it is durable. */
struct kt_log_extent {
	struct kt_log_piece *pieces; /* oldest first; hy_alloc'd */
	size_t count;
	uint64_t last_pos; /* of the newest batch */
};
/**
 * [blocks] From now on until kt_log_unpin() no segment is given up, neither removed nor taken for another: files that
 * stand in an extent keep their bytes. The log grows meanwhile. Pins count.
 */
void kt_log_pin(struct kt_log *log);
/** Any thread. */
void kt_log_unpin(struct kt_log *log);
/** [blocks] While it is pinned. All that anybody was told to be durable before this call is in it. */
void kt_log_extent(struct kt_log *log, struct kt_log_extent *ret_extent);
/**
 * [blocks] Writes the mark of a clean stop behind a copy of an extent's last piece, and syncs the file: what is missing
 * at its end is damage from then on, not a torn tail. 0 or a negative errno value.
 */
int kt_log_end_copy(const struct kt_log *log, struct env_file *copy, const struct kt_log_extent *extent);

/**
 * [blocks] Removes every segment of a log that is closed: after a repair or a restore, once the store behind has all
 * that
 *  was replayed, and before the store gets a new epoch. HY_UNAVAILABLE on an error of the disk. */
int kt_log_remove(struct env *env, const char *dir) HY_MUST_USE;

#endif
