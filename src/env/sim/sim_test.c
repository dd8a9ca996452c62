#include "env/fiber.h"
#include "env/sim/sim_test.h"

/*
 * A world with a bit of everything: a server that takes numbers from a stream, hands them to an actor by its inbox, and
 * answers when the actor has them on disk; a client that calls until it has what it wants; a plan that kills and cuts.
 */
enum { CALLS = 20, MACHINES = 2 };

struct world {
	struct noted noted;
	struct sim *sim;
	struct sim_machine *machines[MACHINES];
	uint64_t answered, restarts;
	bool finished;
};

/* A process of the server: in its own heap. */
struct server {
	struct world *w;
	struct env *env;
	struct env_loop *loop;
	struct env_inbox *jobs;
	struct env_listener *listener;
	struct env_sock listening;
	struct env_sock conn;
	struct env_timer tick;
	struct env_actor *writer;
	uint64_t conn_number;
	unsigned ticks;
	bool stopping;
};

struct reply {
	struct env_msg msg;
	struct server *server;
	uint64_t number, conn_number;
};

static void reply_run(struct env_msg *msg)
{
	struct reply *r = hy_container_of(msg, struct reply, msg);
	struct server *v = r->server;
	if (v->conn.loop && v->conn_number == r->conn_number) {
		uint8_t bytes[8];
		hy_put_be64(bytes, r->number);
		if (env_sendv(&v->conn, &(struct iovec){bytes, 8}, 1) != 8)
			env_sock_close(&v->conn);
	}
	hy_free(r);
}

static void writer_run(void *arg)
{
	struct server *v = arg;
	struct env_file *f;
	uint64_t offset = 0;
	if (env_file_open(v->env, "/log", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &f) != 0)
		return;
	env_file_size(f, &offset);
	for (;;) {
		struct env_msg *msg = env_inbox_take(v->jobs, UINT64_MAX);
		struct reply *r = hy_container_of(msg, struct reply, msg);
		if (!r->server) {
			hy_free(r);
			break;
		}
		int rc = env_file_pwritev(f, &(struct iovec){&r->number, 8}, 1, offset);
		offset += 8;
		if (rc == 0 && env_file_sync(f) == 0)
			env_inbox_post(env_loop_inbox(v->loop), &r->msg);
		else
			hy_free(r);
	}
	env_file_close(f);
}

static void server_event(struct env_sock *sock, unsigned events)
{
	struct server *v = hy_container_of(sock, struct server, conn);
	uint8_t bytes[8];
	ssize_t n;
	(void)events;
	while ((n = env_recv(sock, bytes, 8)) == 8) {
		struct reply *r = hy_alloc(sizeof *r);
		*r = (struct reply){
			.msg.fn = reply_run, .server = v, .number = hy_get_be64(bytes), .conn_number = v->conn_number};
		env_inbox_post(v->jobs, &r->msg);
	}
	if (n != -EAGAIN)
		env_sock_close(sock);
}

static void server_accept(struct env_sock *sock, unsigned events)
{
	struct server *v = hy_container_of(sock, struct server, listening);
	(void)events;
	struct env_sock fresh = {.on_event = server_event};
	while (env_accept(sock, &fresh, NULL) == 0) { /* the newest one is served */
		env_sock_detach(&fresh);
		env_sock_close(&v->conn);
		v->conn = fresh;
		v->conn_number++;
		NOTE(&v->w->noted, env_sock_attach(&v->conn, v->loop) == 0);
	}
}

static void server_tick(struct env_timer *timer)
{
	struct server *v = hy_container_of(timer, struct server, tick);
	v->ticks++;
	env_timer_set(v->loop, timer, env_loop_now_us(v->loop) + 10000);
	env_mark(v->env, "server: tick");
}

static void server_stop(struct env_msg *msg)
{
	struct reply *r = hy_container_of(msg, struct reply, msg);
	struct server *v = r->server;
	env_sock_close(&v->conn);
	env_sock_close(&v->listening);
	env_timer_cancel(v->loop, &v->tick);
	env_loop_stop(v->loop);
	hy_free(r);
}

static void server_start(struct server *v)
{
	struct env_addr addr;
	NOTE(&v->w->noted, env_addr_parse("10.0.0.1:7600", &addr) == 0);
	NOTE(&v->w->noted, env_loop_create(v->env, &(struct env_loop_config){.name = "server"}, &v->loop) == 0);
	NOTE(&v->w->noted, env_listen(v->env, &addr, &v->listener) == 0);
	v->jobs = env_inbox_create(v->env);
	v->listening.on_event = server_accept;
	NOTE(&v->w->noted, env_listener_attach(v->listener, v->loop, &v->listening) == 0);
	v->tick.fn = server_tick;
	env_timer_set(v->loop, &v->tick, 0);
	NOTE(&v->w->noted, env_actor_start(v->env, "writer", writer_run, v, &v->writer) == 0);
	NOTE(&v->w->noted, env_loop_start(v->loop) == 0);
}

