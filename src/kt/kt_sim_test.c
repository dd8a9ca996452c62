/*
 * The engine sdb in the simulated world: writers, readers and trims on a few keys, on a machine that is killed, loses
 * its power and is stopped, again and again, with faults of disk and clock by the seed. A book outside of the machine
 * notes what was answered, and at every read holds the store to it:
 *	- what was answered is there, at the version that was answered;
 *	- changes since v have no gap, and a write made twice under one name is there once;
 *	- what one reader saw all later ones see, also after a death: versions never go back, values never change;
 *	- what is below an answered trim is refused;
 *	- maps, one that is followed and one that is not, say the same (kt_sim_test_maps.h).
 * Usage: kt_sim_test [first seed [number of seeds]]. It says what each mark was worth; marks that must be seen fail the
 * run.
 */
#include <stdlib.h>
#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "kt/conf.h"
#include "kt/kt_sim_test_maps.h"

#define KEYS 4
#define WRITERS 6
#define READERS 3
#define VERSIONS 3000
#define SENDS 4000
#define RUN_US (20ull * 1000 * 1000)
#define HEAL_US (120ull * 1000 * 1000)

struct send {
	struct conf_name name;
	unsigned key;
	uint64_t version; /* where it is known to stand; 0: nowhere yet */
	bool open;        /* sent, and the answer is not known: to be sent again */
};

struct book_key {
	struct hy_key key;
	uint32_t at[VERSIONS + 1]; /* number of the send that stands at this version, 0: not seen yet */
	uint64_t known;            /* versions up to here must be there (answered or seen) */
	uint64_t trim_asked, trim_answered;
	uint64_t map_version;          /* of the key's one map row: answered or seen */
	uint64_t map_value, map_tried; /* the value holds what was answered or seen last, or one tried since */
	struct sim_map maps[2];        /* followed, and not */
};

struct book {
	struct sim *sim;
	struct sim_machine *machine;
	uint64_t seed;
	struct book_key keys[KEYS];
	struct send sends[SENDS + 1];
	uint32_t send_count;
	uint64_t answered, restarts, reads;
	bool healing, done;
	bool tiny;
	char failure[300];
	char log[20][300]; /* the last log lines */
	unsigned log_count;
};

#define FAIL(b, ...)                                                             \
	do {                                                                     \
		if (!(b)->failure[0])                                            \
			snprintf((b)->failure, sizeof(b)->failure, __VA_ARGS__); \
	} while (0)

/** One process of the machine. */
struct process {
	struct conf conf;
	struct book *book;
	unsigned left;
	struct env_inbox *inbox;
	struct env_msg start, finished;
};

static struct book *book_of(struct conf *c)
{
	return hy_container_of(c, struct process, conf)->book;
}

/* ---- what the book knows ----------------------------------------------------------------------------------------- */

static void note_at(struct book *b, struct book_key *k, uint64_t version, uint32_t send)
{
	if (version == 0 || version > VERSIONS || send == 0 || send > b->send_count) {
		FAIL(b, "send %u at version %llu makes no sense", send, (unsigned long long)version);
		return;
	}
	if (k->at[version] && k->at[version] != send)
		FAIL(b, "version %llu was send %u and is send %u", (unsigned long long)version, k->at[version], send);
	if (b->sends[send].version && b->sends[send].version != version)
		FAIL(b, "send %u stands at %llu and at %llu", send, (unsigned long long)b->sends[send].version,
			(unsigned long long)version);
	k->at[version] = send;
	b->sends[send].version = version;
	k->known = HY_MAX(k->known, version);
}

/* ---- writers ----------------------------------------------------------------------------------------------------- */

