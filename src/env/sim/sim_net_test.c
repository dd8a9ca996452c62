#include "env/sim/sim_test.h"

/*
 * A client sends a stream whose bytes are known by their place; the server, when it has all, answers in eight bytes how
 * many it got, and closes; the client waits for the end. Both write down how it ended for them.
 */
enum end { OPEN, WHOLE, BROKEN };

struct side {
	struct world *w;
	struct env_loop *loop;
	struct env_sock sock;
	struct env_timer timer;
	uint64_t moved;
	uint8_t answer[9]; /* one more than comes, so that the end is asked for */
	size_t answer_len;
	enum end end;
	bool connected; /* client: it has come about; server: all bytes are here */
};

struct world {
	struct noted noted;
	struct sim *sim;
	struct sim_machine *server, *client;
	const char *listen_at, *connect_to;
	uint64_t total;
	struct env *env;
	struct env_listener *listener;
	struct env_sock listening;
	struct side in, out;
	int connect_error;
	bool reader_waits, closes_detached;
};

static struct world *world_make(uint64_t seed)
{
	struct world *w = hy_zalloc(sizeof *w);
	w->sim = sim_create(seed);
	w->server = sim_machine_create(w->sim, "server", "10.0.0.1");
	w->client = sim_machine_create(w->sim, "client", "10.0.0.2");
	w->listen_at = "*:7600";
	w->connect_to = "10.0.0.1:7600";
	w->in.w = w->out.w = w;
	return w;
}

static void world_end(struct world *w)
{
	assert_int_equal(w->noted.failures, 0);
	sim_destroy(w->sim);
	hy_free(w);
}

static void side_end(struct side *side, enum end end)
{
	side->end = end;
	env_sock_close(&side->sock);
	env_timer_cancel(side->loop, &side->timer);
}

/* ---- server ---------------------------------------------------------------------------------------------------- */

static void server_answer(struct side *in)
{
	uint8_t answer[8];
	hy_put_be64(answer, in->moved);
	ssize_t n = env_sendv(&in->sock, &(struct iovec){answer + in->answer_len, 8 - in->answer_len}, 1);
	if (n > 0)
		in->answer_len += (size_t)n;
	if (in->answer_len == 8)
		side_end(in, WHOLE);
	else if (n < 0 && n != -EAGAIN)
		side_end(in, BROKEN);
}

static void server_read(struct side *in)
{
	uint8_t bytes[1500];
	ssize_t n = 0;
	while (in->moved < in->w->total && (n = env_recv(&in->sock, bytes, sizeof bytes)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			NOTE(&in->w->noted, bytes[i] == pattern(in->moved + (uint64_t)i));
		in->moved += (uint64_t)n;
	}
	if (in->moved == in->w->total)
		in->connected = true;
	else if (n != -EAGAIN)
		side_end(in, BROKEN);
}

static void server_event(struct env_sock *sock, unsigned events)
{
	struct side *in = hy_container_of(sock, struct side, sock);
	(void)events;
	if (!in->connected)
		server_read(in);
	if (in->connected && in->end == OPEN)
		server_answer(in);
}

static void server_read_later(struct env_timer *timer)
{
	struct side *in = hy_container_of(timer, struct side, timer);
	in->sock.on_event = server_event;
	server_event(&in->sock, ENV_READABLE);
}

static void event_ignored(struct env_sock *sock, unsigned events)
{
	(void)sock;
	(void)events;
}

static void server_accept(struct env_sock *sock, unsigned events)
{
	struct world *w = hy_container_of(sock, struct world, listening);
	struct env_addr peer;
	struct env_sock *conn = &w->in.sock;
	(void)events;
	conn->on_event = w->reader_waits ? event_ignored : server_event;
	int rc = env_accept(sock, conn, &peer);
	NOTE(&w->noted, rc == 0);
	NOTE(&w->noted, env_accept(sock, conn, &peer) == -EAGAIN);
	w->in.loop = sock->loop;
	if (w->closes_detached) {
		struct env_sock never = {.on_event = event_ignored};
		env_sock_detach(conn);
		env_sock_close(conn);
		NOTE(&w->noted, conn->fd == -1);
		env_sock_close(conn);
		env_sock_close(&never);
	}
	if (w->reader_waits) {
		w->in.timer.fn = server_read_later;
		env_timer_set(sock->loop, &w->in.timer, env_loop_now_us(sock->loop) + 30000000);
	}
}

static void server_main(struct env *env, void *arg)
{
	struct world *w = arg;
	struct env_addr addr;
	NOTE(&w->noted, env_addr_parse(w->listen_at, &addr) == 0);
	NOTE(&w->noted, env_loop_create(env, &(struct env_loop_config){.name = "server"}, &w->in.loop) == 0);
	NOTE(&w->noted, env_listen(env, &addr, &w->listener) == 0);
	struct env_listener *second;
	NOTE(&w->noted, env_listen(env, &addr, &second) == -EADDRINUSE);
	w->listening.on_event = server_accept;
	NOTE(&w->noted, env_listener_attach(w->listener, w->in.loop, &w->listening) == 0);
	NOTE(&w->noted, env_loop_start(w->in.loop) == 0);
	env_wait_terminate(env);
}

/* ---- client ---------------------------------------------------------------------------------------------------- */

static void client_send(struct side *out)
{
	struct world *w = out->w;
	uint8_t bytes[3000];
	while (out->moved < w->total) {
		size_t len = (size_t)HY_MIN(w->total - out->moved, (uint64_t)sizeof bytes);
		for (size_t i = 0; i < len; i++)
			bytes[i] = pattern(out->moved + i);
		size_t half = len / 2;
		struct iovec iov[2] = {{bytes, half}, {bytes + half, len - half}};
		ssize_t n = env_sendv(&out->sock, iov, 2);
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			side_end(out, BROKEN);
			return;
		}
		out->moved += (uint64_t)n;
	}
}

