#include "kt/judge.h"

#include "base/planted.h"

struct judge {
	const struct kt *kt;
	const struct kt_view *view;
	/* tables that this write has looked at, with what it has done so far */
	struct {
		const struct kt_space *space;
		struct kt_judged now;
	} tables[KT_OPS_MAX];
	size_t table_count;
	struct kt_effect *effects;
	size_t effect_count;
	uint64_t append_version; /* of the first KT_APPEND: what window rows of this write refer to */
	struct kt_result *result;
};

static struct kt_judged *table(struct judge *j, const struct kt_space *space)
{
	for (size_t i = 0; i < j->table_count; i++) {
		if (j->tables[i].space == space)
			return &j->tables[i].now;
	}
	j->tables[j->table_count].space = space;
	j->tables[j->table_count].now = j->view->table(j->view->arg, space);
	return &j->tables[j->table_count++].now;
}

/** The row as the earlier operations of this write leave it. False: none, or deleted. */
static bool live_row(struct judge *j, const struct kt_space *space, struct hy_bytes name, struct kt_row *ret_row)
{
	for (size_t i = j->effect_count; i-- > 0;) {
		const struct kt_effect *e = &j->effects[i];
		if (e->space != space || !hy_bytes_equal(e->name, name))
			continue;
		*ret_row = (struct kt_row){.name = e->name, .value = e->value, .version = e->version};
		return e->kind != KT_EFFECT_DELETE;
	}
	return j->view->row(j->view->arg, space, name, ret_row) && !ret_row->deleted;
}

/** For an insert: if so, the result holds the row. */
static bool already_there(struct judge *j, const struct kt_space *space, struct hy_bytes name)
{
	struct kt_row row;
	if (PLANTED(no_duplicate_check) || !live_row(j, space, name, &row))
		return false;
	j->result->stored = row;
	return true;
}

static uint64_t add_effect(struct judge *j, enum kt_effect_kind kind, const struct kt_space *space,
	const struct kt_op *op, uint64_t version, uint64_t total)
{
	j->effects[j->effect_count++] = (struct kt_effect){
		.kind = kind,
		.space = space,
		.version = version,
		.total = total,
		.name = kind == KT_EFFECT_APPEND || kind == KT_EFFECT_TRIM ? (struct hy_bytes){0} : op->name,
		.value = kind == KT_EFFECT_DELETE || kind == KT_EFFECT_TRIM ? (struct hy_bytes){0} : op->value,
	};
	return version;
}

static int judge_window_insert(struct judge *j, const struct kt_space *space, const struct kt_op *op, uint64_t *version)
{
	uint64_t made_ms = hy_get_be64(op->name.data);
	if (made_ms <= j->view->floor_ms)
		return HY_OUT_OF_RANGE;
	if (already_there(j, space, op->name))
		return HY_ALREADY_EXISTS;
	if (made_ms > j->view->wall_ms + KT_WINDOW_AHEAD_MS)
		return HY_OUT_OF_RANGE;
	*version = add_effect(j, KT_EFFECT_WINDOW, space, op, j->append_version, 0);
	return HY_OK;
}

static int judge_append(struct judge *j, const struct kt_space *space, const struct kt_op *op, uint64_t *version)
{
	struct kt_judged *t = table(j, space);
	if (op->max_rows && t->version - t->trimmed + 1 > op->max_rows)
		return HY_RESOURCE_EXHAUSTED;
	if (op->max_bytes && t->total - t->trimmed_total + op->value.len > op->max_bytes)
		return HY_RESOURCE_EXHAUSTED;
	t->version++;
	t->total += op->value.len;
	*version = add_effect(j, KT_EFFECT_APPEND, space, op, t->version, t->total);
	return HY_OK;
}

/** Bytes appended up to `version`, also when this very write appended it. */
static uint64_t total_at(struct judge *j, const struct kt_space *space, uint64_t version)
{
	for (size_t i = 0; i < j->effect_count; i++) {
		const struct kt_effect *e = &j->effects[i];
		if (e->space == space && e->kind == KT_EFFECT_APPEND && e->version == version)
			return e->total;
	}
	return j->view->total_at(j->view->arg, space, version);
}

