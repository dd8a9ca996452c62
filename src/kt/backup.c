/*
 * A copy of the store while it serves.
 *
 * Why it is a state that the store really had. In this order: (1) the log is pinned, so that no segment goes; (2)
 * RocksDB's checkpoint is made: what it says it was moved up to, P, is at least what was flushed before (1), so the log
 * after P is whole; (3) the committer is asked how far the log goes, E, between two batches. A row comes to RocksDB
 * only after its loop was told that it is durable, so no row of the checkpoint is later than E; what it has beyond P
 * does no harm (sdb.h). So checkpoint and log up to E together are the store at E, exactly; and all that anybody was
 * told to be durable before the call is in it.
 *
 * The checkpoint is made in the data folder, where hard links always work and it takes a moment, then renamed into the
 * copy, or copied when that lies on another disk. The log is the one thing that waits for this, and only for its own
 * part. BACKUP, written last, lists every file with its size, and ends with a hash of the list; and the copied log ends
 * with the mark of a clean stop, so that a copy of the copy that lacks something is noticed.
 */
#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/planted.h"
#include "kt/copy.h"
#include "kt/log_segment.h"
#include "kt/sdb.h"

struct backup {
	struct svr_job job;
	int refs; /* atomic: the caller's, the pool's */
	struct sdb *sdb;
	struct sdb_copy copy;
	struct env_file *lock;
	char *dir, *part, *log_part, *rows_part, *checkpoint;
	bool stop; /* atomic */
	uint64_t position;
	int status;
};

