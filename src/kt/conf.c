#include "kt/conf.h"

#include "base/mem.h"

const struct kt_space conf_spaces[] = {
	{CONF_LOG, KT_LOG, "log", NULL},
	{CONF_MAP, KT_MAP, "map", NULL},
	{CONF_WINDOW, KT_WINDOW, "window", NULL},
	{CONF_OTHER_LOG, KT_LOG, "other log", NULL},
	{CONF_OTHER_MAP, KT_MAP, "other map", NULL},
	{CONF_UNFOLLOWED, KT_MAP, "unfollowed map", NULL, true},
	{0},
};

void conf_fail(struct conf *c, const char *file, int line, const char *what, long long got, long long want)
{
	if (!c->failure[0])
		snprintf(c->failure, sizeof c->failure, "%s:%d: %s is %lld, not %lld", file, line, what, got, want);
}

/* ---- servers ----------------------------------------------------------------------------------------------------- */

struct run {
	struct env_msg msg, done;
	struct conf *c;
	conf_step *step;
	struct env_inbox *reply_to;
};

static void step_main(void *arg)
{
	struct run *run = arg;
	struct svr_loop *loop = svr_loop_at(run->c->svr, 0);
	struct hy_arena arena;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	struct call call = {.loop = loop, .arena = &arena, .deadline_us = UINT64_MAX};
	run->step(run->c, &call);
	hy_arena_fini(&arena);
	env_inbox_post(run->reply_to, &run->done);
}

static void on_start(struct env_msg *msg)
{
	struct run *run = hy_container_of(msg, struct run, msg);
	co_spawn(svr_loop_at(run->c->svr, 0), step_main, run);
}

static void run_on_server(struct conf *c, conf_step *step)
{
	struct run run = {.c = c, .step = step, .reply_to = env_inbox_create(c->env)};
	run.msg.fn = on_start;
	if (svr_start(c->svr) != HY_OK) {
		CHECK(c, !"the server starts");
	}
	env_inbox_post(env_loop_inbox(svr_loop_env(svr_loop_at(c->svr, 0))), &run.msg);
	(void)env_inbox_take(run.reply_to, UINT64_MAX);
	svr_stop(c->svr, 1000 * 1000);
	env_inbox_destroy(run.reply_to);
}

bool conf_run_step(struct conf *c, conf_step *step)
{
	struct svr_config config = {.loops = c->loops};
	char *why = NULL;
	if (svr_create(c->env, &config, &c->svr) != HY_OK) {
		conf_fail(c, __FILE__, __LINE__, "svr_create", 1, 0);
		return false;
	}
	int status = c->open(c, &why);
	if (status) {
		snprintf(c->failure, sizeof c->failure, "opening: %s: %s", hy_status_name(status), why ? why : "");
	} else {
		run_on_server(c, step);
		kt_close(c->kt);
	}
	hy_free(why);
	svr_destroy(c->svr);
	return !c->failure[0];
}

bool conf_run(struct conf *c, const struct conf_scenario *scenario)
{
	c->failure[0] = '\0';
	c->state = NULL;
	for (conf_step *const *step = scenario->steps; *step; step++) {
		if (!conf_run_step(c, *step))
			break;
	}
	hy_free(hy_take(c->state));
	return !c->failure[0];
}

int conf_open_mem(struct conf *c, char **ret_why)
{
	return kt_open_mem(c->svr, &c->config, &c->kt);
}

int conf_open_sdb(struct conf *c, char **ret_why)
{
	return kt_open_sdb(c->svr, &c->config, &c->kt, ret_why);
}

/* ---- calls that hop ---------------------------------------------------------------------------------------------- */

struct request {
	struct conf *c;
	const struct hy_key *key;
	const struct kt_op *ops;
	size_t count;
	bool lazily;
	uint8_t space;
	struct hy_bytes name;
	uint64_t since;
	struct kt_limits limits;
	struct kt_result *result;
	const struct kt_place *places;
	struct kt_row *row;
	struct kt_rows *rows;
	struct kt_head *head;
};

static int hop(struct call *call, struct request *r, int (*fn)(struct call *callee, void *arg))
{
	return svr_hop(call, svr_loop_of_key(r->c->svr, r->key), fn, r);
}

static int do_write(struct call *call, void *arg)
{
	struct request *r = arg;
	if (r->lazily)
		return kt_write_lazily(r->c->kt, call, r->key, r->ops, r->count);
	return kt_write(r->c->kt, call, r->key, r->ops, r->count, r->result);
}

int conf_write(struct conf *c, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count,
	struct kt_result *result)
{
	struct kt_result ignored;
	struct request r = {.c = c, .key = key, .ops = ops, .count = count, .result = result ? result : &ignored};
	return hop(call, &r, do_write);
}

int conf_write_lazily(
	struct conf *c, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count)
{
	struct request r = {.c = c, .key = key, .ops = ops, .count = count, .lazily = true};
	return hop(call, &r, do_write);
}