static void client_event(struct env_sock *sock, unsigned events)
{
	struct side *out = hy_container_of(sock, struct side, sock);
	struct world *w = out->w;
	(void)events;
	int error = env_sock_error(sock);
	if (error) {
		w->connect_error = out->connected ? 0 : error;
		side_end(out, BROKEN);
		return;
	}
	out->connected = true;
	client_send(out);
	if (out->end != OPEN)
		return;
	ssize_t n;
	while ((n = env_recv(sock, out->answer + out->answer_len, sizeof out->answer - out->answer_len)) > 0)
		out->answer_len += (size_t)n;
	if (n == -EAGAIN)
		return;
	if (n == 0 && out->answer_len == 8)
		NOTE(&w->noted, hy_get_be64(out->answer) == w->total);
	side_end(out, n == 0 && out->answer_len == 8 ? WHOLE : BROKEN);
}

static void client_gives_up(struct env_timer *timer)
{
	side_end(hy_container_of(timer, struct side, timer), BROKEN);
}

static void client_main(struct env *env, void *arg)
{
	struct world *w = arg;
	struct env_addr addr;
	env_sleep_us(env, 50000);
	NOTE(&w->noted, env_addr_parse(w->connect_to, &addr) == 0);
	NOTE(&w->noted, env_loop_create(env, &(struct env_loop_config){.name = "client"}, &w->out.loop) == 0);
	w->out.sock.on_event = client_event;
	w->out.timer.fn = client_gives_up;
	env_timer_set(w->out.loop, &w->out.timer, env_mono_us(env) + 300 * 1000000ull);
	int rc = env_connect(w->out.loop, &addr, &w->out.sock);
	if (rc != 0) {
		w->connect_error = rc;
		w->out.end = BROKEN;
		env_timer_cancel(w->out.loop, &w->out.timer);
	}
	NOTE(&w->noted, env_loop_start(w->out.loop) == 0);
	env_wait_terminate(env);
}

static bool out_ended(void *arg)
{
	return ((struct world *)arg)->out.end != OPEN;
}

static void run(struct world *w)
{
	sim_machine_start(w->server, server_main, w);
	sim_machine_start(w->client, client_main, w);
	assert_true(sim_run(w->sim, sim_now_us(w->sim) + 600 * 1000000ull, out_ended, w));
}

static void client_beside(void *arg)
{
	struct world *w = arg;
	client_main(w->env, w);
}

static void both_main(struct env *env, void *arg)
{
	struct world *w = arg;
	struct env_actor *client;
	w->env = env;
	NOTE(&w->noted, env_actor_start(env, "client", client_beside, w, &client) == 0);
	server_main(env, w);
}

/* ---- tests ----------------------------------------------------------------------------------------------------- */

static void test_whole_stream(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_make(seed);
		w->total = sim_range(w->sim, 0, 300000);
		sim_faults(w->sim)->net_short = seed % 2 ? 300 : 0;
		sim_faults(w->sim)->net_slow = seed % 3 ? 0 : 50;
		run(w);
		assert_int_equal(w->out.end, WHOLE);
		assert_int_equal(w->in.moved, w->total);
		world_end(w);
	}
}

