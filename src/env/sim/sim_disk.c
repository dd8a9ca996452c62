/*
 * Files: the fault model. This file: the calls; sim_inode.c: what a file holds; sim_names.c: folders.
 *
 * May happen: a call takes long (`disk_slow`: up to 500 ms). A process that is killed leaves its last call undone,
 * done, or a write done in part; the page cache stays. When the power goes, of what was not synced each 4 KiB page
 * keeps by chance its old or its new content, or a mixture of 512-byte sectors; a file has its old size, its new one or
 * one in between, and bytes that were never written are zeros; each creation, rename and removal whose folder was not
 * synced is there or not, of one file in their order. A sync fails (`disk_sync_eio`): each of its dirty pages is by
 * chance on the disk or not, and the kernel takes all for clean, so that the next sync succeeds and writes nothing of
 * them; a reader sees them until the power goes. The disk is full: by its size, or for one call
 * (`disk_enospc`); a part may have been written.
 * Never: a loss of what was synced (the folder's sync is a thing of its own: a file that was synced may have no name);
 * a name that leads to two files, a rename that is seen half; an error of a read; bytes that change by themselves
 * (sim_machine_damage() does that). The product must survive it, since this is what Linux and its disks do (dm-flakey,
 * ext4 and XFS after a failed write-back), and what was acknowledged must be there after each of them (S6 to S8).
 */
#include "env/sim/sim_disk.h"

enum { SLOW_MAX_US = 500000 };

/* ---- the disk -------------------------------------------------------------------------------------------------- */

struct sim_disk *sim_disk_new(struct sim_machine *m)
{
	struct sim_disk *d = hy_zalloc(sizeof *d);
	d->machine = m;
	d->sim = m->sim;
	hy_link_init(&d->inodes);
	hy_link_init(&d->changes);
	sim_disk_set_size(d, 1ull << 30);
	d->root = sim_inode_new(d, true);
	d->root->refs = 1;
	sim_dir_original(d->root, "run");
	sim_dir_original(d->root, "tmp");
	return d;
}

void sim_disk_set_size(struct sim_disk *d, uint64_t bytes)
{
	d->pages_max = bytes / SIM_PAGE;
}

static void file_free(struct env_file *f)
{
	if (f->inode->locked_by == f)
		f->inode->locked_by = NULL;
	sim_inode_unref(f->inode);
	hy_list_remove(&f->link);
	hy_free(f);
}

void sim_disk_process_gone(struct env *env)
{
	struct env_file *f;
	hy_list_each (f, &env->files, struct env_file, link)
		file_free(f);
}

/* Some cuts come long after the last write-back, some just before the next: all, none, or each by chance. */
void sim_disk_power_cut(struct sim_disk *d)
{
	static const unsigned survivals[] = {0, 100, 500, 500, 900, 1000};
	unsigned survival = survivals[sim_range(d->sim, 0, HY_COUNT_OF(survivals) - 1)];
	struct sim_inode *i;
	hy_list_each (i, &d->inodes, struct sim_inode, link)
		if (!i->is_dir)
			sim_inode_power_cut(i, survival);
	sim_names_power_cut(d, survival);
}

int sim_disk_damage(struct sim_disk *d, const char *path, uint64_t offset)
{
	struct sim_inode *i;
	int rc = sim_path_find(d, path, &i);
	if (rc != 0)
		return rc;
	if (i->is_dir || offset >= i->size)
		return -ERANGE;
	uint64_t bit = sim_range(d->sim, 0, 7);
	sim_inode_damage(i, offset, (uint8_t)(1u << bit));
	return 0;
}

/* ---- time ------------------------------------------------------------------------------------------------------ */

/* Half of a call's time passes before it has its effect, half after: who dies in between has done it and never learns.
 */
static void take_time(struct env *env, uint64_t max_us)
{
	struct sim *s = env->sim;
	uint64_t us = sim_range(s, 1, max_us);
	if (sim_chance(s, s->faults.disk_slow))
		us += sim_tail(s, SLOW_MAX_US);
	sim_block(env, us);
}

enum { READ_US = 60, WRITE_US = 30, SYNC_US = 1500, NAME_US = 40 };

/* ---- files ----------------------------------------------------------------------------------------------------- */

static int find_or_create(struct sim_disk *d, const char *path, unsigned flags, struct sim_inode **ret_inode)
{
	char name[256];
	struct sim_inode *dir;
	int rc = sim_path_parent(d, path, &dir, name, sizeof name);
	if (rc != 0)
		return rc;
	struct sim_inode *i = name[0] ? sim_names_get(&dir->names, name) : dir;
	if (i && (flags & ENV_OPEN_EXCL))
		return -EEXIST;
	if (i && i->is_dir)
		return -EISDIR;
	if (!i && !(flags & ENV_OPEN_CREATE))
		return -ENOENT;
	if (!i) {
		i = sim_inode_new(d, false);
		sim_link(dir, name, i);
	}
	*ret_inode = i;
	return 0;
}

