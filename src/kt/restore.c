/*
 * A backup becomes a data folder. It is one from the moment in which FORMAT is there, which is written last, with a new
 * epoch: clients drop the snapshots that they had of the old one (R3, S12). Until then RESTORING says what goes on.
 *
 * The epoch of the log's batches stays: it tells this store's batches from those of others, and no file of the folder
 * that the backup was made of ever comes into the new one.
 */
#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"
#include "kt/copy.h"
#include "kt/sdb.h"

#define LIST_MAX (64u << 20)

struct restore {
	struct env *env;
	const char *from, *dir;
	struct sdb_copy copy;
	struct sdb_folder folder;
	struct env_file *lock;
	char *list; /* BACKUP */
	bool created, begun;
};

static int refuse(struct restore *r, char *why)
{
	r->copy.why = why;
	return HY_FAILED_PRECONDITION;
}

/* ---- the backup -------------------------------------------------------------------------------------------------- */

/** Calls `fn` for each file in the list, until it fails. */
static int each_file(struct restore *r, int (*fn)(struct restore *r, const char *name, uint64_t bytes))
{
	int status = HY_OK;
	char *at = r->list;
	while (status == HY_OK && *at) {
		unsigned long long bytes;
		char name[128] = "";
		size_t len = strcspn(at, "\n");
		if (sscanf(at, "file %llu %127[^\n]", &bytes, name) == 2)
			status = fn(r, name, bytes);
		at += len + (at[len] == '\n');
	}
	return status;
}

/** The list ends with the hash of all before: what was cut off or changed is seen. */
static bool list_is_whole(const char *list)
{
	const char *end = strstr(list, SDB_BACKUP_END);
	unsigned long long hash;
	int used = 0;
	return end && sscanf(end, SDB_BACKUP_END "%16llx\n%n", &hash, &used) == 1 && used > 0 && end[used] == '\0' &&
	       hash == hy_hash(list, (size_t)(end - list), 0);
}

static bool is_plain(const char *name)
{
	if (strncmp(name, "log/", 4) == 0)
		name += 4;
	else if (strncmp(name, "rows/", 5) == 0)
		name += 5;
	return name[0] && name[0] != '.' && !strchr(name, '/');
}

static int check_file(struct restore *r, const char *name, uint64_t bytes)
{
	if (!is_plain(name))
		return refuse(r, sdb_why("the backup's list names a file that cannot be part of it: %s", name));
	char *path = sdb_path(r->from, name);
	struct env_file *file = NULL;
	uint64_t size = 0;
	int rc = env_file_open(r->env, path, ENV_OPEN_READ, &file), status = HY_OK;
	if (rc == 0)
		rc = env_file_size(file, &size);
	if (rc)
		status = refuse(r, sdb_why("%s, which belongs to the backup, cannot be read: %s", path, strerror(-rc)));
	else if (size != bytes)
		status =
			refuse(r, sdb_why("%s has %llu bytes, but had %llu when the backup was made: take another copy",
					  path, (unsigned long long)size, (unsigned long long)bytes));
	env_file_close(file);
	hy_free(path);
	return status;
}

