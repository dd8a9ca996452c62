/* A random test against a model of a few lines: every answer of the store must be the model's. */
#include "base/mem.h"
#include "kt/conf.h"

#define WORKERS 8
#define KEYS 3 /* of each worker, its own */
#define NAMES 12
#define WINDOWS 400
#define LOG_ROWS 4000
#define OPERATIONS 250
#define VALUE_MAX 900

struct value {
	uint32_t tag, len; /* the bytes follow from these */
};

struct model_row {
	uint64_t version;
	struct value value;
	bool deleted;
};

struct model_map {
	uint8_t space;
	uint64_t version, trimmed;
	struct model_row rows[NAMES];
};

struct model {
	struct hy_key key;
	uint64_t log_version, trimmed;
	struct value log[LOG_ROWS + 1]; /* by version */
	struct model_map maps[2];       /* followed, and not */
	struct {
		struct conf_name name;
		uint64_t version;
		struct value value;
	} windows[WINDOWS];
	unsigned window_count;
};

struct random_state {
	struct model models[WORKERS][KEYS];
	uint64_t rand[WORKERS];
	uint32_t next_tag[WORKERS];
};

/* ---- values ------------------------------------------------------------------------------------------------------ */

static struct hy_bytes bytes_of(struct call *call, struct value v)
{
	uint8_t *p = hy_arena_alloc(call->arena, v.len);
	for (uint32_t i = 0; i < v.len; i++)
		p[i] = (uint8_t)(v.tag * 7 + i);
	return hy_bytes(p, v.len);
}

static bool is_value(struct hy_bytes bytes, struct value v)
{
	bool same = bytes.len == v.len;
	for (uint32_t i = 0; same && i < v.len; i++)
		same = bytes.data[i] == (uint8_t)(v.tag * 7 + i);
	return same;
}

static uint64_t draw(struct random_state *s, unsigned worker, uint64_t below)
{
	return conf_rand(&s->rand[worker]) % below;
}

static struct value new_value(struct random_state *s, unsigned worker)
{
	uint32_t len = (uint32_t)draw(s, worker, VALUE_MAX);
	return (struct value){s->next_tag[worker]++, len};
}

static struct hy_bytes name_of(unsigned i)
{
	static const char *const names[NAMES] = {"a", "aa", "ab", "b", "ba", "bbb", "c", "ca", "d", "e", "ee", "f"};
	return hy_bytes_str(names[i]);
}

/* ---- writes ------------------------------------------------------------------------------------------------------ */

/** A duplicate row and an entry, as a message is; sometimes one that was sent before. */
static void send_message(struct conf *c, struct call *call, struct random_state *s, unsigned worker, struct model *m)
{
	struct kt_result r;
	if (m->window_count && draw(s, worker, 4) == 0) {
		unsigned i = (unsigned)draw(s, worker, m->window_count);
		int status = conf_write(c, call, &m->key,
			OPS(OP_WINDOW(NAME(m->windows[i].name), B("again")), OP_APPEND(B("never"))), &r);
		CHECK_EQ(c, status, HY_ALREADY_EXISTS);
		CHECK_EQ(c, r.failed_op, 0);
		CHECK_EQ(c, r.stored.version, m->windows[i].version);
		CHECK(c, is_value(r.stored.value, m->windows[i].value));
		return;
	}
	if (m->window_count == WINDOWS || m->log_version == LOG_ROWS)
		return;
	uint64_t ms = env_wall_ms(c->env) - draw(s, worker, 3600 * 1000);
	struct conf_name name = conf_window_name(ms, s->next_tag[worker]++ * 16ull + worker);
	struct value dup = {s->next_tag[worker]++, 20}, entry = new_value(s, worker);
	CHECK_EQ(c,
		conf_write(c, call, &m->key,
			OPS(OP_WINDOW(NAME(name), bytes_of(call, dup)), OP_APPEND(bytes_of(call, entry))), &r),
		HY_OK);
	CHECK_EQ(c, r.versions[0], m->log_version + 1);
	CHECK_EQ(c, r.versions[1], m->log_version + 1);
	m->log[++m->log_version] = entry;
	m->windows[m->window_count].name = name;
	m->windows[m->window_count].version = m->log_version;
	m->windows[m->window_count++].value = dup;
}