static void cut_now(void *arg)
{
	struct world *w = arg;
	bool forwards = sim_chance(w->sim, 700);
	bool backwards = sim_chance(w->sim, 700);
	sim_cut(w->sim, w->client, w->server, forwards);
	sim_cut(w->sim, w->server, w->client, backwards);
}

static void heal_now(void *arg)
{
	struct world *w = arg;
	sim_cut(w->sim, w->client, w->server, false);
	sim_cut(w->sim, w->server, w->client, false);
}

static void reset_now(void *arg)
{
	struct world *w = arg;
	sim_reset_links(w->sim, w->client, w->server);
}

static void kill_now(void *arg)
{
	struct world *w = arg;
	sim_machine_kill(w->server);
}

static void test_all_faults(void **state)
{
	(void)state;
	unsigned whole = 0, broken = 0, server_open = 0;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct world *w = world_make(seed);
		struct sim *s = w->sim;
		w->total = sim_range(s, 0, 200000);
		sim_draw_faults(s);
		sim_faults(s)->buggify = 0;
		bool cut = sim_chance(s, 500);
		sim_after(s, sim_range(s, 1, 100000), cut ? cut_now : heal_now, w);
		sim_after(s, sim_range(s, 100000, 60000000), heal_now, w);
		if (sim_chance(s, 200))
			sim_after(s, sim_range(s, 1, 100000), reset_now, w);
		if (sim_chance(s, 200))
			sim_after(s, sim_range(s, 1, 100000), kill_now, w);
		run(w);
		if (w->out.end == WHOLE)
			assert_int_equal(w->in.moved, w->total);
		assert_true(w->in.moved <= w->out.moved);
		whole += w->out.end == WHOLE;
		broken += w->out.end == BROKEN;
		server_open += w->out.end == BROKEN && w->in.end == OPEN;
		world_end(w);
	}
	assert_in_range(whole, 100, 299);
	assert_in_range(broken, 20, 200);
	assert_in_range(server_open, 5, 200);
}

static void test_slow_reader(void **state)
{
	(void)state;
	struct world *w = world_make(7);
	w->total = 2000000;
	w->reader_waits = true;
	sim_machine_start(w->server, server_main, w);
	sim_machine_start(w->client, client_main, w);
	sim_run(w->sim, sim_now_us(w->sim) + 20 * 1000000ull, out_ended, w);
	assert_int_equal(w->out.end, OPEN);
	assert_in_range(w->out.moved, 1, 600000); /* the buffers of both sides, no more */
	assert_true(sim_run(w->sim, sim_now_us(w->sim) + 60 * 1000000ull, out_ended, w));
	assert_int_equal(w->out.end, WHOLE);
	world_end(w);
}

static void test_close_detached(void **state)
{
	(void)state;
	struct world *w = world_make(9);
	w->total = 1000;
	w->closes_detached = true;
	run(w);
	assert_int_equal(w->out.end, BROKEN);
	assert_int_equal(w->in.moved, 0);
	world_end(w);
}

static void test_unix_socket(void **state)
{
	(void)state;
	struct world *w = world_make(8);
	w->total = 100000;
	w->listen_at = "unix:/run/x.sock";
	w->connect_to = "unix:/run/x.sock";
	sim_draw_faults(w->sim);
	sim_faults(w->sim)->buggify = 0;
	sim_faults(w->sim)->net_reset = 1000;
	sim_faults(w->sim)->net_refuse = 1000;
	sim_machine_start(w->server, both_main, w);
	assert_true(sim_run(w->sim, sim_now_us(w->sim) + 600 * 1000000ull, out_ended, w));
	assert_int_equal(w->out.end, WHOLE);
	world_end(w);
}

static const struct connect_case {
	const char *label, *to;
	bool cut, power;
	int error;
} connect_cases[] = {
	{"nobody listens at the port", "10.0.0.1:7601", false, false, -ECONNREFUSED},
	{"no machine has the address", "10.0.0.9:7600", false, false, -ETIMEDOUT},
	{"the way there is cut", "10.0.0.1:7600", true, false, -ETIMEDOUT},
	{"the machine is off", "10.0.0.1:7600", false, true, -ETIMEDOUT},
};

