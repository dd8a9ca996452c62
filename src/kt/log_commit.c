#include <stdatomic.h>

#include "kt/log_impl.h"

/* What one round takes from the queue. */
struct round {
	struct env_msg *first, *last; /* kt_log_writes */
	int pieces;
	uint64_t bytes; /* of all records */
};

static struct kt_log_write *write_of(struct env_msg *msg)
{
	return hy_container_of(msg, struct kt_log_write, msg);
}

void log_commit_fail(struct kt_log *log, const char *what, int rc)
{
	env_log(log->env, ENV_LOG_ERROR, "kt", 0, "the commit log has failed: %s: %s; no writes until restart", what,
		strerror(-rc));
	env_mark(log->env, "log: failed");
	atomic_store(&log->failed, true);
}

/* Moves messages from the front of `waiting` into the round; returns what is left. */
static struct env_msg *gather(struct kt_log *log, struct env_msg *waiting, struct round *round)
{
	*round = (struct round){0};
	bool one = env_buggify(log->env, "log: a batch of one write");
	while (waiting) {
		struct env_msg *msg = waiting;
		if (msg == &log->wake || msg == &log->stop) {
			waiting = msg->next;
			log->stopping = log->stopping || msg == &log->stop;
			if (msg == &log->wake)
				atomic_store(&log->wake_posted, false);
			continue;
		}
		if (!msg->fn) {
			waiting = msg->next;
			log_answer_question(log, hy_container_of(msg, struct log_question, msg));
			continue;
		}
		struct hy_buf *records = &write_of(msg)->records;
		uint64_t len = hy_buf_len(records);
		bool full = round->pieces == LOG_PIECES_MAX || round->bytes + len > KT_LOG_BATCH_BYTES || one;
		if (round->first && full)
			break;
		waiting = msg->next;
		if (round->last)
			round->last->next = msg;
		else
			round->first = msg;
		round->last = msg;
		msg->next = NULL;
		if (len > 0)
			log->iov[1 + round->pieces++] = (struct iovec){hy_buf_data(records), len};
		round->bytes += len;
	}
	return waiting;
}

/* One batch: written and synced. */
static bool commit(struct kt_log *log, const struct round *round)
{
	static const uint8_t padding[8];
	uint64_t size = log_batch_size(round->bytes);
	if (!log_room_for(log, size))
		return false;
	struct log_batch_head h = {.epoch = log->config.epoch,
		.segment = log->current.head.number,
		.pos = log->next_pos,
		.offset = log->current.end,
		.payload_len = (uint32_t)round->bytes,
		.kind = LOG_BATCH_DATA};
	uint8_t head[LOG_BATCH_HEAD];
	log_batch_encode(&h, log->iov + 1, round->pieces, head);
	int count = 1 + round->pieces;
	log->iov[0] = (struct iovec){head, sizeof head};
	uint64_t pad = size - LOG_BATCH_HEAD - round->bytes;
	if (pad > 0)
		log->iov[count++] = (struct iovec){(void *)(uintptr_t)padding, pad};
	int rc = env_file_pwritev(log->current.file, log->iov, count, log->current.end);
	if (rc == 0)
		rc = env_file_sync(log->current.file);
	if (rc) {
		log_commit_fail(log, "writing a batch", rc);
		return false;
	}
	log->current.end += size;
	log->next_pos++;
	log_index_add(&log->index, h.pos, size);
	if (log->config.mon) {
		mon_add(log->config.mon, log->config.strip, MON_log_batches, 1);
		mon_add(log->config.mon, log->config.strip, MON_log_bytes, size);
	}
	return true;
}

static void post_answers(struct kt_log *log)
{
	for (size_t i = 0; i < log->out_count; i++)
		env_inbox_post_list(log->out[i].to, log->out[i].first, log->out[i].last);
	log->out_count = 0;
}

static void put_answer(struct kt_log *log, struct kt_log_write *write)
{
	size_t i = 0;
	while (i < log->out_count && log->out[i].to != write->reply_to)
		i++;
	write->msg.next = NULL;
	if (i < log->out_count) {
		log->out[i].last->next = &write->msg;
		log->out[i].last = &write->msg;
		return;
	}
	if (i == LOG_OUTBOXES) {
		post_answers(log);
		i = 0;
	}
	log->out[i] = (struct log_outbox){write->reply_to, &write->msg, &write->msg};
	log->out_count = i + 1;
}

static void answer(struct kt_log *log, const struct round *round, bool done)
{
	atomic_fetch_sub(&log->queued, round->bytes);
	uint64_t pos = done ? log->next_pos - 1 : 0;
	for (struct env_msg *msg = round->first, *next; msg; msg = next) {
		next = msg->next;
		struct kt_log_write *write = write_of(msg);
		write->pos = pos;
		write->status = done ? HY_OK : HY_UNAVAILABLE;
		put_answer(log, write);
	}
	post_answers(log);
	if (done)
		atomic_store(&log->durable_pos, pos);
}

/*
 * S6: a clean stop leaves a synced mark. Should it fail, the next start takes the last batch for one that may not be
 * durable.
 */
static void write_end_mark(struct kt_log *log)
{
	struct log_batch_head h = {.epoch = log->config.epoch,
		.segment = log->current.head.number,
		.pos = log->next_pos,
		.offset = log->current.end,
		.kind = LOG_BATCH_END};
	uint8_t head[LOG_BATCH_HEAD];
	log_batch_encode(&h, NULL, 0, head);
	struct iovec iov = {head, sizeof head};
	if (env_file_pwritev(log->current.file, &iov, 1, log->current.end) == 0)
		(void)env_file_sync(log->current.file);
}

void log_commit_main(void *arg)
{
	struct kt_log *log = arg;
	struct env_msg *waiting = NULL;
	while (waiting || !log->stopping) {
		if (!waiting)
			waiting = env_inbox_take_all(log->inbox, log_room_deadline(log));
		struct round round;
		waiting = gather(log, waiting, &round);
		if (round.first) {
			bool done = !atomic_load(&log->failed) && commit(log, &round);
			answer(log, &round, done);
		}
		if (!atomic_load(&log->failed))
			log_room_release(log);
		if (!atomic_load(&log->failed))
			log_room_prepare(log);
	}
	if (!atomic_load(&log->failed))
		write_end_mark(log);
}
