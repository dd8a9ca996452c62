#include "kt/kt.h"

#include <stdlib.h>

#include "kt/engine.h"

void kt_init(struct kt *kt, const struct kt_engine *engine, struct svr *svr, const struct kt_config *config)
{
	kt->engine = engine;
	kt->svr = svr;
	kt->spaces = config->spaces;
	for (const struct kt_space *s = config->spaces; s->id; s++) {
		assert(s->id <= KT_SPACE_ID_MAX && !kt->by_id[s->id]);
		kt->by_id[s->id] = s;
	}
}

static const struct kt_space *space_of(const struct kt *kt, uint8_t id)
{
	return id <= KT_SPACE_ID_MAX ? kt->by_id[id] : NULL;
}

/** What is wrong with one operation, or NULL. */
static const char *op_fault(const struct kt *kt, const struct kt_op *op)
{
	const struct kt_space *space = space_of(kt, op->space);
	if (!space)
		return "no such space";
	if (op->name.len > KT_NAME_MAX)
		return "the name is too long";
	if (op->value.len > KT_VALUE_MAX)
		return "the value is too long";

	switch (op->kind) {
	case KT_INSERT:
		if (space->shape == KT_LOG)
			return "a log takes appends only";
		if (space->shape == KT_WINDOW && op->name.len < 8)
			return "a window name begins with a time of 8 bytes";
		break;
	case KT_PUT:
	case KT_DELETE:
	case KT_EXPECT_ROW:
		if (space->shape != KT_MAP)
			return "for maps only";
		break;
	case KT_APPEND:
		return space->shape == KT_LOG ? NULL : "for logs only";
	case KT_TRIM:
		return space->shape == KT_WINDOW ? "a window is never trimmed" : NULL;
	case KT_EXPECT_VERSION:
	case KT_EXPECT_NOT_EMPTY:
		return NULL;
	default:
		return "no such operation";
	}
	return op->name.len == 0 ? "a row needs a name" : NULL;
}

static int write_checked(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_op *ops,
	size_t count, bool lazily, struct kt_result *ret_result)
{
	*ret_result = (struct kt_result){.failed_op = -1};
	if (count == 0 || count > KT_OPS_MAX)
		return call_fail(call, HY_INVALID_ARGUMENT, "a write has 1 to %d operations", KT_OPS_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *fault = op_fault(kt, &ops[i]);
		if (fault) {
			ret_result->failed_op = (int)i;
			return call_fail(call, HY_INVALID_ARGUMENT, "operation %zu of a write: %s", i, fault);
		}
	}
	assert(svr_loop_of_key(kt->svr, key) == svr_loop_index(call->loop));
	return kt->engine->write(kt, call, key, ops, count, lazily, ret_result);
}

int kt_write(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count,
	struct kt_result *ret_result)
{
	return write_checked(kt, call, key, ops, count, false, ret_result);
}

int kt_write_lazily(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count)
{
	struct kt_result result;
	return write_checked(kt, call, key, ops, count, true, &result);
}

static struct kt_limits limits_of(struct kt_limits limits)
{
	if (!limits.max_rows)
		limits.max_rows = 1000;
	if (!limits.max_bytes)
		limits.max_bytes = 256u << 10;
	return limits;
}

static int check_read(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t id, bool window_too,
	const struct kt_space **ret_space)
{
	const struct kt_space *space = space_of(kt, id);
	if (!space)
		return call_fail(call, HY_INVALID_ARGUMENT, "no space %u", id);
	if (space->shape == KT_WINDOW && !window_too)
		return call_fail(
			call, HY_INVALID_ARGUMENT, "space %s is a window: its rows are read one by one", space->name);
	assert(svr_loop_of_key(kt->svr, key) == svr_loop_index(call->loop));
	*ret_space = space;
	return HY_OK;
}

/* One machine: what its loop holds is both strong and fresh, so `consistency` makes no difference to these engines. */

int kt_read_row(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t id, struct hy_bytes name,
	enum kt_consistency consistency, struct kt_row *ret_row)
{
	const struct kt_space *space = NULL;
	int status = check_read(kt, call, key, id, true, &space);
	if (status)
		return status;
	bool fits = space->shape == KT_LOG ? name.len == 8 : name.len > 0 && name.len <= KT_NAME_MAX;
	if (!fits || (space->shape == KT_WINDOW && name.len < 8))
		return call_fail(
			call, HY_INVALID_ARGUMENT, "no row of space %s has a name of %zu bytes", space->name, name.len);
	return kt->engine->read_row(kt, call, key, space, name, ret_row);
}

