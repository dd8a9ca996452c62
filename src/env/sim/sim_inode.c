/* What a file holds: pages as the page cache has them and as they would be after a power cut. */
#include "env/sim/sim_disk.h"

struct sim_inode *sim_inode_new(struct sim_disk *d, bool is_dir)
{
	struct sim_heap *before = sim_heap_enter(&d->sim->heap);
	struct sim_inode *i = hy_zalloc(sizeof *i);
	i->disk = d;
	i->is_dir = is_dir;
	hy_link_init(&i->link);
	hy_list_push_back(&d->inodes, &i->link);
	sim_heap_enter(before);
	return i;
}

/* ---- pages ----------------------------------------------------------------------------------------------------- */

static void page_data_free(struct sim_inode *i, size_t index)
{
	struct sim_page *page = &i->pages[index];
	if (!page->data)
		return;
	hy_free(hy_take(page->data));
	if (index >= i->reserved)
		i->disk->pages_used--;
}

void sim_inode_free(struct sim_inode *i)
{
	hy_list_remove(&i->link);
	for (size_t n = 0; n < i->page_count; n++) {
		page_data_free(i, n);
		hy_free(i->pages[n].old);
	}
	i->disk->pages_used -= i->reserved;
	hy_free(i->pages);
	hy_free(i->dirty);
	sim_names_free(&i->names);
	sim_names_free(&i->durable);
	hy_free(i);
}

void sim_inode_unref(struct sim_inode *i)
{
	assert(i->refs > 0);
	if (--i->refs == 0)
		sim_inode_free(i);
}

static struct sim_page *page_at(struct sim_inode *i, size_t index)
{
	if (index >= i->page_count) {
		size_t count = HY_MAX(2 * i->page_count, index + 1);
		i->pages = hy_realloc(i->pages, count * sizeof *i->pages);
		memset(i->pages + i->page_count, 0, (count - i->page_count) * sizeof *i->pages);
		i->page_count = count;
	}
	return &i->pages[index];
}

static void page_dirty(struct sim_inode *i, size_t index)
{
	struct sim_page *page = page_at(i, index);
	if (page->dirty)
		return;
	if (!page->lost)
		page->old = page->data ? hy_memdup(page->data, SIM_PAGE) : NULL;
	page->dirty = true;
	page->lost = false;
	page->dirtied = ++i->disk->write_number;
	if (i->dirty_count == i->dirty_cap) {
		i->dirty_cap = i->dirty_cap ? 2 * i->dirty_cap : 16;
		i->dirty = hy_realloc(i->dirty, i->dirty_cap * sizeof *i->dirty);
	}
	i->dirty[i->dirty_count++] = index;
}

/* False: the disk is full. */
static bool page_data(struct sim_inode *i, size_t index)
{
	struct sim_disk *d = i->disk;
	if (page_at(i, index)->data)
		return true;
	if (index >= i->reserved) {
		if (d->pages_used >= d->pages_max)
			return false;
		d->pages_used++;
	}
	page_dirty(i, index);
	i->pages[index].data = hy_zalloc(SIM_PAGE);
	return true;
}

size_t sim_inode_read(const struct sim_inode *i, void *p, size_t len, uint64_t offset)
{
	if (offset >= i->size)
		return 0;
	len = (size_t)HY_MIN((uint64_t)len, i->size - offset);
	for (size_t done = 0, n; done < len; done += n) {
		size_t index = (size_t)((offset + done) / SIM_PAGE), in_page = (size_t)((offset + done) % SIM_PAGE);
		n = HY_MIN(len - done, SIM_PAGE - in_page);
		const uint8_t *data = index < i->page_count ? i->pages[index].data : NULL;
		if (data)
			memcpy((char *)p + done, data + in_page, n);
		else
			memset((char *)p + done, 0, n);
	}
	return len;
}

static void set_size(struct sim_inode *i, uint64_t size)
{
	if (i->size == size)
		return;
	i->size = size;
	i->size_dirty = true;
}

size_t sim_inode_write(struct sim_inode *i, const void *p, size_t len, uint64_t offset)
{
	struct sim_heap *before = sim_heap_enter(&i->disk->sim->heap);
	size_t done = 0;
	for (size_t n; done < len; done += n) {
		size_t index = (size_t)((offset + done) / SIM_PAGE), in_page = (size_t)((offset + done) % SIM_PAGE);
		n = HY_MIN(len - done, SIM_PAGE - in_page);
		if (!page_data(i, index))
			break;
		page_dirty(i, index);
		memcpy(i->pages[index].data + in_page, (const char *)p + done, n);
	}
	if (done > 0)
		set_size(i, HY_MAX(i->size, offset + done));
	sim_heap_enter(before);
	return done;
}

static size_t pages_of(uint64_t size)
{
	return (size_t)((size + SIM_PAGE - 1) / SIM_PAGE);
}