static void send_one(struct conf *c, struct call *call, uint32_t number)
{
	struct book *b = book_of(c);
	struct send *send = &b->sends[number];
	struct book_key *k = &b->keys[send->key];
	uint8_t value[600] = {0};
	hy_put_be32(value, number);
	size_t len = 4 + number * 37 % 500;
	struct kt_result r;
	int status = conf_write(c, call, &k->key,
		OPS(OP_WINDOW(NAME(send->name), hy_bytes(value, 4)), OP_APPEND(hy_bytes(value, len))), &r);
	if (status == HY_OK) {
		note_at(b, k, r.versions[1], number);
		b->answered++;
		send->open = false;
	} else if (status == HY_ALREADY_EXISTS) {
		if (r.stored.value.len != 4 || hy_get_be32(r.stored.value.data) != number)
			FAIL(b, "the duplicate row of send %u is another's", number);
		note_at(b, k, r.stored.version, number);
		send->open = false;
	} else if (status == HY_OUT_OF_RANGE) {
		send->open = false; /* the clock jumped: it is too new or too old, and stays unknown */
	} else if (status != HY_UNAVAILABLE && status != HY_RESOURCE_EXHAUSTED && status != HY_DEADLINE_EXCEEDED &&
		   status != HY_CANCELLED) {
		FAIL(b, "a send is answered %s", hy_status_name(status));
	}
}

static void send_new(struct conf *c, struct call *call)
{
	struct book *b = book_of(c);
	if (b->send_count == SENDS)
		return;
	uint32_t number = ++b->send_count;
	unsigned key = (unsigned)sim_range(b->sim, 0, KEYS - 1);
	uint64_t age_ms = sim_range(b->sim, 0, 1000);
	uint64_t ms = env_wall_ms(c->env) - age_ms;
	b->sends[number] = (struct send){.name = conf_window_name(ms, number), .key = key, .open = true};
	send_one(c, call, number);
}

/** One of those whose answer is not known; perhaps one that another writer is sending right now. */
static void send_again(struct conf *c, struct call *call)
{
	struct book *b = book_of(c);
	if (b->send_count == 0)
		return;
	uint32_t from = (uint32_t)sim_range(b->sim, 1, b->send_count);
	for (uint32_t i = from; i <= b->send_count && i < from + 50; i++) {
		bool again = b->sends[i].open || sim_chance(b->sim, 20);
		if (again) {
			send_one(c, call, i);
			return;
		}
	}
}

static void trim(struct conf *c, struct call *call)
{
	struct book *b = book_of(c);
	struct book_key *k = &b->keys[sim_range(b->sim, 0, KEYS - 1)];
	if (k->known < 3)
		return;
	uint64_t upto = k->known - sim_range(b->sim, 0, 2);
	bool lazily = sim_chance(b->sim, 500);
	k->trim_asked = HY_MAX(k->trim_asked, upto);
	if (lazily)
		(void)conf_write_lazily(c, call, &k->key, OPS(OP_TRIM(upto)));
	else if (conf_write(c, call, &k->key, OPS(OP_TRIM(upto)), NULL) == HY_OK)
		k->trim_answered = HY_MAX(k->trim_answered, upto);
}

/** Each key's map has one row, of one writer, whose value is a number that rises. */
static void put(struct conf *c, struct call *call, struct book_key *k)
{
	struct kt_result r;
	uint8_t value[8];
	uint64_t number = ++k->map_tried;
	hy_put_be64(value, number);
	if (conf_write(c, call, &k->key, OPS(OP_PUT(B("row"), hy_bytes(value, 8))), &r) != HY_OK)
		return;
	struct book *b = book_of(c);
	if (r.versions[0] < k->map_version) /* a reader may have seen it first */
		FAIL(b, "a map's version went back to %llu", (unsigned long long)r.versions[0]);
	k->map_version = HY_MAX(k->map_version, r.versions[0]);
	k->map_value = HY_MAX(k->map_value, number);
}

static void writer(struct conf *c, struct call *call, unsigned index)
{
	struct book *b = book_of(c);
	switch (sim_range(b->sim, 0, 11)) {
	case 0:
		trim(c, call);
		break;
	case 1:
	case 2:
		if (index < KEYS)
			put(c, call, &b->keys[index]);
		if (index < KEYS)
			sim_map_change(&b->keys[index].maps[sim_range(b->sim, 0, 1)], c, call);
		break;
	case 3:
	case 4:
	case 5:
		send_again(c, call);
		break;
	default:
		send_new(c, call);
	}
}