static void test_connect_error(void **state)
{
	const struct connect_case *c = *state;
	struct world *w = world_make(1);
	w->connect_to = c->to;
	w->total = 10;
	sim_cut(w->sim, w->client, w->server, c->cut);
	sim_machine_start(w->server, server_main, w);
	sim_run(w->sim, sim_now_us(w->sim) + 1000, NULL, NULL);
	if (c->power)
		sim_machine_power_cut(w->server);
	sim_machine_start(w->client, client_main, w);
	assert_true(sim_run(w->sim, sim_now_us(w->sim) + 600 * 1000000ull, out_ended, w));
	assert_int_equal(w->connect_error, c->error);
	world_end(w);
}

static void test_cut_heals(void **state)
{
	(void)state;
	struct world *w = world_make(11);
	w->total = 1000000;
	sim_after(w->sim, 51000, cut_now, w);
	sim_after(w->sim, 4000000, heal_now, w);
	run(w);
	assert_int_equal(w->out.end, WHOLE);
	world_end(w);
}

/* ---- what a peer learns of a death ----------------------------------------------------------------------------- */

struct place {
	struct env_loop *loop;
	struct env_sock listening;
	unsigned accepted;
};

struct peer {
	struct noted noted;
	struct env_loop *loop;
	struct env_sock sock;
	struct env_timer timer;
	struct env_listener *listener;
	struct place places[3];
	unsigned ended;
	ssize_t last;
};

static void peer_accept(struct env_sock *sock, unsigned events)
{
	struct place *place = hy_container_of(sock, struct place, listening);
	int rc;
	(void)events;
	do {
		struct env_sock *conn = hy_zalloc(sizeof *conn);
		conn->on_event = event_ignored;
		rc = env_accept(sock, conn, NULL);
		if (rc == 0)
			place->accepted++;
		else
			hy_free(conn);
	} while (rc == 0);
}

static void many_loops_main(struct env *env, void *arg)
{
	struct peer *p = arg;
	struct env_addr addr;
	NOTE(&p->noted, env_addr_parse("10.0.0.1:7600", &addr) == 0 && env_listen(env, &addr, &p->listener) == 0);
	for (int i = 0; i < 3; i++) {
		struct place *place = &p->places[i];
		place->listening.on_event = peer_accept;
		NOTE(&p->noted, env_loop_create(env, &(struct env_loop_config){.name = "l"}, &place->loop) == 0);
		NOTE(&p->noted, env_listener_attach(p->listener, place->loop, &place->listening) == 0);
		NOTE(&p->noted, env_loop_start(place->loop) == 0);
	}
	env_wait_terminate(env);
}

static void many_connect(struct env *env, void *arg)
{
	struct peer *p = arg;
	struct env_addr addr;
	NOTE(&p->noted, env_addr_parse("10.0.0.1:7600", &addr) == 0);
	NOTE(&p->noted, env_loop_create(env, &(struct env_loop_config){.name = "c"}, &p->loop) == 0);
	for (int i = 0; i < 90; i++) {
		struct env_sock *sock = hy_zalloc(sizeof *sock);
		sock->on_event = event_ignored;
		NOTE(&p->noted, env_connect(p->loop, &addr, sock) == 0);
	}
	NOTE(&p->noted, env_loop_start(p->loop) == 0);
	env_wait_terminate(env);
}

static void test_loops_share_listener(void **state)
{
	(void)state;
	struct world *w = world_make(12);
	struct peer p = {0};
	sim_machine_start(w->server, many_loops_main, &p);
	sim_run(w->sim, sim_now_us(w->sim) + 100000, NULL, NULL);
	sim_machine_start(w->client, many_connect, &p);
	sim_run(w->sim, sim_now_us(w->sim) + 1000000, NULL, NULL);
	assert_int_equal(p.places[0].accepted + p.places[1].accepted + p.places[2].accepted, 90);
	for (int i = 0; i < 3; i++)
		assert_in_range(p.places[i].accepted, 3, 80);
	assert_int_equal(p.noted.failures, 0);
	world_end(w);
}

static void end_event(struct env_sock *sock, unsigned events)
{
	struct peer *p = hy_container_of(sock, struct peer, sock);
	char byte;
	if (!(events & ENV_READABLE))
		return;
	p->last = env_recv(sock, &byte, 1);
	if (p->last != -EAGAIN) {
		p->ended++;
		env_sock_close(sock);
	}
}

