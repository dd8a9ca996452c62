/* Folders: the names that processes see, those that a power cut leaves, and the changes between the two. */
#include "env/sim/sim_disk.h"

/* ---- sorted names ---------------------------------------------------------------------------------------------- */

static size_t names_slot(const struct sim_names *n, const char *name, bool *ret_found)
{
	size_t lo = 0, hi = n->count;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(n->items[mid].name, name);
		if (c == 0) {
			*ret_found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_found = false;
	return lo;
}

struct sim_inode *sim_names_get(const struct sim_names *n, const char *name)
{
	bool found;
	size_t at = names_slot(n, name, &found);
	return found ? n->items[at].inode : NULL;
}

static void names_put(struct sim_names *n, const char *name, struct sim_inode *inode)
{
	bool found;
	size_t at = names_slot(n, name, &found);
	inode->refs++;
	if (found) {
		sim_inode_unref(n->items[at].inode);
		n->items[at].inode = inode;
		return;
	}
	if (n->count == n->cap) {
		n->cap = n->cap ? 2 * n->cap : 8;
		n->items = hy_realloc(n->items, n->cap * sizeof *n->items);
	}
	memmove(n->items + at + 1, n->items + at, (n->count - at) * sizeof *n->items);
	n->items[at] = (struct sim_name){hy_strdup(name), inode};
	n->count++;
}

static void names_remove(struct sim_names *n, const char *name, const struct sim_inode *inode)
{
	bool found;
	size_t at = names_slot(n, name, &found);
	if (!found || n->items[at].inode != inode)
		return;
	struct sim_name gone = n->items[at];
	memmove(n->items + at, n->items + at + 1, (--n->count - at) * sizeof *n->items);
	hy_free(gone.name);
	sim_inode_unref(gone.inode);
}

/* The inodes are another's to give up. */
void sim_names_free(struct sim_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		hy_free(n->items[i].name);
	hy_free(n->items);
	*n = (struct sim_names){0};
}

/* ---- paths ----------------------------------------------------------------------------------------------------- */

int sim_path_parent(struct sim_disk *d, const char *path, struct sim_inode **ret_dir, char *ret_name, size_t name_size)
{
	struct sim_inode *dir = d->root;
	ret_name[0] = '\0';
	for (;;) {
		path += strspn(path, "/");
		size_t len = strcspn(path, "/");
		if (len == 0)
			break;
		if (len == 1 && path[0] == '.') {
			path += len;
			continue;
		}
		if (ret_name[0]) {
			dir = sim_names_get(&dir->names, ret_name);
			if (!dir)
				return -ENOENT;
			if (!dir->is_dir)
				return -ENOTDIR;
		}
		if (len >= name_size)
			return -ENAMETOOLONG;
		memcpy(ret_name, path, len);
		ret_name[len] = '\0';
		path += len;
	}
	*ret_dir = dir;
	return 0;
}

int sim_path_find(struct sim_disk *d, const char *path, struct sim_inode **ret_inode)
{
	char name[256];
	struct sim_inode *dir;
	int rc = sim_path_parent(d, path, &dir, name, sizeof name);
	if (rc != 0)
		return rc;
	struct sim_inode *inode = name[0] ? sim_names_get(&dir->names, name) : dir;
	if (!inode)
		return -ENOENT;
	*ret_inode = inode;
	return 0;
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

static void change_note(struct sim_inode *inode, enum sim_change_kind kind, struct sim_inode *dir, const char *name,
	struct sim_inode *to_dir, const char *to_name)
{
	struct sim_disk *d = dir->disk;
	struct sim_change *c = hy_alloc(sizeof *c);
	*c = (struct sim_change){
		.kind = kind, .number = ++d->write_number, .inode = inode, .dir = dir, .to_dir = to_dir};
	c->name = hy_strdup(name);
	c->to_name = to_name ? hy_strdup(to_name) : NULL;
	inode->refs++;
	hy_link_init(&c->link);
	hy_list_push_back(&d->changes, &c->link);
}

static void change_free(struct sim_change *c)
{
	hy_list_remove(&c->link);
	sim_inode_unref(c->inode);
	hy_free(c->name);
	hy_free(c->to_name);
	hy_free(c);
}

void sim_link(struct sim_inode *dir, const char *name, struct sim_inode *inode)
{
	struct sim_heap *before = sim_heap_enter(&dir->disk->sim->heap);
	change_note(inode, SIM_LINK, dir, name, NULL, NULL);
	names_put(&dir->names, name, inode);
	sim_heap_enter(before);
}

void sim_unlink(struct sim_inode *dir, const char *name)
{
	struct sim_heap *before = sim_heap_enter(&dir->disk->sim->heap);
	struct sim_inode *inode = sim_names_get(&dir->names, name);
	change_note(inode, SIM_UNLINK, dir, name, NULL, NULL);
	names_remove(&dir->names, name, inode);
	sim_heap_enter(before);
}

void sim_rename(struct sim_inode *dir, const char *name, struct sim_inode *to_dir, const char *to_name)
{
	struct sim_heap *before = sim_heap_enter(&dir->disk->sim->heap);
	struct sim_inode *inode = sim_names_get(&dir->names, name);
	change_note(inode, SIM_RENAME, dir, name, to_dir, to_name);
	names_remove(&dir->names, name, inode);
	names_put(&to_dir->names, to_name, inode);
	sim_heap_enter(before);
}

static void change_apply(const struct sim_change *c)
{
	switch (c->kind) {
	case SIM_LINK:
		names_put(&c->dir->durable, c->name, c->inode);
		break;
	case SIM_UNLINK:
		names_remove(&c->dir->durable, c->name, c->inode);
		break;
	case SIM_RENAME:
		names_remove(&c->dir->durable, c->name, c->inode);
		names_put(&c->to_dir->durable, c->to_name, c->inode);
		break;
	}
}

/* What happened to one file happened in one order: a later change of it never outlives an earlier one. */
static void apply_with_earlier(struct sim_disk *d, struct sim_change *last)
{
	struct sim_change *c;
	hy_list_each (c, &d->changes, struct sim_change, link) {
		if (c->number > last->number)
			return;
		if (c->inode != last->inode)
			continue;
		bool done = c == last;
		change_apply(c);
		change_free(c);
		if (done)
			return;
	}
}

static struct sim_change *first_in_dir(struct sim_inode *dir, uint64_t number)
{
	struct sim_change *c;
	hy_list_each (c, &dir->disk->changes, struct sim_change, link)
		if (c->number <= number && (c->dir == dir || c->to_dir == dir))
			return c;
	return NULL;
}

void sim_dir_synced(struct sim_inode *dir, uint64_t number)
{
	struct sim_heap *before = sim_heap_enter(&dir->disk->sim->heap);
	struct sim_change *c;
	while ((c = first_in_dir(dir, number)))
		apply_with_earlier(dir->disk, c);
	sim_heap_enter(before);
}

struct sim_inode *sim_dir_original(struct sim_inode *parent, const char *name)
{
	struct sim_inode *dir = sim_inode_new(parent->disk, true);
	names_put(&parent->names, name, dir);
	names_put(&parent->durable, name, dir);
	return dir;
}

/* ---- power cut ------------------------------------------------------------------------------------------------- */

static void mark(struct sim_inode *i)
{
	if (i->marked)
		return;
	i->marked = true;
	for (size_t n = 0; n < i->durable.count; n++)
		mark(i->durable.items[n].inode);
}

/* Folders as they are on disk; what no name leads to is gone. */
static void names_reload(struct sim_disk *d)
{
	struct sim_inode *i;
	mark(d->root);
	hy_list_each (i, &d->inodes, struct sim_inode, link) {
		i->refs = i == d->root;
		sim_names_free(&i->names);
	}
	hy_list_each (i, &d->inodes, struct sim_inode, link)
		if (!i->marked)
			sim_inode_free(i);
	hy_list_each (i, &d->inodes, struct sim_inode, link) {
		i->marked = false;
		for (size_t n = 0; n < i->durable.count; n++) {
			i->durable.items[n].inode->refs++;
			names_put(&i->names, i->durable.items[n].name, i->durable.items[n].inode);
		}
	}
}

void sim_names_power_cut(struct sim_disk *d, unsigned survival)
{
	struct sim_change *c, *later;
	while ((c = hy_list_first(&d->changes, struct sim_change, link))) {
		if (sim_chance(d->sim, survival)) {
			change_apply(c);
		} else {
			hy_list_each (later, &d->changes, struct sim_change, link)
				if (later != c && later->inode == c->inode)
					change_free(later);
		}
		change_free(c);
	}
	names_reload(d);
}
