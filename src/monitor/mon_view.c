/* mon_view.c - see mon_view.h. */
#include "monitor/mon_view.h"

#include <stdio.h>

#include "base/mem.h"
#include "monitor/mon_file.h"

#define ENTRY_BYTES_MAX 4096u

static bool text_is_fine(const char *text, size_t size)
{
	size_t len = strnlen(text, size);
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return len < size;
}

static struct mon_file_entry entry_at(const struct mon_view *v, unsigned index)
{
	struct mon_file_entry e;
	memcpy(&e, v->bytes.data + v->entries_at + (size_t)index * v->entry_bytes, sizeof e);
	return e;
}

/** Sizes first, each bounded before it is multiplied. */
static bool sizes_fit(const struct mon_file_header *h, size_t len)
{
	if (h->header_bytes < sizeof *h || h->header_bytes % 8 || h->header_bytes > len || h->strips_at > len ||
		h->strips_at % 8 || h->strip_bytes % 8 || h->file_bytes > len)
		return false;
	if (h->entry_bytes < sizeof(struct mon_file_entry) || h->entry_bytes % 8 || h->entry_bytes > ENTRY_BYTES_MAX)
		return false;
	if (h->entry_count > len / h->entry_bytes || h->strip_bytes == 0 || h->strip_count > len / h->strip_bytes)
		return false;
	return h->header_bytes + (size_t)h->entry_count * h->entry_bytes <= h->strips_at &&
	       h->strips_at + (size_t)h->strip_count * h->strip_bytes <= len && h->slot_count <= h->strip_bytes / 8;
}

static bool entries_are_fine(const struct mon_view *v, unsigned slots)
{
	for (unsigned i = 0; i < v->entry_count; i++) {
		struct mon_file_entry e = entry_at(v, i);
		if (e.slot_count == 0 || e.slot > slots || e.slot_count > slots - e.slot)
			return false;
		if (!e.name[0] || !text_is_fine(e.name, sizeof e.name) || !text_is_fine(e.label, sizeof e.label) ||
			!text_is_fine(e.help, sizeof e.help))
			return false;
		if (e.kind == MON_KIND_HISTOGRAM && (e.slot_count < 3 || e.slot_count > MON_VIEW_SLOTS_MAX))
			return false;
	}
	return true;
}