static int do_row(struct call *call, void *arg)
{
	struct request *r = arg;
	return kt_read_row(r->c->kt, call, r->key, r->space, r->name, KT_STRONG, r->row);
}

int conf_row(struct conf *c, struct call *call, const struct hy_key *key, uint8_t space, struct hy_bytes name,
	struct kt_row *row)
{
	struct kt_row ignored;
	struct request r = {.c = c, .key = key, .space = space, .name = name, .row = row ? row : &ignored};
	return hop(call, &r, do_row);
}

static int do_rows(struct call *call, void *arg)
{
	struct request *r = arg;
	return kt_read_rows(r->c->kt, call, r->key, r->places, r->count, KT_STRONG, r->row);
}

int conf_rows(struct conf *c, struct call *call, const struct hy_key *key, const struct kt_place *places, size_t count,
	struct kt_row *rows)
{
	struct request r = {.c = c, .key = key, .places = places, .count = count, .row = rows};
	return hop(call, &r, do_rows);
}

static int do_changes(struct call *call, void *arg)
{
	struct request *r = arg;
	return kt_read_changes(r->c->kt, call, r->key, r->space, r->since, KT_STRONG, r->limits, r->rows);
}

int conf_changes(struct conf *c, struct call *call, const struct hy_key *key, uint8_t space, uint64_t since,
	struct kt_limits limits, struct kt_rows *rows)
{
	struct request r = {.c = c, .key = key, .space = space, .since = since, .limits = limits, .rows = rows};
	return hop(call, &r, do_changes);
}

static int do_range(struct call *call, void *arg)
{
	struct request *r = arg;
	return kt_read_range(r->c->kt, call, r->key, r->space, r->name, KT_STRONG, r->limits, r->rows);
}

int conf_range(struct conf *c, struct call *call, const struct hy_key *key, uint8_t space, struct hy_bytes after,
	struct kt_limits limits, struct kt_rows *rows)
{
	struct request r = {.c = c, .key = key, .space = space, .name = after, .limits = limits, .rows = rows};
	return hop(call, &r, do_range);
}

static int do_head(struct call *call, void *arg)
{
	struct request *r = arg;
	return kt_read_head(r->c->kt, call, r->key, r->space, KT_STALE_OK, r->head);
}

int conf_head(struct conf *c, struct call *call, const struct hy_key *key, uint8_t space, struct kt_head *head)
{
	struct request r = {.c = c, .key = key, .space = space, .head = head};
	return hop(call, &r, do_head);
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

struct worker {
	struct conf *c;
	unsigned index;
	void (*fn)(struct conf *c, struct call *call, unsigned index);
	struct crowd *crowd;
};

struct crowd {
	unsigned left;
	struct co_wait wait;
};

/** On a loop of its own choice, within a hop: the arena is its own. */
static int on_other_loop(struct call *callee, void *arg)
{
	struct worker *w = arg;
	w->fn(w->c, callee, w->index);
	return HY_OK;
}

static void worker_main(void *arg)
{
	struct worker *w = arg;
	struct hy_arena arena;
	hy_arena_init(&arena, 64u << 20);
	struct call call = {.loop = svr_loop_at(w->c->svr, 0), .arena = &arena, .deadline_us = UINT64_MAX};
	(void)svr_hop(&call, w->index % svr_loop_count(w->c->svr), on_other_loop, w);
	hy_arena_fini(&arena);
	if (--w->crowd->left == 0)
		co_wake(&w->crowd->wait, HY_OK);
}

void conf_parallel(struct conf *c, struct call *call, unsigned count,
	void (*fn)(struct conf *c, struct call *call, unsigned index))
{
	struct crowd crowd = {.left = count};
	struct worker *workers = hy_zalloc(count * sizeof *workers);
	assert(svr_loop_index(call->loop) == 0);
	co_wait_init(&crowd.wait, call->loop);
	for (unsigned i = 0; i < count; i++) {
		workers[i] = (struct worker){c, i, fn, &crowd};
		co_spawn(call->loop, worker_main, &workers[i]);
	}
	(void)co_wait_uncancelled(&crowd.wait);
	hy_free(workers);
}

void conf_sleep_ms(struct call *call, uint64_t ms)
{
	(void)co_sleep_until(call->loop, svr_now_us(call->loop) + ms * 1000);
}

void conf_wait_moved(struct conf *c, struct call *call)
{
	struct kt_stats stats;
	for (int i = 0; i < 300; i++) {
		kt_stats(c->kt, &stats);
		if (stats.moved_pos >= stats.durable_pos)
			return;
		conf_sleep_ms(call, 50);
	}
	CHECK(c, !"all is moved in time");
}

struct conf_name conf_window_name(uint64_t ms, uint64_t number)
{
	struct conf_name n;
	hy_put_be64(n.bytes, ms);
	hy_put_be64(n.bytes + 8, number);
	return n;
}

uint64_t conf_rand(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}