/* ---- readers ----------------------------------------------------------------------------------------------------- */

static bool is_refusal(int status)
{
	return status == HY_UNAVAILABLE || status == HY_RESOURCE_EXHAUSTED || status == HY_DEADLINE_EXCEEDED ||
	       status == HY_CANCELLED;
}

static void check_row(struct book *b, struct book_key *k, const struct kt_row *row, uint64_t want)
{
	uint32_t number = row->value.len >= 4 ? hy_get_be32(row->value.data) : 0;
	if (row->version != want)
		FAIL(b, "a gap: version %llu where %llu was due", (unsigned long long)row->version,
			(unsigned long long)want);
	if (number && number <= b->send_count && row->value.len != 4 + number * 37 % 500)
		FAIL(b, "send %u has changed", number);
	if (number && number <= b->send_count && &b->keys[b->sends[number].key] != k)
		FAIL(b, "send %u stands with another key", number);
	note_at(b, k, row->version, number);
}

static void read_log(struct conf *c, struct call *call, struct book_key *k, bool all)
{
	struct book *b = book_of(c);
	uint64_t known = k->known, trimmed = k->trim_answered;
	uint64_t since = all ? k->trim_asked : sim_range(b->sim, 0, known);
	struct kt_limits limits = {.max_rows = all ? 100000 : 50, .max_bytes = 2u << 20};
	struct kt_rows rows;
	int status = conf_changes(c, call, &k->key, CONF_LOG, since, limits, &rows);
	if (is_refusal(status)) {
		if (all)
			FAIL(b, "the last read is refused: %s", hy_status_name(status));
		return;
	}
	b->reads++;
	if (status != HY_OK && status != HY_OUT_OF_RANGE) {
		FAIL(b, "a read is answered %s", hy_status_name(status));
		return;
	}
	if (rows.trimmed > k->trim_asked || rows.trimmed < trimmed)
		FAIL(b, "the trim mark is %llu; asked %llu, answered before %llu", (unsigned long long)rows.trimmed,
			(unsigned long long)k->trim_asked, (unsigned long long)trimmed);
	if (status == HY_OUT_OF_RANGE) {
		if (since >= rows.trimmed)
			FAIL(b, "since %llu is refused with version %llu, trimmed %llu", (unsigned long long)since,
				(unsigned long long)rows.version, (unsigned long long)rows.trimmed);
		if (rows.version < known)
			FAIL(b, "version %llu was known and is %llu", (unsigned long long)known,
				(unsigned long long)rows.version);
		return;
	}
	if (since < rows.trimmed)
		FAIL(b, "trimmed rows are given");
	for (size_t i = 0; i < rows.count; i++)
		check_row(b, k, &rows.rows[i], since + 1 + i);
	if (rows.version != since + rows.count || (!rows.more && rows.version < known))
		FAIL(b, "version %llu was known; read %llu after %llu", (unsigned long long)known,
			(unsigned long long)rows.version, (unsigned long long)since);
	k->known = HY_MAX(k->known, rows.version);
}

static void read_map(struct conf *c, struct call *call, struct book_key *k, bool all)
{
	struct book *b = book_of(c);
	uint64_t value = k->map_value, version = k->map_version;
	struct kt_row row;
	int status = conf_row(c, call, &k->key, CONF_MAP, B("row"), &row);
	if (is_refusal(status) && !all)
		return;
	if (status == HY_NOT_FOUND && value == 0)
		return;
	if (status || row.value.len != 8) {
		FAIL(b, "a map's row is answered %s", hy_status_name(status));
		return;
	}
	uint64_t now = hy_get_be64(row.value.data);
	if (now < value || now > k->map_tried || row.version < version)
		FAIL(b, "a map's row is %llu of version %llu; known %llu of %llu", (unsigned long long)now,
			(unsigned long long)row.version, (unsigned long long)value, (unsigned long long)version);
	k->map_value = HY_MAX(k->map_value, now);
	k->map_version = HY_MAX(k->map_version, row.version);
}