static struct model_map *draw_map(struct random_state *s, unsigned worker, struct model *m)
{
	return &m->maps[draw(s, worker, 2)];
}

static bool is_there(const struct model_row *row)
{
	return row->version && !row->deleted;
}

/** A row of the map has changed. */
static void note_change(struct model_map *map, struct model_row *row, struct model_row now)
{
	now.version = ++map->version;
	*row = now;
	if (map->space == CONF_UNFOLLOWED)
		map->trimmed = map->version;
}

static void delete_row(struct conf *c, struct call *call, struct model *m, struct model_map *map, unsigned i)
{
	const struct kt_op op = {.kind = KT_DELETE, .space = map->space, .name = name_of(i)};
	bool there = is_there(&map->rows[i]);
	struct kt_result r;
	CHECK_EQ(c, conf_write(c, call, &m->key, &op, 1, &r), HY_OK);
	CHECK_EQ(c, r.versions[0], there ? map->version + 1 : 0);
	if (there)
		note_change(map, &map->rows[i], (struct model_row){.deleted = true});
}

static void change_map(struct conf *c, struct call *call, struct random_state *s, unsigned worker, struct model *m)
{
	struct model_map *map = draw_map(s, worker, m);
	unsigned i = (unsigned)draw(s, worker, NAMES);
	struct model_row *row = &map->rows[i];
	bool there = is_there(row);
	struct value v = new_value(s, worker);
	const struct hy_bytes bytes = bytes_of(call, v);
	const struct kt_op insert = {.kind = KT_INSERT, .space = map->space, .name = name_of(i), .value = bytes};
	const struct kt_op put = {.kind = KT_PUT, .space = map->space, .name = name_of(i), .value = bytes};
	struct kt_op expect = {.kind = KT_EXPECT_ROW, .space = map->space, .name = name_of(i)};
	struct kt_result r;
	switch (draw(s, worker, 4)) {
	case 0:
		CHECK_EQ(c, conf_write(c, call, &m->key, &insert, 1, &r), there ? HY_ALREADY_EXISTS : HY_OK);
		if (there) {
			CHECK_EQ(c, r.stored.version, row->version);
			CHECK(c, is_value(r.stored.value, row->value));
			return;
		}
		break;
	case 1:
		delete_row(c, call, m, map, i);
		return;
	case 2: {
		bool wrong = draw(s, worker, 3) == 0;
		expect.version = (there ? row->version : 0) + (wrong ? 1 : 0);
		int status = conf_write(c, call, &m->key, (struct kt_op[]){expect, put}, 2, &r);
		CHECK_EQ(c, status, wrong ? HY_ABORTED : HY_OK);
		if (wrong)
			return;
		break;
	}
	default:
		CHECK_EQ(c, conf_write(c, call, &m->key, &put, 1, &r), HY_OK);
	}
	note_change(map, row, (struct model_row){.value = v});
}

static void trim_map(struct conf *c, struct call *call, struct random_state *s, unsigned worker, struct model *m)
{
	struct model_map *map = draw_map(s, worker, m);
	uint64_t upto = draw(s, worker, map->version + 2);
	const struct kt_op op = {.kind = KT_TRIM, .space = map->space, .version = upto};
	if (draw(s, worker, 2))
		CHECK_EQ(c, conf_write_lazily(c, call, &m->key, &op, 1), HY_OK);
	CHECK_EQ(c, conf_write(c, call, &m->key, &op, 1, NULL), HY_OK);
	upto = HY_MIN(upto, map->version);
	map->trimmed = HY_MAX(map->trimmed, upto);
}

static void trim(struct conf *c, struct call *call, struct random_state *s, unsigned worker, struct model *m)
{
	uint64_t upto = draw(s, worker, m->log_version + 2);
	if (draw(s, worker, 2))
		CHECK_EQ(c, conf_write_lazily(c, call, &m->key, OPS(OP_TRIM(upto))), HY_OK);
	/* Lazily and then surely: what follows sees it. */
	CHECK_EQ(c, conf_write(c, call, &m->key, OPS(OP_TRIM(upto)), NULL), HY_OK);
	upto = HY_MIN(upto, m->log_version);
	m->trimmed = HY_MAX(m->trimmed, upto);
}

