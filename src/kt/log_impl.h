/**
 * log_impl.h - what the files of the commit log share: its state, and which thread owns what of it.
 */
#ifndef KT_LOG_IMPL_H
#define KT_LOG_IMPL_H

#include "kt/log.h"
#include "kt/log_index.h"
#include "kt/log_segment.h"

#define LOG_SPARES_MAX 2
#define LOG_PIECES_MAX 1000      /* writes in one batch: the kernel takes 1,024 pieces at once */
#define LOG_OUTBOXES 64          /* loops answered at once; more of them only cost more posts */
#define LOG_FILL_STEP (1u << 20) /* of a spare, between two batches */
#define LOG_ROOM_RETRY_US (1000u * 1000)

/** Something asked of the committer, between two batches. */
struct log_question {
	struct env_msg msg;           /* fn: NULL, which no write's is */
	struct env_inbox *reply_to;   /* NULL: nobody waits, and it is freed */
	int pins;                     /* +1, -1 */
	struct kt_log_extent *extent; /* NULL: not asked for */
};

/** Answers on their way to one loop. */
struct log_outbox {
	struct env_inbox *to;
	struct env_msg *first, *last;
};

struct kt_log {
	struct env *env;
	struct kt_log_config config; /* dir: our own copy */
	struct env_inbox *inbox;
	struct env_actor *committer;

	/* any thread */
	_Atomic uint64_t queued; /* bytes submitted and not answered */
	_Atomic uint64_t durable_pos;
	_Atomic uint64_t release_pos;
	_Atomic bool failed, nearly_full;
	_Atomic bool wake_posted;
	struct log_index index;    /* written by the committer */
	struct env_msg wake, stop; /* to the committer: look at release_pos; end */

	/* the committer's alone */
	bool stopping;
	unsigned pins; /* segments are not given up */
	uint64_t next_pos;
	struct log_segment current;
	struct log_live *live; /* segments still needed, oldest first, current last */
	size_t live_count, live_cap;
	struct log_spare spares[LOG_SPARES_MAX], filling;
	size_t spare_count;
	uint64_t next_spare;  /* its number */
	uint64_t retry_at_us; /* nearly full: when to try again */
	struct iovec iov[LOG_PIECES_MAX + 2];
	struct log_outbox out[LOG_OUTBOXES];
	size_t out_count;
};

/** The committer: an actor's function. `log` is a struct kt_log. */
void log_commit_main(void *log);
/** The committer's answer to a question. */
void log_answer_question(struct kt_log *log, struct log_question *question);
/** S8: from here on nothing is written or synced. `what` failed with `rc`. */
void log_commit_fail(struct kt_log *log, const char *what, int rc);

/* log_room.c: the committer's care for room. All [block]. */

/** Makes room for a batch of `size` bytes in the current segment, or begins the next. False: the log has failed. */
bool log_room_for(struct kt_log *log, uint64_t size) HY_MUST_USE;
/** One step of preparing the next segment, when it is time for it. */
void log_room_prepare(struct kt_log *log);
/** When the committer should look again though nobody writes (env_inbox_take's deadline). */
uint64_t log_room_deadline(const struct kt_log *log);
/** Gives up the segments that release_pos has passed. */
void log_room_release(struct kt_log *log);

#endif