static struct env_file *file_new(struct env *env, struct sim_inode *i, unsigned flags)
{
	struct sim_heap *before = sim_heap_enter(&env->sim->heap);
	struct env_file *f = hy_alloc(sizeof *f);
	*f = (struct env_file){.env = env, .inode = i, .flags = flags};
	i->refs++;
	hy_link_init(&f->link);
	hy_list_push_back(&env->files, &f->link);
	sim_heap_enter(before);
	return f;
}

int env_file_open(struct env *env, const char *path, unsigned flags, struct env_file **ret_file)
{
	struct sim_inode *i;
	take_time(env, NAME_US);
	int rc = find_or_create(env->machine->disk, path, flags, &i);
	struct env_file *f = rc == 0 ? file_new(env, i, flags) : NULL;
	take_time(env, NAME_US);
	if (rc == 0)
		*ret_file = f;
	return rc;
}

void env_file_close(struct env_file *f)
{
	if (f)
		file_free(f);
}

ssize_t env_file_pread(struct env_file *f, void *p, size_t len, uint64_t offset)
{
	take_time(f->env, READ_US);
	return (ssize_t)sim_inode_read(f->inode, p, len, offset);
}

/* Where a writer may be interrupted: after so many bytes. */
static size_t interrupted_at(struct sim *s, size_t len)
{
	if (len < 2 || !sim_chance(s, 200))
		return len;
	return sim_range(s, 1, len - 1);
}

static int write_piece(struct env_file *f, const char *p, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		size_t n = interrupted_at(f->env->sim, len - done);
		size_t written = sim_inode_write(f->inode, p + done, n, offset + done);
		if (written < n)
			return -ENOSPC;
		done += n;
		if (done < len)
			take_time(f->env, WRITE_US);
	}
	return 0;
}

int env_file_pwritev(struct env_file *f, const struct iovec *iov, int count, uint64_t offset)
{
	struct sim *s = f->env->sim;
	if (!(f->flags & ENV_OPEN_WRITE))
		return -EBADF;
	take_time(f->env, WRITE_US);
	int rc = 0, last = count;
	if (sim_chance(s, s->faults.disk_enospc)) {
		last = count > 0 ? (int)sim_range(s, 0, (uint64_t)count - 1) : 0;
		rc = -ENOSPC;
	}
	for (int i = 0; i < last; i++) {
		int piece_rc = write_piece(f, iov[i].iov_base, iov[i].iov_len, offset);
		if (piece_rc != 0)
			return piece_rc;
		offset += iov[i].iov_len;
	}
	take_time(f->env, WRITE_US);
	return rc;
}

int env_file_sync(struct env_file *f)
{
	struct sim_disk *d = f->env->machine->disk;
	uint64_t number = d->write_number;
	take_time(f->env, SYNC_US);
	bool failed = sim_chance(d->sim, d->sim->faults.disk_sync_eio);
	if (failed)
		sim_inode_sync_failed(f->inode);
	else
		sim_inode_synced(f->inode, number);
	take_time(f->env, SYNC_US);
	return failed ? -EIO : 0;
}

int env_file_size(struct env_file *f, uint64_t *ret_size)
{
	take_time(f->env, NAME_US);
	*ret_size = f->inode->size;
	return 0;
}

int env_file_truncate(struct env_file *f, uint64_t size)
{
	if (!(f->flags & ENV_OPEN_WRITE))
		return -EBADF;
	take_time(f->env, NAME_US);
	sim_inode_truncate(f->inode, size);
	take_time(f->env, NAME_US);
	return 0;
}

int env_file_allocate(struct env_file *f, uint64_t size)
{
	struct sim *s = f->env->sim;
	if (!(f->flags & ENV_OPEN_WRITE))
		return -EBADF;
	take_time(f->env, NAME_US);
	bool full = sim_chance(s, s->faults.disk_enospc);
	int rc = full ? -ENOSPC : sim_inode_reserve(f->inode, size);
	take_time(f->env, NAME_US);
	return rc;
}