static struct env_msg *message(struct server *v, void (*fn)(struct env_msg *msg))
{
	struct reply *r = hy_alloc(sizeof *r);
	*r = (struct reply){.msg.fn = fn, .server = v};
	return &r->msg;
}

static void server_main(struct env *env, void *arg)
{
	struct world *w = arg;
	struct server *v = hy_zalloc(sizeof *v);
	v->w = w;
	v->env = env;
	w->restarts++;
	server_start(v);
	env_log(env, ENV_LOG_INFO, "test", 7, "up, for the time number %d\n", (int)w->restarts);
	env_wait_terminate(env);
	env_inbox_post(v->jobs, message(NULL, NULL));
	env_actor_join(v->writer);
	env_inbox_post(env_loop_inbox(v->loop), message(v, server_stop));
	env_loop_join(v->loop);
	env_listener_close(v->listener);
	env_inbox_destroy(v->jobs);
	NOTE(&w->noted, v->ticks > 0 || w->restarts > 1);
	hy_free(v);
}

/* ---- client ---------------------------------------------------------------------------------------------------- */

struct client {
	struct world *w;
	struct env_loop *loop;
	struct env_sock sock;
	struct env_timer patience;
	uint64_t number;
};

static void client_again(struct client *c, uint64_t after_us)
{
	env_sock_close(&c->sock);
	env_timer_set(c->loop, &c->patience, env_loop_now_us(c->loop) + after_us);
}

static void client_event(struct env_sock *sock, unsigned events)
{
	struct client *c = hy_container_of(sock, struct client, sock);
	uint8_t bytes[8];
	if (env_sock_error(sock) != 0) {
		client_again(c, 20000);
		return;
	}
	if ((events & ENV_WRITABLE) && c->number == 0) {
		hy_put_be64(bytes, c->number = c->w->answered + 1);
		env_sendv(sock, &(struct iovec){bytes, 8}, 1);
	}
	ssize_t n = env_recv(sock, bytes, 8);
	if (n == -EAGAIN)
		return;
	if (n != 8 || hy_get_be64(bytes) != c->number) {
		client_again(c, 20000);
		return;
	}
	c->w->answered++;
	c->w->finished = c->w->answered == CALLS;
	client_again(c, 1000);
}

static void client_try(struct env_timer *timer)
{
	struct client *c = hy_container_of(timer, struct client, patience);
	struct env_addr addr;
	if (c->w->finished)
		return;
	NOTE(&c->w->noted, env_addr_parse("10.0.0.1:7600", &addr) == 0);
	env_sock_close(&c->sock);
	c->sock = (struct env_sock){.on_event = client_event};
	c->number = 0;
	env_timer_set(c->loop, timer, env_loop_now_us(c->loop) + 2000000);
	NOTE(&c->w->noted, env_connect(c->loop, &addr, &c->sock) == 0);
}

static void client_main(struct env *env, void *arg)
{
	struct client *c = hy_zalloc(sizeof *c);
	c->w = arg;
	c->patience.fn = client_try;
	NOTE(&c->w->noted, env_loop_create(env, &(struct env_loop_config){.name = "client"}, &c->loop) == 0);
	env_timer_set(c->loop, &c->patience, 0);
	NOTE(&c->w->noted, env_loop_start(c->loop) == 0);
	env_wait_terminate(env);
}

/* ---- the plan -------------------------------------------------------------------------------------------------- */

static void server_up(void *arg)
{
	struct world *w = arg;
	if (!sim_machine_running(w->machines[0]))
		sim_machine_start(w->machines[0], server_main, w);
}

static void server_down(void *arg)
{
	struct world *w = arg;
	bool power_cut = sim_chance(w->sim, 500);
	if (power_cut)
		sim_machine_power_cut(w->machines[0]);
	else
		sim_machine_kill(w->machines[0]);
	sim_after(w->sim, sim_range(w->sim, 1000, 100000), server_up, w);
	uint64_t next = sim_range(w->sim, 50000, 2000000);
	sim_after(w->sim, next, server_down, w);
}

static bool finished(void *arg)
{
	return ((struct world *)arg)->finished;
}

static void world_make(struct world *w, uint64_t seed)
{
	*w = (struct world){.sim = sim_create(seed)};
	w->machines[0] = sim_machine_create(w->sim, "server", "10.0.0.1");
	w->machines[1] = sim_machine_create(w->sim, "client", "10.0.0.2");
	sim_draw_faults(w->sim);
}