static int check_backup(struct restore *r)
{
	char *path = sdb_path(r->from, SDB_BACKUP);
	size_t len;
	unsigned version;
	int rc = env_file_read_all(r->env, path, LIST_MAX, &r->list, &len);
	hy_free(path);
	if (rc)
		return refuse(
			r, sdb_why("%s is no backup, or one that was not finished: it has no file BACKUP that could be "
				   "read (%s)",
				   r->from, strerror(-rc)));
	if (sscanf(r->list, "hongyan backup %u", &version) != 1)
		return refuse(r, sdb_why("%s/BACKUP cannot be understood: is this a backup?", r->from));
	if (version > 1)
		return refuse(r, sdb_why("%s was made by a newer program: use that", r->from));
	if (!list_is_whole(r->list))
		return refuse(r, sdb_why("%s/BACKUP is not whole: take another copy of the backup", r->from));
	int status = sdb_format_read(r->env, r->from, &r->folder, &r->copy.why);
	return status ? status : each_file(r, check_file);
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

struct look {
	bool format, restoring, other;
};

static void look_at_name(void *arg, const char *name)
{
	struct look *look = arg;
	if (strcmp(name, "FORMAT") == 0)
		look->format = true;
	else if (strcmp(name, SDB_RESTORING) == 0)
		look->restoring = true;
	else if (strcmp(name, "LOCK") != 0 && strcmp(name, "lost+found") != 0)
		look->other = true;
}

/** What a restore puts there. */
static int clear(struct restore *r)
{
	static const char *const names[] = {"FORMAT", "FORMAT.tmp", "log", "rows", SDB_SECRET, SDB_DEMO};
	int rc = 0;
	for (size_t i = 0; i < HY_COUNT_OF(names) && rc == 0; i++) {
		char *path = sdb_path(r->dir, names[i]);
		rc = sdb_remove_tree(r->env, path);
		hy_free(path);
	}
	return rc ? sdb_copy_fail(&r->copy, rc, "emptied", r->dir) : HY_OK;
}

/** Before anything else: what dies behind this is seen to be no data folder. */
static int put_mark(struct restore *r)
{
	char *path = sdb_path(r->dir, SDB_RESTORING);
	struct env_file *file = NULL;
	int rc = env_file_open(r->env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file);
	env_file_close(file);
	rc = rc ? rc : env_dir_sync(r->env, r->dir);
	int status = rc ? sdb_copy_fail(&r->copy, rc, "written", path) : HY_OK;
	hy_free(path);
	return status;
}

static void drop_mark(struct restore *r)
{
	char *path = sdb_path(r->dir, SDB_RESTORING);
	(void)env_unlink(r->env, path);
	hy_free(path);
}

static int take_folder(struct restore *r)
{
	struct look look = {false};
	r->created = env_dir_list(r->env, r->dir, look_at_name, &look) == -ENOENT;
	if (look.format || (look.other && !look.restoring))
		return refuse(
			r, sdb_why("%s is not empty: give a folder that does not exist yet, or an empty one", r->dir));
	int rc = sdb_make_dir(r->env, r->dir);
	if (rc)
		return sdb_copy_fail(&r->copy, rc, "made", r->dir);
	int status = put_mark(r);
	if (status == HY_OK)
		status = sdb_folder_lock(r->env, r->dir, true, &r->lock, &r->copy.why);
	if (status)
		return status;
	/* Now that nobody else is at work there: another restore may just have made a data folder of it. */
	look = (struct look){false};
	(void)env_dir_list(r->env, r->dir, look_at_name, &look);
	if (look.format) {
		drop_mark(r);
		return refuse(r, sdb_why("%s has just become a data folder by another restore", r->dir));
	}
	r->begun = true;
	return clear(r);
}

static int bring_file(struct restore *r, const char *name, uint64_t bytes)
{
	if (strcmp(name, "FORMAT") == 0)
		return HY_OK;
	return sdb_copy_file(&r->copy, r->from, r->dir, name, bytes, NULL);
}

static int bring(struct restore *r)
{
	char *log_dir = sdb_path(r->dir, "log"), *rows_dir = sdb_path(r->dir, "rows"),
	     *format = sdb_path(r->dir, "FORMAT");
	int status = sdb_copy_mkdir(&r->copy, log_dir);
	if (status == HY_OK)
		status = sdb_copy_mkdir(&r->copy, rows_dir);
	if (status == HY_OK)
		status = each_file(r, bring_file);
	if (status == HY_OK)
		status = sdb_copy_sync_dir(&r->copy, log_dir);
	if (status == HY_OK)
		status = sdb_copy_sync_dir(&r->copy, rows_dir);
	if (status == HY_OK)
		status = sdb_copy_sync_dir(&r->copy, r->dir);
	sdb_new_epoch(r->env, &r->folder.epoch);
	if (status == HY_OK)
		status = sdb_format_write(r->env, format, &r->folder, &r->copy.why);
	hy_free(log_dir);
	hy_free(rows_dir);
	hy_free(format);
	return status;
}

/** The mark goes; after a failure all else too. */
static void tidy(struct restore *r, int status)
{
	char *lock = sdb_path(r->dir, "LOCK");
	if (status == HY_OK || clear(r) == HY_OK)
		drop_mark(r);
	if (status != HY_OK)
		(void)env_unlink(r->env, lock);
	if (status != HY_OK && r->created)
		(void)env_rmdir(r->env, r->dir);
	hy_free(lock);
}

int kt_restore(struct env *env, const char *backup_dir, const char *dir, char **ret_why)
{
	struct restore r = {.env = env, .from = backup_dir, .dir = dir, .copy = {.env = env}};
	int status = check_backup(&r);
	if (status == HY_OK)
		status = take_folder(&r);
	if (status == HY_OK)
		status = bring(&r);
	if (r.begun)
		tidy(&r, status);
	env_file_close(r.lock);
	env_mark(env, status == HY_OK ? "kt: restored" : "kt: a restore failed");
	*ret_why = hy_take(r.copy.why);
	if (status != HY_OK && !*ret_why)
		*ret_why = sdb_why("the backup cannot be restored: %s", hy_status_text(status));
	hy_free(r.list);
	sdb_copy_fini(&r.copy);
	return status;
}