/* ---- reads ----------------------------------------------------------------------------------------------------- */

static void check_log_changes(
	struct conf *c, struct call *call, struct random_state *s, unsigned worker, struct model *m)
{
	uint64_t since = draw(s, worker, m->log_version + 2);
	struct kt_limits limits = {.max_rows = draw(s, worker, 2) ? 0 : 1 + (uint32_t)draw(s, worker, 20)};
	limits.max_bytes = draw(s, worker, 2) ? 0 : (uint32_t)draw(s, worker, 8000);
	struct kt_rows rows;
	int status = conf_changes(c, call, &m->key, CONF_LOG, since, limits, &rows);
	if (since < m->trimmed || since > m->log_version) {
		CHECK_EQ(c, status, HY_OUT_OF_RANGE);
		CHECK_EQ(c, rows.trimmed, m->trimmed);
		CHECK_EQ(c, rows.version, m->log_version);
		return;
	}
	CHECK_EQ(c, status, HY_OK);
	for (size_t i = 0; i < rows.count; i++) {
		CHECK_EQ(c, rows.rows[i].version, since + 1 + i);
		CHECK(c, is_value(rows.rows[i].value, m->log[since + 1 + i]));
	}
	CHECK_EQ(c, rows.more, since + rows.count < m->log_version);
	CHECK_EQ(c, rows.version, since + rows.count);
	CHECK(c, !rows.more || rows.count);
}

static void check_map_changes(
	struct conf *c, struct call *call, struct random_state *s, unsigned worker, struct model *m)
{
	const struct model_map *map = draw_map(s, worker, m);
	uint64_t since = map->trimmed - draw(s, worker, 2) * draw(s, worker, map->trimmed + 1);
	since += draw(s, worker, map->version - map->trimmed + 2);
	since = draw(s, worker, 8) ? since : 0;
	struct kt_rows rows;
	bool followed = map->space != CONF_UNFOLLOWED, began = draw(s, worker, 2) && followed;
	struct kt_limits limits = {.began_at = began ? map->trimmed : map->trimmed + 1};
	bool misses = since < map->trimmed && !began && (since > 0 || !followed);
	int status = conf_changes(c, call, &m->key, map->space, since, limits, &rows);
	CHECK_EQ(c, status, misses || since > map->version ? HY_OUT_OF_RANGE : HY_OK);
	CHECK_EQ(c, rows.version, map->version);
	CHECK_EQ(c, rows.trimmed, map->trimmed);
	size_t expected = 0;
	for (unsigned i = 0; i < NAMES && !status; i++)
		expected +=
			map->rows[i].version > since && !(map->rows[i].deleted && map->rows[i].version <= map->trimmed);
	CHECK_EQ(c, rows.count, expected);
	for (size_t i = 0; i < rows.count; i++) {
		unsigned n = 0;
		while (n < NAMES && !hy_bytes_equal(rows.rows[i].name, name_of(n)))
			n++;
		CHECK(c, n < NAMES);
		CHECK_EQ(c, rows.rows[i].version, map->rows[n].version);
		CHECK_EQ(c, rows.rows[i].deleted, map->rows[n].deleted);
		CHECK(c, is_value(rows.rows[i].value, map->rows[n].value));
		CHECK(c, i == 0 || rows.rows[i - 1].version < rows.rows[i].version);
	}
}

static void check_ranges(struct conf *c, struct call *call, struct random_state *s, unsigned worker, struct model *m)
{
	const struct model_map *map = draw_map(s, worker, m);
	struct kt_rows rows;
	unsigned from = (unsigned)draw(s, worker, NAMES);
	CHECK_EQ(c, conf_range(c, call, &m->key, map->space, name_of(from), (struct kt_limits){0}, &rows), HY_OK);
	size_t n = 0;
	for (unsigned i = from + 1; i < NAMES; i++) {
		if (!is_there(&map->rows[i]))
			continue;
		CHECK(c, n < rows.count);
		CHECK(c, hy_bytes_equal(rows.rows[n].name, name_of(i)));
		CHECK(c, is_value(rows.rows[n++].value, map->rows[i].value));
	}
	CHECK_EQ(c, n, rows.count);

	uint8_t after[8];
	uint64_t since = draw(s, worker, m->log_version + 2);
	hy_put_be64(after, since);
	CHECK_EQ(c,
		conf_range(c, call, &m->key, CONF_LOG, hy_bytes(after, 8), (struct kt_limits){.max_rows = 7}, &rows),
		HY_OK);
	uint64_t first = HY_MAX(since, m->trimmed) + 1;
	uint64_t there = m->log_version >= first ? m->log_version - first + 1 : 0;
	CHECK_EQ(c, rows.count, HY_MIN(there, 7u));
	for (size_t i = 0; i < rows.count; i++)
		CHECK(c, is_value(rows.rows[i].value, m->log[first + i]));
}

