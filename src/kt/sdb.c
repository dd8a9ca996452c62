/* The engine `sdb`: opening, recovery, closing. sdb.h says how its parts fit. */
#include "kt/sdb.h"

#include <stdio.h>

#include "base/mem.h"

#define MIB (1ull << 20)
#define READ_THREADS 4
#define READ_QUEUE 4096
/* kt.h: how far memory may pass its budget, and RocksDB's cache */
#define EXCESS_LEAST (8 * MIB)
#define CACHE_LEAST (32 * MIB)
/* A flush of less makes many small files, which cost more to merge than a longer log to replay. */
#define FLUSH_LEAST (16 * MIB)
#define IDLE_MOVE_MS 3000
/* The log knows its length to about a megabyte; a limit near that would never be kept. */
#define LOG_LIMIT_LEAST (4 * MIB)

static uint64_t sdb_floor_ms(const struct kt *kt)
{
	return sdb_get(&hy_container_of(kt, struct sdb, kt)->floor_ms);
}

static void sdb_stats(const struct kt *kt, struct kt_stats *ret_stats)
{
	const struct sdb *sdb = hy_container_of(kt, struct sdb, kt);
	for (unsigned i = 0; i < sdb->shard_count; i++)
		ret_stats->memory_bytes += sdb_get(&sdb->shards[i].memory_shown);
	ret_stats->memory_budget = sdb->memory_budget;
	ret_stats->persisted_pos = sdb_get(&sdb->persisted_pos);
	ret_stats->moved_pos = sdb_moved(sdb);
	ret_stats->durable_pos = kt_log_durable_pos(sdb->log);
	ret_stats->log_bytes = kt_log_bytes_after(sdb->log, ret_stats->persisted_pos);
	ret_stats->log_limit = sdb->log_limit;
	ret_stats->failed = !sdb->read_only && (sdb_get(&sdb->failed) || kt_log_failed(sdb->log));
}

/* ---- shards ---------------------------------------------------------------------------------------------------- */

static void on_turn_end(struct svr_turn_hook *hook)
{
	struct sdb_shard *s = hy_container_of(hook, struct sdb_shard, turn_hook);
	sdb_flight_submit(s);
	sdb_evict(s);
	if (s->replayed && s->memory <= s->sdb->shard_budget && sdb_moved(s->sdb) >= s->sdb->replay_end_pos)
		s->replayed = 0;
	s->log_bytes = kt_log_bytes_after(s->sdb->log, sdb_get(&s->sdb->persisted_pos));
	sdb_set(&s->memory_shown, s->memory);
	sdb_set(&s->written_shown, s->written);
	if (s->written - s->written_told >= s->sdb->move_bytes / s->sdb->shard_count / 2) {
		s->written_told = s->written;
		sdb_mover_wake(s->sdb);
	}
}

static void on_stop(struct svr_turn_hook *hook)
{
	hy_container_of(hook, struct sdb_shard, stop_hook)->stopping = true;
}

static void shard_init(struct sdb *sdb, unsigned index)
{
	struct sdb_shard *s = &sdb->shards[index];
	s->sdb = sdb;
	s->loop = svr_loop_at(sdb->kt.svr, index);
	s->index = index;
	s->seed = env_rand64(sdb->env);
	s->turn_hook.fn = on_turn_end;
	s->stop_hook.fn = on_stop;
	hy_map_init(&s->entries);
	hy_map_init(&s->window_rows);
	hy_link_init(&s->lru);
	hy_link_init(&s->dirty);
	hy_link_init(&s->flights);
}

static void shard_fini(struct sdb_shard *s)
{
	struct sdb_flight *f;
	struct sdb_entry *e;
	/* Flights first: their trims lead to tables. */
	hy_list_each (f, &s->flights, struct sdb_flight, link)
		sdb_flight_destroy(f);
	sdb_flight_destroy(hy_take(s->open));
	sdb_flight_destroy(hy_take(s->spare));
	hy_list_each (e, &s->lru, struct sdb_entry, lru)
		sdb_entry_destroy(s, e);
	hy_map_fini(&s->entries);
	hy_map_fini(&s->window_rows);
	hy_buf_fini(&s->scratch);
}

/* ---- recovery ---------------------------------------------------------------------------------------------------- */

static bool expired(void *arg, struct hy_bytes name)
{
	return place_is_expired(name, sdb_get(&((struct sdb *)arg)->floor_ms));
}

