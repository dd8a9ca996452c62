/*
 * undo.c - usage: powercut-undo JOURNAL DATA SEED
 *
 * After the server was killed: what a power cut might have left of the folder DATA. Every page, size and name that no
 * sync has made durable keeps its old or its new state by dice; a page may also be torn at 512 bytes. Prints what it
 * did.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"

#define SECTOR 512u

struct undo {
	struct journal *journal;
	uint64_t dice;
	unsigned keep; /* of 256: how likely the new state stays */
	unsigned pages, pages_back, torn, sizes, sizes_back, names, names_back;
};

static uint64_t roll(struct undo *u)
{
	uint64_t z = u->dice += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static bool stays(struct undo *u)
{
	return roll(u) % 256 < u->keep;
}

/* ---- contents ---------------------------------------------------------------------------------------------------- */

static void read_page(int fd, uint64_t page, uint8_t *ret)
{
	memset(ret, 0, JOURNAL_PAGE);
	if (pread(fd, ret, JOURNAL_PAGE, (off_t)(page * JOURNAL_PAGE)) < 0)
		journal_die("cannot be read", "data");
}

/** Old sectors among new ones. */
static void tear(struct undo *u, uint8_t *old, const uint8_t *now)
{
	uint64_t which = roll(u);
	for (unsigned i = 0; i < JOURNAL_PAGE / SECTOR; i++)
		if (which & 1u << i)
			memcpy(old + i * SECTOR, now + i * SECTOR, SECTOR);
	u->torn++;
}

/** `certain`: the page lay beyond the end to which the file was cut; with the old size comes the old content. */
static void undo_page(struct undo *u, int fd, const struct file *f, uint64_t page, bool certain)
{
	const struct old_page *p = &f->pages[page];
	uint8_t old[JOURNAL_PAGE] = {0}, now[JOURNAL_PAGE];
	uint32_t len;
	u->pages++;
	if (!certain && stays(u))
		return;
	const struct shadow *s = &p->old[p->old[1].at ? roll(u) % 2 : 0];
	const uint8_t *bytes = journal_shadow(u->journal, s, &len);
	memcpy(old, bytes, len);
	read_page(fd, page, now);
	if (!certain && roll(u) % 8 == 0)
		tear(u, old, now);
	if (pwrite(fd, old, sizeof old, (off_t)(page * JOURNAL_PAGE)) != (ssize_t)sizeof old)
		journal_die("cannot be written", f->path ? f->path : "a removed file");
	u->pages_back++;
}

/** A file that was growing may end anywhere between; one that shrank has either size. */
static uint64_t pick_size(struct undo *u, const struct file *f, uint64_t now)
{
	if (!f->size_count)
		return now;
	u->sizes++;
	if (stays(u))
		return now;
	u->sizes_back++;
	uint64_t old = f->sizes[roll(u) % f->size_count].size;
	if (old >= now || roll(u) % 2 == 0)
		return old;
	uint64_t between = (old + roll(u) % (now - old)) / JOURNAL_PAGE * JOURNAL_PAGE;
	return between > old ? between : old;
}

static void undo_file(struct undo *u, const struct file *f)
{
	struct stat st;
	if (!f->dirty_count && !f->size_count)
		return;
	char *path = f->path ? journal_data_path(u->journal, f->path) : journal_kept_path(u->journal, f);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) { /* removed and forgotten */
		free(path);
		return;
	}
	if (fd < 0 || fstat(fd, &st) != 0)
		journal_die("cannot be opened", path);
	uint64_t now = (uint64_t)st.st_size, size = pick_size(u, f, now);
	for (size_t i = 0; i < f->dirty_count; i++) {
		uint64_t page = f->dirty[i];
		if (page * JOURNAL_PAGE < size)
			undo_page(u, fd, f, page, page * JOURNAL_PAGE >= now);
	}
	if (ftruncate(fd, (off_t)size) != 0)
		journal_die("cannot be cut", path);
	close(fd);
	free(path);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/** What a name stands for: a file's number, or 0. */
struct name {
	const char *path;
	uint64_t then, now, will_be; /* at the last sync; at the kill; after the power cut */
};

struct names {
	struct name *names;
	size_t count;
};

#define FOLDER UINT64_MAX

static struct name *name_of(struct names *n, const char *path)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->names[i].path, path) == 0)
			return &n->names[i];
	n->names[n->count] = (struct name){.path = path};
	return &n->names[n->count++];
}

static void collect(const struct journal *j, struct names *n)
{
	n->names = calloc(2 * j->op_count + 1, sizeof *n->names);
	if (!n->names)
		journal_die("no memory", "names");
	for (size_t i = 0; i < j->op_count; i++) {
		const struct name_op *op = &j->ops[i];
		struct name *from = name_of(n, op->from);
		from->now = op->kind == NAME_CREATE ? op->file : op->kind == NAME_MKDIR ? FOLDER : 0;
		if (op->to)
			name_of(n, op->to)->now = op->file;
	}
	for (size_t i = 0; i < n->count; i++)
		n->names[i].then = n->names[i].now;
	for (size_t i = j->op_count; i > 0; i--) {
		const struct name_op *op = &j->ops[i - 1];
		name_of(n, op->from)->then = op->kind == NAME_CREATE || op->kind == NAME_MKDIR ? 0 : op->file;
		if (op->to)
			name_of(n, op->to)->then = op->replaced;
	}
}