static void unref(struct backup *b)
{
	if (__atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	sdb_set(&b->sdb->backing_up, false);
	sdb_copy_fini(&b->copy);
	hy_free(b->dir);
	hy_free(b->part);
	hy_free(b->log_part);
	hy_free(b->rows_part);
	hy_free(b->checkpoint);
	hy_free(b);
}

static void on_done(struct svr_job *job)
{
	unref(hy_container_of(job, struct backup, job));
}

/* ---- the steps --------------------------------------------------------------------------------------------------- */

static void ignore_name(void *arg, const char *name) {}

struct look {
	bool ours, other;
};

static void look_at_name(void *arg, const char *name)
{
	struct look *look = arg;
	if (strcmp(name, "LOCK") == 0 || strcmp(name, SDB_BACKUP) == 0)
		look->ours = true;
	else
		look->other = true;
}

/** hy_alloc'd. `dir` is absolute. */
static char *folder_above(const char *dir)
{
	char *above = hy_strdup(dir);
	size_t n = strlen(above);
	while (n > 1 && above[n - 1] == '/')
		n--;
	while (n > 1 && above[n - 1] != '/')
		n--;
	while (n > 1 && above[n - 1] == '/')
		n--;
	above[n] = '\0';
	return above;
}

/** Is there room for it, and is its name free? */
static int check_place(struct backup *b)
{
	struct env *env = b->sdb->env;
	struct sdb_copy *c = &b->copy;
	struct look look = {false};
	uint64_t free_bytes;
	char *above = folder_above(b->dir);
	int rc = env_dir_list(env, above, ignore_name, NULL);
	if (rc)
		c->why = rc == -ENOENT ? sdb_why("the folder %s does not exist: make it first", above)
				       : sdb_why("the folder %s cannot be used: %s", above, strerror(-rc));
	hy_free(above);
	if (rc)
		return HY_NOT_FOUND;
	if (env_dir_list(env, b->dir, ignore_name, NULL) != -ENOENT) {
		c->why = sdb_why("%s is there already: choose a name that is free", b->dir);
		return HY_ALREADY_EXISTS;
	}
	(void)env_dir_list(env, b->part, look_at_name, &look);
	if (look.other && !look.ours) {
		c->why = sdb_why("%s, which a backup would use, is somebody else's: choose another name", b->part);
		return HY_ALREADY_EXISTS;
	}
	if (env_disk_free(env, b->sdb->dir, &free_bytes) == 0 && free_bytes < b->sdb->disk_reserve) {
		c->why = sdb_why("only %llu MiB are free on the disk of %s: free some space first",
			(unsigned long long)(free_bytes >> 20), b->sdb->dir);
		return HY_RESOURCE_EXHAUSTED;
	}
	return HY_OK;
}

/** What a backup that was killed has left there. */
static int clear_part(struct backup *b)
{
	static const char *const names[] = {SDB_BACKUP, "FORMAT", "log", "rows", SDB_SECRET, SDB_DEMO};
	int rc = 0;
	for (size_t i = 0; i < HY_COUNT_OF(names) && rc == 0; i++) {
		char *path = sdb_path(b->part, names[i]);
		rc = sdb_remove_tree(b->sdb->env, path);
		hy_free(path);
	}
	return rc ? sdb_copy_fail(&b->copy, rc, "emptied", b->part) : HY_OK;
}

/** The folder that becomes the copy, empty, and ours. */
static int make_part(struct backup *b)
{
	struct sdb_copy *c = &b->copy;
	int status = check_place(b);
	if (status == HY_OK)
		status = sdb_copy_mkdir(c, b->part);
	if (status)
		return status;
	char *why = NULL;
	status = sdb_folder_lock(b->sdb->env, b->part, true, &b->lock, &why);
	if (status) {
		c->why = sdb_why("%s is taken: does another backup go there?", b->part);
		hy_free(why);
		return status;
	}
	sdb_backup_tidy(b->sdb);
	status = clear_part(b);
	return status ? status : sdb_copy_mkdir(c, b->log_part);
}

static int take_piece(struct backup *b, const struct kt_log_extent *extent, size_t i)
{
	const struct kt_log_piece *piece = &extent->pieces[i];
	bool last = i + 1 == extent->count;
	char *path = log_segment_path("log", piece->number);
	struct env_file *file = NULL;
	int status = sdb_copy_file(&b->copy, b->sdb->dir, b->part, path, piece->end, last ? &file : NULL);
	if (status == HY_OK && last) {
		int rc = kt_log_end_copy(b->sdb->log, file, extent);
		env_file_close(file);
		status = rc ? sdb_copy_fail(&b->copy, rc, "written", b->log_part)
			    : sdb_copy_list(&b->copy, b->part, path);
	}
	hy_free(path);
	return status;
}

/** Of a log that is pinned. */
static int take_store(struct backup *b)
{
	struct sdb *sdb = b->sdb;
	uint64_t moved = sdb_moved(sdb);
	struct kt_log_extent extent = {0};
	if (PLANTED(backup_log_end_first))
		kt_log_extent(sdb->log, &extent);
	int status = rows_checkpoint(sdb->rows, b->checkpoint);
	if (status) {
		b->copy.why = sdb_why(status == HY_RESOURCE_EXHAUSTED ? "the disk of %s is full: free some space"
								      : "the database in %s cannot make a checkpoint",
			sdb->rows_dir);
		return status;
	}
	if (!extent.pieces)
		kt_log_extent(sdb->log, &extent);
	b->position = extent.last_pos;
	for (size_t i = 0; i < extent.count && status == HY_OK; i++) {
		if (extent.pieces[i].last_pos > moved || i + 1 == extent.count)
			status = take_piece(b, &extent, i);
	}
	hy_free(extent.pieces);
	if (status == HY_OK && kt_log_failed(sdb->log)) {
		b->copy.why = hy_strdup("the store has failed: start the server again first");
		status = HY_UNAVAILABLE;
	}
	return status;
}

/** The checkpoint is on another disk than the copy. */
static int copy_rows(struct backup *b)
{
	char **names;
	int status = sdb_copy_mkdir(&b->copy, b->rows_part);
	if (status == HY_OK)
		status = sdb_copy_names(&b->copy, b->checkpoint, &names);
	if (status)
		return status;
	for (size_t i = 0; names[i] && status == HY_OK; i++) {
		struct env_file *file = NULL; /* kept open: it is listed below, by its place */
		status = sdb_copy_file(&b->copy, b->checkpoint, b->rows_part, names[i], UINT64_MAX, &file);
		env_file_close(file);
	}
	sdb_names_free(names);
	return status ? status : sdb_copy_sync_dir(&b->copy, b->rows_part);
}

static int take_rows(struct backup *b)
{
	struct env *env = b->sdb->env;
	char **names;
	int rc = env_rename(env, b->checkpoint, b->rows_part), status = HY_OK;
	if (rc == -EXDEV)
		status = copy_rows(b);
	else if (rc)
		status = sdb_copy_fail(&b->copy, rc, "made", b->rows_part);
	if (status == HY_OK)
		status = sdb_copy_names(&b->copy, b->rows_part, &names);
	if (status)
		return status;
	for (size_t i = 0; names[i] && status == HY_OK; i++) {
		char *name = sdb_path("rows", names[i]);
		status = sdb_copy_list(&b->copy, b->part, name);
		hy_free(name);
	}
	sdb_names_free(names);
	return status;
}

/** The program's own, if it is there. */
static int take_along(struct backup *b, const char *name)
{
	char *path = sdb_path(b->sdb->dir, name);
	struct env_file *file;
	int status = HY_OK;
	if (env_file_open(b->sdb->env, path, ENV_OPEN_READ, &file) == 0) {
		env_file_close(file);
		status = sdb_copy_file(&b->copy, b->sdb->dir, b->part, name, UINT64_MAX, NULL);
	}
	hy_free(path);
	return status;
}

static int take_small_files(struct backup *b)
{
	struct sdb_copy *c = &b->copy;
	struct sdb_folder folder;
	char *format = sdb_path(b->part, "FORMAT");
	int status = take_along(b, SDB_SECRET); /* tickets stay good by it */
	if (status == HY_OK)
		status = take_along(b, SDB_DEMO);
	if (status == HY_OK)
		status = sdb_format_read(b->sdb->env, b->sdb->dir, &folder, &c->why);
	if (status == HY_OK)
		status = sdb_format_write(b->sdb->env, format, &folder, &c->why);
	if (status == HY_OK)
		status = sdb_copy_list(c, b->part, "FORMAT");
	hy_free(format);
	return status;
}

/** All else is synced: the list of it, the names, and the name. */
static int finish(struct backup *b)
{
	struct env *env = b->sdb->env;
	struct sdb_copy *c = &b->copy;
	struct hy_buf text = {0};
	char *path = sdb_path(b->part, SDB_BACKUP), *lock = sdb_path(b->part, "LOCK");
	hy_buf_printf(&text, "hongyan backup 1\nposition %llu\nmade %llu\n", (unsigned long long)b->position,
		(unsigned long long)env_wall_ms(env));
	hy_buf_append(&text, hy_buf_data(&c->list), hy_buf_len(&c->list));
	unsigned long long hash = hy_hash(hy_buf_data(&text), hy_buf_len(&text), 0);
	hy_buf_printf(&text, SDB_BACKUP_END "%016llx\n", hash);
	int status = sdb_copy_sync_dir(c, b->log_part);
	if (status == HY_OK)
		status = sdb_copy_sync_dir(c, b->rows_part);
	int rc = status ? 0 : env_file_write_all(env, path, hy_buf_data(&text), hy_buf_len(&text));
	if (rc)
		status = sdb_copy_fail(c, rc, "written", path);
	if (status == HY_OK) {
		(void)env_unlink(env, lock);
		status = sdb_copy_sync_dir(c, b->part);
	}
	rc = status ? 0 : env_rename(env, b->part, b->dir);
	if (rc)
		status = sdb_copy_fail(c, rc, "made", b->dir);
	hy_buf_fini(&text);
	hy_free(path);
	hy_free(lock);
	if (status == HY_OK) {
		rc = sdb_make_dir(env, b->dir); /* it is there; so that its name lasts */
		status = rc ? sdb_copy_fail(c, rc, "synced", b->dir) : HY_OK;
	}
	return status;
}

void sdb_backup_tidy(struct sdb *sdb)
{
	char *path = sdb_path(sdb->dir, SDB_CHECKPOINT);
	int rc = sdb_remove_tree(sdb->env, path);
	if (rc)
		env_log(sdb->env, ENV_LOG_WARN, "kt", 0, "%s, left by a backup, cannot be removed: %s", path,
			strerror(-rc));
	hy_free(path);
}

static void run(struct svr_job *job)
{
	struct backup *b = hy_container_of(job, struct backup, job);
	b->status = make_part(b);
	bool begun = b->lock != NULL;
	if (b->status == HY_OK) {
		if (!PLANTED(backup_without_pin))
			kt_log_pin(b->sdb->log);
		b->status = take_store(b);
		if (!PLANTED(backup_without_pin))
			kt_log_unpin(b->sdb->log);
	}
	if (b->status == HY_OK)
		b->status = take_rows(b);
	if (b->status == HY_OK)
		b->status = take_small_files(b);
	if (b->status == HY_OK)
		b->status = finish(b);
	if (begun)
		sdb_backup_tidy(b->sdb);
	if (begun && b->status != HY_OK)
		(void)sdb_remove_tree(b->sdb->env, b->part);
	env_file_close(b->lock);
	env_mark(b->sdb->env, b->status == HY_OK ? "kt: backed up" : "kt: a backup failed");
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static struct backup *create(struct sdb *sdb, struct call *call, const char *dir)
{
	struct backup *b = hy_zalloc(sizeof *b);
	size_t len = strlen(dir);
	b->refs = 2;
	b->sdb = sdb;
	b->dir = hy_strdup(dir);
	while (len > 1 && b->dir[len - 1] == '/')
		b->dir[--len] = '\0';
	b->part = hy_zalloc(len + sizeof ".part");
	snprintf(b->part, len + sizeof ".part", "%s.part", b->dir);
	b->log_part = sdb_path(b->part, "log");
	b->rows_part = sdb_path(b->part, "rows");
	b->checkpoint = sdb_path(sdb->dir, SDB_CHECKPOINT);
	b->copy = (struct sdb_copy){.env = sdb->env,
		.reserve_dir = sdb->dir,
		.reserve_bytes = sdb->disk_reserve,
		.stop = &b->stop,
		.trace = call->trace};
	b->job.run = run;
	b->job.done = on_done;
	return b;
}

int sdb_backup(struct kt *kt, struct call *call, const char *dir, struct kt_backup_report *ret_report, char **ret_why)
{
	struct sdb *sdb = sdb_of(kt);
	struct mon *mon = svr_mon(kt->svr);
	unsigned strip = svr_loop_index(call->loop);
	if (sdb_get(&sdb->failed) || kt_log_failed(sdb->log)) {
		*ret_why = hy_strdup("the store takes no writes any more: start the server again first");
		return HY_UNAVAILABLE;
	}
	if (__atomic_exchange_n(&sdb->backing_up, true, __ATOMIC_ACQ_REL)) {
		*ret_why = hy_strdup("another backup is being made: wait until it is done");
		return HY_ABORTED;
	}
	struct backup *b = create(sdb, call, dir);
	int status = svr_pool_call(sdb->pool, call, &b->job);
	if (status != HY_OK) {
		sdb_set(&b->stop, true); /* nobody waits for it any more */
		*ret_why = hy_strdup("it was broken off");
	} else {
		status = b->status;
		*ret_why = hy_take(b->copy.why);
		if (status == HY_OK)
			*ret_report = (struct kt_backup_report){b->copy.listed_bytes, b->copy.files, b->position};
		unref(b);
	}
	if (status == HY_OK)
		mon_add(mon, strip, MON_kt_backups, 1);
	else if (status != HY_NOT_FOUND && status != HY_ALREADY_EXISTS) /* a slip in a path is no failure */
		mon_add(mon, strip, MON_kt_backups_failed, 1);
	mon_add(mon, strip, MON_kt_backup_bytes, ret_report->bytes);
	unref(b);
	return status;
}