static void end_send(struct env_timer *timer)
{
	struct peer *p = hy_container_of(timer, struct peer, timer);
	char byte = 'x';
	if (p->sock.loop)
		env_sendv(&p->sock, &(struct iovec){&byte, 1}, 1);
}

static void end_main(struct env *env, void *arg)
{
	struct peer *p = arg;
	struct env_addr addr;
	NOTE(&p->noted, env_addr_parse("10.0.0.1:7600", &addr) == 0);
	NOTE(&p->noted, env_loop_create(env, &(struct env_loop_config){.name = "c"}, &p->loop) == 0);
	p->sock.on_event = end_event;
	p->timer.fn = end_send;
	NOTE(&p->noted, env_connect(p->loop, &addr, &p->sock) == 0);
	env_timer_set(p->loop, &p->timer, env_mono_us(env) + 20000000);
	NOTE(&p->noted, env_loop_start(p->loop) == 0);
	env_wait_terminate(env);
}

static void server_idle(struct env *env, void *arg)
{
	(void)arg;
	env_wait_terminate(env);
}

static const struct death_case {
	const char *label;
	bool power_cut, back, half_open;
	unsigned told_at_once; /* in 40 runs; all are told some time after they send */
} death_cases[] = {
	{"a killed process's kernel tells the peer", false, false, false, 40},
	{"unless the network swallows it", false, false, true, 0},
	{"after a power cut nothing comes, and a time-out ends it", true, false, false, 0},
	{"or a reset, when the machine is back", true, true, false, 0},
};

static void test_peer_of_dead(void **state)
{
	const struct death_case *c = *state;
	unsigned at_once = 0, later = 0;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world *w = world_make(seed);
		struct peer server = {0}, client = {0};
		sim_machine_start(w->server, many_loops_main, &server);
		sim_run(w->sim, sim_now_us(w->sim) + 100000, NULL, NULL);
		sim_machine_start(w->client, end_main, &client);
		sim_run(w->sim, sim_now_us(w->sim) + 100000, NULL, NULL);
		sim_faults(w->sim)->net_half_open = c->half_open ? 1000 : 0;
		if (c->power_cut)
			sim_machine_power_cut(w->server);
		else
			sim_machine_kill(w->server);
		sim_run(w->sim, sim_now_us(w->sim) + 1000000, NULL, NULL);
		at_once += client.ended;
		if (c->back)
			sim_machine_start(w->server, server_idle, NULL);
		sim_run(w->sim, sim_now_us(w->sim) + 100000000, NULL, NULL);
		later += client.ended;
		if (c->power_cut)
			assert_int_equal(client.last, c->back ? -ECONNRESET : -ETIMEDOUT);
		assert_int_equal(client.noted.failures, 0);
		world_end(w);
	}
	assert_int_equal(at_once, c->told_at_once);
	assert_int_equal(later, 40);
}

static void test_late_connection(void **state)
{
	(void)state;
	unsigned late = 0;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world *w = world_make(seed);
		w->total = 1000;
		sim_faults(w->sim)->net_dup_connect = 1000;
		run(w);
		assert_int_equal(w->out.end, WHOLE); /* late, but this client waits for five minutes */
		late += sim_now_us(w->sim) > 1001000000;
		world_end(w);
	}
	assert_in_range(late, 5, 40);
}

int main(void)
{
	struct CMUnitTest tests[32] = {
		{"a stream arrives whole and in order, however it is cut", test_whole_stream},
		{"under all faults a stream arrives in order, and whole or with an error", test_all_faults},
		{"a reader that does not read stops the sender at the bound of the buffers", test_slow_reader},
		{"a detached socket is closed as well", test_close_detached},
		{"faults of the network do not touch a Unix socket", test_unix_socket},
		{"what was sent during a short cut arrives after it", test_cut_heals},
		{"loops that share a listener share its connections", test_loops_share_listener},
		{"a connection may come about late", test_late_connection},
	};
	size_t count = 0;
	while (tests[count].name)
		count++;
	for (size_t i = 0; i < HY_COUNT_OF(connect_cases); i++)
		tests[count++] = (struct CMUnitTest){
			connect_cases[i].label, test_connect_error, NULL, NULL, (void *)&connect_cases[i]};
	for (size_t i = 0; i < HY_COUNT_OF(death_cases); i++)
		tests[count++] = (struct CMUnitTest){
			death_cases[i].label, test_peer_of_dead, NULL, NULL, (void *)&death_cases[i]};
	return _cmocka_run_group_tests("sim_net", tests, count, NULL, NULL);
}
