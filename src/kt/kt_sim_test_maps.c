#include "kt/kt_sim_test_maps.h"

#include "env/sim/sim.h"

#define FAIL(m, ...)                                              \
	do {                                                      \
		if (!(m)->failure[0])                             \
			snprintf((m)->failure, 300, __VA_ARGS__); \
	} while (0)
#define ULL(x) ((unsigned long long)(x))

static struct hy_bytes name_of(unsigned i)
{
	static const char *const names[SIM_MAP_NAMES] = {"a", "aa", "b", "c", "ca", "d"};
	return hy_bytes_str(names[i]);
}

static size_t value_len(uint32_t number)
{
	return 4 + number * 31 % 90;
}

static bool is_refusal(int status)
{
	return status == HY_UNAVAILABLE || status == HY_RESOURCE_EXHAUSTED || status == HY_DEADLINE_EXCEEDED ||
	       status == HY_CANCELLED;
}

/* ---- what is known, as of the beginning of a call ---------------------------------------------------------------- */

struct before {
	uint32_t known[SIM_MAP_NAMES];
	uint64_t version, trimmed;
};

static struct before before(const struct sim_map *m)
{
	struct before b = {.version = m->version, .trimmed = m->trim_answered};
	memcpy(b.known, m->known, sizeof b.known);
	return b;
}

static void note_version(struct sim_map *m, uint32_t number, uint64_t version)
{
	if (m->changes[number].version && m->changes[number].version != version)
		FAIL(m, "change %u of a map was version %llu and is %llu", number, ULL(m->changes[number].version),
			ULL(version));
	m->changes[number].version = version;
	m->version = HY_MAX(m->version, version);
}

static void see_row(struct sim_map *m, const struct before *b, unsigned name, const struct kt_row *row)
{
	uint32_t number = row->value.len >= 4 ? hy_get_be32(row->value.data) : 0;
	if (number == 0 || number > m->count || row->value.len != value_len(number) || m->changes[number].deletes ||
		m->changes[number].name != name) {
		FAIL(m, "a map has a row that nobody put: %u under %u", number, name);
		return;
	}
	if (number < b->known[name])
		FAIL(m, "a map has change %u where %u was known (space %u)", number, b->known[name], m->space);
	note_version(m, number, row->version);
	m->known[name] = HY_MAX(m->known[name], number);
}

static void see_none(struct sim_map *m, const struct before *b, unsigned name)
{
	uint32_t number = b->known[name];
	if (number == 0)
		return;
	while (number <= m->count && !(m->changes[number].deletes && m->changes[number].name == name))
		number++;
	if (number > m->count)
		FAIL(m, "a map's row of change %u is gone (space %u)", b->known[name], m->space);
	else
		m->known[name] = HY_MAX(m->known[name], number);
}

static void see_head(struct sim_map *m, const struct before *b, uint64_t version, uint64_t trimmed)
{
	if (version < b->version)
		FAIL(m, "a map's version was %llu and is %llu", ULL(b->version), ULL(version));
	if (!m->followed && trimmed != version)
		FAIL(m, "a map that nobody follows has trim mark %llu at version %llu", ULL(trimmed), ULL(version));
	if (m->followed && (trimmed < b->trimmed || trimmed > m->trim_asked))
		FAIL(m, "a map's trim mark is %llu; asked %llu, answered %llu", ULL(trimmed), ULL(m->trim_asked),
			ULL(b->trimmed));
	m->version = HY_MAX(m->version, version);
}

/* ---- the writer -------------------------------------------------------------------------------------------------- */

static void trim(struct sim_map *m, struct conf *c, struct call *call)
{
	uint64_t upto = m->version - sim_range(m->sim, 0, HY_MIN(m->version, 4));
	const struct kt_op op = {.kind = KT_TRIM, .space = m->space, .version = upto};
	bool lazily = sim_chance(m->sim, 500);
	m->trim_asked = HY_MAX(m->trim_asked, upto);
	if (lazily)
		(void)conf_write_lazily(c, call, &m->key, &op, 1);
	else if (conf_write(c, call, &m->key, &op, 1, NULL) == HY_OK)
		m->trim_answered = HY_MAX(m->trim_answered, upto);
}

static void change(struct sim_map *m, struct conf *c, struct call *call, unsigned name, bool deletes)
{
	uint8_t value[128] = {0};
	uint32_t number = ++m->count;
	struct before b = before(m);
	struct kt_result r;
	struct kt_op op = {.kind = deletes ? KT_DELETE : KT_PUT, .space = m->space, .name = name_of(name)};
	m->changes[number].name = (uint8_t)name;
	m->changes[number].deletes = deletes;
	hy_put_be32(value, number);
	if (!deletes)
		op.value = hy_bytes(value, value_len(number));
	int status = conf_write(c, call, &m->key, &op, 1, &r);
	if (status && !is_refusal(status))
		FAIL(m, "a change of a map is answered %s", hy_status_name(status));
	if (status)
		return;
	if (deletes && r.versions[0] == 0) {
		m->count--; /* nothing was there: it must not explain that itself */
		see_none(m, &b, name);
		m->count++;
	} else if (r.versions[0] <= b.version) {
		FAIL(m, "a map's version went back to %llu", ULL(r.versions[0]));
	} else {
		note_version(m, number, r.versions[0]);
	}
	m->known[name] = HY_MAX(m->known[name], number);
}

void sim_map_change(struct sim_map *m, struct conf *c, struct call *call)
{
	bool trims = sim_chance(m->sim, 150);
	if (trims) {
		trim(m, c, call);
		return;
	}
	unsigned name = (unsigned)sim_range(m->sim, 0, SIM_MAP_NAMES - 1);
	bool deletes = sim_chance(m->sim, 450);
	if (m->count < SIM_MAP_CHANGES)
		change(m, c, call, name, deletes);
}

