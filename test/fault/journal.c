#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x7475637265776f70ull

void journal_die(const char *what, const char *path)
{
	fprintf(stderr, "powercut: %s: %s: %s\n", path, what, strerror(errno));
	abort();
}

static void *grow(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		journal_die("no memory", "journal");
	return p;
}

static char *join(const char *a, const char *b)
{
	size_t size = strlen(a) + strlen(b) + 2;
	char *path = grow(NULL, size);
	snprintf(path, size, "%s/%s", a, b);
	return path;
}

static char *copy(const char *s)
{
	char *c = grow(NULL, strlen(s) + 1);
	memcpy(c, s, strlen(s) + 1);
	return c;
}

char *journal_data_path(const struct journal *j, const char *path)
{
	return join(j->data, path);
}

char *journal_kept_path(const struct journal *j, const struct file *f)
{
	char name[32];
	snprintf(name, sizeof name, "kept/%llu", (unsigned long long)f->inode);
	return join(j->folder, name);
}

size_t journal_folder_len(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) : 0;
}

static bool is_in(const char *path, const char *folder)
{
	size_t len = journal_folder_len(path);
	return len == strlen(folder) && memcmp(path, folder, len) == 0;
}

struct file *journal_file(struct journal *j, uint64_t id)
{
	return id && id <= j->file_count ? j->files[id - 1] : NULL;
}

