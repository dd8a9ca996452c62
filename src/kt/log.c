#include <stdatomic.h>

#include "base/mem.h"
#include "kt/log_impl.h"
#include "kt/log_recover.h"

#define QUEUE_BYTES_DEFAULT (32u << 20)
#define SEGMENT_BYTES_DEFAULT (16u << 20)

static void destroy(struct kt_log *log)
{
	env_file_close(log->current.file);
	log_spare_drop(log->env, log->config.dir, &log->filling);
	for (size_t i = 0; i < log->spare_count; i++)
		log_spare_drop(log->env, log->config.dir, &log->spares[i]);
	if (log->inbox)
		env_inbox_destroy(log->inbox);
	hy_free(log->live);
	hy_free((void *)(uintptr_t)log->config.dir);
	hy_free(log);
}

int kt_log_open(struct env *env, const struct kt_log_config *config, uint64_t from, kt_log_replay_fn *replay, void *arg,
	struct kt_log **ret_log, struct kt_log_report *ret_report)
{
	struct kt_log *log = hy_zalloc(sizeof *log);
	log->env = env;
	log->config = *config;
	log->config.dir = hy_strdup(config->dir);
	if (log->config.segment_bytes == 0)
		log->config.segment_bytes = SEGMENT_BYTES_DEFAULT;
	if (log->config.queue_bytes == 0)
		log->config.queue_bytes = QUEUE_BYTES_DEFAULT;
	log->config.segment_bytes = (log->config.segment_bytes + 7) & ~7ull;
	assert(log->config.segment_bytes > LOG_SEGMENT_HEAD + LOG_BATCH_HEAD &&
		log->config.segment_bytes <= LOG_SEGMENT_MAX);
	struct log_recovered found;
	int status = log_recover(env, &log->config, from, replay, arg, &log->index, &found, ret_report);
	if (status != HY_OK) {
		destroy(log);
		return status;
	}
	log->current = found.current;
	log->live = found.live;
	log->live_count = log->live_cap = found.live_count;
	log->next_pos = found.last_pos + 1;
	log->next_spare = found.current.head.number + 1;
	atomic_store(&log->durable_pos, found.last_pos);
	*ret_log = log;
	if (config->read_only)
		return HY_OK;
	log->inbox = env_inbox_create(env);
	int rc = env_actor_start(env, "kt-log", log_commit_main, log, &log->committer);
	if (rc) {
		destroy(log);
		return HY_UNAVAILABLE;
	}
	return HY_OK;
}

void kt_log_close(struct kt_log *log)
{
	if (log->committer) {
		env_inbox_post(log->inbox, &log->stop);
		env_actor_join(log->committer);
	}
	destroy(log);
}

void kt_log_submit(struct kt_log *log, struct kt_log_write *write)
{
	uint64_t len = hy_buf_len(&write->records);
	assert(len <= KT_LOG_WRITE_MAX && write->reply_to && write->msg.fn && log->committer);
	atomic_fetch_add(&log->queued, len);
	env_inbox_post(log->inbox, &write->msg);
}

bool kt_log_has_room(const struct kt_log *log, uint64_t bytes)
{
	uint64_t queued = atomic_load_explicit(&log->queued, memory_order_relaxed);
	return queued + bytes <= log->config.queue_bytes;
}

bool kt_log_failed(const struct kt_log *log)
{
	return atomic_load(&log->failed);
}

bool kt_log_nearly_full(const struct kt_log *log)
{
	return atomic_load_explicit(&log->nearly_full, memory_order_relaxed);
}

uint64_t kt_log_durable_pos(const struct kt_log *log)
{
	return atomic_load(&log->durable_pos);
}

uint64_t kt_log_bytes_after(const struct kt_log *log, uint64_t pos)
{
	return pos >= kt_log_durable_pos(log) ? 0 : log_index_after(&log->index, pos);
}

void kt_log_release(struct kt_log *log, uint64_t pos)
{
	uint64_t old = atomic_load(&log->release_pos);
	while (old < pos && !atomic_compare_exchange_weak(&log->release_pos, &old, pos))
		;
	if (!atomic_exchange(&log->wake_posted, true))
		env_inbox_post(log->inbox, &log->wake);
}

struct removal {
	struct env *env;
	const char *dir;
	char **paths;
	size_t count;
};

static void note_path(void *arg, const char *name)
{
	struct removal *r = arg;
	uint64_t number;
	bool segment = log_segment_parse(name, &number);
	if (!segment && !log_spare_parse(name, &number))
		return;
	r->paths = hy_realloc(r->paths, (r->count + 1) * sizeof *r->paths);
	r->paths[r->count++] = segment ? log_segment_path(r->dir, number) : log_spare_path(r->dir, number);
}

int kt_log_remove(struct env *env, const char *dir)
{
	struct removal r = {.env = env, .dir = dir};
	int rc = env_dir_list(env, dir, note_path, &r);
	if (rc == -ENOENT)
		return HY_OK;
	for (size_t i = 0; i < r.count; i++) {
		if (rc == 0)
			rc = env_unlink(env, r.paths[i]);
		hy_free(r.paths[i]);
	}
	hy_free(r.paths);
	if (rc == 0)
		rc = env_dir_sync(env, dir);
	return rc ? HY_UNAVAILABLE : HY_OK;
}
