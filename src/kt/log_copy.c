/*
 * What a copy of the log needs. The committer answers between two batches, and what it says is a state that the log
 * really had: all that stands there is synced, and nobody was told of more.
 */
#include <stdatomic.h>

#include "base/mem.h"
#include "kt/log_impl.h"

static void describe(const struct kt_log *log, struct kt_log_extent *extent)
{
	*extent = (struct kt_log_extent){
		.pieces = hy_alloc(log->live_count * sizeof *extent->pieces),
		.count = log->live_count,
		.last_pos = log->next_pos - 1,
	};
	for (size_t i = 0; i < log->live_count; i++) {
		const struct log_live *live = &log->live[i];
		extent->pieces[i] = (struct kt_log_piece){live->number, live->last_pos, live->end};
	}
	extent->pieces[log->live_count - 1].last_pos = extent->last_pos;
	extent->pieces[log->live_count - 1].end = log->current.end;
}

void log_answer_question(struct kt_log *log, struct log_question *question)
{
	log->pins = (unsigned)((int)log->pins + question->pins);
	if (question->extent)
		describe(log, question->extent);
	if (question->reply_to)
		env_inbox_post(question->reply_to, &question->msg);
	else
		hy_free(question);
}

static void ask(struct kt_log *log, struct log_question *question)
{
	question->reply_to = env_inbox_create(log->env);
	env_inbox_post(log->inbox, &question->msg);
	(void)env_inbox_take(question->reply_to, UINT64_MAX);
	env_inbox_destroy(question->reply_to);
}

void kt_log_pin(struct kt_log *log)
{
	struct log_question question = {.pins = 1};
	ask(log, &question);
}

void kt_log_unpin(struct kt_log *log)
{
	struct log_question *question = hy_zalloc(sizeof *question);
	question->pins = -1;
	env_inbox_post(log->inbox, &question->msg); /* after it, the committer looks at what it may give up */
}

void kt_log_extent(struct kt_log *log, struct kt_log_extent *ret_extent)
{
	struct log_question question = {.extent = ret_extent};
	ask(log, &question);
}

int kt_log_end_copy(const struct kt_log *log, struct env_file *copy, const struct kt_log_extent *extent)
{
	const struct kt_log_piece *last = &extent->pieces[extent->count - 1];
	struct log_batch_head h = {.epoch = log->config.epoch,
		.segment = last->number,
		.pos = extent->last_pos + 1,
		.offset = last->end,
		.kind = LOG_BATCH_END};
	uint8_t head[LOG_BATCH_HEAD];
	log_batch_encode(&h, NULL, 0, head);
	struct iovec iov = {head, sizeof head};
	int rc = env_file_pwritev(copy, &iov, 1, last->end);
	return rc ? rc : env_file_sync(copy);
}