void sim_inode_truncate(struct sim_inode *i, uint64_t size)
{
	struct sim_heap *before = sim_heap_enter(&i->disk->sim->heap);
	size_t keep = pages_of(size), in_page = (size_t)(size % SIM_PAGE);
	if (in_page && keep <= i->page_count && i->pages[keep - 1].data && size < i->size) {
		page_dirty(i, keep - 1);
		memset(i->pages[keep - 1].data + in_page, 0, SIM_PAGE - in_page);
	}
	for (size_t n = keep; n < i->page_count; n++)
		if (i->pages[n].data) {
			page_dirty(i, n);
			page_data_free(i, n);
		}
	if (i->reserved > keep) {
		i->disk->pages_used -= i->reserved - keep;
		i->reserved = keep;
	}
	set_size(i, size);
	sim_heap_enter(before);
}

int sim_inode_reserve(struct sim_inode *i, uint64_t size)
{
	struct sim_disk *d = i->disk;
	size_t want = pages_of(size);
	if (want > i->reserved) {
		size_t have = 0;
		for (size_t n = i->reserved; n < HY_MIN(want, i->page_count); n++)
			have += i->pages[n].data != NULL;
		size_t more = want - i->reserved - have;
		if (d->pages_max - HY_MIN(d->pages_used, d->pages_max) < more)
			return -ENOSPC;
		d->pages_used += more;
		i->reserved = want;
	}
	set_size(i, HY_MAX(i->size, size));
	return 0;
}

/* ---- sync and power cut ---------------------------------------------------------------------------------------- */

static void page_durable(struct sim_page *page)
{
	hy_free(hy_take(page->old));
	page->dirty = page->lost = false;
}

void sim_inode_synced(struct sim_inode *i, uint64_t number)
{
	size_t left = 0;
	for (size_t n = 0; n < i->dirty_count; n++) {
		struct sim_page *page = &i->pages[i->dirty[n]];
		if (page->dirtied <= number)
			page_durable(page);
		else
			i->dirty[left++] = i->dirty[n];
	}
	i->dirty_count = left;
	if (i->size_dirty)
		i->durable_size = i->size;
	i->size_dirty = false;
}

void sim_inode_sync_failed(struct sim_inode *i)
{
	struct sim *s = i->disk->sim;
	for (size_t n = 0; n < i->dirty_count; n++) {
		struct sim_page *page = &i->pages[i->dirty[n]];
		if (sim_chance(s, 500))
			page_durable(page);
		page->lost = page->dirty;
		page->dirty = false;
	}
	i->dirty_count = 0;
	if (i->size_dirty && sim_chance(s, 500))
		i->durable_size = i->size;
	i->size_dirty = false;
}

static const uint8_t zero_page[SIM_PAGE];

static void page_tear(struct sim *s, struct sim_inode *i, size_t index)
{
	struct sim_page *page = &i->pages[index];
	const uint8_t *old = page->old ? page->old : zero_page;
	if (!page_data(i, index))
		return;
	for (size_t at = 0; at < SIM_PAGE; at += SIM_SECTOR)
		if (sim_chance(s, 500))
			memcpy(page->data + at, old + at, SIM_SECTOR);
}

static void page_back(struct sim_inode *i, size_t index)
{
	struct sim_page *page = &i->pages[index];
	if (!page->old) {
		page_data_free(i, index);
		return;
	}
	if (!page->data && index >= i->reserved)
		i->disk->pages_used++;
	hy_free(page->data);
	page->data = hy_take(page->old);
}

static uint64_t size_after_cut(struct sim *s, const struct sim_inode *i, unsigned survival)
{
	if (!i->size_dirty)
		return i->durable_size;
	if (sim_chance(s, survival))
		return i->size;
	if (sim_chance(s, 800))
		return i->durable_size;
	return sim_range(s, HY_MIN(i->size, i->durable_size), HY_MAX(i->size, i->durable_size));
}

void sim_inode_power_cut(struct sim_inode *i, unsigned survival)
{
	struct sim *s = i->disk->sim;
	for (size_t n = 0; n < i->page_count; n++) {
		struct sim_page *page = &i->pages[n];
		if (page->dirty && !sim_chance(s, survival)) {
			if (survival && sim_chance(s, 150))
				page_tear(s, i, n);
			else
				page_back(i, n);
		} else if (page->lost) {
			page_back(i, n);
		}
		page_durable(page);
	}
	i->dirty_count = 0;
	sim_inode_truncate(i, size_after_cut(s, i, survival)); /* nothing stands behind the end */
	for (size_t n = 0; n < i->page_count; n++)
		page_durable(&i->pages[n]);
	i->dirty_count = 0;
	i->durable_size = i->size;
	i->size_dirty = false;
}

void sim_inode_damage(struct sim_inode *i, uint64_t offset, uint8_t mask)
{
	size_t index = (size_t)(offset / SIM_PAGE), at = (size_t)(offset % SIM_PAGE);
	if (!page_data(i, index))
		return;
	struct sim_page *page = &i->pages[index];
	page->data[at] ^= mask;
	if (page->old)
		page->old[at] ^= mask;
}