static uint64_t run_seed(uint64_t seed, uint64_t *ret_restarts)
{
	struct world w;
	world_make(&w, seed);
	sim_machine_start(w.machines[0], server_main, &w);
	sim_machine_start(w.machines[1], client_main, &w);
	sim_after(w.sim, sim_range(w.sim, 1, 100000), server_down, &w);
	assert_true(sim_run(w.sim, sim_now_us(w.sim) + 3600 * 1000000ull, finished, &w));
	assert_true(w.finished);
	assert_int_equal(w.noted.failures, 0);
	uint64_t hash = sim_trace_hash(w.sim);
	*ret_restarts = w.restarts;
	sim_destroy(w.sim);
	return hash;
}

static void test_same_seed_same_trace(void **state)
{
	(void)state;
	uint64_t restarts = 0, last = 0, all = 0;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		uint64_t n;
		uint64_t hash = run_seed(seed, &n);
		restarts += n;
		assert_true(hash == run_seed(seed, &n));
		assert_true(hash != last);
		last = hash;
		all = (all ^ hash) * 0x100000001b3u;
	}
	printf("# every build prints %016llx\n", (unsigned long long)all);
	assert_in_range(restarts, 61, 100000);
}

/* ---- single things --------------------------------------------------------------------------------------------- */

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void run_for(struct sim *s, uint64_t us)
{
	sim_run(s, sim_now_us(s) + us, never, NULL);
}

static void test_kill_frees_all(void **state)
{
	(void)state;
	struct world w;
	world_make(&w, 5);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(sim_machine_heap_blocks(w.machines[0]), 0);
		sim_machine_start(w.machines[0], server_main, &w);
		run_for(w.sim, 100000);
		assert_true(sim_machine_heap_blocks(w.machines[0]) > 0);
		if (i % 2)
			sim_machine_kill(w.machines[0]);
		else
			sim_machine_power_cut(w.machines[0]);
		assert_false(sim_machine_running(w.machines[0]));
	}
	sim_destroy(w.sim);
}

static void log_note(void *arg, uint64_t now_us, const char *machine, enum env_log_level level, const char *line)
{
	(void)now_us;
	snprintf(arg, 128, "%s %d %s", machine, level, line);
}

static void test_clean_end(void **state)
{
	(void)state;
	struct world w;
	char line[128] = "";
	world_make(&w, 6);
	*sim_faults(w.sim) = (struct sim_faults){0};
	sim_on_log(w.sim, log_note, line);
	sim_machine_start(w.machines[0], server_main, &w);
	run_for(w.sim, 100000);
	sim_machine_terminate(w.machines[0]);
	run_for(w.sim, 1000000);
	assert_false(sim_machine_running(w.machines[0]));
	assert_int_equal(sim_machine_left_behind(w.machines[0]), 0);
	assert_int_equal(w.noted.failures, 0);
	assert_string_equal(line, "server 1 test [0000000000000007] up, for the time number 1?");
	sim_destroy(w.sim);
}

struct marks {
	unsigned ticks, sites;
	uint64_t fired;
};

static void mark_note(void *arg, const char *name, uint64_t count)
{
	if (strcmp(name, "server: tick") == 0)
		((struct marks *)arg)->ticks += (unsigned)count;
}

static void buggify_often(struct env *env, void *arg)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct marks *marks = arg;
	for (size_t n = 0; n < HY_COUNT_OF(names); n++) {
		unsigned fired = 0;
		for (int i = 0; i < 400; i++)
			fired += env_buggify(env, names[n]);
		marks->sites += fired > 0;
		marks->fired += fired;
	}
}

static void test_marks_and_buggify(void **state)
{
	(void)state;
	struct world w;
	struct marks marks = {0};
	world_make(&w, 7);
	sim_machine_start(w.machines[0], server_main, &w);
	run_for(w.sim, 105000);
	sim_marks_each(w.sim, mark_note, &marks);
	assert_in_range(marks.ticks, 5, 11);
	sim_destroy(w.sim);
	for (uint64_t seed = 1; seed <= 50; seed++) {
		world_make(&w, seed);
		sim_faults(w.sim)->buggify = 500;
		sim_machine_start(w.machines[0], buggify_often, &marks);
		run_for(w.sim, 1000000);
		sim_destroy(w.sim);
	}
	assert_in_range(marks.sites, 60, 140);               /* half of 200 are active */
	assert_in_range(marks.fired / marks.sites, 80, 120); /* one time in four */
}

/* ---- death in the middle --------------------------------------------------------------------------------------- */