int env_file_lock(struct env_file *f)
{
	take_time(f->env, NAME_US);
	if (f->inode->locked_by && f->inode->locked_by != f)
		return -EWOULDBLOCK;
	f->inode->locked_by = f;
	return 0;
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static int rename_now(struct sim_disk *d, const char *from, const char *to)
{
	char name[256], to_name[256];
	struct sim_inode *dir, *to_dir;
	int rc = sim_path_parent(d, from, &dir, name, sizeof name);
	if (rc == 0)
		rc = sim_path_parent(d, to, &to_dir, to_name, sizeof to_name);
	if (rc != 0)
		return rc;
	struct sim_inode *i = sim_names_get(&dir->names, name), *there = sim_names_get(&to_dir->names, to_name);
	if (!i)
		return -ENOENT;
	if (!name[0] || !to_name[0])
		return -EBUSY;
	if (i == there)
		return 0;
	if (there && there->is_dir)
		return i->is_dir ? -ENOTEMPTY : -EISDIR;
	if (there && i->is_dir)
		return -ENOTDIR;
	sim_rename(dir, name, to_dir, to_name);
	return 0;
}

int env_rename(struct env *env, const char *from, const char *to)
{
	take_time(env, NAME_US);
	int rc = rename_now(env->machine->disk, from, to);
	take_time(env, NAME_US);
	return rc;
}

static int unlink_now(struct sim_disk *d, const char *path)
{
	char name[256];
	struct sim_inode *dir;
	int rc = sim_path_parent(d, path, &dir, name, sizeof name);
	if (rc != 0)
		return rc;
	struct sim_inode *i = name[0] ? sim_names_get(&dir->names, name) : dir;
	if (!i)
		return -ENOENT;
	if (i->is_dir)
		return -EISDIR;
	sim_unlink(dir, name);
	return 0;
}

int env_unlink(struct env *env, const char *path)
{
	take_time(env, NAME_US);
	int rc = unlink_now(env->machine->disk, path);
	take_time(env, NAME_US);
	return rc;
}

static int rmdir_now(struct sim_disk *d, const char *path)
{
	char name[256];
	struct sim_inode *dir;
	int rc = sim_path_parent(d, path, &dir, name, sizeof name);
	if (rc != 0)
		return rc;
	struct sim_inode *i = name[0] ? sim_names_get(&dir->names, name) : NULL;
	if (!i)
		return name[0] ? -ENOENT : -EBUSY;
	if (!i->is_dir)
		return -ENOTDIR;
	if (i->names.count > 0)
		return -ENOTEMPTY;
	sim_unlink(dir, name);
	return 0;
}

int env_rmdir(struct env *env, const char *path)
{
	take_time(env, NAME_US);
	int rc = rmdir_now(env->machine->disk, path);
	take_time(env, NAME_US);
	return rc;
}

static int mkdir_now(struct sim_disk *d, const char *path)
{
	char name[256];
	struct sim_inode *dir;
	int rc = sim_path_parent(d, path, &dir, name, sizeof name);
	if (rc != 0)
		return rc;
	struct sim_inode *i = name[0] ? sim_names_get(&dir->names, name) : dir;
	if (i)
		return i->is_dir ? 0 : -EEXIST;
	sim_link(dir, name, sim_inode_new(d, true));
	return 0;
}

int env_mkdir(struct env *env, const char *path)
{
	take_time(env, NAME_US);
	int rc = mkdir_now(env->machine->disk, path);
	take_time(env, NAME_US);
	return rc;
}

static int find_dir(struct env *env, const char *path, struct sim_inode **ret_dir)
{
	int rc = sim_path_find(env->machine->disk, path, ret_dir);
	if (rc == 0 && !(*ret_dir)->is_dir)
		rc = -ENOTDIR;
	return rc;
}

int env_dir_sync(struct env *env, const char *path)
{
	struct sim_inode *dir;
	struct sim *s = env->sim;
	uint64_t number = env->machine->disk->write_number;
	int rc = find_dir(env, path, &dir);
	if (rc != 0)
		return rc;
	take_time(env, SYNC_US);
	if (sim_chance(s, s->faults.disk_sync_eio))
		rc = -EIO;
	else
		sim_dir_synced(dir, number);
	take_time(env, SYNC_US);
	return rc;
}

/* A copy first: what `fn` does may change the folder. */
int env_dir_list(struct env *env, const char *path, void (*fn)(void *arg, const char *name), void *arg)
{
	struct sim_inode *dir;
	take_time(env, READ_US);
	int rc = find_dir(env, path, &dir);
	if (rc != 0)
		return rc;
	size_t count = dir->names.count;
	char **names = hy_alloc((count + 1) * sizeof(char *));
	for (size_t i = 0; i < count; i++)
		names[i] = hy_strdup(dir->names.items[i].name);
	for (size_t i = 0; i < count; i++) {
		fn(arg, names[i]);
		hy_free(names[i]);
	}
	hy_free(names);
	return 0;
}

int env_disk_free(struct env *env, const char *path, uint64_t *ret_bytes)
{
	struct sim_disk *d = env->machine->disk;
	struct sim_inode *i;
	take_time(env, NAME_US);
	int rc = sim_path_find(d, path, &i);
	if (rc == 0)
		*ret_bytes = (d->pages_max - HY_MIN(d->pages_used, d->pages_max)) * SIM_PAGE;
	return rc;
}
