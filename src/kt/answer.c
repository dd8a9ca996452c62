#include "kt/answer.h"

int kt_answer_copy(struct hy_arena *arena, const struct kt_row *row, struct kt_row *ret_row)
{
	uint8_t *p = hy_arena_alloc(arena, row->name.len + row->value.len);
	if (!p)
		return HY_RESOURCE_EXHAUSTED;
	if (row->name.len)
		memcpy(p, row->name.data, row->name.len);
	if (row->value.len)
		memcpy(p + row->name.len, row->value.data, row->value.len);
	*ret_row = *row;
	ret_row->name.data = p;
	ret_row->value.data = p + row->name.len;
	return HY_OK;
}

static bool grow(struct kt_answer *a)
{
	size_t cap = a->cap ? a->cap * 2 : 16;
	cap = HY_MIN(cap, (size_t)a->limits.max_rows);
	struct kt_row *rows = hy_arena_alloc(a->arena, cap * sizeof *rows);
	if (!rows)
		return false;
	if (a->rows->count)
		memcpy(rows, a->rows->rows, a->rows->count * sizeof *rows);
	a->rows->rows = rows;
	a->cap = cap;
	return true;
}

bool kt_answer_add(struct kt_answer *a, const struct kt_row *row)
{
	if (a->status)
		return false;
	struct kt_rows *out = a->rows;
	uint64_t bytes = row->name.len + row->value.len;
	if (out->count == a->limits.max_rows || (out->count && a->bytes + bytes > a->limits.max_bytes)) {
		out->more = true;
		return false;
	}
	if (out->count == a->cap && !grow(a))
		a->status = HY_RESOURCE_EXHAUSTED;
	else
		a->status = kt_answer_copy(a->arena, row, &out->rows[out->count]);
	if (a->status)
		return false;
	out->count++;
	a->bytes += bytes;
	return true;
}