enum { COROUTINES = 40 };

struct coroutines {
	struct env *env;
	struct fiber loop, co[COROUTINES];
	unsigned reached;
	struct env_timer timer;
	bool kill_self;
};

static void coroutine_run(void *arg)
{
	struct coroutines *c = arg;
	char page[2048];
	unsigned me = c->reached++;
	memset(page, (int)me, sizeof page);
	for (;;) /* until its machine dies */
		fiber_switch(&c->co[me], &c->loop);
}

static void coroutines_start(struct env_msg *msg)
{
	struct reply *r = hy_container_of(msg, struct reply, msg);
	struct coroutines *c = (struct coroutines *)(void *)r->server;
	struct fiber_stacks *stacks = fiber_stacks_create();
	fiber_init_thread(&c->loop);
	for (unsigned i = 0; i < COROUTINES; i++) {
		fiber_init(&c->co[i], fiber_stack_get(stacks), FIBER_STACK_SIZE, coroutine_run, c);
		fiber_switch(&c->loop, &c->co[i]);
	}
	if (c->kill_self)
		sim_machine_kill(sim_env_machine(c->env));
}

static void coroutines_main(struct env *env, void *arg)
{
	struct coroutines *c = hy_zalloc(sizeof *c);
	struct env_loop *loop;
	c->env = env;
	c->kill_self = arg != NULL;
	env_loop_create(env, &(struct env_loop_config){.name = "co"}, &loop);
	struct env_msg *msg = message((struct server *)(void *)c, coroutines_start);
	env_inbox_post(env_loop_inbox(loop), msg);
	env_loop_start(loop);
	env_wait_terminate(env);
}

static void test_killed_coroutines(void **state)
{
	(void)state;
	struct world w;
	world_make(&w, 11);
	for (int i = 0; i < 30; i++) {
		bool kill_self = i % 3 == 0;
		sim_machine_start(w.machines[0], coroutines_main, kill_self ? &w : NULL);
		run_for(w.sim, 10000000);
		assert_true(sim_machine_running(w.machines[0]) != kill_self);
		sim_machine_kill(w.machines[0]);
	}
	sim_destroy(w.sim);
}

/* ---- what is attached to a machine ----------------------------------------------------------------------------- */

struct attached {
	struct world *w;
	unsigned created, destroyed, kills, power_cuts;
	void *kept;
};

static void *attached_create(void *arg)
{
	struct attached *a = arg;
	a->created++;
	return a;
}

static void attached_destroy(void *p)
{
	((struct attached *)p)->destroyed++;
}

static void attached_death(void *arg, bool power_cut)
{
	struct attached *a = arg;
	a->power_cuts += power_cut;
	a->kills += !power_cut;
}

static void attached_main(struct env *env, void *arg)
{
	struct attached *a = arg;
	struct sim_machine *m = sim_env_machine(env);
	NOTE(&a->w->noted, sim_machine_attachment(m, "double", attached_create, attached_destroy, a) == a);
	void *before = sim_outside_begin();
	if (!a->kept)
		a->kept = hy_alloc(100);
	sim_outside_end(before);
	a->kept = hy_realloc(a->kept, 200); /* stays where it came from */
	void *lost = hy_alloc(100);
	NOTE(&a->w->noted, lost != NULL);
	env_wait_terminate(env);
}

static void test_attachments(void **state)
{
	(void)state;
	struct world w;
	struct attached a = {.w = &w};
	world_make(&w, 10);
	sim_machine_on_death(w.machines[0], attached_death, &a);
	for (int i = 0; i < 4; i++) {
		sim_machine_start(w.machines[0], attached_main, &a);
		run_for(w.sim, 1000000);
		if (i < 3)
			sim_machine_kill(w.machines[0]);
		else
			sim_machine_power_cut(w.machines[0]);
	}
	sim_machine_kill(w.machines[0]);
	memset(a.kept, 0, 200);
	hy_free(a.kept);
	sim_destroy(w.sim);
	assert_int_equal(w.noted.failures, 0);
	assert_int_equal(a.created, 1);
	assert_int_equal(a.destroyed, 1);
	assert_int_equal(a.kills, 3);
	assert_int_equal(a.power_cuts, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"the same seed gives the same trace, whatever ran before", test_same_seed_same_trace},
		{"a kill frees all that the process had, and the machine starts again", test_kill_frees_all},
		{"a clean end leaves nothing behind", test_clean_end},
		{"marks are counted, and buggify sites fire one time in four when active", test_marks_and_buggify},
		{"coroutines that wait when their machine is killed leave nothing behind", test_killed_coroutines},
		{"what is attached to a machine outlives its processes and learns of their deaths", test_attachments},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