/** One row, perhaps while it is trimmed. */
static void read_row(struct conf *c, struct call *call, struct book_key *k)
{
	struct book *b = book_of(c);
	if (k->known == 0)
		return;
	uint64_t back = sim_range(b->sim, 0, HY_MIN(k->known - 1, 5));
	uint64_t version = k->known - back, trimmed = k->trim_answered;
	uint8_t name[8];
	struct kt_row row;
	hy_put_be64(name, version);
	int status = conf_row(c, call, &k->key, CONF_LOG, hy_bytes(name, 8), &row);
	if (status == HY_OK && version > trimmed)
		check_row(b, k, &row, version);
	else if (status == HY_OK)
		FAIL(b, "row %llu was trimmed and is given", (unsigned long long)version);
	else if (status == HY_NOT_FOUND && version > k->trim_asked)
		FAIL(b, "row %llu is gone", (unsigned long long)version);
	else if (status != HY_NOT_FOUND && !is_refusal(status))
		FAIL(b, "row %llu is answered %s", (unsigned long long)version, hy_status_name(status));
}

static void reader(struct conf *c, struct call *call)
{
	struct book *b = book_of(c);
	struct book_key *k = &b->keys[sim_range(b->sim, 0, KEYS - 1)];
	if (sim_chance(b->sim, 400))
		read_log(c, call, k, false);
	else if (sim_chance(b->sim, 600))
		read_row(c, call, k);
	else if (sim_chance(b->sim, 400))
		read_map(c, call, k, false);
	else
		sim_map_read(&k->maps[sim_range(b->sim, 0, 1)], c, call, false);
}

/* ---- one process ------------------------------------------------------------------------------------------------- */

static void work(struct conf *c, struct call *call, unsigned index)
{
	struct book *b = book_of(c);
	while (!b->failure[0]) {
		struct hy_arena arena;
		struct call one = *call;
		hy_arena_init(&arena, 8u << 20);
		one.arena = &arena;
		uint64_t patience = sim_chance(b->sim, 50) ? 2000 : 5 * 1000 * 1000;
		one.deadline_us = svr_now_us(call->loop) + patience;
		if (index < WRITERS)
			writer(c, &one, index);
		else
			reader(c, &one);
		hy_arena_fini(&arena);
		uint64_t pause = sim_range(b->sim, 0, 40000);
		if (co_sleep_until(call->loop, svr_now_us(call->loop) + pause) != HY_OK)
			return;
	}
}

static void check_all(struct conf *c, struct call *call, unsigned index)
{
	struct book *b = book_of(c);
	for (uint32_t i = 1; i <= b->send_count; i++) {
		if (b->sends[i].open && b->sends[i].key == index)
			send_one(c, call, i);
	}
	read_log(c, call, &b->keys[index], true);
	read_map(c, call, &b->keys[index], true);
	sim_map_read(&b->keys[index].maps[0], c, call, true);
	sim_map_read(&b->keys[index].maps[1], c, call, true);
}

static void step_main(void *arg)
{
	struct process *p = arg;
	struct hy_arena arena;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	struct call call = {.loop = svr_loop_at(p->conf.svr, 0), .arena = &arena, .deadline_us = UINT64_MAX};
	if (p->book->healing)
		conf_parallel(&p->conf, &call, KEYS, check_all);
	else
		conf_parallel(&p->conf, &call, WRITERS + READERS, work);
	hy_arena_fini(&arena);
	if (p->book->healing)
		env_inbox_post(p->inbox, &p->finished);
}

static void on_start(struct env_msg *msg)
{
	struct process *p = hy_container_of(msg, struct process, start);
	co_spawn(svr_loop_at(p->conf.svr, 0), step_main, p);
}