/* ---- readers ----------------------------------------------------------------------------------------------------- */

/** True: there is something to look at. */
static bool answered(struct sim_map *m, int status, bool all)
{
	if (status == HY_OK)
		m->reads++;
	else if (all || !is_refusal(status))
		FAIL(m, "a read of a map is answered %s", hy_status_name(status));
	return status == HY_OK;
}

static void read_rows(struct sim_map *m, struct conf *c, struct call *call)
{
	struct kt_place places[KT_PLACES_MAX];
	struct kt_row rows[KT_PLACES_MAX];
	unsigned first = (unsigned)sim_range(m->sim, 0, SIM_MAP_NAMES - 1);
	size_t count = (size_t)sim_range(m->sim, 1, KT_PLACES_MAX);
	struct before b = before(m);
	for (size_t i = 0; i < count; i++)
		places[i] = (struct kt_place){m->space, name_of((first + i) % SIM_MAP_NAMES)};
	if (!answered(m, conf_rows(c, call, &m->key, places, count, rows), false))
		return;
	for (size_t i = 0; i < count; i++) {
		unsigned name = (first + (unsigned)i) % SIM_MAP_NAMES;
		if (rows[i].version)
			see_row(m, &b, name, &rows[i]);
		else
			see_none(m, &b, name);
	}
}

static unsigned index_of(struct sim_map *m, struct hy_bytes name)
{
	unsigned i = 0;
	while (i < SIM_MAP_NAMES && !hy_bytes_equal(name, name_of(i)))
		i++;
	if (i == SIM_MAP_NAMES)
		FAIL(m, "a map has a name that nobody used");
	return i;
}

/** What was known to stand above `since`, in a row or a tombstone, must be there, or something later of its name. */
static void check_complete(
	struct sim_map *m, const struct before *b, uint64_t since, uint64_t trimmed, const bool *seen)
{
	for (unsigned i = 0; i < SIM_MAP_NAMES; i++) {
		uint32_t number = b->known[i];
		uint64_t least = m->changes[number].deletes ? HY_MAX(since, trimmed) : since;
		if (number && m->changes[number].version > least && !seen[i])
			FAIL(m, "change %u of a map, version %llu, is not among those since %llu", number,
				ULL(m->changes[number].version), ULL(since));
	}
}

static void read_changes(struct sim_map *m, struct conf *c, struct call *call, bool all)
{
	bool seen[SIM_MAP_NAMES] = {false};
	struct kt_rows rows;
	struct before b = before(m);
	uint64_t since = b.version - (all ? 0 : sim_range(m->sim, 0, HY_MIN(b.version, 12)));
	since = all ? m->trim_asked : since;
	int status = conf_changes(c, call, &m->key, m->space, since, (struct kt_limits){0}, &rows);
	bool refused = status == HY_OUT_OF_RANGE && since < rows.trimmed;
	if (!refused && !answered(m, status, all && m->followed))
		return;
	see_head(m, &b, rows.version, rows.trimmed);
	uint64_t last = since;
	for (size_t i = 0; i < rows.count; i++) {
		unsigned name = index_of(m, rows.rows[i].name);
		if (rows.rows[i].version <= last || name == SIM_MAP_NAMES) {
			FAIL(m, "changes of a map are not in order");
			return;
		}
		seen[name] = true;
		last = rows.rows[i].version;
		if (rows.rows[i].deleted)
			see_none(m, &b, name);
		else
			see_row(m, &b, name, &rows.rows[i]);
	}
	if (!refused && !rows.more)
		check_complete(m, &b, since, rows.trimmed, seen);
}

static void read_range(struct sim_map *m, struct conf *c, struct call *call, bool all)
{
	bool seen[SIM_MAP_NAMES] = {false};
	struct kt_rows rows;
	struct kt_head head;
	uint64_t bytes = 0;
	struct before b = before(m);
	if (!answered(
		    m, conf_range(c, call, &m->key, m->space, (struct hy_bytes){0}, (struct kt_limits){0}, &rows), all))
		return;
	see_head(m, &b, rows.version, rows.trimmed);
	for (size_t i = 0; i < rows.count; i++) {
		unsigned name = index_of(m, rows.rows[i].name);
		if (name == SIM_MAP_NAMES)
			return;
		seen[name] = true;
		bytes += rows.rows[i].value.len;
		see_row(m, &b, name, &rows.rows[i]);
	}
	for (unsigned i = 0; i < SIM_MAP_NAMES; i++) {
		if (!seen[i])
			see_none(m, &b, i);
	}
	if (!answered(m, conf_head(c, call, &m->key, m->space, &head), all) || head.version != rows.version)
		return;
	if (head.rows != rows.count || head.bytes != bytes || head.tombstones + head.rows > SIM_MAP_NAMES ||
		(head.trimmed == head.version && head.tombstones))
		FAIL(m, "a map's head says %llu rows, %llu bytes, %llu tombstones; there are %zu rows, %llu bytes",
			ULL(head.rows), ULL(head.bytes), ULL(head.tombstones), rows.count, ULL(bytes));
}

void sim_map_read(struct sim_map *m, struct conf *c, struct call *call, bool all)
{
	unsigned what = (unsigned)sim_range(m->sim, 0, 5);
	if (all || what == 0)
		read_range(m, c, call, all);
	if (all || what == 1)
		read_changes(m, c, call, all);
	if (!all && what > 1)
		read_rows(m, c, call);
}
