#include <stdatomic.h>

#include "base/mem.h"
#include "kt/log_impl.h"

static bool disk_full(int rc)
{
	return rc == -ENOSPC || rc == -EDQUOT;
}

static void add_spare(struct kt_log *log, const struct log_spare *spare)
{
	assert(log->spare_count < LOG_SPARES_MAX);
	log->spares[log->spare_count++] = *spare;
	atomic_store(&log->nearly_full, false);
}

/* One step towards a spare; `bytes` of it at most. */
static int fill(struct kt_log *log, uint64_t bytes)
{
	struct log_spare *s = &log->filling;
	int rc = 0;
	if (!s->file)
		rc = log_spare_begin(log->env, log->config.dir, log->next_spare++, log->config.segment_bytes, s);
	else
		rc = log_spare_fill(log->env, log->config.dir, s, bytes);
	if (rc == 0 && s->filled == s->size) {
		add_spare(log, s);
		s->file = NULL;
	}
	return rc;
}

/* A spare that was recycled while another was being filled is enough for now. */
static bool wants_spare(const struct kt_log *log)
{
	return log->spare_count == 0 && log->current.end >= log->current.size / 2;
}

void log_room_prepare(struct kt_log *log)
{
	if (!wants_spare(log)) {
		atomic_store(&log->nearly_full, false);
		return;
	}
	if (atomic_load(&log->nearly_full) && env_mono_us(log->env) < log->retry_at_us)
		return;
	int rc = fill(log, LOG_FILL_STEP);
	if (disk_full(rc)) {
		env_mark(log->env, "log: nearly full");
		log->retry_at_us = env_mono_us(log->env) + LOG_ROOM_RETRY_US;
		atomic_store(&log->nearly_full, true);
	} else if (rc) {
		log_commit_fail(log, "preparing a segment", rc);
	}
}

uint64_t log_room_deadline(const struct kt_log *log)
{
	if (atomic_load(&log->failed) || !wants_spare(log))
		return UINT64_MAX;
	if (atomic_load(&log->nearly_full))
		return log->retry_at_us;
	return log->filling.file ? 0 : UINT64_MAX;
}

/* A ready file of `size` bytes. */
static int take_spare(struct kt_log *log, uint64_t size, struct log_spare *ret_spare)
{
	if (size != log->config.segment_bytes) {
		int rc = log_spare_begin(log->env, log->config.dir, log->next_spare++, size, ret_spare);
		return rc ? rc : log_spare_fill(log->env, log->config.dir, ret_spare, size);
	}
	while (log->spare_count == 0) {
		env_mark(log->env, "log: segment not ready in time");
		int rc = fill(log, size);
		if (rc)
			return rc;
	}
	*ret_spare = log->spares[--log->spare_count];
	return 0;
}

static void add_live(struct kt_log *log, struct log_live segment)
{
	if (log->live_count == log->live_cap) {
		log->live_cap = HY_MAX(16, 2 * log->live_cap);
		log->live = hy_realloc(log->live, log->live_cap * sizeof *log->live);
	}
	log->live[log->live_count++] = segment;
}

static int roll(struct kt_log *log, uint64_t size)
{
	struct log_segment_head head = {.epoch = log->config.epoch,
		.number = log->current.head.number + 1,
		.first_pos = log->next_pos,
		.prev_number = log->current.head.number,
		.prev_end = log->current.end};
	struct log_spare spare;
	struct log_segment next;
	int rc = take_spare(log, size, &spare);
	if (rc)
		return rc;
	rc = log_segment_begin(log->env, log->config.dir, &spare, &head, hy_bytes(NULL, 0), &next);
	if (rc)
		return rc;
	env_file_close(log->current.file);
	log->current = next;
	log->live[log->live_count - 1].last_pos = log->next_pos - 1;
	log->live[log->live_count - 1].end = head.prev_end;
	add_live(log, (struct log_live){head.number, UINT64_MAX, size, 0});
	if (log->config.mon)
		mon_add(log->config.mon, log->config.strip, MON_log_segments, 1);
	return 0;
}

bool log_room_for(struct kt_log *log, uint64_t size)
{
	/* There is always room for the end mark. */
	if (size + LOG_BATCH_HEAD <= log->current.size - log->current.end)
		return true;
	uint64_t whole = LOG_SEGMENT_HEAD + size + LOG_BATCH_HEAD;
	int rc = roll(log, HY_MAX(whole, log->config.segment_bytes));
	if (rc)
		log_commit_fail(log, "beginning a segment", rc);
	return rc == 0;
}

static void give_up(struct kt_log *log, const struct log_live *old)
{
	struct log_spare spare;
	if (old->size == log->config.segment_bytes && log->spare_count < LOG_SPARES_MAX) {
		if (log_spare_recycle(log->env, log->config.dir, old, log->next_spare++, &spare) == 0) {
			env_mark(log->env, "log: segment recycled");
			add_spare(log, &spare);
			log_spare_drop(log->env, log->config.dir, &log->filling); /* it is not needed now */
		}
		return;
	}
	char *path = log_segment_path(log->config.dir, old->number);
	(void)env_unlink(log->env, path); /* what is left is removed at the next start */
	hy_free(path);
}

void log_room_release(struct kt_log *log)
{
	uint64_t pos = atomic_load(&log->release_pos);
	size_t n = 0;
	if (log->pins > 0)
		return;
	while (n + 1 < log->live_count && log->live[n].last_pos <= pos)
		give_up(log, &log->live[n++]);
	log->live_count -= n;
	memmove(log->live, log->live + n, log->live_count * sizeof *log->live);
}
