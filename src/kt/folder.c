#include <stdio.h>

#include "base/mem.h"
#include "kt/sdb.h"

/*
 * Raised when what is on disk changes in a way that older programs would misread. 2: maps are trimmed, and there are
 * contacts. Older ones are read, and say the present number as soon as something is written.
 */
#define FORMAT 2u

char *sdb_why(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return hy_strdup(text);
}

static char *path_in(const char *dir, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return hy_strdup(path);
}

static int from_errno(int rc)
{
	return rc == -ENOSPC || rc == -EDQUOT ? HY_RESOURCE_EXHAUSTED : HY_UNAVAILABLE;
}

int sdb_folder_lock(struct env *env, const char *dir, bool create, struct env_file **ret_lock, char **ret_why)
{
	char *path = path_in(dir, "LOCK");
	*ret_lock = NULL;
	int rc = env_file_open(env, path, create ? ENV_OPEN_WRITE | ENV_OPEN_CREATE : ENV_OPEN_READ, ret_lock);
	hy_free(path);
	if (rc == -ENOENT && !create)
		return HY_OK; /* a copy: nobody was ever at work in it */
	if (rc == 0)
		rc = env_file_lock(*ret_lock);
	if (rc == 0)
		return HY_OK;
	env_file_close(hy_take(*ret_lock));
	if (rc == -EWOULDBLOCK) {
		*ret_why =
			sdb_why("another server is using %s; stop it first, or give this one a folder of its own", dir);
		return HY_FAILED_PRECONDITION;
	}
	*ret_why = sdb_why("%s cannot be locked: %s", dir, strerror(-rc));
	return from_errno(rc);
}

int sdb_format_write(struct env *env, const char *path, const struct sdb_folder *f, char **ret_why)
{
	char text[128];
	int len = snprintf(text, sizeof text, "hongyan %u\nepoch %016llx\nlog %016llx\n", FORMAT,
		(unsigned long long)f->epoch, (unsigned long long)f->log_epoch);
	int rc = env_file_write_all(env, path, text, (size_t)len);
	if (rc == 0)
		return HY_OK;
	*ret_why = sdb_why("%s cannot be written: %s", path, strerror(-rc));
	return from_errno(rc);
}

void sdb_new_epoch(struct env *env, uint64_t *epoch)
{
	do {
		env_random(env, epoch, sizeof *epoch);
	} while (*epoch == 0);
}

static int parse_format(const char *path, const char *text, struct sdb_folder *ret_folder, char **ret_why)
{
	unsigned format;
	unsigned long long epoch, log_epoch;
	if (sscanf(text, "hongyan %u", &format) == 1 && format > FORMAT) {
		*ret_why = sdb_why("%s says format %u, and this program knows formats up to %u: use the newer program",
			path, format, FORMAT);
		return HY_FAILED_PRECONDITION;
	}
	if (sscanf(text, "hongyan %u epoch %16llx log %16llx", &format, &epoch, &log_epoch) != 3) {
		*ret_why = sdb_why("%s cannot be understood: is this a data folder?", path);
		return HY_DATA_LOSS;
	}
	*ret_folder = (struct sdb_folder){epoch, log_epoch, format < FORMAT};
	return HY_OK;
}

struct look {
	bool anything, restoring, backup, format;
	char foreign[64]; /* the name of something that no data folder has */
};

/** What a data folder may hold before it has the file FORMAT; some file systems begin with lost+found. */
static bool is_usual(const char *name)
{
	static const char *const usual[] = {"LOCK", "log", "rows", "monitor", "admin.sock", "audit.log", SDB_SECRET,
		SDB_DEMO, SDB_RESTORING, SDB_BACKUP, "lost+found"};
	for (size_t i = 0; i < HY_COUNT_OF(usual); i++)
		if (strcmp(name, usual[i]) == 0)
			return true;
	return strncmp(name, "FORMAT", strlen("FORMAT")) == 0;
}

static void look_at_name(void *arg, const char *name)
{
	struct look *look = arg;
	if (strcmp(name, "log") == 0 || strcmp(name, "rows") == 0)
		look->anything = true;
	look->restoring = look->restoring || strcmp(name, SDB_RESTORING) == 0;
	look->backup = look->backup || strcmp(name, SDB_BACKUP) == 0;
	look->format = look->format || strcmp(name, "FORMAT") == 0;
	if (!is_usual(name))
		snprintf(look->foreign, sizeof look->foreign, "%s", name);
}

/** A folder without FORMAT is new, unless it holds data: then somebody has lost the file. */
static int create_format(
	struct env *env, const char *dir, const char *path, struct sdb_folder *ret_folder, char **ret_why)
{
	struct look look = {false};
	int rc = env_dir_list(env, dir, look_at_name, &look);
	if (rc) {
		*ret_why = sdb_why("%s cannot be read: %s", dir, strerror(-rc));
		return from_errno(rc);
	}
	if (look.restoring) {
		*ret_why = sdb_why("a restore into %s did not end: remove the folder, and restore again", dir);
		return HY_FAILED_PRECONDITION;
	}
	if (look.anything) {
		*ret_why = sdb_why("%s holds data but no file FORMAT: bring it back from a copy of the folder", dir);
		return HY_DATA_LOSS;
	}
	sdb_new_epoch(env, &ret_folder->epoch);
	sdb_new_epoch(env, &ret_folder->log_epoch);
	return sdb_format_write(env, path, ret_folder, ret_why);
}