static void serve(struct process *p)
{
	struct conf *c = &p->conf;
	struct book *b = p->book;
	if (svr_start(c->svr) != HY_OK) {
		FAIL(b, "the server does not start");
		return;
	}
	p->start.fn = on_start;
	env_inbox_post(env_loop_inbox(svr_loop_env(svr_loop_at(c->svr, 0))), &p->start);
	if (b->healing)
		(void)env_inbox_take(p->inbox, UINT64_MAX);
	else
		env_wait_terminate(c->env);
	svr_stop(c->svr, 1000);
}

static void machine_main(struct env *env, void *arg)
{
	struct book *b = arg;
	struct process *p = hy_zalloc(sizeof *p);
	struct conf *c = &p->conf;
	*p = (struct process){.book = b, .conf = {.env = env, .loops = 2, .open = conf_open_sdb}};
	c->config = (struct kt_config){.spaces = conf_spaces, .dir = "/data", .disk_reserve_bytes = 1 << 20};
	if (b->tiny) {
		c->config.memory_bytes = 24 << 10;
		c->config.segment_bytes = 32 << 10;
	}
	struct svr_config config = {.loops = c->loops};
	char *why = NULL;
	p->inbox = env_inbox_create(env);
	b->restarts++;
	if (svr_create(env, &config, &c->svr) != HY_OK) {
		FAIL(b, "no server");
		return;
	}
	int status = c->open(c, &why);
	if (status == HY_OK) {
		serve(p);
		kt_close(c->kt);
		if (b->healing)
			b->done = true;
	} else if (b->healing || (status != HY_UNAVAILABLE && status != HY_RESOURCE_EXHAUSTED)) {
		FAIL(b, "opening: %s: %s", hy_status_name(status), why ? why : "");
	}
	hy_free(why);
	svr_destroy(c->svr);
	env_inbox_destroy(p->inbox);
	hy_free(p);
}

/* ---- one seed -------------------------------------------------------------------------------------------------- */

static void fate(void *arg)
{
	struct book *b = arg;
	if (b->healing)
		return;
	if (!sim_machine_running(b->machine)) {
		sim_machine_start(b->machine, machine_main, b);
	} else {
		switch (sim_range(b->sim, 0, 4)) {
		case 0:
			sim_machine_terminate(b->machine);
			break;
		case 1:
		case 2:
			sim_machine_kill(b->machine);
			break;
		default:
			sim_machine_power_cut(b->machine);
		}
	}
	bool long_life = sim_machine_running(b->machine) && sim_chance(b->sim, 600);
	sim_after(b->sim, sim_range(b->sim, 1000, long_life ? 6000 * 1000 : 300 * 1000), fate, b);
}

static bool stopped(void *arg)
{
	struct book *b = arg;
	return b->done || b->failure[0];
}

static bool off(void *arg)
{
	return !sim_machine_running(((struct book *)arg)->machine);
}

static void keep_line(void *arg, uint64_t now_us, const char *machine, enum env_log_level level, const char *line)
{
	struct book *b = arg;
	if (strstr(line, "cannot be read"))
		FAIL(b, "the operator is told of damage: %s", line);
	snprintf(b->log[b->log_count++ % 20], sizeof b->log[0], "%10.6f %s", (double)now_us / 1e6, line);
}

struct marks {
	struct {
		char name[64];
		uint64_t count;
	} seen[128];
	size_t count;
};

static void add_mark(void *arg, const char *name, uint64_t count)
{
	struct marks *m = arg;
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->seen[i].name, name) == 0) {
			m->seen[i].count += count;
			return;
		}
	}
	if (m->count < HY_COUNT_OF(m->seen)) {
		snprintf(m->seen[m->count].name, sizeof m->seen[0].name, "%s", name);
		m->seen[m->count++].count = count;
	}
}

