/*
 * rows.h on RocksDB 7.8, by its C interface.
 *
 * Settings are for a mover that writes large sorted batches of small rows. Two million rows of 100 to 250 bytes in
 * batches of 8,192, flushed every 64 thousand, cost per row (CPU of all threads, generation of the rows included):
 * universal compaction 3.2 us, settled 3.3; levels 3.4 and 4.1.
 */
#include <stdio.h>

#include <rocksdb/c.h>

#include "base/mem.h"
#include "kt/dir_make.h"
#include "kt/rows.h"

#define CACHE_BYTES_DEFAULT (64u << 20)
#define WRITE_BUFFER_DEFAULT (32u << 20)
#define BACKGROUND_BYTES_PER_S \
	(200ll << 20) /* flush and compaction together: leaves the disk to the commit log's syncs */
#define CACHE_SHARD_BITS 2
#define CACHED_ONLY 1 /* rocksdb::kBlockCacheTier */
#define XXH3_CHECKSUM 4
#define FATAL_ONLY 4

struct rows {
	struct env *env;
	rocksdb_t *db;
	rocksdb_options_t *options;
	rocksdb_block_based_table_options_t *table;
	rocksdb_universal_compaction_options_t *universal;
	rocksdb_cache_t *cache;
	rocksdb_ratelimiter_t *limiter;
	rocksdb_compactionfilter_t *filter;
	rocksdb_writeoptions_t *write;
	rocksdb_readoptions_t *read, *read_cached;
	rocksdb_flushoptions_t *flush;
	bool (*expired)(void *arg, struct hy_bytes name);
	void *arg;
};

struct rows_batch {
	rocksdb_writebatch_t *batch;
	size_t bytes;
};