static int read_system(struct sdb *sdb, const char *name, uint64_t *ret_value)
{
	struct place_name place;
	struct hy_buf value = {0};
	place_system(&place, name);
	int status = rows_get(sdb->rows, place_bytes(&place), &value);
	if (!status && hy_buf_len(&value) != 8)
		status = HY_DATA_LOSS;
	*ret_value = status ? 0 : hy_get_be64(hy_buf_data(&value));
	hy_buf_fini(&value);
	return status == HY_NOT_FOUND ? HY_OK : status;
}

static int open_rows(struct sdb *sdb, uint64_t *ret_pos, char **ret_why)
{
	struct rows_config config = {
		.dir = sdb->rows_dir,
		.read_only = sdb->read_only,
		.cache_bytes = HY_MAX(sdb->memory_budget / 2, CACHE_LEAST),
		/* Flushes are the mover's, which knows the position; RocksDB's own would come at this size. */
		.write_buffer_bytes = 2 * HY_MAX(sdb->flush_bytes, 4 * MIB),
		.expired = expired,
		.arg = sdb,
	};
	int status = rows_open(sdb->env, &config, &sdb->rows, ret_why);
	if (status)
		return status;
	uint64_t floor_ms;
	status = read_system(sdb, PLACE_MOVED, ret_pos);
	if (!status)
		status = read_system(sdb, PLACE_FLOOR, &floor_ms);
	if (status) {
		*ret_why = sdb_why("the moved position cannot be read from %s", sdb->rows_dir);
		return status;
	}
	sdb_set(&sdb->floor_ms, floor_ms);
	return HY_OK;
}

static char *log_failure(const struct sdb *sdb, int status, const struct kt_log_report *r)
{
	if (status == HY_RESOURCE_EXHAUSTED)
		return sdb_why("the disk of %s is full: free some space", sdb->log_dir);
	if (status != HY_DATA_LOSS)
		return sdb_why("the commit log in %s cannot be read or written", sdb->log_dir);
	if (r->damaged_segment == 0)
		return sdb_why("the commit log in %s is gone, and with it perhaps answered writes. Bring the folder "
			       "back from a "
			       "copy, or start once with --repair to go on with what the database in %s has",
			sdb->log_dir, sdb->rows_dir);
	return sdb_why("the commit log in %s is damaged: segment %llu at byte %llu. Behind it stand %llu batches, %llu "
		       "bytes, that would be "
		       "lost. Bring the folder back from a copy, or start once with --repair to go on without them",
		sdb->log_dir, (unsigned long long)r->damaged_segment, (unsigned long long)r->damaged_offset,
		(unsigned long long)r->lost_batches, (unsigned long long)r->lost_bytes);
}