int kt_read_rows(struct kt *kt, struct call *call, const struct hy_key *key, const struct kt_place *places,
	size_t count, enum kt_consistency consistency, struct kt_row *ret_rows)
{
	if (count == 0 || count > KT_PLACES_MAX)
		return call_fail(call, HY_INVALID_ARGUMENT, "1 to %u rows are read at once", KT_PLACES_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct kt_space *space = space_of(kt, places[i].space);
		if (!space || space->shape != KT_MAP)
			return call_fail(call, HY_INVALID_ARGUMENT, "space %u is no map", places[i].space);
		if (places[i].name.len == 0 || places[i].name.len > KT_NAME_MAX)
			return call_fail(call, HY_INVALID_ARGUMENT, "no row of space %s has a name of %zu bytes",
				space->name, places[i].name.len);
	}
	assert(svr_loop_of_key(kt->svr, key) == svr_loop_index(call->loop));
	return kt->engine->read_rows(kt, call, key, places, count, ret_rows);
}

int kt_read_range(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t id, struct hy_bytes after,
	enum kt_consistency consistency, struct kt_limits limits, struct kt_rows *ret_rows)
{
	*ret_rows = (struct kt_rows){0};
	const struct kt_space *space = NULL;
	int status = check_read(kt, call, key, id, false, &space);
	if (status)
		return status;
	if (after.len > KT_NAME_MAX || (space->shape == KT_LOG && after.len != 0 && after.len != 8))
		return call_fail(call, HY_INVALID_ARGUMENT, "no row of space %s has a name of %zu bytes", space->name,
			after.len);
	return kt->engine->read_range(kt, call, key, space, after, limits_of(limits), ret_rows);
}

int kt_read_changes(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t id, uint64_t since,
	enum kt_consistency consistency, struct kt_limits limits, struct kt_rows *ret_rows)
{
	*ret_rows = (struct kt_rows){0};
	const struct kt_space *space = NULL;
	int status = check_read(kt, call, key, id, false, &space);
	if (status)
		return status;
	return kt->engine->read_changes(kt, call, key, space, since, limits_of(limits), ret_rows);
}

int kt_read_head(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t id,
	enum kt_consistency consistency, struct kt_head *ret_head)
{
	*ret_head = (struct kt_head){0};
	const struct kt_space *space = NULL;
	int status = check_read(kt, call, key, id, true, &space);
	if (status)
		return status;
	return kt->engine->read_head(kt, call, key, space, ret_head);
}

int kt_list_keys(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit, struct hy_key **ret_keys,
	size_t *ret_count, bool *ret_more)
{
	*ret_keys = NULL;
	*ret_count = 0;
	*ret_more = false;
	if (limit == 0 || limit > 10000)
		return call_fail(call, HY_INVALID_ARGUMENT, "1 to 10,000 keys can be listed at once");
	return kt->engine->list_keys(kt, call, after, limit, ret_keys, ret_count, ret_more);
}

int kt_list_heads(struct kt *kt, struct call *call, const struct hy_key *after, size_t limit,
	struct kt_listed **ret_list, size_t *ret_count, bool *ret_more)
{
	*ret_list = NULL;
	*ret_count = 0;
	*ret_more = false;
	if (limit == 0 || limit > 1000)
		return call_fail(call, HY_INVALID_ARGUMENT, "the heads of 1 to 1,000 keys can be listed at once");
	return kt->engine->list_heads(kt, call, after, limit, ret_list, ret_count, ret_more);
}

int kt_key_compare(const void *a, const void *b)
{
	return hy_bytes_compare(hy_key_bytes(a), hy_key_bytes(b));
}

size_t kt_keys_finish(struct hy_key *keys, size_t count, size_t limit, bool *more)
{
	if (count)
		qsort(keys, count, sizeof *keys, kt_key_compare);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept && kt_key_compare(&keys[kept - 1], &keys[i]) == 0)
			continue;
		if (kept == limit) {
			*more = true;
			break;
		}
		keys[kept++] = keys[i];
	}
	return kept;
}

const struct kt_space *kt_spaces(const struct kt *kt)
{
	return kt->spaces;
}

uint64_t kt_epoch(const struct kt *kt)
{
	return kt->epoch;
}

uint64_t kt_floor_ms(const struct kt *kt)
{
	return kt->engine->floor_ms(kt);
}

void kt_stats(const struct kt *kt, struct kt_stats *ret_stats)
{
	*ret_stats = (struct kt_stats){0};
	kt->engine->stats(kt, ret_stats);
}

int kt_backup(struct kt *kt, struct call *call, const char *dir, struct kt_backup_report *ret_report, char **ret_why)
{
	*ret_report = (struct kt_backup_report){0};
	*ret_why = NULL;
	if (!kt->engine->backup)
		return call_fail(call, HY_FAILED_PRECONDITION, "this store keeps nothing on disk");
	return kt->engine->backup(kt, call, dir, ret_report, ret_why);
}

void kt_close(struct kt *kt)
{
	if (kt)
		kt->engine->close(kt);
}