/** The last life: no faults, all that was left open is sent again, and everything is read. */
static void heal(struct book *b)
{
	b->healing = true;
	*sim_faults(b->sim) = (struct sim_faults){0};
	sim_machine_set_disk(b->machine, 1ull << 30);
	if (sim_chance(b->sim, 500))
		sim_machine_power_cut(b->machine);
	else
		sim_machine_kill(b->machine);
	(void)sim_run(b->sim, sim_now_us(b->sim) + HEAL_US, off, b);
	sim_machine_start(b->machine, machine_main, b);
	if (!sim_run(b->sim, sim_now_us(b->sim) + HEAL_US, stopped, b) && !stopped(b))
		FAIL(b, "the last check does not end");
}

static void init_key(struct book *b, struct book_key *k, uint32_t uin)
{
	k->key = hy_key_user(uin);
	for (unsigned i = 0; i < 2; i++) {
		struct sim_map *m = &k->maps[i];
		*m = (struct sim_map){.sim = b->sim, .key = k->key, .failure = b->failure};
		m->followed = i == 0;
		m->space = i == 0 ? CONF_OTHER_MAP : CONF_UNFOLLOWED;
	}
}

static bool run_seed(uint64_t seed, struct marks *marks, uint64_t *answered, uint64_t *trace)
{
	struct book *b = calloc(1, sizeof *b);
	b->seed = seed;
	b->sim = sim_create(seed);
	b->machine = sim_machine_create(b->sim, "store", "10.0.0.1");
	sim_on_log(b->sim, keep_line, b);
	sim_draw_faults(b->sim);
	b->tiny = sim_chance(b->sim, 500);
	for (uint32_t i = 0; i < KEYS; i++)
		init_key(b, &b->keys[i], i + 1);
	fate(b);
	(void)sim_run(b->sim, sim_now_us(b->sim) + RUN_US, stopped, b);
	if (!b->failure[0])
		heal(b);
	bool good = !b->failure[0];
	if (!good || getenv("KT_SIM_VERBOSE")) {
		printf("now %llu events %llu restarts %llu reads %llu\n", (unsigned long long)sim_now_us(b->sim),
			(unsigned long long)sim_events(b->sim), (unsigned long long)b->restarts,
			(unsigned long long)b->reads);
		printf("seed %llu: %s\n", (unsigned long long)seed, b->failure);
		for (unsigned i = 0; i < 20; i++)
			if (b->log[(b->log_count + i) % 20][0])
				printf("  %s\n", b->log[(b->log_count + i) % 20]);
	}
	*answered += b->answered;
	*trace = sim_trace_hash(b->sim);
	sim_marks_each(b->sim, add_mark, marks);
	sim_destroy(b->sim);
	free(b);
	return good;
}

/* Paths that a sweep of the ordinary length must have taken. */
static const char *const expected[] = {"kt: cold load", "kt: eviction", "kt: moved", "kt: flushed", "kt: gate held",
	"kt: retry meets a pending row", "kt: waiter left before commit", "kt: recovered after a death",
	"kt: death between batch and moved position"};

static bool check_marks(const struct marks *m)
{
	bool good = true;
	for (size_t i = 0; i < m->count; i++)
		printf("%10llu  %s\n", (unsigned long long)m->seen[i].count, m->seen[i].name);
	for (size_t e = 0; e < HY_COUNT_OF(expected); e++) {
		bool seen = false;
		for (size_t i = 0; i < m->count; i++)
			seen = seen || strcmp(m->seen[i].name, expected[e]) == 0;
		if (!seen)
			printf("never: %s\n", expected[e]);
		good = good && seen;
	}
	return good;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1,
		 count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100;
	uint64_t answered = 0, failed = 0, trace;
	static struct marks marks;
	for (uint64_t seed = first; seed < first + count; seed++)
		failed += run_seed(seed, &marks, &answered, &trace) ? 0 : 1;
	printf("%llu seeds, %llu failed; %llu sends answered\n", (unsigned long long)count, (unsigned long long)failed,
		(unsigned long long)answered);
	bool whole = count >= 30;
	bool good = !whole || check_marks(&marks);
	return failed || !good;
}