/** The folder that holds the name is not known to be missing. */
static bool has_folder(struct names *n, const char *path)
{
	size_t len = journal_folder_len(path);
	for (size_t i = 0; i < n->count; i++)
		if (strlen(n->names[i].path) == len && memcmp(n->names[i].path, path, len) == 0)
			return n->names[i].will_be == FOLDER;
	return true;
}

static bool may_happen(struct names *n, const struct name_op *op)
{
	struct name *from = name_of(n, op->from);
	if (op->kind == NAME_CREATE || op->kind == NAME_MKDIR)
		return from->will_be == 0 && has_folder(n, op->from);
	return from->will_be == op->file && (!op->to || has_folder(n, op->to));
}

static void happen(struct names *n, const struct name_op *op)
{
	struct name *from = name_of(n, op->from);
	from->will_be = op->kind == NAME_CREATE ? op->file : op->kind == NAME_MKDIR ? FOLDER : 0;
	if (op->to)
		name_of(n, op->to)->will_be = op->file;
}

/** Half of the time in order, as file systems with a journal do it; else each operation for itself, as the standard
 * allows. */
static void choose(struct undo *u, struct names *n)
{
	const struct journal *j = u->journal;
	bool in_order = roll(u) % 2 == 0, over = false;
	for (size_t i = 0; i < n->count; i++)
		n->names[i].will_be = n->names[i].then;
	for (size_t i = 0; i < j->op_count; i++) {
		bool stay = stays(u) && !over;
		over = in_order && !stay;
		u->names++;
		if (stay && may_happen(n, &j->ops[i]))
			happen(n, &j->ops[i]);
		else
			u->names_back++;
	}
}

static char *staged(const struct journal *j, uint64_t id)
{
	size_t size = strlen(j->folder) + 40;
	char *path = malloc(size);
	if (!path)
		journal_die("no memory", "names");
	snprintf(path, size, "%s/kept/staged-%llu", j->folder, (unsigned long long)id);
	return path;
}

/** All files concerned are put aside first, so that names may change in any way. */
static void put_aside(struct undo *u, uint64_t id)
{
	struct file *f = journal_file(u->journal, id);
	if (!f)
		return;
	char *now = f->path ? journal_data_path(u->journal, f->path) : journal_kept_path(u->journal, f),
	     *to = staged(u->journal, id);
	if (link(now, to) != 0 && errno != EEXIST && errno != ENOENT)
		journal_die("cannot be put aside", now);
	free(now);
	free(to);
}

static void remove_tree(const char *path)
{
	char command[2 * PATH_MAX];
	snprintf(command, sizeof command, "rm -rf -- '%s'", path);
	if (system(command) != 0)
		journal_die("cannot be removed", path);
}

static void give_name(struct undo *u, const struct name *n)
{
	char *path = journal_data_path(u->journal, n->path), *from = staged(u->journal, n->will_be);
	if (n->will_be && n->will_be != FOLDER && link(from, path) != 0)
		journal_die("cannot be given its name", path);
	free(path);
	free(from);
}

static void take_name(struct undo *u, const struct name *n)
{
	char *path = journal_data_path(u->journal, n->path);
	if (n->now == FOLDER && n->will_be != FOLDER)
		remove_tree(path);
	else if (n->now && n->now != FOLDER && unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
		journal_die("cannot be removed", path);
	free(path);
}

static void undo_names(struct undo *u)
{
	struct journal *j = u->journal;
	struct names n = {0};
	collect(j, &n);
	choose(u, &n);
	for (size_t i = 0; i < n.count; i++) {
		put_aside(u, n.names[i].then);
		put_aside(u, n.names[i].now == FOLDER ? 0 : n.names[i].now);
		put_aside(u, n.names[i].will_be == FOLDER ? 0 : n.names[i].will_be);
	}
	for (size_t i = 0; i < n.count; i++)
		take_name(u, &n.names[i]);
	for (size_t i = 0; i < n.count; i++)
		if (has_folder(&n, n.names[i].path))
			give_name(u, &n.names[i]);
	for (size_t i = 0; i < j->file_count; i++) {
		char *path = staged(j, i + 1);
		unlink(path);
		free(path);
	}
	free(n.names);
}

int main(int argc, char **argv)
{
	static const unsigned tempers[] = {0, 128, 230, 128};
	if (argc != 4) {
		fprintf(stderr, "usage: powercut-undo JOURNAL DATA SEED\n");
		return 2;
	}
	char data[PATH_MAX];
	if (!realpath(argv[2], data))
		journal_die("no such folder", argv[2]);
	struct undo u = {.journal = journal_open(argv[1], data), .dice = strtoull(argv[3], NULL, 10)};
	u.keep = tempers[roll(&u) % (sizeof tempers / sizeof *tempers)];
	for (size_t i = 0; i < u.journal->file_count; i++)
		undo_file(&u, u.journal->files[i]);
	undo_names(&u);
	journal_clear(u.journal);
	journal_close(u.journal);
	printf("pages %u back %u torn %u; sizes %u back %u; names %u back %u\n", u.pages, u.pages_back, u.torn, u.sizes,
		u.sizes_back, u.names, u.names_back);
	return 0;
}