static void check_several(struct conf *c, struct call *call, struct random_state *s, unsigned worker, struct model *m)
{
	struct kt_place places[KT_PLACES_MAX];
	struct kt_row rows[KT_PLACES_MAX];
	const struct model_row *want[KT_PLACES_MAX];
	unsigned count = 1 + (unsigned)draw(s, worker, KT_PLACES_MAX);
	for (unsigned i = 0; i < count; i++) {
		const struct model_map *map = draw_map(s, worker, m);
		unsigned name = (unsigned)draw(s, worker, NAMES);
		want[i] = &map->rows[name];
		places[i] = (struct kt_place){map->space, name_of(name)};
	}
	CHECK_EQ(c, conf_rows(c, call, &m->key, places, count, rows), HY_OK);
	for (unsigned i = 0; i < count; i++) {
		CHECK_EQ(c, rows[i].version, want[i]->deleted ? 0 : want[i]->version);
		CHECK(c, !rows[i].version || is_value(rows[i].value, want[i]->value));
	}
}

static void check_rows(struct conf *c, struct call *call, struct random_state *s, unsigned worker, struct model *m)
{
	struct kt_row row;
	const struct model_map *map = draw_map(s, worker, m);
	unsigned i = (unsigned)draw(s, worker, NAMES);
	bool there = is_there(&map->rows[i]);
	CHECK_EQ(c, conf_row(c, call, &m->key, map->space, name_of(i), &row), there ? HY_OK : HY_NOT_FOUND);
	if (there)
		CHECK(c, is_value(row.value, map->rows[i].value));
	check_several(c, call, s, worker, m);
	if (m->window_count) {
		unsigned w = (unsigned)draw(s, worker, m->window_count);
		CHECK_EQ(c, conf_row(c, call, &m->key, CONF_WINDOW, NAME(m->windows[w].name), &row), HY_OK);
		CHECK_EQ(c, row.version, m->windows[w].version);
		CHECK(c, is_value(row.value, m->windows[w].value));
	}
	uint8_t name[8];
	uint64_t v = draw(s, worker, m->log_version + 2);
	hy_put_be64(name, v);
	there = v > m->trimmed && v <= m->log_version;
	CHECK_EQ(c, conf_row(c, call, &m->key, CONF_LOG, hy_bytes(name, 8), &row), there ? HY_OK : HY_NOT_FOUND);
	if (there)
		CHECK(c, is_value(row.value, m->log[v]));
}

static void check_map_head(struct conf *c, const struct kt_head *head, const struct model_map *map)
{
	struct kt_head want = {.version = map->version, .trimmed = map->trimmed};
	for (unsigned i = 0; i < NAMES; i++) {
		const struct model_row *row = &map->rows[i];
		want.rows += is_there(row);
		want.bytes += is_there(row) ? row->value.len : 0;
		want.tombstones += row->deleted && row->version > map->trimmed;
	}
	CHECK_EQ(c, head->version, want.version);
	CHECK_EQ(c, head->trimmed, want.trimmed);
	CHECK_EQ(c, head->rows, want.rows);
	CHECK_EQ(c, head->bytes, want.bytes);
	CHECK_EQ(c, head->tombstones, want.tombstones);
}

static void check_log_head(struct conf *c, const struct kt_head *head, const struct model *m)
{
	uint64_t bytes = 0;
	for (uint64_t v = m->trimmed + 1; v <= m->log_version; v++)
		bytes += m->log[v].len;
	CHECK_EQ(c, head->version, m->log_version);
	CHECK_EQ(c, head->trimmed, m->trimmed);
	CHECK_EQ(c, head->rows, m->log_version - m->trimmed);
	CHECK_EQ(c, head->bytes, bytes);
}