int sdb_format_read(struct env *env, const char *dir, struct sdb_folder *ret_folder, char **ret_why)
{
	char *path = path_in(dir, "FORMAT"), *text;
	size_t len;
	int rc = env_file_read_all(env, path, 4096, &text, &len), status;
	if (rc == -ENOENT || rc == -ENOTDIR) {
		*ret_why = sdb_why("%s is no data folder: it has no file FORMAT", dir);
		status = HY_FAILED_PRECONDITION;
	} else if (rc) {
		*ret_why = sdb_why("%s cannot be read: %s", path, strerror(-rc));
		status = from_errno(rc);
	} else {
		status = parse_format(path, text, ret_folder, ret_why);
		hy_free(text);
	}
	hy_free(path);
	return status;
}

static int open_format(struct env *env, const char *dir, bool repair, struct sdb_folder *ret_folder, char **ret_why)
{
	char *path = path_in(dir, "FORMAT"), *text;
	size_t len;
	int rc = env_file_read_all(env, path, 4096, &text, &len), status;
	if (rc == -ENOENT) {
		status = create_format(env, dir, path, ret_folder, ret_why);
	} else if (rc) {
		*ret_why = sdb_why("%s cannot be read: %s", path, strerror(-rc));
		status = from_errno(rc);
	} else {
		status = parse_format(path, text, ret_folder, ret_why);
		hy_free(text);
		/* Before anything is given up: clients must not take what is lost for granted. */
		if (!status && repair)
			sdb_new_epoch(env, &ret_folder->epoch);
		/* Before anything is written: from then on older programs must keep off. */
		if (!status && (repair || ret_folder->older))
			status = sdb_format_write(env, path, ret_folder, ret_why);
	}
	hy_free(path);
	return status;
}

int sdb_make_dir(struct env *env, const char *dir)
{
	char *parent = hy_strdup(dir);
	int rc = env_mkdir(env, dir);
	char *slash = strrchr(parent, '/');
	if (slash && slash != parent)
		*slash = '\0';
	if (rc == 0)
		rc = env_dir_sync(env, slash ? (slash == parent ? "/" : parent) : ".");
	hy_free(parent);
	return rc;
}

/** The folders of log and rows: at every start, for the one before may have died before they were sure to last. */
static int make_rooms(struct env *env, const char *dir, char **ret_why)
{
	static const char *const names[] = {"log", "rows"};
	int rc = 0;
	for (size_t i = 0; i < HY_COUNT_OF(names) && rc == 0; i++) {
		char *path = path_in(dir, names[i]);
		rc = env_mkdir(env, path);
		hy_free(path);
	}
	if (rc == 0)
		rc = env_dir_sync(env, dir);
	if (rc == 0)
		return HY_OK;
	*ret_why = sdb_why("folders cannot be made in %s: %s", dir, strerror(-rc));
	return from_errno(rc);
}

/**
 * Who served from a backup would tell clients of another state under the same epoch (S12). And a store is not put
 * among other things, by a slip in a path.
 */
static int refuse_other_folders(struct env *env, const char *dir, char **ret_why)
{
	struct look look = {false};
	(void)env_dir_list(env, dir, look_at_name, &look);
	if (look.backup)
		*ret_why = sdb_why("%s is a backup: bring it into a data folder first, by `hongyan restore`", dir);
	else if (look.foreign[0] && !look.format)
		*ret_why = sdb_why("%s is no data folder, and not empty (there is %s): choose another, or a new one",
			dir, look.foreign);
	else
		return HY_OK;
	return HY_FAILED_PRECONDITION;
}

int sdb_folder_look(
	struct env *env, const char *dir, struct sdb_folder *ret_folder, struct env_file **ret_lock, char **ret_why)
{
	int status = sdb_format_read(env, dir, ret_folder, ret_why);
	return status ? status : sdb_folder_lock(env, dir, false, ret_lock, ret_why);
}

int sdb_folder_open(struct env *env, const char *dir, bool repair, struct sdb_folder *ret_folder,
	struct env_file **ret_lock, char **ret_why)
{
	struct env_file *held = NULL;
	int rc = sdb_make_dir(env, dir);
	if (rc) {
		*ret_why = sdb_why("the data folder %s cannot be made: %s", dir, strerror(-rc));
		return from_errno(rc);
	}
	int status = refuse_other_folders(env, dir, ret_why);
	if (!status)
		status = sdb_folder_lock(env, dir, true, &held, ret_why);
	if (!status)
		status = open_format(env, dir, repair, ret_folder, ret_why);
	if (!status)
		status = make_rooms(env, dir, ret_why);
	if (status)
		env_file_close(held);
	else
		*ret_lock = held;
	return status;
}