/* Frees RocksDB's message. "Result incomplete", of what would have to be read from a file, is UNAVAILABLE too. */
static int status_of(char *error)
{
	if (!error)
		return HY_OK;
	bool full = strstr(error, "No space left") || strstr(error, "NoSpace") || strstr(error, "Disk quota");
	rocksdb_free(error);
	return full ? HY_RESOURCE_EXHAUSTED : HY_UNAVAILABLE;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static unsigned char drop_expired(void *arg, int level, const char *name, size_t name_len, const char *value,
	size_t value_len, char **new_value, size_t *new_value_len, unsigned char *value_changed)
{
	struct rows *r = arg;
	return r->expired(r->arg, hy_bytes(name, name_len));
}

static const char *filter_name(void *arg)
{
	return "hongyan.expired";
}

static void no_destructor(void *arg) {}

static void set_files(struct rows *r, const struct rows_config *config)
{
	/* Few shards, since a block that is larger than a shard is never kept. */
	rocksdb_lru_cache_options_t *cache = rocksdb_lru_cache_options_create();
	rocksdb_lru_cache_options_set_capacity(cache, config->cache_bytes ? config->cache_bytes : CACHE_BYTES_DEFAULT);
	rocksdb_lru_cache_options_set_num_shard_bits(cache, CACHE_SHARD_BITS);
	r->cache = rocksdb_cache_create_lru_opts(cache);
	rocksdb_lru_cache_options_destroy(cache);
	r->table = rocksdb_block_based_options_create();
	rocksdb_block_based_options_set_block_cache(r->table, r->cache);
	rocksdb_block_based_options_set_format_version(r->table, 5);
	rocksdb_block_based_options_set_checksum(r->table, XXH3_CHECKSUM);
	rocksdb_block_based_options_set_block_size(r->table, 8u << 10);
	rocksdb_block_based_options_set_filter_policy(r->table, rocksdb_filterpolicy_create_bloom_full(10));
	/* In pages, of which those of the head rows, which stand together, are enough for most reads. */
	rocksdb_block_based_options_set_index_type(
		r->table, rocksdb_block_based_table_index_type_two_level_index_search);
	rocksdb_block_based_options_set_partition_filters(r->table, 1);
	rocksdb_block_based_options_set_pin_top_level_index_and_filter(r->table, 1);
	/* Indexes and filters count against the cache, so memory is bounded however large the database. */
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(r->table, 1);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(r->table, 1);
	rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(r->table, 1);
	rocksdb_options_set_block_based_table_factory(r->options, r->table);
	rocksdb_options_set_max_open_files(r->options, 1000);
}

static void set_compaction(struct rows *r, const struct rows_config *config)
{
	rocksdb_options_set_write_buffer_size(
		r->options, config->write_buffer_bytes ? config->write_buffer_bytes : WRITE_BUFFER_DEFAULT);
	rocksdb_options_set_max_write_buffer_number(r->options, 3);
	rocksdb_options_set_allow_concurrent_memtable_write(r->options, 0); /* there is one writer */
	rocksdb_options_set_max_background_jobs(r->options, 2);
	rocksdb_options_set_compaction_style(r->options, rocksdb_universal_compaction);
	r->universal = rocksdb_universal_compaction_options_create();
	rocksdb_universal_compaction_options_set_size_ratio(r->universal, 10);
	rocksdb_options_set_universal_compaction_options(r->options, r->universal);
	rocksdb_options_set_level0_file_num_compaction_trigger(r->options, 6);
	/* Writes slow down before scans have to look into too many files: the debt is bounded. */
	rocksdb_options_set_level0_slowdown_writes_trigger(r->options, 14);
	rocksdb_options_set_level0_stop_writes_trigger(r->options, 20);
	int levels[7] = {rocksdb_no_compression, rocksdb_lz4_compression, rocksdb_lz4_compression,
		rocksdb_lz4_compression, rocksdb_lz4_compression, rocksdb_lz4_compression, rocksdb_lz4_compression};
	rocksdb_options_set_compression_per_level(r->options, levels, HY_COUNT_OF(levels));
	r->limiter = rocksdb_ratelimiter_create(BACKGROUND_BYTES_PER_S, 100 * 1000, 10);
	rocksdb_options_set_ratelimiter(r->options, r->limiter);
	rocksdb_options_set_bytes_per_sync(r->options, 1u << 20);
	if (r->expired) {
		r->filter = rocksdb_compactionfilter_create(r, no_destructor, drop_expired, filter_name);
		rocksdb_options_set_compaction_filter(r->options, r->filter);
	}
}

static void set_options(struct rows *r, const struct rows_config *config)
{
	r->options = rocksdb_options_create();
	rocksdb_options_set_create_if_missing(r->options, !config->read_only);
	rocksdb_options_set_paranoid_checks(r->options, 1);
	/* Next to none of its own lines: Debian's library aborts the process when one cannot be written (full disk). */
	rocksdb_options_set_info_log_level(r->options, FATAL_ONLY);
	rocksdb_options_set_keep_log_file_num(r->options, 2);
	rocksdb_options_set_stats_dump_period_sec(r->options, 0);
	set_files(r, config);
	set_compaction(r, config);
	r->write = rocksdb_writeoptions_create();
	rocksdb_writeoptions_disable_WAL(r->write, 1);
	r->read = rocksdb_readoptions_create();
	r->read_cached = rocksdb_readoptions_create();
	rocksdb_readoptions_set_read_tier(r->read_cached, CACHED_ONLY);
	r->flush = rocksdb_flushoptions_create();
	rocksdb_flushoptions_set_wait(r->flush, 1);
}

void rows_close(struct rows *r)
{
	if (!r)
		return;
	if (r->db)
		rocksdb_close(r->db);
	rocksdb_flushoptions_destroy(r->flush);
	rocksdb_readoptions_destroy(r->read);
	rocksdb_readoptions_destroy(r->read_cached);
	rocksdb_writeoptions_destroy(r->write);
	rocksdb_options_destroy(r->options);
	if (r->filter)
		rocksdb_compactionfilter_destroy(r->filter);
	rocksdb_universal_compaction_options_destroy(r->universal);
	rocksdb_block_based_options_destroy(r->table);
	rocksdb_ratelimiter_destroy(r->limiter);
	rocksdb_cache_destroy(r->cache);
	hy_free(r);
}

static char *why(const char *dir, const char *reason)
{
	size_t size = strlen(dir) + strlen(reason) + 64;
	char *text = hy_alloc(size);
	snprintf(text, size, "the database in %s cannot be opened: %s", dir, reason);
	return text;
}

int rows_open(struct env *env, const struct rows_config *config, struct rows **ret_rows, char **ret_why)
{
	int rc = config->read_only ? 0 : dir_make(env, config->dir);
	if (rc) {
		*ret_why = why(config->dir, strerror(-rc));
		return rc == -ENOSPC ? HY_RESOURCE_EXHAUSTED : HY_UNAVAILABLE;
	}
	struct rows *r = hy_zalloc(sizeof *r);
	r->env = env;
	r->expired = config->expired;
	r->arg = config->arg;
	set_options(r, config);
	char *error = NULL;
	r->db = config->read_only ? rocksdb_open_for_read_only(r->options, config->dir, 0, &error)
				  : rocksdb_open(r->options, config->dir, &error);
	if (error) {
		*ret_why = why(config->dir, error);
		rows_close(r);
		return status_of(error);
	}
	*ret_rows = r;
	return HY_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

struct rows_batch *rows_batch_create(struct rows *r)
{
	struct rows_batch *b = hy_zalloc(sizeof *b);
	b->batch = rocksdb_writebatch_create();
	return b;
}

void rows_batch_put(struct rows_batch *b, struct hy_bytes name, struct hy_bytes value)
{
	rocksdb_writebatch_put(b->batch, (const char *)name.data, name.len, (const char *)value.data, value.len);
	b->bytes += name.len + value.len;
}

void rows_batch_delete(struct rows_batch *b, struct hy_bytes name)
{
	rocksdb_writebatch_delete(b->batch, (const char *)name.data, name.len);
	b->bytes += name.len;
}

size_t rows_batch_bytes(const struct rows_batch *b)
{
	return b->bytes;
}

int rows_batch_write(struct rows *r, struct rows_batch *b)
{
	char *error = NULL;
	rocksdb_write(r->db, r->write, b->batch, &error);
	rocksdb_writebatch_destroy(b->batch);
	hy_free(b);
	return status_of(error);
}

int rows_flush(struct rows *r)
{
	char *error = NULL;
	rocksdb_flush(r->db, r->flush, &error);
	return status_of(error);
}

int rows_checkpoint(struct rows *r, const char *dir)
{
	char *error = NULL;
	rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(r->db, &error);
	if (error)
		return status_of(error);
	rocksdb_checkpoint_create(checkpoint, dir, 0, &error);
	rocksdb_checkpoint_object_destroy(checkpoint);
	return status_of(error);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int get(struct rows *r, rocksdb_readoptions_t *options, struct hy_bytes name, struct hy_buf *out)
{
	char *error = NULL;
	rocksdb_pinnableslice_t *value = rocksdb_get_pinned(r->db, options, (const char *)name.data, name.len, &error);
	if (error)
		return status_of(error);
	if (!value)
		return HY_NOT_FOUND;
	size_t len;
	const char *p = rocksdb_pinnableslice_value(value, &len);
	hy_buf_append(out, p, len);
	rocksdb_pinnableslice_destroy(value);
	return HY_OK;
}

int rows_get(struct rows *r, struct hy_bytes name, struct hy_buf *out)
{
	return get(r, r->read, name, out);
}

int rows_get_cached(struct rows *r, struct hy_bytes name, struct hy_buf *out)
{
	return get(r, r->read_cached, name, out);
}

int rows_scan(struct rows *r, struct hy_bytes from, struct hy_bytes to,
	bool (*fn)(void *arg, struct hy_bytes name, struct hy_bytes value), void *arg)
{
	if (to.len > 0 && hy_bytes_compare(from, to) >= 0)
		return HY_OK;
	rocksdb_readoptions_t *options = rocksdb_readoptions_create();
	if (to.len > 0)
		rocksdb_readoptions_set_iterate_upper_bound(options, (const char *)to.data, to.len);
	rocksdb_iterator_t *it = rocksdb_create_iterator(r->db, options);
	bool more = true;
	for (rocksdb_iter_seek(it, (const char *)from.data, from.len); more && rocksdb_iter_valid(it);
		rocksdb_iter_next(it)) {
		size_t name_len, value_len;
		const char *name = rocksdb_iter_key(it, &name_len);
		const char *value = rocksdb_iter_value(it, &value_len);
		more = fn(arg, hy_bytes(name, name_len), hy_bytes(value, value_len));
	}
	char *error = NULL;
	rocksdb_iter_get_error(it, &error);
	rocksdb_iter_destroy(it);
	rocksdb_readoptions_destroy(options);
	return status_of(error);
}

static bool running(struct rows *r)
{
	static const char *const properties[] = {
		"rocksdb.mem-table-flush-pending", "rocksdb.num-running-flushes", "rocksdb.num-running-compactions"};
	for (size_t i = 0; i < HY_COUNT_OF(properties); i++) {
		uint64_t n = 0;
		if (rocksdb_property_int(r->db, properties[i], &n) == 0 && n > 0)
			return true;
	}
	return false;
}

void rows_settle(struct rows *r)
{
	/*
	 * "compaction-pending" may stay true where universal compaction finds nothing worth merging: quiet for a while
	 * is settled.
	 */
	for (int quiet = 0; quiet < 10; quiet = running(r) ? 0 : quiet + 1)
		env_sleep_us(r->env, 10 * 1000);
}