static void check_heads(struct conf *c, struct call *call, struct model *m)
{
	struct kt_head head;
	CHECK_EQ(c, conf_head(c, call, &m->key, CONF_LOG, &head), HY_OK);
	check_log_head(c, &head, m);
	for (size_t i = 0; i < HY_COUNT_OF(m->maps); i++) {
		CHECK_EQ(c, conf_head(c, call, &m->key, m->maps[i].space, &head), HY_OK);
		check_map_head(c, &head, &m->maps[i]);
	}
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static void work(struct conf *c, struct call *call, unsigned worker)
{
	struct random_state *s = c->state;
	for (int i = 0; i < OPERATIONS && !c->failure[0]; i++) {
		struct hy_arena arena;
		struct call step = *call;
		hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
		step.arena = &arena;
		struct model *m = &s->models[worker][draw(s, worker, KEYS)];
		/* In little memory the mover, which comes by at times, must get its turns. */
		if (c->config.memory_bytes && draw(s, worker, 16) == 0)
			conf_sleep_ms(&step, c->config.idle_move_ms ? c->config.idle_move_ms / 2 : 30);
		switch (draw(s, worker, 10)) {
		case 0:
		case 1:
		case 2:
			send_message(c, &step, s, worker, m);
			break;
		case 3:
		case 4:
			change_map(c, &step, s, worker, m);
			break;
		case 5:
			if (draw(s, worker, 4) == 0)
				trim(c, &step, s, worker, m);
			else if (draw(s, worker, 2) == 0)
				trim_map(c, &step, s, worker, m);
			break;
		case 6:
			check_log_changes(c, &step, s, worker, m);
			break;
		case 7:
			check_map_changes(c, &step, s, worker, m);
			break;
		case 8:
			check_ranges(c, &step, s, worker, m);
			check_heads(c, &step, m);
			break;
		default:
			check_rows(c, &step, s, worker, m);
		}
		hy_arena_fini(&arena);
	}
}

static void init_model(struct model *m, uint32_t uin)
{
	m->key = hy_key_user(uin);
	m->maps[0].space = CONF_MAP;
	m->maps[1].space = CONF_UNFOLLOWED;
}

void conf_random_start(struct conf *c, struct call *call)
{
	struct random_state *s = c->state = hy_zalloc(sizeof *s);
	uint64_t seed = c->seed;
	for (unsigned w = 0; w < WORKERS; w++) {
		s->rand[w] = conf_rand(&seed);
		for (unsigned k = 0; k < KEYS; k++)
			init_model(&s->models[w][k], 1000 + w * KEYS + k);
	}
	conf_random_go_on(c, call);
}

static bool was_written(const struct random_state *s)
{
	return s->models[0][0].log_version > 0;
}

/** Of a store that rests. */
static void check_list(struct conf *c, struct call *call)
{
	struct random_state *s = c->state;
	struct kt_listed *list;
	struct hy_key after;
	size_t count, seen = 0;
	bool more = true;
	while (more) {
		CHECK_EQ(c, kt_list_heads(c->kt, call, seen ? &after : NULL, 5, &list, &count, &more), HY_OK);
		for (size_t i = 0; i < count; i++, seen++) {
			CHECK(c, seen < WORKERS * KEYS);
			struct model *m = &s->models[seen / KEYS][seen % KEYS];
			CHECK(c, hy_key_equal(&list[i].key, &m->key));
			check_log_head(c, &list[i].heads[CONF_LOG], m);
			check_map_head(c, &list[i].heads[CONF_MAP], &m->maps[0]);
			check_map_head(c, &list[i].heads[CONF_UNFOLLOWED], &m->maps[1]);
		}
		CHECK(c, count == 5 || !more);
		after = list[count - 1].key;
	}
	CHECK_EQ(c, seen, WORKERS * KEYS);
}

void conf_random_go_on(struct conf *c, struct call *call)
{
	if (was_written(c->state))
		check_list(c, call);
	conf_parallel(c, call, WORKERS, work);
	check_list(c, call);
}