struct file *journal_file_by_inode(struct journal *j, uint64_t inode)
{
	for (size_t i = j->file_count; i > 0; i--)
		if (j->files[i - 1]->inode == inode)
			return j->files[i - 1];
	return NULL;
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static uint64_t append(struct journal *j, const struct record *r, const void *payload)
{
	uint64_t at = j->head->used, end = at + sizeof *r + ((r->len + 7) & ~7u);
	if (end > JOURNAL_BYTES) {
		errno = EFBIG;
		journal_die("the journal is full: start the server anew more often", j->folder);
	}
	memcpy(j->map + at, r, sizeof *r);
	if (payload && r->len)
		memcpy(j->map + at + sizeof *r, payload, r->len);
	__atomic_store_n(
		&j->head->used, end, __ATOMIC_RELEASE); /* a kill before this line: the record was never there */
	return at;
}

const uint8_t *journal_shadow(const struct journal *j, const struct shadow *s, uint32_t *ret_len)
{
	const struct record *r = (const struct record *)(j->map + s->at);
	*ret_len = r->len;
	return (const uint8_t *)(r + 1);
}

/* ---- the model: the same functions for what happens and for what is read back ------------------------------------ */

static struct file *model_file(struct journal *j, uint64_t inode, const char *path)
{
	struct file *old = journal_file_by_inode(j, inode);
	if (old)
		old->inode = 0; /* removed behind our back */
	struct file *f = grow(NULL, sizeof *f);
	*f = (struct file){.id = j->file_count + 1, .inode = inode, .path = *path ? copy(path) : NULL, .round = 1};
	j->files = grow(j->files, (j->file_count + 1) * sizeof(struct file *));
	j->files[j->file_count++] = f;
	return f;
}

static void reserve_page(struct file *f, uint64_t page)
{
	if (page >= f->page_count) {
		size_t count = page + 64 > 2 * f->page_count ? page + 64 : 2 * f->page_count;
		f->pages = grow(f->pages, count * sizeof *f->pages);
		memset(f->pages + f->page_count, 0, (count - f->page_count) * sizeof *f->pages);
		f->page_count = count;
	}
	if (f->dirty_count == f->dirty_room) {
		f->dirty_room = f->dirty_room ? 2 * f->dirty_room : 16;
		f->dirty = grow(f->dirty, f->dirty_room * sizeof *f->dirty);
	}
}

static void model_page(struct file *f, uint64_t page, uint64_t at, uint32_t round)
{
	reserve_page(f, page);
	struct old_page *p = &f->pages[page];
	if (!p->old[0].at)
		f->dirty[f->dirty_count++] = page;
	/* written again, a page whose sync had failed is written out by the next one */
	if (p->old[0].stuck)
		p->old[0].stuck = p->old[1].stuck = false;
	if (!p->old[1].at)
		p->old[1] = p->old[0];
	p->old[0] = (struct shadow){at, round, false};
	if (round > f->round)
		f->round = round;
}

bool journal_needs_page(const struct file *f, uint64_t page)
{
	if (page >= f->page_count)
		return true;
	const struct shadow *newest = &f->pages[page].old[0];
	return !newest->at || newest->round < f->round || newest->stuck;
}

static void model_size(struct file *f, uint64_t size, uint32_t round)
{
	if (f->size_count && f->sizes[0].stuck)
		f->sizes[0].stuck = false;
	if (f->size_count < 2)
		f->sizes[f->size_count++] = f->sizes[0];
	f->sizes[0] = (struct old_size){size, round, false};
	if (round > f->round)
		f->round = round;
}

static bool is_over(struct shadow *s, uint32_t round)
{
	if (s->at && s->round <= round && !s->stuck)
		*s = (struct shadow){0};
	return !s->at;
}

static void model_synced(struct file *f, uint32_t round)
{
	size_t left = 0;
	for (size_t i = 0; i < f->dirty_count; i++) {
		struct old_page *p = &f->pages[f->dirty[i]];
		is_over(&p->old[1], round);
		if (is_over(&p->old[0], round)) {
			p->old[0] = p->old[1];
			p->old[1] = (struct shadow){0};
		}
		if (p->old[0].at)
			f->dirty[left++] = f->dirty[i];
	}
	f->dirty_count = left;
	unsigned sizes = 0;
	for (unsigned i = 0; i < f->size_count; i++)
		if (f->sizes[i].round > round || f->sizes[i].stuck)
			f->sizes[sizes++] = f->sizes[i];
	f->size_count = sizes;
	if (round >= f->round)
		f->round = round + 1;
}

static void model_failed(struct file *f, uint32_t round)
{
	f->sync_failed = true;
	for (size_t i = 0; i < f->dirty_count; i++)
		for (unsigned k = 0; k < 2; k++) {
			struct shadow *s = &f->pages[f->dirty[i]].old[k];
			if (s->at && s->round <= round)
				s->stuck = true;
		}
	for (unsigned i = 0; i < f->size_count; i++)
		if (f->sizes[i].round <= round)
			f->sizes[i].stuck = true;
	if (round >= f->round)
		f->round = round + 1;
}

static void set_path(struct file *f, const char *path)
{
	if (!f)
		return;
	free(f->path);
	f->path = path ? copy(path) : NULL;
}

static void model_name(struct journal *j, const struct record *r, const char *names)
{
	if (j->op_count == j->op_room) {
		j->op_room = j->op_room ? 2 * j->op_room : 16;
		j->ops = grow(j->ops, j->op_room * sizeof *j->ops);
	}
	j->ops[j->op_count++] = (struct name_op){.kind = (enum name_kind)r->value,
		.file = r->file,
		.replaced = r->other,
		.from = copy(names),
		.to = r->value == NAME_RENAME ? copy(names + strlen(names) + 1) : NULL};
}

static void free_op(struct name_op *op)
{
	free(op->from);
	free(op->to);
}

static void model_done(struct journal *j, bool good)
{
	if (!j->op_count)
		return;
	struct name_op *op = &j->ops[j->op_count - 1];
	if (!good) {
		free_op(op);
		j->op_count--;
		return;
	}
	op->done = true;
	if (op->kind == NAME_CREATE || op->kind == NAME_RENAME)
		set_path(journal_file(j, op->file), op->to ? op->to : op->from);
	if (op->kind == NAME_REMOVE)
		set_path(journal_file(j, op->file), NULL);
	if (op->kind == NAME_RENAME)
		set_path(journal_file(j, op->replaced), NULL);
}

static void forget_kept(struct journal *j, uint64_t id)
{
	struct file *f = journal_file(j, id);
	if (!f || f->path || j->reading)
		return;
	char *path = journal_kept_path(j, f);
	unlink(path);
	free(path);
}

static void model_folder(struct journal *j, const char *path)
{
	size_t left = 0;
	for (size_t i = 0; i < j->op_count; i++) {
		struct name_op *op = &j->ops[i];
		if (!is_in(op->from, path) && !(op->to && is_in(op->to, path))) {
			j->ops[left++] = *op;
			continue;
		}
		forget_kept(j, op->kind == NAME_REMOVE ? op->file : op->replaced);
		free_op(op);
	}
	j->op_count = left;
}

static void model_record(struct journal *j, const struct record *r, uint64_t at)
{
	const char *payload = (const char *)(r + 1);
	struct file *f = journal_file(j, r->file);
	switch (r->type) {
	case RECORD_FILE:
		model_file(j, r->value, payload);
		break;
	case RECORD_PAGE:
		model_page(f, r->value, at, r->round);
		break;
	case RECORD_SIZE:
		model_size(f, r->value, r->round);
		break;
	case RECORD_SYNCED:
		model_synced(f, r->round);
		break;
	case RECORD_FAILED:
		model_failed(f, r->round);
		break;
	case RECORD_NAME:
		model_name(j, r, payload);
		break;
	case RECORD_DONE:
		model_done(j, r->good);
		break;
	case RECORD_FOLDER:
		model_folder(j, payload);
		break;
	default:
		errno = EINVAL;
		journal_die("no journal of this program", j->folder);
	}
}

/* ---- what happens ------------------------------------------------------------------------------------------------ */

struct file *journal_add_file(struct journal *j, uint64_t inode, const char *path)
{
	struct record r = {.type = RECORD_FILE, .len = (uint32_t)strlen(path) + 1, .value = inode};
	append(j, &r, path);
	return model_file(j, inode, path);
}

void journal_page(struct journal *j, struct file *f, uint64_t page, const void *old, uint32_t len)
{
	struct record r = {.type = RECORD_PAGE, .len = len, .file = f->id, .value = page, .round = f->round};
	model_page(f, page, append(j, &r, old), f->round);
}

void journal_size(struct journal *j, struct file *f, uint64_t old_size)
{
	if (f->size_count && f->sizes[0].round == f->round && !f->sizes[0].stuck)
		return;
	struct record r = {.type = RECORD_SIZE, .file = f->id, .value = old_size, .round = f->round};
	append(j, &r, NULL);
	model_size(f, old_size, f->round);
}

uint32_t journal_sync_begins(struct file *f)
{
	return f->round++;
}

void journal_sync_ended(struct journal *j, struct file *f, uint32_t round, bool good)
{
	struct record r = {.type = good ? RECORD_SYNCED : RECORD_FAILED, .file = f->id, .round = round};
	append(j, &r, NULL);
	if (good)
		model_synced(f, round);
	else
		model_failed(f, round);
}

void journal_folder_synced(struct journal *j, const char *path)
{
	struct record r = {.type = RECORD_FOLDER, .len = (uint32_t)strlen(path) + 1};
	append(j, &r, path);
	model_folder(j, path);
}

void journal_name(
	struct journal *j, enum name_kind kind, struct file *f, struct file *replaced, const char *from, const char *to)
{
	char names[8192];
	size_t from_len = strlen(from) + 1, to_len = to ? strlen(to) + 1 : 0;
	if (from_len + to_len > sizeof names) {
		errno = ENAMETOOLONG;
		journal_die("rename", from);
	}
	memcpy(names, from, from_len);
	if (to)
		memcpy(names + from_len, to, to_len);
	struct record r = {.type = RECORD_NAME,
		.len = (uint32_t)(from_len + to_len),
		.file = f ? f->id : 0,
		.value = kind,
		.other = replaced ? replaced->id : 0};
	append(j, &r, names);
	model_name(j, &r, names);
}

void journal_name_done(struct journal *j, bool good)
{
	struct record r = {.type = RECORD_DONE, .good = good};
	append(j, &r, NULL);
	model_done(j, good);
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static void map_records(struct journal *j, const char *name, int flags)
{
	char *path = join(j->folder, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
	if (fd < 0 || ftruncate(fd, JOURNAL_BYTES) != 0)
		journal_die("cannot be made", path);
	j->map = mmap(NULL, JOURNAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (j->map == MAP_FAILED)
		journal_die("cannot be mapped", path);
	close(fd);
	free(path);
	j->head = (struct journal_head *)j->map;
	if (j->head->magic != MAGIC)
		*j->head = (struct journal_head){.magic = MAGIC, .used = sizeof *j->head};
}

/** The last operation of a process that was killed: has it taken place? Inodes tell. */
static void settle_last_name(struct journal *j)
{
	if (!j->op_count || j->ops[j->op_count - 1].done)
		return;
	struct name_op *op = &j->ops[j->op_count - 1];
	struct file *f = journal_file(j, op->file);
	char *path = journal_data_path(j, op->to ? op->to : op->from);
	struct stat st;
	bool there = lstat(path, &st) == 0;
	bool good = op->kind == NAME_REMOVE  ? !there
		    : op->kind == NAME_MKDIR ? there
					     : there && f && st.st_ino == f->inode;
	free(path);
	journal_name_done(j, good);
}

struct journal *journal_open(const char *folder, const char *data)
{
	struct journal *j = grow(NULL, sizeof *j);
	*j = (struct journal){.folder = copy(folder), .data = copy(data)};
	char *kept = join(folder, "kept");
	if (mkdir(kept, 0700) != 0 && errno != EEXIST)
		journal_die("cannot be made", kept);
	free(kept);
	map_records(j, "records", 0);
	j->reading = true;
	for (uint64_t at = sizeof *j->head; at < j->head->used;) {
		const struct record *r = (const struct record *)(j->map + at);
		model_record(j, r, at);
		at += sizeof *r + ((r->len + 7) & ~7u);
	}
	j->reading = false;
	settle_last_name(j);
	return j;
}

static void free_files(struct journal *j)
{
	for (size_t i = 0; i < j->file_count; i++) {
		free(j->files[i]->path);
		free(j->files[i]->pages);
		free(j->files[i]->dirty);
		free(j->files[i]);
	}
	free(j->files);
	j->files = NULL;
	j->file_count = 0;
}

static void free_model(struct journal *j)
{
	free_files(j);
	for (size_t i = 0; i < j->op_count; i++)
		free_op(&j->ops[i]);
	free(j->ops);
	j->ops = NULL;
	j->op_count = j->op_room = 0;
}

void journal_close(struct journal *j)
{
	munmap(j->map, JOURNAL_BYTES);
	free_model(j);
	free(j->folder);
	free(j->data);
	free(j);
}

/** Appends to `to` what reading gives the same state of `f`: as if each page had been changed once in each of its
 * rounds. */
static void compact_file(struct journal *from, struct journal *to, const struct file *f)
{
	struct file *g = journal_add_file(to, f->inode, f->path ? f->path : "");
	for (int k = 1; k >= 0; k--) {
		bool stuck = false;
		uint32_t newest = 1;
		for (size_t i = 0; i < f->dirty_count; i++) {
			const struct shadow *s = &f->pages[f->dirty[i]].old[k];
			uint32_t len;
			if (!s->at)
				continue;
			const uint8_t *bytes = journal_shadow(from, s, &len);
			g->round = s->round;
			journal_page(to, g, f->dirty[i], bytes, len);
			stuck |= s->stuck;
			newest = s->round > newest ? s->round : newest;
		}
		if ((unsigned)k < f->size_count) {
			g->round = f->sizes[k].round;
			journal_size(to, g, f->sizes[k].size);
			stuck |= f->sizes[k].stuck;
			newest = g->round > newest ? g->round : newest;
		}
		if (stuck) /* coarser than it was: pages written again since stay stuck too */
			journal_sync_ended(to, g, newest, false);
	}
	g->round = f->round;
	g->sync_failed = f->sync_failed;
}

static bool matters(const struct journal *j, const struct file *f)
{
	if (f->path)
		return true;
	for (size_t i = 0; i < j->op_count; i++)
		if (j->ops[i].file == f->id || j->ops[i].replaced == f->id)
			return true;
	return false;
}

void journal_compact(struct journal *j)
{
	struct journal to = {.folder = j->folder, .data = j->data};
	uint64_t *numbers = grow(NULL, (j->file_count + 1) * sizeof *numbers);
	map_records(&to, "records.new", O_TRUNC);
	struct journal_head counts = *j->head;
	for (size_t i = 0; i < j->file_count; i++) {
		numbers[i] = 0;
		if (!matters(j, j->files[i]))
			continue;
		compact_file(j, &to, j->files[i]);
		numbers[i] = to.file_count;
	}
	/* Names as they were done: the paths above are those of now, and doing it again gives them once more. */
	for (size_t i = 0; i < j->op_count; i++) {
		struct name_op *op = &j->ops[i];
		uint64_t file = op->file ? numbers[op->file - 1] : 0,
			 replaced = op->replaced ? numbers[op->replaced - 1] : 0;
		journal_name(&to, op->kind, journal_file(&to, file), journal_file(&to, replaced), op->from, op->to);
		journal_name_done(&to, true);
	}
	for (size_t i = 0; i < j->file_count; i++)
		if (numbers[i])
			set_path(to.files[numbers[i] - 1], j->files[i]->path);
	counts.used = to.head->used;
	*to.head = counts;
	char *a = join(j->folder, "records.new"), *b = join(j->folder, "records");
	if (rename(a, b) != 0)
		journal_die("cannot be renamed", a);
	free(a);
	free(b);
	free(numbers);
	munmap(j->map, JOURNAL_BYTES);
	free_model(j);
	*j = to;
}

void journal_clear(struct journal *j)
{
	for (size_t i = 0; i < j->file_count; i++) {
		char *path = journal_kept_path(j, j->files[i]);
		unlink(path);
		free(path);
	}
	free_model(j);
	char *path = join(j->folder, "records");
	struct journal_head counts = *j->head;
	munmap(j->map, JOURNAL_BYTES);
	if (unlink(path) != 0)
		journal_die("cannot be removed", path);
	free(path);
	map_records(j, "records", 0);
	counts.used = j->head->used;
	*j->head = counts;
}