static int open_log(struct sdb *sdb, const struct kt_config *config, uint64_t log_epoch, uint64_t from, char **ret_why)
{
	struct kt_log_config log_config = {
		.dir = sdb->log_dir,
		.epoch = log_epoch,
		.segment_bytes = config->segment_bytes ? config->segment_bytes : 16 * MIB,
		.repair = config->repair,
		.read_only = config->read_only,
		.mon = svr_mon(sdb->kt.svr),
		.strip = sdb->shard_count,
	};
	struct kt_log_report report = {0};
	uint64_t began_us = env_mono_us(sdb->env);
	int status = kt_log_open(sdb->env, &log_config, from, sdb_replay, sdb, &sdb->log, &report);
	if (status) {
		*ret_why = log_failure(sdb, status, &report);
		return status;
	}
	sdb->moved_pos = sdb->persisted_pos = from;
	sdb->replay_end_pos = report.last_pos;
	if (report.batches)
		env_log(sdb->env, ENV_LOG_INFO, "kt", 0,
			"replayed %llu batches, %llu bytes, in %llu ms; %llu bytes cut off the end",
			(unsigned long long)report.batches, (unsigned long long)report.bytes,
			(unsigned long long)(env_mono_us(sdb->env) - began_us) / 1000,
			(unsigned long long)report.torn_bytes);
	if (report.batches && !report.clean)
		env_mark(sdb->env, "kt: recovered after a death");
	return HY_OK;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

static void sdb_close(struct kt *kt)
{
	struct sdb *sdb = sdb_of(kt);
	if (sdb->pool)
		svr_pool_destroy(sdb->pool);
	sdb_mover_stop(sdb);
	if (sdb->log)
		kt_log_close(sdb->log);
	if (sdb->rows)
		rows_close(sdb->rows);
	for (unsigned i = 0; i < sdb->shard_count; i++)
		shard_fini(&sdb->shards[i]);
	env_file_close(sdb->lock);
	hy_free(sdb->shards);
	hy_free(sdb->dir);
	hy_free(sdb->log_dir);
	hy_free(sdb->rows_dir);
	hy_free(sdb);
}

static const struct kt_engine sdb_engine = {
	.write = sdb_write,
	.read_row = sdb_read_row,
	.read_rows = sdb_read_rows,
	.read_range = sdb_read_range,
	.read_changes = sdb_read_changes,
	.read_head = sdb_read_head,
	.list_keys = sdb_list_keys,
	.list_heads = sdb_list_heads,
	.floor_ms = sdb_floor_ms,
	.stats = sdb_stats,
	.backup = sdb_backup,
	.close = sdb_close,
};

static char *join(const char *dir, const char *name)
{
	struct hy_buf b = {0};
	hy_buf_printf(&b, "%s/%s", dir, name);
	hy_buf_append(&b, "", 1);
	return (char *)b.mem;
}

/** Memory and log, and when the mover comes so that they stay within them. */
static void set_bounds(struct sdb *sdb)
{
	uint64_t excess = HY_MAX(sdb->memory_budget / 2, EXCESS_LEAST);
	sdb->shard_budget = sdb->memory_budget / sdb->shard_count;
	sdb->shard_excess = excess / sdb->shard_count;
	sdb->move_bytes = HY_MIN(excess, sdb->memory_budget) / 2;
	sdb->flush_bytes = HY_MIN(sdb->log_limit / 2, HY_MAX(sdb->memory_budget / 4, FLUSH_LEAST));
}

static struct sdb *create(struct svr *svr, const struct kt_config *config)
{
	struct sdb *sdb = hy_zalloc(sizeof *sdb);
	kt_init(&sdb->kt, &sdb_engine, svr, config);
	sdb->env = svr_env(svr);
	sdb->dir = hy_strdup(config->dir);
	sdb->log_dir = join(config->dir, "log");
	sdb->rows_dir = join(config->dir, "rows");
	sdb->memory_budget = config->memory_bytes ? config->memory_bytes : 256 * MIB;
	sdb->log_limit = config->log_bytes ? HY_MAX(config->log_bytes, LOG_LIMIT_LEAST) : 128 * MIB;
	sdb->disk_reserve = config->disk_reserve_bytes ? config->disk_reserve_bytes : 256 * MIB;
	sdb->window_ms = kt_window_ms(config);
	sdb->shard_count = svr_loop_count(svr);
	set_bounds(sdb);
	sdb->idle_move_us = 1000ull * (config->idle_move_ms ? config->idle_move_ms : IDLE_MOVE_MS);
	sdb->shards = hy_zalloc(sdb->shard_count * sizeof(*sdb->shards));
	for (unsigned i = 0; i < sdb->shard_count; i++)
		shard_init(sdb, i);
	return sdb;
}

static int start(struct sdb *sdb)
{
	int status = svr_pool_create(sdb->kt.svr, "kt-read", READ_THREADS, READ_QUEUE, &sdb->pool);
	if (!status && !sdb->read_only)
		status = sdb_mover_start(sdb);
	if (status)
		return status;
	for (unsigned i = 0; i < sdb->shard_count; i++) {
		struct sdb_shard *s = &sdb->shards[i];
		s->replayed = s->memory;
		s->memory_shown = s->memory;
		svr_loop_on_turn_end(s->loop, &s->turn_hook);
		svr_loop_on_stop(s->loop, &s->stop_hook);
	}
	return HY_OK;
}

int kt_open_sdb(struct svr *svr, const struct kt_config *config, struct kt **ret_kt, char **ret_why)
{
	struct sdb *sdb = create(svr, config);
	struct sdb_folder folder;
	uint64_t from = 0;
	*ret_why = NULL;
	sdb->read_only = config->read_only;
	sdb->failed = config->read_only; /* for all who would write */
	int status = config->read_only
			     ? sdb_folder_look(sdb->env, config->dir, &folder, &sdb->lock, ret_why)
			     : sdb_folder_open(sdb->env, config->dir, config->repair, &folder, &sdb->lock, ret_why);
	if (!status && !config->read_only)
		sdb_backup_tidy(sdb);
	if (!status)
		status = open_rows(sdb, &from, ret_why);
	if (!status)
		status = open_log(sdb, config, folder.log_epoch, from, ret_why);
	if (!status) {
		sdb->kt.epoch = folder.epoch;
		status = start(sdb);
	}
	if (status) {
		if (!*ret_why)
			*ret_why = sdb_why("the store cannot be opened: %s", hy_status_text(status));
		sdb_close(&sdb->kt);
		return status;
	}
	*ret_kt = &sdb->kt;
	return HY_OK;
}