int mon_view_init(struct mon_view *v, struct hy_bytes bytes, const char **ret_why)
{
	struct mon_file_header h;
	*v = (struct mon_view){.bytes = bytes};
	if (bytes.len < sizeof h) {
		*ret_why = "it is cut off";
		return HY_INVALID_ARGUMENT;
	}
	memcpy(&h, bytes.data, sizeof h);
	if (memcmp(h.magic, MON_FILE_MAGIC, sizeof h.magic) != 0) {
		*ret_why = "it is no file of a monitor";
		return HY_INVALID_ARGUMENT;
	}
	if (h.layout != MON_FILE_LAYOUT) {
		*ret_why = "it was written by another version of the program, with another layout: use that one";
		return HY_INVALID_ARGUMENT;
	}
	*ret_why = "it is cut off or damaged";
	if (!sizes_fit(&h, bytes.len) || !text_is_fine(h.program, sizeof h.program) ||
		!text_is_fine(h.version, sizeof h.version))
		return HY_INVALID_ARGUMENT;
	v->entry_count = h.entry_count;
	v->entry_bytes = h.entry_bytes;
	v->entries_at = h.header_bytes;
	v->strip_count = h.strip_count;
	v->strips_at = h.strips_at;
	v->strip_bytes = h.strip_bytes;
	if (!entries_are_fine(v, h.slot_count))
		return HY_INVALID_ARGUMENT;
	snprintf(v->program, sizeof v->program, "%s", h.program);
	snprintf(v->version, sizeof v->version, "%s", h.version);
	v->process = h.process;
	v->started_ms = h.started_ms;
	v->beat_ms = h.beat_ms;
	v->ended_ms = h.ended_ms;
	return HY_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static char *why(const char *path, const char *what)
{
	char text[4400];
	snprintf(text, sizeof text, "%s: %s", path, what);
	return hy_strdup(text);
}

static int read_all(struct env_file *f, struct hy_bytes *ret_bytes, char **ret_memory)
{
	uint64_t size;
	int rc = env_file_size(f, &size);
	if (rc < 0)
		return rc;
	if (size > MON_FILE_MAX)
		return -EFBIG;
	*ret_memory = hy_alloc(size + 1);
	ssize_t n = env_file_pread(f, *ret_memory, size, 0);
	if (n < 0) {
		hy_free(hy_take(*ret_memory));
		return (int)n;
	}
	*ret_bytes = hy_bytes(*ret_memory, (size_t)n);
	return 0;
}

int mon_view_load(struct mon_view *v, struct env *env, const char *dir, char **ret_why)
{
	char path[4200], *memory;
	struct env_file *f;
	struct hy_bytes bytes;
	const char *what;
	snprintf(path, sizeof path, "%s/" MON_FILE_NAME, dir);
	*v = (struct mon_view){0};
	int rc = env_file_open(env, path, ENV_OPEN_READ, &f);
	if (rc < 0) {
		*ret_why = why(path, rc == -ENOENT ? "no server has run on this data folder (--data names another one)"
						   : strerror(-rc));
		return rc == -ENOENT ? HY_NOT_FOUND : HY_UNAVAILABLE;
	}
	rc = read_all(f, &bytes, &memory);
	bool alive = env_file_lock(f) == -EWOULDBLOCK;
	env_file_close(f);
	if (rc < 0) {
		*ret_why = why(path, rc == -EFBIG ? "it is no file of a monitor" : strerror(-rc));
		return HY_UNAVAILABLE;
	}
	int status = mon_view_init(v, bytes, &what);
	v->alive = alive;
	v->memory = memory;
	if (status != HY_OK) {
		mon_view_fini(v);
		*ret_why = why(path, what);
	}
	return status;
}

void mon_view_fini(struct mon_view *v)
{
	hy_free(hy_take(v->memory));
	v->entry_count = 0;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

struct mon_value mon_view_value(const struct mon_view *v, unsigned index)
{
	struct mon_file_entry e;
	assert(index < v->entry_count);
	const char *at = (const char *)v->bytes.data + v->entries_at + (size_t)index * v->entry_bytes;
	memcpy(&e, at, offsetof(struct mon_file_entry, name)); /* the numbers */
	return (struct mon_value){.name = at + offsetof(struct mon_file_entry, name),
		.label = at + offsetof(struct mon_file_entry, label),
		.help = at + offsetof(struct mon_file_entry, help),
		.kind = (enum mon_kind)e.kind,
		.slot = e.slot,
		.slots = e.slot_count};
}

uint64_t mon_view_sum(const struct mon_view *v, const struct mon_value *value, unsigned i)
{
	uint64_t sum = 0;
	assert(i < value->slots);
	for (unsigned strip = 0; strip < v->strip_count; strip++) {
		const uint8_t *at = v->bytes.data + v->strips_at + strip * v->strip_bytes;
		sum += __atomic_load_n((const uint64_t *)(const void *)at + value->slot + i, __ATOMIC_RELAXED);
	}
	return sum;
}

bool mon_view_find(const struct mon_view *v, const char *name, const char *label, struct mon_value *ret_value)
{
	for (unsigned i = 0; i < v->entry_count; i++) {
		struct mon_value value = mon_view_value(v, i);
		if (strcmp(value.name, name) == 0 && strcmp(value.label, label ? label : "") == 0) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

uint64_t mon_quantile_us(const uint64_t *buckets, unsigned count, double q)
{
	uint64_t all = 0, seen = 0;
	for (unsigned i = 0; i < count; i++)
		all += buckets[i];
	for (unsigned i = 0; i < count && all > 0; i++) {
		seen += buckets[i];
		if ((double)seen >= q * (double)all)
			return 1ull << i;
	}
	return 0;
}