static void judge_trim(struct judge *j, const struct kt_space *space, const struct kt_op *op)
{
	struct kt_judged *t = table(j, space);
	uint64_t upto = op->version + (PLANTED(trim_one_too_far) ? 1 : 0);
	upto = HY_MIN(upto, t->version);
	if (upto <= t->trimmed || space->unfollowed)
		return;
	if (space->shape == KT_LOG)
		t->trimmed_total = upto == t->version ? t->total : total_at(j, space, upto);
	t->trimmed = upto;
	add_effect(j, KT_EFFECT_TRIM, space, op, upto, t->trimmed_total);
}

/** A map takes names up to a bound, since it is in memory whole. */
static int judge_put(struct judge *j, const struct kt_space *space, const struct kt_op *op, uint64_t *version)
{
	struct kt_row row;
	uint64_t trimmed = space->unfollowed ? UINT64_MAX : table(j, space)->trimmed;
	if (j->view->names(j->view->arg, space, trimmed) + j->effect_count >= KT_MAP_NAMES_MAX &&
		(!j->view->row(j->view->arg, space, op->name, &row) || (row.deleted && row.version <= trimmed)))
		return HY_RESOURCE_EXHAUSTED;
	*version = add_effect(j, KT_EFFECT_PUT, space, op, ++table(j, space)->version, 0);
	return HY_OK;
}

static int judge_op(struct judge *j, const struct kt_op *op, uint64_t *version)
{
	const struct kt_space *space = j->kt->by_id[op->space];
	struct kt_row row;

	switch (op->kind) {
	case KT_INSERT:
		if (space->shape == KT_WINDOW)
			return judge_window_insert(j, space, op, version);
		if (already_there(j, space, op->name))
			return HY_ALREADY_EXISTS;
		return judge_put(j, space, op, version);
	case KT_PUT:
		return judge_put(j, space, op, version);
	case KT_DELETE:
		if (live_row(j, space, op->name, &row))
			*version = add_effect(j, KT_EFFECT_DELETE, space, op, ++table(j, space)->version, 0);
		return HY_OK;
	case KT_APPEND:
		return judge_append(j, space, op, version);
	case KT_TRIM:
		judge_trim(j, space, op);
		return HY_OK;
	case KT_EXPECT_VERSION:
		return table(j, space)->version == op->version ? HY_OK : HY_ABORTED;
	case KT_EXPECT_NOT_EMPTY:
		return table(j, space)->version > 0 ? HY_OK : HY_NOT_FOUND;
	case KT_EXPECT_ROW:
		if (!live_row(j, space, op->name, &row))
			return op->version == 0 ? HY_OK : HY_ABORTED;
		if (row.version == op->version)
			return HY_OK;
		j->result->stored = row;
		return HY_ABORTED;
	}
	return HY_INVALID_ARGUMENT;
}

int kt_judge(const struct kt *kt, const struct kt_view *view, const struct kt_op *ops, size_t count,
	struct kt_effect *effects, size_t *ret_count, struct kt_result *ret_result)
{
	struct judge j = {.kt = kt, .view = view, .effects = effects, .result = ret_result};
	*ret_count = 0;
	ret_result->stored = (struct kt_row){0};
	for (size_t i = 0; i < count; i++) {
		if (ops[i].kind == KT_APPEND) {
			j.append_version = table(&j, kt->by_id[ops[i].space])->version + 1;
			break;
		}
	}
	for (size_t i = 0; i < count; i++) {
		int status = judge_op(&j, &ops[i], &ret_result->versions[i]);
		if (status) {
			if (status == HY_RESOURCE_EXHAUSTED && ops[i].kind == KT_APPEND)
				ret_result->stored.version = table(&j, kt->by_id[ops[i].space])->version;
			memset(ret_result->versions, 0, sizeof ret_result->versions);
			ret_result->failed_op = (int)i;
			return status;
		}
	}
	*ret_count = j.effect_count;
	return HY_OK;
}
