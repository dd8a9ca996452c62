/**
 * sim_disk.h - what sim_disk.c (the calls), sim_inode.c (what a file holds) and sim_names.c (folders) share.
 *
 * Everything exists twice: as the page cache has it, which is what processes see, and as it would be after a power cut.
 */
#ifndef ENV_SIM_DISK_H
#define ENV_SIM_DISK_H

#include "env/sim/sim_int.h"

enum { SIM_PAGE = 4096, SIM_SECTOR = 512 };

/** clean: what is durable is `data`. dirty, lost: it is `old`. NULL: zeros. */
struct sim_page {
	uint8_t *data, *old;
	uint64_t dirtied; /* disk->write_number when it became dirty */
	bool dirty;       /* the next sync writes it */
	bool lost;        /* a failed sync left it behind: no sync writes it until it is changed again */
};

struct sim_name {
	char *name;
	struct sim_inode *inode;
};

/** Sorted by name. */
struct sim_names {
	struct sim_name *items;
	size_t count, cap;
};

struct sim_inode {
	struct hy_link link; /* disk->inodes */
	struct sim_disk *disk;
	bool is_dir, marked;
	unsigned refs; /* names, waiting changes of names, open files */
	/* a file */
	struct sim_page *pages;
	size_t page_count, reserved; /* reserved: so many pages from the front have their blocks */
	uint64_t size, durable_size;
	bool size_dirty;
	size_t *dirty; /* indexes of dirty pages */
	size_t dirty_count, dirty_cap;
	struct env_file *locked_by;
	/* a folder */
	struct sim_names names, durable;
};

enum sim_change_kind { SIM_LINK, SIM_UNLINK, SIM_RENAME };

/** A change of names that is not durable yet. */
struct sim_change {
	struct hy_link link;
	enum sim_change_kind kind;
	uint64_t number;
	struct sim_inode *inode, *dir, *to_dir;
	char *name, *to_name; /* SIM_RENAME alone has the latter */
};

struct sim_disk {
	struct sim_machine *machine;
	struct sim *sim;
	struct hy_link inodes, changes;
	struct sim_inode *root;
	uint64_t pages_max, pages_used;
	uint64_t write_number;
};

struct env_file {
	struct hy_link link; /* env->files */
	struct env *env;
	struct sim_inode *inode;
	unsigned flags;
};

/* ---- sim_inode.c ----------------------------------------------------------------------------------------------- */

struct sim_inode *sim_inode_new(struct sim_disk *d, bool is_dir);
void sim_inode_unref(struct sim_inode *i);
void sim_inode_free(struct sim_inode *i);
size_t sim_inode_read(const struct sim_inode *i, void *p, size_t len, uint64_t offset);
/** Bytes written: fewer than `len` when the disk is full. */
size_t sim_inode_write(struct sim_inode *i, const void *p, size_t len, uint64_t offset);
void sim_inode_truncate(struct sim_inode *i, uint64_t size);
int sim_inode_reserve(struct sim_inode *i, uint64_t size);
/** What became dirty up to `number` is durable. */
void sim_inode_synced(struct sim_inode *i, uint64_t number);
void sim_inode_sync_failed(struct sim_inode *i);
/** `survival`: the chance, in 1/1000, of each thing that was not synced. */
void sim_inode_power_cut(struct sim_inode *i, unsigned survival);
void sim_inode_damage(struct sim_inode *i, uint64_t offset, uint8_t mask);

/* ---- sim_names.c ----------------------------------------------------------------------------------------------- */

/**
 * Finds the folder that holds the last name of `path`; *ret_name points into `path`, or is "" for the root. -ENOENT,
 * -ENOTDIR.
 */
int sim_path_parent(struct sim_disk *d, const char *path, struct sim_inode **ret_dir, char *ret_name, size_t name_size);
/** -ENOENT, -ENOTDIR. */
int sim_path_find(struct sim_disk *d, const char *path, struct sim_inode **ret_inode);
struct sim_inode *sim_names_get(const struct sim_names *n, const char *name);
/** In the page cache, and noted as a change. */
void sim_link(struct sim_inode *dir, const char *name, struct sim_inode *inode);
void sim_unlink(struct sim_inode *dir, const char *name);
void sim_rename(struct sim_inode *dir, const char *name, struct sim_inode *to_dir, const char *to_name);
/** Changes up to `number` in this folder are durable. */
void sim_dir_synced(struct sim_inode *dir, uint64_t number);
void sim_names_power_cut(struct sim_disk *d, unsigned survival);
/** As if it had been there for ever. */
struct sim_inode *sim_dir_original(struct sim_inode *parent, const char *name);
void sim_names_free(struct sim_names *n);

#endif
